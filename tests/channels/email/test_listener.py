"""The listener over real sockets: what it takes, what it refuses, and how it ends."""

import asyncio
import smtplib
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiosmtplib
import pytest

from channels._sim_email import MailPeer, compose
from channels.email import Email, EmailSettings
from gateway.domain.channel import Channel, Closable, Listener, Probe
from gateway.domain.errors import Overloaded, ParseError, SettingsError, StoreFull

Listening = Callable[..., AbstractAsyncContextManager[Any]]
LETTER = compose("anna@mail.example", "support@pay.example", "Hello", "My top-up did not arrive.")


async def talk(port: int, *lines: bytes) -> list[bytes]:
    """Say the lines one by one, raw, and return all answers up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = [await reader.readline()]
    for line in lines:
        writer.write(line)
        await writer.drain()
        answer = await reader.readline()
        while answer[3:4] == b"-":
            answer = await reader.readline()
        answers.append(answer)
    writer.close()
    await writer.wait_closed()
    return answers


async def deliver(port: int, data: bytes = LETTER, **options: Any) -> str:
    async with MailPeer() as outside:
        return await outside.send("127.0.0.1", port, data, **options)


def test_the_channel_keeps_every_protocol_it_claims() -> None:
    channel = Email.from_account(EmailSettings(address="a@b.example"), object())  # type: ignore[arg-type]  # not used yet
    for protocol in (Channel, Listener, Probe, Closable):
        assert isinstance(channel, protocol)


async def test_a_mail_is_accepted_with_its_envelope(listening: Listening) -> None:
    async with listening() as here:
        await deliver(here.port)
    (mail,) = here.inbox.mails
    assert mail.sender == "anna@mail.example"
    assert mail.recipients == ("support@pay.example",)
    assert mail.received_at == here.world.clock.now()
    assert mail.data.replace(b"\r\n", b"\n").strip() == LETTER.replace(b"\r\n", b"\n").strip()


async def test_250_comes_only_after_the_sink_has_taken_it(listening: Listening) -> None:
    async with listening() as here:
        here.inbox.gate = asyncio.Event()
        sending = asyncio.create_task(deliver(here.port))
        await here.inbox.entered.wait()
        assert not sending.done()
        here.inbox.gate.set()
        assert "OK" in await sending


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Overloaded("full"), 451),
        (StoreFull("disk"), 451),
        (ParseError("garbage"), 554),
        (RuntimeError("a bug"), 451),
    ],
    ids=["overloaded", "disk full", "unreadable", "our own fault"],
)
async def test_what_the_sink_says_is_the_answer_and_the_next_mail_works(
    listening: Listening, failure: Exception, code: int
) -> None:
    async with listening() as here:
        here.inbox.failures.append(failure)
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await deliver(here.port)
        assert refused.value.code == code
        await deliver(here.port)
    assert len(here.inbox.mails) == 1


@pytest.mark.parametrize(
    "address",
    [
        "support@pay.example",
        "SUPPORT@Pay.Example",
        "support+42.abc@pay.example",
        "help@pay.example",
    ],
)
async def test_the_mailbox_its_tags_and_its_aliases_are_known(
    listening: Listening, address: str
) -> None:
    async with listening(aliases=("help@pay.example",)) as here:
        await deliver(here.port, recipients=[address])
    assert here.inbox.mails[0].recipients == (address,)


@pytest.mark.parametrize("address", ["other@pay.example", "support@elsewhere.example", "support"])
async def test_everybody_else_is_refused_at_rcpt(listening: Listening, address: str) -> None:
    async with listening() as here:
        answers = await talk(
            here.port,
            b"EHLO x\r\n",
            b"MAIL FROM:<a@b.c>\r\n",
            b"RCPT TO:<%s>\r\n" % address.encode(),
        )
    assert answers[-1].startswith(b"550 5.1.1 ")


async def test_a_declared_size_over_the_limit_is_refused_before_the_data(
    listening: Listening,
) -> None:
    async with listening(max_size=2000) as here:
        answers = await talk(here.port, b"EHLO x\r\n", b"MAIL FROM:<a@b.c> SIZE=2001\r\n")
    assert answers[-1].startswith(b"552 ")


async def test_a_mail_that_turns_out_too_large_is_refused_and_the_next_one_works(
    listening: Listening,
) -> None:
    async with listening(max_size=4000) as here:
        big = LETTER + b"x" * 100 * 60
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await asyncio.to_thread(_plain_smtp, here.port, big)
        assert refused.value.smtp_code == 552
        await deliver(here.port)
    assert len(here.inbox.mails) == 1


def _plain_smtp(port: int, data: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="x", timeout=20) as client:
        client.helo("x")  # without EHLO there is no SIZE, so only the real size can stop it
        client.sendmail("a@b.c", ["support@pay.example"], data)


async def test_the_null_sender_is_taken_as_nobody(listening: Listening) -> None:
    async with listening() as here:
        await deliver(here.port, sender="")
    assert here.inbox.mails[0].sender == ""


async def test_an_international_address_is_taken(listening: Listening) -> None:
    async with listening() as here:
        answers = await talk(
            here.port,
            b"EHLO x\r\n",
            "MAIL FROM:<用户@例子.example> SMTPUTF8\r\n".encode(),
            b"RCPT TO:<support@pay.example>\r\n",
            b"DATA\r\n",
            b"Subject: x\r\n\r\nhi\r\n.\r\n",
        )
    assert answers[-1].startswith(b"250 ")
    assert here.inbox.mails[0].sender == "用户@例子.example"


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:<\xff\xfe@b.c>\r\n",
        b"MAIL FROM:<a b@c>\r\n",
        b"MAIL FROM:\r\n",
        b"MAIL FROM:<a@b.c\r\n",
    ],
)
async def test_a_malformed_address_gets_a_5yz_and_the_session_goes_on(
    listening: Listening, line: bytes
) -> None:
    async with listening() as here:
        answers = await talk(here.port, b"EHLO x\r\n", line, b"NOOP\r\n")
    assert answers[-2].startswith((b"553 ", b"501 "))
    assert answers[-1].startswith(b"250 ")


async def test_a_bare_line_feed_does_not_end_the_mail(listening: Listening) -> None:
    """SMTP smuggling: what a careless MTA passes on must not become a second mail."""
    body = (
        b"Subject: first\r\n\r\nhello\n.\nMAIL FROM:<evil@x.example>\r\n"
        b"RCPT TO:<support@pay.example>\r\nDATA\r\nhello\n.\r\nsecond\r\n.\r\n"
    )
    async with listening() as here:
        await talk(
            here.port,
            b"EHLO x\r\n",
            b"MAIL FROM:<a@b.c>\r\n",
            b"RCPT TO:<support@pay.example>\r\n",
            b"DATA\r\n",
            body,
        )
    (mail,) = here.inbox.mails
    assert mail.sender == "a@b.c"
    assert b"evil@x.example" in mail.data


async def test_a_line_longer_than_the_rfc_allows_is_taken(listening: Listening) -> None:
    async with listening() as here:
        await deliver(here.port, LETTER + b"<p>" + b"x" * 5000 + b"</p>\r\n")
    assert b"x" * 5000 in here.inbox.mails[0].data


async def test_lmtp_answers_once_per_recipient(listening: Listening) -> None:
    async with listening(protocol="lmtp") as here:
        answers = await asyncio.to_thread(_raw_lmtp, here.port, 3)
        assert [a[:3] for a in answers] == [b"250"] * 3
        here.inbox.failures.append(Overloaded("full"))
        answers = await asyncio.to_thread(_raw_lmtp, here.port, 2)
        assert [a[:3] for a in answers] == [b"451"] * 2
        here.inbox.failures.append(RuntimeError("a bug"))
        answers = await asyncio.to_thread(_raw_lmtp, here.port, 2)
        assert [a[:3] for a in answers] == [b"451"] * 2
    assert len(here.inbox.mails) == 1
    assert len(here.inbox.mails[0].recipients) == 3


def _raw_lmtp(port: int, recipients: int) -> list[bytes]:
    """Python's own LMTP client, and by hand behind DATA: it reads one answer only."""
    with smtplib.LMTP("127.0.0.1", port, local_hostname="mta.example") as client:
        client.ehlo()
        client.mail("anna@mail.example")
        assert client.rcpt("nobody@pay.example")[0] == 550
        for number in range(recipients):
            assert client.rcpt(f"support+{number}@pay.example")[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(LETTER + b"\r\n.\r\n")
        answers = [client.file.readline() for _ in range(recipients)]
        assert client.noop()[0] == 250, "nothing may be left over"
        return answers


async def test_lmtp_with_pythons_client_delivers(listening: Listening) -> None:
    async with listening(protocol="lmtp") as here:
        await asyncio.to_thread(_lmtp_sendmail, here.port)
        assert (await talk(here.port, b"EHLO x\r\n"))[-1].startswith(b"500 ")
    assert len(here.inbox.mails) == 1


def _lmtp_sendmail(port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port, local_hostname="mta.example") as client:
        assert client.sendmail("anna@mail.example", ["support@pay.example"], LETTER) == {}


async def test_a_too_large_mail_by_lmtp_is_refused_once_per_recipient(listening: Listening) -> None:
    async with listening(protocol="lmtp", max_size=100) as here:
        answers = await asyncio.to_thread(_raw_lmtp, here.port, 2)
    assert [a[:3] for a in answers] == [b"552"] * 2


async def test_cancelling_ends_idle_sessions_with_a_word_and_within_two_seconds(
    listening: Listening,
) -> None:
    loop = asyncio.get_running_loop()
    async with listening() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        await reader.readline()
        started = loop.time()
        here.task.cancel()
        await asyncio.wait({here.task})
        assert loop.time() - started < 2
        assert (await reader.read()).startswith(b"421 ")
        writer.close()
        await writer.wait_closed()


async def test_cancelling_lets_a_mail_that_is_being_stored_finish(listening: Listening) -> None:
    async with listening() as here:
        here.inbox.gate = asyncio.Event()
        sending = asyncio.create_task(deliver(here.port))
        await here.inbox.entered.wait()
        here.task.cancel()
        await asyncio.sleep(0)  # let the cancellation arrive
        here.inbox.gate.set()
        assert "OK" in await sending
    assert len(here.inbox.mails) == 1


async def test_cancelling_does_not_wait_longer_than_two_seconds_for_a_stuck_commit(
    listening: Listening,
) -> None:
    loop = asyncio.get_running_loop()
    async with listening() as here:
        here.inbox.gate = asyncio.Event()
        sending = asyncio.create_task(deliver(here.port))
        await here.inbox.entered.wait()
        started = loop.time()
        here.task.cancel()
        await asyncio.wait({here.task})
        assert loop.time() - started < 2
        with pytest.raises((aiosmtplib.SMTPException, OSError)):
            await sending


async def test_more_sessions_than_allowed_are_sent_away(listening: Listening) -> None:
    async with listening(max_sessions=1) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        assert (await reader.readline()).startswith(b"220 ")
        second, second_writer = await asyncio.open_connection("127.0.0.1", here.port)
        assert (await second.read()).startswith(b"421 ")
        for one in (writer, second_writer):
            one.close()
            await one.wait_closed()


async def test_a_port_in_use_is_a_settings_error_that_says_so(listening: Listening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingsError, match=r"listen: cannot listen on .* using it\?"):
            async with listening(listen=address):
                pass


async def test_two_accounts_cannot_share_an_address(listening: Listening) -> None:
    async with listening() as first:
        with pytest.raises(SettingsError, match="another account"):
            async with listening(listen=f"127.0.0.1:{first.port}"):
                pass


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"address": "nobody"}, "address"),
        ({"aliases": ("a b@c",)}, "aliases"),
        ({"listen": "2525"}, "listen"),
        ({"listen": "host:99999"}, "listen"),
        ({"max_size": 0}, "max_size"),
        ({"smtp_host": ""}, "smtp_host"),
        ({"smtp_port": 0}, "smtp_port"),
        ({"smtp_password": "x"}, "smtp_user"),
        ({"helo_name": "not a name"}, "helo_name"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(change: dict[str, Any], key: str) -> None:
    values: dict[str, Any] = {"address": "support@pay.example"} | change
    with pytest.raises(SettingsError) as wrong:
        Email.from_account(EmailSettings(**values), object())  # type: ignore[arg-type]  # not reached
    assert wrong.value.key == key


async def test_without_a_listener_serve_waits_to_be_cancelled() -> None:
    channel = Email.from_account(EmailSettings(address="a@b.example", listen=""), object())  # type: ignore[arg-type]  # not used
    said: list[str] = []
    task = asyncio.create_task(channel.serve(object(), said.append))  # type: ignore[arg-type]  # not used
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    assert said == [""]
    task.cancel()
    await asyncio.wait({task})
