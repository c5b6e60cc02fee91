"""Announcements in the pipeline: linked with the message that says them, told once when they are over."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.desk.announcements import add
from gateway.domain.announcement import ANNOUNCEMENT_TIMER, Announcement, AnnouncementOver, ToTell
from gateway.domain.channel import Inbound
from gateway.domain.decision import Verb
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import InquiryState, Visibility
from gateway.domain.plan import (
    AddMessage,
    ChangeInquiry,
    FlagHandle,
    LinkAnnouncement,
    Plan,
    Send,
    SetTimer,
    SettleAnnouncement,
)
from gateway.testing.clock import NEW_YEAR
from gateway.workers.announcing import BATCH, ENDED
from gateway.workers.planner import Planner
from tests.store.engines import one, select, value
from tests.store.rows import put
from tests.workers.announced import (
    HOUR,
    OUTAGE,
    announce,
    end,
    inquiries,
    outcomes,
    over_texts,
    told,
)
from tests.workers.plans import HANDLE, NOW, inquiry, kinds, message, ops, plan, saying, seen
from tests.workers.rig import CLOSE_AFTER, SETTINGS, Rig, ScriptedAnswerer, decision

S = InquiryState
ANSWERED = decision(Verb.ANSWER, "Do this.", evidence={"certificate": ""})
_TIMERS = "SELECT due_at FROM timers WHERE kind = 'announcement'"


@pytest.fixture
def answering(rig: Rig) -> Rig:
    rig.answerer.usual = ANSWERED
    return rig


# ---------------------------------------------------------------- planned with it


def test_the_message_that_says_it_is_linked_in_the_same_plan() -> None:
    made = plan(message(), seen(announcements=(OUTAGE,)), saying(Verb.ANSWER))
    assert ops(made, LinkAnnouncement) == [LinkAnnouncement("a1", "ev1.q", "ev1.out")]
    assert "announcement.spliced" in kinds(made)


@pytest.mark.parametrize(
    "changes", [{"automatic_today": 99}, {"handle": replace(HANDLE, flag="opted_out")}]
)
def test_where_nothing_is_said_nothing_is_linked(changes: dict[str, Any]) -> None:
    view = inquiry(S.ANSWERED)
    made = plan(message(), seen(view, announcements=(OUTAGE,), **changes), saying(Verb.ROUTE))
    assert ops(made, Send) == []
    assert ops(made, LinkAnnouncement) == []


async def test_the_very_next_message_has_it_and_none_after_its_time(answering: Rig) -> None:
    rig = answering
    await rig.say("before", sender="u0")
    await announce(rig)
    await rig.say("during", sender="u1")
    rig.clock.advance(HOUR)
    # Nobody has fired its timer.
    await rig.say("after", sender="u2")
    assert await outcomes(rig) == {"u1": ""}
    (linked,) = await select(rig.store, "SELECT message_id FROM announcement_inquiries")
    found = await one(
        rig.store, f"SELECT direction FROM messages WHERE id = '{linked['message_id']}'"
    )
    assert found["direction"] == "out"


async def test_one_to_come_is_not_said_yet(answering: Rig) -> None:
    await announce(answering, starts_at=NEW_YEAR + 60)
    await answering.say("too early", sender="u1")
    answering.clock.advance(60)
    await answering.say("in time", sender="u2")
    assert await outcomes(answering) == {"u2": ""}


async def test_an_inquiry_is_told_once_however_often_it_asks(answering: Rig) -> None:
    await announce(answering)
    await answering.say("one", sender="u1")
    await answering.say("two", sender="u1")
    first, second = answering.answerer.asked
    assert (first.announcements, second.announcements) == ((OUTAGE,), ())
    assert await value(answering.store, "SELECT COUNT(*) FROM announcement_inquiries") == 1


async def test_what_ends_between_plan_and_commit_is_planned_anew(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    event = await rig.message("hello", sender="u1")
    pipeline = rig.pipeline()
    (row,) = await rig.store.read(lambda r: r.all("intake.pending", now=rig.clock.now(), n=9))
    taken = await pipeline.lanes.claim()
    (made,) = await pipeline._plans(next(iter(taken.values())))
    assert isinstance(made, Plan)
    assert ops(made, LinkAnnouncement)
    await end(rig)
    assert await pipeline._settle(row, made, last=True)
    assert pipeline.counts["replanned"] == 1
    assert await outcomes(rig) == {}
    assert await value(rig.store, f"SELECT state FROM raw_events WHERE id = '{event}'") == "done"


# ---------------------------------------------------------------- it is over


async def test_when_its_time_is_up_everybody_is_told_and_asked(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    await rig.say("hello", sender="u1")
    await rig.say("hello", sender="u2", account="sms")
    rig.clock.advance(HOUR)
    await told(rig)
    assert await over_texts(rig) == ["u1", "u2"]
    assert await outcomes(rig) == {"u1": "told", "u2": "told"}
    for row in await inquiries(rig):
        assert row["state"] == "answered"
        assert json.loads(row["dialogue"])["pending"] == "solved?"
    sent = await select(
        rig.store, "SELECT account, payload FROM outbox ORDER BY created_at DESC, id"
    )
    assert {row["account"] for row in sent} == {"app", "sms"}
    assert json.loads(sent[0]["payload"])["automatic"] is True
    events = await rig.log_kinds()
    assert events.count("announcement.ended") == 1
    assert events.count("announcement.over") == 2
    assert await value(rig.store, _TIMERS.replace("due_at", "COUNT(*)")) == 0


async def test_an_early_end_tells_them_now_and_once(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    await rig.say("hello", sender="u1")
    assert await end(rig) == 1
    await told(rig)
    assert await over_texts(rig) == ["u1"]
    with pytest.raises(NotAllowed, match="is over since"):
        await end(rig)
    with pytest.raises(NotFound):
        await end(rig, "a2")
    rig.clock.advance(2 * HOUR)
    await told(rig)
    assert await over_texts(rig) == ["u1"]


async def test_one_that_would_be_over_already_is_not_made(rig: Rig) -> None:
    with pytest.raises(NotAllowed, match="later --until"):
        await announce(rig, ends_at=NEW_YEAR)
    with pytest.raises(NotAllowed, match="no good"):
        await add(rig.store, rig.clock, rig.ids, OUTAGE, "lin", lambda _: ["no good"])
    assert await value(rig.store, "SELECT COUNT(*) FROM announcements") == 0


async def test_many_are_handed_on_a_few_at_a_time(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    for number in range(2 * BATCH + 1):
        await rig.message("hello", sender=f"u{number:03}")
    await rig.drain()
    await end(rig)
    timers, steps = rig.timers(), []
    for _ in range(4):
        assert await timers.once() == 1
        assert await timers.once() == 0, "the next batch has its time"
        steps.append(
            await value(rig.store, "SELECT COUNT(*) FROM raw_events WHERE state = 'pending'")
        )
        rig.clock.advance(1.0)
    assert steps == [BATCH, 2 * BATCH, 2 * BATCH + 1, 2 * BATCH + 1]
    assert await select(rig.store, _TIMERS) == []
    await rig.drain()
    assert set((await outcomes(rig)).values()) == {"told"}
    assert len(await over_texts(rig)) == 2 * BATCH + 1


@pytest.mark.parametrize(
    ("state", "after"),
    [(S.ANSWERED, S.ANSWERED), (S.WAITING_CUSTOMER, S.ANSWERED), (S.RESOLVED, S.ANSWERED),
     (S.QUEUED, S.QUEUED), (S.OFFERED, S.OFFERED), (S.SNOOZED, S.SNOOZED)],
)  # fmt: skip
def test_where_no_agent_has_it_the_customer_is_told(state: S, after: S) -> None:
    made = telling(inquiry(state, dialogue={"options": ["a"], "language": "en", "answered": ["x"]}))
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.version, change.queue) == (after, 4, None)
    assert change.dialogue == {
        "language": "en", "answered": ["x"], "topic": "topup", "pending": "solved?",
        ENDED: "a1",
    }  # fmt: skip
    assert ops(made, SettleAnnouncement) == [SettleAnnouncement("a1", "q1", "told")]
    (said,) = ops(made, AddMessage)
    assert (said.text, said.automatic) == ("[a1 is over]", True)
    (sent,) = ops(made, Send)
    assert (sent.recipient, sent.payload["in_reply_to"]) == ("li@reply.example", "<m1>")
    assert [t.due_at for t in ops(made, SetTimer)] == [NOW + CLOSE_AFTER] * (after is S.ANSWERED)
    assert kinds(made) == ["announcement.over"]


@pytest.mark.parametrize(
    ("view", "changes", "outcome"),
    [
        (inquiry(S.CLOSED), {}, "closed"),
        (inquiry(S.ASSIGNED, assigned_to="ann"), {}, "with_agent"),
        (inquiry(S.WAITING_CUSTOMER, assigned_to="ann"), {}, "with_agent"),
        (inquiry(S.WRAPPING, assigned_to="ann"), {}, "with_agent"),
        (inquiry(), {"handle": replace(HANDLE, flag="opted_out")}, "opted_out"),
        (inquiry(), {"handle": replace(HANDLE, flag="bounced")}, "bounced"),
        (inquiry(), {"handle": None}, "unreachable"),
        (inquiry(), {"public": True}, "public"),
    ],
)
def test_where_nothing_may_be_said_it_is_settled_with_the_reason(
    view: Any, changes: dict[str, Any], outcome: str
) -> None:
    public = changes.pop("public", False)
    made = telling(view, public=public, **changes)
    assert ops(made, SettleAnnouncement) == [SettleAnnouncement("a1", "q1", outcome)]
    assert (ops(made, Send), ops(made, ChangeInquiry)) == ([], [])
    (logged,) = [op.event for op in made.ops if hasattr(op, "event")]
    assert (logged.kind, logged.data["untold"], logged.inquiry_id) == (
        "announcement.over",
        outcome,
        "q1",
    )


def test_what_is_settled_or_gone_makes_an_empty_plan() -> None:
    assert telling(inquiry(), settled=True).ops == ()
    event = AnnouncementOver("a1", "q1")
    assert Planner(ScriptedAnswerer(), SETTINGS).plan("ev1", NOW, event, seen()).ops == ()  # type: ignore[arg-type]


def telling(
    view: Any,
    *,
    public: bool = False,
    settled: bool = False,
    about: Announcement = OUTAGE,
    **changes: Any,
) -> Plan:
    context = {"reply_address": "li@reply.example", "message_id": "<m1>"}
    snapshot = seen(
        view, to_tell=ToTell(about, settled, public, "li@reply.example", context), **changes
    )
    answerer: Any = ScriptedAnswerer()
    return Planner(answerer, SETTINGS).plan("ev1", NOW, AnnouncementOver("a1", "q1"), snapshot)


# ---------------------------------------------------------------- with people


async def test_whoever_waits_in_a_queue_keeps_the_place_and_can_say_that_it_is_solved(
    rig: Rig,
) -> None:
    await announce(rig)
    for sender in ("u1", "u2", "u3"):
        await rig.say("hello", sender=sender)
    before = await inquiries(rig)
    rig.clock.advance(60)
    await end(rig)
    await told(rig)
    assert [row["waiting_since"] for row in await inquiries(rig)] == [
        row["waiting_since"] for row in before
    ]
    yes = decision(Verb.ANSWER, "Good.", topic="thanks", evidence={"solved": True})
    rig.answerer.answers |= {"1": yes, "2": decision(Verb.ROUTE, evidence={"solved": False})}
    await rig.say("1", sender="u1")
    await rig.say("2", sender="u2")
    await rig.say("by the way", sender="u3")
    assert [row["state"] for row in await inquiries(rig)] == ["resolved", "queued", "queued"]
    kinds = await rig.log_kinds()
    assert kinds.count("inquiry.resolved") == 1
    assert kinds.count("inquiry.customer_wrote") == 2
    rig.clock.advance(CLOSE_AFTER)
    await rig.timers().once()
    assert (await inquiries(rig))[0]["state"] == "closed"


async def test_a_one_that_nobody_asked_for_is_for_the_agent(rig: Rig) -> None:
    await rig.say("hello", sender="u1")
    rig.answerer.answers["1"] = decision(Verb.ANSWER, "Good.", evidence={"solved": True})
    await rig.say("1", sender="u1")
    assert [row["state"] for row in await inquiries(rig)] == ["queued"]


async def test_an_agents_reply_that_keeps_the_announcement_of_the_draft_is_linked(rig: Rig) -> None:
    rig.answerer.usual = decision(Verb.ROUTE, "")
    await announce(rig)
    for sender in ("u1", "u2"):
        await rig.say("hello", sender=sender)
    assert await outcomes(rig) == {}
    first, second = [row["number"] for row in await inquiries(rig)]
    await rig.desk().reply(first, "ann", "Top-ups are late. Please wait.")
    await rig.desk().reply(second, "ann", "Please wait.")
    assert await outcomes(rig) == {"u1": ""}
    await end(rig)
    await told(rig)
    assert await outcomes(rig) == {"u1": "with_agent"}
    assert await over_texts(rig) == []


async def test_of_merged_inquiries_the_one_that_stays_is_told(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    await rig.say("hello", sender="u1")
    await rig.say("hello", sender="u2")
    await rig.say("hello", sender="u3")
    first, second, third = [row["number"] for row in await inquiries(rig)]
    await rig.desk().merge_contacts("u1", "u2", "ann")
    await rig.desk().merge_contacts("u1", "u3", "ann")
    await rig.desk().merge(first, second, "ann")
    assert await outcomes(rig) == {"u1": "", "u3": ""}
    await end(rig)
    for _ in range(2):
        await rig.timers().once()
        rig.clock.advance(1)
    # Its telling is on the way when it becomes part of another one.
    await rig.desk().merge(first, third, "ann")
    await told(rig)
    assert await outcomes(rig) == {"u1": "told"}
    assert len(await over_texts(rig)) == 1


async def test_a_link_of_another_inquiry_survives_a_merger_into_one_without(answering: Rig) -> None:
    rig = answering
    await rig.say("before", sender="u1")
    await announce(rig)
    await rig.say("hello", sender="u2")
    first, second = [row["number"] for row in await inquiries(rig)]
    await rig.desk().merge_contacts("u1", "u2", "ann")
    await end(rig)
    await rig.timers().once()
    await rig.desk().merge(first, second, "ann")
    await told(rig)
    assert await outcomes(rig) == {"u1": "told"}
    assert await over_texts(rig) == ["u2"], "it is told where it was said"


# ---------------------------------------------------------------- the customer's wishes


async def test_who_opted_out_meanwhile_is_left_alone(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    await rig.say("hello", sender="u1")
    handle = await value(rig.store, "SELECT id FROM handles")
    await put(rig.store, Plan("x", (FlagHandle(handle, "opted_out"),)))
    await end(rig)
    await told(rig)
    assert await outcomes(rig) == {"u1": "opted_out"}
    assert await over_texts(rig) == []


async def test_what_was_said_in_public_is_not_taken_up_in_private(answering: Rig) -> None:
    rig = answering
    await announce(rig, public=True)
    comment = Inbound("c1", "u1", "hello", visibility=Visibility.PUBLIC)
    await rig.take("app", comment)
    await rig.drain()
    await end(rig)
    await told(rig)
    assert await outcomes(rig) == {"u1": "public"}


async def test_the_end_comes_behind_what_the_customer_has_written_already(answering: Rig) -> None:
    rig = answering
    await announce(rig)
    await rig.say("hello", sender="u1")
    await end(rig)
    await rig.message("are you there?", sender="u1")
    await told(rig)
    texts = await select(rig.store, "SELECT m.text FROM messages m ORDER BY m.id")
    assert [row["text"] for row in texts][-1] == "[a1 is over]"


async def test_a_timer_of_an_announcement_that_is_gone_passes(rig: Rig) -> None:
    await put(rig.store, Plan("t", (SetTimer(ANNOUNCEMENT_TIMER, "a9", 0.0),)))
    assert await rig.timers().once() == 1
    assert await select(rig.store, _TIMERS) == []
