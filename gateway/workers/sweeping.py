"""Takes away what erasing left on the disk: files that nothing names any more, and old pages of the
database in which an erased text still stands."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.errors import GatewayError
from gateway.domain.store import ERASED, Store
from gateway.domain.world import Clock, Log

#: Seconds between two looks.
EVERY = 10.0
#: Seconds until a file that was put down a moment ago is looked at again.
LATER = 900.0
#: Files of one look.
_BATCH = 100


class Bin(Protocol):
    """Where bytes can be thrown away."""

    async def remove(self, address: str) -> bool:
        """Delete what nothing names any more; whether it is gone."""
        ...


class Scrubbed(Protocol):
    """A store that can forget what is in none of its rows any more."""

    async def scrub(self) -> bool:
        """Whether nothing of it is left in what the store itself has to answer for."""
        ...


@dataclass(slots=True)
class Sweeping:
    """One loop; several processes may run it side by side."""

    store: Store
    scrubbed: Scrubbed
    bin: Bin
    clock: Clock
    log: Log

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            try:
                while await self.once():
                    pass
            except GatewayError as error:
                self.log.warning("erased files wait to be deleted", why=str(error))
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Sweep one batch; how much was taken away."""
        done = int(await self._scrub())
        now = self.clock.now()
        rows = await self.store.read(lambda r: r.all("attachments.unnamed", now=now, n=_BATCH))
        for row in rows:
            done += await self._throw_away(row["address"], row["due_at"], now)
        return done

    async def _throw_away(self, address: str, due_at: float, now: float) -> bool:
        named = await self.store.read(lambda r: r.value("meta.blob_named", address=address))
        # Whoever names it from here on has put it down a moment ago, and then it stays.
        gone = bool(named) or await self.bin.remove(address)
        values = {"address": address, "due_at": due_at}
        if not gone:
            await self.store.write(
                lambda tx: tx.run("attachments.look_later", **values, later=now + LATER)
            )
            return False
        await self.store.write(lambda tx: tx.run("attachments.gone", **values))
        return not named

    async def _scrub(self) -> bool:
        noted = await self.store.read(lambda r: r.value("meta.memo", **ERASED))
        if not noted or not await self.scrubbed.scrub():
            return False
        # Unless more was erased meanwhile.
        await self.store.write(lambda tx: tx.run("meta.move", **ERASED, before=noted, value=""))
        return True
