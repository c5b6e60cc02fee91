"""A delivery at work, and outgoing messages for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.delivery.deliver import (
    Delivery,
)
from tests.store.engines import one
from tests.store.rows import arrival, outgoing, put
from tests.workers.rig import Rig

FIRST = "ev1.out"
STATE = f"SELECT state FROM outbox WHERE id = '{FIRST}'"


@asynccontextmanager
async def delivering(
    rig: Rig, channels: Mapping[str, Any], **changes: Any
) -> AsyncIterator[Delivery]:
    """A delivery at work."""
    delivery = rig.delivery(channels, **changes)
    running = asyncio.create_task(delivery.run())
    try:
        yield delivery
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])


async def waiting(rig: Rig, *, account: str = "app", events: tuple[str, ...] = ("ev1",)) -> None:
    """One outgoing message in a conversation of its own for each event."""
    for event in events:
        await put(
            rig.store,
            arrival(event, account=account, sender=event, number=event),
            outgoing(event, account=account),
        )


async def row(rig: Rig, reference: str = FIRST) -> dict[str, Any]:
    return await one(rig.store, f"SELECT * FROM outbox WHERE id = '{reference}'")
