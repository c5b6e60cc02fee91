"""Edges of the way in: faults of a channel, secrets in an address, callers that take their time."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.domain.channel import HttpRequest, Inbound, Parsed, Verified
from gateway.domain.errors import Overloaded, ParseError
from gateway.domain.model import Attachment
from gateway.intake import accept, webhook
from gateway.intake.accept import INLINE_TEXT, Accept
from gateway.intake.replay import Replay
from gateway.intake.webhook import Door, WebhookRoute
from gateway.keys import Keys
from gateway.store.blobs import FileBlobs
from tests.delivery.scripted import Scripted
from tests.store.engines import AnyStore, Engine, one, value
from tests.workers.rig import Rig

CARD = "4111111111111111"
COUNT = "SELECT COUNT(*) FROM raw_events"


class InTheAddress(Scripted):
    """A provider that puts the message into the address, and a channel with a fault."""

    faulty = True

    def verify(self, _request: HttpRequest) -> Verified:
        return Verified("test")

    def parse(self, request: HttpRequest) -> Parsed:
        values = dict(request.query())
        if self.faulty:
            raise KeyError(values["text"])
        return Parsed((Inbound(values["id"], "user-1", values["text"]),))


@dataclass
class Site:
    url: str
    intake: Accept
    channel: InTheAddress
    client: aiohttp.ClientSession
    folder: Path

    def on_disk(self) -> bytes:
        return b"".join(p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file())


@pytest.fixture
async def site(rig: Rig, engine: Engine, store: AnyStore, tmp_path: Path) -> AsyncIterator[Site]:
    keys, channel = Keys(bytes(32)), InTheAddress()
    intake = Accept(
        store, FileBlobs(tmp_path / "blobs", keys), keys, rig.workers, rig.clock, rig.ids, rig.log
    )
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    route = WebhookRoute(
        {"app": Door.of("test", "app", channel)}, intake, rig.clock, rig.log,
        public_url=url, body_limit=1000, in_flight=1,
    )  # fmt: skip
    application = web.Application(client_max_size=1000)
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    async with aiohttp.ClientSession() as client:
        yield Site(f"{url}/in/test/app", intake, channel, client, tmp_path)
    await runner.cleanup()


async def test_a_fault_of_a_channel_keeps_the_call_and_a_replay_brings_it(
    site: Site, rig: Rig, store: AnyStore
) -> None:
    for text in ("first", "second", "second"):
        query = {"id": text, "text": f"{text} {CARD}"}
        async with site.client.get(site.url, params=query) as answer:
            assert answer.status == 400
            assert CARD not in await answer.text()
    assert await value(store, "SELECT COUNT(*) FROM quarantine") == 2, "two calls, one repeated"
    assert CARD.encode() not in site.on_disk()
    assert CARD not in "\n".join(rig.log.lines)
    site.channel.faulty = False
    replay = Replay(
        store, site.intake.blobs, site.intake, {"app": site.channel}, rig.clock, rig.ids
    )
    entry = await one(store, "SELECT id, meta FROM quarantine ORDER BY id LIMIT 1")
    named = "SELECT COUNT(*) FROM blob_refs JOIN quarantine ON id = owner WHERE id = '{}'"
    assert await value(store, named.format(entry["id"])) == 2
    assert "1 new" in await replay.one(entry["id"])
    stored = json.loads(await value(store, "SELECT body FROM raw_events"))
    assert (stored["external_id"], stored["text"]) == ("first", "first [card ****1111]")


async def test_a_caller_that_never_ends_its_body_gives_its_place_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BODY_SECONDS", 0.05)
    site.channel.faulty = False
    address = site.url.removeprefix("http://").partition("/")[0]
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(b"POST /in/test/app HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    await writer.drain()
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    async with site.client.post(site.url, params={"id": "1", "text": "hello"}) as answer:
        assert answer.status == 200
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "x " * INLINE_TEXT},
        {"name": "x " * INLINE_TEXT},
        {"facts": {"said": "x " * INLINE_TEXT}},
        {"reply_to": {"quote": ["x " * INLINE_TEXT]}},
    ],
    ids=["subject", "name", "facts", "reply_to"],
)
async def test_any_long_text_is_a_workers_business(rig: Rig, more: dict[str, Any]) -> None:
    await rig.intake().events("app", [Inbound("m1", "user-1", "hello", **more)], "test")
    assert rig.workers.calls == 1


async def test_waiting_for_a_worker_ends_before_the_provider_gives_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "CLEAN_PATIENCE", 0.01)

    async def never(*_args: Any, **_more: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.workers, "run", never)
    intake = rig.intake()
    with pytest.raises(Overloaded):
        await intake.events("app", [Inbound("m1", "user-1", "x" * 2 * INLINE_TEXT)], "test")
    assert intake.counts["app", "overloaded"] == 1
    assert await value(rig.store, COUNT) == 0


async def test_an_event_that_cannot_be_redacted_is_for_quarantine(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_given: Any) -> None:
        raise ValueError(CARD)

    monkeypatch.setattr(accept, "clean", fault)
    with pytest.raises(ParseError, match=r"redacted: ValueError$"):
        await rig.intake().events("app", [Inbound("m1", "user-1", "hello")], "test")
    assert await value(rig.store, COUNT) == 0


async def test_two_files_of_one_name_and_size_are_two_messages(rig: Rig) -> None:
    intake = rig.intake()
    for data in (b"one", b"two", b"two"):
        photo = Attachment("image.jpg", "image/jpeg", 3, data=data)
        await intake.events("app", [Inbound("", "user-1", "", attachments=(photo,))], "test")
    assert await value(rig.store, COUNT) == 2
