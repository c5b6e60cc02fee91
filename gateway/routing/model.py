"""What routing works on, as values: what an inquiry needs, what waits, who is there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from gateway.domain.calendar import Calendar

Skills = Mapping[str, int]
"""Names of skills with levels from 1 (knows a little) to 9; of a need, the least level."""

STRICT = 1e10
"""Seconds that a step of priority is worth where waiting never makes up for it: three centuries."""
DEFAULT_WEIGHT = 1
"""What an inquiry takes of an agent's capacity where its channel says nothing."""
_LATELY = 14 * 86400.0
"""Seconds back in which working hours are looked for that are over."""
OFF_HOURS = "outside working hours"
"""Why an agent who is there is offered nothing."""


class Presence(StrEnum):
    """What an agent says of themselves, and what their silence says."""

    ONLINE = "online"
    BUSY = "busy"
    """There, but takes nothing new."""
    AWAY = "away"
    WRAP_UP = "wrap_up"
    """Finishing what was just done; ends by itself."""
    OFFLINE = "offline"


class Strategy(StrEnum):
    """Who of several agents gets the first inquiry of a queue."""

    LONGEST_IDLE = "longest_idle"
    LEAST_BUSY = "least_busy"
    ROUND_ROBIN = "round_robin"
    STICKY = "sticky"
    """The agent whom the customer had last; the one idle longest where that one is not free."""
    RING_ALL = "ring_all"
    """All of them at once; the first to accept has it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Inquiries that the same agents can take: one queue, one set of needs, one weight."""

    queue: str
    needs: tuple[tuple[str, int], ...] = ()
    """Skills with least levels, in order of their names."""
    weight: int = DEFAULT_WEIGHT

    @classmethod
    def of(cls, queue: str, needs: Skills, weight: int = DEFAULT_WEIGHT) -> Self:
        return cls(queue, tuple(sorted(needs.items())), weight)

    @property
    def key(self) -> str:
        """Its name in the database: 'payments|2|card:2,zh:1'."""
        return f"{self.queue}|{self.weight}|{','.join(f'{n}:{level}' for n, level in self.needs)}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """The lane of a `key`."""
        queue, weight, needs = key.split("|")
        pairs = (part.rpartition(":") for part in needs.split(",") if part)
        return cls(queue, tuple((name, int(level)) for name, _, level in pairs), int(weight))


def rank(
    since: float, priority: int, ageing: float | None = None, *, urgent: bool = False
) -> float:
    """The place in order, fixed when an inquiry begins to wait; the smaller is taken first.

    Args:
        since: when it began to wait, in seconds since 1970.
        priority: 0 is first, 9 last.
        ageing: seconds of waiting that make up for one step of priority; None: none do.
        urgent: before everything that is not.
    """
    return (
        since + priority * (STRICT if ageing is None else ageing) - (10 * STRICT if urgent else 0)
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An inquiry in its lane."""

    id: str
    lane: Lane
    rank: float
    since: float
    prefers: Skills = field(default_factory=dict)
    """Among agents who can take it, those who have these come first."""
    last_agent: str = ""
    """Whom the customer had last."""

    @property
    def order(self) -> tuple[float, float, str]:
        """Sorts what waits: by rank, of equal rank the older first."""
        return self.rank, self.since, self.id


@dataclass(frozen=True, slots=True)
class Shift:
    """When an agent works."""

    hours: Calendar
    sends_home: bool = False
    """At its end they count as offline, and give back everything; else they keep what they have."""

    def over(self, since: float, now: float) -> bool:
        """Whether somebody who has been there since then was so in working hours that are over now. Who
        came after them stays as long as they like."""
        if self.hours.is_open(now):
            return False
        return self.hours.open_seconds(max(since, now - _LATELY), now) > 0


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as routing sees them at one moment."""

    id: str
    presence: Presence = Presence.ONLINE
    queues: Mapping[str, int] = field(default_factory=dict)
    """Whose inquiries they take, with the level: all of level 1 come before those of level 2, equal
    levels are one queue."""
    skills: Skills = field(default_factory=dict)
    capacity: int = 1
    load: int = 0
    """The weight of what they were offered and what they have in hand."""
    idle_since: float = 0.0
    """When they last finished something, or came."""
    offered_at: float = 0.0
    """When something was offered to them last."""
    shift: Shift | None = None
    """None: whenever they are there."""
    off: bool = False
    """It is outside their working hours (`at`)."""

    def at(self, now: float) -> Self:
        """The same, with what their working hours say of that moment."""
        off = self.shift is not None and not self.shift.hours.is_open(now)
        return self if off == self.off else replace(self, off=off)

    @property
    def absent(self) -> bool:
        """They are offered nothing new."""
        return self.presence is not Presence.ONLINE or self.off

    @property
    def room(self) -> int:
        """What they can take on."""
        return max(0, self.capacity - self.load)

    def lacks(self, lane: Lane) -> str:
        """Why they cannot take from `lane` now, in words; '' where they can."""
        if self.presence is not Presence.ONLINE:
            return self.presence.value
        if self.off:
            return OFF_HOURS
        if lane.queue not in self.queues:
            return "not in the queue"
        for name, level in lane.needs:
            if (own := self.skills.get(name, 0)) < level:
                return f"{name} {own} < {level}"
        if self.load + lane.weight > self.capacity:
            return f"full: {self.load} + {lane.weight} > {self.capacity}"
        return ""
