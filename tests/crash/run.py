"""One run: a data directory, load all the time, kill after kill, and the recount at the end."""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import uuid4

from tests.crash.ledger import Database, SqliteFile, UnderWay, left, under_way
from tests.crash.load import SHARES, Load
from tests.crash.orders import Order
from tests.crash.programs import Program, StartFailed, gateway, simulators
from tests.crash.recount import Recount, recount
from tests.crash.settings import free_port, write_config

#: Seconds under load in which a step must come; then the gateway is killed where it stands.
STEP_SECONDS = 15.0
#: Seconds until everything is worked through after the last kill.
DRAIN_SECONDS = 120.0
#: A graceful stop may take this long.
STOP_SECONDS = 5.0
#: How often an order whose step did not come is tried again.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill that was made."""

    name: str
    under_way: UnderWay
    unacknowledged: int
    """Deliveries to this very life that had no answer."""
    waiting: int
    """Messages that customers held ready."""

    @property
    def counts(self) -> bool:
        """Only with work in flight; a migration is work by itself."""
        if self.name.startswith("step migration."):
            return self.waiting > 0
        return bool(self.unacknowledged or self.under_way.any)


@dataclass(slots=True)
class Result:
    """What a run showed."""

    kills: list[Kill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    begun: frozenset[str] = frozenset()
    missed: list[str] = field(default_factory=list)
    """Steps that did not come in time."""
    stop_seconds: float = 0.0

    @property
    def counted(self) -> Counter[str]:
        """Kills with work in flight, by name; without those of worker processes."""
        return Counter(k.name for k in self.kills if k.counts and k.name != "worker")

    @property
    def of_workers(self) -> int:
        return sum(k.counts for k in self.kills if k.name == "worker")


def _silent(_: str) -> None:
    return None


@dataclass(slots=True)
class Run:
    """Carries out the orders.

    Args:
        folder: empty; everything lies there, also afterwards.
        orders: the kills.
        rng: draws what is left to chance.
        fault: one of `tests.crash.planted.FAULTS`, to see it found.
        say: told each kill.
        seats, shares, pause: see `Load`.
        server: an empty database on a server; without it a file in the data directory.
    """

    folder: Path
    orders: Sequence[Order]
    rng: random.Random
    fault: str = ""
    say: Callable[[str], None] = _silent
    seats: int = 44
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    pause: float = 0.8
    drain_seconds: float = DRAIN_SECONDS
    server: Database | None = None
    result: Result = field(default_factory=Result)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Database:
        return self.server or SqliteFile(self.data_dir)

    async def __call__(self) -> Result:
        """Raises `StartFailed` when the gateway does not come back, and what `Load` raises."""
        async with AsyncExitStack() as stack:
            outside = await stack.enter_async_context(simulators(self.folder))
            config = write_config(
                self.folder,
                outside.outside,
                web_port=free_port(),
                database=self.database.setting,
            )
            load = Load(
                uuid4().hex[:6], self.rng, seats=self.seats, shares=self.shares, pause=self.pause
            )
            load.start()
            stack.push_async_callback(load.cancel)
            waiting = [(order, 1) for order in self.orders]
            while waiting:
                order, tried = waiting.pop(0)
                came = await self._life(order, config, load)
                load.check()
                if not came and tried < _TRIES:
                    waiting.append((order, tried + 1))
                elif not came:
                    self.result.missed.append(order.name)
            drained = await self._last_life(config, load)
            found = recount(
                self.database, self.data_dir, load.acknowledged, outside, self.result.begun
            )
        return self._finish(found, load, drained)

    # ------------------------------------------------------------ a life that ends by a kill

    async def _life(self, order: Order, config: Path, load: Load) -> bool:
        """From a start to a kill; whether it was the one that was ordered."""
        kill_at = f"{order.step}:{order.count}" if order.kind == "step" else ""
        async with gateway(config, kill_at=kill_at, fault=self.fault) as process:
            try:
                came = await self._until_death(order, process, load)
            finally:
                load.hold()
        self._note(order.name if came else "random", load)
        return came

    async def _until_death(self, order: Order, process: Program, load: Load) -> bool:
        if order.kind == "starting":
            await process.died(order.delay)
            await self._kill(process)
            return True
        try:
            addresses = await process.addresses()
        except StartFailed:
            if order.kind == "step" and await self._killed_itself(process):
                return True
            raise
        load.aim(addresses)
        if order.kind == "step":
            if await process.died(STEP_SECONDS):
                return await self._killed_itself(process)
            await self._kill(process)
            return False
        await process.died(order.delay)
        if order.kind == "worker":
            if not await self._kill_worker(process, load):
                await self._kill(process)
                return False
            # Long enough to see the gateway go on; then it dies as well.
            await process.died(self.rng.uniform(0.3, 1.0))
        await self._kill(process)
        return True

    async def _kill(self, process: Program) -> None:
        if not process.alive:
            msg = f"the gateway ended by itself, with {process.process.returncode}"
            raise StartFailed(msg)
        await process.kill()

    async def _killed_itself(self, process: Program) -> bool:
        """At its step, and not by a fault of its own."""
        return await process.process.wait() == -signal.SIGKILL

    async def _kill_worker(self, process: Program, load: Load) -> bool:
        """With a delivery on its way; False when there was no worker or no delivery in time."""
        until = monotonic() + STEP_SECONDS
        while not ((victims := process.children) and load.in_flight):
            if monotonic() > until or await process.died(0.005):
                return False
        os.kill(self.rng.choice(victims), signal.SIGKILL)
        self.result.kills.append(Kill("worker", UnderWay(), load.in_flight, load.waiting))
        return True

    def _note(self, name: str, load: Load) -> None:
        found = under_way(self.database)
        kill = Kill(name if name != "worker" else "random", found, load.in_flight, load.waiting)
        load.forget_life()
        self.result.kills.append(kill)
        self.result.begun |= found.begun
        number = sum(self.result.counted.values())
        self.say(
            f"{number:4d}  {kill.name:24s} {'' if kill.counts else '(nothing under way) '}"
            f"{kill.unacknowledged} unacknowledged, {found.unprocessed} unprocessed, "
            f"{found.unsent} unsent, {len(found.begun)} begun, {found.timers_due} timers due"
        )

    # ------------------------------------------------------------ the last life

    async def _last_life(self, config: Path, load: Load) -> bool:
        """Let it come to rest and stop it in order; whether it came to rest."""
        async with gateway(config, fault=self.fault) as process:
            load.aim(await process.addresses())
            await load.finish(DRAIN_SECONDS)
            drained = await self._drain(process)
            self.result.stop_seconds = await process.stop()
            if process.process.returncode != 0:
                self.result.faults.append(f"SIGTERM ended it with {process.process.returncode}")
        return drained

    async def _drain(self, process: Program) -> bool:
        until = monotonic() + self.drain_seconds
        while monotonic() < until:
            if not left(self.database).any:
                return True
            if await process.died(0.2):
                raise StartFailed("the gateway ended by itself while it worked the rest off")
        return False

    def _finish(self, found: Recount, load: Load, drained: bool) -> Result:
        result = self.result
        result.faults += found.faults
        result.figures = found.figures
        result.counts = load.counts
        if not drained:
            result.faults.append(f"work was left after {self.drain_seconds:.0f} s")
        if result.stop_seconds > STOP_SECONDS:
            result.faults.append(f"the graceful stop took {result.stop_seconds:.1f} s")
        return result
