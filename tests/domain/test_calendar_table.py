"""Business time worked out by hand, over ten time zones: where it ends, and how much of it lies between.

Every value follows from the reason beside it; none was taken from the program. Days in China are those of
the yearly notices (they stand in tests/config/test_calendars.py), the others those of each country's law.
Weekdays: 1 January is a Monday in 2024, a Wednesday in 2025 and a Thursday in 2026.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.calendars import CalendarSettings
from gateway.domain.calendar import Calendar

NIGHT = ["00:00-06:00", "22:00-24:00"]


def of(zone: str, holidays: str, *hours: str, **own: list[str]) -> Calendar:
    given = CalendarSettings(timezone=zone, holidays=holidays, opening_hours=hours, hours=own)
    return given.calendar()


CALENDARS = {
    "shanghai": of("Asia/Shanghai", "CN", "09:00-18:00"),
    "break": of("Asia/Shanghai", "CN", "09:00-12:00", "13:00-18:00"),
    "hongkong": of("Asia/Hong_Kong", "HK", "09:00-18:00", sat=["09:00-13:00"]),
    "singapore": of("Asia/Singapore", "SG", "08:30-17:30"),
    "berlin": of("Europe/Berlin", "DE-BE", "09:00-17:00"),
    "berlin24": of("Europe/Berlin", "DE-BE", "24x7"),
    "night": of("Europe/Berlin", "none", *NIGHT, sat=NIGHT, sun=NIGHT),
    "newyork": of("America/New_York", "US", "09:00-17:00"),
    "newyork24": of("America/New_York", "US", "24x7"),
    "sydney": of("Australia/Sydney", "AU-NSW", "09:00-17:00"),
    "sydney24": of("Australia/Sydney", "AU-NSW", "24x7"),
    "kolkata": of("Asia/Kolkata", "none", "10:00-19:00", sat=["10:00-14:00"]),
    "kathmandu": of("Asia/Kathmandu", "none", "09:00-18:00", sat=[], sun=["09:00-18:00"]),
    "riyadh": of("Asia/Riyadh", "SA", "09:00-18:00"),
    "lordhowe24": of("Australia/Lord_Howe", "none", "24x7"),
}

#: Where, from when, so many open hours, until when, why.
ADDED = [
    # China 2024, 09-18: nine hours a day
    ("shanghai", "2024-02-03 12:00", 1, "2024-02-04 10:00", "Saturday is off, Sunday 4 February makes up"),
    ("shanghai", "2024-02-09 17:00", 2, "2024-02-18 10:00", "New Year 10-17 February; Sunday 18 makes up"),
    ("shanghai", "2024-04-03 18:00", 1, "2024-04-07 10:00", "Qingming Thursday 4 - Saturday 6; Sunday makes up"),
    ("shanghai", "2024-04-27 12:00", 0.5, "2024-04-28 09:30", "Sunday 28 April makes up for Labour Day"),
    ("shanghai", "2024-04-30 17:00", 9, "2024-05-06 17:00", "one hour on Tuesday, 1-5 May off, eight on Monday"),
    ("shanghai", "2024-05-10 17:00", 2, "2024-05-11 10:00", "Saturday 11 May makes up"),
    ("shanghai", "2024-05-11 17:00", 2, "2024-05-13 10:00", "the Sunday after it does not"),
    ("shanghai", "2024-06-07 17:30", 1, "2024-06-11 09:30", "Dragon Boat is Monday 10 June"),
    ("shanghai", "2024-09-13 18:00", 9, "2024-09-14 18:00", "all of Saturday 14 September, which makes up"),
    ("shanghai", "2024-09-14 17:00", 2, "2024-09-18 10:00", "Mid-Autumn Sunday 15 - Tuesday 17"),
    ("shanghai", "2024-09-28 10:00", 3, "2024-09-29 12:00", "Saturday off, Sunday 29 September makes up"),
    ("shanghai", "2024-09-30 17:00", 2, "2024-10-08 10:00", "National Day 1-7 October"),
    ("shanghai", "2024-10-11 16:00", 3, "2024-10-12 10:00", "two on Friday, one on Saturday 12, which makes up"),
    # China 2025
    ("shanghai", "2024-12-31 17:00", 2, "2025-01-02 10:00", "1 January alone, a Wednesday"),
    ("shanghai", "2025-01-25 09:00", 4, "2025-01-26 13:00", "Saturday off, Sunday 26 January makes up"),
    ("shanghai", "2025-01-27 17:00", 2, "2025-02-05 10:00", "New Year 28 January - 4 February"),
    ("shanghai", "2025-02-07 17:00", 2, "2025-02-08 10:00", "Saturday 8 February makes up"),
    ("shanghai", "2025-02-08 18:00", 1, "2025-02-10 10:00", "after it a usual Sunday"),
    ("shanghai", "2025-04-03 17:00", 2, "2025-04-07 10:00", "Qingming Friday 4 - Sunday 6"),
    ("shanghai", "2025-04-26 09:00", 9, "2025-04-27 18:00", "all of Sunday 27 April, which makes up"),
    ("shanghai", "2025-04-30 17:00", 2, "2025-05-06 10:00", "Labour Day 1-5 May"),
    ("shanghai", "2025-05-30 17:00", 2, "2025-06-03 10:00", "Dragon Boat Saturday 31 May - Monday 2 June"),
    ("shanghai", "2025-09-28 10:00", 1, "2025-09-28 11:00", "Sunday 28 September makes up"),
    ("shanghai", "2025-09-30 17:00", 2, "2025-10-09 10:00", "National Day with Mid-Autumn 1-8 October"),
    ("shanghai", "2025-10-10 17:00", 2, "2025-10-11 10:00", "Saturday 11 October makes up"),
    ("shanghai", "2025-10-11 17:00", 2, "2025-10-13 10:00", "Sunday 12 October does not"),
    ("shanghai", "2025-12-31 17:00", 2, "2026-01-04 10:00", "1-3 January off, Sunday 4 makes up"),
    # China 2026
    ("shanghai", "2026-02-13 17:00", 2, "2026-02-14 10:00", "Saturday 14 February makes up"),
    ("shanghai", "2026-02-14 17:00", 2, "2026-02-24 10:00", "New Year 15-23 February"),
    ("shanghai", "2026-02-27 17:00", 11, "2026-03-02 10:00", "one on Friday, nine on Saturday 28, one on Monday"),
    ("shanghai", "2026-04-03 17:00", 2, "2026-04-07 10:00", "Qingming Saturday 4 - Monday 6"),
    ("shanghai", "2026-04-30 17:00", 2, "2026-05-06 10:00", "Labour Day 1-5 May"),
    ("shanghai", "2026-05-08 18:00", 1, "2026-05-09 10:00", "Saturday 9 May makes up"),
    ("shanghai", "2026-06-18 17:00", 2, "2026-06-22 10:00", "Dragon Boat Friday 19 - Sunday 21 June"),
    ("shanghai", "2026-09-19 08:00", 3, "2026-09-20 12:00", "Saturday off, Sunday 20 September makes up"),
    ("shanghai", "2026-09-24 17:00", 2, "2026-09-28 10:00", "Mid-Autumn Friday 25 - Sunday 27"),
    ("shanghai", "2026-09-30 17:00", 2, "2026-10-08 10:00", "National Day 1-7 October"),
    ("shanghai", "2026-10-09 17:00", 2, "2026-10-10 10:00", "Saturday 10 October makes up"),
    # several ranges a day: eight hours
    ("break", "2026-03-02 11:30", 1, "2026-03-02 13:30", "half an hour before lunch, half after"),
    ("break", "2026-03-02 12:30", 0, "2026-03-02 13:00", "nothing to add: the next opening"),
    ("break", "2026-03-02 11:00", 1, "2026-03-02 12:00", "full at the closing for lunch, not when it opens again"),
    ("break", "2026-03-06 17:45", 16.25, "2026-03-10 18:00", "a quarter on Friday, all Monday, all Tuesday"),
    ("break", "2026-02-14 11:00", 6, "2026-02-14 18:00", "a day that makes up has its lunch too: one and five"),
    # Hong Kong, with four hours on Saturdays
    ("hongkong", "2026-03-13 17:00", 2, "2026-03-14 10:00", "one on Friday, one on Saturday"),
    ("hongkong", "2026-03-14 12:00", 2, "2026-03-16 10:00", "Saturday ends at 13; one on Monday"),
    ("hongkong", "2025-06-30 17:00", 2, "2025-07-02 10:00", "1 July is the Establishment Day"),
    ("hongkong", "2025-12-24 17:00", 2, "2025-12-27 10:00", "25 and 26 December; the 27th is a Saturday"),
    ("hongkong", "2026-04-02 17:00", 2, "2026-04-08 10:00", "Easter from Friday 3; Monday and Tuesday with Qingming"),
    ("hongkong", "2026-02-14 10:00", 4, "2026-02-16 10:00", "no day that makes up: three on Saturday, one on Monday"),
    # Singapore, 08:30-17:30
    ("singapore", "2026-08-07 17:00", 1, "2026-08-11 09:00", "9 August is a Sunday, so Monday 10 is off"),
    ("singapore", "2026-12-24 17:00", 1, "2026-12-28 09:00", "Christmas is a Friday"),
    ("singapore", "2025-12-31 17:30", 0.5, "2026-01-02 09:00", "closed at 17:30; 1 January off"),
    ("singapore", "2026-02-14 10:00", 1, "2026-02-16 09:30", "a usual Saturday here"),
    ("singapore", "2026-02-16 17:00", 1, "2026-02-19 09:00", "New Year is 17 and 18 February"),
    # Berlin, 09-17
    ("berlin", "2026-03-27 16:00", 2, "2026-03-30 10:00", "clocks go forward on the Sunday between: same wall time"),
    ("berlin", "2026-10-23 16:00", 2, "2026-10-26 10:00", "clocks go back on the Sunday between: same wall time"),
    ("berlin", "2026-04-02 16:00", 2, "2026-04-07 10:00", "Good Friday and Easter Monday"),
    ("berlin", "2026-05-13 16:30", 1, "2026-05-15 09:30", "Ascension Day is a Thursday"),
    ("berlin", "2024-03-07 16:00", 2, "2024-03-11 10:00", "8 March is a holiday in Berlin; a Friday"),
    ("berlin", "2025-05-07 16:00", 2, "2025-05-09 10:00", "8 May 2025, once, in Berlin"),
    ("berlin24", "2026-03-28 12:00", 24, "2026-03-29 13:00", "one hour was left out"),
    ("berlin24", "2026-10-24 12:00", 24, "2026-10-25 11:00", "one hour came twice"),
    ("berlin24", "2026-03-29 01:30", 1, "2026-03-29 03:30", "02:00 to 03:00 was left out"),
    ("berlin24", "2026-12-24 20:00", 10, "2026-12-25 06:00", "24x7 knows no holidays"),
    ("night", "2026-03-28 23:00", 7, "2026-03-29 23:00", "one, then 00-06 has five, then one from 22"),
    ("night", "2026-10-24 23:00", 7, "2026-10-25 05:00", "one, then six of the seven between 00 and 06"),
    ("night", "2026-06-05 23:30", 1, "2026-06-06 00:30", "over midnight without a gap"),
    # New York, 09-17
    ("newyork", "2026-03-06 16:00", 2, "2026-03-09 10:00", "clocks go forward on 8 March"),
    ("newyork", "2026-10-30 16:00", 2, "2026-11-02 10:00", "clocks go back on 1 November"),
    ("newyork", "2026-11-25 16:00", 2, "2026-11-27 10:00", "Thanksgiving is the fourth Thursday"),
    ("newyork", "2026-07-02 16:00", 2, "2026-07-06 10:00", "4 July is a Saturday: kept on Friday"),
    ("newyork", "2026-01-16 16:00", 2, "2026-01-20 10:00", "the third Monday of January"),
    ("newyork24", "2026-11-01 01:30", 2, "2026-11-01 02:30", "01:30 is the first of two: one hour, and one more"),
    ("newyork24", "2026-03-08 01:00", 1.5, "2026-03-08 03:30", "02:00 to 03:00 was left out"),
    # Sydney, 09-17, where clocks go the other way round
    ("sydney", "2026-10-02 16:00", 2, "2026-10-06 10:00", "clocks on Sunday 4, Labour Day on Monday 5 October"),
    ("sydney", "2026-04-02 16:00", 2, "2026-04-07 10:00", "Easter, and clocks go back on Sunday 5 April"),
    ("sydney", "2026-01-23 16:00", 2, "2026-01-27 10:00", "26 January is a Monday"),
    ("sydney24", "2026-04-04 12:00", 24, "2026-04-05 11:00", "one hour came twice"),
    # zones off the full hour, and other weekends
    ("kolkata", "2026-03-06 18:30", 1, "2026-03-07 10:30", "half an hour on Friday, half on Saturday"),
    ("kolkata", "2026-03-07 13:30", 1, "2026-03-09 10:30", "Saturday ends at 14, Sunday is off"),
    ("kathmandu", "2026-03-06 17:00", 2, "2026-03-08 10:00", "Saturday is closed, Sunday is not"),
    ("riyadh", "2026-03-05 17:00", 2, "2026-03-08 10:00", "the weekend is Friday and Saturday"),
    ("lordhowe24", "2026-04-04 12:00", 24, "2026-04-05 11:30", "clocks there go by half an hour"),
]  # fmt: skip

#: Where, from when, until when, so many open hours, why.
COUNTED = [
    ("shanghai", "2024-02-01 00:00", "2024-03-01 00:00", 162, "2 + 5 + 5 + 4 weekdays, two that make up: 18"),
    ("shanghai", "2024-09-01 00:00", "2024-10-01 00:00", 189, "5 + 5 + 3 + 5 + 1 weekdays, two that make up: 21"),
    ("shanghai", "2025-10-01 00:00", "2025-11-01 00:00", 162, "2 + 15 weekdays after the 8th, one that makes up: 18"),
    ("shanghai", "2026-02-01 00:00", "2026-03-01 00:00", 144, "5 + 5 + 4 weekdays, two that make up: 16"),
    ("shanghai", "2026-09-20 00:00", "2026-09-21 00:00", 9, "a Sunday that makes up is a whole day"),
    ("shanghai", "2026-10-01 00:00", "2026-10-08 00:00", 0, "all of it off"),
    ("shanghai", "2026-03-02 20:00", "2026-03-03 08:00", 0, "a night"),
    ("break", "2026-03-02 10:00", "2026-03-03 10:00", 8, "from any moment to the same of the next day: a day"),
    ("break", "2026-03-02 12:10", "2026-03-02 12:50", 0, "lunch"),
    ("hongkong", "2026-03-09 00:00", "2026-03-16 00:00", 49, "five times nine and four"),
    ("singapore", "2026-08-08 00:00", "2026-08-11 00:00", 0, "Saturday, the National Day, the Monday after it"),
    ("berlin", "2026-03-23 00:00", "2026-04-06 00:00", 72, "five days and four, Good Friday off"),
    ("berlin24", "2026-03-29 00:00", "2026-03-30 00:00", 23, "clocks go forward"),
    ("berlin24", "2026-10-25 00:00", "2026-10-26 00:00", 25, "clocks go back"),
    ("berlin24", "2026-01-01 00:00", "2027-01-01 00:00", 8760, "the two make up for each other"),
    ("night", "2026-03-29 00:00", "2026-03-30 00:00", 7, "five and two"),
    ("night", "2026-10-25 00:00", "2026-10-26 00:00", 9, "seven and two"),
    ("newyork24", "2026-03-08 00:00", "2026-03-09 00:00", 23, "clocks go forward"),
    ("newyork24", "2026-11-01 00:00", "2026-11-02 00:00", 25, "clocks go back"),
    ("newyork", "2026-11-23 00:00", "2026-11-30 00:00", 32, "four days of eight: Thanksgiving"),
    ("sydney24", "2026-04-05 00:00", "2026-04-06 00:00", 25, "clocks go back in autumn, in April"),
    ("sydney24", "2026-10-04 00:00", "2026-10-05 00:00", 23, "clocks go forward in spring, in October"),
    ("kolkata", "2026-03-02 00:00", "2026-03-09 00:00", 49, "five times nine and four"),
    ("kathmandu", "2026-03-02 00:00", "2026-03-09 00:00", 54, "six days of nine, Saturday closed"),
    ("lordhowe24", "2026-10-04 00:00", "2026-10-05 00:00", 23.5, "half an hour is left out"),
]  # fmt: skip


def moment(calendar: Calendar, wall: str) -> float:
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(calendar.zone)).timestamp()


@pytest.mark.parametrize(("where", "start", "hours", "end", "why"), ADDED, ids=str)
def test_so_much_business_time_ends_then(where, start, hours, end, why):
    calendar = CALENDARS[where]
    begins, ends = moment(calendar, start), moment(calendar, end)
    assert calendar.after_open(begins, hours * 3600) == ends, why
    assert calendar.open_seconds(begins, ends) == hours * 3600, why


@pytest.mark.parametrize(("where", "start", "end", "hours", "why"), COUNTED, ids=str)
def test_so_much_business_time_lies_between(where, start, end, hours, why):
    calendar = CALENDARS[where]
    assert calendar.open_seconds(moment(calendar, start), moment(calendar, end)) == hours * 3600, (
        why
    )


def test_the_table_is_as_large_as_it_claims():
    zones = {CALENDARS[case[0]].zone for case in ADDED + COUNTED}
    assert len({case[:4] for case in ADDED}) + len({case[:4] for case in COUNTED}) >= 100
    assert len(zones) == 10
