"""A question together with what follows from it at once: language, brand, the text to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.answers.script import script_of
from gateway.answers.text import is_reply_subject, normalise, script_language
from gateway.answers.variants import app_version
from gateway.domain.decision import Question
from gateway.domain.model import JSON, Brand

#: Characters of a message that are looked at; the rest of a longer one cannot change the decision.
MAX_TEXT = 10_000
#: Words from which a stated language that nobody serves is believed; on fewer, detectors guess.
WORDS_TO_BELIEVE = 4
#: Characters up to which a reply keeps the language of its dialogue.
SHORT_REPLY = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What the policy works on. `language` is one of the knowledge base, whatever was written in."""

    question: Question
    text: str
    subject: str
    language: str
    served: bool
    """False when the customer writes a language that the knowledge base does not have."""
    brand: Brand | None
    must_ask_brand: bool
    """Several brands, and nothing says which."""
    script: str = ""
    """'zh-TW' or 'zh-HK' where the customer writes traditional Chinese, else ''."""
    app: str = ""
    """Version of the customer's app, '' where nothing tells."""

    @property
    def brand_id(self) -> str:
        return self.brand.id if self.brand else ""

    @property
    def rule_text(self) -> str:
        """What rules listen to: subject and text."""
        return f"{self.subject}\n{self.text}" if self.subject else self.text

    @property
    def looked_up(self) -> str:
        """Where rows of the brand's tables are named: what is said now, and what was said before a
        question of ours."""
        asked = bool(self.question.dialogue.get("pending"))
        return "\n".join([self.rule_text, *map(str, self.items("named") if asked else ())])

    def items(self, key: str) -> list[JSON]:
        """A list of the dialogue, [] when it is not there."""
        value = self.question.dialogue.get(key)
        return list(value) if isinstance(value, list | tuple) else []

    def kept(self) -> dict[str, JSON]:
        """What of the dialogue outlives this decision: what was answered, sent and done, not the
        pending question."""
        kept: dict[str, JSON] = {
            key: value
            for key, value in self.question.dialogue.items()
            if key in {"topic", "answered", "given", "done", "later"}
        }
        kept |= {"script": self.script} if self.script else {}
        kept |= {"app": self.app} if self.app else {}
        kept["language"] = self.language
        if self.brand_id:
            kept["brand"] = self.brand_id
        return kept

    def names(self, key: str) -> list[str]:
        """A list of names of the dialogue."""
        return [str(item) for item in self.items(key)]

    def remember(self, **changes: JSON) -> "Case":
        """The same case with another dialogue; what becomes '' or [] is forgotten."""
        dialogue = {**self.question.dialogue, **changes}
        kept = {key: value for key, value in dialogue.items() if value not in ("", [])}
        return replace(self, question=replace(self.question, dialogue=kept))

    def with_brand(self, brand: Brand) -> "Case":
        """The same case once the brand is known."""
        return replace(self, brand=brand, must_ask_brand=False)


def make_case(question: Question, brands: Mapping[str, Brand], languages: Sequence[str]) -> Case:
    """Work out language and brand; a follow-up's or reply's subject is old news and left out."""
    text = question.text[:MAX_TEXT]
    old = bool(question.dialogue) or is_reply_subject(question.subject)
    subject = "" if old else question.subject[:MAX_TEXT]
    language, served = _language(question, f"{subject}\n{text}", languages)
    brand = _brand(question, f"{subject}\n{text}", brands)
    script = ""
    if language.startswith("zh"):
        script = script_of(
            text or subject, question.language, str(question.dialogue.get("script", ""))
        )
    return Case(
        question=question,
        text=text,
        subject=subject,
        language=language,
        served=served,
        brand=brand,
        must_ask_brand=brand is None and len(brands) > 1,
        script=script,
        app=question.app_version
        or app_version(normalise(f"{subject}\n{text}"))
        or str(question.dialogue.get("app", "")),
    )


def _language(question: Question, text: str, languages: Sequence[str]) -> tuple[str, bool]:
    """The language to answer in, and whether it is the customer's own."""
    spoken = str(question.dialogue.get("language", ""))
    choosing = question.dialogue.get("pending") in {"brand?", "topic?"}
    if spoken in languages and (choosing or len(text.strip()) <= SHORT_REPLY):
        # "2", "ok" or an app's name says nothing about the language of the conversation.
        return spoken, True
    by_base = {language.split("-")[0]: language for language in reversed(languages)}
    base = question.language.replace("_", "-").split("-")[0].lower()
    # Cantonese and Wu are what detectors call short Chinese texts.
    if own := by_base.get({"yue": "zh", "wuu": "zh"}.get(base, base)):
        return own, True
    script = script_language(text)
    if not script:
        return (spoken if spoken in languages else languages[0]), True
    guess = by_base.get(script.split("-")[0], "")
    believed = bool(base) and len(text.split()) >= WORDS_TO_BELIEVE
    return guess or by_base.get("en", languages[0]), bool(guess) and not believed


def _brand(question: Question, text: str, brands: Mapping[str, Brand]) -> Brand | None:
    """The stated brand, the one agreed in the dialogue, the only one, or the only one named."""
    for known in (question.brand, str(question.dialogue.get("brand", ""))):
        if known in brands:
            return brands[known]
    if len(brands) == 1:
        return next(iter(brands.values()))
    clean = normalise(text)
    named = [
        brand
        for brand in brands.values()
        if any(normalise(n) in clean for n in (brand.name, *brand.names.values()) if n)
    ]
    return named[0] if len(named) == 1 else None
