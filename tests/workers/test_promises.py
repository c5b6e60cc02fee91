"""A date that an answer named is remembered, and when it has passed the gateway writes first."""

from dataclasses import asdict, replace
from datetime import date, time
from typing import Any

import pytest

from gateway import steps
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Promise, Verb
from gateway.domain.elapsed import Elapsed
from gateway.domain.model import InquiryState, Visibility
from gateway.domain.plan import (
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    Log,
    Plan,
    Send,
    SetTimer,
)
from gateway.domain.snapshot import InquiryView, ReachView, Snapshot
from gateway.workers.planner import Planner
from tests.store.engines import select, value
from tests.store.rows import put
from tests.workers.plans import (
    ANSWER,
    HANDLE,
    SOLVED,
    S,
    inquiry,
    kinds,
    message,
    ops,
    plan,
    saying,
    seen,
)
from tests.workers.rig import ACCOUNTS, CLOSE_AFTER, SETTINGS, Rig, ScriptedAnswerer, decision

CALENDAR = Calendar()
FRIDAY, MONDAY = date(2026, 1, 9), date(2026, 1, 12)
#: Monday morning after the promised Friday.
DUE = CALENDAR.opening_after(FRIDAY)
PROMISE = Promise("topup", "withdraw_days", "2026-01-09", DUE)
LATER = Promise("topup", "closing_days", "2026-02-06", CALENDAR.opening_after(date(2026, 2, 6)))
PROMISING = saying(Verb.ANSWER, promises=(PROMISE,), evidence={"certificate": "cert-1"})
EVENT = Elapsed("promise", "q1", "v1")
REACH = ReachView("user-1", {"message_id": "<m@x>"}, public=False)


def promised(*promises: Promise, state: InquiryState = S.ANSWERED, **changes: Any) -> InquiryView:
    dialogue = {"topic": "topup", "language": "en", "promised": [asdict(one) for one in promises]}
    return inquiry(state, dialogue=dialogue, **changes)


def timers(made: Plan, kind: str = "promise") -> list[SetTimer]:
    return [op for op in ops(made, SetTimer) if op.kind == kind]


def cancelled(made: Plan, kind: str = "promise") -> bool:
    return any(op.kind == kind for op in ops(made, CancelTimer))


def lapse(view: InquiryView | None, *, calendars: Any = None, **changes: Any) -> Plan:
    """The plan for the moment at which the timer fires."""
    answerer: Any = ScriptedAnswerer()
    settings = replace(SETTINGS, calendars=calendars or {})
    snapshot = Snapshot(
        **{
            "now": DUE, "account": ACCOUNTS["app"], "handle": HANDLE, "conversation_id": "v1",
            "inquiry": view, "greeted": True, "reach": REACH, **changes,
        }
    )  # fmt: skip
    return Planner(answerer, settings).plan("ev2", DUE, EVENT, snapshot)


def texts(made: Plan) -> list[str]:
    return [op.text for op in ops(made, AddMessage)]


# ---------------------------------------------------------------- made


def test_an_answer_that_names_a_date_sets_a_timer_and_remembers_it() -> None:
    made = plan(message(), seen(), PROMISING)
    (timer,) = timers(made)
    assert (timer.subject, timer.due_at, timer.payload) == ("ev1.q", DUE, {"conversation": "ev1.v"})
    (change,) = ops(made, ChangeInquiry)
    assert change.dialogue["promised"] == [asdict(PROMISE)]
    (log,) = [op.event for op in ops(made, Log) if op.event.kind == "promise.made"]
    assert log.data == {"topic": "topup", "fact": "withdraw_days", "by": "2026-01-09"}


def test_advice_that_names_a_date_is_a_promise_too() -> None:
    made = plan(message(), seen(), saying(Verb.ESCALATE, promises=(PROMISE,), high_risk=True))
    assert timers(made)
    (change,) = ops(made, ChangeInquiry)
    assert change.state is S.QUEUED
    assert change.dialogue["promised"] == [asdict(PROMISE)]


@pytest.mark.parametrize(
    "changes", [{"automatic_today": 3}, {"handle": replace(HANDLE, flag="opted_out")}], ids=str
)
def test_what_was_not_said_is_not_promised(changes: dict[str, Any]) -> None:
    made = plan(message(), seen(inquiry(), **changes), PROMISING)
    assert not timers(made)
    assert "promise.made" not in kinds(made)
    assert all("promised" not in (op.dialogue or {}) for op in ops(made, ChangeInquiry))


def test_two_promises_are_kept_and_the_earlier_one_is_asked_about_first() -> None:
    made = plan(message(), seen(promised(LATER)), PROMISING)
    (timer,) = timers(made)
    assert timer.due_at == DUE
    (change,) = ops(made, ChangeInquiry)
    assert change.dialogue["promised"] == [asdict(LATER), asdict(PROMISE)]


def test_the_same_promise_made_again_is_the_newer_one() -> None:
    older = replace(PROMISE, by="2026-01-06", ask_at=DUE - 86400)
    made = plan(message(), seen(promised(older)), PROMISING)
    assert [timer.due_at for timer in timers(made)] == [DUE]


def test_an_answer_without_a_date_leaves_the_promise_as_it_is() -> None:
    made = plan(message(), seen(promised(PROMISE)), ANSWER)
    assert not timers(made)
    assert not cancelled(made)
    (change,) = ops(made, ChangeInquiry)
    assert change.dialogue["promised"] == [asdict(PROMISE)]


def test_solved_ends_it() -> None:
    made = plan(message(), seen(promised(PROMISE)), SOLVED)
    assert cancelled(made)
    assert all("promised" not in (op.dialogue or {}) for op in ops(made, ChangeInquiry))


def test_what_was_promised_before_an_inquiry_was_resolved_is_forgotten() -> None:
    made = plan(message(), seen(promised(LATER, state=S.RESOLVED)), PROMISING)
    (change,) = ops(made, ChangeInquiry)
    assert change.dialogue["promised"] == [asdict(PROMISE)]


@pytest.mark.parametrize(
    ("at", "counts_from"), [(-3600.0, -3600.0), (60.0, 0.0), (-90000.0, 0.0), (None, 0.0)]
)
def test_dates_count_from_when_it_was_written_unless_that_cannot_be(
    at: float | None, counts_from: float
) -> None:
    snapshot = seen()
    scripted = saying(Verb.ANSWER)
    plan(message(at=None if at is None else snapshot.now + at), snapshot, scripted)
    assert scripted.asked[0].asked_at == snapshot.now + counts_from


# ---------------------------------------------------------------- passed


@pytest.mark.parametrize("state", [S.ANSWERED, S.WAITING_CUSTOMER])
def test_the_gateway_writes_first_and_asks_whether_it_was_kept(state: InquiryState) -> None:
    made = lapse(promised(PROMISE, state=state))
    (sent,) = ops(made, Send)
    assert (sent.recipient, sent.account, sent.conversation_id) == ("user-1", "app", "v1")
    assert sent.payload["text"] == "[topup by 2026-01-09 in en]"
    assert (sent.payload["automatic"], sent.payload["in_reply_to"]) == (True, "<m@x>")
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.version) == (S.ANSWERED, 4)
    assert change.dialogue == {
        "topic": "topup", "language": "en", "promised": [], "pending": "solved?",
        "missed": "withdraw_days by 2026-01-09",
    }  # fmt: skip
    assert [timer.due_at for timer in timers(made, "close")] == [DUE + CLOSE_AFTER]
    assert not timers(made)
    assert kinds(made) == ["promise.passed"]


def test_it_is_written_to_where_the_customer_asked_to_be_answered() -> None:
    made = lapse(
        promised(PROMISE), reach=ReachView("a@b.c", {"reply_address": "d@e.f"}, public=False)
    )
    assert [op.recipient for op in ops(made, Send)] == ["d@e.f"]


def test_the_next_promise_is_waited_for() -> None:
    made = lapse(promised(PROMISE, LATER))
    assert [timer.due_at for timer in timers(made)] == [LATER.ask_at]
    (change,) = ops(made, ChangeInquiry)
    assert change.dialogue["promised"] == [asdict(LATER)]
    assert len(texts(made)) == 1


def test_a_timer_that_comes_before_its_time_is_set_again() -> None:
    made = lapse(promised(LATER))
    assert [timer.due_at for timer in timers(made)] == [LATER.ask_at]
    assert len(made.ops) == 1


@pytest.mark.parametrize(
    "view",
    [None, promised(PROMISE, state=S.RESOLVED), promised(PROMISE, state=S.CLOSED), promised()],
)
def test_what_is_done_is_not_asked_about(view: InquiryView | None) -> None:
    assert lapse(view).ops == ()


@pytest.mark.parametrize(
    ("state", "agent"),
    [
        (S.QUEUED, ""),
        (S.OFFERED, ""),
        (S.ASSIGNED, "ann"),
        (S.SNOOZED, "ann"),
        (S.WAITING_CUSTOMER, "ann"),
    ],
)
def test_where_people_have_it_they_are_told_and_the_customer_is_not(
    state: InquiryState, agent: str
) -> None:
    made = lapse(promised(PROMISE, state=state, assigned_to=agent))
    assert texts(made) == []
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.urgent, change.priority) == (state, True, 0)
    assert change.assigned_to is None, "it stays with whoever has it"
    (log,) = [op.event for op in ops(made, Log)]
    assert (log.kind, log.data["told"]) == ("promise.passed", "agent")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"handle": replace(HANDLE, flag="opted_out")}, "STOP"),
        ({"handle": replace(HANDLE, flag="bounced")}, "the address does not work (bounced)"),
        ({"reach": replace(REACH, public=True)}, "in public"),
        ({"account": replace(ACCOUNTS["app"], kind="")}, "not configured any more"),
        ({"handle": None}, "nobody is known"),
    ],
)
def test_who_must_not_or_cannot_be_written_to_is_left_to_a_person(
    changes: dict[str, Any], why: str
) -> None:
    made = lapse(promised(PROMISE, LATER), **changes)
    assert texts(made) == []
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.queue) == (S.QUEUED, "payments")
    assert change.dialogue["promised"] == [asdict(LATER)]
    queued = ops(made, Log)[-1].event
    assert queued.data["why"].startswith("promise missed: withdraw_days by 2026-01-09; ")
    assert why in queued.data["why"]
    assert cancelled(made, "close")


def test_a_topic_that_is_gone_is_left_to_a_person() -> None:
    made = lapse(promised(replace(PROMISE, topic="gone")))
    assert texts(made) == []
    assert ops(made, ChangeInquiry)[0].state is S.QUEUED


def test_nobody_is_written_to_at_night() -> None:
    night = CALENDAR.moment(MONDAY, time(22))
    made = lapse(promised(PROMISE), now=night)
    assert [op.due_at for op in timers(made)] == [CALENDAR.opening_after(MONDAY)]
    assert len(made.ops) == 1
    awake = replace(CALENDAR, zone="America/New_York")
    assert texts(lapse(promised(PROMISE), now=night, calendars={"demo": awake}))


def test_once_the_texts_of_the_day_are_used_up_it_waits_for_the_next_morning() -> None:
    made = lapse(promised(PROMISE), automatic_today=3)
    assert [op.due_at for op in timers(made)] == [CALENDAR.opening_after(MONDAY)]
    assert len(made.ops) == 1
    assert texts(lapse(promised(PROMISE), automatic_today=2))


def test_a_no_goes_to_the_queue_with_what_was_promised() -> None:
    view = inquiry(dialogue={"pending": "solved?", "missed": "withdraw_days by 2026-01-09"})
    no = saying(Verb.ROUTE, queue="payments", evidence={"solved": False})
    made = plan(message("2"), seen(view), no)
    (decided, queued) = [op.event.data for op in ops(made, Log)][1:]
    assert decided["reason"] == queued["why"] == "promise missed: withdraw_days by 2026-01-09"
    assert decided["evidence"]["missed"] == "withdraw_days by 2026-01-09"
    assert queued["queue"] == "payments"


# ---------------------------------------------------------------- on a store


async def answered(rig: Rig, **more: Any) -> str:
    """A customer got an answer with a promise; the inquiry's id."""
    rig.answerer.usual = decision(
        Verb.ANSWER, promises=(PROMISE,), dialogue={"topic": "topup", "language": "en"}
    )
    await rig.say("where is it", **more)
    return str(await value(rig.store, "SELECT id FROM inquiries"))


async def passes(rig: Rig, moment: float) -> None:
    """The time comes: what is due fires, and what follows is planned."""
    rig.clock.advance(moment - rig.clock.now())
    loop = rig.timers()
    while await loop.once():
        await rig.drain()


async def sent(rig: Rig) -> list[str]:
    rows = await select(
        rig.store, "SELECT text FROM messages WHERE direction = 'out' ORDER BY at, id"
    )
    return [row["text"] for row in rows]


async def test_the_customer_is_asked_once_when_the_day_has_passed(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    await passes(rig, DUE - 1)
    assert len(await sent(rig)) == 1
    await passes(rig, DUE)
    assert (await sent(rig))[1:] == ["[topup by 2026-01-09 in en]"]
    rig.answerer.usual = decision(Verb.ANSWER, "Fine.", evidence={"solved": True})
    await rig.say("1")
    assert await value(rig.store, "SELECT state FROM inquiries") == "resolved"
    await passes(rig, DUE + 30 * 86400)
    assert len(await sent(rig)) == 3
    assert await value(rig.store, "SELECT state FROM inquiries") == "closed"
    assert await select(rig.store, "SELECT * FROM timers") == []


async def test_silence_closes_nothing_before_the_promised_day(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    assert rig.clock.now() + CLOSE_AFTER < DUE
    await passes(rig, DUE - 1)
    assert await value(rig.store, "SELECT state FROM inquiries") == "answered"
    await passes(rig, DUE)
    await passes(rig, DUE + CLOSE_AFTER - 1)
    assert await value(rig.store, "SELECT state FROM inquiries") == "answered"
    await passes(rig, DUE + CLOSE_AFTER)
    assert await value(rig.store, "SELECT state FROM inquiries") == "resolved"


async def test_a_gateway_that_was_away_asks_before_it_closes(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    rig.clock.advance(CALENDAR.moment(date(2026, 3, 2), time(10)) - rig.clock.now())
    await rig.timers().once()
    assert await value(rig.store, "SELECT state FROM inquiries") == "answered"
    await rig.drain()
    assert len(await sent(rig)) == 2


async def test_ten_loops_ask_once(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    rig.clock.advance(DUE - rig.clock.now())
    for loop in [rig.timers() for _ in range(10)]:
        await loop.once()
    await rig.drain()
    assert len(await sent(rig)) == 2
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events WHERE type = 'timer'") == 1


async def test_the_event_waits_in_the_lane_of_the_customer(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    rig.clock.advance(DUE - rig.clock.now())
    told: list[str] = []
    loop = rig.timers()
    loop.fired = told.append
    await loop.once()
    lanes = await select(rig.store, "SELECT lane FROM raw_events")
    assert lanes[0] == lanes[1] == {"lane": "app|user-1"}
    assert told[-1] == "promise"


async def test_what_the_customer_said_meanwhile_is_heard_first(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    rig.clock.advance(DUE - rig.clock.now())
    await rig.message("1")
    rig.answerer.usual = decision(Verb.ANSWER, "Fine.", evidence={"solved": True})
    await rig.timers().once()
    await rig.drain()
    assert await sent(rig) == ["We have it.", "Fine."]


async def test_an_agent_who_has_it_is_told_instead(rig: Rig) -> None:
    rig.think()
    inquiry_id = await answered(rig)
    rig.answerer.usual = decision(Verb.ROUTE, "A person comes.")
    await rig.say("I want a person")
    await rig.desk().claim(inquiry_id, "ann")
    await passes(rig, DUE)
    assert len(await sent(rig)) == 2
    (row,) = await select(rig.store, "SELECT state, urgent, priority, assigned_to FROM inquiries")
    assert dict(row) == {"state": "assigned", "urgent": 1, "priority": 0, "assigned_to": "ann"}
    assert (await rig.log_kinds())[-1] == "promise.passed"


@pytest.mark.parametrize("ended", ["resolved", "merged"])
async def test_an_agent_who_ends_it_ends_the_promise(rig: Rig, ended: str) -> None:
    rig.think()
    inquiry_id = await answered(rig)
    desk = rig.desk()
    if ended == "resolved":
        await desk.resolve(inquiry_id, "ann")
    else:
        await rig.meddle("UPDATE inquiries SET state = 'resolved'")
        rig.answerer.usual = decision()
        await rig.say("another matter")
        other = await value(rig.store, f"SELECT id FROM inquiries WHERE id <> '{inquiry_id}'")
        await desk.merge(other, inquiry_id, "ann")
    assert await value(rig.store, "SELECT COUNT(*) FROM timers WHERE kind = 'promise'") == 0


async def test_a_public_conversation_and_an_opt_out_stay_silent(rig: Rig) -> None:
    rig.think()
    await answered(rig)
    await rig.say("where is it", visibility=Visibility.PUBLIC)
    await passes(rig, DUE)
    assert "[topup" not in "".join(await sent(rig))
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"


async def test_a_conversation_that_is_gone_holds_up_nobody(rig: Rig) -> None:
    gone = SetTimer("promise", "no such inquiry", 0.0, {"conversation": "none"})
    await put(rig.store, Plan("t", (gone,)))
    assert await rig.timers().once() == 1
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events") == 0


class Killed(BaseException):
    """Nothing that runs after it, as after `kill -9`."""


@pytest.mark.parametrize(
    "step",
    ["timer.before", "timer.after", "lane.claimed", "plan.made", "apply.before", "apply.after"],
)
async def test_whoever_dies_over_it_asks_once_all_the_same(
    rig: Rig, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.think()
    await answered(rig)
    rig.clock.advance(DUE - rig.clock.now())
    kills = [step]

    def reach(name: str) -> None:
        if name in kills:
            kills.remove(name)
            raise Killed

    monkeypatch.setattr(steps, "reach", reach)

    async def die() -> None:
        await rig.timers().once()
        await rig.drain(rig.pipeline("dead"))

    with pytest.raises(Killed):
        await die()
    rig.clock.advance(60)  # the leases of the dead one run out
    await rig.timers().once()
    await rig.drain(rig.pipeline("living"))
    await passes(rig, rig.clock.now() + 60)
    assert (await sent(rig))[1:] == ["[topup by 2026-01-09 in en]"]
    assert (await rig.log_kinds()).count("promise.passed") == 1
