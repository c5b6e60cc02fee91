"""How long a customer may wait, by what the inquiry is: targets, and the ladder of what happens when the
time runs out. Pure; the time itself is measured in `gateway.routing.sla`.

Time is counted in business seconds: those in which the calendar of the target is open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.calendar import ALWAYS, Calendar

DUE = 1.0
"""The share of a target at which it is used up."""


class Kind(StrEnum):
    """What is measured."""

    FIRST_RESPONSE = "first_response"
    """From the customer's first message to the first response."""
    NEXT_RESPONSE = "next_response"
    """From a later message of the customer, the first one not responded to, to the next response. Where
    no target is set for the first response, this one holds for it as well."""
    RESOLUTION = "resolution"
    """From the customer's first message until it is resolved."""


class Basis(StrEnum):
    """Whose opening hours count."""

    BRAND = "brand"
    QUEUE = "queue"
    """The queue's own; the brand's where it has none."""
    ALWAYS = "24x7"


# ---------------------------------------------------------------- ladder


class Act(StrEnum):
    """What a step of a ladder does."""

    RAISE_PRIORITY = "raise_priority"
    MOVE = "move"
    """To the queue `to`."""
    TELL = "tell"
    """The agent or the role `to`, as 'supervisor'."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a ladder: what happens when so much of the target is used."""

    share: float
    """Of the target: 0.8 before it is due, 1 when it is, 2 after twice the time."""
    act: Act
    to: str = ""
    """A queue, or whom to tell."""
    by: int = 1
    """Steps of priority."""

    @property
    def key(self) -> str:
        """Names it among the steps of its ladder: '0.8:raise_priority:1', '1:move:seniors'."""
        return f"{self.share:g}:{self.act}:{self.by if self.act is Act.RAISE_PRIORITY else self.to}"


Ladder = tuple[Step, ...]


# ---------------------------------------------------------------- targets


@dataclass(frozen=True, slots=True)
class Target:
    """How long something may take, for the inquiries that it names. What is empty names all."""

    kind: Kind
    seconds: float | None
    """Business seconds, more than 0. None: no target here, where a more general one would hold."""
    queue: str = ""
    brand: str = ""
    topic: str = ""
    priority: int | None = None
    calendar: Basis = Basis.BRAND
    at_risk: float = 0.8
    """The share of `seconds` from which on it is at risk; between 0 and 1."""
    ladder: Ladder = ()

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of its range."""
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"a target of {self.seconds:g} seconds can never be met")
        if not 0 < self.at_risk < DUE:
            raise ValueError(f"at_risk is {self.at_risk:g}; it lies between 0 and 1")
        if any(step.share <= 0 for step in self.ladder):
            raise ValueError("a step of a ladder comes after more than 0 times the target")
        if any(step.act is not Act.RAISE_PRIORITY and not step.to for step in self.ladder):
            raise ValueError("a step that moves or tells says where to or whom")

    @property
    def specific(self) -> tuple[int, bool, bool, bool, bool]:
        """The more it names, the greater; of as many the topic counts most, then priority, queue,
        brand."""
        named = (bool(self.topic), self.priority is not None, bool(self.queue), bool(self.brand))
        return sum(named), *named


@dataclass(frozen=True, slots=True)
class Matter:
    """What of an inquiry chooses its targets."""

    queue: str
    brand: str
    topic: str = ""
    priority: int = 5

    def fits(self, target: Target) -> bool:
        """Whether `target` is meant for it."""
        return (
            target.queue in ("", self.queue)
            and target.brand in ("", self.brand)
            and target.topic in ("", self.topic)
            and target.priority in (None, self.priority)
        )


@dataclass(frozen=True, slots=True)
class Term:
    """A target with the calendar that counts for it."""

    target: Target
    seconds: float
    calendar: Calendar


def terms(
    targets: Iterable[Target], matter: Matter, brand: Calendar, queue: Calendar | None = None
) -> dict[Kind, Term]:
    """The target of each kind that holds for an inquiry: of those that fit the most specific one, of
    equally specific ones the first. A kind without one is left out.

    Args:
        targets: all of them.
        matter: the inquiry.
        brand: the calendar of its brand.
        queue: the calendar of its queue, where it has its own.
    """
    best: dict[Kind, Target] = {}
    for target in targets:
        held = best.get(target.kind)
        if matter.fits(target) and (held is None or target.specific > held.specific):
            best[target.kind] = target
    calendars = {Basis.BRAND: brand, Basis.QUEUE: queue or brand, Basis.ALWAYS: ALWAYS}
    return {
        kind: Term(target, target.seconds, calendars[target.calendar])
        for kind, target in best.items()
        if target.seconds is not None
    }
