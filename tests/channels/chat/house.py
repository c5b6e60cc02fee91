"""A chat on a real server of its own, with what was said in memory."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from channels.chat import Chat, ChatSettings
from gateway.domain.channel import ChannelEvent, Inbound, RawMail, Receipt
from gateway.domain.frontage import Said
from gateway.domain.model import DeliveryState
from gateway.testing.clock import FakeClock
from gateway.testing.world import TestWorld, build_world

SECRET = "an identity secret that only tests use, as long as the longest algorithm likes"
ACCOUNT = "main"


def signature(
    user_id: str, at: float, *, account: str = ACCOUNT, name: str = "", secret: str = SECRET
) -> str:
    """As docs/channels/chat.md tells an app to sign; written anew here, with the library's own HMAC."""
    text = f"{account}\n{int(at)}\n{user_id}\n{name}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass
class MemoryTimeline:
    """What was said, with the rules of the real one."""

    said: dict[str, dict[str, Said]] = field(default_factory=dict)
    """By handle and message."""
    heads: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    deaf: bool = False
    """Hints get lost."""
    _watching: list[Callable[[], None]] = field(default_factory=list)

    def put(self, handle: str, reference: str, text: str = "", **changes: Any) -> Said:
        """Add a message, or change one."""
        self.heads[handle] = rev = self.heads.get(handle, 1) + 1
        mine = self.said.setdefault(handle, {})
        old = mine.get(reference)
        if old is None:
            old = Said(reference, rev, changes.pop("author", "agent"), text, 1_767_225_600.0 + rev)
            if old.author != "customer":
                changes.setdefault("delivery", DeliveryState.SENT)
        mine[reference] = new = replace(old, revision=rev, **changes)
        if not self.deaf:
            for callback in self._watching:
                callback()
        return new

    async def since(self, handle: str, revision: int, limit: int) -> Sequence[Said]:
        self.looks += 1
        found = [one for one in self.said.get(handle, {}).values() if one.revision > revision]
        return sorted(found, key=lambda one: one.revision)[:limit]

    async def one(self, handle: str, reference: str) -> Said | None:
        return self.said.get(handle, {}).get(reference)

    async def revisions(self, handles: Sequence[str]) -> Mapping[str, int]:
        return {handle: self.heads[handle] for handle in handles if handle in self.heads}

    def watch(self, callback: Callable[[], None]) -> None:
        self._watching.append(callback)


@dataclass
class MemorySink:
    """Takes events; the same one twice is one, as intake has it."""

    events: dict[str, ChannelEvent] = field(default_factory=dict)
    calls: int = 0
    error: Exception | None = None

    async def accept(self, event: ChannelEvent | RawMail) -> None:
        if self.error is not None:
            raise self.error
        self.calls += 1
        if isinstance(event, Inbound):
            self.events.setdefault(f"m:{event.external_id}", event)
        elif isinstance(event, Receipt):
            self.events.setdefault(f"r:{event.external_id}:{event.status}", event)

    @property
    def messages(self) -> list[Inbound]:
        return [event for event in self.events.values() if isinstance(event, Inbound)]

    @property
    def receipts(self) -> list[Receipt]:
        return [event for event in self.events.values() if isinstance(event, Receipt)]


@dataclass
class House:
    """The chat, its server, and a client."""

    chat: Chat
    world: TestWorld
    clock: FakeClock
    timeline: MemoryTimeline
    sink: MemorySink
    url: str
    http: aiohttp.ClientSession
    runner: web.AppRunner

    async def call(self, method: str, path: str, **how: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON, headers."""
        async with self.http.request(method, self.url + path, **how) as response:
            data = await response.read()
            return response.status, json.loads(data) if data else None, response.headers

    async def session(self, body: Any = None, **how: Any) -> dict[str, Any]:
        """A session that has to be given."""
        status, found, _ = await self.call("POST", "/session", json=body or {}, **how)
        assert status == 200, found
        return dict(found)

    async def user(self, user_id: str = "user-1") -> dict[str, Any]:
        """A session of a user for whom the app vouches."""
        at = int(self.clock.now())
        body = {"user_id": user_id, "at": at, "signature": signature(user_id, at)}
        return await self.session(body)

    async def say(self, token: str, text: str = "hello", number: str = "1", **how: Any) -> Any:
        """(status, answer, headers) of a message."""
        body = {"client_msg_id": number, "text": text}
        return await self.call("POST", "/messages", json=body, headers=bearer(token), **how)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def opened(account: str = ACCOUNT, **settings: Any) -> AsyncIterator[House]:
    """A chat with these settings, until the block ends."""
    clock = FakeClock()
    world = build_world(account, clock=clock)
    chat = Chat.from_account(ChatSettings(**{"secret": SECRET, **settings}), world)
    timeline, sink = MemoryTimeline(), MemorySink()
    application = web.Application()
    for method, path, handler in chat.pages(sink, timeline):
        application.router.add_route(method, f"/chat/{account}{path}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)

    async def leave(_: web.Application) -> None:
        await chat.leave()

    application.on_shutdown.append(leave)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}/chat/{account}"
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as http:
            yield House(chat, world, clock, timeline, sink, url, http, runner)
    finally:
        await runner.cleanup()


async def sse(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream as an EventSource hands them on: `id`, `event`, and `data` as JSON; a comment
    as {'comment': …}."""
    found: dict[str, Any] = {}
    while line := await response.content.readline():
        text = line.decode().rstrip("\n")
        if not text:
            if "data" in found:
                found["data"] = json.loads(found["data"])
                yield found
            found = {}
        elif text.startswith(":"):
            yield {"comment": text[1:].strip()}
        else:
            name, _, value = text.partition(": ")
            found[name] = value


async def first(events: AsyncIterator[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """So many events, comments left out."""
    found = []
    async with asyncio.timeout(10):
        async for event in events:
            if "data" in event:
                found.append(event)
                if len(found) == number:
                    break
    return found
