"""The settings of a brand's business calendar, and the tables of public holidays behind it.

Chinese holidays are announced year by year, with the weekend days on which people work instead. Two
packages carry them; a day is a working day only where both say so, so that a mistake in one makes a
promise later, never earlier. Of a year that is not announced yet only the holidays themselves are
known, by rule; `gateway check` says so, and the settings can name the days.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.domain.calendar import Calendar, Hours, Year, weekends_only

NONE = "none"
CHINA = "CN"
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
    if _clock(start) >= _clock(end, last=True):
        raise ValueError(f"{value!r} ends before it begins; a range looks like '09:00-18:00'")
    return value


def _clock(text: str, *, last: bool = False) -> float:
    """Minutes since midnight of '09:30'; '24:00' where `last`."""
    hour, _, minute = text.strip().partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and len(minute) == 2):
        raise ValueError(f"{text!r} is no time; a range looks like '09:00-18:00'")
    minutes = 60 * int(hour) + int(minute)
    if int(minute) > 59 or minutes > (24 * 60 if last else 24 * 60 - 1):
        raise ValueError(f"{text!r} is no time of the day")
    return minutes


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
    opening_hours: tuple[Annotated[str, AfterValidator(_hours)], ...] = Field(
        ("09:00-18:00",),
        description="When people work on a working day, one range or several; the gateway writes "
        "first only then.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := set(self.extra_holidays) & set(self.extra_working_days):
            raise ValueError(f"{min(both)} is a day off and a working day; take it out of one")
        if not self.opening_hours:
            raise ValueError("opening_hours needs at least one range, as '09:00-18:00'")
        ranges = sorted(map(_minutes, self.opening_hours))
        if any(a[1] > b[0] for a, b in pairwise(ranges)):
            raise ValueError("two of the opening_hours overlap; join them")
        return self

    def calendar(self) -> Calendar:
        """What counts the days."""
        return Calendar(
            zone=self.timezone,
            table=weekends_only if self.holidays == NONE else Public(self.holidays),
            off=frozenset(self.extra_holidays),
            working=frozenset(self.extra_working_days),
            hours=tuple(
                Hours(_time(start), _time(end))
                for start, end in sorted(map(_minutes, self.opening_hours))
            ),
        )


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
    known = holidays.country_holidays(code, subdiv=part or None, years=number)
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


def unpublished(calendars: Mapping[str, Calendar], today: date) -> list[str]:
    """A line for each calendar that promises of today may reach beyond: what is missing, and what to
    do about it."""
    last = today + timedelta(days=REACH)
    return [
        f"brands.{brand}.calendar: the working days of {last.year} are not announced yet; until the "
        "next release has them, name the moved ones in extra_holidays and extra_working_days"
        for brand, calendar in calendars.items()
        if not calendar.is_published(last)
    ]
