"""What a plan means for clocks follows from its operations, whoever made it."""

from dataclasses import replace
from datetime import date, time

import pytest

from gateway.domain.calendar import ALWAYS, Calendar
from gateway.domain.model import InquiryState
from gateway.domain.plan import (
    AddMessage,
    ChangeInquiry,
    CreateInquiry,
    Log,
    LogEvent,
    TouchConversation,
)
from gateway.routing.following import begun, happenings, joined, look_again, renewed, told
from gateway.routing.sla import Clock, Happening, State, follow
from gateway.routing.targets import Act, Kind, Step, Target, Term

BRAND = Calendar()
HOUR = 3600.0
FIRST, NEXT, RESOLUTION = Kind.FIRST_RESPONSE, Kind.NEXT_RESPONSE, Kind.RESOLUTION
NEW = CreateInquiry("q", "1", "v", "c", "demo", "app", "http", "", "en")
TOUCH = TouchConversation("v", 0.0)
IN = AddMessage("in", "v", "q", "in", "private", "customer", False, "help")
OUT = replace(IN, message_id="out", direction="out")
NOTE = replace(OUT, visibility="note")
WROTE, SPOKE, ANSWERED, RECEIVED, WAITS, OURS, DONE = (
    Happening.CUSTOMER_WROTE,
    Happening.AGENT_WROTE,
    Happening.ANSWERED,
    Happening.ACKNOWLEDGED,
    Happening.WAITS,
    Happening.OUR_TURN,
    Happening.RESOLVED,
)


def change(state: str) -> ChangeInquiry:
    return ChangeInquiry("q", 1, InquiryState(state))


def automatic(verb: str) -> AddMessage:
    return replace(OUT, author="gateway", automatic=True, meta={"verb": verb})


def at(day: int, clock: str) -> float:
    """March 2026: the 2nd is a Monday."""
    return BRAND.moment(date(2026, 3, day), time.fromisoformat(clock))


def term(hours: float, kind: Kind = FIRST, calendar: Calendar = BRAND, *ladder: Step) -> Term:
    return Term(Target(kind, hours * HOUR, ladder=ladder), hours * HOUR, calendar)


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("ops", "happened"),
    [
        pytest.param((NEW, TOUCH, IN, change("queued")), [WROTE], id="a new inquiry waits"),
        pytest.param(
            (NEW, TOUCH, IN, change("queued"), automatic("route")),
            [WROTE, RECEIVED],
            id="an acknowledgement is no response",
        ),
        pytest.param(
            (NEW, TOUCH, IN, change("answered"), automatic("answer")),
            [WROTE, ANSWERED, WAITS],
            id="an automatic answer is one",
        ),
        pytest.param(
            (NEW, TOUCH, IN, change("waiting_customer"), automatic("ask")),
            [WROTE, RECEIVED, WAITS],
            id="a question gives the turn to the customer",
        ),
        pytest.param(
            (TOUCH, IN, change("queued"), automatic("answer")),
            [WROTE, RECEIVED],
            id="how far it is, while it waits",
        ),
        pytest.param((IN,), [], id="mail of a machine"),
        pytest.param((TOUCH, IN, change("assigned")), [WROTE], id="with an agent"),
        pytest.param(
            (change("assigned"), change("waiting_customer"), OUT),
            [SPOKE, WAITS],
            id="an agent's reply",
        ),
        pytest.param((NOTE,), None, id="a note"),
        pytest.param((change("resolved"),), [DONE], id="resolved"),
        pytest.param((change("closed"),), [DONE], id="closed"),
        pytest.param((change("queued"),), [OURS], id="back in the queue"),
        pytest.param((change("answered"), automatic("promise_passed")), [RECEIVED, WAITS], id="asked"),
        pytest.param((Log(LogEvent("e", "x", 0.0, "q")),), None, id="a line of the log"),
    ],
)  # fmt: skip
def test_the_operations_of_a_plan_say_what_happened(ops, happened):
    assert happenings(ops) == ({} if happened is None else {"q": tuple(happened)})


def test_what_is_split_off_is_a_customers_matter_of_its_own():
    other = ChangeInquiry("q", 4, InquiryState.ASSIGNED)
    split = replace(NEW, inquiry_id="q2"), ChangeInquiry("q2", 1, InquiryState.ASSIGNED), other
    assert happenings(split) == {"q2": (WROTE,), "q": (OURS,)}


# ---------------------------------------------------------------- clocks


def test_it_is_our_turn_again_where_what_was_sent_did_not_arrive():
    held = {FIRST: term(4), RESOLUTION: term(8, RESOLUTION)}
    clocks = follow({}, held, WROTE, at(2, "09:00"))
    for happening, when in ((SPOKE, "10:00"), (WAITS, "10:00"), (OURS, "12:00")):
        clocks = follow(clocks, held, happening, at(2, when))
    assert clocks[FIRST].state(at(2, "17:00")) is State.MET
    # One hour was used, and two passed in which nothing counted.
    assert clocks[RESOLUTION].due == at(3, "10:00")
    assert follow(clocks, held, OURS, at(2, "13:00")) == clocks


def test_under_the_same_target_nothing_moves():
    held = {FIRST: term(4)}
    clocks = follow({}, held, WROTE, at(2, "09:00"))
    assert renewed(clocks, held, held, at(2, "11:30")) == clocks


def test_a_move_keeps_what_was_used_and_a_queue_without_a_target_ends_the_clock():
    slow, fast = {FIRST: term(4)}, {FIRST: term(2)}
    clocks = follow({}, slow, WROTE, at(2, "09:00"))
    assert renewed(clocks, slow, fast, at(2, "10:00"))[FIRST].due == at(2, "11:00")
    assert renewed(clocks, slow, {}, at(2, "10:00")) == {}
    met = follow(clocks, slow, SPOKE, at(2, "09:30"))
    assert renewed(met, slow, {}, at(2, "10:00")) == met


def test_changed_settings_hold_from_the_next_look():
    clocks = follow({}, {FIRST: term(4)}, WROTE, at(2, "09:00"))
    held = {FIRST: term(4, FIRST, BRAND, Step(2, Act.TELL, "boss"))}
    clocks = renewed(clocks, held, held, at(2, "10:00"))
    assert clocks[FIRST].moment(2) == at(2, "17:00")


@pytest.mark.parametrize(
    ("answered", "kinds"), [(False, {FIRST, RESOLUTION}), (True, {RESOLUTION})]
)
def test_a_target_that_comes_to_hold_later_counts_from_then(answered, kinds):
    held = {FIRST: term(4), NEXT: term(4, NEXT), RESOLUTION: term(8, RESOLUTION)}
    clocks = begun({}, held, at(2, "10:00"), answered=answered)
    assert clocks.keys() == kinds
    assert clocks[RESOLUTION].due == at(2, "18:00")


def test_who_waits_for_the_next_response_has_had_the_first():
    held = {FIRST: term(4), NEXT: term(4, NEXT)}
    waiting = {NEXT: Clock.start(held[NEXT], at(2, "09:00"))}
    assert begun(waiting, held, at(2, "10:00"), answered=False) == waiting


def test_merging_gives_nobody_more_time():
    early, late = (Clock.start(term(4), at(2, when)) for when in ("09:00", "11:00"))
    ended = late.stop(at(2, "12:00"), BRAND)
    assert joined({FIRST: late}, {FIRST: early}) == {FIRST: early}
    assert joined({FIRST: early}, {FIRST: late}) == {FIRST: early}
    assert joined({FIRST: ended}, {FIRST: late}) == {FIRST: late}
    assert joined({FIRST: late}, {FIRST: ended}) == {FIRST: late}


def test_a_risk_and_a_breach_are_told_once():
    clock = Clock.start(term(5, FIRST, ALWAYS), 0.0)
    said = []
    for hour in (3, 4, 4.5, 5, 6):
        clock, news = told(clock, hour * HOUR)
        said.append(news)
    assert said == [None, State.AT_RISK, None, State.BREACHED, None]


def test_who_looks_too_late_tells_of_the_breach_alone():
    clock = Clock.start(term(5, FIRST, ALWAYS), 0.0).stop(6 * HOUR, ALWAYS)
    clock, news = told(clock, 7 * HOUR)
    assert news is State.BREACHED
    assert told(clock, 8 * HOUR)[1] is None


def test_a_step_that_is_due_is_looked_at_at_once():
    step = Step(2, Act.TELL, "boss")
    held = term(5, FIRST, ALWAYS, step)
    clock = Clock.start(held, 0.0)
    assert look_again(clock, held, 0.0) == 4 * HOUR
    assert look_again(clock, held, 9 * HOUR) == 10 * HOUR
    assert look_again(clock, held, 11 * HOUR) == 11 * HOUR
    assert look_again(clock.carried_out([step]), held, 11 * HOUR) is None
