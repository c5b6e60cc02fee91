"""Gives what waits to agents: whenever something may have changed, and every second."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from gateway.desk.floor import Floor
from gateway.domain.errors import GatewayError
from gateway.domain.world import Log


@dataclass(slots=True)
class Offering:
    """One loop. What it decides follows from the database alone: a second one, or one after a crash,
    goes on where the other was."""

    floor: Floor
    log: Log
    poll: float = 1.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Offer until cancelled. What former settings left behind is settled first; without agents in
        the settings there is nothing more to do."""
        unsettled = True
        while True:
            self.changed.clear()
            try:
                while unsettled:
                    unsettled = await self.floor.settle()
                if self.floor.agents:
                    self.counts["offered"] += await self.floor.look()
            except GatewayError as error:
                self.log.warning("offers wait", why=str(error))
                self.counts["failed"] += 1
            busy = self.floor.agents or unsettled
            try:
                # Not wait_for: Python 3.11's forgets a cancellation that meets the news.
                async with asyncio.timeout(self.poll if busy else None):
                    await self.changed.wait()
            except TimeoutError:
                continue
