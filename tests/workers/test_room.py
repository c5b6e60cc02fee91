"""Automatic answers on channels that count messages: in parts that fit, shorter, or by a person."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.announcement import Announcement, ToTell
from gateway.domain.decision import Decision, Question, Verb
from gateway.domain.elapsed import Elapsed
from gateway.domain.model import InquiryState, Visibility
from gateway.domain.plan import AddMessage, ChangeInquiry, Log, Plan, Send, TouchConversation
from gateway.domain.snapshot import AccountView, ReachView
from gateway.domain.splitting import TextLimit
from gateway.domain.window import Rules
from gateway.workers.announcing import _why_not
from gateway.workers.lapse import _unreachable
from gateway.workers.planner import Planner
from gateway.workers.snapshots import look
from tests.delivery.windowed import conversation, say
from tests.workers.plans import NOW, inquiry, message, ops, seen
from tests.workers.rig import ACCOUNTS, SETTINGS, Rig, ScriptedAnswerer, decision

LONG = "A sentence of the answer. " * 12
CHAT = replace(ACCOUNTS["app"], text=TextLimit(100), rules=Rules(48 * 3600.0, budget=5))


class TwoForms(ScriptedAnswerer):
    """Has a short form of what it says."""

    def decide(self, question: Question, certificates: Any) -> Decision:
        decided = super().decide(question, certificates)
        return replace(decided, reply="In short.") if question.form == "short" else decided


def answers(kind: type[ScriptedAnswerer] = ScriptedAnswerer, reply: str = LONG) -> ScriptedAnswerer:
    return kind(usual=decision(Verb.ANSWER, reply, evidence={"certificate": "c1"}))


def plan(
    answerer: ScriptedAnswerer, event: Any = None, view: AccountView = CHAT, **changes: Any
) -> Plan:
    snapshot = replace(seen(inquiry(), **changes), account=view)
    return Planner(answerer, SETTINGS).plan("ev1", NOW, event or message(), snapshot)  # type: ignore[arg-type]


def said(made: Plan) -> list[str]:
    return [op.text for op in ops(made, AddMessage) if op.direction == "out"]


def suppressed(made: Plan) -> str:
    (made_up,) = [op.event.data for op in ops(made, Log) if op.event.kind == "decision.made"]
    return str(made_up["suppressed"])


def test_a_long_answer_goes_out_in_parts_each_with_a_row_of_its_own() -> None:
    made = plan(answers(reply="A sentence of the answer. " * 7))
    parts = said(made)
    assert [text[:6] for text in parts] == ["(1/3) ", "(2/3) ", "(3/3) "]
    sends = ops(made, Send)
    assert [send.message_id for send in sends] == ["ev1.out", "ev1.out.p02", "ev1.out.p03"]
    assert [send.payload["text"] for send in sends] == parts
    metas = [op.meta for op in ops(made, AddMessage) if op.direction == "out"]
    assert [meta["part"] for meta in metas] == [[1, 3], [2, 3], [3, 3]]
    assert [meta.get("verb") for meta in metas] == ["answer", None, None]


def test_what_takes_too_many_parts_is_said_in_its_short_form() -> None:
    made = plan(answers(TwoForms))
    assert said(made) == ["In short."]
    assert ops(made, ChangeInquiry)[-1].state is InquiryState.ANSWERED


def test_without_a_shorter_form_a_person_answers() -> None:
    made = plan(answers())
    assert said(made) == []
    assert ops(made, ChangeInquiry)[-1].state is InquiryState.QUEUED
    assert suppressed(made) == "messages it takes: 4, left for automatic ones: 3"


def test_what_is_on_its_way_already_counts() -> None:
    two = "A sentence of the answer. " * 5
    assert len(said(plan(answers(reply=two), ahead=1))) == 2
    assert said(plan(answers(reply=two), ahead=2)) == []


def test_another_decision_is_no_short_form() -> None:
    class Wavers(TwoForms):
        def decide(self, question: Question, certificates: Any) -> Decision:
            decided = super().decide(question, certificates)
            return replace(decided, verb=Verb.ROUTE) if question.form == "short" else decided

    assert said(plan(answers(Wavers))) == []


def test_where_nothing_is_counted_parts_are_only_parts() -> None:
    chat = replace(CHAT, rules=Rules(48 * 3600.0))
    assert len(said(plan(answers(), view=chat))) == 4
    public = message(visibility=Visibility.PUBLIC)
    assert len(said(plan(answers(), public))) == 4


@pytest.mark.parametrize(
    ("at", "received", "opened"), [(NOW - 9, NOW - 5, NOW - 9), (NOW + 99, NOW - 5, NOW - 5),
                                   (None, NOW - 5, NOW - 5), (NOW - 9, NOW + 99, NOW - 9)],
)  # fmt: skip
def test_the_window_opens_when_the_customer_wrote_not_when_it_is_taken_up(
    at: float | None, received: float, opened: float
) -> None:
    made = Planner(ScriptedAnswerer(), SETTINGS).plan("ev1", received, message(at=at), seen())  # type: ignore[arg-type]
    (touch,) = ops(made, TouchConversation)
    assert touch.last_in_at == opened
    assert touch.resume_since == NOW - SETTINGS.stale_after
    assert touch.opens_window


@pytest.mark.parametrize(
    ("rules", "opens"), [(Rules(1.0), False), (Rules(1.0, comments=True), True)]
)
def test_a_comment_opens_the_window_only_where_the_channel_says_so(
    rules: Rules, opens: bool
) -> None:
    snapshot = replace(seen(), account=replace(CHAT, rules=rules))
    event = message(visibility=Visibility.PUBLIC)
    made = Planner(ScriptedAnswerer(), SETTINGS).plan("ev1", NOW, event, snapshot)  # type: ignore[arg-type]
    assert ops(made, TouchConversation)[0].opens_window is opens


async def test_what_the_customer_did_not_bring_up_is_known_not_to_reach_them(rig: Rig) -> None:
    await conversation(rig)
    elapsed = Elapsed("promise", "ev1.q", "ev1.v")

    async def shut() -> str:
        now = rig.clock.now()
        snapshot = await rig.store.read(lambda reader: look(reader, elapsed, CHAT, now, 1))
        return snapshot.shut

    assert await shut() == ""
    rig.clock.advance(49 * 3600.0)
    assert "the reply window ended" in await shut()


def test_a_promise_that_passed_behind_the_window_goes_to_a_person() -> None:
    why = "the reply window ended at 2026-01-03 00:00 UTC"
    snapshot = seen(inquiry(), shut=why, reach=ReachView("user-1", {}, public=False))
    assert _unreachable(snapshot) == why
    assert _unreachable(replace(snapshot, shut="")) == ""


def test_whoever_cannot_be_told_that_an_announcement_is_over_is_noted() -> None:
    known = inquiry()
    about = ToTell(
        Announcement("a1", ("topup",), (), {}, NOW, NOW, False), False, False, "user-1", {}
    )
    assert _why_not(seen(known), known, about) == ""
    assert _why_not(seen(known, shut="closed"), known, about) == "window_closed"


async def test_a_snapshot_counts_what_goes_out_first(rig: Rig) -> None:
    rig.accounts = {**ACCOUNTS, "app": CHAT}
    rig.settings = replace(SETTINGS, automatic_per_day=9)
    rig.think()
    await conversation(rig)
    await say(rig, "a0", automatic=True)
    await say(rig, "a1", automatic=True)
    await say(rig, "a2", automatic=True)
    await rig.meddle("UPDATE outbox SET state = 'begun', slots = 1 WHERE id = 'ev1.a0'")
    await rig.meddle(
        "UPDATE outbox SET state = 'parked', failure = 'window_closed' WHERE id = 'ev1.a1'"
    )
    rig.answerer.usual = decision(Verb.ANSWER, "short", evidence={"certificate": "c1"})
    await rig.say("and now?", sender="ev1")
    (made,) = await rig.events("decision.made")
    assert made["suppressed"] == "messages it takes: 1, left for automatic ones: 0"
