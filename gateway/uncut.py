"""A unit of work that takes something is awaited to its end, also by a loop that is told to stop:
only then is it known what there is to give back."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds a stop waits for the unit.
PATIENCE = 1.0


async def uncut(unit: Coroutine[Any, Any, T]) -> T:
    """The result of `unit`. Cancelled, it first lets the unit come to its end."""
    task = asyncio.ensure_future(unit)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=PATIENCE)
        if task.done() and not task.cancelled():
            task.exception()  # seen: whoever asked for the unit is going
        raise
