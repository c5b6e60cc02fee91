"""Working days and opening hours are counted right whatever the holidays are."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar, Hours, Year

#: A week of 2026: Thursday 1 and Friday 2 January are holidays, Sunday 4 makes up for the Friday.
THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 1, day) for day in range(1, 6))
SPLIT = (Hours(time(9), time(12)), Hours(time(13, 30), time(18)))


def new_year(_number: int) -> Year:
    return Year(off=frozenset({THURSDAY, FRIDAY}), working=frozenset({SUNDAY}))


def at(calendar: Calendar, day: date, clock: str) -> float:
    return calendar.moment(day, time.fromisoformat(clock))


days = st.dates(date(2020, 1, 1), date(2035, 1, 1))
calendars = st.builds(
    lambda off, working: Calendar(
        table=new_year, off=frozenset(off - working), working=frozenset(working)
    ),
    st.sets(st.dates(date(2025, 12, 1), date(2026, 2, 1)), max_size=40),
    st.sets(st.dates(date(2025, 12, 1), date(2026, 2, 1)), max_size=10),
)
near = st.dates(date(2025, 11, 20), date(2026, 2, 10))


def test_holidays_weekends_and_days_that_make_up():
    calendar = Calendar(table=new_year)
    working = [
        calendar.is_business_day(day) for day in (THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY)
    ]
    assert working == [False, False, False, True, True]


def test_the_settings_are_stronger_than_the_table():
    calendar = Calendar(table=new_year, off=frozenset({SUNDAY}), working=frozenset({FRIDAY}))
    assert calendar.is_business_day(FRIDAY)
    assert not calendar.is_business_day(SUNDAY)


@pytest.mark.parametrize(
    ("start", "number", "end"),
    [
        (date(2025, 12, 31), 0, date(2025, 12, 31)),
        (date(2025, 12, 31), 1, SUNDAY),
        (date(2025, 12, 31), 2, MONDAY),
        (THURSDAY, 0, SUNDAY),
        (THURSDAY, 1, SUNDAY),
        (SATURDAY, 2, MONDAY),
        (SUNDAY, 1, MONDAY),
    ],
)
def test_working_days_are_counted_from_the_day_after(start, number, end):
    assert Calendar(table=new_year).add_business_days(start, number) == end


def test_counting_back_is_refused():
    with pytest.raises(ValueError, match="forward"):
        Calendar().add_business_days(MONDAY, -1)


@given(calendars, near, st.integers(0, 30))
def test_it_lands_on_a_working_day_with_as_many_between(calendar, start, number):
    end = calendar.add_business_days(start, number)
    between = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    assert calendar.is_business_day(end)
    counted = sum(map(calendar.is_business_day, between))
    first = not calendar.is_business_day(start) and number == 0
    assert counted == number + first


@given(calendars, near, near, st.integers(0, 20), st.integers(0, 20))
def test_later_and_more_never_give_an_earlier_day(calendar, one, other, few, more):
    (one, other), (few, more) = sorted((one, other)), sorted((few, more))
    assert calendar.add_business_days(one, few) <= calendar.add_business_days(other, few)
    assert calendar.add_business_days(one, few) <= calendar.add_business_days(one, more)


@given(calendars, near, st.integers(1, 10), st.integers(1, 10))
def test_days_can_be_added_in_parts(calendar, start, few, more):
    whole = calendar.add_business_days(start, few + more)
    assert calendar.add_business_days(calendar.add_business_days(start, few), more) == whole


def test_a_day_is_that_of_the_time_zone():
    moment = datetime(2026, 1, 4, 17, 0, tzinfo=UTC).timestamp()
    assert Calendar().day_of(moment) == MONDAY
    assert Calendar(zone="UTC").day_of(moment) == SUNDAY


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("08:59", "09:00"),
        ("09:00", "09:00"),
        ("11:59", "11:59"),
        ("12:00", "13:30"),
        ("13:45", "13:45"),
    ],
)
def test_it_opens_when_the_next_range_begins(now, opens):
    calendar = Calendar(hours=SPLIT)
    assert calendar.opening(at(calendar, MONDAY, now)) == at(calendar, MONDAY, opens)


def test_after_closing_it_opens_on_the_next_working_day():
    calendar = Calendar(table=new_year, hours=SPLIT)
    evening = at(calendar, date(2025, 12, 31), "18:00")
    assert calendar.opening(evening) == at(calendar, SUNDAY, "09:00")
    assert calendar.opening_after(SUNDAY) == at(calendar, MONDAY, "09:00")
    assert calendar.opening_after(date(2025, 12, 31)) == at(calendar, SUNDAY, "09:00")


def test_a_range_may_end_with_the_day():
    calendar = Calendar(hours=(Hours(time.min, time.min),))
    night = at(calendar, MONDAY, "23:59")
    assert calendar.opening(night) == night
    assert calendar.opening(at(calendar, SATURDAY, "12:00")) == at(calendar, MONDAY, "00:00")


@given(days, st.integers(0, 24 * 3600 - 1), st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]))
def test_it_opens_within_its_hours_and_never_before_now(day, second, zone):
    calendar = Calendar(zone=zone, hours=SPLIT)
    now = calendar.moment(day) + second
    opens = calendar.opening(now)
    assert opens >= now
    assert calendar.is_business_day(calendar.day_of(opens))
    assert calendar.opening(opens) == opens


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-01-05 10:00", "2026-01-05 11:00", 1),
        ("2026-01-05 11:00", "2026-01-05 14:00", 1.5),
        ("2026-01-05 17:00", "2026-01-06 10:00", 2),
        ("2026-01-09 17:00", "2026-01-12 09:30", 1.5),
        ("2026-01-10 00:00", "2026-01-11 23:00", 0),
        ("2026-01-05 11:00", "2026-01-05 10:00", 0),
    ],
)
def test_open_time_is_counted_over_breaks_nights_and_weekends(start, end, hours):
    calendar = Calendar(hours=SPLIT)
    first, last = (
        at(calendar, date.fromisoformat(day), clock)
        for day, clock in (moment.split() for moment in (start, end))
    )
    assert calendar.open_seconds(first, last) == hours * 3600


def test_open_time_runs_on_where_the_last_range_ended():
    calendar = Calendar(hours=SPLIT)
    friday = at(calendar, date(2026, 1, 9), "17:00")
    assert calendar.after_open(friday, 3600) == at(calendar, date(2026, 1, 9), "18:00")
    assert calendar.after_open(friday, 5400) == at(calendar, date(2026, 1, 12), "09:30")
    saturday = at(calendar, date(2026, 1, 10), "12:00")
    assert calendar.after_open(saturday, 0) == at(calendar, date(2026, 1, 12), "09:00")
    with pytest.raises(ValueError, match="forward"):
        calendar.after_open(friday, -1)


ALL_DAY = Calendar(
    zone="Europe/Berlin",
    hours=(Hours(time.min, time.min),),
    working=frozenset({date(2026, 3, 29), date(2026, 10, 25)}),
)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_clocks_are_changed_is_as_long_as_it_is(day, hours):
    start, end = ALL_DAY.moment(day), ALL_DAY.moment(day + timedelta(days=1))
    assert ALL_DAY.open_seconds(start, end) == hours * 3600
    assert ALL_DAY.after_open(start, hours * 3600) == end


def test_a_range_that_a_change_of_clocks_swallows_is_not_open():
    night = Calendar(
        zone="Europe/Berlin", hours=(Hours(time(2), time(3)),), working=ALL_DAY.working
    )
    start = night.moment(date(2026, 3, 29))
    assert night.open_seconds(start, start + 86400) == 0
    assert night.opening(start) == night.moment(date(2026, 3, 30), time(2))
    assert night.after_open(start, 0) == night.moment(date(2026, 3, 30), time(2))


@given(days, st.integers(0, 86399), st.integers(0, 10 * 86400), st.integers(0, 86400))
def test_adding_open_time_and_counting_it_are_each_others_reverse(day, second, length, seconds):
    calendar = Calendar(zone="Europe/Berlin", hours=SPLIT)
    start = calendar.moment(day) + second
    assert calendar.open_seconds(start, calendar.after_open(start, seconds)) == seconds
    end = start + length
    reached = calendar.after_open(start, calendar.open_seconds(start, end))
    assert reached <= calendar.opening(end)
    assert calendar.open_seconds(start, reached) == calendar.open_seconds(start, end)


def test_the_morning_after_a_change_of_clocks_is_the_same_on_the_wall():
    calendar = Calendar(zone="Europe/Berlin")
    before, after = date(2026, 3, 27), date(2026, 3, 30)
    hours = (calendar.opening_after(date(2026, 3, 29)) - at(calendar, before, "09:00")) / 3600
    assert hours == 3 * 24 - 1
    assert calendar.opening_after(date(2026, 3, 29)) == at(calendar, after, "09:00")


def test_a_year_is_published_when_the_table_or_the_settings_say_so():
    def by_rule(number: int) -> Year:
        return Year(published=number < 2027)

    day = date(2027, 3, 1)
    assert Calendar(table=by_rule).is_published(SUNDAY)
    assert not Calendar(table=by_rule).is_published(day)
    assert Calendar(table=by_rule, off=frozenset({date(2027, 2, 8)})).is_published(day)
