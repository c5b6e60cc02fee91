"""The business calendar of a brand: which days are working days, and when it is open. Pure.

Which days are public holidays comes from outside (`Calendar.table`), and so does what a feed of events
says (`Calendar.marks`): this module counts.

The hours of a day, the first line that applies:

1. a day of the weekend on which people work to make up: `makeup`, else `hours`;
2. a day off of the country or of the settings: `holiday`; closed where it names none;
3. a day of the week with hours of its own (`week`): those, also on a weekend; none of them: closed;
4. a day of the weekend: closed;
5. any other day: `hours`.

To these the marks add what they open, and then take away what they close. A working day is one on which
people work by the table and the settings, and on which the brand is open at all: hours on Saturdays make
no Saturday a working day, but a weekday that is closed all day is none.

A range lies within one day. What goes on past midnight is two ranges: until the end of the day, and from
the beginning of the next one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

Span = tuple[float, float]
"""From a moment on, until another one that is not part of it; in seconds since 1970."""

SATURDAY, SUNDAY = 5, 6
CLOSED_AT_MOST = 400
"""Days without an opening after which a calendar counts as one that is never open."""
_DAY = timedelta(days=1)
_KEPT = 4096
"""Days whose openings a calendar remembers: eleven years."""


class NeverOpen(ValueError):
    """No opening, or no working day, within `CLOSED_AT_MOST` days: the calendar's settings are wrong."""

    def __init__(self, day: date) -> None:
        super().__init__(f"not open on any of the {CLOSED_AT_MOST} days from {day} on")


@dataclass(frozen=True, slots=True)
class Year:
    """What a country says about the days of one year."""

    off: frozenset[date] = frozenset()
    """Holidays, also those that fall on a weekend."""
    working: frozenset[date] = frozenset()
    """Days of a weekend on which people work, to make up for a longer holiday."""
    weekend: frozenset[int] = frozenset({SATURDAY, SUNDAY})
    """Days of the week, Monday 0."""
    published: bool = True
    """False: made by rule alone; the country has not said yet which days it moves."""


@dataclass(frozen=True, slots=True)
class Hours:
    """One range of a day in which the brand is open."""

    start: time
    end: time
    """Not part of it. `time.min` stands for the end of the day."""


ALL_DAY = (Hours(time.min, time.min),)


@dataclass(frozen=True, slots=True)
class Marks:
    """What events of one year change in the hours. A span may reach beyond the day it stands under."""

    opened: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    """Open besides, under every day it touches."""
    opened_days: frozenset[date] = frozenset()
    """Days that have the hours of a working day besides their own."""
    closed: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    """Closed, under every day it touches; stronger than all that opens."""
    closed_days: frozenset[date] = frozenset()


def weekends_only(_year: int) -> Year:
    """A country without holidays."""
    return Year()


_UNMARKED = Marks()


def unmarked(_year: int) -> Marks:
    """No event changes anything."""
    return _UNMARKED


class _Days(dict[date, tuple[Span, ...]]):
    """Openings already worked out. They follow from the calendar, so copies begin without them."""

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days and opening hours in one time zone. Days are the zone's own; moments are seconds
    since 1970."""

    zone: str = "Asia/Shanghai"
    """IANA name."""
    table: Callable[[int], Year] = weekends_only
    """The holidays of a year. Something that pickles: calendars are sent to worker processes."""
    off: frozenset[date] = frozenset()
    """Days off besides those of the table; stronger than it."""
    working: frozenset[date] = frozenset()
    """Working days besides those of the table; stronger than it and than `off`."""
    hours: tuple[Hours, ...] = (Hours(time(9), time(18)),)
    """When it is open on working days, in order, without overlap."""
    week: tuple[tuple[Hours, ...] | None, ...] = (None,) * 7
    """Hours of single days of the week, Monday first; None: none of its own, (): closed."""
    makeup: tuple[Hours, ...] | None = None
    """When it is open on a day of the weekend on which people work; None: as on working days."""
    holiday: tuple[Hours, ...] = ()
    """When it is open on days off; weekends are none of these."""
    marks: Callable[[int], Marks] = unmarked
    """What events change in a year. Something that pickles, like the table."""
    _days: _Days = field(default_factory=_Days, init=False, repr=False, compare=False)

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is a working day, and not one on which the brand is closed throughout."""
        off, makes_up, weekend = self._kind(day)
        return (makes_up or not (off or weekend)) and bool(self.openings(day))

    def _kind(self, day: date) -> tuple[bool, bool, bool]:
        """Whether it is a day off, a day that makes up, a day of the weekend."""
        year = self.table(day.year)
        weekend = day.weekday() in year.weekend
        if day in self.working or day in self.off:
            works, off = day in self.working, day not in self.working
        else:
            works = day in year.working
            off = day in year.off and not works
        return off, works and weekend, weekend

    def add_business_days(self, start: date, days: int) -> date:
        """The working day that is `days` working days after `start`; for 0, `start` itself or the
        first working day after it. From a day off, the first working day counts as one.

        Raises ValueError for less than 0, NeverOpen where none comes.
        """
        if days < 0:
            raise ValueError("working days are counted forward")
        day = start
        for _ in range(days):
            day = self._business_day_from(day + _DAY)
        return self._business_day_from(day)

    def _business_day_from(self, day: date) -> date:
        """`day` or the first working day after it."""
        for number in range(CLOSED_AT_MOST):
            if self.is_business_day(found := day + number * _DAY):
                return found
        raise NeverOpen(day)

    def is_published(self, day: date) -> bool:
        """Whether it is known which days of that year are moved; the settings may have said it."""
        said = any(given.year == day.year for given in self.off | self.working)
        return said or self.table(day.year).published

    # ------------------------------------------------------------ moments

    def day_of(self, at: float) -> date:
        """The day that it is there at that moment."""
        return datetime.fromtimestamp(at, ZoneInfo(self.zone)).date()

    def moment(self, day: date, clock: time = time.min) -> float:
        """When it is that time there. A time that a change of clocks leaves out is an hour later; of
        one that comes twice it is the first."""
        return datetime.combine(day, clock, ZoneInfo(self.zone)).timestamp()

    def openings(self, day: date) -> tuple[Span, ...]:
        """When it is open on that day, in order, without overlap."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _KEPT:
                self._days.clear()
            known = self._days[day] = self._openings(day)
        return known

    def is_open(self, at: float) -> bool:
        """Whether the brand is open at that moment."""
        return any(opens <= at < closes for opens, closes in self.openings(self.day_of(at)))

    def opening(self, at: float) -> float:
        """`at` when the brand is open then, else when it opens next. Raises NeverOpen where it does
        not."""
        for opens, closes in self._open_from(self.day_of(at)):
            if closes > at:
                return max(at, opens)
        raise AssertionError("days do not end")  # pragma: no cover - `_open_from` does not

    def opening_after(self, day: date) -> float:
        """When the brand opens first after `day` has passed."""
        return self.opening(self.moment(day + _DAY))

    def open_seconds(self, start: float, end: float) -> float:
        """For how long it is open between two moments; 0 when `end` is not after `start`. Where clocks
        are changed in between, it is what a stopwatch shows."""
        if end <= start:
            return 0.0
        total, day, last = 0.0, self.day_of(start), self.day_of(end)
        while day <= last:
            for opens, closes in self.openings(day):
                total += max(0.0, min(closes, end) - max(opens, start))
            day += _DAY
        return total

    def after_open(self, start: float, seconds: float) -> float:
        """The first moment at which it has been open for so many seconds since `start`; for 0, when it
        is open first. So much time that ends with the day ends at closing, not at the next opening.

        The counterpart of `open_seconds`: that from `start` to here is `seconds`. Raises ValueError for
        less than 0, NeverOpen where it stays closed.
        """
        if seconds < 0:
            raise ValueError("opening hours are counted forward")
        if not seconds:
            return self.opening(start)
        left = seconds
        for opens, closes in self._open_from(self.day_of(start)):
            begins = max(opens, start)
            if closes <= begins:
                continue
            if left <= closes - begins:
                return begins + left
            left -= closes - begins
        raise AssertionError("days do not end")  # pragma: no cover - `_open_from` does not

    def _open_from(self, day: date) -> Iterator[Span]:
        """Every time it is open from that day on. Raises NeverOpen after too many days without one."""
        closed = 0
        while closed < CLOSED_AT_MOST:
            spans = self.openings(day)
            yield from spans
            closed = 0 if spans else closed + 1
            day += _DAY
        raise NeverOpen(day - closed * _DAY)

    def _openings(self, day: date) -> tuple[Span, ...]:
        marks = self.marks(day.year)
        if day in marks.closed_days:
            return ()
        begins, ends = self.moment(day), self.moment(day + _DAY)
        besides = self.hours if day in marks.opened_days else ()
        spans = [
            (
                self.moment(day, hours.start),
                ends if hours.end == time.min else self.moment(day, hours.end),
            )
            for hours in (*self._hours(day), *besides)
        ]
        spans += marks.opened.get(day, ())
        # Where clocks are changed the times of a range may lie outside the day, or over another range.
        within = ((max(begins, opens), min(ends, closes)) for opens, closes in spans)
        return _without(_joined(within), marks.closed.get(day, ()))

    def _hours(self, day: date) -> tuple[Hours, ...]:
        """What the rule at the head of this module gives that day."""
        off, makes_up, weekend = self._kind(day)
        if makes_up:
            return self.hours if self.makeup is None else self.makeup
        if off:
            return self.holiday
        own = self.week[day.weekday()]
        if own is not None:
            return own
        return () if weekend else self.hours


ALWAYS = Calendar(zone="UTC", hours=ALL_DAY, week=(ALL_DAY,) * 7, holiday=ALL_DAY)
"""Open around the clock on every day."""


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in order, without overlap and without empty spans."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined


def _without(spans: Iterable[Span], closed: Iterable[Span]) -> tuple[Span, ...]:
    """What is left of `spans` where `closed` is taken out."""
    left = list(spans)
    for begins, ends in closed:
        if ends <= begins:
            continue
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, begins)), (max(start, ends), end))
            if piece[0] < piece[1]
        ]
    return tuple(left)
