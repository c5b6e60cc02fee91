"""(event, snapshot) → plan for a customer's message, as a table of cases."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.decision import OpenCase, Verb
from gateway.domain.model import InquiryState, Trust
from gateway.domain.numbers import inquiry_number as number
from gateway.domain.plan import (
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    CreateContact,
    CreateInquiry,
    FlagHandle,
    Log,
    OpenConversation,
    Send,
    SetTimer,
    TouchConversation,
)
from tests.workers.plans import (
    ANSWER,
    ASK,
    HANDLE,
    NOW,
    ROUTE,
    SOLVED,
    SOLVED_SILENT,
    S,
    inquiry,
    kinds,
    message,
    ops,
    plan,
    saying,
    seen,
)
from tests.workers.rig import CLOSE_AFTER, ScriptedAnswerer

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
    ("facts", "why"),
    [
        ({"mail_class": "list"}, "list"),
        ({"mail_class": "complaint", "class_reason": "c:report"}, "complaint (c:report)"),
        ({"auto": True, "addressed": False}, "our address is not in To or Cc"),
        ({"auto": "precedence: bulk"}, "marked as automatic"),
        ({"authentication": "dmarc=fail"}, "the sender is forged: DMARC failed"),
    ],
)
def test_bulk_and_forged_mail_is_for_people_to_see_and_gets_no_answer(
    facts: dict[str, Any], why: str
) -> None:
    made = plan(message(facts=facts), seen(), ANSWER)
    assert not ops(made, Send)
    assert ops(made, ChangeInquiry)[0].state is S.QUEUED
    assert made.certificate == ""
    (said,) = [op.event for op in ops(made, Log) if op.event.kind == "decision.made"]
    assert said.data["suppressed"] == why


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


# ---------------------------------------------------------------- how far it is, and what was not said


STATUS = saying(
    Verb.ANSWER, "It waits under number 1.", topic="case_status", evidence={"rule": "status"}
)


@pytest.mark.parametrize("state", [S.QUEUED, S.OFFERED, S.SNOOZED])
def test_who_asks_how_far_it_is_while_nobody_talks_to_them_hears_it(state: S) -> None:
    own = OpenCase("260101-000001", state, "payments")
    made = plan(message("any news?"), seen(inquiry(state), cases=(own,)), STATUS)
    (sent,) = ops(made, Send)
    assert sent.payload["text"] == "It waits under number 1."
    assert "inquiry.status_told" in kinds(made)
    assert STATUS.asked[-1].cases == (OpenCase("260101-000001", state, "Payments"),)
    assert [op.state for op in ops(made, ChangeInquiry)] == [
        S.QUEUED if state is S.SNOOZED else state
    ], "it stays where it waits"


@pytest.mark.parametrize(
    ("state", "changes"),
    [(S.ASSIGNED, {}), (S.WRAPPING, {}), (S.QUEUED, {"automatic_today": 3})],
)
def test_where_an_agent_talks_or_the_day_is_used_up_no_status_is_told(
    state: S, changes: dict[str, Any]
) -> None:
    made = plan(message("any news?"), seen(inquiry(state), **changes), STATUS)
    assert ops(made, Send) == []


def test_what_is_decided_now_is_not_among_the_customers_cases() -> None:
    asked = saying(Verb.ROUTE)
    cases = (OpenCase("260101-000001", S.ANSWERED), OpenCase("260101-000002", S.ASSIGNED, "gone"))
    plan(message(), seen(inquiry(S.ANSWERED), cases=cases), asked)
    assert asked.asked[-1].cases == (OpenCase("260101-000002", S.ASSIGNED, ""),)


def test_steps_that_were_not_sent_are_not_remembered_as_sent() -> None:
    answer = saying(
        Verb.ANSWER,
        dialogue={"pending": "solved?", "given": ["a", "b"], "answered": ["t"], "done": ["z"]},
    )
    before = inquiry(S.ANSWERED, dialogue={"given": ["a"]})
    made = plan(message(), seen(before, automatic_today=3), answer)
    assert ops(made, Send) == []
    assert ops(made, ChangeInquiry)[-1].dialogue == {"given": ["a"], "done": ["z"]}


def test_the_agent_gets_the_note_and_the_customer_does_not() -> None:
    made = plan(message(), seen(inquiry()), saying(Verb.ROUTE, "A person.", note="Done: a; b."))
    assert ops(made, ChangeInquiry)[-1].dialogue == {"note": "Done: a; b."}
    (sent,) = ops(made, Send)
    assert sent.payload["text"] == "A person."
