"""The gateway is killed around the commit of a mail: none is lost, none is doubled."""

import asyncio
import contextlib
import json
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from channels._sim_email import MailPeer
from tests.answers.small import small_base
from tests.channels.imap.conftest import letter
from tests.channels.imap.dovecot import PASSWORD, Dovecot
from tests.crash.programs import gateway

MAILS = 12
CONFIG = """\
data_dir = "data"
templates = "templates"

[server]
port = 0
allow_private = true

[brands.pay]
name = "Pay"

[workers]
processes = 1
poll_seconds = 0.1

[answers]
automatic_replies_per_day = 0
engine = "lexical"
bootstrap = false

[accounts.box]
kind = "imap"
address = "support@pay.example"
user = "{user}"
host = "127.0.0.1"
port = {port}
security = "none"
password = "{password}"
smtp_port = {smtp_port}
"""


@pytest.fixture
def config(server: Dovecot, tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    def write(smtp_port: int) -> Path:
        values = {"user": server.user, "port": server.port, "password": PASSWORD}
        path = tmp_path / "gateway.toml"
        path.write_text(CONFIG.format(smtp_port=smtp_port, **values), "utf-8")
        assert tomllib.loads(path.read_text("utf-8"))
        small_base(tmp_path / "templates", ("thanks",))
        return path

    return write


def rows(config: Path, query: str) -> list[tuple[Any, ...]]:
    address = f"file:{config.parent / 'data/gateway.sqlite'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
        return connection.execute(query).fetchall()


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():
            await asyncio.sleep(0.05)


# commit.after: durable, and nobody has been told; ack.before: accepted, the place not yet moved on.
@pytest.mark.crash
@pytest.mark.parametrize("step", ["commit.after:9", "ack.before:7"])
async def test_a_kill_between_the_mail_and_our_place_in_the_folder(server, config, step):
    async with MailPeer() as peer:
        path = config(peer.port)
        async with gateway(path) as first:
            await first.addresses()
            await until(lambda: rows(path, "SELECT value FROM memos") != [])
        for number in range(MAILS):
            server.deliver(letter(f"number {number}"))
        async with gateway(path, kill_at=step) as second:
            with contextlib.suppress(Exception):
                await second.addresses()
            assert await second.died(60), "it was to be killed"
        stored = rows(path, "SELECT COUNT(*) FROM raw_events")[0][0]
        assert stored < MAILS
        async with gateway(path) as third:
            web = (await third.addresses())["web"]
            await until(lambda: rows(path, "SELECT COUNT(*) FROM raw_events") == [(MAILS,)])
            await until(lambda: _place(path)["uid"] == MAILS)
            address = f"{web}/healthz/channels"
            async with aiohttp.ClientSession() as client, client.get(address) as answer:
                told = await answer.json()
            assert told["ok"], told
    bodies = [body for (body,) in rows(path, "SELECT body FROM raw_events")]
    about = sorted(json.loads(body)["subject"] for body in bodies)
    assert about == sorted(f"number {number}" for number in range(MAILS))
    assert set(server.flags().values()) == {""}


def _place(config: Path) -> dict[str, Any]:
    [(memo,)] = rows(config, "SELECT value FROM memos WHERE key = 'imap:INBOX'")
    found: dict[str, Any] = json.loads(memo)
    return found
