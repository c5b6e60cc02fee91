"""What becomes of an inquiry whose queue cannot cope: closed, nobody there, too long, too slow. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What a queue may be unable to cope with."""

    CLOSED = "closed"
    """Outside the opening hours of the queue."""
    STAFF = "staff"
    """No more than `beyond` agents are there for it."""
    LENGTH = "length"
    """More than `beyond` inquiries wait in it."""
    WAITED = "waited"
    """The inquiry has waited for `beyond` seconds or more."""


class Course(StrEnum):
    """What becomes of an inquiry that waits."""

    WAIT = "wait"
    OVERFLOW = "overflow"
    """It moves to another queue."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """One rule of a queue; the first of its rules that applies decides."""

    cause: Cause
    course: Course
    beyond: float = 0.0
    to: str = ""
    """The queue, where it overflows."""

    def __post_init__(self) -> None:
        """Raises ValueError for an overflow that leads nowhere."""
        if (self.course is Course.OVERFLOW) != bool(self.to):
            raise ValueError("an overflow, and nothing else, names the queue it goes to")


@dataclass(frozen=True, slots=True)
class Line:
    """A queue at one moment."""

    is_open: bool = True
    staff: int = 0
    """Agents who are there for it, busy or not."""
    length: int = 0
    """Inquiries that wait in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an inquiry, and why."""

    course: Course
    reason: str
    """For the trail: 'length 41 > 40', after what was passed over."""
    to: str = ""


def overflow(
    rules: Iterable[Overflow],
    queue: str,
    lines: Mapping[str, Line],
    *,
    waited: float,
    been: Collection[str] = (),
) -> Verdict:
    """What becomes of an inquiry that waits in a queue.

    A rule is passed over when it leads to a queue that the inquiry has been in, that is closed or that
    nobody is there for: nothing is moved from bad to worse, or in a circle. Without a rule that applies
    it waits.

    Args:
        rules: those of the queue, in order.
        queue: where it waits.
        lines: all queues at this moment.
        waited: seconds; of the queue's opening hours where those shall count.
        been: queues it was in before.
    """
    line = lines[queue]
    passed: list[str] = []
    for rule in rules:
        if not (reason := _applies(rule, line, waited)):
            continue
        if not (obstacle := _obstacle(rule, queue, lines, been)):
            return Verdict(rule.course, "; ".join([*passed, reason]), rule.to)
        passed.append(f"{reason}, but {obstacle}")
    return Verdict(Course.WAIT, "; ".join([*passed, "no rule applies"]))


def _applies(rule: Overflow, line: Line, waited: float) -> str:
    """Why the rule applies; '' where it does not."""
    match rule.cause:
        case Cause.CLOSED:
            return "" if line.is_open else "closed"
        case Cause.STAFF:
            return f"staff {line.staff} <= {rule.beyond:g}" if line.staff <= rule.beyond else ""
        case Cause.LENGTH:
            return f"length {line.length} > {rule.beyond:g}" if line.length > rule.beyond else ""
        case Cause.WAITED:
            return f"waited {waited:.0f} >= {rule.beyond:g} s" if waited >= rule.beyond else ""


def _obstacle(rule: Overflow, queue: str, lines: Mapping[str, Line], been: Collection[str]) -> str:
    """Why the rule cannot be followed now; '' where it can."""
    if rule.course is Course.WAIT:
        return ""
    target = lines.get(rule.to)
    if target is None:
        return f"there is no queue {rule.to}"
    if rule.to == queue or rule.to in been:
        return f"it has been in {rule.to}"
    if not target.is_open:
        return f"{rule.to} is closed"
    return "" if target.staff else f"nobody is there for {rule.to}"
