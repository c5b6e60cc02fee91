"""Reads a table of routing rules from TOML and says everything that is wrong with it. Pure."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.routing.conditions import check, nearest
from gateway.routing.facts import TABLES, WITH_QUEUE
from gateway.routing.model import Skills

BY_TOPIC = "@topic"
"""Instead of a queue: the one that the topic names."""
BY_ACCOUNT = "@account"
"""Instead of a queue: the one that the account names."""
DEFAULT = "default"
"""What stands where no filter matched; so no filter has this name."""
LONGEST_TIMEOUT = 30 * 24 * 3600
"""Seconds; a longer wait for a target is a slip of the pen."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SKILL = re.compile(r"[a-z][a-z0-9_.-]{0,39}", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z_.\s\"'-]+?)\s*\]\]?\s*(?:#.*)?$")
_LINE = re.compile(r"\(at line (\d+), ")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    line: int
    """From 1; 0 where it is not known."""
    where: str
    """'filter fraud, target 1, timeout'; '' for the whole file."""
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.reason}" if self.where else f"{place}{self.reason}"


class RulesError(GatewayError):
    """A table of rules, or of their tests, is wrong. `problems` holds every one of them."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__(f"{name}: {count}{lines}")

    def __reduce__(self) -> tuple[type["RulesError"], tuple[str, tuple[Problem, ...]]]:
        return RulesError, (self.name, self.problems)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an inquiry goes, and whom it needs there."""

    queue: str
    """An id, `BY_TOPIC` or `BY_ACCOUNT`."""
    priority: int | None = None
    """None: the queue's own."""
    urgent: bool | None = None
    """None: as the inquiry is."""
    needs: Skills | None = None
    """None: the queue's own skills at level 1. A table, also an empty one, stands for them."""
    prefers: Skills = field(default_factory=dict)
    language: str = ""
    """'required' or 'preferred': a skill `lang.<language>` beside the others."""
    timeout: float | None = None
    """Seconds until the next target applies; None: never."""
    skip_if: str = ""
    """A condition under which this target is passed over; it may name `queue`."""
    known_agent: bool = False
    """The agent whom the customer had last comes first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which inquiries, and their targets in order: each next one is what is relaxed then."""

    name: str
    when: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Checked rules. Plain text and numbers: they can be pickled, each process compiles its own
    conditions at first use."""

    filters: tuple[Filter, ...] = ()
    default: tuple[Target, ...] = ()
    """Where no filter matches. None of these either: the queue of the topic, of the account, else
    the default one."""
    version: str = ""
    """The beginning of the text's SHA-256: which rules decided."""


def load(text: str, queues: Collection[str], name: str = "rules.toml") -> Rules:
    """The rules of a text.

    Args:
        text: TOML: `[[filter]]` with `[[filter.target]]` below it, and `[[default]]` targets.
        queues: ids of all queues.
        name: of the file, for the message.

    Raises:
        RulesError: with everything that is wrong, each with its line.
    """
    data = parse(text, name)
    reader = _Reader(text, data, queues)
    rules = reader.rules(data)
    if reader.problems:
        raise RulesError(name, sorted(reader.problems, key=lambda found: found.line))
    return rules


def parse(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises `RulesError` with the line where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        line = int(found[1]) if (found := _LINE.search(said)) else text.count("\n") + 1
        raise RulesError(name, [Problem(line, "", f"is no TOML: {said}")]) from error


def duration(value: object) -> float:
    """Seconds of a number, or of '30s', '2m', '1h', '1h30m'. Raises `ValueError`."""
    seconds = 0.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and value and (found := _DURATION.fullmatch(value)):
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        seconds = float(hours * 3600 + minutes * 60 + rest)
    else:
        raise ValueError("expects a number of seconds, or a text such as '30s', '2m', '1h30m'")
    if not 1 <= seconds <= LONGEST_TIMEOUT:
        raise ValueError("expects between 1 second and 30 days")
    return seconds


class Lines:
    """On which line a table or a key of it stands, for messages.

    The parser of the standard library tells no lines, so headers are counted in the text; where
    the count is not the one parsed (inline tables, a header inside a text), no line is told.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._found: dict[tuple[str | int, ...], int] = {}
        self._counts: dict[str, int] = {}
        outer, inner = -1, dict[str, int]()
        for number, line in enumerate(self._lines, 1):
            if not (header := _HEADER.match(line)):
                continue
            path = "".join(header[2].split())
            self._counts[path] = self._counts.get(path, 0) + 1
            if "." in path:
                inner[path] = inner.get(path, -1) + 1
                self._found[path, outer, inner[path]] = number
            else:
                outer, inner = self._counts[path] - 1, {}
                self._found[path, outer] = number

    def agree(self, path: str, count: int) -> bool:
        """Whether as many headers of this table are in the text as were parsed."""
        return self._counts.get(path, 0) == count

    def of(self, path: str, at: Sequence[int], key: str = "") -> int:
        """The line of the header, or of a key below it where it is found; 0 where it is not."""
        start = self._found.get((path, *at), 0)
        if not start or not key:
            return start
        wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        for number, line in enumerate(self._lines[start:], start + 1):
            if _HEADER.match(line):
                break
            if wanted.match(line):
                return number
        return start


class _Reader:
    """Reads one text and collects what is wrong with it."""

    def __init__(self, text: str, data: Mapping[str, Any], queues: Collection[str]) -> None:
        self.problems: list[Problem] = []
        self._queues = queues
        self._lines = Lines(text)
        self._version = hashlib.sha256(text.encode()).hexdigest()[:12]
        filters = [f for f in _tables(data.get("filter")) or () if isinstance(f, dict)]
        targets = sum(len(_tables(f.get("target")) or ()) for f in filters)
        self._exact = {
            "filter": self._lines.agree("filter", len(filters)),
            "filter.target": self._lines.agree("filter.target", targets),
            DEFAULT: self._lines.agree(DEFAULT, len(_tables(data.get(DEFAULT)) or ())),
        }

    def rules(self, data: Mapping[str, Any]) -> Rules:
        for key in data:
            if key not in {"filter", DEFAULT}:
                self._add("", (), key, f"there is no such table{nearest(key, ('filter', DEFAULT))}")
        filters = self._list("filter", data.get("filter", []))
        default = self._list(DEFAULT, data.get(DEFAULT, []))
        read = [self._filter(at, table) for at, table in enumerate(filters)]
        self._names(read)
        targets = (
            self._target(DEFAULT, (at,), f"default {at + 1}", each)
            for at, each in enumerate(default)
        )
        return Rules(tuple(read), tuple(filter(None, targets)), self._version)

    def _filter(self, at: int, table: Mapping[str, Any]) -> Filter:
        name = table.get("name", "")
        where = f"filter {name}" if name and isinstance(name, str) else f"filter {at + 1}"
        for key in table:
            if key not in _FILTER_KEYS:
                self._add("filter", (at,), key, f"no such key{nearest(key, _FILTER_KEYS)}", where)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            expected = "expects lower-case letters, digits, '-' and '_', beginning with a letter"
            self._add("filter", (at,), "name", expected if name else "is missing", where)
        elif name == DEFAULT:
            self._add("filter", (at,), "name", "is the name of what no filter matches", where)
        when = table.get("when")
        if when is None:
            self._add("filter", (at,), "when", "is missing", where)
        for reason in _condition(when, TABLES) if when is not None else ():
            self._add("filter", (at,), "when", reason, where)
        raw = self._list("filter.target", table.get("target", []), at, where)
        if not raw:
            self._add("filter", (at,), "", "has no [[filter.target]]", where)
        targets = (
            self._target("filter.target", (at, inner), f"{where}, target {inner + 1}", each)
            for inner, each in enumerate(raw)
        )
        return Filter(str(name), str(when), tuple(filter(None, targets)))

    def _names(self, filters: Sequence[Filter]) -> None:
        """No name twice, and nothing after a filter that always matches."""
        seen: dict[str, int] = {}
        always = ""
        for at, each in enumerate(filters):
            where = f"filter {each.name}"
            if each.name in seen:
                first = self._lines.of("filter", (seen[each.name],), "name")
                known = f"line {first}" if first and self._exact["filter"] else "another filter"
                self._add("filter", (at,), "name", f"is also the name of {known}", where)
            if always:
                reason = f"is never reached: filter {always} before it always matches"
                self._add("filter", (at,), "", reason, where)
            seen.setdefault(each.name, at)
            always = always or (each.name if each.when.strip() == "true" else "")

    def _target(
        self, path: str, at: tuple[int, ...], where: str, table: Mapping[str, Any]
    ) -> Target | None:
        read: dict[str, Any] = {}
        before = len(self.problems)
        if "queue" not in table:
            self._add(path, at, "queue", "is missing", where)
        for key, value in table.items():
            if key == "queue":
                reasons = self._queue(value)
            elif key == "skip_if":
                reasons = _condition(value, WITH_QUEUE)
            elif key not in _READ:
                reasons = [f"no such key{nearest(key, _TARGET_KEYS)}"]
            else:
                reasons = []
                try:
                    value = _READ[key](value)  # noqa: PLW2901 - what was read takes its place
                except (TypeError, ValueError) as error:
                    reasons = [str(error)]
            for reason in reasons:
                self._add(path, at, key, reason, where)
            read[key] = value
        return Target(**read) if len(self.problems) == before else None

    def _queue(self, value: object) -> list[str]:
        known = (*self._queues, BY_TOPIC, BY_ACCOUNT)
        if not isinstance(value, str):
            return ["expects the id of a queue"]
        return [] if value in known else [f"there is no queue {value!r}{nearest(value, known)}"]

    def _list(
        self, path: str, value: object, at: int = 0, where: str = ""
    ) -> list[Mapping[str, Any]]:
        tables = _tables(value)
        if tables is None or not all(isinstance(each, dict) for each in tables):
            reason = f"expects tables: [[{path}]]"
            self._add("filter" if where else "", (at,) if where else (), "target", reason, where)
            return []
        return tables

    def _add(self, path: str, at: tuple[int, ...], key: str, reason: str, where: str = "") -> None:
        exact = bool(path) and self._exact[path]
        if path == "filter.target":
            exact = exact and self._exact["filter"]
        line = self._lines.of(path, at, key) if exact else 0
        if not path:
            line = self._lines.of(key, (0,))
        place = ", ".join(filter(None, (where, key)))
        self.problems.append(Problem(line, place, reason))


def _tables(value: object) -> list[Any] | None:
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else None


def _condition(value: object, tables: Mapping[str, type]) -> list[str]:
    return check(value, tables) if isinstance(value, str) else ["expects a condition in quotes"]


def _priority(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 9:
        raise ValueError("expects a whole number from 0 (first) to 9 (last)")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expects true or false")
    return value


def _skills(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise TypeError("expects a table of skills with levels: { fraud = 2 }")
    for name, level in value.items():
        if not _SKILL.fullmatch(name):
            raise ValueError(f"{name!r}: a skill has letters, digits, '.', '-' and '_'")
        if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 9:
            raise ValueError(f"{name}: expects a level from 1 to 9")
    return dict(sorted(value.items()))


def _language(value: object) -> str:
    if value not in ("required", "preferred"):
        raise ValueError("expects 'required' or 'preferred'")
    return str(value)


_FILTER_KEYS = ("name", "when", "target")
_READ: Mapping[str, Callable[[object], Any]] = {
    "priority": _priority,
    "urgent": _flag,
    "needs": _skills,
    "prefers": _skills,
    "language": _language,
    "timeout": duration,
    "known_agent": _flag,
}
_TARGET_KEYS = ("queue", "skip_if", *_READ)
