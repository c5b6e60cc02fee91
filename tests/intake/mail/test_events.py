"""What a mail becomes: an inbound message with facts for the filters, or receipts."""

import json
import time

import pytest

from gateway.domain.channel import Inbound, RawMail, Receipt
from gateway.domain.model import DeliveryState
from gateway.intake.mail import Mail, read_mail, to_event, without_envelope
from tests.intake.mail.letters import CLASSES, OWN, dsn, mail, parts, text


def event(data: bytes, sender: str = "anna@mail.example") -> Inbound | tuple[Receipt, ...]:
    raw = RawMail(data, sender, ("support+7@pay.example",), 50.0)
    return to_event(read_mail(raw, own_addresses=OWN), raw)


def inbound(data: bytes, sender: str = "anna@mail.example") -> Inbound:
    found = event(data, sender)
    assert isinstance(found, Inbound)
    return found


def letter(data: bytes) -> Mail:
    return read_mail(RawMail(data, "anna@mail.example", (), 0.0), own_addresses=OWN)


def test_a_persons_mail_is_a_message_with_its_thread() -> None:
    found = inbound(
        mail(
            "充值没到账\n\nOn Mon, 5 Jan 2026, PAY <support@pay.example> wrote:\n> old",
            extra="In-Reply-To: <m2@pay.example>\nReferences: <c0@x> <m1@pay.example>\n <m2@pay.example>\n",
        )
    )
    assert found.external_id == "<c1@mail.example>"
    assert (found.sender, found.name, found.text) == ("anna@mail.example", "Anna", "充值没到账")
    assert found.at == 1_767_578_400.0
    assert found.thread.message_ids == ("<m2@pay.example>", "<m1@pay.example>", "<c0@x>")
    assert found.reply_to == {
        "subject": "Top-up",
        "message_id": "<c1@mail.example>",
        "references": ["<c0@x>", "<m1@pay.example>", "<m2@pay.example>", "<c1@mail.example>"],
        "reply_address": "anna@mail.example",
    }
    assert found.facts["mail_class"] == "person"
    assert found.facts["auto"] is False
    assert "old" in str(found.facts["full_text"])
    assert found.facts["envelope_to"] == ["support+7@pay.example"]
    assert not found.verified


def test_everything_but_the_files_can_be_stored_as_json() -> None:
    found = inbound(mail("x", extra="Precedence: bulk\n"))
    assert json.loads(json.dumps([dict(found.facts), dict(found.reply_to)]))
    assert found.facts["precedence"] == "bulk"


def test_a_mail_without_an_id_has_an_empty_one_that_stands_nowhere() -> None:
    found = inbound(mail("x").replace(b"Message-ID: <c1@mail.example>\n", b""))
    assert found.external_id == ""
    assert found.thread.message_ids == ()
    assert found.reply_to["references"] == []


def test_long_references_are_kept_as_the_first_and_the_last() -> None:
    ids = " ".join(f"<{n}@x>" for n in range(100))
    references = inbound(mail("x", extra=f"References: {ids}\n")).reply_to["references"]
    assert references == ["<0@x>", *(f"<{n}@x>" for n in range(81, 100)), "<c1@mail.example>"]


def test_a_bounce_becomes_a_receipt_of_our_message() -> None:
    assert event(dsn("bob@x.example", "5.1.1", "failed"), "") == (
        Receipt(
            external_id="<m7@pay.example>",
            status=DeliveryState.BOUNCED,
            at=50.0,
            code="5.1.1",
            detail="550 5.1.1 <bob@x.example>: user unknown",
            recipient="bob@x.example",
        ),
    )


def test_a_positive_report_is_delivered() -> None:
    (receipt,) = event(dsn("bob@x.example", "2.0.0", "delivered"), "")  # type: ignore[misc]  # receipts
    assert receipt.status is DeliveryState.DELIVERED


def test_a_read_receipt_is_read() -> None:
    data = next(one.raw for one in CLASSES if one.name == "a read receipt (MDN)")
    (receipt,) = event(data)  # type: ignore[misc]  # receipts
    assert (receipt.external_id, receipt.status) == ("<m7@pay.example>", DeliveryState.READ)


def test_a_delay_is_no_end_and_stays_a_message_with_facts() -> None:
    found = inbound(dsn("bob@x.example", "4.4.1", "delayed"), "")
    assert found.facts["mail_class"] == "bounce"
    assert found.facts["auto"] is True
    assert found.facts["bounce"] == {
        "recipients": ["bob@x.example"],
        "status": "4.4.1",
        "permanent": False,
        "action": "delayed",
        "message_id": "<m7@pay.example>",
        "envelope_id": "",
        "detail": "550 4.4.1 <bob@x.example>: user unknown",
    }


def test_a_bounce_that_names_no_message_stays_one_with_the_failed_addresses() -> None:
    found = inbound(dsn("bob@x.example", "5.1.1", "failed", original=False), "")
    assert found.facts["bounce"]["recipients"] == ["bob@x.example"]  # type: ignore[index,call-overload]  # JSON


def test_of_several_recipients_only_those_that_failed_are_named() -> None:
    report = (
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        b"Final-Recipient: rfc822; good@x.example\r\nAction: relayed\r\nStatus: 2.1.9\r\n\r\n"
        b"Final-Recipient: rfc822; bad@x.example\r\nAction: failed\r\nStatus: 5.2.1\r\n"
    )
    found = letter(parts(text("x"), report, kind="multipart/report; report-type=delivery-status"))
    assert found.bounce is not None
    assert (found.bounce.recipients, found.bounce.status) == (("bad@x.example",), "5.2.1")


@pytest.mark.parametrize(
    ("to", "addressed"),
    [
        ("support@pay.example", True),
        ("SUPPORT+x@Pay.example, bob@x.example", True),
        ("bob@x.example", False),
    ],
)
def test_a_blind_copy_gets_no_automatic_answer(to: str, addressed: bool) -> None:
    data = mail("x").replace(b"To: support@pay.example", f"To: {to}".encode())
    assert inbound(data).facts["addressed"] is addressed
    assert inbound(data).facts["auto"] is not addressed


def test_without_any_recipient_line_it_is_taken_as_ours() -> None:
    assert letter(mail("x").replace(b"To: support@pay.example\n", b"")).addressed


def test_a_mail_from_a_file_has_the_envelope_its_header_tells() -> None:
    raw = without_envelope(mail("x", extra="Return-Path: <bounce-1@mail.example>\n"), 5.0)
    assert raw.sender == "bounce-1@mail.example"
    assert raw.recipients == ("support@pay.example",)
    assert without_envelope(mail("x", extra="Return-Path: <>\n")).sender == ""
    assert without_envelope(mail("x")).sender == "anna@mail.example"
    assert read_mail(without_envelope(b"Subject: x\n\nhello")).mail_class == "person"


def test_an_ordinary_mail_is_read_in_about_a_millisecond() -> None:
    """Ten times that is allowed here: other tests share the machine. `make bench` has the figure."""
    body = ("您好，我充值没有到账，订单号 12345。\r\n" * 30).encode("gb18030").decode("gb18030")
    data = parts(text(body, "gb18030"), b"Content-Type: image/png\r\n\r\n" + b"x" * 3000)
    raw = RawMail(data, "anna@mail.example", (), 0.0)
    read_mail(raw)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        read_mail(raw)
        times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.010
