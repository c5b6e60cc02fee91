"""Hours of single days, events that open and close, and the laws that adding and counting keep."""

import pickle
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.calendar import (
    ALL_DAY,
    ALWAYS,
    CLOSED_AT_MOST,
    Calendar,
    Hours,
    Marks,
    NeverOpen,
    Year,
)

#: Monday 5 to Sunday 11 January 2026: Wednesday 7 is a holiday, Saturday 10 makes up for it.
WEEK = [date(2026, 1, day) for day in range(5, 12)]
MONDAY, _, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = WEEK
MORNING, SHORT = (Hours(time(9), time(12)),), (Hours(time(10), time(11)),)
ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Nuuk",
    "Africa/Cairo",
)


def table(_number: int) -> Year:
    return Year(off=frozenset({WEDNESDAY}), working=frozenset({SATURDAY}))


def week(**own: tuple[Hours, ...]) -> tuple[tuple[Hours, ...] | None, ...]:
    return tuple(own.get(day) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def hours_of(calendar: Calendar) -> list[float]:
    return [
        calendar.open_seconds(calendar.moment(d), calendar.moment(d) + 86400) / 3600 for d in WEEK
    ]


def marked(**marks) -> Calendar:
    return replace(Calendar(zone="UTC", table=table), marks=lambda _year: Marks(**marks))


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        ({}, [9, 9, 0, 9, 9, 9, 0]),
        ({"week": week(fri=SHORT)}, [9, 9, 0, 9, 1, 9, 0]),
        ({"week": week(sun=SHORT)}, [9, 9, 0, 9, 9, 9, 1]),
        ({"week": week(sat=SHORT)}, [9, 9, 0, 9, 9, 9, 0]),
        ({"week": week(sat=SHORT), "makeup": MORNING}, [9, 9, 0, 9, 9, 3, 0]),
        ({"makeup": ()}, [9, 9, 0, 9, 9, 0, 0]),
        ({"week": week(wed=SHORT)}, [9, 9, 0, 9, 9, 9, 0]),
        ({"week": week(wed=SHORT), "holiday": MORNING}, [9, 9, 3, 9, 9, 9, 0]),
        ({"week": week(wed=SHORT), "working": frozenset({WEDNESDAY})}, [9, 9, 1, 9, 9, 9, 0]),
        ({"off": frozenset({SATURDAY}), "week": week(sat=SHORT)}, [9, 9, 0, 9, 9, 0, 0]),
        ({"hours": ALL_DAY, "week": (ALL_DAY,) * 7, "holiday": ALL_DAY}, [24] * 7),
    ],
    ids=[
        "a holiday is closed, a day that makes up is a working day",
        "a weekday has hours of its own",
        "hours of its own open a day of the weekend",
        "a day that makes up does not have its weekday's hours",
        "it has its own kind's",
        "or is closed",
        "a weekday's own hours do not open a holiday",
        "hours of holidays do, whatever the weekday",
        "a holiday on which people work after all has its weekday's hours",
        "a day off on a weekend is a holiday",
        "around the clock",
    ],
)
def test_which_hours_a_day_has(changes, hours):
    assert hours_of(replace(Calendar(zone="UTC", table=table), **changes)) == hours


def test_open_saturdays_are_no_working_days_and_closed_fridays_neither():
    calendar = Calendar(table=table, week=week(fri=(), sun=SHORT))
    working = [calendar.is_business_day(day) for day in WEEK]
    assert working == [True, True, False, True, False, True, False]
    assert calendar.add_business_days(THURSDAY, 1) == SATURDAY


def test_around_the_clock_counts_like_a_stopwatch():
    assert ALWAYS.after_open(1.5e9, 12345) == 1.5e9 + 12345
    assert ALWAYS.open_seconds(1.5e9, 1.7e9) == 0.2e9


def test_an_event_closes_part_of_a_day():
    at = Calendar(zone="UTC").moment(MONDAY)
    lunch = (at + 12 * 3600, at + 13 * 3600)
    calendar = marked(closed={MONDAY: (lunch,)})
    assert calendar.open_seconds(at, at + 86400) == 8 * 3600
    assert calendar.after_open(at + 11 * 3600, 2 * 3600) == at + 14 * 3600
    assert calendar.opening(lunch[0]) == lunch[1]
    assert not calendar.is_open(lunch[0])
    assert calendar.is_open(lunch[1])
    assert calendar.openings(MONDAY) == ((at + 9 * 3600, lunch[0]), (lunch[1], at + 18 * 3600))


def test_events_that_overlap_each_other_and_midnight_close_once():
    at = Calendar(zone="UTC").moment(MONDAY)
    night = ((at - 7200, at + 10 * 3600), (at + 9.5 * 3600, at + 11 * 3600), (at, at))
    assert marked(closed={MONDAY: night}).open_seconds(at, at + 86400) == 7 * 3600


def test_an_event_of_the_whole_day_makes_it_no_working_day():
    calendar = marked(closed_days=frozenset({MONDAY}))
    assert calendar.openings(MONDAY) == ()
    assert not calendar.is_business_day(MONDAY)


def test_an_event_opens_a_holiday_but_what_closes_is_stronger():
    at = Calendar(zone="UTC").moment(WEDNESDAY)
    evening = (at + 17 * 3600, at + 20 * 3600)
    opened = {"opened": {WEDNESDAY: (evening,)}}
    assert marked(**opened).open_seconds(at, at + 86400) == 3 * 3600
    closed = {WEDNESDAY: ((at + 19 * 3600, at + 24 * 3600),)}
    assert marked(**opened, closed=closed).open_seconds(at, at + 86400) == 2 * 3600
    assert not marked(**opened, closed_days=frozenset({WEDNESDAY})).openings(WEDNESDAY)
    assert marked(opened_days=frozenset({SUNDAY})).openings(SUNDAY) == (
        (at + (4 * 24 + 9) * 3600, at + (4 * 24 + 18) * 3600),
    )


def test_what_opens_on_top_of_the_usual_hours_counts_once():
    at = Calendar(zone="UTC").moment(MONDAY)
    calendar = marked(opened={MONDAY: ((at + 8 * 3600, at + 10 * 3600),)})
    assert calendar.openings(MONDAY) == ((at + 8 * 3600, at + 18 * 3600),)


def test_ranges_that_a_change_of_clocks_lays_over_each_other_count_once():
    # 02:00-02:30 is left out in Berlin, so it stands an hour later, where the other range is open.
    hours = (Hours(time(2), time(2, 30)), Hours(time(3), time(4)))
    calendar = Calendar(zone="Europe/Berlin", hours=hours, week=week(sun=hours))
    at = calendar.moment(date(2026, 3, 29))
    assert calendar.open_seconds(at, at + 86400) == 3600


def test_an_event_that_lasts_no_time_leaves_the_day_whole():
    at = Calendar(zone="UTC").moment(MONDAY)
    noon = at + 12 * 3600
    calendar = marked(closed={MONDAY: ((noon, noon), (noon, noon - 3600))})
    assert calendar.openings(MONDAY) == ((at + 9 * 3600, at + 18 * 3600),)


def test_what_reaches_beyond_a_day_ends_with_it():
    at = Calendar(zone="UTC").moment(WEDNESDAY)
    calendar = marked(
        opened={WEDNESDAY: ((at - 3600, at + 3600), (at + 23 * 3600, at + 25 * 3600))}
    )
    assert calendar.openings(WEDNESDAY) == ((at, at + 3600), (at + 23 * 3600, at + 24 * 3600))
    # In Nuuk Saturday 28 March 2026 ends at 23:00, when clocks go forward to midnight.
    hours = (Hours(time(22), time(23, 30)),)
    nuuk = Calendar(zone="America/Nuuk", hours=hours, week=(hours,) * 7)
    (span,) = nuuk.openings(date(2026, 3, 28))
    assert span[1] - span[0] == 3600
    assert span[1] == nuuk.moment(date(2026, 3, 29))


def test_a_day_that_a_zone_skipped_is_no_day():
    # Samoa went over the date line: 30 December 2011 was never there.
    calendar = Calendar(zone="Pacific/Apia", hours=ALL_DAY, week=(ALL_DAY,) * 7)
    skipped = date(2011, 12, 30)
    assert calendar.openings(skipped) == ()
    assert not calendar.is_business_day(skipped)


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(week=((),) * 7, makeup=()),
        Calendar(hours=()),
        marked(closed_days=frozenset(MONDAY + timedelta(days=n) for n in range(-400, 400))),
    ],
    ids=["closed every day", "no hours", "closed by events"],
)
def test_a_calendar_that_never_opens_says_so_instead_of_searching_for_ever(calendar):
    at = calendar.moment(date(2025, 1, 1))
    for ask in (
        lambda: calendar.opening(at),
        lambda: calendar.after_open(at, 1),
        lambda: calendar.add_business_days(date(2025, 1, 1), 1),
    ):
        with pytest.raises(NeverOpen, match=f"any of the {CLOSED_AT_MOST} days from 2025-01-0"):
            ask()
    assert calendar.open_seconds(at, at + 300 * 86400) == 0


def test_what_a_calendar_remembers_changes_neither_its_worth_nor_what_is_sent():
    fresh, used = Calendar(table=table), Calendar(table=table)
    used.openings(MONDAY)
    assert fresh == used
    assert hash(fresh) == hash(used)
    assert len(pickle.dumps(fresh)) == len(pickle.dumps(used))
    assert pickle.loads(pickle.dumps(used)).openings(MONDAY) == used.openings(MONDAY)


# ---------------------------------------------------------------- laws


@st.composite
def ranges(draw, least: int = 0) -> tuple[Hours, ...]:
    """Ranges in order, without overlap, at any minute."""
    edges = sorted(draw(st.sets(st.integers(0, 24 * 60), min_size=2 * least, max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Hours(_clock(start), _clock(end)) for start, end in pairs)


def _clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


#: Days around changes of clocks in each zone, and the beginning of a year.
around = st.sampled_from(
    [date(2026, 1, 5), date(2026, 3, 8), date(2026, 3, 28), date(2026, 4, 5), date(2026, 4, 24),
     date(2026, 10, 4), date(2026, 10, 24), date(2026, 10, 29), date(2026, 11, 1), date(2025, 12, 28)]
)  # fmt: skip
near = st.builds(lambda day, n: day + timedelta(days=n), around, st.integers(-4, 4))


@st.composite
def calendars(draw) -> Calendar:
    plain = Calendar(
        zone=draw(st.sampled_from(ZONES)),
        table=table,
        hours=draw(ranges(1)),
        week=tuple(draw(st.lists(st.none() | ranges(), min_size=7, max_size=7))),
        makeup=draw(st.none() | ranges()),
        holiday=draw(ranges()),
        off=frozenset(draw(st.sets(near, max_size=3))),
        working=frozenset(draw(st.sets(near, max_size=3))),
    )
    day = draw(near)
    begins = plain.moment(day) + draw(st.integers(0, 86400))
    span = (begins, begins + draw(st.integers(0, 40000)))
    marks = Marks(
        opened={day: (span,)} if draw(st.booleans()) else {},
        closed={day: ((begins + 600, begins + 6000),)},
        closed_days=frozenset(draw(st.sets(near, max_size=2))),
    )
    calendar = replace(plain, marks=lambda _year: marks)
    at = plain.moment(date(2025, 12, 1))
    try:
        calendar.opening(at)
        calendar.opening(at + 360 * 86400)
    except NeverOpen:
        assume(False)
    return calendar


@st.composite
def moments(draw) -> float:
    day, second = draw(near), draw(st.integers(0, 86399))
    return datetime.combine(day, time.min, ZoneInfo("UTC")).timestamp() + second


lengths = st.integers(0, 5 * 86400)


@given(calendars(), moments(), st.integers(1, 40 * 3600))
def test_counting_undoes_adding_and_ends_at_the_first_such_moment(calendar, start, seconds):
    end = calendar.after_open(start, seconds)
    assert calendar.open_seconds(start, end) == seconds
    assert calendar.open_seconds(start, end - 1) == seconds - 1


@given(calendars(), moments(), lengths)
def test_adding_undoes_counting_at_every_open_moment(calendar, start, length):
    end = calendar.opening(start + length)
    seconds = calendar.open_seconds(start, end)
    again = calendar.after_open(start, seconds)
    assert again <= end
    assert calendar.open_seconds(again, end) == 0
    if seconds and calendar.is_open(end - 1):
        assert again == end


@given(calendars(), moments(), lengths, lengths)
def test_later_never_means_less_and_more_never_means_earlier(calendar, start, one, other):
    few, many = sorted((one, other))
    assert calendar.open_seconds(start, start + few) <= calendar.open_seconds(start, start + many)
    assert calendar.open_seconds(start, start + many) <= many
    added = [calendar.after_open(start, seconds / 10) for seconds in (few, many)]
    assert added == sorted(added)
    assert calendar.after_open(start, few) <= calendar.after_open(start + few, few)


@given(calendars(), moments(), lengths, lengths)
def test_a_stretch_is_the_sum_of_its_parts(calendar, start, one, other):
    middle, end = start + one, start + one + other
    parts = calendar.open_seconds(start, middle) + calendar.open_seconds(middle, end)
    assert calendar.open_seconds(start, end) == parts
    whole = calendar.after_open(start, 3600 + one / 20)
    assert calendar.after_open(calendar.after_open(start, 3600), one / 20) in (
        pytest.approx(whole, abs=1e-5),
        pytest.approx(calendar.opening(whole), abs=1e-5),
    )


@given(calendars(), near)
def test_openings_lie_within_their_day_in_order(calendar, day):
    spans = calendar.openings(day)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < end for start, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans)), "none touch"
    if spans:
        assert (
            calendar.moment(day) <= edges[0] < edges[-1] <= calendar.moment(day + timedelta(days=1))
        )
