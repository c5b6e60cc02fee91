"""No callback is lost, made twice at once, made in the night, or put behind others for its tries."""

import json
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.domain.errors import NotAllowed
from gateway.routing.callbacks import (
    LEADS_TO,
    OVER,
    TRANSITIONS,
    Callback,
    Policy,
    Quiet,
    State,
    Window,
    advance,
    cancel,
    dial,
    due,
    ended,
    finish,
    give_back,
    missed,
    move,
    offer,
    schedule,
    see,
    why_missed,
)

SHANGHAI = "Asia/Shanghai"
POLICY = Policy()


def at(clock: str, zone: str = SHANGHAI) -> float:
    """A moment: '25 15:30' is in November 2026; the 25th is a Wednesday."""
    day, hour = clock.split()
    text = f"{day if '-' in day else '2026-11-' + day}T{hour}"
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


NOW = at("25 10:30")


def wanted(**changed) -> Callback:
    asked = Callback(
        id="c1",
        inquiry_id="i1",
        number="+8613800138000",
        brand="acme",
        channel="chat",
        waiting_since=NOW - 600,
        rank=NOW - 600,
        moment=NOW + POLICY.patience,
    )
    return replace(asked, **changed)


def ready(**changed) -> Callback:
    """Due now."""
    window = Window(NOW, NOW + 24 * 3600, SHANGHAI)
    return advance(schedule(wanted(**changed), window, NOW, POLICY), NOW, POLICY)


def dialling() -> Callback:
    return dial(offer(ready(), "ann", NOW, POLICY), NOW + 5, POLICY)


# ---------------------------------------------------------------- the table


def test_every_state_can_be_reached_and_left_and_what_is_over_stays_over():
    reached = {State.REQUESTED}
    while more := {to for (come, _), to in TRANSITIONS.items() if come in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert {come for come, _ in TRANSITIONS} == set(State) - OVER


def test_every_outcome_leads_somewhere():
    for outcome, verb in LEADS_TO.items():
        assert any(name == verb for _, name in TRANSITIONS), outcome


def test_what_is_not_pending_cannot_be_cancelled_and_the_error_says_what_can():
    for state in (State.REQUESTED, State.SCHEDULED, State.DUE, State.OFFERED, State.RETRY):
        assert move(state, "cancel") is State.CANCELLED
    with pytest.raises(NotAllowed, match=r"cannot cancel a callback that is dialling; .*answer"):
        cancel(dialling(), NOW + 6, "customer")
    gone = cancel(ready(), NOW, "customer")
    assert (gone.state, gone.reason) == (State.CANCELLED, "customer")
    with pytest.raises(NotAllowed, match="that is cancelled; allowed: nothing"):
        cancel(gone, NOW, "customer")


# ---------------------------------------------------------------- one callback's way


def test_agent_first_from_the_wish_to_the_end():
    tomorrow = Window(at("26 15:00"), at("26 16:00"), SHANGHAI)
    one = schedule(wanted(), tomorrow, NOW, POLICY)
    assert (one.state, one.moment) == (State.SCHEDULED, at("26 15:00"))
    assert advance(one, at("26 14:59"), POLICY) == one
    one = advance(one, one.moment, POLICY)
    one = offer(one, "ann", at("26 15:01"), POLICY)
    one = give_back(one, at("26 15:02"))
    assert (one.state, one.agent) == (State.DUE, "")
    one = dial(offer(one, "bob", at("26 15:03"), POLICY), at("26 15:04"), POLICY)
    one = ended(one, 1, "answered", at("26 15:05"), POLICY)
    assert (one.state, one.agent) == (State.TALKING, "bob")
    one = finish(one, at("26 15:15"))

    assert (one.state, len(one.attempts)) == (State.DONE, 1)
    attempt = one.attempts[0]
    assert (attempt.at, attempt.agent, attempt.outcome, attempt.ended) == (
        at("26 15:04"),
        "bob",
        "answered",
        at("26 15:15"),
    )
    assert (one.rank, one.waiting_since) == (NOW - 600, NOW - 600)


def test_customer_first_dials_without_an_offer_and_learns_the_agent_when_one_comes():
    one = ready(mode="customer_first")
    with pytest.raises(NotAllowed, match="customer_first"):
        offer(one, "ann", NOW, POLICY)
    one = ended(dial(one, NOW, POLICY), 1, "answered", NOW + 9, POLICY, "ann")
    assert (one.agent, one.attempts[0].agent) == ("ann", "ann")
    with pytest.raises(NotAllowed, match="agent_first"):
        dial(ready(), NOW, POLICY)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("busy", State.RETRY),
        ("no_answer", State.RETRY),
        ("voicemail", State.RETRY),
        ("lost", State.RETRY),
        ("wrong_number", State.FAILED),
        ("declined", State.CANCELLED),
        ("answered", State.TALKING),
    ],
)
def test_what_an_outcome_leads_to(outcome, state):
    one = ended(dialling(), 1, outcome, NOW + 30, POLICY)
    assert one.state is state
    assert one.attempts[0].outcome == outcome
    assert one.reason == (outcome if state in OVER else "")
    if state is State.RETRY:
        assert one.moment == NOW + 30 + POLICY.pause


def test_after_the_last_try_it_has_failed_and_is_seen_until_somebody_takes_note():
    one = dialling()
    for number in (1, 2, 3):
        if number > 1:
            one = advance(one, one.moment, POLICY)
            one = offer(one, "ann", one.moment - POLICY.pause, POLICY)
            one = dial(one, one.attempts[-1].ended + POLICY.pause, POLICY)
        one = ended(one, number, "no_answer", one.attempts[-1].at + 30, POLICY)
    assert (one.state, one.reason, len(one.attempts)) == (State.FAILED, "no_answer", 3)
    other = advance(wanted(id="c0", rank=NOW - 900), NOW + POLICY.patience, POLICY)
    assert (other.state, other.reason) == (State.EXPIRED, "no time was said")

    assert missed([one, other, ready()]) == [other, one]
    assert missed([see(one, "eve"), other]) == [other]
    with pytest.raises(NotAllowed, match="nothing was missed"):
        see(ready(), "eve")


def test_a_try_that_would_be_repeated_after_the_window_has_failed():
    window = Window(NOW, NOW + 1000, SHANGHAI)
    one = advance(schedule(wanted(), window, NOW, POLICY), NOW, POLICY)
    one = dial(offer(one, "ann", NOW, POLICY), NOW + 200, POLICY)
    assert ended(one, 1, "busy", NOW + 230, POLICY).state is State.FAILED


def test_what_reached_nobody_says_why():
    unsaid = advance(wanted(), NOW + POLICY.patience, POLICY)
    passed = advance(ready(), NOW + 24 * 3600, POLICY)
    assert [why_missed(one, POLICY) for one in (unsaid, passed)] == ["no_time", "window"]
    wrong = ended(dialling(), 1, "wrong_number", NOW + 30, POLICY)
    assert why_missed(wrong, POLICY) == "number"
    once = replace(POLICY, attempts=1)
    assert why_missed(ended(dialling(), 1, "busy", NOW + 30, once), once) == "attempts"
    window = Window(NOW, NOW + 1000, SHANGHAI)
    short = advance(schedule(wanted(), window, NOW, POLICY), NOW, POLICY)
    short = dial(offer(short, "ann", NOW, POLICY), NOW + 200, POLICY)
    assert why_missed(ended(short, 1, "busy", NOW + 230, POLICY), POLICY) == "window"
    talked = finish(ended(dialling(), 1, "answered", NOW, POLICY), NOW + 60)
    gone = cancel(ready(), NOW, "customer")
    assert {why_missed(one, POLICY) for one in (ready(), dialling(), talked, gone)} == {None}


def test_a_report_of_an_earlier_try_changes_nothing():
    lost = advance(dialling(), NOW + 5 + POLICY.ring, POLICY)
    assert (lost.state, lost.attempts[0].outcome) == (State.RETRY, "lost")
    with pytest.raises(NotAllowed, match="cannot answer"):
        ended(lost, 1, "answered", NOW + 200, POLICY)
    again = advance(lost, lost.moment, POLICY)
    again = dial(offer(again, "ann", lost.moment, POLICY), lost.moment, POLICY)
    with pytest.raises(NotAllowed, match="try 1 is over; 2 were made"):
        ended(again, 1, "answered", lost.moment + 1, POLICY)


def test_a_conversation_that_breaks_off_is_called_again():
    one = ended(dialling(), 1, "answered", NOW + 20, POLICY)
    one = ended(one, 1, "dropped", NOW + 40, POLICY)
    assert (one.state, one.attempts[0].outcome) == (State.RETRY, "dropped")
    with pytest.raises(NotAllowed, match="cannot drop"):
        ended(dialling(), 1, "dropped", NOW + 40, POLICY)


def test_an_offer_nobody_answers_comes_back_to_its_place():
    one = offer(ready(), "ann", NOW, POLICY)
    back = advance(one, NOW + POLICY.offer, POLICY)
    assert (back.state, back.agent, back.order) == (State.DUE, "", one.order)


def test_quiet_hours_that_begin_while_it_is_due_put_it_off_until_they_end():
    one = advance(ready(), at("25 21:00"), POLICY)
    assert (one.state, one.moment) == (State.SCHEDULED, at("26 09:00"))
    offered = offer(ready(), "ann", at("25 20:59"), POLICY)
    with pytest.raises(NotAllowed, match="quiet hours"):
        dial(offered, at("25 21:00"), POLICY)
    assert advance(offered, at("25 21:00"), POLICY).moment == at("26 09:00")


def test_a_window_within_the_quiet_hours_is_refused():
    with pytest.raises(NotAllowed, match="quiet hours"):
        schedule(wanted(), Window(at("25 22:00"), at("25 23:00"), SHANGHAI), NOW, POLICY)


def test_due_goes_by_the_old_places_and_calls_no_number_twice():
    late, early = ready(id="late", number="+8613800138001"), ready(id="early", rank=NOW - 9000)
    later = schedule(
        wanted(id="later"), Window(at("26 15:00"), at("26 16:00"), SHANGHAI), NOW, POLICY
    )
    same = ready(id="same", rank=NOW - 10)
    assert [one.id for one in due([late, early, later, same], NOW, POLICY)] == ["early", "late"]
    ringing = offer(early, "ann", NOW, POLICY)
    assert [one.id for one in due([late, ringing, same], NOW, POLICY)] == ["late"]


def test_it_is_the_same_after_json():
    for one in (wanted(), ready(), dialling(), ended(dialling(), 1, "answered", NOW, POLICY)):
        assert Callback.of_json(json.loads(json.dumps(one.to_json()))) == one


# ---------------------------------------------------------------- quiet hours


@pytest.mark.parametrize(
    ("zone", "clock", "start", "end", "expected"),
    [
        (SHANGHAI, "25 20:59", "21:00", "09:00", "25 20:59"),
        (SHANGHAI, "25 21:00", "21:00", "09:00", "26 09:00"),
        (SHANGHAI, "26 08:59", "21:00", "09:00", "26 09:00"),
        (SHANGHAI, "26 09:00", "21:00", "09:00", "26 09:00"),
        (SHANGHAI, "26 12:30", "12:00", "14:00", "26 14:00"),
        (SHANGHAI, "26 03:00", "00:00", "00:00", "26 03:00"),
        (SHANGHAI, "26 23:00", "22:00", "00:00", "27 00:00"),
        # New York leaves out 02:00 to 03:00 on 8 March 2026, and has 01:00 to 02:00 twice on 1 November.
        ("America/New_York", "2026-03-08 01:30", "21:00", "02:30", "2026-03-08 03:30"),
        ("America/New_York", "2026-11-01 00:30", "21:00", "01:30", "2026-11-01 01:30"),
    ],
)
def test_quiet_hours_end_by_the_customers_clock(zone, clock, start, end, expected):
    quiet = Quiet(time.fromisoformat(start), time.fromisoformat(end))
    assert quiet.over_at(at(clock, zone), zone) == at(expected, zone)


@given(
    st.floats(1.7e9, 1.9e9),
    st.times(),
    st.times(),
    st.sampled_from([SHANGHAI, "America/New_York", "Europe/London", "Australia/Lord_Howe"]),
)
@settings(deadline=None)
def test_the_next_allowed_moment_is_never_quiet_and_never_earlier(moment, start, end, zone):
    quiet = Quiet(start, end)
    then = quiet.over_at(moment, zone)
    clock = datetime.fromtimestamp(then, ZoneInfo(zone)).time()
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    assert not inside
    assert moment <= then <= moment + 25.5 * 3600


# ---------------------------------------------------------------- any order of events


class AnyOrder(RuleBasedStateMachine):
    """Everything that may happen to a callback, in any order, in time or late; also what is refused."""

    policy = Policy(attempts=3, quiet=Quiet(time(21), time(9)))

    @initialize(
        mode=st.sampled_from(["agent_first", "customer_first"]),
        zone=st.sampled_from([SHANGHAI, "America/New_York", "Europe/London"]),
        start=st.integers(0, 400 * 24),
        lasts=st.integers(1, 72),
    )
    def ask(self, mode, zone, start, lasts):
        self.now = NOW + start * 3600
        self.zone = zone
        self.one = wanted(
            mode=mode, moment=self.now + self.policy.patience, rank=self.now, waiting_since=self.now
        )
        self.place = self.one.order
        self.say_when(0, lasts)

    def change(self, to: Callback) -> None:
        before = self.one
        assert before.state not in OVER or to == before
        begun = len(to.attempts) - len(before.attempts)
        assert begun in (0, 1)
        if begun:  # it is dialled: nobody else is, it is not quiet there, and it was wished
            assert before.state in (State.DUE, State.OFFERED)
            assert all(one.outcome is not None for one in before.attempts)
            clock = datetime.fromtimestamp(self.now, ZoneInfo(before.window.zone)).time()
            assert time(9) <= clock < time(21)
            assert before.window.start <= self.now < before.window.end
        self.one = to

    def attempt(self, action, *given) -> None:
        try:
            to = action(self.one, *given)
        except NotAllowed:
            return
        self.change(to)

    @rule(hours=st.integers(-3, 60), lasts=st.integers(1, 40))
    def say_when(self, hours, lasts):
        start = self.now + hours * 3600
        self.attempt(
            schedule, Window(start, start + lasts * 3600, self.zone), self.now, self.policy
        )

    @rule(seconds=st.sampled_from([1, 29, 60, 600, 3600, 9 * 3600, 86400]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def clock_strikes(self):
        """To the moment at which something is to happen."""
        self.now = max(self.now, self.one.moment)
        self.look()

    @rule()
    def look(self):
        self.change(advance(self.one, self.now, self.policy))
        assert advance(self.one, self.now, self.policy) == self.one

    @rule()
    @precondition(lambda self: self.one.state is State.DUE)
    def begin(self):
        """Whatever its mode is, one of the two is allowed, unless it is too late for it."""
        self.attempt(offer, "ann", self.now, self.policy)
        self.attempt(dial, self.now, self.policy)

    @rule()
    @precondition(lambda self: self.one.state is State.OFFERED)
    def accept(self):
        self.attempt(dial, self.now, self.policy)

    @rule(outcome=st.sampled_from(["busy", "no_answer", "voicemail"]))
    @precondition(lambda self: self.one.state is State.DIALLING)
    def miss(self, outcome):
        self.change(ended(self.one, len(self.one.attempts), outcome, self.now, self.policy))

    @rule(
        what=st.sampled_from(
            [
                lambda one, now, policy: offer(one, "bob", now, policy),
                dial,
                lambda one, now, _: give_back(one, now),
                lambda one, now, _: finish(one, now),
                lambda one, now, _: cancel(one, now, "customer"),
            ]
        )
    )
    def anything(self, what):
        self.attempt(what, self.now, self.policy)

    @rule(outcome=st.sampled_from(sorted(LEADS_TO)), number=st.integers(0, 4))
    def hear(self, outcome, number):
        self.attempt(ended, number, outcome, self.now, self.policy)

    @invariant()
    def the_place_stays(self):
        assert self.one.order == self.place

    @invariant()
    def at_most_one_try_is_on(self):
        on = [one for one in self.one.attempts if one.ended is None]
        assert len(on) == (self.one.state in (State.DIALLING, State.TALKING))
        assert len(self.one.attempts) <= self.policy.attempts

    def teardown(self):
        """Left alone, with nothing but the clock, it ends, and soon."""
        if not hasattr(self, "one"):  # stopped before it was asked for
            return
        for _ in range(2000):
            if self.one.state in OVER:
                return
            self.now = max(self.now, self.one.moment)
            self.change(advance(self.one, self.now, self.policy))
            assert self.one.state in OVER or self.one.moment > self.now
        pytest.fail(f"still {self.one.state} at {self.now}")


AnyOrder.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
