"""Where an inquiry waits: the first filter that matches, its steps in order, and why. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from gateway.domain.model import JSON, Queue
from gateway.routing.conditions import Scope
from gateway.routing.facts import Facts, QueueFacts
from gateway.routing.model import Skills
from gateway.routing.rules import BY_ACCOUNT, BY_TOPIC, DEFAULT, Rules, Target

#: Fraud, unknown transactions and freezes go before everything else of their queue.
URGENT_PRIORITY = 0
_BASE = re.compile(r"[a-z]{2,3}(?=$|[-_])")


class Result(StrEnum):
    """What became of a filter or a target."""

    MATCHED = "matched"
    NOT_MATCHED = "not_matched"
    FAILED = "failed"
    """Its condition could not be asked: counts as no match."""
    NO_QUEUE = "no_queue"
    """The topic or account names none, or it is gone since the rules were read."""
    ADDED = "added"
    """The target is a step of the placement."""
    SKIPPED = "skipped"
    """Its `skip_if` held."""
    USED = "used"
    """Here the inquiry waits now."""
    USED_ANYWAY = "used_anyway"
    """All were skipped: the last is used, so that nothing is lost."""
    STAYED = "stayed"
    """All that follow were skipped: it waits on where it is."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried, for the trail."""

    result: Result
    filter: str
    target: int = 0
    """From 1; of a turn the number of the step; 0: the filter itself."""
    queue: str = ""
    reason: str = ""
    """The part of the condition that decided, with its values, or the error."""

    def as_values(self) -> dict[str, JSON]:
        """As plain JSON; what is empty is left out."""
        values: dict[str, JSON] = {"result": self.result.value, "filter": self.filter}
        rest: dict[str, JSON] = {"target": self.target, "queue": self.queue, "reason": self.reason}
        values.update((name, value) for name, value in rest.items() if value)
        return values

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """What `as_values` gave."""
        return cls(**{**values, "result": Result(values["result"])})


@dataclass(frozen=True, slots=True)
class Step:
    """A target with everything decided: it can be stored and used without the rules."""

    queue: str
    priority: int
    urgent: bool = False
    needs: Skills = field(default_factory=dict)
    prefers: Skills = field(default_factory=dict)
    timeout: float | None = None
    """Seconds until the next step applies; None: never."""
    known_agent: bool = False
    skip_if: str = ""

    def as_values(self) -> dict[str, JSON]:
        """As plain JSON."""
        return {
            "queue": self.queue,
            "priority": self.priority,
            "urgent": self.urgent,
            "needs": dict(self.needs),
            "prefers": dict(self.prefers),
            "timeout": self.timeout,
            "known_agent": self.known_agent,
            "skip_if": self.skip_if,
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """What `as_values` gave."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Placement:
    """What the rules say about one inquiry."""

    filter: str
    """The one that matched; 'default' where none did."""
    steps: tuple[Step, ...]
    """At least one; the last has no time-out."""
    trail: tuple[Tried, ...] = ()
    version: str = ""
    """Of the rules."""

    @property
    def errors(self) -> tuple[Tried, ...]:
        """The conditions that could not be asked."""
        return tuple(tried for tried in self.trail if tried.result is Result.FAILED)


@dataclass(frozen=True, slots=True)
class Turn:
    """Which step applies now."""

    index: int
    """In the steps that were given."""
    step: Step
    timeout: float | None
    """Seconds after which to ask again; None: never."""
    trail: tuple[Tried, ...]

    @property
    def errors(self) -> tuple[Tried, ...]:
        """The conditions that could not be asked; their steps were not skipped."""
        return tuple(tried for tried in self.trail if tried.result is Result.FAILED)


def failures(trail: object) -> int:
    """How many conditions could not be asked, of a trail as an event has it; 0 for what is none."""
    steps = trail if isinstance(trail, list) else []
    return sum(isinstance(one, dict) and one.get("result") == Result.FAILED for one in steps)


def place(
    rules: Rules,
    facts: Facts,
    queues: Mapping[str, Queue],
    default: str,
    *,
    topic: str = "",
    account: str = "",
) -> Placement:
    """The steps of the first filter that matches.

    Where none matches, those of the default; where it has none either, or none of a filter's
    queues exists now: the queue of the topic, else of the account, else `default`.

    Args:
        rules: what `load` gave; `Rules()` where there are none.
        facts: what is known.
        queues: all queues by id.
        default: the queue for everything else; one of `queues`.
        topic: the queue the topic names, or ''.
        account: the queue the account names, or ''.
    """
    scope = Scope(facts.as_values())
    named = {BY_TOPIC: topic, BY_ACCOUNT: account}
    trail: list[Tried] = []
    chosen, targets = DEFAULT, rules.default
    for each in rules.filters:
        found = scope.ask(each.when)
        if found.holds:
            trail.append(Tried(Result.MATCHED, each.name))
            chosen, targets = each.name, each.targets
            break
        result = Result.FAILED if found.error else Result.NOT_MATCHED
        trail.append(Tried(result, each.name, reason=found.error or scope.why_not(each.when)))
    steps = _steps(chosen, targets, facts, queues, named, trail)
    if not steps and chosen != DEFAULT:
        steps = _steps(DEFAULT, rules.default, facts, queues, named, trail)
    for last in (BY_TOPIC, BY_ACCOUNT, default):
        steps = steps or _steps(DEFAULT, (Target(last),), facts, queues, named, trail)
    return Placement(chosen, _ended(steps), tuple(trail), rules.version)


def next_step(
    steps: Sequence[Step],
    current: int | None,
    facts: Facts,
    queues: Mapping[str, QueueFacts],
    filter_name: str = "",
) -> Turn:
    """The step that applies at the beginning, or when the time of one is over.

    The first that is not skipped. At the beginning, when all are skipped, the last: nothing is
    lost. Later, when all that follow are skipped, the present one, and after the same time they
    are asked again: a queue that nobody works in is no better place to wait. The last never ends.

    Args:
        steps: of a placement; not empty.
        current: index of the step whose time is over; None at the beginning.
        facts: what is known now.
        queues: how the queues stand now, by id; of one that is missing nobody is online.
        filter_name: whose steps they are, for the trail.
    """
    trail: list[Tried] = []

    def tried(result: Result, at: int, reason: str = "") -> None:
        trail.append(Tried(result, filter_name, at + 1, steps[at].queue, reason))

    def turn(result: Result, at: int) -> Turn:
        tried(result, at)
        ends = at < len(steps) - 1
        return Turn(at, steps[at], steps[at].timeout if ends else None, tuple(trail))

    for at in range(0 if current is None else current + 1, len(steps)):
        step = steps[at]
        if not step.skip_if:
            return turn(Result.USED, at)
        queue = queues.get(step.queue, QueueFacts(step.queue, open=False))
        found = Scope(facts.as_values(queue)).ask(step.skip_if)
        if found.error:
            tried(Result.FAILED, at, found.error)
        if not found.holds:
            return turn(Result.USED, at)
        tried(Result.SKIPPED, at, " ".join(step.skip_if.split()))
    if current is None:
        return turn(Result.USED_ANYWAY, len(steps) - 1)
    return turn(Result.STAYED, min(current, len(steps) - 1))


def explain(found: Placement | Turn | Iterable[Tried], language: str = "en") -> list[str]:
    """The trail as readable lines, one for each filter and target.

    Args:
        found: what was decided, or a stored trail.
        language: 'zh…' for Chinese; English for every other one.
    """
    trail = found.trail if isinstance(found, Placement | Turn) else found
    words = _WORDS["zh" if language.lower().startswith("zh") else "en"]
    return [_line(tried, words) for tried in trail]


def _line(tried: Tried, words: Mapping[str, str]) -> str:
    if not tried.target:
        subject = words["default"] if tried.filter == DEFAULT else words["filter"]
    else:
        subject = words["target"] if tried.filter else words["step"]
    named = subject.format(filter=tried.filter, target=tried.target, queue=tried.queue)
    said = words[tried.result]
    reason = words["reason"].format(reason=tried.reason) if tried.reason else ""
    return f"{named}{words['colon']}{said}{reason}"


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "colon": ": ",
        "filter": "filter {filter}",
        "default": "default",
        "target": "{filter}, target {target}, queue {queue}",
        "step": "target {target}, queue {queue}",
        "reason": ": {reason}",
        Result.MATCHED: "matches",
        Result.NOT_MATCHED: "does not match",
        Result.FAILED: "the condition could not be evaluated and counts as false",
        Result.NO_QUEUE: "there is no such queue",
        Result.ADDED: "is planned",
        Result.SKIPPED: "is skipped",
        Result.USED: "is used",
        Result.USED_ANYWAY: "is used although all were skipped",
        Result.STAYED: "waits on here, all that follow were skipped",
    },
    "zh": {
        "colon": "：",
        "filter": "规则 {filter}",
        "default": "默认规则",
        "target": "{filter} 第 {target} 个目标（队列 {queue}）",
        "step": "第 {target} 个目标（队列 {queue}）",
        "reason": "：{reason}",
        Result.MATCHED: "符合",
        Result.NOT_MATCHED: "不符合",
        Result.FAILED: "条件无法计算，按不成立处理",
        Result.NO_QUEUE: "没有这个队列",
        Result.ADDED: "已列入",
        Result.SKIPPED: "已跳过",
        Result.USED: "采用",
        Result.USED_ANYWAY: "全部被跳过，仍采用最后一个",
        Result.STAYED: "后面的都被跳过，继续在此等候",
    },
}


def _steps(
    name: str,
    targets: Sequence[Target],
    facts: Facts,
    queues: Mapping[str, Queue],
    named: Mapping[str, str],
    trail: list[Tried],
) -> list[Step]:
    steps = []
    for number, target in enumerate(targets, 1):
        queue = queues.get(named.get(target.queue, target.queue))
        if queue is None:
            trail.append(Tried(Result.NO_QUEUE, name, number, target.queue))
            continue
        steps.append(_step(target, facts, queue))
        trail.append(Tried(Result.ADDED, name, number, queue.id))
    return steps


def _step(target: Target, facts: Facts, queue: Queue) -> Step:
    urgent = facts.inquiry.urgent if target.urgent is None else target.urgent
    usual = URGENT_PRIORITY if urgent else queue.priority
    needs = dict(queue.skills if target.needs is None else target.needs)
    prefers = dict(target.prefers)
    # A tag from outside never becomes part of a lane's name unless it is a plain language.
    if target.language and (base := _BASE.match(facts.inquiry.language.lower())):
        (needs if target.language == "required" else prefers).setdefault(f"lang.{base[0]}", 1)
    return Step(
        queue.id,
        usual if target.priority is None else target.priority,
        urgent,
        needs,
        prefers,
        target.timeout,
        target.known_agent,
        target.skip_if,
    )


def _ended(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps, of which the last never ends."""
    last = Step.from_values({**steps[-1].as_values(), "timeout": None})
    return (*steps[:-1], last)
