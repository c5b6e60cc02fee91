"""Rules about what templates say: safe advice, the brand's own numbers only, fit for their channel."""

import re
from collections.abc import Iterator

from gateway.answers.every_text import every_text
from gateway.answers.length import MOST_SEGMENTS
from gateway.answers.lint_reading import EXAMPLE_BRAND, Finding, Material, Severity, line_of
from gateway.answers.rendering import RenderError
from gateway.answers.unsafe import is_secret_slot, unsafe
from gateway.answers.wording import Wording
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.segments import segments, strange

_TAG = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
#: What cannot be spoken: marks of lists and mark-up, symbols, links, addresses.
_LINK = re.compile(r"https?:|www\.|\S@\S|\b[\w-]+\.(?:com|cn|net|org|io)\b", re.IGNORECASE)
_LIST = re.compile(r"(?m)^\s*(?:[-*•·]|\d+[.)、]|[①-⑳])\s*|[①-⑳]|(?<!\d)\d\)")
_SYMBOL = re.compile(r"[*_#`~^|<>\[\]{}\\/=+@&→…“”‘’\"()（）]")
#: Facts that are links or addresses: nobody can write them down from hearing.
_UNSPEAKABLE = ("_url", "mailbox", "download", "community")


def literals(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a template as they stand, without its tags, with their numbers."""
    bare = _TAG.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    return ((number, line) for number, line in enumerate(bare.splitlines(), 1) if line.strip())


def unsafe_advice(material: Material) -> Iterator[Finding]:
    """A password, a code, a card or ID number is asked for, or advice harms who follows it."""
    for path, text in material.templates():
        for number, line in literals(text):
            for harm, words in unsafe(line):
                severity = Severity.WARNING if harm.doubtful else Severity.ERROR
                yield Finding(
                    path, number, "unsafe", severity, f"{harm.what} ({words!r})", harm.cure
                )
    for topic in material.knowledge.topics.values():
        path = f"topics/{topic.id}/topic.toml"
        for slot in filter(is_secret_slot, topic.slots):
            yield Finding(
                path, line_of(material.files.get(path, ""), f'"{slot}"'), "unsafe",
                Severity.ERROR, f"the slot {slot!r} asks for a secret", "take it out of slots",
            )  # fmt: skip


def foreign_numbers(material: Material) -> Iterator[Finding]:
    """A number, link or address in a finished text that is not a fact of the brand, however it is
    written."""
    told: set[tuple[str, str]] = set()
    for _, path, brand, text in _finished(material, ("long", "short", "voice")):
        why = refusal(text, Allowed.of_brand(material.all_brands()[brand]))
        if why and (path, why) not in told:
            told.add((path, why))
            what, _, cure = why.partition("; ")
            yield Finding(path, 1, "literal", Severity.ERROR, f"for brand {brand}: {what}", cure)


def long_sms(material: Material) -> Iterator[Finding]:
    """A short form over two SMS, with a brand's own facts and all that is added to it."""
    for language, path, brand, text in _finished(material, ("short",)):
        if (count := segments(text).parts) <= MOST_SEGMENTS:
            continue
        odd = "" if language.startswith("zh") else strange(text)
        why = f" because of {odd!r}, which the SMS alphabet does not have," if odd else ""
        yield Finding(
            path, 1, "sms", Severity.ERROR,
            f"for brand {brand} takes {count} SMS,{why} with what is added to it"
            f" ({len(text)} characters)",
            "write it with other characters, here or in the brand's facts" if odd
            else "shorten it, or the brand's facts in it",
        )  # fmt: skip


def spoken(material: Material) -> Iterator[Finding]:
    """A spoken form that is missing, or that cannot be spoken."""
    knowledge = material.knowledge
    for topic in knowledge.topics.values():
        for language in knowledge.languages:
            if (language, "voice") not in topic.answers:
                yield Finding(
                    f"topics/{topic.id}/voice.{language}.md.j2", 0, "voice", Severity.WARNING,
                    "is missing: the short form is spoken instead", "add it",
                )  # fmt: skip
    for path, text in material.templates():
        if not path.rpartition("/")[2].startswith("voice."):
            continue
        for number, line in literals(text):
            for what, pattern in (("a link", _LINK), ("a list", _LIST), ("a symbol", _SYMBOL)):
                if found := pattern.search(line):
                    yield Finding(
                        path, number, "voice", Severity.ERROR,
                        f"has {what} ({found[0].strip()!r}), which nobody can hear",
                        "say it in words",
                    )  # fmt: skip
                    break
        for fact in sorted(set(re.findall(r"brand\.(\w+)", text))):
            if fact.endswith(_UNSPEAKABLE):
                yield Finding(
                    path, line_of(text, f"brand.{fact}"), "voice", Severity.ERROR,
                    f"speaks the address {fact!r}", "say where it is found instead",
                )  # fmt: skip


def _finished(material: Material, forms: tuple[str, ...]) -> Iterator[tuple[str, str, str, str]]:
    """(language, path, brand, text) of every text for every brand, as it is sent."""
    knowledge, wording = material.knowledge, Wording(material.knowledge)
    names = {
        language: [b.names.get(language, b.name) for b in material.brands.values()]
        for language in knowledge.languages
    }
    for brand_id, brand in material.all_brands().items():
        for language in knowledge.languages:
            for form in forms:
                asked = names[language] if brand_id != EXAMPLE_BRAND else []
                texts = every_text(knowledge, wording, brand, language, form, names=asked)
                try:
                    for path, text in texts:
                        yield language, path, brand_id, text
                except RenderError:
                    # An unknown value: the rule about variables names it.
                    continue
