"""What a plan says to the customer, and that the same event is planned the same way."""

import json
from dataclasses import replace

import pytest

from gateway.answers.answerer import Answerer, build_answerer
from gateway.config import Config, templates_dir
from gateway.domain.channel import Inbound, Receipt
from gateway.domain.decision import Certificate, Verb
from gateway.domain.model import Attachment, DeliveryState, Visibility
from gateway.domain.plan import (
    AddMessage,
    ChangeInquiry,
    CreateInquiry,
    Log,
    Send,
)
from gateway.domain.snapshot import Snapshot
from gateway.workers.planner import Planner
from tests.learnt import MODELS
from tests.workers.plans import (
    ANSWER,
    NOW,
    TARGET,
    S,
    inquiry,
    message,
    ops,
    plan,
    saying,
    seen,
)
from tests.workers.rig import SETTINGS

# ---------------------------------------------------------------- what is said


def test_who_sent_a_secret_is_told_not_to() -> None:
    facts = {"redactions": ["card"]}
    (sent,) = ops(plan(message(facts=facts), seen(), ANSWER), Send)
    assert sent.payload["text"] == "Do this.\n\n[redacted in en]"
    short = plan(message(facts=facts), seen(account="sms"), ANSWER)
    assert ops(short, Send)[0].payload["text"] == "Do this. [redacted in en]"
    assert ops(short, AddMessage)[0].meta["redactions"] == ["card"]
    assert ops(short, Log)[1].event.data["redactions"] == ["card"]


def test_the_sender_of_a_secret_is_told_once_in_a_conversation_and_day() -> None:
    facts = {"redactions": ["card"]}
    (sent,) = ops(plan(message(facts=facts), seen(warned=True), ANSWER), Send)
    assert sent.payload["text"] == "Do this."
    first = plan(message(facts=facts), seen(), ANSWER)
    assert ops(first, AddMessage)[1].meta["safety"] is True


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
    return build_answerer(templates_dir(), Config().domain_brands(), models=MODELS)


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
