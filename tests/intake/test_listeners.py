"""Listeners are begun again when they end, and of several processes one reads a mailbox."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import listeners, turns
from gateway.domain.channel import Capabilities, Sink
from gateway.domain.errors import SettingsError
from gateway.listeners import listening
from gateway.store import leases
from gateway.testing.clock import FakeClock
from gateway.turns import end
from tests.store.engines import PostgresEngine, SqliteEngine


class Box:
    """A listener whose sessions a test watches and ends."""

    def __init__(self, *, exclusive: bool = False, **trouble: Exception) -> None:
        self.capabilities = Capabilities("email", 1000, exclusive=exclusive)
        self.refuses = trouble.get("refuses")
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.sessions: list[asyncio.Future[None]] = []
        self.open = 0

    async def serve(self, sink: Sink, ready: Callable[[str], None]) -> None:
        if self.refuses is not None:
            raise self.refuses
        ready("127.0.0.1:25")
        session = asyncio.get_running_loop().create_future()
        self.sessions.append(session)
        self.open += 1
        self.begun.put_nowait(len(self.sessions))
        try:
            await session
        finally:
            self.open -= 1


def gateway(store: Any, owner: str, clock: FakeClock, **boxes: Box) -> Any:
    return SimpleNamespace(
        store=store, owner=owner, clock=clock, intake=None, channels=boxes, addresses={}
    )


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(turns, "RENEW_SECONDS", 0.01)


@pytest.mark.usefixtures("brisk")
async def test_a_listener_that_ends_is_begun_again(sqlite_only: SqliteEngine) -> None:
    box = Box(exclusive=True)
    async with sqlite_only.opened() as store:
        one = gateway(store, "a", FakeClock(), box=box)
        tasks = await listening(one)
        assert one.addresses == {"box": "127.0.0.1:25"}
        await box.begun.get()
        box.sessions[0].set_exception(RuntimeError("a fault of the channel"))
        await box.begun.get()
        box.sessions[1].set_result(None)
        await box.begun.get()
        assert box.open == 1
        await end(tasks)
    assert box.open == 0


async def test_a_listener_that_cannot_be_bound_keeps_the_gateway_from_starting(
    sqlite_only: SqliteEngine,
) -> None:
    first, second = Box(), Box(refuses=SettingsError("the port is taken"))
    async with sqlite_only.opened() as store:
        with pytest.raises(SettingsError, match="the port is taken"):
            await listening(gateway(store, "a", FakeClock(), first=first, second=second))
    assert first.open == 0, "what was bound before it is given back"


@pytest.mark.usefixtures("brisk")
async def test_of_several_processes_one_reads_a_mailbox_and_another_goes_on_when_it_stops(
    postgres_only: PostgresEngine,
) -> None:
    first, second, clock = Box(exclusive=True), Box(exclusive=True), FakeClock()
    async with postgres_only.plain() as store:
        tasks = await listening(gateway(store, "a", clock, box=first))
        await first.begun.get()
        others = await listening(gateway(store, "b", clock, box=second))
        await asyncio.sleep(0.1)
        assert (first.open, second.open) == (1, 0)
        await end(tasks)
        await asyncio.wait_for(second.begun.get(), 10)
        assert (first.open, second.open) == (0, 1)
        await end(others)


@pytest.mark.usefixtures("brisk")
async def test_the_mailbox_of_a_dead_process_is_read_once_its_lease_has_run_out(
    postgres_only: PostgresEngine,
) -> None:
    box, clock = Box(exclusive=True), FakeClock()
    async with postgres_only.plain() as store:
        now = clock.now()
        await store.write(lambda tx: leases.take(tx, "listener:box", "dead", now, 30))
        tasks = await listening(gateway(store, "b", clock, box=box))
        await asyncio.sleep(0.1)
        assert box.open == 0
        clock.advance(30)
        await asyncio.wait_for(box.begun.get(), 10)
        await end(tasks)


@pytest.mark.usefixtures("brisk")
async def test_who_lost_its_mailbox_while_it_was_frozen_stops_reading(
    postgres_only: PostgresEngine,
) -> None:
    box, clock = Box(exclusive=True), FakeClock()
    async with postgres_only.plain() as store:
        tasks = await listening(gateway(store, "frozen", clock, box=box))
        await box.begun.get()
        later = clock.now() + turns.LEASE_SECONDS
        await store.write(lambda tx: leases.take(tx, "listener:box", "other", later, 30))
        async with asyncio.timeout(10):
            while box.open:
                await asyncio.sleep(0.01)
        clock.advance(turns.LEASE_SECONDS + 30)
        await asyncio.wait_for(box.begun.get(), 10)
        await end(tasks)
