"""The chat of a running gateway, on each engine: from a customer's words to an agent's and back."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from gateway.app import Gateway, assemble, running
from gateway.config import Config
from gateway.domain.model import Note
from gateway.roles import Role
from tests.channels.chat.house import SECRET, bearer, first, signature, sse
from tests.learnt import MODELS
from tests.postgres import drop_database
from tests.store.engines import select, value

pytestmark = pytest.mark.asyncio(loop_scope="module")
_BUSY = (
    "SELECT (SELECT COUNT(*) FROM raw_events WHERE state = 'pending')"
    " + (SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'leased', 'begun', 'unknown'))"
)


@dataclass
class Front:
    """A gateway and a client."""

    gateway: Gateway
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"{self.gateway.addresses['web']}/chat/web"

    async def user(self, user_id: str) -> dict[str, str]:
        """Headers of a user for whom the app vouches."""
        at = int(time.time())
        given = signature(user_id, at, account="web")
        body = {"user_id": user_id, "at": at, "signature": given}
        async with self.http.post(f"{self.url}/session", json=body) as response:
            return bearer((await response.json())["token"])

    async def say(self, headers: dict[str, str], text: str, number: str = "1") -> int:
        body = {"client_msg_id": number, "text": text}
        async with self.http.post(f"{self.url}/messages", json=body, headers=headers) as response:
            return response.status

    async def shown(self, headers: dict[str, str]) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/messages", headers=headers) as response:
            return list((await response.json())["messages"])

    async def quiet(self) -> None:
        async with asyncio.timeout(20):
            while await value(self.gateway.store, _BUSY):
                await asyncio.sleep(0.01)

    async def inquiries(self, user_id: str) -> list[dict[str, Any]]:
        return await select(
            self.gateway.store,
            "SELECT i.*, h.trust FROM inquiries i JOIN conversations v ON v.id = i.conversation_id"
            f" JOIN handles h ON h.id = v.handle_id WHERE h.address = '{user_id}'",
        )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:gateway.sqlite"
        return
    url = request.getfixturevalue("postgres").create_database()
    yield url
    drop_database(url)


def settings(database: str, folder: Any) -> Config:
    return Config.model_validate(
        {
            "database": database,
            "data_dir": folder,
            "server": {"port": 0},
            "answers": {"bootstrap": False, "models": MODELS},
            "workers": {"processes": 1, "poll_seconds": 0.02},
            "accounts": {
                "web": {"kind": "chat", "secret": SECRET, "messages_per_minute": 1000.0},
            },
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with AsyncExitStack() as stack:
        config = settings(database, tmp_path_factory.mktemp("front"))
        gateway = await stack.enter_async_context(assemble(config))
        await stack.enter_async_context(running(gateway))
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Front(gateway, http)


async def test_a_hundred_deliveries_are_one_message_of_one_inquiry(front: Front) -> None:
    headers = await front.user("u-100")
    found = await asyncio.gather(
        *(front.say(headers, "My top-up has not arrived", "a") for _ in range(100))
    )
    assert set(found) == {202}
    await front.quiet()
    (inquiry,) = await front.inquiries("u-100")
    assert inquiry["trust"] == "verified"
    mine = [m for m in await front.shown(headers) if m["author"] == "customer"]
    assert [(m["client_msg_id"], m["text"]) for m in mine] == [("a", "My top-up has not arrived")]


async def test_an_agents_words_arrive_and_notes_never_do(front: Front) -> None:
    headers = await front.user("u-2")
    await front.say(headers, "I want to talk to a person")
    await front.quiet()
    (inquiry,) = await front.inquiries("u-2")
    desk = front.gateway.desk
    async with front.http.get(f"{front.url}/events", headers=headers) as response:
        before = await front.shown(headers)
        events = sse(response)
        await first(events, len(before))
        if inquiry["state"] != "assigned":
            await desk.claim(inquiry["number"], "wang")
        await desk.note(Note(inquiry["number"], "wang", "a difficult one"))
        began = time.monotonic()
        await desk.reply(inquiry["number"], "wang", "Hello, this is Wang.")
        found = await first(sse(response), 1)
        took = time.monotonic() - began
    (message,) = [event["data"]["message"] for event in found]
    assert (message["author"], message["text"]) == ("agent", "Hello, this is Wang.")
    assert took < 1.0
    assert "difficult" not in str(await front.shown(headers))
    # And the customer says that it was read.
    body = {"status": "read", "ids": [message["id"]]}
    async with front.http.post(f"{front.url}/receipts", json=body, headers=headers) as response:
        assert response.status == 202
    await front.quiet()
    (again,) = [m for m in await front.shown(headers) if m["id"] == message["id"]]
    assert again["delivery"] == "read"


async def test_a_visitor_who_signs_in_is_somebody_else_until_a_person_joins_them(
    front: Front,
) -> None:
    async with front.http.post(f"{front.url}/session") as response:
        visitor = await response.json()
    await front.say(bearer(visitor["token"]), "Is my account blocked?")
    at = int(time.time())
    body = {"user_id": "u-3", "at": at, "signature": signature("u-3", at, account="web")}
    async with front.http.post(
        f"{front.url}/session", json=body, headers=bearer(visitor["token"])
    ) as response:
        user = bearer((await response.json())["token"])
    await front.say(user, "It is me again")
    await front.quiet()
    (theirs,), (ours,) = await front.inquiries(visitor["handle"]), await front.inquiries("u-3")
    assert (theirs["trust"], ours["trust"]) == ("claimed", "verified")
    assert theirs["contact_id"] != ours["contact_id"]
    assert theirs["id"] != ours["id"]
    assert {m["text"] for m in await front.shown(user)}.isdisjoint({"Is my account blocked?"})


async def test_a_picture_is_stored_sealed_and_named(front: Front) -> None:
    headers = await front.user("u-4")
    data = aiohttp.FormData()
    data.add_field("client_msg_id", "1")
    data.add_field("text", "see the screenshot")
    picture = b"\x89PNG\r\n\x1a\n" + b"pixels" * 40
    data.add_field("file", picture, filename="shot.png", content_type="image/png")
    async with front.http.post(f"{front.url}/messages", data=data, headers=headers) as response:
        assert response.status == 202
    await front.quiet()
    mine = [m for m in await front.shown(headers) if m["author"] == "customer"]
    assert mine[0]["files"] == [{"name": "shot.png", "type": "image/png", "size": len(picture)}]


async def test_a_card_number_is_gone_before_anybody_sees_it(front: Front) -> None:
    headers = await front.user("u-5")
    await front.say(headers, "my card 4111 1111 1111 1111 was charged")
    await front.quiet()
    assert "4111" not in str(await front.shown(headers))


async def test_a_chat_of_another_name_is_not_there(front: Front) -> None:
    url = front.gateway.addresses["web"]
    for path in ("/chat/other/messages", "/http/web/messages", "/chat/web/nothing", "/in/chat/web"):
        async with front.http.get(url + path) as response:
            assert response.status in (404, 405)


async def test_a_stop_ends_every_connection_in_time(tmp_path: Any) -> None:
    config = settings("sqlite:gateway.sqlite", tmp_path)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        assemble(config) as gateway,
        AsyncExitStack() as work,
    ):
        await work.enter_async_context(running(gateway))
        front, streams = Front(gateway, http), []
        for number in range(20):
            headers = await front.user(f"s-{number}")
            streams += [await http.get(f"{front.url}/events", headers=headers) for _ in range(10)]
        began = time.monotonic()
        stopping = asyncio.create_task(work.aclose())
        await asyncio.gather(*(response.read() for response in streams))
        took = time.monotonic() - began
        await stopping
    assert took < 2.0


async def test_what_another_process_sends_is_seen_by_who_is_connected_here(
    postgres: Any, tmp_path: Any
) -> None:
    url = postgres.create_database()
    config = settings(url, tmp_path)
    others = frozenset(Role) - {Role.WEB, Role.CONSOLE}
    try:
        async with (
            aiohttp.ClientSession() as http,
            assemble(config, roles={Role.WEB}) as web,
            assemble(config, roles=others) as back,
            running(web),
            running(back),
        ):
            front = Front(web, http)
            headers = await front.user("u-9")
            await front.say(headers, "I want to talk to a person")
            await front.quiet()
            (inquiry,) = await front.inquiries("u-9")
            if inquiry["state"] != "assigned":
                await back.desk.claim(inquiry["number"], "wang")
            async with http.get(f"{front.url}/events", headers=headers) as response:
                await first(sse(response), len(await front.shown(headers)))
                began = time.monotonic()
                await back.desk.reply(inquiry["number"], "wang", "Hello from afar.")
                (event,) = await first(sse(response), 1)
                took = time.monotonic() - began
    finally:
        drop_database(url)
    assert event["data"]["message"]["text"] == "Hello from afar."
    assert took < 3.0
