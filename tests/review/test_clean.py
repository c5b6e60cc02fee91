"""Taking secrets out must not take ids apart: an answer to a changed id answers nothing."""

from typing import Any

import pytest

from gateway.domain.channel import Inbound, RawMail, Receipt
from gateway.domain.model import DeliveryState, ThreadRefs
from gateway.intake.reading import clean, read_and_redact

CARD = "4111111111111111"
ID = f"<{CARD}@mail.example>"
OTHER = f"<x.{CARD}.1@mail.example>"


def cleaned(**more: Any) -> Inbound:
    event = clean(Inbound(more.pop("external_id", "e"), more.pop("sender", "u"), "hello", **more))
    assert isinstance(event, Inbound)
    return event


def test_message_ids_with_a_card_like_number_survive() -> None:
    reply_to = {"message_id": ID, "references": [OTHER, ID], "nested": {"of": [ID]}}
    facts = {"bounce": {"message_id": ID}}
    event = cleaned(reply_to=reply_to, facts=facts)
    assert event.reply_to == reply_to
    assert event.facts == facts


def test_a_mail_is_answered_to_the_id_it_has() -> None:
    lines = (
        "From: Li <li@home.example>",
        "To: support@pay.example",
        f"Subject: my card {CARD}",
        f"Message-ID: {ID}",
        f"References: {OTHER}",
        "",
        f"My card is {CARD}.",
        "",
    )
    raw = RawMail("\r\n".join(lines).encode(), "li@home.example", ("support@pay.example",), 1.0)
    (event,) = read_and_redact(raw, frozenset(), frozenset()).events
    assert isinstance(event, Inbound)
    assert event.external_id == event.reply_to["message_id"] == ID
    assert event.reply_to["references"] == [OTHER, ID]
    assert event.thread.message_ids == (OTHER,)
    said = f"{event.text} {event.subject} {event.reply_to['subject']} {event.facts['full_text']}"
    assert CARD not in said
    assert said.count("****1111") == 4


def test_an_id_of_the_event_itself_survives_in_whatever_form() -> None:
    """A provider's ids are often nothing but digits."""
    event = cleaned(
        external_id=CARD, sender="5500005555555559", thread=ThreadRefs("", ("4012888888881881",)),
        reply_to={"comment": CARD, "user": "5500005555555559", "post": "4012888888881881"},
    )  # fmt: skip
    assert event.reply_to == {
        "comment": CARD,
        "user": "5500005555555559",
        "post": "4012888888881881",
    }


def test_the_address_an_answer_goes_to_survives() -> None:
    address = f"{CARD}@qq.example"
    assert cleaned(facts={"reply_address": address}).facts == {"reply_address": address}


@pytest.mark.parametrize(
    "values",
    [
        {"quote": f"my card is {CARD}"},
        {"quote": f"<my card is {CARD}@>"},
        {"quotes": [f"card {CARD}", f"{ID} and {ID}"]},
        {"deep": {"er": [{"still": CARD}]}},
        {"number": int(CARD)},
        {"full_text": ID},
        {"subject": ID},
        {"bounce": {"detail": ID}},
    ],
)
def test_text_is_redacted_wherever_it_stands(values: dict[str, Any]) -> None:
    event = cleaned(facts=values, reply_to=values)
    assert CARD not in f"{event.facts}{event.reply_to}"


def test_a_fact_that_is_named_after_a_secret_is_taken_out() -> None:
    assert cleaned(facts={"password": "hunter", "otp": "123456"}).facts == {
        "password": "[password]",
        "otp": "[code]",
    }


def test_a_receipts_words_are_redacted_and_its_ids_are_not() -> None:
    receipt = clean(Receipt(ID, DeliveryState.FAILED, None, f"code {CARD}", f"to {CARD}", CARD))
    assert isinstance(receipt, Receipt)
    assert (receipt.external_id, receipt.recipient) == (ID, CARD)
    assert CARD not in receipt.code + receipt.detail
    assert clean(Receipt("s", DeliveryState.SENT, None, "30003", "unreachable")) == Receipt(
        "s", DeliveryState.SENT, None, "30003", "unreachable"
    )


def test_a_stranger_cannot_make_the_reader_slow() -> None:
    """Linear: a quadratic pattern would take minutes."""
    event = cleaned(facts={"header": "<" + "@" * 200_000})
    assert len(str(event.facts["header"])) == 200_001
