"""The JSON API over a real server: an agent's place on the floor, for programs."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.console.api import BODY_LIMIT, Api
from gateway.desk.floor import Floor
from gateway.desk.tokens import Scope, Tokens
from gateway.domain.errors import StoreAway
from gateway.routing.model import Lane, Presence
from tests.desk.test_floor import floor_on, wait
from tests.store.engines import AnyStore, Engine, select, value
from tests.store.fixtures import engine, rig, same_brain, store
from tests.workers.rig import Rig

__all__ = ["engine", "rig", "same_brain", "store"]

CARDS = Lane("cards")


@dataclass
class Site:
    """A server with the API, and one token each of two agents."""

    url: str
    rig: Rig
    floor: Floor
    tokens: Tokens
    client: aiohttp.ClientSession
    keys: dict[str, str]

    async def call(
        self, method: str, path: str, agent: str = "ann", body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        token = {"Authorization": f"Bearer {self.keys[agent]}"} if agent else {}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        async with self.client.request(
            method, f"{self.url}/api/v1/{path}", data=data, headers={**token, **headers}
        ) as answer:
            kind = "application/problem+json" if answer.status >= 400 else "application/json"
            assert answer.content_type == kind
            found = await answer.json(content_type=None)
            if answer.status >= 400:
                assert found["status"] == answer.status
                assert found["detail"]
            return answer.status, found


async def serving(floor: Floor, tokens: Tokens, store: AnyStore) -> tuple[web.AppRunner, str]:
    application = web.Application()
    application.add_routes(Api(floor, tokens, store).routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    door = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, door).start()
    return runner, f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture
async def site(rig: Rig, store: AnyStore) -> AsyncIterator[Site]:
    floor = floor_on(rig, store)
    tokens = Tokens(store, rig.clock, rig.ids)
    runner, url = await serving(floor, tokens, store)
    keys = {}
    for agent in ("ann", "chen"):
        keys[agent], _ = await tokens.create(agent, {Scope.AGENT, Scope.READ})
        await floor.be(agent, Presence.ONLINE)
    async with aiohttp.ClientSession() as client:
        yield Site(url, rig, floor, tokens, client, keys)
    await runner.cleanup()


async def test_of_two_who_claim_at_once_one_wins_and_the_other_gets_409(
    rig: Rig, store: AnyStore, engine: Engine, site: Site
) -> None:
    async with engine.plain() as other:
        runner, url = await serving(floor_on(rig, other), site.tokens, other)
        second = Site(url, rig, site.floor, site.tokens, site.client, site.keys)
        for turn in range(20):
            number = f"t{turn:02}"
            await wait(rig, number, CARDS)
            answers = await asyncio.gather(
                site.call("POST", f"inquiries/{number}/claim", "ann"),
                second.call("POST", f"inquiries/{number}/claim", "chen"),
            )
            assert sorted(status for status, _ in answers) == [200, 409]
            ((_, lost),) = [one for one in answers if one[0] == 409]
            winner = await value(
                store, f"SELECT assigned_to FROM inquiries WHERE number = '{number}'"
            )
            assert winner == ("ann" if answers[0][0] == 200 else "chen")
            assert winner in lost["detail"] or "at this very moment" in lost["detail"]
            # Asked again, the loser is told who has it.
            loser = {"ann": "chen", "chen": "ann"}[winner]
            status, again = await site.call("POST", f"inquiries/{number}/claim", loser)
            assert (status, winner in again["detail"]) == (409, True)
            await rig.desk(finished=site.floor.finished).resolve(number, winner)
        await runner.cleanup()


async def test_an_offer_is_listed_accepted_and_then_nobody_elses(site: Site) -> None:
    await wait(site.rig, "t1", CARDS)
    await site.floor.look()
    status, found = await site.call("GET", "offers")
    ((offered,), lease) = found["offers"], found["lease_seconds"]
    assert (status, offered["number"], lease) == (200, "t1", site.floor.lease)
    assert await site.call("POST", "inquiries/t1/accept") == (200, {"number": "t1"})
    # Cut off and repeated, it is no fault.
    assert await site.call("POST", "inquiries/t1/claim") == (200, {"number": "t1"})
    status, refused = await site.call("POST", "inquiries/t1/accept", "chen")
    assert (status, "ann" in refused["detail"]) == (409, True)


async def test_declining_gives_it_to_a_colleague_and_the_trail_tells_why(site: Site) -> None:
    await site.floor.be("chen", Presence.OFFLINE)
    await wait(site.rig, "t1", CARDS)
    await site.floor.look()
    declined = await site.call("POST", "inquiries/t1/decline", body={"reason": "my cousin"})
    assert declined == (200, {"number": "t1"})
    async with asyncio.timeout(10):  # on PostgreSQL a log entry shows when it has its number
        while "my cousin" not in json.dumps((await site.call("GET", "inquiries/t1/trail"))[1]):
            await asyncio.sleep(0.05)
    status, found = await site.call("GET", "inquiries/t1/trail")
    assert (status, found["number"], found["state"]) == (200, "t1", "queued")
    _, chinese = await site.call("GET", "inquiries/t1/trail?lang=zh-CN")
    assert [entry["kind"] for entry in chinese["trail"]] == [
        entry["kind"] for entry in found["trail"]
    ]
    assert chinese["trail"] != found["trail"]


async def test_presence_next_and_transfer(site: Site) -> None:
    assert await site.call("POST", "next") == (200, {"number": None})
    await wait(site.rig, "t1", CARDS)
    assert await site.call("POST", "next") == (200, {"number": "t1"})
    status, _ = await site.call("POST", "inquiries/t1/transfer", body={"queue": "no-such"})
    assert status == 404
    said = {"agent": "ann", "presence": "offline"}
    assert await site.call("PUT", "presence", body={"presence": "offline"}) == (200, said)
    (given,) = await select(site.rig.store, "SELECT agent FROM offers")
    assert given["agent"] == "chen"
    status, found = await site.call("GET", "offers")
    assert (status, "online" in found["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "inquiries/none/claim", None, 404),
        ("GET", "inquiries/none/trail", None, 404),
        ("PUT", "presence", {"presence": "wrap_up"}, 400),
        ("PUT", "presence", {"presence": 7}, 400),
        ("PUT", "presence", b"[", 400),
        ("PUT", "presence", b"[1]", 400),
        ("PUT", "presence", b"[" * 9000, 400),
        ("PUT", "presence", b"\xff\xfe", 400),
        ("PUT", "presence", b"x" * (BODY_LIMIT + 1), 413),
    ],
)
async def test_what_cannot_be_done_is_told(
    site: Site, method: str, path: str, body: Any, status: int
) -> None:
    assert (await site.call(method, path, body=body))[0] == status


async def test_only_a_token_in_force_and_good_for_it_opens(site: Site) -> None:
    await wait(site.rig, "t1", CARDS)
    look, reference = await site.tokens.create("ann", {Scope.READ}, "a board")
    site.keys["board"], site.keys["nobody"] = look, "gw_" + "A" * 43
    assert (await site.call("GET", "inquiries/t1/trail", "board"))[0] == 200
    assert (await site.call("POST", "inquiries/t1/claim", "board"))[0] == 403
    assert (await site.call("POST", "inquiries/t1/claim", "nobody"))[0] == 401
    assert (await site.call("POST", "inquiries/t1/claim", ""))[0] == 401
    assert (await site.call("GET", "offers", "", Authorization=f"Basic {look}"))[0] == 401
    await site.tokens.revoke(reference)
    assert (await site.call("GET", "inquiries/t1/trail", "board"))[0] == 401
    assert await value(site.rig.store, "SELECT state FROM inquiries") == "queued"


async def test_a_token_is_nowhere_on_disk(site: Site, store: AnyStore, engine: Engine) -> None:
    await site.call("GET", "offers")
    written = engine.written_bytes()
    assert site.keys["ann"].encode() not in written
    assert b"api_tokens" in written or await value(store, "SELECT COUNT(*) FROM api_tokens") == 2


async def test_while_the_database_is_away_the_caller_is_told_to_come_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> Any:
        raise StoreAway("the database is away")

    monkeypatch.setattr(type(site.tokens.store), "read", lambda *_: away(None))
    assert (await site.call("GET", "offers"))[0] == 503
