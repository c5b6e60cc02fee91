"""Agents who claim from a full queue, against units of work that change one row and no more."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.databases import databases
from benchmarks.report import Figure, say
from gateway.desk.commands import Desk
from gateway.domain.model import InquiryState, Trust
from gateway.domain.plan import ChangeInquiry, CreateContact, CreateInquiry, OpenConversation, Plan
from gateway.domain.store import Store, Tx
from gateway.store.apply import apply
from gateway.store.choose import store_for
from gateway.world import MonotonicIds, SystemClock

WAITING = 2000
AGENTS = 8
ROUNDS = 3
QUEUE = "general"


def _waiting(name: str, number: int) -> Plan:
    """One inquiry of its own customer that waits."""
    return Plan(
        name,
        (
            CreateContact(f"{name}.c", f"{name}.h", "http", name, "", Trust.CLAIMED, "en"),
            OpenConversation(f"{name}.v", "load", f"{name}.h"),
            CreateInquiry(
                f"{name}.q", name, f"{name}.v", f"{name}.c", "demo", "load", "http", "", "en"
            ),
            ChangeInquiry(
                f"{name}.q", version=1, state=InquiryState.QUEUED, queue=QUEUE, priority=number % 3
            ),
        ),
    )


async def _fill(store: Store, run: int) -> None:
    def work(first: int) -> Callable[[Tx], None]:
        plans = [_waiting(f"{run}-{n}", n) for n in range(first, min(first + 50, WAITING))]
        return lambda tx: [apply(tx, plan, 1.0 + n) for n, plan in enumerate(plans)] and None

    for first in range(0, WAITING, 50):
        await store.write(work(first))


async def _each(agents: int, act: Callable[[int], Awaitable[bool]]) -> float:
    """Successes per second, until the first agent finds nothing more to do."""
    done = 0

    async def agent(number: int) -> None:
        nonlocal done
        while await act(number):
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(agent(number) for number in range(agents)))
    return done / (time.perf_counter() - started)


async def _claims(store: Store) -> float:
    desk = Desk(store, {}, apply, SystemClock(), MonotonicIds(), 3600.0)

    async def claim(agent: int) -> bool:
        return await desk.claim_next(QUEUE, f"agent-{agent}") is not None

    return await _each(AGENTS, claim)


async def _bare(store: Store, number: int) -> float:
    left = itertools.count(number, -1)

    async def change(agent: int) -> bool:
        if next(left) <= 0:
            return False
        await store.write(
            lambda tx: tx.run("meta.remember", account=f"agent-{agent}", key="claim", value="1")
        )
        return True

    return await _each(AGENTS, change)


async def _compare(database: str, rounds: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = store_for(database, Path(folder))
        await store.open()
        try:
            pairs = []
            for run in range(rounds + 1):
                await _fill(store, run)
                pair = (await _claims(store), await _bare(store, WAITING))
                if run:  # the first round warms up
                    pairs.append(pair)
        finally:
            await store.close()
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    return pairs[len(pairs) // 2]


def claim(rounds: int = ROUNDS) -> list[Figure]:
    """Eight agents empty a queue of 2,000, on both databases."""
    figures = []
    with databases() as settings:
        for suffix, database in settings.items():
            rate, limit = asyncio.run(_compare(database, int(rounds)))
            figures.append(Figure(f"claim{suffix}", rate, "1/s", limit, rate / limit))
            say(f"claim{suffix}: {rate:.0f}/s, one changed row {limit:.0f}/s")
    return figures
