"""The settings of hours by day and of iCalendar files: what they mean, and what is refused."""

import pickle
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.calendars import CalendarSettings
from gateway.config import load
from gateway.domain.calendar import ALL_DAY, Calendar, Hours
from gateway.domain.errors import SettingsError

MONDAY = date(2026, 3, 2)


def hours_on(calendar: Calendar, day: date) -> float:
    start, end = calendar.moment(day), calendar.moment(day + timedelta(days=1))
    return calendar.open_seconds(start, end) / 3600


def test_the_settings_file_names_hours_by_day(tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[brands.one]\nname = "One"\n[brands.one.calendar]\n'
        'opening_hours = ["09:00-12:00", "13:00-18:00"]\n[brands.one.calendar.hours]\n'
        'Sat = ["10:00-16:00"]\nfri = ["14:00-16:00", "09:00-12:00"]\nsun = []\n'
        'holiday = ["10:00-11:00"]\nmakeup = ["09:00-24:00"]\n',
        "utf-8",
    )
    calendar = load(file, environ={}).domain_brands()["one"].calendar
    # Saturday 7 and Sunday 8 March; 1 October is a holiday, Saturday 10 October makes up for it.
    week = [hours_on(calendar, MONDAY + timedelta(days=n)) for n in range(7)]
    assert week == [8, 8, 8, 8, 5, 6, 0]
    assert hours_on(calendar, date(2026, 10, 1)) == 1
    assert hours_on(calendar, date(2026, 10, 10)) == 15
    assert calendar.week[4] == (Hours(time(9), time(12)), Hours(time(14), time(16)))


def test_around_the_clock_is_every_day_of_the_year():
    calendar = CalendarSettings(opening_hours=["24x7"]).calendar()
    assert calendar.hours == ALL_DAY
    assert {hours_on(calendar, date(2026, 1, 1) + timedelta(days=n)) for n in range(365)} == {24}
    assert not calendar.is_business_day(date(2026, 10, 1)), "promises still count working days"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"hours": {"make-up": []}}, "there is no kind of day 'make-up'; did you mean 'makeup'?"),
        (
            {"hours": {"saturday": []}},
            "there are mon, tue, wed, thu, fri, sat, sun, holiday and makeup",
        ),
        ({"hours": {"sat": ["10:00-12:00", "11:00-13:00"]}}, "two of the opening_hours overlap"),
        ({"hours": {"sat": ["24x7"]}}, "'24x7' is no time"),
        ({"opening_hours": ["24x7", "09:00-10:00"]}, "'24x7' leaves nothing to add"),
        ({"opening_hours": ["24x7"], "hours": {"sun": []}}, "'24x7' is every day"),
        ({"opening_hours": ["22:00-06:00"]}, "'22:00-24:00' and, on the next day, '00:00-06:00'"),
        ({"opening_hours": ["09:00-09:00"]}, "ends before it begins"),
        ({"hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ())}, "it never opens"),
        ({"hours": {"holiday": ["24:00-24:00"]}}, "'24:00' is no time of the day"),
    ],
)
def test_a_wrong_value_is_refused_with_the_cure(given, complaint):
    with pytest.raises(ValidationError, match="1 validation error") as caught:
        CalendarSettings.model_validate(given)
    assert complaint in str(caught.value)


def test_one_day_of_the_week_is_enough():
    closed = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ())
    calendar = CalendarSettings(hours={**closed, "sun": ["10:00-11:00"]}).calendar()
    assert hours_on(calendar, date(2026, 3, 8)) == 1


def test_easter_is_a_holiday_in_hong_kong():
    calendar = CalendarSettings(timezone="Asia/Hong_Kong", holidays="HK").calendar()
    assert not calendar.is_business_day(date(2026, 4, 3))
    assert calendar.is_business_day(date(2026, 4, 2))


# ---------------------------------------------------------------- feeds


def event(*lines: str) -> str:
    inside = ("BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT")
    return "\r\n".join(inside) + "\r\n"


def feed(folder: Path, name: str, *events: str) -> Path:
    """An iCalendar file; each event gets a UID of its own."""
    body = "".join(
        one.replace("DTSTAMP", f"UID:{n}@example\r\nDTSTAMP") for n, one in enumerate(events)
    )
    (folder / name).write_text(
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//shop//hours//EN\r\n{body}END:VCALENDAR\r\n",
        "utf-8",
    )
    return Path(name)


def closed_by(folder: Path, *events: str, **settings) -> Calendar:
    given = {"timezone": "Europe/Berlin", "holidays": "none", "opening_hours": ["08:00-18:00"]}
    file = feed(folder, "closed.ics", *events)
    return CalendarSettings(**{**given, **settings}, closures=file).calendar(folder)


def test_days_without_a_time_close_whole_days(tmp_path):
    calendar = closed_by(
        tmp_path,
        event("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260304"),
        event("DTSTART;VALUE=DATE:20260305"),
    )
    week = [hours_on(calendar, MONDAY + timedelta(days=n)) for n in range(5)]
    assert week == [0, 0, 10, 0, 10]
    assert not calendar.is_business_day(MONDAY)


def test_a_time_counts_in_the_zone_it_names_else_in_the_brands(tmp_path):
    calendar = closed_by(
        tmp_path,
        event("DTSTART:20260302T120000", "DTEND:20260302T130000"),
        event("DTSTART:20260303T120000Z", "DURATION:PT30M"),
        event(
            "DTSTART;TZID=Asia/Shanghai:20260304T190000", "DTEND;TZID=Asia/Shanghai:20260304T210000"
        ),
    )
    openings = [
        [(opens - calendar.moment(day)) / 3600 for opens, _ in calendar.openings(day)]
        for day in (MONDAY, date(2026, 3, 3), date(2026, 3, 4))
    ]
    assert openings == [[8, 13], [8, 13.5], [8, 14]]
    noon = calendar.moment(MONDAY, time(12))
    assert calendar.after_open(noon - 1800, 3600) == noon + 5400


def test_an_event_over_midnight_and_new_year_closes_both_days(tmp_path):
    calendar = closed_by(tmp_path, event("DTSTART:20261231T170000", "DTEND:20270101T093000"))
    assert hours_on(calendar, date(2026, 12, 31)) == 9
    assert hours_on(calendar, date(2027, 1, 1)) == 8.5


def test_what_repeats_closes_each_time_but_where_it_is_left_out_or_moved(tmp_path):
    weekly = event(
        "DTSTART:20260302T080000",
        "DTEND:20260302T100000",
        "RRULE:FREQ=WEEKLY",
        "EXDATE:20260309T080000",
    )
    moved = event(
        "DTSTART:20260317T080000", "DTEND:20260317T110000", "RECURRENCE-ID:20260316T080000"
    ).replace("DTSTAMP", "UID:0@example\r\nDTSTAMP")
    file = feed(tmp_path, "closed.ics", weekly)
    text = (tmp_path / file).read_text("utf-8")
    (tmp_path / file).write_text(text.replace("END:VCALENDAR", f"{moved}END:VCALENDAR"), "utf-8")
    calendar = CalendarSettings(
        timezone="Europe/Berlin", holidays="none", opening_hours=["08:00-18:00"], closures=file
    ).calendar(tmp_path)
    days = [MONDAY, *(date(2026, 3, day) for day in (9, 16, 17, 23, 30)), date(2031, 3, 3)]
    assert [hours_on(calendar, day) for day in days] == [8, 10, 10, 7, 8, 8, 8]


def test_a_cancelled_event_does_not_count_and_one_marked_free_does(tmp_path):
    calendar = closed_by(
        tmp_path,
        event("DTSTART;VALUE=DATE:20260302", "STATUS:CANCELLED"),
        event("DTSTART;VALUE=DATE:20260303", "TRANSP:TRANSPARENT"),
    )
    assert hours_on(calendar, MONDAY) == 10
    assert hours_on(calendar, date(2026, 3, 3)) == 0


def test_events_that_open_and_others_that_close_again(tmp_path):
    openings = feed(
        tmp_path,
        "open.ics",
        event("DTSTART;VALUE=DATE:20260308"),
        event("DTSTART:20260302T170000", "DTEND:20260302T200000"),
    )
    evening = event("DTSTART:20260302T190000", "DTEND:20260302T230000")
    calendar = closed_by(tmp_path, evening, openings=openings)
    assert hours_on(calendar, date(2026, 3, 8)) == 10, "a Sunday with the hours of a working day"
    assert hours_on(calendar, MONDAY) == 11


def test_a_feed_closes_also_around_the_clock(tmp_path):
    calendar = closed_by(
        tmp_path, event("DTSTART:20260302T000000", "DURATION:PT6H"), opening_hours=["24x7"]
    )
    assert hours_on(calendar, MONDAY) == 18


def test_a_calendar_with_a_feed_needs_its_file_only_once(tmp_path):
    calendar = closed_by(tmp_path, event("DTSTART;VALUE=DATE:20260302"))
    sent = pickle.dumps(calendar)
    (tmp_path / "closed.ics").unlink()
    assert pickle.loads(sent) == calendar
    assert hours_on(pickle.loads(sent), MONDAY) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hello", "is no iCalendar file"),
        ("", "is no iCalendar file"),
        (event("DTSTART:2026"), "is no iCalendar file"),
        ("BEGIN:VCALENDAR\r\n" + event("UID:1", "DTSTART:2026") + "END:VCALENDAR\r\n", "broken"),
        ("BEGIN:VCALENDAR\r\n" + event("UID:1") + "END:VCALENDAR\r\n", "an event has no DTSTART"),
        (
            "BEGIN:VCALENDAR\r\n"
            + event("UID:1", "DTSTART:20260302T080000", "RRULE:FREQ=SOMETIMES")
            + "END:VCALENDAR\r\n",
            "FREQ=SOMETIMES",
        ),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_with_its_name(tmp_path, text, complaint):
    (tmp_path / "bad.ics").write_text(text, "utf-8")
    settings = CalendarSettings(openings=Path("bad.ics"))
    with pytest.raises(SettingsError, match=complaint) as caught:
        settings.calendar(tmp_path, "brands.one.calendar")
    assert caught.value.key == "brands.one.calendar.openings"
    assert str(tmp_path / "bad.ics") in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"calendar\.closures: .*none\.ics: No such file"):
        CalendarSettings(closures=Path("none.ics")).calendar(tmp_path)


def test_events_that_close_for_good_are_refused_at_once(tmp_path):
    with pytest.raises(SettingsError, match=r"calendar\.closures: not open on any of the 400 days"):
        closed_by(tmp_path, event("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY"))
