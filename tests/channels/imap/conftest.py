"""A Dovecot, a mailbox of ours on it, and a proxy that can cut the line between them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from channels._sim_letters import compose
from channels.imap import ImapMailbox, ImapSettings
from channels.imap import channel as imap_channel
from gateway.domain.channel import ChannelEvent, RawMail
from gateway.testing.clock import FakeClock
from gateway.testing.world import TestWorld, build_world
from tests.channels.imap.dovecot import PASSWORD, Dovecot, start


@dataclass
class Inbox:
    """A sink that keeps what it gets, after raising what it is told to."""

    mails: list[RawMail] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def accept(self, event: ChannelEvent | RawMail) -> None:
        assert isinstance(event, RawMail)
        if self.failures:
            raise self.failures.pop(0)
        async with self.news:
            self.mails.append(event)
            self.news.notify_all()

    async def subjects(self, count: int, seconds: float = 15.0) -> list[str]:
        """Wait for that many mails; what they are about."""
        async with asyncio.timeout(seconds), self.news:
            await self.news.wait_for(lambda: len(self.mails) >= count)
        return [subject(mail.data) for mail in self.mails]


class Proxy:
    """Passes bytes on, keeps what the client said, and cuts where it is told to."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.said = bytearray()
        self.connections = 0
        self.cut_after: int | None = None
        """Bytes from the server, counted from now, after which the line is cut, once."""
        self._target = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            up = asyncio.create_task(self._up(reader, back))
            try:
                await self._down(there, writer)
            finally:
                up.cancel()
                writer.transport.abort()
                back.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            self.said += data
            writer.write(data)
        writer.transport.abort()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if self.cut_after is not None:
                self.cut_after -= len(data)
                if self.cut_after <= 0:
                    self.cut_after = None
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
            writer.write(data)
            await writer.drain()


@dataclass
class Following:
    """A mailbox under test."""

    channel: ImapMailbox
    inbox: Inbox
    world: TestWorld
    task: "asyncio.Task[None]"

    async def until_read(self) -> None:
        """Wait until every folder has been gone through."""
        async with asyncio.timeout(15):
            while not all(reader.rounds for reader in self.channel.readers):
                assert not self.task.done()
                await asyncio.sleep(0.01)

    async def until_kept(self, taken: int) -> None:
        """Wait until the place in the inbox says that so many mails are stored."""
        async with asyncio.timeout(15):
            while (place := await self.channel.readers[0].place()) is None or place.taken < taken:
                assert not self.task.done()
                await asyncio.sleep(0.01)


def letter(about: str, *, size: int = 0, **changes: Any) -> bytes:
    text = f"text of {about}\n" + "\n".join(["0123456789" * 7] * (size // 71))
    return compose("anna@mail.example", "support@pay.example", about, text, **changes)


def subject(data: bytes) -> str:
    line = next(line for line in data.splitlines() if line.lower().startswith(b"subject: "))
    return line[9:].decode()


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[list[Dovecot]]:
    """Started by the first test that needs it, for all of them."""
    started: list[Dovecot] = []
    yield started
    for dovecot in started:
        dovecot.stop()


@pytest.fixture
def server(shared_server: list[Dovecot], needs_tool: Callable[[str], str]) -> Dovecot:
    if not shared_server:
        shared_server.append(start(needs_tool))
    shared_server[0].furnish_mailbox(f"box{next(_numbers)}@pay.example")
    return shared_server[0]


@pytest.fixture
def world() -> TestWorld:
    return build_world("box", clock=FakeClock(time.time()))


@pytest.fixture
def settings(server: Dovecot) -> dict[str, Any]:
    return {
        "address": "support@pay.example",
        "user": server.user,
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "password": PASSWORD,
        # A test of a push must not be helped by a poll.
        "poll_seconds": 3600.0,
        "timeout": 5.0,
    }


@pytest.fixture
def following(
    settings: dict[str, Any], world: TestWorld, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[Following]]:
    """Follows the mailbox until the block ends."""
    monkeypatch.setattr(imap_channel, "_FIRST_PAUSE", 0.02)

    @asynccontextmanager
    async def run(*, failures: Any = (), **changes: Any) -> AsyncIterator[Following]:
        channel = ImapMailbox.from_account(ImapSettings(**(settings | changes)), world)
        inbox, ready = Inbox(failures=list(failures)), asyncio.Event()
        task = asyncio.create_task(channel.serve(inbox, lambda _: ready.set()))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            task.result()
        try:
            yield Following(channel, inbox, world, task)
        finally:
            task.cancel()
            await asyncio.wait({task})
            await channel.close()

    return run
