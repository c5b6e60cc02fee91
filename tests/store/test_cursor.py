"""Whoever follows the event log by number sees every event once and in one order, whatever commits
late, rolls back, dies or wakes up again meanwhile.

`GATEWAY_PROOF=1` runs more and longer rounds.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import NotFound, StoreAway
from gateway.domain.plan import LogEvent
from gateway.domain.store import Store, Tx
from gateway.store import connection, leader
from gateway.store.leader import LEASE_SECONDS, NAME, Sealer
from gateway.testing.world import LogLines
from gateway.world import SystemClock
from tests.store.engines import PostgresEngine, select, value, verified
from tests.store.units import Held, logged

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("GATEWAY_PROOF"))
INQUIRIES = 6
#: Seconds within which another process must lead.
MOVED = 10.0


@dataclass
class Reader:
    """Follows the log with a cursor, as a projection does."""

    store: Store
    seen: list[tuple[int, str]] = field(default_factory=list)

    async def follow(self) -> None:
        while True:
            if not await self.step():
                await asyncio.sleep(0.02)

    async def step(self) -> int:
        after = self.seen[-1][0] if self.seen else 0
        try:
            rows = await self.store.read(lambda r: r.all("events.after", seq=after, n=7))
        except StoreAway:
            return 0
        self.seen += [(row["seq"], row["id"]) for row in rows]
        return len(rows)


@dataclass
class Writers:
    """Units of work of random length on several stores: 1 to 5 events each, some roll back.

    The units of one inquiry follow each other, as its rows make them; those of different ones meet.
    """

    stores: list[Any]
    seed: int
    stored: dict[str, list[str]] = field(default_factory=dict)
    """Inquiry → ids in the order of logging."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        await asyncio.gather(*(self._inquiry(f"q{n}") for n in range(INQUIRIES)))

    async def _inquiry(self, name: str) -> None:
        draw = random.Random(f"{self.seed} {name}")
        ids, turn = self.stored.setdefault(name, []), 0
        while not self.stop.is_set():
            turn += 1
            made = [f"{name}.{turn:05d}.{part}" for part in range(draw.randint(1, 5))]
            pauses = [draw.choice((0.0, 0.0, 0.002, 0.03)) for _ in made]
            fails = draw.random() < 0.2
            try:
                await draw.choice(self.stores).write(_unit(name, made, pauses, fails=fails))
            except NotFound:
                continue
            ids += made
            await asyncio.sleep(draw.choice((0.0, 0.02, 0.05)))


def _unit(inquiry: str, ids: list[str], pauses: list[float], *, fails: bool) -> Any:
    def work(tx: Tx) -> None:
        tx.run("meta.remember", account="q", key=inquiry, value=ids[0])
        for id_, pause in zip(ids, pauses, strict=True):
            tx.log(LogEvent(id_, "test.happened", 1.0, inquiry))
            time.sleep(pause)
        if fails:
            raise NotFound("rolled back")

    return work


@asynccontextmanager
async def candidate(url: str, owner: str, kill_at: str = "") -> AsyncIterator[Any]:
    environ = {**os.environ, **({"GATEWAY_KILL_AT": kill_at} if kill_at else {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.candidate", url, owner,
        cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def led(store: Any, *owners: str) -> float:
    """Wait until one of them leads and seals; the seconds that took."""
    began = time.monotonic()
    count = "SELECT COUNT(*) FROM events WHERE seq IS NOT NULL"
    async with asyncio.timeout(2 * MOVED):
        while True:
            row = await store.read(lambda r: r.one("leases.who", name=NAME))
            if row is not None and row["owner"] in owners:
                break
            await asyncio.sleep(0.02)
        before = await value(store, count)
        while await value(store, count) == before:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


def proved(readers: list[Reader], writers: Writers) -> None:
    expected = [id_ for ids in writers.stored.values() for id_ in ids]
    for reader in readers:
        assert [seq for seq, _ in reader.seen] == [*range(1, len(expected) + 1)], "a gap, or twice"
        assert reader.seen == readers[0].seen, "two readers saw different orders"
    order = [id_ for _, id_ in readers[0].seen]
    assert sorted(order) == sorted(expected)
    for name, ids in writers.stored.items():
        assert [id_ for id_ in order if id_.startswith(f"{name}.")] == ids


async def test_every_reader_sees_every_event_once_and_in_one_order(
    postgres_only: PostgresEngine,
) -> None:
    """The leader dies in the middle of a batch; the next one is frozen past its lease and goes on."""
    url, moved = postgres_only.url, []
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(postgres_only.plain()) for _ in range(3)]
        writers = Writers(stores, seed=int(time.time()) if LONG else 3)
        readers = [Reader(store) for store in stores]
        following = [asyncio.create_task(reader.follow()) for reader in readers]
        writing = asyncio.create_task(writers.run())

        first = await stack.enter_async_context(candidate(url, "first", "seal.before:5"))
        others = dict(
            zip(
                ("second", "third"),
                await asyncio.gather(
                    stack.enter_async_context(candidate(url, "second")),
                    stack.enter_async_context(candidate(url, "third")),
                ),
                strict=True,
            )
        )
        assert await first.wait() == -signal.SIGKILL
        moved.append(await led(stores[0], *others))
        for _ in range(8 if LONG else 1):
            asleep = (await stores[0].read(lambda r: r.one("leases.who", name=NAME)))["owner"]
            (awake,) = {*others} - {asleep}
            others[asleep].send_signal(signal.SIGSTOP)
            moved.append(await led(stores[0], awake))
            others[asleep].send_signal(signal.SIGCONT)
            await asyncio.sleep(0.5)
            assert [process.returncode for process in others.values()] == [None, None]

        writers.stop.set()
        await writing
        total = await verified(stores[0])
        async with asyncio.timeout(60):
            while any(len(reader.seen) < total for reader in readers):
                await asyncio.sleep(0.01)
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        late = Reader(stores[1])
        while await late.step():
            pass
        proved([*readers, late], writers)
        assert total > 200
        assert max(moved) < MOVED
        assert (await stores[0].read(lambda r: r.one("leases.who", name=NAME)))["fence"] >= 3


async def test_a_leader_frozen_in_the_middle_of_a_batch_writes_nothing_of_it(
    postgres_only: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock of its lease; the server ends its session, and another one leads."""
    held = Held()
    async with postgres_only.plain() as store, postgres_only.plain() as other:
        monkeypatch.setitem(connection._BOUNDS, "idle_in_transaction_session_timeout", 1000)
        monkeypatch.setattr(leader, "LEASE_SECONDS", 1.0)
        monkeypatch.setattr(leader, "RENEW_SECONDS", 0.2)
        old = leader.Sealer(store, "old", SystemClock(), LogLines())
        new = leader.Sealer(other, "new", SystemClock(), LogLines())
        assert await old.once() == 0
        await other.write(logged("e1"))
        reach = leader.steps.reach
        monkeypatch.setattr(
            leader.steps, "reach", lambda step: held(None) if step == "seal.before" else reach(step)
        )
        frozen = asyncio.create_task(old.once())
        await asyncio.to_thread(held.entered.wait, 10)
        monkeypatch.setattr(leader.steps, "reach", reach)
        leading = asyncio.create_task(new.run())
        async with asyncio.timeout(MOVED):
            while new.sealed == 0:
                await asyncio.sleep(0.02)
        held.release.set()
        (outcome,) = await asyncio.gather(frozen, return_exceptions=True)
        assert isinstance(outcome, leader.leases.LeaseLost)
        await other.write(logged("e2"))
        assert await verified(other) == 2
        assert [row["id"] for row in await select(other, "SELECT id FROM events ORDER BY seq")] == [
            "e1",
            "e2",
        ]
        leading.cancel()
        await asyncio.wait([leading])


async def test_a_leader_that_stops_in_order_is_followed_before_its_lease_runs_out(
    postgres_only: PostgresEngine,
) -> None:
    async with postgres_only.plain() as store, candidate(postgres_only.url, "first") as first:
        writers = Writers([store], seed=5)
        writing = asyncio.create_task(writers.run())
        await led(store, "first")
        following = Sealer(store, "next", SystemClock(), LogLines())
        leading = asyncio.create_task(following.run())
        first.terminate()
        assert await led(store, "next") < LEASE_SECONDS
        writers.stop.set()
        await writing
        assert await verified(store) == sum(map(len, writers.stored.values()))
        leading.cancel()
        await asyncio.wait([leading])
