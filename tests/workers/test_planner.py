"""(event, snapshot) → plan, as a table of cases, and what holds for every plan."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.answers.answerer import Answerer, build_answerer
from gateway.config import Config, templates_dir
from gateway.domain.channel import Inbound, Receipt
from gateway.domain.decision import Certificate, Verb
from gateway.domain.model import Attachment, DeliveryState, InquiryState, Trust, Visibility
from gateway.domain.plan import (
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    CreateContact,
    CreateInquiry,
    FlagHandle,
    Log,
    MarkDelivery,
    OpenConversation,
    Plan,
    Send,
    SetTimer,
    TouchConversation,
)
from gateway.domain.snapshot import HandleView, InquiryView, MessageView, Snapshot
from gateway.testing.clock import NEW_YEAR
from gateway.workers.planner import RECEIPT_PATIENCE, Planner, number
from tests.workers.rig import ACCOUNTS, CLOSE_AFTER, SETTINGS, ScriptedAnswerer, decision

NOW = NEW_YEAR + 100.0
HANDLE = HandleView("h1", "c1", "claimed", "", "Li", "zh-CN")


def inquiry(state: InquiryState = InquiryState.ANSWERED, **changes: Any) -> InquiryView:
    values: dict[str, Any] = {
        "queue": "payments", "language": "en", "subject": "Top-up", "brand": "demo", **changes,
    }  # fmt: skip
    return InquiryView("q1", "260101-000001", "v1", state, 4, **values)


def seen(view: InquiryView | None = None, *, account: str = "app", **changes: Any) -> Snapshot:
    """A snapshot: of a stranger without `view`, else of a customer with that inquiry."""
    known: dict[str, Any] = (
        {"handle": HANDLE, "conversation_id": "v1", "inquiry": view, "greeted": True}
        if view
        else {}
    )
    return Snapshot(**{"now": NOW, "account": ACCOUNTS[account], **known, **changes})


def message(text: str = "my top-up is missing", **changes: Any) -> Inbound:
    return Inbound("ext-1", "user-1", text, **changes)


def plan(
    event: Inbound | Receipt,
    snapshot: Snapshot,
    answerer: ScriptedAnswerer | None = None,
    received_at: float = NOW,
) -> Plan:
    return Planner(answerer or ScriptedAnswerer(), SETTINGS).plan(  # type: ignore[arg-type]
        "ev1", received_at, event, snapshot
    )


def ops(made: Plan, kind: type) -> list[Any]:
    return [op for op in made.ops if isinstance(op, kind)]


def kinds(made: Plan) -> list[str]:
    return [op.event.kind for op in ops(made, Log)]


def saying(verb: Verb, reply: str = "Do this.", **changes: Any) -> ScriptedAnswerer:
    return ScriptedAnswerer(usual=decision(verb, reply, **changes))


ANSWER = saying(Verb.ANSWER, evidence={"certificate": "cert-1"})
SOLVED = saying(Verb.ANSWER, "You are welcome.", evidence={"solved": True})
SOLVED_SILENT = saying(Verb.ANSWER, "", evidence={"solved": True})
ASK = saying(Verb.ASK, "Which brand?", dialogue={"pending": "brand?"})
ROUTE = saying(Verb.ROUTE, queue="security", suggestion="Say this.")
S = InquiryState


# ---------------------------------------------------------------- a stranger's first message


def test_a_stranger_gets_contact_conversation_inquiry_and_message_with_ids_of_the_event() -> None:
    made = plan(message(name="Li", at=NOW - 5), seen(), ROUTE)
    assert [type(op) for op in made.ops if not isinstance(op, Log)] == [
        CreateContact, OpenConversation, CreateInquiry, TouchConversation, AddMessage,
        CancelTimer, ChangeInquiry, AddMessage, Send,
    ]  # fmt: skip
    (contact,) = ops(made, CreateContact)
    assert (contact.contact_id, contact.handle_id, contact.address) == ("ev1.c", "ev1.h", "user-1")
    assert contact.trust is Trust.CLAIMED
    (created,) = ops(made, CreateInquiry)
    assert created.contact_id == "ev1.c"
    assert created.number == number("ev1", NOW)
    assert ops(made, TouchConversation)[0].last_in_at == NOW - 5
    assert kinds(made) == [
        "inquiry.created", "message.received", "decision.made", "inquiry.queued",
    ]  # fmt: skip
    ids = [op.event.id for op in ops(made, Log)]
    assert len(ids) == len(set(ids))


def test_a_handle_that_the_channel_proves_is_verified() -> None:
    (contact,) = ops(plan(message(verified=True), seen()), CreateContact)
    assert contact.trust is Trust.VERIFIED


def test_a_known_customer_of_another_account_only_gets_a_conversation() -> None:
    made = plan(message(), seen(handle=HANDLE))
    assert not ops(made, CreateContact)
    assert ops(made, OpenConversation)[0].handle_id == "h1"
    assert ops(made, CreateInquiry)[0].contact_id == "c1"


# ---------------------------------------------------------------- the decision, by state

TABLE = [
    # what the answering side says · where the inquiry stands · where it goes · does the gateway speak
    (ANSWER, None, S.ANSWERED, True),
    (ANSWER, S.ANSWERED, S.ANSWERED, True),
    (ANSWER, S.WAITING_CUSTOMER, S.ANSWERED, True),
    (ANSWER, S.RESOLVED, S.ANSWERED, True),
    (SOLVED, S.ANSWERED, S.RESOLVED, True),
    (SOLVED, S.WAITING_CUSTOMER, S.RESOLVED, True),
    (SOLVED, S.RESOLVED, S.RESOLVED, True),
    (SOLVED_SILENT, S.ANSWERED, S.RESOLVED, False),
    (ASK, None, S.WAITING_CUSTOMER, True),
    (ASK, S.ANSWERED, S.WAITING_CUSTOMER, True),
    (ASK, S.WAITING_CUSTOMER, S.WAITING_CUSTOMER, True),
    (ASK, S.RESOLVED, S.WAITING_CUSTOMER, True),
    (ROUTE, None, S.QUEUED, True),
    (ROUTE, S.ANSWERED, S.QUEUED, True),
    (ROUTE, S.WAITING_CUSTOMER, S.QUEUED, True),
    (ROUTE, S.RESOLVED, S.QUEUED, True),
    (saying(Verb.SUGGEST), None, S.QUEUED, True),
    (saying(Verb.ESCALATE, urgent=True), None, S.QUEUED, True),
    (saying(Verb.ANSWER, ""), None, S.QUEUED, False),
    (saying(Verb.ASK, ""), S.ANSWERED, S.QUEUED, False),
]


@pytest.mark.parametrize(("answerer", "state", "goes", "speaks"), TABLE)
def test_what_is_decided_moves_the_inquiry(
    answerer: ScriptedAnswerer, state: InquiryState | None, goes: InquiryState, speaks: bool
) -> None:
    made = plan(message(), seen(inquiry(state) if state else None), answerer)
    (change,) = ops(made, ChangeInquiry)
    assert change.state is goes
    assert change.version == (4 if state else 1)
    assert bool(ops(made, Send)) is speaks
    assert len(ops(made, AddMessage)) == 1 + speaks


def test_an_answer_relies_on_knowledge_and_certificate_and_starts_the_closing_timer() -> None:
    made = plan(message(), seen(), ANSWER)
    assert (made.knowledge, made.certificate) == ("k1.scripted", "cert-1")
    (timer,) = ops(made, SetTimer)
    assert (timer.kind, timer.subject, timer.due_at) == ("close", "ev1.q", NOW + CLOSE_AFTER)


def test_what_goes_to_people_takes_queue_priority_and_a_draft_along() -> None:
    (change,) = ops(plan(message(), seen(), ROUTE), ChangeInquiry)
    assert (change.queue, change.priority, change.assigned_to) == ("security", 1, "")
    assert change.dialogue == {"suggestion": "Say this."}
    urgent = saying(Verb.ESCALATE, queue="payments", urgent=True)
    (change,) = ops(plan(message(), seen(), urgent), ChangeInquiry)
    assert (change.queue, change.priority, change.urgent) == ("payments", 0, True)


@pytest.mark.parametrize(
    ("topic", "account", "queue", "by"),
    [
        ("security", "sms", "security", "topic"),
        ("", "sms", "payments", "account"),
        ("no such queue", "sms", "payments", "account"),
        ("", "app", "general", "default"),
    ],
)
def test_the_first_queue_that_applies_is_taken(
    topic: str, account: str, queue: str, by: str
) -> None:
    made = plan(message(), seen(account=account), saying(Verb.ROUTE, queue=topic))
    assert ops(made, ChangeInquiry)[0].queue == queue
    (queued,) = [op.event for op in ops(made, Log) if op.event.kind == "inquiry.queued"]
    assert queued.data["by"] == by


# ---------------------------------------------------------------- with people


@pytest.mark.parametrize("state", [S.QUEUED, S.OFFERED, S.ASSIGNED, S.WRAPPING])
def test_where_people_work_a_message_is_added_and_nothing_said(state: InquiryState) -> None:
    answerer = ScriptedAnswerer()
    made = plan(message(), seen(inquiry(state, assigned_to="ann")), answerer)
    assert answerer.asked == [], "no machine is even asked"
    assert not ops(made, Send)
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.version, change.assigned_to) == (state, 4, None)
    assert "inquiry.customer_wrote" in kinds(made)


def test_what_was_put_off_comes_back_when_the_customer_writes() -> None:
    (change,) = ops(plan(message(), seen(inquiry(S.SNOOZED))), ChangeInquiry)
    assert change.state is S.QUEUED


def test_an_answer_to_an_agent_goes_back_to_this_agent() -> None:
    made = plan(message(), seen(inquiry(S.WAITING_CUSTOMER, assigned_to="ann")), ANSWER)
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.assigned_to) == (S.ASSIGNED, None)
    assert not ops(made, Send)


# ---------------------------------------------------------------- who must not be spoken to


@pytest.mark.parametrize(
    "facts",
    [
        {"mail_class": "list"},
        {"mail_class": "complaint"},
        {"auto": "precedence: bulk"},
    ],
)
def test_bulk_mail_is_for_people_to_see_and_gets_no_answer(facts: dict[str, Any]) -> None:
    made = plan(message(facts=facts), seen(), ANSWER)
    assert not ops(made, Send)
    assert ops(made, ChangeInquiry)[0].state is S.QUEUED
    assert made.certificate == ""
    (said,) = [op.event for op in ops(made, Log) if op.event.kind == "decision.made"]
    assert said.data["suppressed"] == "silent"


@pytest.mark.parametrize("mail_class", ["auto_reply", "loop", "bounce", "receipt"])
@pytest.mark.parametrize("known", [True, False])
def test_what_machines_say_is_kept_where_it_belongs_and_makes_no_inquiry(
    mail_class: str, known: bool
) -> None:
    made = plan(
        message(facts={"mail_class": mail_class, "class_reason": "header"}),
        seen(inquiry()) if known else seen(),
        ANSWER,
    )
    assert {type(op) for op in made.ops} == ({AddMessage, Log} if known else {Log})
    assert kinds(made) == ["message.suppressed"]


def test_who_opted_out_gets_no_automatic_text_but_a_person() -> None:
    quiet = seen(inquiry(), handle=replace(HANDLE, flag="opted_out"))
    made = plan(message(), quiet, ANSWER)
    assert not ops(made, Send)
    assert ops(made, ChangeInquiry)[0].state is S.QUEUED


@pytest.mark.parametrize(("word", "flag"), [("out", "opted_out"), ("in", "")])
def test_an_opt_word_is_an_order_and_no_inquiry(word: str, flag: str) -> None:
    made = plan(message("STOP", facts={"opt": word}), seen(inquiry()), ANSWER)
    assert ops(made, FlagHandle) == [FlagHandle("h1", flag)]
    assert kinds(made) == ["contact.opted"]
    assert len(made.ops) == 2


def test_an_opt_out_of_a_stranger_is_remembered() -> None:
    made = plan(message("STOP", facts={"opt": "out"}), seen())
    assert [type(op) for op in made.ops] == [CreateContact, FlagHandle, Log]
    assert ops(made, FlagHandle) == [FlagHandle("ev1.h", "opted_out")]


@pytest.mark.parametrize(("today", "speaks"), [(0, True), (2, True), (3, False), (9, False)])
def test_automatic_texts_of_a_day_are_counted_out(today: int, speaks: bool) -> None:
    made = plan(message(), seen(inquiry(), automatic_today=today), ANSWER)
    assert bool(ops(made, Send)) is speaks
    assert ops(made, ChangeInquiry)[0].state is (S.ANSWERED if speaks else S.QUEUED)
    assert bool(made.certificate) is speaks


# ---------------------------------------------------------------- what is said


def test_who_sent_a_secret_is_told_not_to() -> None:
    facts = {"redactions": ["card"]}
    (sent,) = ops(plan(message(facts=facts), seen(), ANSWER), Send)
    assert sent.payload["text"] == "Do this.\n\n[redacted in en]"
    short = plan(message(facts=facts), seen(account="sms"), ANSWER)
    assert ops(short, Send)[0].payload["text"] == "Do this. [redacted in en]"
    assert ops(short, AddMessage)[0].meta["redactions"] == ["card"]
    assert ops(short, Log)[1].event.data["redactions"] == ["card"]


def test_a_mail_is_answered_in_its_thread_at_the_address_it_names() -> None:
    letter = message(
        subject="Top-up",
        facts={"reply_address": "li@home.example", "full_text": "my top-up is missing\n> old"},
        reply_to={"message_id": "<m1@x>", "references": ["<m0@x>"]},
    )
    made = plan(letter, seen(account="box"), ANSWER)
    (sent,) = ops(made, Send)
    assert sent.recipient == "li@home.example"
    assert sent.payload["subject"] == "Top-up"
    assert sent.payload["message_id"] == "<ev1.out@pay.example>"
    assert sent.payload["in_reply_to"] == "<m1@x>"
    assert sent.payload["references"] == ["<m0@x>"]
    received, answer = ops(made, AddMessage)
    assert answer.external_id == "<ev1.out@pay.example>"
    assert received.meta["full_text"].endswith("> old")


def test_a_channel_without_subjects_gets_none() -> None:
    (sent,) = ops(plan(message(subject="Top-up"), seen(account="sms"), ANSWER), Send)
    assert sent.payload["subject"] == sent.payload["message_id"] == ""


def test_a_public_comment_is_answered_in_public_and_asked_about_as_public() -> None:
    answerer = saying(Verb.ANSWER)
    made = plan(message(visibility=Visibility.PUBLIC), seen(), answerer)
    assert answerer.asked[0].public
    assert ops(made, Send)[0].payload["visibility"] == "public"
    assert {op.visibility for op in ops(made, AddMessage)} == {"public"}


def test_the_first_automatic_text_of_a_conversation_says_so() -> None:
    answerer = saying(Verb.ANSWER)
    plan(message(), seen(), answerer)
    plan(message(), seen(inquiry()), answerer)
    assert [question.first for question in answerer.asked] == [True, False]


def test_attachments_are_kept_by_address_and_never_by_content() -> None:
    item = Attachment("a.png", "image/png", 3, data=b"abc", blob="f" * 64)
    (received, *_) = ops(plan(message(attachments=(item,)), seen()), AddMessage)
    assert received.meta["attachments"] == [
        {
            "name": "a.png", "type": "image/png", "size": 3, "blob": "f" * 64, "url": "",
            "inline": False,
        }
    ]  # fmt: skip
    json.dumps(dict(received.meta))


# ---------------------------------------------------------------- receipts

TARGET = MessageView("m1", "q1", "v1", "h1", DeliveryState.SENT)


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1.0), (3, 4.0), (20, 60.0)])
def test_a_receipt_before_its_send_is_recorded_waits_longer_each_time(
    attempt: int, wait: float
) -> None:
    made = plan(Receipt("SM1", DeliveryState.DELIVERED), seen(attempt=attempt))
    assert made.ops == ()
    assert made.postpone_until == NOW + wait


def test_a_receipt_of_a_message_that_is_not_ours_is_let_go_after_an_hour() -> None:
    receipt = Receipt("SM1", DeliveryState.DELIVERED)
    made = plan(receipt, seen(attempt=70), received_at=NOW - RECEIPT_PATIENCE - 1)
    assert made.postpone_until is None
    assert kinds(made) == ["receipt.orphaned"]


@pytest.mark.parametrize("present", list(DeliveryState))
@pytest.mark.parametrize("news", list(DeliveryState))
def test_a_receipt_moves_forward_or_changes_nothing(
    present: DeliveryState, news: DeliveryState
) -> None:
    made = plan(Receipt("SM1", news), seen(target=replace(TARGET, delivery=present)))
    assert made.postpone_until is None
    if news.rank <= present.rank:
        assert made.ops == ()
    else:
        assert ops(made, MarkDelivery) == [MarkDelivery("m1", news, "")]
        assert kinds(made)[0] == f"message.{news}"


@pytest.mark.parametrize("news", [DeliveryState.FAILED, DeliveryState.BOUNCED])
@pytest.mark.parametrize("state", [S.ANSWERED, S.WAITING_CUSTOMER, S.RESOLVED])
def test_what_did_not_reach_the_customer_brings_the_inquiry_to_a_person(
    news: DeliveryState, state: InquiryState
) -> None:
    receipt = Receipt("SM1", news, code="30003", detail="unreachable")
    made = plan(receipt, seen(inquiry(state), target=TARGET))
    assert ops(made, FlagHandle) == [FlagHandle("h1", news.value)]
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.queue, change.topic) == (S.QUEUED, "payments", None)


def test_a_reply_of_an_agent_that_bounced_is_free_for_every_agent() -> None:
    """In the queue and still somebody's, nobody else could take it."""
    waiting = inquiry(S.WAITING_CUSTOMER, assigned_to="ann")
    made = plan(Receipt("SM1", DeliveryState.BOUNCED), seen(waiting, target=TARGET))
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.assigned_to) == (S.QUEUED, "")


@pytest.mark.parametrize("state", [S.QUEUED, S.ASSIGNED, S.CLOSED])
def test_a_bounce_where_people_are_or_all_is_over_moves_nothing(state: InquiryState) -> None:
    made = plan(Receipt("SM1", DeliveryState.BOUNCED), seen(inquiry(state), target=TARGET))
    assert not ops(made, ChangeInquiry)
    assert ops(made, MarkDelivery)


def test_an_opt_out_outlasts_a_failed_delivery() -> None:
    quiet = replace(HANDLE, flag="opted_out")
    receipt = Receipt("SM1", DeliveryState.FAILED)
    made = plan(receipt, seen(inquiry(), target=TARGET, handle=quiet))
    assert not ops(made, FlagHandle)


# ---------------------------------------------------------------- numbers, purity


def test_a_number_that_is_taken_is_not_tried_again() -> None:
    numbers = {
        ops(plan(message(), seen(attempt=attempt)), CreateInquiry)[0].number
        for attempt in range(1, 7)
    }
    assert len(numbers) == 6
    assert all(found.startswith("260101-") and len(found) == 13 for found in numbers)


@pytest.fixture(scope="module")
def real() -> Answerer:
    return build_answerer(templates_dir(), Config().domain_brands())


@pytest.mark.parametrize(
    "event",
    [
        message("充值没有到账", facts={"language": "zh-CN"}),
        message("How do I reset my password?", subject="Login"),
        message("I want to close my account"),
        message("STOP", facts={"opt": "out"}),
        message("", attachments=(Attachment("a.png", "image/png", 3, blob="f" * 64),)),
        Receipt("SM1", DeliveryState.FAILED),
    ],
)
@pytest.mark.parametrize("snapshot", [seen(), seen(inquiry(), target=TARGET)])
def test_the_same_event_and_snapshot_give_the_same_plan(
    real: Answerer, event: Inbound | Receipt, snapshot: Snapshot
) -> None:
    permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, real.version)
    snapshot = replace(snapshot, certificates=(permit,))
    first = Planner(real, SETTINGS).plan("ev1", NOW, event, snapshot)
    second = Planner(real, SETTINGS).plan("ev1", NOW, event, snapshot)
    assert first.ops == second.ops
    assert replace(first, evidence={}) == replace(second, evidence={})
    for op in ops(first, Log):
        json.dumps(dict(op.event.data))
    for op in ops(first, Send):
        json.dumps(dict(op.payload))


def test_with_a_certificate_the_real_answer_goes_out_and_without_it_a_receipt(
    real: Answerer,
) -> None:
    event = message("充值没有到账怎么办", facts={"language": "zh-CN"})
    planner = Planner(real, SETTINGS)
    (change,) = ops(planner.plan("ev1", NOW, event, seen()), ChangeInquiry)
    assert change.state is S.QUEUED
    permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, real.version)
    made = planner.plan("ev1", NOW, event, seen(certificates=(permit,)))
    (change,) = ops(made, ChangeInquiry)
    assert (change.state, change.topic) == (S.ANSWERED, "topup_not_arrived")
    assert made.certificate == "cert-1"
    assert ops(made, Send)[0].payload["text"]
