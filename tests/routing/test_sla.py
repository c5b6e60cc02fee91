"""Targets are chosen by what is most specific, and their clocks count business time and nothing else."""

import json
from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.calendar import ALWAYS, Calendar, Hours
from gateway.routing.sla import Clock, Happening, State, escalations, follow
from gateway.routing.targets import Act, Basis, Kind, Matter, Step, Target, Term, terms

BRAND = Calendar()
"""Shanghai, Monday to Friday, 09:00 to 18:00."""
HOUR = 3600.0
FIRST, NEXT, RESOLUTION = Kind.FIRST_RESPONSE, Kind.NEXT_RESPONSE, Kind.RESOLUTION
RAISE, MOVE, TELL = (
    Step(0.8, Act.RAISE_PRIORITY),
    Step(1, Act.MOVE, "seniors"),
    Step(2, Act.TELL, "supervisor"),
)
LADDER = (TELL, RAISE, MOVE)


def at(day: int, clock: str) -> float:
    """March 2026: the 2nd is a Monday, the 6th a Friday."""
    return BRAND.moment(date(2026, 3, day), time.fromisoformat(clock))


def term(hours: float, kind: Kind = FIRST, calendar: Calendar = BRAND, **named) -> Term:
    target = Target(kind, hours * HOUR, **named)
    return Term(target, hours * HOUR, calendar)


# ---------------------------------------------------------------- targets

MATTER = Matter(queue="payments", brand="wallet", topic="refund", priority=2)


@pytest.mark.parametrize(
    ("named", "hours"),
    [
        ([{}], 1),
        ([{}, {"brand": "wallet"}], 2),
        ([{"brand": "wallet"}, {}], 1),
        ([{"brand": "wallet"}, {"queue": "payments"}], 2),
        ([{"queue": "payments"}, {"priority": 2}], 2),
        ([{"priority": 2}, {"topic": "refund"}], 2),
        ([{"topic": "refund"}, {"queue": "payments", "brand": "wallet"}], 2),
        ([{"topic": "refund", "brand": "wallet"}, {"queue": "payments", "priority": 2}], 1),
        ([{"topic": "refund"}, {"topic": "refund"}], 1),
        ([{}, {"topic": "fees"}], 1),
        ([{}, {"topic": "refund", "brand": "other"}], 1),
        ([{}, {"priority": 1}], 1),
        ([{"queue": "security"}], None),
    ],
)
def test_the_target_that_names_most_holds(named, hours):
    targets = [Target(FIRST, n * HOUR, **names) for n, names in enumerate(named, 1)]
    held = terms(targets, MATTER, BRAND)
    assert (held[FIRST].seconds / HOUR if held else None) == hours


def test_priority_0_is_named_too():
    targets = [Target(FIRST, HOUR), Target(FIRST, 60, priority=0)]
    assert terms(targets, replace(MATTER, priority=0), BRAND)[FIRST].seconds == 60


def test_a_target_without_seconds_takes_a_general_one_away():
    targets = [Target(FIRST, HOUR), Target(FIRST, None, topic="refund"), Target(RESOLUTION, HOUR)]
    assert terms(targets, MATTER, BRAND).keys() == {RESOLUTION}


def test_each_kind_has_the_calendar_it_names():
    queue = Calendar(zone="Asia/Singapore")
    targets = [
        Target(FIRST, HOUR, calendar=Basis.QUEUE),
        Target(NEXT, HOUR, calendar=Basis.ALWAYS),
        Target(RESOLUTION, HOUR),
    ]
    held = terms(targets, MATTER, BRAND, queue)
    assert [held[kind].calendar for kind in Kind] == [queue, ALWAYS, BRAND]
    assert terms(targets, MATTER, BRAND)[FIRST].calendar is BRAND


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"seconds": 0}, "never be met"),
        ({"at_risk": 1}, "between 0 and 1"),
        ({"at_risk": 0}, "between 0 and 1"),
        ({"ladder": (Step(0, Act.RAISE_PRIORITY),)}, "more than 0"),
        ({"ladder": (Step(1, Act.MOVE),)}, "where to or whom"),
        ({"ladder": (Step(1, Act.TELL),)}, "where to or whom"),
    ],
)
def test_a_target_out_of_range_is_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        Target(**{"kind": FIRST, "seconds": HOUR, **given})


# ---------------------------------------------------------------- clocks


def test_a_clock_passes_through_its_states_over_a_weekend():
    # Five hours from Friday 16:00: two on Friday, three on Monday. Four of them are 80 %.
    clock = Clock.start(term(5), at(6, "16:00"))
    assert clock.due == at(9, "12:00")
    assert [
        clock.state(now).value
        for now in (
            at(6, "16:00"),
            at(8, "12:00"),
            at(9, "10:59"),
            at(9, "11:00"),
            at(9, "11:59"),
            at(9, "12:00"),
            at(20, "12:00"),
        )
    ] == ["running", "running", "running", "at_risk", "at_risk", "breached", "breached"]


def test_a_timer_fires_when_something_changes_and_then_no_more():
    clock = Clock.start(term(5), at(6, "16:00"))
    assert clock.next_moment(at(6, "16:00")) == at(9, "11:00")
    assert clock.next_moment(at(9, "11:00")) == at(9, "12:00")
    assert clock.next_moment(at(9, "12:00")) is None


def test_it_is_met_before_it_is_due_and_not_at_that_moment():
    clock = Clock.start(term(1), at(2, "10:00"))
    assert clock.stop(at(2, "10:59"), BRAND).state(at(20, "09:00")) is State.MET
    late = clock.stop(at(2, "11:00"), BRAND)
    assert late.state(at(20, "09:00")) is State.BREACHED
    assert (late.spent, late.next_moment(at(2, "11:00"))) == (HOUR, None)
    assert late.stop(at(3, "11:00"), BRAND) == late


def test_a_response_after_closing_uses_no_more_than_the_day():
    clock = Clock.start(term(2), at(6, "17:00")).stop(at(6, "22:00"), BRAND)
    assert clock.spent == HOUR
    assert clock.state(at(9, "09:00")) is State.MET


def test_while_the_customer_is_waited_for_time_stands_still():
    clock = Clock.start(term(2), at(2, "10:00")).pause(at(2, "11:00"), BRAND)
    assert clock.state(at(6, "12:00")) is State.PAUSED
    assert clock.next_moment(at(2, "11:30")) is None
    resumed = clock.resume(at(6, "17:30"), term(2))
    # One hour is left: half an hour on Friday, half on Monday.
    assert resumed.due == at(9, "09:30")
    assert resumed.state(at(6, "17:31")) is State.RUNNING
    assert resumed.state(at(9, "09:06")) is State.AT_RISK


def test_pausing_and_going_on_twice_changes_nothing_the_second_time():
    clock = Clock.start(term(2), at(2, "10:00"))
    assert clock.resume(at(2, "10:30"), term(2)) == clock
    paused = clock.pause(at(2, "11:00"), BRAND)
    assert paused.pause(at(2, "12:00"), BRAND) == paused


def test_a_breach_is_not_undone_by_a_pause():
    clock = Clock.start(term(1, ladder=LADDER), at(2, "10:00")).pause(at(2, "11:30"), BRAND)
    assert clock.state(at(3, "10:00")) is State.BREACHED
    resumed = clock.resume(at(3, "10:00"), term(1, ladder=LADDER))
    assert resumed.state(at(3, "10:00")) is State.BREACHED
    assert resumed.due == at(2, "11:00")
    # Of twice the hour 90 minutes were used.
    assert resumed.next_moment(at(3, "10:00")) == at(3, "10:30")


def test_what_comes_in_a_pause_counts_from_its_beginning():
    clock = Clock.start(term(1), at(2, "10:00")).pause(at(2, "10:30"), BRAND)
    stopped = clock.stop(at(5, "10:00"), BRAND)
    assert (stopped.spent, stopped.stopped) == (HOUR / 2, at(2, "10:30"))
    assert stopped.state(at(5, "10:00")) is State.MET


def test_under_a_new_target_what_was_used_counts_on():
    clock = Clock.start(term(4), at(2, "10:00"))
    queue = Calendar(hours=(Hours(time(9), time(12)),))
    moved = clock.renew(at(2, "11:00"), BRAND, term(3, calendar=queue))
    # Two hours are left by a calendar that closes at noon: one today, one tomorrow.
    assert moved.due == at(3, "10:00")
    assert moved.used(at(3, "09:30"), queue) == 2.5 * HOUR
    breached = clock.renew(at(2, "15:00"), BRAND, term(40))
    assert breached.state(at(2, "15:00")) is State.BREACHED
    relaxed = clock.renew(at(2, "13:30"), BRAND, term(10))
    assert relaxed.state(at(2, "13:30")) is State.RUNNING, "35 % of ten hours"


def test_a_clock_survives_json():
    clock = Clock.start(term(2, ladder=LADDER), at(2, "10:00")).carried_out([RAISE])
    for one in (clock, clock.pause(at(2, "11:00"), BRAND), clock.stop(at(2, "11:00"), BRAND)):
        text = json.dumps(one.as_json())
        assert Clock.from_json(json.loads(text)) == one
        assert json.loads(text)["due"] == one.due


calendars = st.sampled_from(
    [
        BRAND,
        ALWAYS,
        Calendar(zone="Europe/Berlin", hours=(Hours(time(9), time(12)), Hours(time(13), time(18)))),
        Calendar(zone="America/New_York", hours=(Hours(time.min, time.min),)),
    ]
)
#: Around the changes of clocks in Berlin and New York in 2026.
begins = st.sampled_from([1772300000, 1774600000, 1792700000, 1793300000]).flatmap(
    lambda day: st.integers(day, day + 8 * 86400)
)


@given(calendars, begins, st.integers(1, 30 * 3600), st.lists(st.integers(0, 200000), max_size=6))
def test_pauses_move_the_due_moment_by_exactly_their_business_time(calendar, start, goal, waits):
    held = Term(Target(FIRST, goal), goal, calendar)
    first = clock = Clock.start(held, start)
    now, paused = float(start), 0.0
    for n, wait in enumerate(waits):
        if n % 2:
            paused += calendar.open_seconds(now, now + wait)
            clock = clock.resume(now + wait, held)
        else:
            if now + wait >= clock.due:
                break
            clock = clock.pause(now + wait, calendar)
        now += wait
    if not clock.running:
        paused += calendar.open_seconds(now, now + 1000)
        clock = clock.resume(now + 1000, held)
    assert calendar.open_seconds(start, clock.due) == goal + paused
    assert calendar.open_seconds(first.due, clock.due) == paused
    assert clock.used(clock.due, calendar) == goal


@given(calendars, begins, st.integers(60, 30 * 3600), st.integers(0, 400000))
def test_what_it_says_agrees_with_what_was_used(calendar, start, goal, later):
    clock = Clock.start(Term(Target(FIRST, goal), goal, calendar), start)
    share = clock.used(start + later, calendar) / goal
    state = clock.state(start + later)
    if share < 0.799999:
        assert state is State.RUNNING
    elif 0.800001 < share < 1:
        assert state is State.AT_RISK
    elif share > 1:
        assert state is State.BREACHED


@given(calendars, begins, st.integers(60, 30 * 3600))
def test_a_timer_that_follows_the_clock_meets_every_change_once(calendar, start, goal):
    clock = Clock.start(Term(Target(FIRST, goal, ladder=LADDER), goal, calendar), start)
    now, seen = float(start), []
    while (moment := clock.next_moment(now)) is not None:
        now = moment
        due = escalations(LADDER, clock, now)
        seen += [(clock.state(now), step.act) for step in due]
        clock = clock.carried_out(due)
    assert seen == [
        (State.AT_RISK, Act.RAISE_PRIORITY),
        (State.BREACHED, Act.MOVE),
        (State.BREACHED, Act.TELL),
    ]


# ---------------------------------------------------------------- ladder


def test_steps_are_due_in_order_and_done_once():
    clock = Clock.start(term(1, ladder=LADDER), at(2, "10:00"))
    assert escalations(LADDER, clock, at(2, "10:47")) == ()
    assert escalations(LADDER, clock, at(2, "10:48")) == (RAISE,)
    assert escalations(LADDER, clock.carried_out([RAISE]), at(2, "11:00")) == (MOVE,)
    assert escalations(LADDER, clock, at(2, "12:00")) == (RAISE, MOVE, TELL), "after a stop-over"


def test_a_ladder_ends_with_the_answer_and_rests_in_a_pause():
    clock = Clock.start(term(1, ladder=LADDER), at(2, "10:00"))
    assert escalations(LADDER, clock.stop(at(2, "11:30"), BRAND), at(2, "12:00")) == ()
    paused = clock.pause(at(2, "10:50"), BRAND)
    assert escalations(LADDER, paused, at(3, "10:00")) == (RAISE,)


def test_a_step_added_later_is_due_once_the_clock_knows_it():
    clock = Clock.start(term(1), at(2, "10:00"))
    assert escalations(LADDER, clock, at(2, "12:00")) == (RAISE, MOVE), "the shares it has anyway"
    known = clock.renew(at(2, "12:00"), BRAND, term(1, ladder=LADDER))
    assert escalations(LADDER, known, at(2, "12:00")) == (RAISE, MOVE, TELL)


# ---------------------------------------------------------------- what happens

HELD = {kind: term(hours, kind) for kind, hours in ((FIRST, 1), (NEXT, 2), (RESOLUTION, 8))}


def story(*happenings: tuple[Happening, str]) -> dict[Kind, Clock]:
    clocks: dict[Kind, Clock] = {}
    for happening, clock in happenings:
        clocks = follow(clocks, HELD, happening, at(2, clock))
    return clocks


WROTE, AGENT, ANSWERED, ACKNOWLEDGED, WAITS, RESOLVED = (
    Happening.CUSTOMER_WROTE,
    Happening.AGENT_WROTE,
    Happening.ANSWERED,
    Happening.ACKNOWLEDGED,
    Happening.WAITS,
    Happening.RESOLVED,
)


def test_the_first_message_starts_two_clocks():
    clocks = story((WROTE, "10:00"), (WROTE, "10:10"))
    assert clocks.keys() == {FIRST, RESOLUTION}
    assert clocks[FIRST].started == at(2, "10:00")


@pytest.mark.parametrize(
    ("happening", "state"),
    [
        (AGENT, State.MET),
        (ANSWERED, State.MET),
        (RESOLVED, State.MET),
        (ACKNOWLEDGED, State.RUNNING),
        (WAITS, State.PAUSED),
    ],
)
def test_what_meets_the_first_response(happening, state):
    assert story((WROTE, "10:00"), (happening, "10:20"))[FIRST].state(at(2, "10:30")) is state


def test_a_later_message_starts_the_next_response_once():
    clocks = story((WROTE, "10:00"), (AGENT, "10:20"), (WROTE, "11:00"), (WROTE, "11:30"))
    assert clocks[NEXT].due == at(2, "13:00")
    again = follow(follow(clocks, HELD, AGENT, at(2, "12:00")), HELD, WROTE, at(2, "14:00"))
    assert clocks[NEXT].stop(at(2, "12:00"), BRAND).state(at(2, "14:00")) is State.MET
    assert again[NEXT].due == at(2, "16:00")


def test_the_resolution_pauses_for_the_customer_and_opens_again():
    told = ((WROTE, "09:00"), (ANSWERED, "10:00"), (WAITS, "10:00"), (WROTE, "12:00"))
    clocks = story(*told)
    assert clocks[RESOLUTION].due == at(3, "10:00"), "eight hours and the two of the customer"
    clocks = story(*told, (RESOLVED, "13:00"), (WROTE, "15:00"))
    assert clocks[RESOLUTION].due == at(3, "12:00"), "and the two while it was resolved"
    assert clocks[RESOLUTION].started == at(2, "09:00")


def test_an_automatic_question_stops_the_time_until_the_customer_replies():
    clocks = story((WROTE, "10:00"), (WAITS, "10:30"), (WROTE, "15:00"))
    assert clocks[FIRST].due == at(2, "15:30")
    assert NEXT not in clocks, "the first response is still to come"


def test_a_clock_without_a_target_any_more_is_left_alone():
    clocks = follow({}, HELD, WROTE, at(2, "10:00"))
    assert follow(clocks, {}, AGENT, at(2, "10:10")) == clocks


def test_without_a_first_target_the_next_one_holds_from_the_beginning():
    clocks = follow({}, {NEXT: HELD[NEXT]}, WROTE, at(2, "10:00"))
    assert clocks[NEXT].due == at(2, "12:00")
