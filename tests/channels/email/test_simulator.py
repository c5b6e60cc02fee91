"""The simulated mail world: what the demo and the crash harness rely on."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from channels._sim_email import MailPeer, bounce, compose, out_of_office

LETTER = compose(
    "anna@mail.example", "support@pay.example", "充值没到账", "请尽快处理。", name="王芳"
)
Listening = Callable[..., AbstractAsyncContextManager[Any]]


async def test_a_message_lands_in_the_mailbox_of_each_recipient(peer: MailPeer) -> None:
    await peer.send(peer.host, peer.port, LETTER, recipients=["a@x.example", "B@x.example"])
    (message,) = await peer.wait_for("b@x.example")
    assert message.subject == "充值没到账"
    assert message.text == "请尽快处理。"
    assert message.sender == "王芳 <anna@mail.example>"
    assert message.recipients == ("a@x.example", "B@x.example")
    assert peer.mailboxes["a@x.example"] == [message]


async def test_a_refused_address_and_a_temporary_failure(peer: MailPeer) -> None:
    peer.refuse("gone@x.example")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await peer.send(peer.host, peer.port, LETTER, recipients=["gone@x.example"])
    peer.tempfail(1)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await peer.send(peer.host, peer.port, LETTER)
    await peer.send(peer.host, peer.port, LETTER)
    assert len(peer.received) == 1


async def test_a_dropped_connection_leaves_the_message_accepted(peer: MailPeer) -> None:
    peer.drop_after_data()
    with pytest.raises((aiosmtplib.SMTPException, OSError)):
        await peer.send(peer.host, peer.port, LETTER)
    assert len(peer.received) == 1


async def test_it_can_write_to_a_listener(peer: MailPeer, listening: Listening) -> None:
    async with listening() as here:
        await peer.send("127.0.0.1", here.port, LETTER)
    assert here.inbox.mails[0].sender == "anna@mail.example"


async def test_a_bounce_and_a_holiday_answer_name_the_message(peer: MailPeer) -> None:
    await peer.send(peer.host, peer.port, LETTER)
    original = peer.received[0]
    assert original.message_id.encode() in bounce(original)
    assert original.message_id.encode() in out_of_office(original, chinese=True)


async def test_standalone_each_line_is_on_the_disk_before_the_250(tmp_path: Path) -> None:
    log = tmp_path / "accepted.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "channels._sim_email", "--port", "0", "--log", str(log)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    ready = (await process.stdout.readline()).decode()
    assert ready.startswith("ready smtp://127.0.0.1:")
    port = int(ready.rpartition(":")[2])
    client = MailPeer()
    for number in range(3):
        letter = compose(
            "a@x.example", "b@x.example", "s", "t", message_id=f"<m{number}@x.example>"
        )
        await client.send("127.0.0.1", port, letter)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert len(lines) == number + 1
        assert lines[-1]["message_id"] == f"<m{number}@x.example>"
        assert lines[-1]["rcpt"] == ["b@x.example"]
        stored = letter if letter.endswith(b"\r\n") else letter + b"\r\n"
        assert lines[-1]["sha256"] == hashlib.sha256(stored).hexdigest()
    process.terminate()
    assert await process.wait() == 0
