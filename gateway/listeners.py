"""The listeners of the accounts: bound at the start, begun again when one ends, and only one process
at a time on a mailbox that can have only one reader."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from gateway.domain.channel import Listener
from gateway.domain.errors import GatewayError, SettingsError
from gateway.intake.accept import AccountSink
from gateway.store import leases

if TYPE_CHECKING:
    from gateway.app import Gateway

#: Seconds a mailbox is held, and between renewals. Two readers of one do no harm but double work, so
#: there is no fence: what both take in is one message by its key.
LEASE_SECONDS, RENEW_SECONDS = 30.0, 10.0
#: Seconds before a listener that ended is begun again.
AGAIN_SECONDS = 5.0
#: Seconds that listeners get for their open sessions.
STOP_SECONDS = 4.0


async def listening(gateway: "Gateway") -> list[asyncio.Task[Any]]:
    """Start the listeners; returns once each is bound, or waits for its turn at a mailbox that
    another process reads. Raises what the first of them raised."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[Any]] = []
    for name, channel in gateway.channels.items():
        if not isinstance(channel, Listener):
            continue
        bound: asyncio.Future[str] = loop.create_future()
        task = asyncio.create_task(_kept(gateway, name, channel, bound), name=f"listener {name}")
        either: list[asyncio.Future[Any]] = [task, bound]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        tasks.append(task)
        if not bound.done():
            tasks.remove(task)
            await end(tasks)
            task.result()
        gateway.addresses[name] = bound.result()
    return tasks


async def _kept(
    gateway: "Gateway", name: str, channel: Listener, bound: asyncio.Future[str]
) -> None:
    """One listener, until cancelled. What keeps it from being bound at the start is raised; later
    its end is told and it is begun again: an account that nobody listens for loses mail."""
    log = structlog.get_logger("gateway")
    exclusive = gateway.store.shared and gateway.channels[name].capabilities.exclusive

    def ready(address: str) -> None:
        gateway.addresses[name] = address
        if not bound.done():
            bound.set_result(address)

    while True:
        try:
            if exclusive:
                ready("")
                await _in_turn(gateway, name, channel, ready)
            else:
                await channel.serve(AccountSink(gateway.intake, name), ready)
            why = "it ended by itself"
        except Exception as error:
            if not bound.done():
                raise
            why = f"{type(error).__name__}: {error}"
        if not bound.done():
            msg = f"the listener of account {name!r} ended before it was bound"
            raise SettingsError(msg)
        log.error("a listener ended and is begun again", account=name, why=why)
        await asyncio.sleep(AGAIN_SECONDS)


class _Turn:
    """This process's turn at a mailbox."""

    def __init__(self, gateway: "Gateway", name: str) -> None:
        self._gateway = gateway
        self._lease = f"listener:{name}"
        self._until = 0.0

    async def ours(self) -> bool:
        """Take or keep the lease. While the database is away it is ours until it runs out: nobody
        else can take it then, and what comes in waits for the database."""
        now = self._gateway.clock.now()
        try:
            fence = await self._gateway.store.write(
                lambda tx: leases.take(tx, self._lease, self._gateway.owner, now, LEASE_SECONDS)
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
                await self._gateway.store.write(
                    lambda tx: leases.drop(tx, self._lease, self._gateway.owner)
                )


async def _in_turn(
    gateway: "Gateway", name: str, channel: Listener, ready: Callable[[str], None]
) -> None:
    """Serve whenever the mailbox is ours, until the listener ends or raises."""
    turn = _Turn(gateway, name)
    while True:
        if not await turn.ours():
            await asyncio.sleep(RENEW_SECONDS)
            continue
        serving = asyncio.ensure_future(channel.serve(AccountSink(gateway.intake, name), ready))
        try:
            while not serving.done() and await turn.ours():
                await asyncio.wait([serving], timeout=RENEW_SECONDS)
            if serving.done():
                return serving.result()
        finally:
            await end([serving])
            await turn.leave()


async def end(tasks: list[Any]) -> None:
    """Cancel them and wait, but not for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
