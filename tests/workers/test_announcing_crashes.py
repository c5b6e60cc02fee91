"""However often whoever does it dies, at whatever instant: everybody is told once, and nobody twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.domain.decision import Verb
from gateway.domain.plan import FlagHandle, Plan
from gateway.domain.store import Reader, Tx
from gateway.workers.lanes import LANE_SECONDS
from tests.store.engines import Engine, Twice, select, value
from tests.store.rows import put
from tests.workers.announced import HOUR, announce, end, inquiries, outcomes, over_texts, told
from tests.workers.rig import Rig, decision

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
CUSTOMERS = 10
#: In the order in which one process after the other gets further.
KILLS = (
    "timer.before", "timer.after", "lane.claimed", "plan.made", "apply.before", "commit.before:2",
    "apply.after",
)  # fmt: skip


class Died(BaseException):
    """The process is gone: nothing in it runs on."""


class Mortal:
    """The store as a process sees it that dies before or after a commit, by chance."""

    def __init__(self, store: Twice, chance: random.Random) -> None:
        self.store, self.chance = store, chance
        self.shared = store.shared

    async def write(self, work: Callable[[Tx], T]) -> T:
        fate = self.chance.random()
        if fate < 0.12:
            raise Died
        done = await self.store.write(work)
        if fate > 0.88:
            raise Died
        return done

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self.store.read(query)


async def touched(rig: Rig, chance: random.Random) -> None:
    """Customers with the announcement, in all the states that there are."""
    await announce(rig)
    for number in range(CUSTOMERS):
        helped = chance.random() < 0.5
        rig.answerer.usual = decision(Verb.ANSWER if helped else Verb.ROUTE, "Do this.")
        await rig.message("hello", sender=f"u{number:02}", account=chance.choice(["app", "sms"]))
        await rig.drain()
    for row in await inquiries(rig):
        match chance.randrange(6):
            case 0 if row["state"] == "queued":
                await rig.desk().claim(row["number"], "ann")
            case 1 if row["state"] == "queued":
                await rig.desk().resolve(row["number"], "ann")
    handles = await select(rig.store, "SELECT id FROM handles ORDER BY id")
    for handle in chance.sample(handles, 2):
        await put(rig.store, Plan("x", (FlagHandle(handle["id"], "opted_out"),)))


async def a_life(rig: Rig, chance: random.Random, number: int) -> None:
    """One process: it works, until it dies."""
    store: Any = Mortal(rig.store, chance)
    timers, pipeline = rig.timers(), rig.pipeline(owner=f"life{number}", store=store)
    timers.store = store
    for _ in range(6):
        await (timers if chance.random() < 0.4 else pipeline).once()
        rig.clock.advance(0.5)
        if chance.random() < 0.2:
            await rig.message("still there?", sender=f"u{chance.randrange(CUSTOMERS):02}")


@pytest.mark.parametrize("seed", range(4))
async def test_everybody_is_told_exactly_once_whoever_dies_where(rig: Rig, seed: int) -> None:
    chance = random.Random(seed)
    await touched(rig, chance)
    linked = set(await outcomes(rig))
    assert len(linked) == CUSTOMERS
    if chance.random() < 0.5:
        await end(rig)
    else:
        rig.clock.advance(HOUR)
    deaths = 0
    for number in range(15):
        try:
            await a_life(rig, chance, number)
        except Died:
            deaths += 1
            rig.clock.advance(LANE_SECONDS + 1)
    assert deaths > 1, "the chances were meant to be worse"
    rig.clock.advance(LANE_SECONDS + 1)
    await told(rig)
    became = await outcomes(rig)
    assert set(became) == linked
    assert "" not in became.values()
    assert await over_texts(rig) == sorted(who for who, how in became.items() if how == "told")
    assert {"told", "opted_out"} <= set(became.values())


@pytest.mark.proof
async def test_killed_at_any_step_it_is_told_once(engine: Engine) -> None:
    async with engine.opened() as store:
        rig = Rig(Twice(store))
        rig.think()
        rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
        await announce(rig)
        for number in range(20):
            await rig.message("hello", sender=f"u{number:02}")
        await rig.drain()
        await end(rig)
    for number, step in enumerate(KILLS):
        seconds = 60.0 * (number + 1)  # the leases of the dead have run out
        assert await asyncio.to_thread(_tell, engine.database, seconds, step) == -signal.SIGKILL, (
            step
        )
    assert await asyncio.to_thread(_tell, engine.database, 6000.0) == 0
    async with engine.opened() as store:
        rig = Rig(Twice(store))
        assert set((await outcomes(rig)).values()) == {"told"}
        assert await over_texts(rig) == [f"u{number:02}" for number in range(20)]
        assert await value(store, "SELECT COUNT(*) FROM quarantine") == 0


def _tell(database: str, seconds: float, kill_at: str = "") -> int:
    environ = {**os.environ, **({"GATEWAY_KILL_AT": kill_at} if kill_at else {})}
    words = [sys.executable, "-m", "tests.workers.telling", database, str(seconds)]
    done = subprocess.run(words, cwd=ROOT, env=environ, timeout=60, check=False)
    return done.returncode
