"""Reads the knowledge base, its topics, examples and answers, from the templates folder.

    knowledge.toml                      languages, and the brand facts and tables templates may use
    topics/<topic>/topic.toml           title, queue, risk …
                  /examples.<lang>.txt  one question per line, as customers write them
                  /phrases.<lang>.txt   what the topic's rule listens for (optional)
                  /long.<lang>.md.j2    the answer, by form: long, short, voice (optional)
              /long.<variant>.<lang>.md.j2   the same for a time or a version of the app
    brands/<brand>/topics/<topic>/…     answers of one brand that differ
    slots.toml                          what agents need to know, and how messages tell it
    traditional/<script>.txt            Chinese words that a conversion gets wrong (optional)
    notices/<name>/<form>.<lang>.md.j2  acknowledgement, questions back and the like
    background/<name>.<lang>.txt        lines that carry no topic: greetings, signatures …
    dialogue/yes|no.<lang>.txt          how customers say that an answer did or did not help
            /choices.<lang>.toml        how they name one of several options, or none
            /steps.<lang>.toml          the steps of the check-lists: titles, how they are said done

Everything is checked while it is read: what is wrong stops the start, with the file and the cure.
"""

import difflib
import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gateway.answers.checklist import read_choices, read_steps
from gateway.answers.faults import KnowledgeError
from gateway.answers.knowledge import BACKGROUND, Knowledge, Topic
from gateway.answers.phrases import Phrases
from gateway.answers.promising import WORKING_DAYS, wrong_dates
from gateway.answers.rendering import VARIABLES, Source, inspect
from gateway.answers.script import read_words
from gateway.answers.slots import read_slots
from gateway.answers.tables import Declared, declared_in
from gateway.answers.text import normalise
from gateway.answers.variants import Answers, Variant, read_variants

FORMS = ("long", "short", "voice")
REQUIRED_FORMS = ("long", "short")
RISKS = ("normal", "high")
#: What a topic's rule does when its phrases are found; '' for topics that are only matched.
CONTROLS = (
    "",
    "person",
    "callback",
    "complaint",
    "safety",
    "danger",
    "guarded",
    "status",
    "contact",
    "thanks",
)
#: Notices the decision relies on.
NOTICES = (
    "automatic",
    "solved_question",
    "way_to_person",
    "follow_up",
    "acknowledge",
    "not_solved",
    "which_brand",
    "which_topic",
    "which_first",
    "try_steps",
    "left_out",
    "steps_done",
    "also_mentioned",
    "missing",
    "redacted",
    "public",
    "promise_passed",
    "announcement_over",
    "waiting",
)
#: What single notices are given besides the usual variables.
GIVEN = {
    "notices/promise_passed": frozenset({"matter", "promised"}),
    "notices/waiting": frozenset({"kind", "first", "place", "time", "opens", "offers"}),
}


def load(folder: Path, reader: "Reader | None" = None) -> Knowledge:
    """Read and check the knowledge base. Raises `KnowledgeError` for the first thing wrong, unless
    `reader` does something else about it."""
    reader = reader or Reader(folder)
    settings = reader.toml("knowledge.toml", {"languages": list, "facts": dict, "tables": dict})
    languages = tuple(settings.get("languages", ()))
    if not languages:
        reader.wrong(folder / "knowledge.toml", 'languages is missing; e.g. ["zh-CN","en"]')
    facts = frozenset(settings.get("facts", {}))
    if unusable := sorted(facts & set(dir(dict))):
        reader.wrong(
            folder / "knowledge.toml", f"a fact cannot be called {unusable[0]!r}; rename it"
        )
    reader.languages, reader.facts = languages, facts
    reader.tables = declared_in(folder / "knowledge.toml", settings.get("tables", {}))
    reader.working_days = reader.promised(settings.get("facts", {}))
    topics = {name: reader.topic(name) for name in reader.folders("topics")}
    if not topics:
        reader.wrong(folder / "topics", "no topic found; every topic is a folder here")
    reader.check_examples(topics)
    return Knowledge(
        languages=languages,
        facts=facts,
        working_days=reader.working_days,
        topics=topics,
        notices={name: reader.answers(f"notices/{name}", REQUIRED_FORMS) for name in NOTICES},
        overrides=reader.overrides(topics),
        background={
            f"{BACKGROUND}{name}": lines for name, lines in reader.texts("background").items()
        },
        yes=Phrases.of(reader.all_languages("dialogue/yes")),
        no=Phrases.of(reader.all_languages("dialogue/no")),
        tables=reader.tables,
        slots=read_slots(
            folder / "slots.toml",
            reader.toml,
            languages,
            (slot for topic in topics.values() for slot in topic.slots),
        ),
        words=read_words(folder, partial(reader.lines, required=False)),
        choices=read_choices(reader.toml, languages),
        steps=read_steps(reader.toml, languages, topics.values()),
        version=reader.digest(),
    )


class Reader:
    """Reads files under one folder and remembers their bytes for the version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.languages: tuple[str, ...] = ()
        self.facts: frozenset[str] = frozenset()
        self.tables: Mapping[str, Declared] = {}
        self.working_days: frozenset[str] = frozenset()
        self._hash: dict[str, bytes] = {}

    def wrong(self, path: Path | str, detail: str, cause: Exception | None = None) -> None:
        """What is done about something wrong. Raises `KnowledgeError`."""
        raise KnowledgeError(path, detail) from cause

    def digest(self) -> str:
        """16 hexadecimal digits over the names and bytes of every file read."""
        whole = hashlib.sha256()
        for name in sorted(self._hash):
            data = self._hash[name]
            whole.update(f"{name}\0{len(data)}\0".encode())
            whole.update(data)
        return whole.hexdigest()[:16]

    def folders(self, name: str) -> list[str]:
        where = self.folder / name
        return sorted(p.name for p in where.iterdir() if p.is_dir()) if where.is_dir() else []

    def promised(self, facts: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
        """The facts that are marked as promises in working days."""
        for name, fact in facts.items():
            if "promise" in fact:
                at = self.folder / "knowledge.toml"
                self._one_of(at, f"facts.{name}.promise", fact["promise"], [WORKING_DAYS])
        return frozenset(name for name, fact in facts.items() if "promise" in fact)

    def topic(self, name: str) -> Topic:
        """One topic folder."""
        path = f"topics/{name}"
        raw = self.toml(f"{path}/topic.toml", _TOPIC_KEYS)
        at = self.folder / path / "topic.toml"
        titles = raw.get("title", {})
        for language in self.languages:
            if not isinstance(titles.get(language), str):
                self.wrong(at, f'title in {language} is missing; add [title] "{language}"')
        risk = self._one_of(at, "risk", raw.get("risk", "normal"), RISKS)
        control = self._one_of(at, "control", raw.get("control", ""), CONTROLS)
        for fact in raw.get("promises", ()):
            self._one_of(at, "promises", fact, sorted(self.facts))
        examples = {
            language: self.lines(f"{path}/examples.{language}.txt", required=not control)
            for language in self.languages
        }
        phrases = self.all_languages(f"{path}/phrases", required=bool(control))
        variants = read_variants(at, raw.get("variants", []))
        return Topic(
            id=name,
            titles=titles,
            queue=raw.get("queue", ""),
            high_risk=risk == "high",
            urgent=raw.get("urgent", False),
            control=control,
            slots=tuple(raw.get("slots", ())),
            checklist=tuple(raw.get("checklist", ())),
            stepwise=raw.get("stepwise", False),
            hand_over=raw.get("hand_over", False),
            promises=tuple(raw.get("promises", ())),
            examples=examples,
            phrases=Phrases.of(phrases) if phrases else None,
            answers=self.answers(path, REQUIRED_FORMS, variants, raw.get("promises", ())),
            variants=variants,
        )

    def answers(
        self,
        path: str,
        required: Sequence[str],
        variants: Sequence[Variant] = (),
        promises: Sequence[str] = (),
    ) -> Answers:
        """The templates of a folder by (language, form). `promises`: of its topic."""
        found: dict[tuple[str, str], Source] = {}
        own = [f"{form}.{variant.name}" for variant in variants for form in FORMS]
        for language in self.languages:
            for form in (*FORMS, *own):
                name = f"{path}/{form}.{language}.md.j2"
                text = self.text(name, required=form.partition(".")[0] in required)
                if text is None:
                    continue
                known = VARIABLES | GIVEN.get(path, frozenset())
                found[language, form] = self.source(name, text, promises, known)
        return found

    def source(
        self, name: str, text: str, promises: Sequence[str], known: frozenset[str]
    ) -> Source:
        """One template. `promises`: of its topic; `known`: the variables it is given."""
        source, problems = self.inspected(name, text, promises, known)
        for problem in problems:
            self.wrong(self.folder / name, problem)
        return source

    def inspected(
        self, name: str, text: str, promises: Sequence[str], known: frozenset[str]
    ) -> tuple[Source, list[str]]:
        """A template and everything that is wrong with it."""
        source, problems = inspect(name, text, self.facts, self.tables, known)
        return source, problems or wrong_dates(source, promises, self.working_days)

    def overrides(self, topics: Mapping[str, Topic]) -> dict[str, dict[str, Answers]]:
        """The answers of single brands."""
        found: dict[str, dict[str, Answers]] = {}
        for brand in self.folders("brands"):
            own = self.folders(f"brands/{brand}/topics")
            for topic in own:
                at = self.folder / "brands" / brand / "topics" / topic
                self._one_of(at, "topic", topic, sorted(topics))
                if (at / "topic.toml").exists():
                    self.wrong(
                        at / "topic.toml", "a brand can change answers only; remove this file"
                    )
            found[brand] = {
                t: self.answers(
                    f"brands/{brand}/topics/{t}", (), topics[t].variants, topics[t].promises
                )
                for t in own
                if t in topics
            }
        return found

    def texts(self, path: str) -> dict[str, tuple[str, ...]]:
        """`<path>/<name>.<lang>.txt` as name → lines of all languages."""
        where = self.folder / path
        names = sorted({p.name.split(".")[0] for p in where.glob("*.txt")})
        if not names:
            self.wrong(where, "no background lines; add boilerplate.<lang>.txt")
        return {name: tuple(self.all_languages(f"{path}/{name}")) for name in names}

    def all_languages(self, path: str, *, required: bool = True) -> list[str]:
        """The lines of `<path>.<lang>.txt` of every language."""
        return [
            line
            for language in self.languages
            for line in self.lines(f"{path}.{language}.txt", required=required)
        ]

    def lines(self, name: str, *, required: bool = True) -> tuple[str, ...]:
        """Lines that are neither empty nor a `# remark`."""
        text = self.text(name, required=required) or ""
        stripped = (line.strip() for line in text.splitlines())
        return tuple(line for line in stripped if line and not line.startswith("# "))

    def toml(self, name: str, keys: Mapping[str, type]) -> dict[str, Any]:
        text = self.text(name)
        raw: dict[str, Any] = {}
        try:
            raw = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            self.wrong(self.folder / name, f"is not valid TOML: {error}", error)
        for key, value in list(raw.items()):
            self._one_of(self.folder / name, "key", key, list(keys))
            if key in keys and not isinstance(value, keys[key]):
                self.wrong(
                    self.folder / name, f"{key} must be a {keys[key].__name__}, not {value!r}"
                )
                del raw[key]
        return raw

    def text(self, name: str, *, required: bool = True) -> str | None:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            if not required:
                return None
            self.wrong(path, "is missing; add it", error)
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.wrong(path, "is not UTF-8; save it as UTF-8", error)
            text = data.decode("utf-8", "replace")
        self._hash[name] = data
        return text

    def check_examples(self, topics: Mapping[str, Topic]) -> None:
        """The same question under two topics can be answered by neither."""
        seen: dict[str, str] = {}
        for topic in topics.values():
            for example in (e for examples in topic.examples.values() for e in examples):
                other = seen.setdefault(normalise(example), topic.id)
                if other != topic.id:
                    self.wrong(
                        f"topics/{topic.id}",
                        f"the example {example!r} also stands under {other}; keep it in one",
                    )

    def _one_of(self, path: Path, what: str, value: str, allowed: Iterable[str]) -> str:
        choices = list(allowed)
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(choices)}"
            self.wrong(path, f"{what} {value!r} is not known; {advice}")
        return value


class Trusting(Reader):
    """Reads what was checked before, as the copies of `Versions` are: a template is looked at when it is
    first used."""

    def inspected(
        self, name: str, text: str, *_: Sequence[str] | frozenset[str]
    ) -> tuple[Source, list[str]]:
        """The template."""
        return Source(name, text), []


_TOPIC_KEYS: Mapping[str, type] = {
    "title": dict,
    "queue": str,
    "risk": str,
    "urgent": bool,
    "control": str,
    "slots": list,
    "checklist": list,
    "stepwise": bool,
    "hand_over": bool,
    "promises": list,
    "variants": list,
}
