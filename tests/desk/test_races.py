"""Two processes on one floor at the same moment: nothing is lost, and nobody gets more than they can."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import pytest

from gateway.desk.floor import Floor
from gateway.desk.standing import Standing
from gateway.domain.errors import Conflict, NotAllowed
from gateway.domain.store import Reader
from gateway.routing.model import Lane, Presence
from tests.desk.test_floor import AGENTS, LANES, floor_on, wait
from tests.store.engines import AnyStore, Engine, select, value
from tests.workers.rig import Rig

RINGS = Lane("cards")
#: Who takes nothing by themselves: what they have came by offers, which keep to their capacity.
OFFERED_ONLY = ("ann", "chen")


@asynccontextmanager
async def two_floors(
    rig: Rig, store: AnyStore, engine: Engine
) -> AsyncIterator[tuple[Floor, Floor]]:
    """Of two stores, as of two processes; plain ones, since what runs twice cannot race."""
    async with engine.plain() as other:
        yield floor_on(rig, store), floor_on(rig, other)


async def state(store: AnyStore, name: str) -> str:
    return str(await value(store, f"SELECT state FROM inquiries WHERE number = '{name}'"))


@pytest.mark.parametrize("other", ["declines", "goes away", "goes home", "vanishes"])
async def test_what_rang_for_two_who_both_refuse_at_once_waits_again(
    rig: Rig, store: AnyStore, engine: Engine, other: str
) -> None:
    """Each sees the other's offer still; one of them has to see that theirs was the last."""
    async with two_floors(rig, store, engine) as (one, two):
        for turn in range(15):
            await one.be("chen", Presence.ONLINE)
            rig.clock.advance(50.0)
            await one.be("ann", Presence.ONLINE)
            name = f"t{turn:02}"
            await wait(rig, name, RINGS)
            await one.look()
            assert await value(store, "SELECT COUNT(*) FROM offers") == 2
            rig.clock.advance(12.0)
            second: dict[str, Callable[[], Awaitable[Any]]] = {
                "declines": partial(two.decline, name, "chen"),
                "goes away": partial(two.be, "chen", Presence.AWAY),
                "goes home": partial(two.be, "chen", Presence.OFFLINE),
                "vanishes": two.look,
            }
            await asyncio.gather(one.decline(name, "ann"), second[other]())
            assert await state(store, name) == "queued"
            await one.take(name, "chen")
            await rig.desk(finished=one.finished).resolve(name, "chen")


async def test_two_processes_that_offer_at_once_keep_to_what_agents_can_take(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    async with two_floors(rig, store, engine) as (one, two):
        for agent in AGENTS:
            await one.be(agent, Presence.ONLINE)
        for turn in range(15):
            await wait(rig, f"t{turn:02}", LANES[turn % len(LANES)])
            await asyncio.gather(one.look(), two.look())
            await whole(rig, store)
        assert await value(store, "SELECT COUNT(*) FROM inquiries WHERE state = 'queued'")


async def whole(rig: Rig, store: AnyStore) -> None:
    """What holds after whatever happened at once."""
    offers: dict[str, set[str]] = {}
    for row in await select(store, "SELECT inquiry_id, agent FROM offers"):
        offers.setdefault(row["inquiry_id"], set()).add(row["agent"])
    there = {
        row["id"]: row["presence"] for row in await select(store, "SELECT id, presence FROM agents")
    }
    load = dict.fromkeys(AGENTS, 0)
    for one in await select(store, "SELECT id, state, assigned_to, lane FROM inquiries"):
        weight = Lane.parse(one["lane"]).weight
        match one["state"]:
            case "offered":
                assert offers.get(one["id"]), "offered to nobody"
                for agent in offers[one["id"]]:
                    assert there[agent] in ("online", "busy", "wrap_up")
                    load[agent] += weight
            case "assigned":
                load[one["assigned_to"]] += weight
            case state:
                assert state in ("queued", "resolved")
                assert not one["assigned_to"]
    for agent in OFFERED_ONLY:
        assert load[agent] <= AGENTS[agent].capacity


async def settled(rig: Rig, floor: Floor) -> None:
    """What holds besides after somebody looked and nobody did anything since."""
    await floor.look()
    owners = await select(
        floor.store,
        "SELECT i.id FROM inquiries i JOIN agents a ON a.id = i.assigned_to"
        " WHERE i.state = 'assigned' AND a.presence = 'offline'",
    )
    assert not owners, "with somebody who is gone"

    def idle(reader: Reader) -> list[tuple[str, str]]:
        seen = Standing(reader, AGENTS, rig.clock.now())
        heads = filter(None, (seen.first(lane) for lane in seen.lanes()))
        return [
            (head.id, agent.id)
            for head in heads
            for agent in seen.agents()
            if not agent.lacks(head.lane) and agent.id not in seen.refusers(head.id)
        ]

    assert not await floor.store.read(idle), "it waits, and somebody could take it"


class Storm:
    """Commands of two processes, several at once."""

    def __init__(self, rig: Rig, floors: tuple[Floor, Floor], seed: int) -> None:
        self.rig, self.floors, self.draw = rig, floors, Random(seed)
        self.number = self.over = 0

    async def round(self) -> None:
        """Some things at once; each either happens or is refused in words."""
        for _ in range(self.draw.randint(0, 2)):
            self.number += 1
            await wait(self.rig, f"n{self.number:03}", self.draw.choice(LANES))
        self.rig.clock.advance(self.draw.choice([0.0, 1.0, 31.0]))
        offers = await select(
            self.floors[0].store,
            "SELECT o.inquiry_id, o.agent FROM offers o ORDER BY o.inquiry_id, o.agent",
        )
        hands = await select(
            self.floors[0].store,
            "SELECT id, assigned_to FROM inquiries WHERE state = 'assigned' ORDER BY id",
        )
        done = await asyncio.gather(
            *(self.something(offers, hands) for _ in range(5)), return_exceptions=True
        )
        for outcome in done:
            if isinstance(outcome, BaseException):
                self.over += 1
                assert isinstance(outcome, NotAllowed | Conflict), outcome

    def something(
        self, offers: list[dict[str, Any]], hands: list[dict[str, Any]]
    ) -> Awaitable[Any]:
        floor, name = self.draw.choice(self.floors), self.draw.choice([*AGENTS])
        offer = self.draw.choice(offers) if offers else None
        hand = self.draw.choice(hands) if hands else None
        match self.draw.choice(["look", "be", "be", "accept", "decline", "done", "on", "next"]):
            case "be":
                said = [Presence.ONLINE, Presence.ONLINE, Presence.AWAY, Presence.OFFLINE]
                return floor.be(name, self.draw.choice(said))
            case "accept" if offer:
                return floor.accept(offer["inquiry_id"], offer["agent"])
            case "decline" if offer:
                return floor.decline(offer["inquiry_id"], offer["agent"])
            case "done" if hand:
                desk = self.rig.desk(floor.store, finished=floor.finished)
                return desk.resolve(hand["id"], hand["assigned_to"])
            case "on" if hand:
                queue = self.draw.choice(["pay", "cards"])
                return floor.transfer(hand["id"], hand["assigned_to"], queue)
            case "next":
                return floor.next("bo")
        return floor.look()


async def storm(rig: Rig, store: AnyStore, engine: Engine, seed: int, rounds: int) -> None:
    async with two_floors(rig, store, engine) as floors:
        stormy = Storm(rig, floors, seed)
        for turn in range(rounds):
            await stormy.round()
            await whole(rig, store)
            if turn % 5 == 0:
                await settled(rig, floors[turn % 2])
        states = await select(store, "SELECT state, COUNT(*) AS n FROM inquiries GROUP BY state")
        assert sum(row["n"] for row in states) == stormy.number, "each is there, once"
        assert stormy.over, "somebody was second"


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_at_once_leaves_a_whole_floor(
    rig: Rig, store: AnyStore, engine: Engine, seed: int
) -> None:
    await storm(rig, store, engine, seed, rounds=30)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2, 7))
async def test_whatever_happens_at_once_for_long_leaves_a_whole_floor(
    rig: Rig, store: AnyStore, engine: Engine, seed: int
) -> None:
    await storm(rig, store, engine, seed, rounds=60)
