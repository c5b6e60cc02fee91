"""Three faults that the harness must find, put into the running gateway from outside.

They show that the harness can fail: a recount that finds nothing wrong with these gateways would
prove nothing about the real one.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.delivery import deliver
from gateway.delivery.deliver import Delivery
from gateway.domain.errors import DeliveryError, Failure
from gateway.intake.accept import Accept

_kept: set[asyncio.Task[None]] = set()


def acknowledge_before_commit() -> None:
    """Say yes at once and write a moment later, as a write-behind buffer does."""
    commit = Accept._commit

    async def later(self: Accept, *rest: Any) -> None:
        await asyncio.sleep(0.3)
        await commit(self, *rest)

    async def hasty(self: Accept, *rest: Any) -> None:
        task = asyncio.create_task(later(self, *rest))
        _kept.add(task)
        task.add_done_callback(_kept.discard)

    Accept._commit = hasty  # type: ignore[method-assign]  # the fault


def resend_on_unknown() -> None:
    """Take "it may be out" for "it is not out"."""

    async def again(self: Delivery, row: Any, detail: str, channel: Any = None) -> None:
        await self._again(row, 0.0, DeliveryError(Failure.RETRY, detail))

    Delivery._unknown = again  # type: ignore[method-assign]  # the fault


def recover_from_the_living() -> None:
    """Take every other process for dead, and what it is sending for not sent."""

    async def grab(self: Delivery, *, alone: bool) -> None:
        del alone
        await self.store.write(lambda tx: tx.run("outbox.end_leases_of_others", owner=self.owner))
        now = self.clock.now()
        unsent = DeliveryError(Failure.RETRY, "the process that held it ended before it sent")
        for left in await self.store.read(lambda reader: reader.all("outbox.abandoned", now=now)):
            if row := await self._take_over(left["id"]):
                await self._again(row, 0.0, unsent)

    Delivery.recover = grab  # type: ignore[method-assign]  # the fault
    deliver.SWEEP_SECONDS = 0.1


FAULTS: dict[str, Callable[[], None]] = {
    "acknowledge-before-commit": acknowledge_before_commit,
    "resend-on-unknown": resend_on_unknown,
    "recover-from-the-living": recover_from_the_living,
}


def plant(name: str) -> None:
    """Put one of `FAULTS` in. Raises KeyError for another name."""
    FAULTS[name]()
