"""The settings of business calendars, and the tables of holidays behind them.

The table below is written by hand from the yearly notices of the State Council's General Office on the
arrangement of holidays (国办发明电〔2023〕7号, 〔2024〕12号, 〔2025〕7号).
"""

import pickle
from datetime import date, timedelta

import chinese_calendar
import pytest
from pydantic import ValidationError

from gateway.calendars import CalendarSettings, public, unpublished
from gateway.config import Config, load
from gateway.domain.errors import SettingsError

#: First and last day off of each holiday, and the weekend days on which people work instead.
NOTICES = {
    2024: (
        ["01-01 01-01", "02-10 02-17", "04-04 04-06", "05-01 05-05", "06-10 06-10",
         "09-15 09-17", "10-01 10-07"],
        ["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"],
    ),
    2025: (
        ["01-01 01-01", "01-28 02-04", "04-04 04-06", "05-01 05-05", "05-31 06-02", "10-01 10-08"],
        ["01-26", "02-08", "04-27", "09-28", "10-11"],
    ),
    2026: (
        ["01-01 01-03", "02-15 02-23", "04-04 04-06", "05-01 05-05", "06-19 06-21",
         "09-25 09-27", "10-01 10-07"],
        ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    ),
}  # fmt: skip
CHINA = CalendarSettings().calendar()


def days_of(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=n) for n in range(366) if n < 365 or year % 4 == 0]


def off_by_notice(year: int) -> set[date]:
    spans = [
        [date.fromisoformat(f"{year}-{end}") for end in span.split()] for span in NOTICES[year][0]
    ]
    return {
        first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)
    }


@pytest.mark.parametrize("year", NOTICES)
def test_every_day_is_as_the_notice_says(year):
    off = off_by_notice(year)
    working = {date.fromisoformat(f"{year}-{day}") for day in NOTICES[year][1]}
    for day in days_of(year):
        expected = day in working or (day.weekday() < 5 and day not in off)
        assert CHINA.is_business_day(day) is expected, day


@pytest.mark.parametrize("year", range(2015, 2027))
def test_the_two_packages_agree(year):
    for day in days_of(year):
        assert CHINA.is_business_day(day) is chinese_calendar.is_workday(day), day


def test_a_day_counts_only_where_both_packages_say_so(monkeypatch):
    constants = chinese_calendar.constants
    monkeypatch.setattr(
        constants,
        "workdays",
        {k: v for k, v in constants.workdays.items() if str(k) != "2026-05-09"},
    )
    monkeypatch.setitem(constants.holidays, date(2026, 3, 2), "Spring Festival")
    public.cache_clear()
    try:
        assert not CHINA.is_business_day(date(2026, 5, 9))
        assert not CHINA.is_business_day(date(2026, 3, 2))
        assert CHINA.is_business_day(date(2026, 10, 10))
    finally:
        public.cache_clear()


def test_the_last_published_year_is_known_and_the_one_after_is_not():
    last = max(chinese_calendar.constants.holidays).year
    assert public("CN", last).published
    assert not public("CN", last + 1).published
    assert public("SG", last + 1).published, "other countries go by rule"


def test_a_year_that_is_not_published_has_its_holidays_and_no_day_that_makes_up():
    year = public("CN", 2040)
    assert {date(2040, 1, 1), date(2040, 10, 1)} <= year.off
    assert not year.working


def test_who_is_warned_of_a_year_to_come():
    last = max(chinese_calendar.constants.holidays).year
    autumn, winter = date(last, 10, 1), date(last, 12, 1)
    calendars = {"brands.one": CHINA, "queues.two": CalendarSettings(holidays="SG").calendar()}
    assert unpublished(calendars, autumn) == []
    (line,) = unpublished(calendars, winter)
    assert line.startswith(f"brands.one.calendar: the working days of {last + 1} are not announced")
    told = CalendarSettings(extra_holidays=(date(last + 1, 2, 5),)).calendar()
    assert unpublished({"one": told}, winter) == []


def test_other_countries_and_their_parts():
    christmas, epiphany = date(2026, 12, 25), date(2026, 1, 6)
    for country, keeps in (("CN", False), ("SG", True), ("DE-BY", True), ("none", False)):
        calendar = CalendarSettings(holidays=country).calendar()
        assert calendar.is_business_day(christmas) is not keeps, country
    assert not CalendarSettings(holidays="DE-BY").calendar().is_business_day(epiphany)
    assert CalendarSettings(holidays="DE-BE").calendar().is_business_day(epiphany)


def test_a_calendar_can_be_sent_to_a_worker_process():
    assert pickle.loads(pickle.dumps(CHINA)) == CHINA
    assert not pickle.loads(pickle.dumps(CHINA)).is_business_day(date(2026, 10, 1))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"timezone": "Asia/Shanghia"}, "did you mean 'Asia/Shanghai'?"),
        ({"timezone": "qqqq"}, "a name looks like 'Asia/Shanghai'"),
        ({"holidays": "DE-BAY"}, "did you mean 'DE-BY'?"),
        ({"holidays": "People's Republic"}, "a code looks like 'CN' or 'DE-BY'"),
        ({"opening_hours": ["9-18"]}, "'9' is no time; a range looks like '09:00-18:00'"),
        ({"opening_hours": ["09:00-25:00"]}, "'25:00' is no time of the day"),
        ({"opening_hours": ["18:00-09:00"]}, "ends before it begins"),
        ({"opening_hours": ["09:00-13:00", "12:00-18:00"]}, "two of the opening_hours overlap"),
        ({"opening_hours": []}, "opening_hours needs at least one range"),
        ({"extra_holidays": ["2027-13-01"]}, "valid date"),
        (
            {"extra_holidays": ["2027-02-05"], "extra_working_days": ["2027-02-05"]},
            "2027-02-05 is a day off and a working day",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_the_cure(given, complaint):
    with pytest.raises(ValidationError, match="1 validation error") as caught:
        CalendarSettings.model_validate(given)
    assert complaint in str(caught.value)


def test_the_settings_file_says_it_for_each_brand(tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[brands.one]\nname = "One"\n'
        '[brands.one.calendar]\ntimezone = "europe/berlin"\nholidays = "de"\n'
        'extra_holidays = [2026-12-24, "2026-12-31"]\nextra_working_days = [2026-11-28]\n'
        'opening_hours = ["13:00-24:00", "09:00-12:00"]\n',
        "utf-8",
    )
    calendar = load(file, environ={}).domain_brands()["one"].calendar
    assert calendar.zone == "Europe/Berlin"
    assert not calendar.is_business_day(date(2026, 12, 24))
    assert calendar.is_business_day(date(2026, 11, 28))
    assert [str(h.start) for h in calendar.hours] == ["09:00:00", "13:00:00"]
    assert Config().domain_brands()["demo"].calendar == CHINA


def test_a_wrong_key_or_value_of_the_file_is_named_in_full(tmp_path):
    file = tmp_path / "gateway.toml"
    for line, complaint in (
        ('timezon = "UTC"', r"brands\.one\.calendar\.timezon: there is no such setting .*'brands\.one\.calendar\.timezone'"),
        ('holidays = "CM-"', r"brands\.one\.calendar\.holidays: there is no country 'CM-'"),
    ):  # fmt: skip
        file.write_text(f'[brands.one]\nname = "One"\n[brands.one.calendar]\n{line}\n', "utf-8")
        with pytest.raises(SettingsError, match=complaint):
            load(file, environ={})
