"""The webhook route behind a real server, called by the peers of the real channels."""

import asyncio
import base64
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels._sim_http import HttpPeer
from channels._sim_sms import SmsPeer
from channels.http import GenericHttp
from channels.sms import TwilioSms
from gateway.domain.errors import StoreError
from gateway.intake.accept import Accept
from gateway.intake.webhook import Door, WebhookRoute
from gateway.keys import Keys
from gateway.store.blobs import FileBlobs
from gateway.testing.world import LogLines, build_world
from gateway.world import MonotonicIds, SystemClock
from tests.delivery.scripted import Scripted
from tests.store.engines import AnyStore, Engine, one, select, value
from tests.workers.rig import Rig, SameProcess

LIMIT = 64 * 1024
IN_FLIGHT = 4
CARD = "4111 1111 1111 1111"
COUNT = "SELECT COUNT(*) FROM raw_events"


@dataclass
class Site:
    """A web server with the route, an HTTP account `app` and an SMS account `sms`."""

    url: str
    store: AnyStore
    intake: Accept
    log: LogLines
    http: HttpPeer
    sms: SmsPeer
    client: aiohttp.ClientSession
    folder: Path
    engine: Engine
    channels: dict[str, Any]

    @property
    def app(self) -> str:
        return f"{self.url}/in/http/app"

    @property
    def texts(self) -> str:
        return f"{self.url}/in/sms/sms"

    async def post(
        self, body: bytes, headers: dict[str, str] | None = None, url: str = ""
    ) -> tuple[int, str, Any]:
        async with self.client.post(url or self.app, data=body, headers=headers or {}) as answer:
            return answer.status, await answer.text(), answer.headers

    async def signed(self, body: bytes, url: str = "") -> tuple[int, str, Any]:
        return await self.post(body, self.http.sign(body), url)

    def on_disk(self) -> bytes:
        """Every byte of the data directory and of the database."""
        files = b"".join(p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file())
        return files + self.engine.written_bytes()


@pytest.fixture(params=["router", "shortcut"])
async def site(
    request: pytest.FixtureRequest, engine: Engine, store: AnyStore, tmp_path: Path
) -> AsyncIterator[Site]:
    clock, log, keys = SystemClock(), LogLines(), Keys(bytes(32))
    intake = Accept(
        store, FileBlobs(tmp_path / "blobs", keys), keys, SameProcess(), clock, MonotonicIds(), log
    )
    async with HttpPeer() as http, SmsPeer() as sms, aiohttp.ClientSession() as client:
        channels: dict[str, Any] = {
            "app": GenericHttp.from_account(
                GenericHttp.Settings(**http.account_settings()), build_world("app")
            ),
            "sms": TwilioSms.from_account(
                TwilioSms.Settings(**sms.account_settings()), build_world("sms")
            ),
            "mute": Scripted(),
        }
        kinds = {"app": "http", "sms": "sms", "mute": "scripted"}
        doors = {name: Door.of(kinds[name], name, built) for name, built in channels.items()}
        door = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        route = WebhookRoute(
            doors, intake, clock, log, public_url=url, body_limit=LIMIT, in_flight=IN_FLIGHT
        )
        application = web.Application(client_max_size=LIMIT)
        application.add_routes(route.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        if request.param == "shortcut" and runner.server is not None:
            runner.server.request_handler = route.shortcut(runner.server.request_handler)
        await web.SockSite(runner, door).start()
        yield Site(url, store, intake, log, http, sms, client, tmp_path, engine, channels)
        await runner.cleanup()


# ---------------------------------------------------------------- genuine


async def test_a_signed_call_is_stored_and_acknowledged(site: Site) -> None:
    posted = await site.http.post_message(site.app, "充值没有到账", sender="user-1")
    assert posted.status == 200
    row = await one(site.store, "SELECT account, verified, type, lane FROM raw_events")
    assert row == {
        "account": "app", "verified": "gateway-hmac-sha256:current", "type": "message",
        "lane": "app|user-1",
    }  # fmt: skip


async def test_a_text_message_is_signed_over_the_public_address(site: Site) -> None:
    answer = await site.sms.send_sms(site.texts, "你好", sender="+8613800138000")
    assert (answer.status, answer.body[:5]) == (200, b"<?xml")
    status = await site.sms.report(f"{site.texts}/status", "SM1", "delivered")
    assert status.status == 200
    query = await site.sms.send_sms(f"{site.texts}?a=1&b=", "again", sender="+8613800138000")
    assert query.status == 200
    rows = await select(site.store, "SELECT type FROM raw_events ORDER BY id")
    assert [row["type"] for row in rows] == ["message", "receipt", "message"]


async def test_the_same_webhook_a_hundred_times_by_two_clients_is_one_message(
    site: Site, rig: Rig
) -> None:
    async def client() -> list[int]:
        async with HttpPeer() as peer:
            return [
                (await peer.post_message(site.app, "once", sender="user-1", id="m1")).status
                for _ in range(50)
            ]

    answers = await asyncio.gather(client(), client())
    assert answers == [[200] * 50] * 2
    assert await value(site.store, COUNT) == 1
    assert site.intake.counts["app", "accepted"] == 1
    assert site.intake.counts["app", "duplicate"] == 99
    await rig.drain()
    assert await value(site.store, "SELECT COUNT(*) FROM messages WHERE direction = 'in'") == 1
    assert await value(site.store, "SELECT COUNT(*) FROM inquiries") == 1


async def test_of_a_card_number_nothing_reaches_the_disk(site: Site, rig: Rig) -> None:
    picture = base64.b64encode(f"photograph of {CARD}".encode()).decode()
    posted = await site.http.post_message(
        site.app,
        f"My card is {CARD}, or {CARD.replace(' ', '')}, or 4111-1111-1111-1111.",
        sender="user-1",
        subject=f"Card {CARD}",
        name=f"Li {CARD}",
        attachments=[{"name": f"{CARD}.png", "data_base64": picture}],
    )
    assert posted.status == 200
    await site.sms.send_sms(site.texts, f"card {CARD}", sender="+8613800138000")
    await rig.drain()
    assert await value(site.store, "SELECT COUNT(*) FROM inquiries") == 2
    written = site.on_disk()
    assert b"****1111" in written
    for form in (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), CARD.replace(" ", "%20")):
        assert form.encode() not in written
    assert b"photograph" not in written
    assert CARD not in "\n".join(site.log.lines)


async def test_nul_characters_come_through_to_the_message_as_one_that_can_be_stored(
    site: Site, rig: Rig
) -> None:
    """PostgreSQL stores no U+0000; what only looks like one is left alone."""
    posted = await site.http.post_message(
        site.app, "a\0b \\u0000", sender="user-1", subject="a\0b", name="a\0b"
    )
    assert posted.status == 200
    await rig.drain()
    message = await one(site.store, "SELECT text, subject FROM messages WHERE direction = 'in'")
    assert message == {"text": "a\ufffdb \\u0000", "subject": "a\ufffdb"}
    assert await value(site.store, "SELECT name FROM contacts") == "a\ufffdb"


# ---------------------------------------------------------------- not genuine


def _cut(body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return body, {}


def _changed(body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return body.replace(b"a", b"b", 1), headers


def _empty(body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return body, dict.fromkeys(headers, "")


@pytest.mark.parametrize("forge", [_cut, _changed, _empty])
async def test_what_does_not_prove_its_sender_is_refused_counted_and_not_kept(
    site: Site, forge: Any
) -> None:
    body = b'{"id": "m1", "sender": "user-1", "text": "a marked secret"}'
    body, headers = forge(body, site.http.sign(body))
    status, text, _ = await site.post(body, headers)
    assert status == 403
    assert "refused" in text
    form = {"MessageSid": "SM1", "From": "+1", "Body": "a marked secret", "To": "+2"}
    async with site.client.post(site.texts, data=form) as answer:
        assert answer.status == 403
    assert site.intake.counts == {("app", "refused"): 1, ("sms", "refused"): 1}
    assert await value(site.store, COUNT) == 0
    assert await value(site.store, "SELECT COUNT(*) FROM quarantine") == 0
    assert b"marked secret" not in site.on_disk()
    assert not list(site.folder.glob("blobs/**/*"))
    assert "marked" not in "\n".join(site.log.lines)
    assert sum("webhook refused" in line for line in site.log.lines) == 2


async def test_a_signature_for_another_address_is_refused(site: Site) -> None:
    answer = await site.sms.send_sms(
        site.texts, "hello", sender="+1", signed_as="https://elsewhere.example/in/sms/sms"
    )
    assert answer.status == 403


@pytest.mark.parametrize(
    "address", ["/in/http/nobody", "/in/sms/app", "/in/nothing/app", "/in/http/app2/x"]
)  # fmt: skip
async def test_an_account_that_is_not_there_is_404_whatever_the_signature(
    site: Site, address: str
) -> None:
    status, text, _ = await site.signed(b'{"id":"1"}', site.url + address)
    assert status == 404
    assert "[accounts]" in text
    assert site.intake.counts == {("", "unknown_account"): 1}


async def test_an_account_that_takes_no_webhooks_says_so(site: Site) -> None:
    status, _, _ = await site.post(b"{}", url=f"{site.url}/in/scripted/mute")
    assert status == 405


# ---------------------------------------------------------------- genuine but unreadable


@pytest.mark.parametrize(
    "body",
    [b'{"id": "1", "sender": "u", "text": "\xff\xfe broken"}', b"{", b"[]", b'{"id": 1}'],
    ids=["not UTF-8", "no JSON", "no object", "incomplete"],
)
async def test_what_cannot_be_read_is_answered_400_and_kept_encrypted(
    site: Site, body: bytes
) -> None:
    status, text, _ = await site.signed(body)
    assert status == 400
    assert "cannot be read" in text
    kept = await one(site.store, "SELECT * FROM quarantine")
    assert (kept["account"], kept["stage"]) == ("app", "read")
    assert await site.intake.blobs.get(kept["blob"]) == body
    if len(body) > 8:
        assert body not in site.on_disk()
    status, _, _ = await site.signed(body)
    assert status == 400
    assert await value(site.store, "SELECT COUNT(*) FROM quarantine") == 1
    posted = await site.http.post_message(site.app, "the next one", sender="user-1")
    assert posted.status == 200


async def test_half_an_emoji_is_no_reason_to_lose_a_message(site: Site) -> None:
    status, _, _ = await site.signed(b'{"id": "1", "sender": "u", "text": "hello \\ud83d"}')
    assert status == 200
    assert await value(site.store, COUNT) == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_413_and_the_next_call_works(
    site: Site, chunked: bool
) -> None:
    body = b'{"id":"1","sender":"u","text":"' + b"x" * LIMIT + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 1000):
            yield body[at : at + 1000]

    data: Any = pieces() if chunked else body
    async with site.client.post(site.app, data=data, headers=site.http.sign(body)) as answer:
        assert answer.status == 413
        assert str(LIMIT) in await answer.text()
    assert await value(site.store, COUNT) == 0
    posted = await site.http.post_message(site.app, "the next one", sender="user-1")
    assert posted.status == 200


# ---------------------------------------------------------------- no room


async def test_a_call_too_many_is_503_at_once_with_a_time_to_come_again(site: Site) -> None:
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: Any) -> None:
        entered.set()
        assert release.wait(10)

    holding = asyncio.create_task(site.store.write(hold))
    await asyncio.to_thread(entered.wait, 10)
    waiting = [
        asyncio.create_task(site.http.post_message(site.app, "hello", sender=f"u{n}"))
        for n in range(IN_FLIGHT)
    ]
    async with asyncio.timeout(5):
        while site.intake.calls < IN_FLIGHT:
            await asyncio.sleep(0)
    status, text, headers = await site.signed(b'{"id":"x","sender":"u","text":"hello"}')
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "too many" in text
    release.set()
    await holding
    assert [posted.status for posted in await asyncio.gather(*waiting)] == [200] * IN_FLIGHT
    assert site.intake.calls == 0
    assert site.intake.counts["", "overloaded"] == 1
    status, _, _ = await site.signed(b'{"id":"x","sender":"u","text":"hello"}')
    assert status == 200
    assert await value(site.store, COUNT) == IN_FLIGHT + 1


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_full_disk_is_503_and_what_was_acknowledged_before_is_there(site: Site) -> None:
    assert (await site.http.post_message(site.app, "before", sender="u")).status == 200

    def nearly_full(tx: Any) -> None:
        used = tx._connection.execute("PRAGMA page_count").fetchone()[0]
        tx._connection.execute(f"PRAGMA max_page_count={used + 1}")

    await site.store.write(nearly_full)
    statuses = []
    for number in range(12):
        text = "long enough to fill a page of the database " * 60
        posted = await site.http.post_message(site.app, text, sender="u", id=f"m{number}")
        statuses.append(posted.status)
    assert statuses[-1] == 503
    stored = await value(site.store, COUNT)
    assert stored == 1 + statuses.count(200)
    await site.store.write(lambda tx: tx._connection.execute("PRAGMA max_page_count=100000"))  # type: ignore[attr-defined]
    posted = await site.http.post_message(site.app, "after", sender="u", id="m11")
    assert posted.status == 200
    assert await value(site.store, COUNT) == stored + 1


async def test_a_store_that_fails_is_503_and_the_line_in_the_log_says_why(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: Any) -> int:
        raise StoreError("database is locked")

    monkeypatch.setattr(site.store, "insert", broken)
    status, text, headers = await site.signed(b'{"id":"x","sender":"u","text":"hello"}')
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "locked" not in text
    assert any("locked" in line for line in site.log.lines)


async def test_nothing_is_acknowledged_before_the_commit(site: Site) -> None:
    entered, release = threading.Event(), threading.Event()

    def hold(_tx: Any) -> None:
        entered.set()
        assert release.wait(10)

    holding = asyncio.create_task(site.store.write(hold))
    await asyncio.to_thread(entered.wait, 10)
    posting = asyncio.create_task(site.http.post_message(site.app, "hello", sender="u"))
    async with asyncio.timeout(5):
        while site.store.waiting < 2:
            await asyncio.sleep(0)
    assert not posting.done()
    release.set()
    assert (await posting).status == 200
    await holding


async def test_a_caller_that_hangs_up_leaves_room_for_the_next(site: Site) -> None:
    body = b'{"id":"x","sender":"u","text":"hello"}'
    host, port = site.url.removeprefix("http://").split(":")
    for _ in range(IN_FLIGHT + 2):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /in/http/app HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5):
        while site.intake.calls:
            await asyncio.sleep(0)
        while (await site.signed(body))[0] != 200:
            await asyncio.sleep(0)
    assert await value(site.store, COUNT) == 1


async def test_a_call_without_events_is_acknowledged(site: Site) -> None:
    assert await site.http.post(site.app, {"messages": []}) == (
        200,
        b'{"status":"accepted","messages":0,"receipts":0}',
    )
    assert await value(site.store, COUNT) == 0


# ---------------------------------------------------------------- the answer, byte by byte


def call(site: Site, name: str, version: str = "1.1", more: str = "") -> bytes:
    body = b'{"id":"%b","sender":"u","text":"hello"}' % name.encode()
    head = f"POST /in/http/app HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}"
    signed = "".join(f"{key}: {value}\r\n" for key, value in site.http.sign(body).items())
    return f"{head}{signed}\r\n".encode() + body


async def answered(site: Site, calls: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(calls)
    await writer.drain()
    return reader, writer


async def read_answer(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return first, headers, await reader.readexactly(int(headers["content-length"]))


async def test_calls_of_one_connection_are_answered_one_after_the_other(site: Site) -> None:
    reader, writer = await answered(site, b"".join(call(site, f"m{n}") for n in range(3)))
    for _ in range(3):
        first, headers, body = await read_answer(reader)
        assert first == "HTTP/1.1 200 OK"
        assert headers["content-type"] == "application/json"
        assert parsedate_to_datetime(headers["date"]).tzinfo is not None
        assert body == b'{"status":"accepted","messages":1,"receipts":0}'
    writer.close()
    assert await value(site.store, COUNT) == 3


@pytest.mark.parametrize(("version", "more"), [("1.0", ""), ("1.1", "Connection: close\r\n")])
async def test_a_connection_that_is_to_end_ends_after_its_answer(
    site: Site, version: str, more: str
) -> None:
    reader, writer = await answered(site, call(site, "m1", version, more))
    first, _, body = await read_answer(reader)
    assert first.startswith(f"HTTP/{version} 200")
    assert body.startswith(b'{"status":"accepted"')
    assert await reader.read() == b""
    writer.close()


async def test_a_caller_that_waits_to_be_asked_for_its_body_is_asked(site: Site) -> None:
    whole = call(site, "m1", more="Expect: 100-continue\r\n")
    head, _, body = whole.partition(b"\r\n\r\n")
    reader, writer = await answered(site, head + b"\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    writer.write(body)
    assert (await read_answer(reader))[0] == "HTTP/1.1 200 OK"
    writer.close()
