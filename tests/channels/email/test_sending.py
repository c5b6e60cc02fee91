"""Sending over a real SMTP server: the order of steps, and what each failure means."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from channels._sim_email import MailFault, MailPeer
from channels.email import Email
from gateway.domain.channel import Outbound
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.model import Attachment
from gateway.testing.builders import outbound as build
from gateway.testing.world import TestWorld

Mailbox = Callable[..., Email]


def outbound(**changes: Any) -> Outbound:
    return build(
        **{
            "to": "anna@mail.example",
            "subject": "Top-up not arrived",
            "message_id": "<m1@pay.example>",
        }
        | changes
    )


class Begun:
    """Counts `begin` and notes where in the conversation it was awaited."""

    def __init__(self, peer: MailPeer) -> None:
        self.peer = peer
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        self.peer.commands.append("begin")


async def refused(channel: Email, message: Outbound) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await channel.send(message)
    return caught.value


async def test_begin_is_awaited_once_between_rcpt_and_data(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    begun = Begun(peer)
    sent = await mailbox().send(outbound(begin=begun))
    assert peer.commands == ["MAIL FROM:<>", "RCPT TO:<anna@mail.example>", "begin", "DATA", "BODY"]
    assert begun.count == 1
    assert sent.external_id == "<m1@pay.example>"
    assert len(peer.mailboxes["anna@mail.example"]) == 1


async def test_an_agents_mail_has_our_address_in_the_envelope(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    await mailbox().send(outbound(automatic=False))
    assert peer.received[0].envelope_from == "support@pay.example"


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (
            MailFault("connect", "421 4.7.0 too many connections, wait 30 seconds"),
            Failure.THROTTLED,
        ),
        (MailFault("connect", "421 4.3.2 busy"), Failure.THROTTLED),
        (MailFault("connect", "554 5.7.1 not for you"), Failure.MISCONFIGURED),
        (MailFault("connect", drop=True), Failure.RETRY),
        (MailFault("mail", "451 4.3.0 local error"), Failure.RETRY),
        (MailFault("mail", "530 5.7.0 authentication required"), Failure.MISCONFIGURED),
        (MailFault("mail", "552 5.3.4 too big"), Failure.REJECTED),
        (MailFault("mail", drop=True), Failure.RETRY),
        (MailFault("rcpt", "550 5.1.1 no such user"), Failure.REJECTED),
        (MailFault("rcpt", "553 5.1.3 bad address"), Failure.REJECTED),
        (MailFault("rcpt", "450 4.2.0 mailbox busy"), Failure.RETRY),
        (MailFault("rcpt", "450 4.7.1 Greylisted, try again in 5 minutes"), Failure.RETRY),
        (MailFault("rcpt", "450 4.7.25 rate limit, try again in 60 seconds"), Failure.THROTTLED),
        (MailFault("rcpt", "452 4.7.0 slow down"), Failure.THROTTLED),
        (MailFault("rcpt", "421 4.7.28 too much mail"), Failure.THROTTLED),
        (MailFault("rcpt", "421 4.4.2 closing"), Failure.RETRY),
        (MailFault("rcpt", drop=True), Failure.RETRY),
    ],
    ids=lambda value: f"{value.stage} {value.reply[:9]}" if isinstance(value, MailFault) else value,
)
async def test_what_fails_before_begin_surely_did_not_go_out(
    peer: MailPeer, mailbox: Mailbox, fault: MailFault, failure: Failure
) -> None:
    begun = Begun(peer)
    peer.script(fault)
    error = await refused(mailbox(), outbound(automatic=False, begin=begun))
    assert error.failure is failure
    assert begun.count == 0
    assert peer.received == []


@pytest.mark.parametrize(
    ("fault", "failure", "taken"),
    [
        (MailFault("data", "451 4.3.0 not now"), Failure.RETRY, 0),
        (MailFault("data", "554 5.5.1 no"), Failure.REJECTED, 0),
        (MailFault("end", "451 4.3.0 queue full"), Failure.RETRY, 0),
        (MailFault("end", "421 4.3.2 going down"), Failure.RETRY, 0),
        (MailFault("end", "554 5.7.1 looks like spam"), Failure.REJECTED, 0),
        (MailFault("data", drop=True), Failure.UNKNOWN, 0),
        (MailFault("end", drop=True), Failure.UNKNOWN, 1),
    ],
    ids=lambda value: (
        f"{value.stage} {value.reply[:9]} {value.drop}"
        if isinstance(value, MailFault)
        else str(value)
    ),
)
async def test_after_begin_an_answer_decides_and_silence_is_unknown(
    peer: MailPeer, mailbox: Mailbox, fault: MailFault, failure: Failure, taken: int
) -> None:
    begun = Begun(peer)
    peer.script(fault)
    error = await refused(mailbox(), outbound(begin=begun))
    assert error.failure is failure
    assert begun.count == 1
    assert len(peer.received) == taken


async def test_an_answer_that_does_not_come_in_time_is_unknown(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    peer.script(MailFault("end", delay=20.0))
    error = await refused(mailbox(smtp_timeout=0.05), outbound())
    assert error.failure is Failure.UNKNOWN


async def test_a_server_that_says_how_long_to_wait_is_heard(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    peer.script(MailFault("rcpt", "450 4.7.1 Greylisted, try again in 5 minutes"))
    error = await refused(mailbox(), outbound())
    assert error.retry_after == 300
    assert error.provider_code == "450 4.7.1"


async def test_the_customers_address_stays_out_of_the_error(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    peer.refuse("anna@mail.example", "550 5.1.1 <anna@mail.example>: user unknown")
    error = await refused(mailbox(), outbound())
    assert error.detail == "550 5.1.1 <<address>>: user unknown"


async def test_a_server_that_is_not_there_is_a_retry(mailbox: Mailbox) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await refused(mailbox(smtp_port=taken.getsockname()[1]), outbound())
    assert error.failure is Failure.RETRY


async def test_a_wrong_password_is_a_matter_of_settings(world: TestWorld) -> None:
    async with MailPeer(user="support", password="right") as peer:
        channel = Email.from_account(_with_login(peer, "wrong"), world)
        error = await refused(channel, outbound())
        assert error.failure is Failure.MISCONFIGURED
        assert "wrong" not in error.detail
        channel = Email.from_account(_with_login(peer, "right"), world)
        await channel.send(outbound())
        await channel.close()
        assert len(peer.received) == 1


def _with_login(peer: MailPeer, password: str) -> Any:
    return Email.Settings(**(peer.account_settings() | {"smtp_password": password}))


async def test_a_server_without_starttls_is_a_matter_of_settings(mailbox: Mailbox) -> None:
    error = await refused(mailbox(smtp_tls="starttls"), outbound())
    assert error.failure is Failure.MISCONFIGURED


async def test_a_server_that_refuses_nobody_as_sender_gets_our_address(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    peer.script(MailFault("mail", "553 Mail from must equal authorized user"))
    await mailbox().send(outbound())
    assert peer.received[0].envelope_from == "support@pay.example"
    assert peer.received[0].headers["auto-submitted"] == "auto-replied"


async def test_one_connection_serves_many_messages(peer: MailPeer, mailbox: Mailbox) -> None:
    channel = mailbox()
    for number in range(3):
        await channel.send(outbound(id=f"id{number}", message_id=f"<m{number}@pay.example>"))
    assert peer.sessions == 1
    assert peer.commands.count("RSET") == 2
    assert len(peer.received) == 3


async def test_after_a_refusal_the_connection_is_used_again(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    peer.refuse("gone@mail.example")
    channel = mailbox()
    await refused(channel, outbound(to="gone@mail.example"))
    await channel.send(outbound())
    assert peer.sessions == 1
    assert [m.recipients for m in peer.received] == [("anna@mail.example",)]


@pytest.mark.parametrize(
    "fault", [MailFault("rset", "421 4.4.2 idle too long"), MailFault("rset", drop=True)]
)
async def test_a_connection_the_server_has_left_is_replaced(
    peer: MailPeer, mailbox: Mailbox, fault: MailFault
) -> None:
    channel = mailbox()
    await channel.send(outbound())
    peer.script(fault)
    await channel.send(outbound(message_id="<m2@pay.example>"))
    assert peer.sessions == 2
    assert len(peer.received) == 2


async def test_no_more_connections_than_allowed(peer: MailPeer, mailbox: Mailbox) -> None:
    channel = mailbox(smtp_connections=2)
    await asyncio.gather(
        *(channel.send(outbound(id=f"i{n}", message_id=f"<m{n}@pay.example>")) for n in range(8))
    )
    assert peer.sessions == 2
    assert len({m.message_id for m in peer.received}) == 8


async def test_a_begin_that_fails_stops_the_message(peer: MailPeer, mailbox: Mailbox) -> None:
    async def broken() -> None:
        raise RuntimeError("the database is away")

    channel = mailbox()
    with pytest.raises(RuntimeError, match="away"):
        await channel.send(outbound(begin=broken))
    await channel.send(outbound())
    assert len(peer.received) == 1


async def test_attachments_are_read_from_the_blob_store(
    peer: MailPeer, mailbox: Mailbox, world: TestWorld
) -> None:
    address = await world.blobs.put(b"%PDF-1.7 statement")
    file = Attachment("对账单.pdf", "application/pdf", 18, blob=address)
    await mailbox().send(outbound(attachments=(file,)))
    assert b"filename*=utf-8''%E5%AF%B9" in peer.received[0].raw
    assert b"JVBERi0xLjcgc3RhdGVtZW50" in peer.received[0].raw


async def test_a_missing_attachment_is_rejected_before_anything_is_said(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    file = Attachment("a.pdf", "application/pdf", 1, blob="gone")
    error = await refused(mailbox(), outbound(attachments=(file,)))
    assert error.failure is Failure.REJECTED
    assert peer.commands == []


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b\r\nRCPT TO:<c@d>", "a b@c.d", "a@b>,<c@d", "\ud800@b.c"]
)
async def test_what_is_no_address_is_rejected(peer: MailPeer, mailbox: Mailbox, to: str) -> None:
    error = await refused(mailbox(), outbound(to=to))
    assert error.failure is Failure.REJECTED
    assert peer.sessions == 0


async def test_an_international_recipient_goes_by_smtputf8(
    peer: MailPeer, mailbox: Mailbox
) -> None:
    await mailbox().send(outbound(to="用户@例子.example"))
    assert "SMTPUTF8" in peer.commands[0]
    assert peer.received[0].recipients == ("用户@xn--fsqu00a.example",)


async def test_an_international_domain_alone_goes_as_idna(peer: MailPeer, mailbox: Mailbox) -> None:
    await mailbox().send(outbound(to="anna@例子.example"))
    assert peer.received[0].recipients == ("anna@xn--fsqu00a.example",)


async def test_health_asks_the_server(peer: MailPeer, mailbox: Mailbox) -> None:
    health = await mailbox().health()
    assert health.ok
    assert health.detail.startswith("250")
    assert peer.received == []


async def test_health_says_what_is_wrong(peer: MailPeer, mailbox: Mailbox) -> None:
    peer.script(MailFault("connect", "554 5.7.1 go away"))
    health = await mailbox().health()
    assert not health.ok
    assert "go away" in health.detail
