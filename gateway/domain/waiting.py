"""What is known of a queue's line at one moment, and what a customer who waits in it may be told.

Values only: looked up in one process, decided on in another, put into words in a third place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Offer = Literal["callback", "chat"]
Kind = Literal["position", "wait", "busy", "closed", "none"]
Form = Literal["under", "about", "range", "over"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell one who waits. Values: the text comes from the notice `waiting`."""

    kind: Kind
    """'position' gives the place alone, 'wait' also the time, 'busy' says that it takes longer than
    usual (with the time where it is known), 'closed' when it opens, 'none' nothing."""
    position: int = 0
    """1 is next; 0: not known, or nobody has to wait."""
    form: Form | None = None
    low: float | None = None
    high: float | None = None
    """In seconds, with `form` as in `gateway.routing.waiting.Said`; None: no number is known, and none
    may be said."""
    opens_at: float | None = None
    """When closed, when it opens; when the wait may go on past closing time, when it opens again."""
    offers: tuple[Offer, ...] = ()
    """What the customer may take instead of waiting."""
    at: float = 0.0
    """When that is so, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class LaneView:
    """Who can take what waits in one lane of a queue."""

    staff: int | None = None
    """Agents who are there and know what it needs; None: the settings name no agents."""
    free: bool = False
    """One of them has room now."""
    ordered: bool = False
    """What waits in the queue is taken by rank, as far as this lane is concerned: whoever can take from
    it can take all of it. Else nobody has a place that could be told."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One queue at one moment."""

    at: float
    """When it was looked at, in seconds since 1970."""
    waiting: int = 0
    """Who has no agent yet, offered or not."""
    oldest: float | None = None
    """Since when the one waits who waits longest."""
    ranks: tuple[float, ...] = ()
    """Of those who wait, in order; of a long line the beginning."""
    last: float = float("-inf")
    """The greatest rank; infinite where that is not known."""
    lanes: Mapping[str, LaneView] = field(default_factory=dict)
    """By key, those in which something ever waited or begins to wait by itself."""
    rates: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """What was measured: `gateway.routing.waiting.Rates.buckets`."""
