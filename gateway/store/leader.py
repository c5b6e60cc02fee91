"""Numbers and chains what was logged on PostgreSQL: one leader at a time, in batches.

A transaction that commits late is numbered late, so nobody who reads by number can miss it. The
leader's row stays locked while a batch is written: one that was thought dead writes nothing.
"""

import asyncio
from dataclasses import dataclass, field

from gateway import steps
from gateway.domain.errors import GatewayError
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Log
from gateway.store import leases, sealer

NAME = "sealer"
#: Seconds after which another process takes over from a leader that died, and between renewals.
LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5
#: Events of one transaction.
BATCH = 500
#: Seconds between two looks: after work, and when there was none.
BRISK, CALM = 0.02, 0.2


@dataclass(slots=True)
class Sealer:
    """A candidate for the lead; every process may run one."""

    store: Store
    owner: str
    clock: Clock
    log: Log
    sealed: int = 0
    fence: int | None = None
    """Whether it leads, and under which number."""
    _renewed: float = field(default=0.0)

    async def run(self) -> None:
        """Lead when nobody else does, until cancelled."""
        try:
            while True:
                try:
                    done = await self.once()
                except leases.LeaseLost:
                    self.fence, done = None, 0
                except GatewayError as error:
                    self.log.warning("sealing waits", why=str(error))
                    done = 0
                if self.fence is None:
                    await asyncio.sleep(RENEW_SECONDS)
                elif done < BATCH:
                    await asyncio.sleep(BRISK if done else CALM)
        finally:
            if self.fence is not None:
                await asyncio.shield(self._step_down())

    async def once(self) -> int:
        """Take or keep the lead and seal one batch; how many events."""
        now = self.clock.now()
        if self.fence is None or not 0 <= now - self._renewed < RENEW_SECONDS:
            self.fence = await self.store.write(
                lambda tx: leases.take(tx, NAME, self.owner, now, LEASE_SECONDS)
            )
            self._renewed = now
        fence = self.fence
        if fence is None or not await self.store.read(lambda r: r.all("events.unsealed", n=1)):
            return 0
        done = await self.store.write(lambda tx: seal_batch(tx, self.owner, fence))
        self.sealed += done
        return done

    async def _step_down(self) -> None:
        try:
            await self.store.write(lambda tx: leases.drop(tx, NAME, self.owner))
        except GatewayError as error:
            self.log.info("the lead runs out by itself", why=str(error))


def seal_batch(tx: Tx, owner: str, fence: int, n: int = BATCH) -> int:
    """Give the next numbers; how many. Raises `LeaseLost`."""
    leases.hold(tx, NAME, owner, fence)
    rows: list[Row] = tx.all("events.unsealed", n=n)
    if not rows:
        return 0
    numbered = sealer.number(tx.one("events.last"), rows)
    steps.reach("seal.before")
    tx.run_many("events.number", numbered)
    return len(numbered)
