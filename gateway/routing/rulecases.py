"""Tests of rules that an operator writes: facts in, expected placement out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from gateway.domain.model import JSON, Queue
from gateway.routing.conditions import nearest
from gateway.routing.facts import TABLES, Facts, QueueFacts, TimeFacts, names
from gateway.routing.placement import Placement, Turn, next_step, place
from gateway.routing.rules import Lines, Problem, Rules, RulesError, duration, parse

_CASE_KEYS = ("name", "expect", "queue", *TABLES)
_EXPECTED = (
    "filter",
    "queue",
    "queues",
    "priority",
    "urgent",
    "needs",
    "prefers",
    "timeout",
    "known_agent",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one case."""

    name: str
    ok: bool
    expected: Mapping[str, JSON]
    got: Mapping[str, JSON]
    """The same keys as of `expected`."""
    placement: Placement


def run_cases(
    rules: Rules,
    queues: Mapping[str, Queue],
    default: str,
    text: str,
    *,
    topics: Mapping[str, str] | None = None,
    accounts: Mapping[str, str] | None = None,
    name: str = "cases.toml",
) -> list[Checked]:
    """Run the cases of a text.

    Args:
        rules: to be tested.
        queues: all queues by id.
        default: the queue for everything else.
        text: TOML of `[[case]]` tables: `name`, `expect` and, where the case says something of
            them, inquiry, contact, brand, case, time; `queue.<id>` is how a queue stands, for
            `skip_if`. What is not said is empty; every queue not spoken of has one free agent.
        topics: the queue that each topic names.
        accounts: the queue that each account names.
        name: of the file, for the message.

    Raises:
        RulesError: with every mistake in the cases themselves.
    """
    data = parse(text, name)
    reader = _Reader(text, data, queues)
    if reader.problems:
        raise RulesError(name, reader.problems)
    done = []
    for title, facts, states, expected in reader.cases:
        found = place(
            rules,
            facts,
            queues,
            default,
            topic=(topics or {}).get(facts.inquiry.topic, ""),
            account=(accounts or {}).get(facts.inquiry.account, ""),
        )
        turn = next_step(found.steps, None, facts, states, found.filter)
        all_of_it = _got(found, turn)
        got = {key: all_of_it[key] for key in expected}
        done.append(Checked(title, got == dict(expected), expected, got, found))
    return done


def _got(found: Placement, turn: Turn) -> dict[str, JSON]:
    return {
        **turn.step.as_values(),
        "timeout": turn.timeout,
        "filter": found.filter,
        "queues": [step.queue for step in found.steps],
    }


class _Reader:
    """Reads the cases of one text and collects what is wrong with them."""

    def __init__(self, text: str, data: Mapping[str, Any], queues: Mapping[str, Queue]) -> None:
        self.problems: list[Problem] = []
        self.cases: list[tuple[str, Facts, dict[str, QueueFacts], dict[str, JSON]]] = []
        self._queues = queues
        self._lines = Lines(text)
        self._at, self._where = 0, ""
        for key in data:
            if key != "case":
                self._wrong(f"there is no table {key!r}{nearest(key, ('case',))}")
        cases = data.get("case", [])
        if not isinstance(cases, list) or not all(isinstance(each, dict) for each in cases):
            self._wrong("expects tables: [[case]]")
            return
        self._exact = self._lines.agree("case", len(cases))
        for at, table in enumerate(cases):
            self._at, self._where = at, f"case {table.get('name', at + 1)}"
            self._case(table)

    def _case(self, table: Mapping[str, Any]) -> None:
        self._known(table, _CASE_KEYS, "")
        if not isinstance(table.get("name"), str):
            self._wrong("name: expects a text")
        expected = self._table(table, "expect", _EXPECTED)
        if not expected:
            self._wrong("expect: is missing")
        if isinstance(expected.get("timeout"), str):
            try:
                expected["timeout"] = duration(expected["timeout"])
            except ValueError as error:
                self._wrong(f"expect.timeout: {error}")
        facts = Facts()
        for name, kind in TABLES.items():
            row = self._table(table, name, names(kind))
            facts = replace(facts, **{name: self._row(name, kind, row)})
        states = {queue: QueueFacts(queue, online=1, free=1) for queue in self._queues}
        for queue, row in self._table(table, "queue", tuple(self._queues)).items():
            if isinstance(row, dict):
                self._known(row, names(QueueFacts), f"queue.{queue}.")
                states[queue] = self._row(f"queue.{queue}", QueueFacts, {"id": queue, **row})
            else:
                self._wrong(f"queue.{queue}: expects a table")
        self.cases.append((str(table.get("name", "")), facts, states, expected))

    def _row(self, name: str, kind: type, row: Mapping[str, Any]) -> Any:
        """The facts of one table: what is not said is as its dataclass has it."""
        values = dict(row)
        if kind is TimeFacts and isinstance(at := values.get("at"), datetime):
            zone = at.tzinfo or UTC
            start = TimeFacts.of(at.replace(tzinfo=zone).timestamp(), zone, **_OPEN)
            values = {key: getattr(start, key) for key in names(TimeFacts)} | values
            values["at"] = start.at
        if isinstance(day := values.get("date"), date):
            values["date"] = day.isoformat()
        blank = kind()
        for key in names(kind):
            if key in values and not _fits(values[key], getattr(blank, key)):
                expected = {bool: "true or false", str: "a text", int: "a whole number"}
                wanted = expected.get(type(getattr(blank, key)), "a number")
                self._wrong(f"{name}.{key}: expects {wanted}")
                return blank
        return kind(**{key: values[key] for key in names(kind) if key in values})

    def _table(self, table: Mapping[str, Any], name: str, known: tuple[str, ...]) -> dict[str, Any]:
        value = table.get(name, {})
        if not isinstance(value, dict):
            self._wrong(f"{name}: expects a table")
            return {}
        self._known(value, known, f"{name}.")
        return {key: each for key, each in value.items() if key in known}

    def _known(self, table: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> None:
        for key in table:
            if key not in known:
                self._wrong(f"{prefix}{key}: no such key{nearest(key, known)}")

    def _wrong(self, reason: str) -> None:
        line = self._lines.of("case", (self._at,)) if self._where and self._exact else 0
        self.problems.append(Problem(line, self._where, reason))


_OPEN = {"business_day": True, "open": True}


def _fits(value: object, blank: object) -> bool:
    if isinstance(blank, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(blank)
