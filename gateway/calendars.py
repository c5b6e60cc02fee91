"""The settings of a brand's business calendar, and the tables of public holidays behind it.

Chinese holidays are announced year by year, with the weekend days on which people work instead. Two
packages carry them; a day is a working day only where both say so, so that a mistake in one makes a
promise later, never earlier. Of a year that is not announced yet only the holidays themselves are
known, by rule; `gateway check` says so, and the settings can name the days.

What a brand plans by itself (inventory, an evening of the staff, a Sunday before Christmas) can come from
iCalendar files: every event of one file closes, every event of the other opens. They are read once, with
the settings; repetitions are worked out year by year when somebody asks.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway.domain.calendar import (
    ALL_DAY,
    Calendar,
    Hours,
    Marks,
    NeverOpen,
    Span,
    Year,
    unmarked,
    weekends_only,
)
from gateway.domain.errors import SettingsError

NONE = "none"
AROUND_THE_CLOCK = "24x7"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY, MAKEUP = "holiday", "makeup"
CHINA = "CN"
#: Where the package sorts some public holidays under another heading. Hong Kong's are those of the General
#: Holidays Ordinance; those of them that employment law does not grant it calls optional (Good Friday).
HEADINGS = {"HK": ("public", "optional")}
#: Days ahead of today that promises reach into: three weeks of working days around a long holiday.
REACH = 45


def _like(what: str, value: str, known: Iterable[str], example: str) -> str:
    """`value` if it is known. Raises ValueError with the known one that looks most like it."""
    names = {name.lower(): name for name in known}
    if value.lower() in names:
        return names[value.lower()]
    near = difflib.get_close_matches(value.lower(), names, 1)
    hint = f"did you mean {names[near[0]]!r}?" if near else example
    raise ValueError(f"there is no {what} {value!r}; {hint}")


def _zone(value: str) -> str:
    return _like("time zone", value, available_timezones(), "a name looks like 'Asia/Shanghai'")


def _country(value: str) -> str:
    if value in (NONE, CHINA):  # the usual ones need no search through two hundred countries
        return value
    import holidays  # noqa: PLC0415 - takes a fifth of a second, and most commands need none of it

    known = holidays.list_supported_countries(include_aliases=False)
    parts = [f"{country}-{part}" for country in known for part in known[country]]
    return _like("country", value, [NONE, *known, *parts], "a code looks like 'CN' or 'DE-BY'")


def _hours(value: str) -> str:
    start, _, end = value.partition("-")
    begins, ends = _clock(start), _clock(end, last=True)
    if begins >= ends:
        past_midnight = (
            f"; past midnight takes two, '{start}-24:00' and, on the next day, '00:00-{end}'"
            if begins > ends > 0
            else ""
        )
        raise ValueError(
            f"{value!r} ends before it begins; a range looks like '09:00-18:00'{past_midnight}"
        )
    return value


def _usual_hours(value: str) -> str:
    return value if value == AROUND_THE_CLOCK else _hours(value)


def _in_order(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted. Raises ValueError where two overlap."""
    if AROUND_THE_CLOCK in ranges:
        if len(ranges) > 1:
            raise ValueError(f"{AROUND_THE_CLOCK!r} leaves nothing to add; take the rest out")
        return ranges
    ordered = sorted(ranges, key=_minutes)
    if any(_minutes(a)[1] > _minutes(b)[0] for a, b in pairwise(ordered)):
        raise ValueError("two of the opening_hours overlap; join them")
    return tuple(ordered)


def _day_name(value: str) -> str:
    return _like(
        "kind of day",
        value,
        (*WEEK, HOLIDAY, MAKEUP),
        f"there are {', '.join(WEEK)}, {HOLIDAY} and {MAKEUP}",
    )


def _clock(text: str, *, last: bool = False) -> float:
    """Minutes since midnight of '09:30'; '24:00' where `last`."""
    hour, _, minute = text.strip().partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and len(minute) == 2):
        raise ValueError(f"{text!r} is no time; a range looks like '09:00-18:00'")
    minutes = 60 * int(hour) + int(minute)
    if int(minute) > 59 or minutes > (24 * 60 if last else 24 * 60 - 1):
        raise ValueError(f"{text!r} is no time of the day")
    return minutes


Ranges = Annotated[tuple[Annotated[str, AfterValidator(_hours)], ...], AfterValidator(_in_order)]
File = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


class CalendarSettings(BaseModel):
    """The working days and opening hours of a brand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "Asia/Shanghai", description="Time zone in which days begin and hours are counted."
    )
    holidays: Annotated[str, AfterValidator(_country)] = Field(
        CHINA,
        description="Country whose public holidays are kept, as CN, SG or DE-BY; none: weekends only.",
    )
    extra_holidays: tuple[date, ...] = Field(
        (), description="Days off that the country's table does not have, as 2027-02-04."
    )
    extra_working_days: tuple[date, ...] = Field(
        (), description="Days on which people work although the table or the weekend says no."
    )
    opening_hours: Annotated[
        tuple[Annotated[str, AfterValidator(_usual_hours)], ...], AfterValidator(_in_order)
    ] = Field(
        ("09:00-18:00",),
        description="When people work on a working day, one range or several, or 24x7: around the "
        "clock on every day; the gateway writes first only then.",
    )
    hours: dict[Annotated[str, AfterValidator(_day_name)], Ranges] = Field(
        default_factory=dict,
        description="Hours of single days instead: mon to sun, holiday (else closed) and makeup, the "
        "days of a weekend on which people work. An empty list: closed.",
    )
    closures: File = Field(
        None, description="iCalendar file (.ics): while an event of it lasts, the brand is closed."
    )
    openings: File = Field(
        None,
        description="iCalendar file (.ics): it is open while an event lasts; a whole day is a working day.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := set(self.extra_holidays) & set(self.extra_working_days):
            raise ValueError(f"{min(both)} is a day off and a working day; take it out of one")
        if not self.opening_hours:
            raise ValueError("opening_hours needs at least one range, as '09:00-18:00'")
        if AROUND_THE_CLOCK in self.opening_hours and self.hours:
            raise ValueError(
                f"{AROUND_THE_CLOCK!r} is every day; take out the hours of single days"
            )
        usual = WEEK[:5] if AROUND_THE_CLOCK not in self.opening_hours else WEEK
        if not any(self.hours.get(day, day in usual) for day in WEEK):
            raise ValueError(
                "with these hours it never opens; name a range for one day of the week"
            )
        return self

    def calendar(self, home: Path | None = None, key: str = "calendar") -> Calendar:
        """What counts the days.

        Args:
            home: the folder that the paths of files are relative to; None: the current one.
            key: the path of these settings, for what is said about mistakes.

        Raises:
            SettingsError: a file cannot be read or is no iCalendar file, or its events leave the brand
                closed for good.
        """
        around = AROUND_THE_CLOCK in self.opening_hours
        own = {day: _ranges(ranges) for day, ranges in self.hours.items()}
        calendar = Calendar(
            zone=self.timezone,
            table=weekends_only if self.holidays == NONE else Public(self.holidays),
            off=frozenset(self.extra_holidays),
            working=frozenset(self.extra_working_days),
            hours=ALL_DAY if around else _ranges(self.opening_hours),
            week=(ALL_DAY,) * 7 if around else tuple(own.get(day) for day in WEEK),
            makeup=own.get(MAKEUP),
            holiday=ALL_DAY if around else own.get(HOLIDAY, ()),
            marks=self._marks(home or Path(), key) if self.closures or self.openings else unmarked,
        )
        if calendar.marks is not unmarked:
            try:
                calendar.opening(datetime.now(UTC).timestamp())
            except NeverOpen as error:
                raise SettingsError(str(error), key=f"{key}.closures") from error
        return calendar

    def _marks(self, home: Path, key: str) -> "Feed":
        texts = {
            name: _text(f"{key}.{name}", home / file) if file else ""
            for name, file in (("closures", self.closures), ("openings", self.openings))
        }
        return Feed(zone=self.timezone, **texts)


def _ranges(values: Iterable[str]) -> tuple[Hours, ...]:
    return tuple(Hours(_time(start), _time(end)) for start, end in map(_minutes, values))


def _minutes(value: str) -> tuple[float, float]:
    start, _, end = value.partition("-")
    return _clock(start), _clock(end, last=True)


def _time(minutes: float) -> time:
    return time(int(minutes) // 60 % 24, int(minutes) % 60)


# ---------------------------------------------------------------- tables


@dataclass(frozen=True, slots=True)
class Public:
    """The table of a country: equal to another one of it, and fit to be sent to other processes."""

    country: str

    def __call__(self, number: int) -> Year:
        return public(self.country, number)


@lru_cache(maxsize=256)
def public(country: str, number: int) -> Year:
    """The public holidays of a country (or of a part of it, 'DE-BY') in one year."""
    import holidays  # noqa: PLC0415 - as above

    code, _, part = country.partition("-")
    known = holidays.country_holidays(
        code, subdiv=part or None, years=number, categories=HEADINGS.get(code)
    )
    weekend = frozenset(known.weekend)
    year = Year(
        off=frozenset(known),
        working=frozenset(day for day in known.weekend_workdays if day.year == number),
        weekend=weekend,
    )
    return _announced(year, number) if code == CHINA else year


def _announced(year: Year, number: int) -> Year:
    """With what the second package says of a Chinese year; unpublished where it says nothing."""
    from chinese_calendar import constants  # noqa: PLC0415 - as above

    off = frozenset(day for day in constants.holidays if day.year == number)
    working = frozenset(day for day in constants.workdays if day.year == number)
    if not off:
        return Year(year.off, frozenset(), year.weekend, published=False)
    return Year(year.off | off, year.working & working, year.weekend)


# ---------------------------------------------------------------- feeds


@dataclass(frozen=True, slots=True)
class Feed:
    """What iCalendar files said when they were read: equal where they are, and fit to be sent to other
    processes, which need no file then."""

    zone: str
    """Where whole days begin, and the time of events that name no zone."""
    closures: str = ""
    """The text of a file; '' for none."""
    openings: str = ""

    def __call__(self, number: int) -> Marks:
        return marks(self, number)


@lru_cache(maxsize=256)
def marks(feed: Feed, number: int) -> Marks:
    """What the events of a year change, every repetition by itself.

    An event that is cancelled changes nothing; one that is marked as free does, as most programs mark
    whole days so. Raises ValueError where an event cannot be read.
    """
    closed, closed_days = _by_day(feed.closures, feed.zone, number)
    opened, opened_days = _by_day(feed.openings, feed.zone, number)
    return Marks(opened, opened_days, closed, closed_days)


def _by_day(
    text: str, zone: str, number: int
) -> tuple[dict[date, tuple[Span, ...]], frozenset[date]]:
    """The timed events of a year under each day that they touch, and the days of the others."""
    clock, spans, days = Calendar(zone=zone), defaultdict(list), set()
    first, last = date(number, 1, 1), date(number, 12, 31)
    for start, end in _events(text, number) if text else ():
        if not (isinstance(start, datetime) and isinstance(end, datetime)):
            final = max(start, end - timedelta(days=1))  # the end of whole days is the day after
            days |= set(_days(max(start, first), min(final, last)))
            continue
        begins, ends = (
            moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone)).timestamp()
            for moment in (start, end)
        )
        for day in _days(max(clock.day_of(begins), first), min(clock.day_of(ends), last)):
            spans[day].append((begins, ends))
    return {day: tuple(found) for day, found in spans.items()}, frozenset(days)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _events(text: str, number: int) -> Iterator[tuple[date, date]]:
    """Begin and end of every event of a year and the days around it; dates where it takes whole days,
    else moments. What repeats comes as often as it does."""
    import icalendar  # noqa: PLC0415 - takes a sixth of a second, and most brands have no feed
    import recurring_ical_events  # type: ignore[import-untyped] # noqa: PLC0415 - no types; as above

    try:
        events = recurring_ical_events.of(
            icalendar.Calendar.from_ical(text), components=["VEVENT"]
        ).between(
            date(number, 1, 1) - timedelta(days=2), date(number + 1, 1, 1) + timedelta(days=2)
        )
    except KeyError as error:
        raise ValueError(f"an event has no {error.args[0]}") from error
    for event in events:
        if event.get("STATUS") != "CANCELLED":
            yield event.start, event.end


def _text(key: str, file: Path) -> str:
    """The text of an iCalendar file that can be understood. Raises SettingsError for any other."""
    try:
        text = file.read_text("utf-8-sig")
        for _ in _events(text, datetime.now(UTC).year):
            pass
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}", key=key) from error
    except ValueError as error:
        raise SettingsError(f"{file} is no iCalendar file: {error}", key=key) from error
    return text


def unpublished(
    calendars: Mapping[str, Calendar], today: date, part: str = ".calendar"
) -> list[str]:
    """A line for each calendar that promises of today may reach beyond: what is missing, and what to
    do about it. `calendars`: by the path of their settings, as 'brands.wallet', of which they are a
    `part`."""
    last = today + timedelta(days=REACH)
    return [
        f"{owner}{part}: the working days of {last.year} are not announced yet; until the "
        "next release has them, name the moved ones in extra_holidays and extra_working_days"
        for owner, calendar in calendars.items()
        if not calendar.is_published(last)
    ]
