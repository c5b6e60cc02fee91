"""The floor on a database: it decides as the floor in memory does, and tells who is second."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from gateway.desk.floor import Floor, NobodyKnown
from gateway.desk.standing import Standing
from gateway.domain.errors import Conflict, NotAllowed
from gateway.domain.model import InquiryState, Queue
from gateway.routing.core import Queueing, Routing
from gateway.routing.events import (
    Accepted,
    Arrived,
    Came,
    Declined,
    Expired,
    Finished,
    Looked,
    Taken,
    Vanished,
)
from gateway.routing.memory import Floor as Memory
from gateway.routing.model import Agent, Lane, Presence, Strategy, Waiting, rank
from gateway.store.apply import apply
from tests.store.engines import AnyStore, Engine, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig

AGENTS = {
    "ann": Agent("ann", Presence.OFFLINE, {"pay": 1, "cards": 1}, {"zh": 3}, 3),
    "bo": Agent("bo", Presence.OFFLINE, {"pay": 1, "cards": 2}, {}, 2),
    "chen": Agent("chen", Presence.OFFLINE, {"cards": 1}, {"zh": 2}, 1),
}
QUEUES = {
    "pay": Queueing(Strategy.LEAST_BUSY),
    "cards": Queueing(Strategy.RING_ALL, offer_seconds=30.0),
}
DOMAIN = {name: Queue(name, name.title()) for name in QUEUES}
LANES = [
    Lane.of(queue, needs, weight)
    for queue in ("pay", "cards")
    for needs in ({}, {"zh": 2})
    for weight in (1, 2)
]


def floor_on(rig: Rig, store: AnyStore | None = None, write: Any = apply) -> Floor:
    return Floor(
        store or rig.store, Routing(QUEUES), AGENTS, write, rig.clock, rig.ids, DOMAIN, lease=60.0
    )


async def wait(rig: Rig, name: str, lane: Lane = LANES[0], priority: int = 5) -> None:
    await put(
        rig.store,
        arrival(name, sender=name, number=name),
        moved(name, queue=lane.queue, lane=lane.key, handicap=rank(0.0, priority)),
        now=rig.clock.now(),
    )


async def standing(rig: Rig) -> dict[str, Any]:
    """All that the floor is, as plain values."""

    def look(reader: Any) -> dict[str, Any]:
        floor = Standing(reader, AGENTS, rig.clock.now())
        lines = {}
        for lane in floor.lanes():
            line, head = [], floor.first(lane)
            while head is not None:
                line.append(head.id)
                head = floor.first(lane, head)
            lines[lane.key] = line
        agents = {a.id: (a.presence, a.load) for a in floor.agents()}
        held = {
            name: sorted((hold.waiting.id, hold.accepted) for hold in floor.held(name))
            for name in AGENTS
        }
        return {"lines": lines, "agents": agents, "held": held}

    return await rig.store.read(look)


def as_seen(memory: Memory) -> dict[str, Any]:
    lines = {}
    for lane in memory.lanes():
        line, head = [], memory.first(lane)
        while head is not None:
            line.append(head.id)
            head = memory.first(lane, head)
        lines[lane.key] = line
    held = {
        name: sorted((hold.waiting.id, hold.accepted) for hold in memory.held(name))
        for name in AGENTS
    }
    agents = {a.id: (a.presence, a.load) for a in memory.agents()}
    return {"lines": lines, "agents": agents, "held": held}


class Both:
    """The same happens to a floor in memory and to one on a database."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.draw = rig, Random(seed)
        self.memory, self.routing = Memory(AGENTS.values()), Routing(QUEUES)
        self.floor = floor_on(rig)
        self.alive: list[str] = []
        self.number = 0
        self.done: Counter[str] = Counter()

    def on(self, event: Any) -> None:
        self.memory.at(self.rig.clock.now())
        self.routing.on(self.memory, event, self.rig.clock.now())
        self.done[type(event).__name__] += 1

    async def step(self) -> None:
        kind = self.draw.choice(
            [self.arrives, self.arrives, self.says, self.answers, self.answers, self.finishes,
             self.takes, self.passes]
        )  # fmt: skip
        await kind()
        assert await standing(self.rig) == as_seen(self.memory)

    async def arrives(self) -> None:
        self.number += 1
        name, lane, priority = (
            f"n{self.number:03}",
            self.draw.choice(LANES),
            self.draw.choice([3, 5]),
        )
        await wait(self.rig, name, lane, priority)
        await self.floor.look()
        since = self.rig.clock.now()
        self.alive.append(f"{name}.q")
        self.on(Arrived(Waiting(f"{name}.q", lane, since + rank(0.0, priority), since)))

    async def says(self) -> None:
        agent = self.draw.choice([*AGENTS])
        presence = self.draw.choice(
            [Presence.ONLINE, Presence.ONLINE, Presence.AWAY, Presence.OFFLINE]
        )
        await self.floor.be(agent, presence)
        self.on(Came(agent, presence))

    async def answers(self) -> None:
        offers = [
            (h.waiting.id, name)
            for name in AGENTS
            for h in self.memory.held(name)
            if not h.accepted
        ]
        if offers:
            inquiry, agent = self.draw.choice(sorted(offers))
            accept = self.draw.random() < 0.6
            await (self.floor.accept if accept else self.floor.decline)(inquiry, agent)
            self.on((Accepted if accept else Declined)(inquiry, agent))

    async def finishes(self) -> None:
        hands = [
            (h.waiting.id, name) for name in AGENTS for h in self.memory.held(name) if h.accepted
        ]
        if hands:
            inquiry, agent = self.draw.choice(sorted(hands))
            self.alive.remove(inquiry)
            desk = self.rig.desk(finished=self.floor.finished)
            await desk.resolve(inquiry, agent)
            self.on(Finished(inquiry, agent))

    async def takes(self) -> None:
        waiting = [name for name in self.alive if self.memory.waits(name)]
        agent = self.draw.choice([*AGENTS])
        if waiting and self.memory.agent(agent).presence is not Presence.OFFLINE:
            inquiry = self.draw.choice(waiting)
            await self.floor.take(inquiry, agent)
            self.on(Taken(inquiry, agent))

    async def passes(self) -> None:
        self.rig.clock.advance(self.draw.choice([5.0, 31.0, 70.0, 400.0]))
        now = self.rig.clock.now()
        silent = self.draw.random() < 0.3
        if not silent:
            await self.rig.store.write(
                lambda tx: [tx.run("routing.seen", id=name, at=now) for name in AGENTS]
            )
        seen = {
            row["id"]: row["seen_at"]
            for row in await select(self.rig.store, "SELECT id, seen_at FROM agents")
        }
        gone = [
            name for name, at in sorted(seen.items())
            if at < now - 60.0 and self.memory.agent(name).presence is not Presence.OFFLINE
        ]  # fmt: skip
        over = sorted(
            {
                h.waiting.id
                for n in AGENTS
                for h in self.memory.held(n)
                if not h.accepted and h.until <= now
            }
        )
        await self.floor.look()
        await self.nothing_is_with_who_is_gone()
        for event in [*map(Vanished, gone), *map(Expired, over), Looked()]:
            self.on(event)

    async def nothing_is_with_who_is_gone(self) -> None:
        """Neither in hand nor offered, once somebody has looked: of whom nothing was heard for the lease."""
        before = self.rig.clock.now() - 60.0
        silent = await select(self.rig.store, f"SELECT id FROM agents WHERE seen_at < {before}")
        seen = await standing(self.rig)
        for row in silent:
            assert seen["agents"][row["id"]] == (Presence.OFFLINE, 0)
            assert not seen["held"][row["id"]]


@pytest.mark.parametrize("seed", range(3))
async def test_the_floor_on_a_database_is_the_floor_in_memory(rig: Rig, seed: int) -> None:
    await a_day(rig, seed, steps=60)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3, 11))
async def test_the_floor_on_a_database_is_the_floor_in_memory_for_long(rig: Rig, seed: int) -> None:
    await a_day(rig, seed, steps=150)


async def a_day(rig: Rig, seed: int, *, steps: int) -> None:
    """Compared after each step; everything that there is to compare happens."""
    both = Both(rig, seed)
    for _ in range(steps):
        await both.step()
    assert {"Arrived", "Came", "Accepted", "Declined", "Finished", "Taken"} <= set(both.done)


async def test_of_two_who_take_at_once_one_wins_and_the_other_is_told(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    """At two stores as of two processes; on plain ones, since what runs twice cannot race."""
    async with engine.plain() as other:
        one, two = floor_on(rig, store), floor_on(rig, other)
        for turn in range(50):
            name = f"t{turn:02}"
            await wait(rig, name)
            outcomes = await asyncio.gather(
                one.take(name, "ann"), two.take(name, "bo"), return_exceptions=True
            )
            won = [outcome for outcome in outcomes if outcome == name]
            assert len(won) == 1, outcomes
            (lost,) = [outcome for outcome in outcomes if outcome != name]
            assert isinstance(lost, NotAllowed | Conflict), lost
            owner = await value(store, f"SELECT assigned_to FROM inquiries WHERE number = '{name}'")
            assert owner in str(lost) or "no longer" in str(lost)


async def test_agents_who_ask_for_the_next_at_once_get_one_each(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    async with engine.plain() as other:
        one, two = floor_on(rig, store), floor_on(rig, other)
        for turn in range(30):
            await wait(rig, f"a{turn:02}")
            await wait(rig, f"b{turn:02}")
            got = await asyncio.gather(one.next("ann"), two.next("bo"))
            assert sorted(map(str, got)) == [f"a{turn:02}", f"b{turn:02}"]


async def test_the_next_is_the_oldest_that_the_agent_can_take(rig: Rig) -> None:
    floor = floor_on(rig)
    await wait(rig, "needs-zh", Lane.of("pay", {"zh": 2}))
    rig.clock.advance(1.0)
    await wait(rig, "anybody", Lane("pay"))
    assert await floor.next("bo") == "anybody"
    assert await floor.next("ann") == "needs-zh"
    assert await floor.next("ann") is None


async def test_an_offer_is_explained_in_the_log(rig: Rig) -> None:
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1", Lane.of("pay", {"zh": 2}))
    assert await floor.look() == 1
    (data,) = await rig.events("inquiry.offered")
    assert data["agent"] == "ann"
    assert data["considered"] == [["bo", "offline"]]
    assert data["until"] == rig.clock.now() + 60.0


async def test_what_a_silent_agent_had_is_offered_to_others_within_the_lease(rig: Rig) -> None:
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    await floor.look()
    await floor.accept("n1", "ann")
    await floor.be("bo", Presence.ONLINE)
    rig.clock.advance(59.0)
    await floor.alive("bo")
    await floor.look()
    assert await value(rig.store, "SELECT assigned_to FROM inquiries") == "ann"
    rig.clock.advance(2.0)
    await floor.look()
    assert await floor.alive("bo") == ["n1"]
    with pytest.raises(NotAllowed, match="was given to others"):
        await floor.alive("ann")


async def test_who_writes_again_after_the_agent_left_does_not_wait_for_them(rig: Rig) -> None:
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    await floor.look()
    await floor.accept("n1", "ann")
    await floor.be("ann", Presence.OFFLINE)
    await put(
        rig.store,
        moved(
            "n1",
            InquiryState.ASSIGNED,
            version=await version_of(rig),
            assigned_to="ann",
            queue=None,
        ),
    )
    await floor.be("bo", Presence.ONLINE)
    await floor.look()
    assert await floor.alive("bo") == ["n1"]


async def version_of(rig: Rig) -> int:
    return int(await value(rig.store, "SELECT version FROM inquiries"))


async def test_what_is_handed_on_waits_at_the_place_of_its_age_and_does_not_come_back(
    rig: Rig,
) -> None:
    floor = floor_on(rig)
    await wait(rig, "n1")
    rig.clock.advance(100.0)
    await floor.take("n1", "ann")
    await wait(rig, "n2", Lane("cards"))
    await floor.transfer("n1", "ann", "cards")
    seen = await standing(rig)
    assert seen["lines"] == {"cards|1|": ["n1.q", "n2.q"]}
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == ["n2"]


async def test_a_name_that_is_not_in_the_settings_is_refused(rig: Rig) -> None:
    with pytest.raises(NobodyKnown, match=r"'nina' in the settings .ann, bo, chen."):
        await floor_on(rig).be("nina", Presence.ONLINE)
