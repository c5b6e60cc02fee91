"""Whole mails that come by webhook: read by a worker, stored once, and only then acknowledged."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels._sim_letters import compose
from channels.http import GenericHttp
from channels.mailgun import Mailgun
from channels.postmark import Postmark
from gateway.domain.errors import StoreError, StoreFull
from gateway.intake import webhook
from gateway.intake.accept import Accept
from gateway.intake.replay import Replay
from gateway.intake.webhook import Door, WebhookRoute
from gateway.keys import Keys
from gateway.store.blobs import FileBlobs
from gateway.testing.world import LogLines, build_world
from gateway.world import MonotonicIds, SystemClock
from tests.channels.mailgun.test_mailgun import KEY, call
from tests.store.engines import AnyStore, one, select, value
from tests.workers.rig import SameProcess

LIMIT = 64 * 1024
CARD = "4111 1111 1111 1111"
COUNT = "SELECT COUNT(*) FROM raw_events"


@dataclass
class Site:
    """A web server with a Postmark account `box`, a Mailgun account `gun` and a system's `app`."""

    url: str
    store: AnyStore
    intake: Accept
    client: aiohttp.ClientSession
    replay: Replay

    async def mail(self, data: bytes, *, password: str = "secret", raw: str = "RawEmail") -> int:
        given = base64.b64encode(f"gateway:{password}".encode()).decode()
        body = json.dumps({raw: data.decode(), "From": "anna@mail.example"}).encode()
        return await self.post("postmark/box", body, {"Authorization": f"Basic {given}"})

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> int:
        async with self.client.post(f"{self.url}/in/{path}", data=body, headers=headers) as answer:
            await answer.read()
            return answer.status


def letter(text: str, number: int = 1) -> bytes:
    return compose(
        "anna@mail.example",
        "support@pay.example",
        "Frage",
        text,
        message_id=f"<m{number}@x.example>",
    )


@pytest.fixture
async def site(store: AnyStore, tmp_path: Any) -> AsyncIterator[Site]:
    clock, log, keys, ids = SystemClock(), LogLines(), Keys(bytes(32)), MonotonicIds()
    blobs = FileBlobs(tmp_path / "blobs", keys)
    intake = Accept(store, blobs, keys, SameProcess(), clock, ids, log)
    address = {"address": "support@pay.example"}
    channels: dict[str, Any] = {
        "box": Postmark.from_account(
            Postmark.Settings(webhook_password="secret", **address), build_world("box")
        ),
        "gun": Mailgun.from_account(
            Mailgun.Settings(signing_key=KEY, **address), build_world("gun")
        ),
        "app": GenericHttp.from_account(GenericHttp.Settings(secret="s"), build_world("app")),
    }
    doors = {name: Door.of(built.kind, name, built) for name, built in channels.items()}
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    route = WebhookRoute(doors, intake, clock, log, public_url=url, body_limit=LIMIT, in_flight=64)
    application = web.Application(client_max_size=LIMIT)
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, door).start()
    async with aiohttp.ClientSession() as client:
        yield Site(url, store, intake, client, Replay(store, blobs, intake, channels, clock, ids))
    await runner.cleanup()


async def test_a_mail_is_read_redacted_and_stored_before_the_answer(site):
    assert await site.mail(letter(f"my card is {CARD}")) == 200
    row = await one(site.store, "SELECT * FROM raw_events")
    assert row["verified"] == "basic:current"
    assert row["lane"] == "box|anna@mail.example"
    assert "my card is" in row["body"]
    assert CARD not in row["body"]


async def test_a_mail_that_is_delivered_many_times_is_one(site):
    same = letter("same")
    answers = await asyncio.gather(*(site.mail(same) for _ in range(20)))
    assert answers == [200] * 20
    assert await value(site.store, COUNT) == 1
    assert await site.mail(letter("other", 2)) == 200
    assert await value(site.store, COUNT) == 2


async def test_a_wrong_password_is_turned_away_and_nothing_is_kept(site):
    assert await site.mail(letter("x"), password="guess") == 403
    assert await value(site.store, COUNT) == 0
    assert await value(site.store, "SELECT COUNT(*) FROM quarantine") == 0


async def test_no_room_is_said_at_once_and_the_mail_comes_again(site, monkeypatch):
    async def full(*_: object) -> int:
        raise StoreFull("the disk is full")

    again = letter("again")
    with monkeypatch.context() as patched:
        patched.setattr(type(site.store), "insert", full)
        assert await site.mail(again) == 503
    assert await value(site.store, COUNT) == 0
    assert await site.mail(again) == 200
    assert await value(site.store, COUNT) == 1


async def test_a_call_without_the_raw_mail_lies_in_quarantine_until_it_can_be_read(
    site, monkeypatch
):
    assert await site.mail(letter("later"), raw="RawMail") == 400
    assert await value(site.store, COUNT) == 0
    real = Postmark.parse

    def mended(self: Postmark, request: Any) -> Any:
        request.body = request.body.replace(b"RawMail", b"RawEmail")
        return real(self, request)

    monkeypatch.setattr(Postmark, "parse", mended)
    reference = await value(site.store, "SELECT id FROM quarantine")
    assert await site.replay.one(reference) == "1 new event(s) accepted"
    assert await value(site.store, COUNT) == 1
    assert await value(site.store, "SELECT verified FROM raw_events") == "quarantine"


async def test_a_reader_that_takes_too_long_is_not_waited_for_and_loses_nothing(site, monkeypatch):
    monkeypatch.setattr(webhook, "MAIL_PATIENCE", 0.05)
    real, gate = Accept.mail, asyncio.Event()

    async def slow(self: Accept, *arguments: Any) -> None:
        await gate.wait()
        await real(self, *arguments)

    monkeypatch.setattr(Accept, "mail", slow)
    data = letter("slow")
    assert await site.mail(data) == 503
    gate.set()
    async with asyncio.timeout(5):
        while await value(site.store, COUNT) == 0:
            await asyncio.sleep(0.01)
    assert await site.mail(data) == 200
    assert await value(site.store, COUNT) == 1


# ---------------------------------------------------------------- size


async def test_a_mail_may_be_larger_than_other_calls(site):
    large = letter("big " + "x" * (4 * LIMIT))
    assert await site.mail(large) == 200
    assert await site.post("http/app", large) == 413
    assert await value(site.store, COUNT) == 1


async def test_a_body_beyond_the_channels_limit_is_413(site):
    beyond = Postmark.capabilities.body_limit + 1
    headers = {"Content-Length": str(beyond)}

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(beyond // (1 << 20)):
            yield bytes(1 << 20)
        yield bytes(beyond % (1 << 20))

    assert await site.post("postmark/box", parts(), headers) == 413


async def test_only_a_few_large_bodies_are_held_at_once(site):
    async def slow(started: asyncio.Event, gate: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"x" * (16 * LIMIT)
        started.set()
        await gate.wait()
        yield b"x"

    gate, events = asyncio.Event(), [asyncio.Event() for _ in range(webhook.LARGE_AT_ONCE)]
    held = [asyncio.create_task(site.post("postmark/box", slow(one, gate))) for one in events]
    for event in events:
        await event.wait()
    async with asyncio.timeout(5):
        # The bytes are under way: ask until all of them have arrived.
        while await site.post("postmark/box", b"x" * (16 * LIMIT)) != 503:
            await asyncio.sleep(0.01)
    assert await site.mail(letter("small")) == 200
    gate.set()
    assert await asyncio.gather(*held) == [403] * webhook.LARGE_AT_ONCE
    assert await site.mail(letter("x" * (8 * LIMIT), 2)) == 200


# ---------------------------------------------------------------- what is remembered


async def test_a_token_that_brings_another_mail_is_refused_with_406(site):
    now = SystemClock().now()

    def form(subject: str) -> tuple[bytes, dict[str, str]]:
        body = call(mail=f"Subject: {subject}\r\n\r\ntext".encode(), at=now).body
        return body, {"Content-Type": "application/x-www-form-urlencoded"}

    assert await site.post("mailgun/gun/mime", *form("one")) == 200
    assert await site.post("mailgun/gun/mime", *form("two")) == 406
    assert await site.post("mailgun/gun/mime", *form("one")) == 200
    assert await value(site.store, COUNT) == 1
    assert [row["verified"] for row in await select(site.store, "SELECT * FROM raw_events")] == [
        "mailgun-hmac-sha256:current"
    ]


async def test_a_memory_that_cannot_be_asked_is_said_to_be_away(site, monkeypatch):
    async def away(*_: object) -> None:
        raise StoreError("the database is away")

    monkeypatch.setattr(Mailgun, "admit", away)
    body = call(at=SystemClock().now()).body
    assert await site.post("mailgun/gun", body) == 503
    assert await value(site.store, COUNT) == 0
