"""A mail server outside, and a mailbox of ours that uses it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels._sim_email import MailPeer
from channels.email import Email, EmailSettings
from gateway.domain.channel import ChannelEvent, RawMail
from gateway.testing.world import TestWorld, build_world


@dataclass
class Inbox:
    """A sink that keeps what it gets, after raising what it is told to."""

    mails: list[RawMail] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None
    """When set, `accept` waits for it: a slow commit."""

    async def accept(self, event: ChannelEvent | RawMail) -> None:
        assert isinstance(event, RawMail)
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.mails.append(event)


@dataclass
class Running:
    """A listener under test."""

    inbox: Inbox
    host: str
    port: int
    task: "asyncio.Task[None]"
    world: TestWorld


@pytest.fixture
async def peer() -> AsyncIterator[MailPeer]:
    async with MailPeer() as running:
        yield running


@pytest.fixture
def world() -> TestWorld:
    return build_world("support")


@pytest.fixture
async def mailbox(peer: MailPeer, world: TestWorld) -> AsyncIterator[Callable[..., Email]]:
    """Makes a channel that sends through the peer."""
    made: list[Email] = []

    def make(**changes: Any) -> Email:
        settings = EmailSettings(**(peer.account_settings() | {"smtp_timeout": 5.0} | changes))
        made.append(Email.from_account(settings, world))
        return made[-1]

    yield make
    for channel in made:
        await channel.close()


@pytest.fixture
def listening(world: TestWorld) -> Callable[..., AbstractAsyncContextManager[Running]]:
    """Runs a listener on a free port."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[Running]:
        values = {"address": "support@pay.example", "listen": "127.0.0.1:0"} | changes
        inbox, bound = Inbox(), asyncio.get_running_loop().create_future()
        channel = Email.from_account(EmailSettings(**values), world)
        task = asyncio.create_task(channel.serve(inbox, bound.set_result))
        await asyncio.wait({task, bound}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        host, _, port = (await bound).rpartition(":")
        yield Running(inbox, host, int(port), task, world)
        task.cancel()
        await asyncio.wait({task})

    return run
