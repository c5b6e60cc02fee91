"""How long somebody will wait, from what was measured, and what may be said about it. Pure.

While somebody waits, every agent of the queue has something in hand, so the moments at which
inquiries leave it are those of the agents becoming free. Measured is therefore how many left *and*
for how long somebody was waiting: of a queue that stands empty most of the day, the plain number of
departures per hour says when customers come, not how fast they are served.

After k departures in a waiting time of T seconds, with nothing assumed of the rate (a prior of
1/rate), the rate has a gamma distribution of shape k and scale 1/T, and the time until the n-th next
departure divided by T has a beta prime distribution (n, k). Its distribution function is a binomial
tail (`_at_least`), finite and exact for whole numbers; a quantile is found by halving. It is wide
where little was measured, which is the point. Departures count less the older they are, so that the
figure follows a change of staff; and where the rate of past half hours differed by more than chance
(`Rates.unsteady`), it counts as known from fewer departures, so that the interval is wider.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from gateway.domain.model import JSON
from gateway.domain.waiting import Form, Notice, Offer

BUCKET = 300
"""Seconds of one entry of the history."""
AT_ONCE = 1.0
"""Who waited for less than so many seconds found a free agent: that says nothing of the rate."""
_BLOCK = 6
"""Buckets of the half hours that are compared with each other."""
_RUNGS = tuple(60.0 * m for m in (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240))
_HALVINGS = 40


class Open(Protocol):
    """What is asked of a calendar; `gateway.domain.calendar.Calendar` is one."""

    def opening(self, at: float) -> float: ...
    def open_seconds(self, start: float, end: float) -> float: ...
    def after_open(self, start: float, seconds: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """How the past is weighed."""

    needed: int = 10
    """Departures, after weighing, below which no number is given."""
    half_life: float = 1800.0
    """A departure that is so many seconds old counts half."""
    window: float = 4 * 3600.0
    """Seconds after which it is forgotten."""
    share: float = 0.8
    """Of all waits, how many the interval has to hold."""


MEASURE = Measure()


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured of one queue: by five minutes, how many left it to an agent and in which
    seconds somebody was waiting (one bit each)."""

    buckets: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Number of the bucket (seconds since 1970 / 300) → (departures, seconds as bits)."""

    def left(self, since: float, at: float, calendar: Open, measure: Measure = MEASURE) -> Self:
        """With an inquiry that waited from `since` and went to an agent at `at`, both in seconds since
        1970. Who gives up or is closed unanswered is not counted. What is older than the window is
        dropped."""
        if at - since < AT_ONCE:
            return self
        first = int(at - measure.window) // BUCKET
        buckets = {number: kept for number, kept in self.buckets.items() if number >= first}
        _mark(buckets, max(since, at - measure.window), at, calendar)
        count, seconds = buckets.get(last := int(at) // BUCKET, (0, 0))
        buckets[last] = count + 1, seconds
        return replace(self, buckets=buckets)

    def merged(self, other: "Rates") -> Self:
        """With what another process measured of the same queue; each departure in one of the two
        only. Seconds that both saw are not counted twice."""
        buckets = dict(self.buckets)
        for number, (count, seconds) in other.buckets.items():
            own, seen = buckets.get(number, (0, 0))
            buckets[number] = own + count, seen | seconds
        return replace(self, buckets=buckets)

    def until(self, now: float, calendar: Open, oldest: float | None, measure: Measure) -> Self:
        """What counts at `now`: without what is older than the window, and with the wait of the one who
        waits longest, `oldest`: a queue that stands still shows."""
        first = int(now - measure.window) // BUCKET
        buckets = {number: kept for number, kept in self.buckets.items() if number >= first}
        if oldest is not None:
            _mark(buckets, max(oldest, now - measure.window), now, calendar)
        return replace(self, buckets=buckets)

    def weighed(self, now: float, measure: Measure = MEASURE) -> tuple[float, float]:
        """Departures and seconds in which somebody was waiting, the older the less."""
        departures = waited = 0.0
        for number, (count, seconds) in self.buckets.items():
            weight = 0.5 ** (max(0.0, now - (number + 1) * BUCKET) / measure.half_life)
            departures += weight * count
            waited += weight * seconds.bit_count()
        return departures, waited

    def unsteady(self) -> float:
        """How much the rate itself changes between half hours: the variance of it in units of its
        square, 0 where the counts differ no more than chance makes them.

        What is left of the weighted squares of deviations after those of Poisson counts, by the
        method of moments.
        """
        blocks: dict[int, tuple[int, int]] = {}
        for number, (count, seconds) in self.buckets.items():
            n, waited = blocks.get(number // _BLOCK, (0, 0))
            blocks[number // _BLOCK] = n + count, waited + seconds.bit_count()
        measured = [(n, waited) for n, waited in blocks.values() if waited]
        total, time = sum(n for n, _ in measured), sum(waited for _, waited in measured)
        if len(measured) < 2 or not total:
            return 0.0
        rate = total / time
        squares = sum(waited * (n / waited - rate) ** 2 for n, waited in measured)
        by_chance = rate * (len(measured) - 1)
        spread = time - sum(waited**2 for _, waited in measured) / time
        return max(0.0, squares - by_chance) / (rate**2 * spread)

    def missing(self, now: float, measure: Measure = MEASURE) -> int:
        """How many more departures are needed now before a number is given; 0: enough."""
        return max(0, measure.needed - int(self.weighed(now, measure)[0]))

    def to_json(self) -> dict[str, JSON]:
        """As JSON, the seconds as a hexadecimal number; `of_json` reads it."""
        return {str(number): [n, f"{bits:x}"] for number, (n, bits) in self.buckets.items()}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls({int(number): (n, int(bits, 16)) for number, (n, bits) in body.items()})


@dataclass(frozen=True, slots=True)
class Estimate:
    """A wait in seconds from now by the clock on the wall, closed hours included."""

    expected: float
    """Half of all such waits are shorter. Not the mean: a mean moves wrongly over closed hours."""
    low: float
    high: float
    departures: int
    """As how many, at a steady rate, it is sure."""
    past_closing: bool
    """The longer waits go on after the brand has closed and opened again."""


@dataclass(frozen=True, slots=True)
class Said:
    """A wait in words that claim no more than is known, in seconds; whole rungs of a ladder (1, 2, 3,
    5, 10, 15, 20, 30, 45, 60, 90 minutes, 2, 3, 4 hours)."""

    form: Form
    low: float
    high: float | None
    """None for 'over'; equal to `low` for 'about'."""

    def holds(self, wait: float) -> bool:
        """Whether a wait of so many seconds is what was said. 'About' is a quarter more or less, and
        at least one minute."""
        if self.form == "about":
            return abs(wait - self.low) <= max(60.0, self.low / 4)
        return self.low <= wait <= (math.inf if self.high is None else self.high)


def estimate(
    rates: Rates,
    position: int,
    now: float,
    calendar: Open,
    *,
    oldest: float | None = None,
    measure: Measure = MEASURE,
) -> Estimate | None:
    """How long the one at `position` (1 is next) still waits; None where too little was measured.

    Whether agents are there now is not seen here: `notice` asks for it.

    Args:
        rates: of the queue.
        position: among those who wait, by rank.
        now: seconds since 1970.
        calendar: of the queue's brand; the wait goes on in its open hours.
        oldest: since when the one waits who waits longest in the queue.
        measure: how the past is weighed.

    Raises:
        ValueError: for a position below 1.
    """
    if position < 1:
        msg = f"position {position}: the next one has position 1"
        raise ValueError(msg)
    known = rates.until(now, calendar, oldest, measure)
    weighed, waited = known.weighed(now, measure)
    if weighed < measure.needed or not waited:
        return None
    # A rate that changes is known as badly as from fewer departures. The binomial tail needs a whole
    # number; what is taken off the departures is taken off the time, so that the rate stays.
    departures = max(2, int(1 / (1 / weighed + known.unsteady())))
    waited *= departures / weighed
    beside = (1 - measure.share) / 2
    seconds = [waited * _ratio(position, departures, p) for p in (0.5, beside, 1 - beside)]
    expected, low, high = (calendar.after_open(now, s) - now for s in seconds)
    # One second: the calendar may round what it adds.
    late = now + high - calendar.opening(now) > seconds[2] + 1
    return Estimate(expected, low, high, departures, late)


def said(low: float, high: float) -> Said | None:
    """The words for an interval in seconds; always outward, so that they hold where it does. None
    where they would say nothing: between no time and more than four hours."""
    for rung in _RUNGS:
        apart = max(60.0, rung / 4)
        if low >= max(60.0, rung - apart) and high <= rung + apart:
            return Said("about", rung, rung)
    under = max((rung for rung in _RUNGS if rung <= low), default=0.0)
    over = min((rung for rung in _RUNGS if rung >= high), default=None)
    if over is None or under >= 3600:
        return Said("over", under, None) if under else None
    return Said("range" if under else "under", under, over)


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is said or offered, in seconds and people."""

    worth_saying: float = 30.0
    """A wait that is probably shorter is not announced."""
    worth_offering: float = 120.0
    """A callback or a chat is offered where the wait may be as long."""
    busy_wait: float = 900.0
    """Busy where half of all waits are longer, …"""
    busy_waiting: int = 20
    """… or where so many wait."""


LIMITS = Limits()


def notice(
    position: int | None,
    wait: Estimate | None,
    *,
    waiting: int,
    staff: int,
    now: float,
    calendar: Open,
    calling: bool,
    possible: tuple[Offer, ...] = ("callback", "chat"),
    limits: Limits = LIMITS,
) -> Notice:
    """What to tell a customer who waits. Pure; asked again whenever something changes.

    Without staff no time is given, whatever was measured before they left: it is busy.

    Args:
        position: 1 is next; 0 where nobody has to wait; None where nobody knows.
        wait: `estimate` for the position.
        waiting: how many wait in the queue.
        staff: agents of the queue who are present.
        now: seconds since 1970.
        calendar: of the queue.
        calling: the customer waits on the telephone, or writes from one; only then something else is
            offered.
        possible: what there is for this customer. A chat is not offered when closed or without staff:
            nobody would be there either.
        limits: from when on something is said.
    """
    offers = possible if calling else ()
    unstaffed: tuple[Offer, ...] = tuple(offer for offer in offers if offer != "chat")
    place = position or 0
    if (opens_at := calendar.opening(now)) > now:
        return Notice("closed", place, opens_at=opens_at, offers=unstaffed, at=now)
    if staff < 1:
        return Notice("busy", place, offers=unstaffed, at=now)
    if position == 0 or (wait is not None and wait.expected < limits.worth_saying):
        return Notice("none", place, at=now)
    crowded = waiting >= limits.busy_waiting
    words = said(wait.low, wait.high) if wait is not None else None
    if wait is None or words is None:
        if position is None and not crowded:
            return Notice("none", at=now)
        return Notice("busy" if crowded else "position", place, offers=offers, at=now)
    return Notice(
        "busy" if crowded or wait.expected >= limits.busy_wait else "wait",
        place,
        form=words.form,
        low=words.low,
        high=words.high,
        opens_at=_opens_again(calendar, now, wait) if wait.past_closing else None,
        offers=offers if wait.high >= limits.worth_offering else (),
        at=now,
    )


def _opens_again(calendar: Open, now: float, wait: Estimate) -> float:
    """The first opening after closing time, for a wait that goes past it; found by halving, as a
    calendar says only whether it is open at a moment."""
    shut, end = now, now + wait.high
    while end - shut > 1:
        middle = (shut + end) / 2
        if calendar.open_seconds(now, middle) < middle - now - 1e-6:
            end = middle
        else:
            shut = middle
    return calendar.opening(end)


def _mark(buckets: dict[int, tuple[int, int]], begin: float, end: float, calendar: Open) -> None:
    """Notes that somebody was waiting between two moments, as far as it was open."""
    for start, stop in _while_open(begin, end, calendar):
        # Rounding both ends makes no time on average, whatever the parts of seconds are.
        low, high = round(start), round(stop)
        for number in range(low // BUCKET, (high - 1) // BUCKET + 1 if high > low else 0):
            base = number * BUCKET
            bits = (1 << min(high - base, BUCKET)) - (1 << max(low - base, 0))
            count, seconds = buckets.get(number, (0, 0))
            buckets[number] = count, seconds | bits


def _while_open(begin: float, end: float, calendar: Open) -> Iterator[tuple[float, float]]:
    """The parts of a time in which it was open, in pieces of a bucket where it closed in between."""
    if calendar.open_seconds(begin, end) >= end - begin - 1e-6:
        yield begin, end
        return
    start = begin
    while start < end:
        stop = min(end, (start // BUCKET + 1) * BUCKET)
        if seconds := calendar.open_seconds(start, stop):
            opens = calendar.opening(start)
            yield opens, opens + seconds
        start = stop


def _ratio(position: int, departures: int, share: float) -> float:
    """The quantile of the wait in units of the measured time: so that `share` of waits are shorter."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_least(position, position + departures - 1, middle) < share:
            low = middle
        else:
            high = middle
    return low / (1 - low)


def _at_least(least: int, tries: int, chance: float) -> float:
    """The probability of at least `least` successes in `tries`, from 1 to `tries`.

    The side is summed that does not hold the peak, from its largest term outward, until nothing is
    added: a few square roots of `tries`, never a term that is lost in a small start.
    """
    odds = chance / (1 - chance)
    upper = least > tries * chance
    hits = least if upper else least - 1
    term = math.exp(
        math.lgamma(tries + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(tries - hits + 1)
        + hits * math.log(chance)
        + (tries - hits) * math.log1p(-chance)
    )
    total = 0.0
    while term > 1e-15 * total:
        total += term
        if upper:
            term *= (tries - hits) / (hits + 1) * odds
            hits += 1
        else:
            term *= hits / (tries - hits + 1) / odds
            hits -= 1
    return total if upper else 1 - total
