"""A loop that is told to stop stops, also when news come in the same turn of the event loop.

`asyncio.wait_for` of Python 3.11 forgets a cancellation that meets a result.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.delivery.scripted import Scripted
from tests.store.engines import Twice
from tests.workers.rig import Rig


class Watched(Twice):
    """Says when something has been read."""

    reads = reading = 0

    async def read(self, query: Callable[[Any], Any]) -> Any:
        self.reading += 1
        try:
            return await super().read(query)
        finally:
            self.reads += 1
            self.reading -= 1


def of_pipeline(rig: Rig) -> tuple[Coroutine[Any, Any, None], Callable[[], None]]:
    pipeline = rig.pipeline(poll=60.0)
    return pipeline.run(), pipeline.arrived.set


def of_timers(rig: Rig) -> tuple[Coroutine[Any, Any, None], Callable[[], None]]:
    timers = rig.timers()
    timers.poll = 60.0
    return timers.run(), timers.changed.set


def of_delivery(rig: Rig) -> tuple[Coroutine[Any, Any, None], Callable[[], None]]:
    delivery = rig.delivery({"app": Scripted()}, poll=60.0)
    return delivery.run(), lambda: delivery.wake("app")


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("part", [of_pipeline, of_timers, of_delivery])
async def test_news_in_the_moment_of_the_stop_do_not_swallow_it(
    rig: Rig,
    part: Callable[[Rig], tuple[Coroutine[Any, Any, None], Callable[[], None]]],
    turns: int,
) -> None:
    rig.store = watched = Watched(rig.store.store)
    work, wake = part(rig)
    running = asyncio.create_task(work)
    while watched.reads < 1 or watched.reading:
        await asyncio.sleep(0)
    for _ in range(5):  # it has looked, found nothing, and waits for news
        await asyncio.sleep(0)
    wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=5)
    assert done, "it goes on as if nobody had told it"
    assert running.cancelled()
