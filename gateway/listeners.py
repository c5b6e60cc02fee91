"""The listeners of the accounts: bound at the start, begun again when one ends, and only one process
at a time on a mailbox that can have only one reader."""

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from gateway.domain.channel import Listener
from gateway.domain.errors import SettingsError
from gateway.intake.accept import AccountSink
from gateway.turns import Turn, end

if TYPE_CHECKING:
    from gateway.app import Gateway

#: Seconds before a listener that ended is begun again.
AGAIN_SECONDS = 5.0


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
                turn = Turn(gateway.store, gateway.clock, gateway.owner, f"listener:{name}")
                await turn.keep(lambda: channel.serve(AccountSink(gateway.intake, name), ready))
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
