"""Reads a knowledge base to its end, however much is wrong with it, and remembers where what stands."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from gateway.answers.faults import KnowledgeError
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.loading import Reader, load
from gateway.answers.rendering import Source
from gateway.answers.variants import Answers, Variant
from gateway.domain.errors import GatewayError
from gateway.domain.model import JSON, Brand

#: A fact as `knowledge.toml` shows it; the brand that has all of these is always looked at.
EXAMPLE_BRAND = "(examples)"

_QUOTED = re.compile(r"'([^']+)'")
_AT_LINE = re.compile(r"at line (\d+)")


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """It must not go live; the exit code says so."""
    WARNING = "warning"
    """An editor should look at it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, where it stands, and what to do."""

    path: str
    """Of the file: below the templates folder, or of the settings."""
    line: int
    """From 1; 0 where it is about no single line."""
    rule: str
    severity: Severity
    text: str
    cure: str

    @property
    def place(self) -> str:
        """'file:line'."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Material:
    """What the rules look at."""

    folder: Path
    knowledge: Knowledge
    """As far as it could be read; a text that is missing or broken is an empty one."""
    files: Mapping[str, str]
    """Every text that was read, by its path below the folder."""
    brands: Mapping[str, Brand]
    """The configured ones."""
    examples: Brand
    """A brand that sets every fact to its example."""
    settings: tuple[str, str] = ("settings", "")
    """The settings file's name and text."""
    found: Sequence[Finding] = ()
    """What was noticed while reading."""

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The lines of a list file that say something, with their numbers."""
        for number, line in enumerate(self.files.get(name, "").splitlines(), 1):
            if (text := line.strip()) and not text.startswith("# "):
                yield number, text

    def all_brands(self) -> dict[str, Brand]:
        """The configured brands and the one of the examples."""
        return {**self.brands, EXAMPLE_BRAND: self.examples}

    def templates(self) -> Iterator[tuple[str, str]]:
        """Path and text of every template."""
        return ((name, text) for name, text in self.files.items() if name.endswith(".j2"))


def read(
    folder: Path,
    brands: Mapping[str, Brand],
    settings: tuple[str, str] = ("settings", ""),
) -> Material:
    """Read all of it."""
    reader = _Collecting(folder)
    try:
        knowledge = load(folder, reader)
    except KnowledgeError as error:
        # A part that has no way round its own mistake.
        reader.wrong(error.path, str(error).removeprefix(f"{error.path}: "), error)
        raise Unreadable(reader.found) from error
    return Material(
        folder, knowledge, reader.texts_read, brands, _example_brand(reader), settings, reader.found
    )


class Unreadable(GatewayError):
    """Something is so wrong that no rule can look; what was found until then."""

    def __init__(self, found: Sequence[Finding]) -> None:
        super().__init__("the other rules cannot look before that is mended")
        self.found = list(found)


def line_of(text: str, *words: str) -> int:
    """The first line that has one of these words, the first word before the others; 1 for none."""
    for word in words:
        for number, line in enumerate(text.splitlines(), 1):
            if word and word in line:
                return number
    return 1


@dataclass
class _Collecting(Reader):
    """Goes on after a mistake. What depends on it gets something harmless instead."""

    folder: Path
    found: list[Finding] = field(default_factory=list)
    texts_read: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.folder)

    def wrong(self, path: Path | str, detail: str, cause: Exception | None = None) -> None:
        name = str(path).removeprefix(f"{self.folder}/")
        at = _AT_LINE.search(detail)
        text, _, cure = detail.partition("; ")
        line = 0
        if at:
            line = int(at[1])
        elif name in self.texts_read:
            line = line_of(self.texts_read[name], *_QUOTED.findall(text))
        rule = "missing" if "missing" in text else "file"
        self._add(name, line, rule, text, cure or (f"{cause}" if cause else "mend it"))

    def text(self, name: str, *, required: bool = True) -> str | None:
        found = super().text(name, required=required)
        if found is not None:
            self.texts_read[name] = found
        return found

    def source(
        self, name: str, text: str, promises: Sequence[str], known: frozenset[str]
    ) -> Source:
        """Every problem of the template; a text of its own for whatever cannot be rendered."""
        source, problems = self.inspected(name, text, promises, known)
        spoilt = False
        for problem in problems:
            what, _, cure = problem.partition("; ")
            rule = next(
                (rule for start, rule in _RULE_OF.items() if what.startswith(start)), "file"
            )
            if rule == "unsafe":
                continue  # the rule about advice says it, with its line
            spoilt |= rule in {"variable", "file"}
            line = line_of(text, *_QUOTED.findall(what))
            self._add(name, line, rule, what, cure or "correct the template")
        return Source(name, "") if spoilt else source

    def answers(
        self,
        path: str,
        required: Sequence[str],
        variants: Sequence[Variant] = (),
        promises: Sequence[str] = (),
    ) -> Answers:
        found = dict(super().answers(path, required, variants, promises))
        for language in self.languages:
            for form in required:
                name = f"{path}/{form}.{language}.md.j2"
                found.setdefault((language, form), Source(name, ""))
        return found

    def topic(self, name: str) -> Topic:
        topic = super().topic(name)
        titles = {lang: str(topic.titles.get(lang) or name) for lang in self.languages}
        return replace(topic, titles=titles)

    def overrides(self, topics: Mapping[str, Topic]) -> dict[str, dict[str, Answers]]:
        known = super().overrides(topics)
        return {
            brand: {topic: answers for topic, answers in own.items() if topic in topics}
            for brand, own in known.items()
        }

    def check_examples(self, topics: Mapping[str, Topic]) -> None:
        """The rule about duplicates does it, with both lines."""

    def _add(self, name: str, line: int, rule: str, text: str, cure: str) -> None:
        self.found.append(Finding(name, line, rule, Severity.ERROR, text, cure))


#: How `inspect` begins its sentences, and whose rule each is.
_RULE_OF = {
    "unknown variable": "variable",
    "unknown brand fact": "variable",
    "hands on": "variable",
    "contains": "literal",
    "asks for": "unsafe",
}


def _example_brand(reader: _Collecting) -> Brand:
    try:
        declared = tomllib.loads(reader.texts_read.get("knowledge.toml", "")).get("facts", {})
    except tomllib.TOMLDecodeError:
        declared = {}
    facts: dict[str, JSON] = {
        name: fact["example"]
        for name, fact in declared.items()
        if isinstance(fact, dict) and "example" in fact
    }
    names = {"zh-CN": "示例钱包", "en": "Example Wallet"}
    return Brand(EXAMPLE_BRAND, "Example Wallet", facts, names)
