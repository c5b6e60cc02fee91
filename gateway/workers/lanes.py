"""Who works on which lane: leases of lanes, taken oldest first, kept while a batch is under way.

Any number of processes take lanes of one database. A lane that is ours may be lost while we are
frozen or cut off, so whatever is written of an event asks first, in the same transaction (`hold`).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.domain.errors import GatewayError
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Log
from gateway.uncut import uncut

#: Seconds a lane is held. It is renewed while its batch is under way, so that only a dead or frozen
#: holder loses it; a frozen one that wakes finds it lost.
LANE_SECONDS = 30.0
#: Seconds a stop waits until the lanes are given back.
GIVE_BACK_SECONDS = 1.0


@dataclass(slots=True)
class Lanes:
    """The lanes of one owner.

    Args:
        batch: events that are looked at to choose lanes.
    """

    store: Store
    clock: Clock
    log: Log
    owner: str
    batch: int
    stranded: bool = False
    """A batch broke off (the disk was full): its lanes are still ours and are freed first."""

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep what was claimed while its batch is under way. A batch that breaks off leaves its
        lanes stranded, until the next claim or the end frees them."""
        self.stranded = True
        renewing = asyncio.create_task(self._keep_renewing())
        try:
            yield
        finally:
            renewing.cancel()
        self.stranded = False

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(LANE_SECONDS / 3)
            try:
                await self.renew()
            except GatewayError as error:
                self.log.warning("lanes not renewed", why=str(error))

    async def renew(self) -> None:
        """Every lane of this owner is ours for so long from now."""
        until = self.clock.now() + LANE_SECONDS
        await self.store.write(
            lambda tx: tx.run("intake.renew_lanes", owner=self.owner, until=until)
        )

    async def leave(self) -> None:
        """Other processes must not wait for our lanes to run out."""
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self.store.write(lambda tx: tx.run("intake.free_lanes_of", owner=self.owner))
            self.stranded = False
        except (GatewayError, TimeoutError) as error:
            self.log.warning("lanes wait for their leases to run out", why=str(error))

    async def claim(self) -> dict[str, list[Row]]:
        """Take lanes first, and then read what waits in those that were taken.

        Order within a lane does not depend on who saw which event: another process may hold some of a
        lane's events for its own claim, and we pass over them, but the lane goes to one of us by its
        key, and whoever has it reads all that waits there, from the oldest on, without passing over
        anything. A row that was finished behind our snapshot is found finished when it is applied.
        """
        now = self.clock.now()

        def work(tx: Tx) -> dict[str, list[Row]]:
            if self.stranded:
                tx.run("intake.free_lanes_of", owner=self.owner)
            seen = tx.all("intake.claimable", now=now, n=self.batch)
            if not seen:
                return {}
            mine = {"owner": self.owner, "until": now + LANE_SECONDS, "now": now}
            wanted = dict.fromkeys(row["lane"] for row in seen)
            tx.run_many("intake.take_lane", [{"lane": lane, **mine} for lane in wanted])
            lanes: dict[str, list[Row]] = defaultdict(list)
            for row in tx.all("intake.taken", owner=self.owner, last=seen[-1]["id"]):
                lanes[row["lane"]].append(row)
            return dict(lanes)

        waiting = await self.store.read(lambda r: r.all("intake.pending", now=now, n=1))
        if not waiting and not self.stranded:
            return {}
        try:
            taken = await uncut(self.store.write(work))
        except GatewayError:
            # Where the answer of a commit was lost, lanes may be ours without our knowing.
            self.stranded = True
            raise
        self.stranded = False
        return taken

    def hold(self, tx: Tx, rows: Sequence[Row], now: float, last: Collection[str]) -> bool:
        """First in each unit that writes what became of events: nobody else has their lanes, and
        nobody gets them before the commit. With its last event a lane is given back."""
        until = now + LANE_SECONDS
        mine = [(row["id"] in last, {"lane": row["lane"], "owner": self.owner}) for row in rows]
        free = [lane for ends, lane in mine if ends]
        hold = [{**lane, "until": until} for ends, lane in mine if not ends]
        held = tx.run_many("intake.free_lane", free) if free else 0
        held += tx.run_many("intake.hold_lane", hold) if hold else 0
        return held == len(rows)
