"""A process's turn at what only one of several may do for an account: read a mailbox, ask for news."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.store import Store
from gateway.domain.world import Clock
from gateway.store import leases

#: Seconds a turn is held, and between renewals. Two at once do no harm but double work, so there is
#: no fence: what both take in is one message by its key.
LEASE_SECONDS, RENEW_SECONDS = 30.0, 10.0
#: Seconds that what is ended gets for its open sessions.
STOP_SECONDS = 4.0


@dataclass(slots=True)
class Turn:
    """This process's turn at `name`."""

    store: Store
    clock: Clock
    owner: str
    name: str
    _until: float = field(default=0.0)

    async def ours(self) -> bool:
        """Take or keep the lease. While the database is away it is ours until it runs out: nobody
        else can take it then, and what comes in waits for the database."""
        now = self.clock.now()
        try:
            fence = await self.store.write(
                lambda tx: leases.take(tx, self.name, self.owner, now, LEASE_SECONDS)
            )
        except GatewayError:
            return now < self._until
        self._until = 0.0 if fence is None else now + LEASE_SECONDS
        return fence is not None

    async def leave(self) -> None:
        """Others need not wait for the lease to run out."""
        self._until = 0.0
        with suppress(GatewayError, TimeoutError):  # then it runs out by itself
            async with asyncio.timeout(1.0):
                await self.store.write(lambda tx: leases.drop(tx, self.name, self.owner))

    async def keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it whenever the turn is ours, until it ends by itself or raises."""
        while True:
            if not await self.ours():
                await asyncio.sleep(RENEW_SECONDS)
                continue
            doing = asyncio.ensure_future(work())
            try:
                while not doing.done() and await self.ours():
                    await asyncio.wait([doing], timeout=RENEW_SECONDS)
                if doing.done():
                    return doing.result()
            finally:
                await end([doing])
                await self.leave()


async def end(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel them and wait, but not for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
