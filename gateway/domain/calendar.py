"""The business calendar of a brand: which days are working days, and when it is open. Pure.

Which days are public holidays comes from outside (`Calendar.table`): this module counts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SATURDAY, SUNDAY = 5, 6
_DAY = timedelta(days=1)


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


def weekends_only(_year: int) -> Year:
    """A country without holidays."""
    return Year()


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

    def is_business_day(self, day: date) -> bool:
        """Whether people work on `day`."""
        if day in self.working or day in self.off:
            return day in self.working
        year = self.table(day.year)
        if day in year.working:
            return True
        return day not in year.off and day.weekday() not in year.weekend

    def add_business_days(self, start: date, days: int) -> date:
        """The working day that is `days` working days after `start`; for 0, `start` itself or the
        first working day after it. From a day off, the first working day counts as one.

        Raises ValueError for less than 0.
        """
        if days < 0:
            raise ValueError("working days are counted forward")
        day = start
        while days:
            day += _DAY
            days -= self.is_business_day(day)
        while not self.is_business_day(day):
            day += _DAY
        return day

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

    def opening(self, at: float) -> float:
        """`at` when the brand is open then, else when it opens next."""
        for start, end in self._open_from(self.day_of(at)):
            if end > (opens := max(at, start)):
                return opens
        raise AssertionError("days do not end")  # pragma: no cover - `_open_from` does not

    def opening_after(self, day: date) -> float:
        """When the brand opens first after `day` has passed."""
        return self.opening(self.moment(day + _DAY))

    def open_seconds(self, start: float, end: float) -> float:
        """For how long it is open between two moments; 0 when `end` is not after `start`. Where clocks
        are changed in between, it is what a stopwatch shows."""
        total = 0.0
        for opens, closes in self._open_from(self.day_of(start)):
            if opens >= end:
                break
            total += max(0.0, min(closes, end) - max(opens, start))
        return total

    def after_open(self, start: float, seconds: float) -> float:
        """The moment at which it has been open for so many seconds since `start`; for 0, when it is
        open first. The counterpart of `open_seconds`. Raises ValueError for less than 0."""
        if seconds < 0:
            raise ValueError("opening hours are counted forward")
        left, at = seconds, self.opening(start)
        for opens, closes in self._open_from(self.day_of(at)):
            begins = max(opens, at)
            if closes - begins > 0 and left <= closes - begins:
                return begins + left
            left -= max(0.0, closes - begins)
        raise AssertionError("days do not end")  # pragma: no cover - `_open_from` does not

    def _open_from(self, day: date) -> Iterator[tuple[float, float]]:
        """Every time it is open, as (start, end), from that day on."""
        while True:
            for hours in self.hours if self.is_business_day(day) else ():
                last = day + _DAY if hours.end == time.min else day
                yield self.moment(day, hours.start), self.moment(last, hours.end)
            day += _DAY
