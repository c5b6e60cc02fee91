"""Tells the log of a running gateway that automatic answers were stopped. The verdict that stops them
may be given anywhere: by a command, in another process."""

import asyncio
from dataclasses import dataclass, field

from gateway.domain.errors import GatewayError
from gateway.domain.store import Store
from gateway.domain.world import Log

#: Seconds between two looks.
EVERY = 15.0


@dataclass(slots=True)
class Alarm:
    """One loop. A stop that still holds is told once a process: after each start again."""

    store: Store
    log: Log
    every: float = EVERY
    told: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.once()
            except GatewayError as error:
                self.log.warning("certificates are not looked at", why=str(error))
            await asyncio.sleep(self.every)

    async def once(self) -> None:
        """Tell what has not been told."""
        for row in await self.store.read(lambda r: r.all("certificates.silenced")):
            if row["id"] not in self.told:
                self.told.add(row["id"])
                self.log.error(
                    "automatic answers are stopped: too many were wrong",
                    certificate=row["id"],
                    scope=row["scope"],
                    why=row["ended_because"],
                )
