"""A real MTA in front of our LMTP listener: it keeps what we do not take, and brings it later."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from channels._sim_letters import compose
from channels.email import Email, EmailSettings
from gateway.domain.errors import StoreAway, StoreFull
from gateway.intake.accept import Accept, AccountSink
from gateway.keys import Keys
from gateway.store.blobs import FileBlobs
from gateway.testing.world import LogLines, build_world
from gateway.world import MonotonicIds, SystemClock
from tests.channels.mta.exim import Exim
from tests.crash.settings import free_port
from tests.missing import missing
from tests.store.engines import AnyStore, select, value
from tests.store.fixtures import engine, store
from tests.workers.rig import SameProcess

__all__ = ["engine", "store"]

COUNT = "SELECT COUNT(*) FROM raw_events"


@dataclass
class Mailroom:
    """The MTA, and the way in behind it."""

    mta: Exim
    store: AnyStore
    listening: Callable[[], Any]

    async def take(self, about: str, recipient: str = "support@pay.example") -> None:
        data = compose("anna@mail.example", "support@pay.example", about, "Frage")
        await asyncio.to_thread(
            self.mta.take, data, sender="anna@mail.example", recipient=recipient
        )

    async def tried(self, times: int) -> None:
        """Wait until the MTA has written down so many failures."""
        async with asyncio.timeout(20):
            while self.mta.log().count(" defer ") + self.mta.log().count(" == ") < times:
                await asyncio.sleep(0.02)

    async def stored(self, count: int) -> None:
        async with asyncio.timeout(20):
            while await value(self.store, COUNT) < count:
                await asyncio.sleep(0.02)

    async def queued(self) -> int:
        return await asyncio.to_thread(self.mta.queued)

    async def run_queue(self) -> None:
        await asyncio.to_thread(self.mta.run_queue)

    async def empty(self) -> None:
        async with asyncio.timeout(20):
            while await self.queued():
                await asyncio.sleep(0.05)


@pytest.fixture
def exim(needs_tool: Callable[[str], str]) -> Iterator[Exim]:
    with_sbin = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    program = shutil.which("exim4", path=with_sbin) or needs_tool("exim4")
    if os.geteuid() != 0:
        missing("root rights: Exim delivers only when it is started as root")
    with Exim(program, free_port()) as mta:
        yield mta


@pytest.fixture
def mailroom(store: AnyStore, exim: Exim, tmp_path: Any) -> Mailroom:
    clock, log, keys = SystemClock(), LogLines(), Keys(bytes(32))
    blobs = FileBlobs(tmp_path / "blobs", keys)
    intake = Accept(store, blobs, keys, SameProcess(), clock, MonotonicIds(), log)
    settings = EmailSettings(
        address="support@pay.example", listen=f"127.0.0.1:{exim._lmtp_port}", protocol="lmtp"
    )

    @asynccontextmanager
    async def listening() -> AsyncIterator[None]:
        channel = Email.from_account(settings, build_world("box"))
        bound = asyncio.Event()
        task = asyncio.create_task(channel.serve(AccountSink(intake, "box"), lambda _: bound.set()))
        await bound.wait()
        yield
        task.cancel()
        await asyncio.wait({task})

    return Mailroom(exim, store, listening)


async def test_a_mail_comes_through_with_its_envelope(mailroom):
    async with mailroom.listening():
        await mailroom.take("through", "support+k3.abcdefghij@pay.example")
        await mailroom.stored(1)
        await mailroom.empty()
    [row] = await select(mailroom.store, "SELECT * FROM raw_events")
    assert row["lane"] == "box|anna@mail.example"
    assert "support+k3.abcdefghij@pay.example" in row["body"]


@pytest.mark.parametrize("trouble", [StoreFull("the disk is full"), StoreAway("no database")])
async def test_what_we_answer_with_451_stays_in_the_queue_and_arrives_later(
    mailroom, monkeypatch, trouble
):
    refused = threading.Event()

    async def no_room(*_: object) -> int:
        refused.set()
        raise trouble

    async with mailroom.listening():
        with monkeypatch.context() as patched:
            patched.setattr(type(mailroom.store), "insert", no_room)
            await mailroom.take("kept")
            await mailroom.tried(1)
            assert refused.is_set()
            assert "451 4.3.0" in mailroom.mta.log()
            await mailroom.run_queue()
            assert await mailroom.queued() == 1
            assert await value(mailroom.store, COUNT) == 0
        await mailroom.run_queue()
        await mailroom.stored(1)
        await mailroom.empty()
    assert await value(mailroom.store, COUNT) == 1


async def test_a_gateway_that_is_not_there_loses_nothing(mailroom):
    for number in range(3):
        await mailroom.take(f"early {number}")
    await mailroom.tried(3)
    assert await mailroom.queued() == 3
    async with mailroom.listening():
        await mailroom.run_queue()
        await mailroom.stored(3)
        await mailroom.empty()
    assert await value(mailroom.store, COUNT) == 3


async def test_a_mail_that_was_stored_but_not_acknowledged_is_one_mail(mailroom, monkeypatch):
    """The commit is done, the answer is lost: the MTA brings it again."""
    real = Accept.mail

    async def then_lost(self: Accept, *arguments: Any) -> None:
        await real(self, *arguments)
        raise StoreAway("the connection broke behind the commit")

    async with mailroom.listening():
        with monkeypatch.context() as patched:
            patched.setattr(Accept, "mail", then_lost)
            await mailroom.take("twice")
            await mailroom.tried(1)
        assert await value(mailroom.store, COUNT) == 1
        assert await mailroom.queued() == 1
        await mailroom.run_queue()
        await mailroom.empty()
    assert await value(mailroom.store, COUNT) == 1
