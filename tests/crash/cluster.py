"""One run of a cluster: many processes on one PostgreSQL under load, a kill every second, restarts of
the server meanwhile, and the recount at the end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.crash.ledger import PostgresDatabase, left
from tests.crash.load import SHARES, Load
from tests.crash.members import Member, Place
from tests.crash.programs import Simulators, StartFailed, program, simulators
from tests.crash.recount import recount
from tests.crash.settings import write_config
from tests.crash.watch import Times, Watch
from tests.postgres import Server

#: Seconds a process may take to stop in order.
STOP_SECONDS = 5.0
#: Seconds after a death until the server has ended what the dead process had begun, and until what
#: the others were sending at that moment is out.
SETTLED, OUT = 0.3, 2.0
#: Share of kills that hit any process, at work or not.
ANYWHERE = 0.15
#: How much longer the kills go on, at most, for as many as are wanted to count.
LONGER = 6.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill that was made."""

    name: str
    ready: bool
    in_flight: int
    """Of the kind of work that this process has."""

    @property
    def counts(self) -> bool:
        """Only with work in flight."""
        return self.ready and self.in_flight > 0


@dataclass(slots=True)
class ClusterResult:
    """What a run showed."""

    kills: list[Kill] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    """How the database server was stopped, each time."""
    faults: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Starts that failed without a kill, and why that is no fault."""
    figures: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    begun: set[str] = field(default_factory=set)
    times: Times = field(default_factory=Times)

    @property
    def counted(self) -> Counter[str]:
        """Kills with work in flight, by role."""
        return Counter(kill.name.rstrip("0123456789") for kill in self.kills if kill.counts)


def _silent(_: str) -> None:
    return None


@dataclass(slots=True)
class Cluster:
    """Keeps every place filled, and kills.

    Args:
        folder: empty; everything lies there but the database.
        server: runs already.
        places: the processes.
        rng: draws the victims.
        seconds: how long the kills go on …
        at_least: … and longer, until so many of them count; at most `LONGER` times as long.
        only_at_work: hit nobody but who has work in flight, each role in turn, and let the moment
            pass when there is nobody.
        every: seconds between two kills; 0: nobody is killed.
        restarts: how the server is stopped, at even distances.
        hasty, fault: see `tests.crash.member`.
        seats, shares, pause: see `Load`.
        delay_ms: see `simulators`.
    """

    folder: Path
    server: Server
    places: Sequence[Place]
    rng: random.Random
    seconds: float
    at_least: int = 0
    only_at_work: bool = False
    every: float = 1.0
    restarts: Sequence[str] = ()
    hasty: bool = False
    fault: str = ""
    say: Callable[[str], None] = _silent
    seats: int = 20
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    pause: float = 1.2
    delay_ms: int = 20
    start_seconds: float = 120.0
    drain_seconds: float = 300.0
    result: ClusterResult = field(default_factory=ClusterResult)
    _members: list[Member] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _away: bool = False
    _back_at: float = 0.0

    async def __call__(self) -> ClusterResult:
        """Raises what `Load` raises, and TimeoutError when the cluster does not come up."""
        database = PostgresDatabase(self.server.create_database())
        async with AsyncExitStack() as stack:
            outside = await stack.enter_async_context(simulators(self.folder, self.delay_ms))
            config = self._config(outside, database)
            load = Load(
                uuid4().hex[:6], self.rng, seats=self.seats, shares=self.shares, pause=self.pause
            )
            stack.push_async_callback(load.cancel)
            watch = Watch(database, self.result.times)
            stack.push_async_callback(self._end)
            await self._start(config, load)
            self._tasks.append(asyncio.create_task(watch.run()))
            load.start()
            await self._storm(load, watch)
            drained = await self._calm(load, database)
            found = await asyncio.to_thread(
                recount,
                database,
                self.folder / "data",
                load.acknowledged,
                outside,
                frozenset(self.result.begun),
            )
        self.result.faults += [f for member in self._members for f in member.faults]
        self.result.faults += found.faults
        self.result.figures = found.figures
        self.result.figures["changes of the leader that numbers events"] = watch.seen.fence - 1
        self.result.counts = load.counts
        if not drained:
            self.result.faults.append(f"work was left after {self.drain_seconds:.0f} s")
        return self.result

    def _config(self, outside: Simulators, database: PostgresDatabase) -> Path:
        """What all processes share. So many processes start at once that the machine is late with
        everything: a mail server may take its time, and nobody looks for work ten times a second."""
        port = next(place.port for place in self.places if place.role == "web")
        return write_config(
            self.folder,
            outside.outside,
            web_port=port,
            processes=1,
            database=database.setting,
            patience=20.0,
            poll=0.5,
        )

    # ------------------------------------------------------------ from the start to the end

    async def _start(self, config: Path, load: Load) -> None:
        self._members = [
            Member(place, config, load, self.result.times, self._was_away, self.hasty, self.fault)
            for place in self.places
        ]
        self._tasks += [asyncio.create_task(member.run()) for member in self._members]
        permit = ["-m", "tests.crash.server", str(config), "--permit"]
        async with program(*permit, log=config.with_name("permit.log")) as permitting:
            await self._all_ready()
            if not await permitting.died(self.start_seconds) or permitting.process.returncode:
                raise StartFailed("no certificate could be put in force")

    async def _all_ready(self) -> None:
        async with asyncio.timeout(self.start_seconds):
            for member in self._members:
                while not member.ready.is_set():
                    self._check()
                    await asyncio.sleep(0.05)

    def _check(self) -> None:
        """Raises `StartFailed` for a process that ended by itself."""
        for member in self._members:
            if member.faults:
                raise StartFailed("; ".join(member.faults))

    def _was_away(self, since: float) -> bool:
        return self._away or self._back_at > since

    async def _storm(self, load: Load, watch: Watch) -> None:
        if not self.every:
            await asyncio.sleep(self.seconds)
            return
        began, restarts, kills = time.monotonic(), [*self.restarts], 0
        distance, restarting = self.seconds / (len(restarts) + 1), None
        while self._goes_on(time.monotonic() - began):
            kills += 1
            await asyncio.sleep(max(0.0, began + kills * self.every - time.monotonic()))
            load.check()
            self._check()
            self._kill(load, watch)
            done = len(self.restarts) - len(restarts)
            if restarts and time.monotonic() > began + distance * (done + 1):
                restarting = asyncio.create_task(self._restart(restarts.pop(0), load))
        if restarting is not None:
            await restarting

    def _goes_on(self, seconds: float) -> bool:
        enough = self.result.counted.total() >= self.at_least
        return seconds < (self.seconds if enough else self.seconds * LONGER)

    async def _calm(self, load: Load, database: PostgresDatabase) -> bool:
        """Let everything come to rest and stop in order; whether it came to rest."""
        await self._all_ready()
        began = time.monotonic()
        await load.finish(self.drain_seconds)
        drained = False
        while not drained and time.monotonic() < began + self.drain_seconds:
            self._check()
            await asyncio.sleep(0.2)
            drained = not (await asyncio.to_thread(left, database)).any
        self.result.times.add(
            "from the last kill until everything is done", time.monotonic() - began
        )
        await asyncio.gather(*(member.stop(STOP_SECONDS) for member in self._members))
        return drained

    async def _end(self) -> None:
        self.result.excused += [e for member in self._members for e in member.excused]
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    # ------------------------------------------------------------ what is done to it

    def _kill(self, load: Load, watch: Watch) -> None:
        alive = {m: self._in_flight(m, load, watch) for m in self._members if m.alive}
        victim = self._victim(alive)
        if victim is None:
            return
        kill = Kill(victim.place.name, victim.ready.is_set(), alive[victim])
        victim.kill()
        self.result.kills.append(kill)
        if kill.ready:
            self._follow(victim.place.role, watch)
        state = f"{kill.in_flight} in flight" if kill.ready else "(not ready)"
        self.say(f"{len(self.result.kills):4d}  {kill.name:10s} {state}")

    def _victim(self, alive: Mapping[Member, int]) -> Member | None:
        """One at work, at random. While less than a third of them are, it is the beginner that has
        come least far: a kill a second leaves two processors little time to start any."""
        ready = [member for member in alive if member.ready.is_set()]
        starting = [member for member in alive if not member.ready.is_set()]
        if self.only_at_work:
            hits = self.result.counted
            fewest = min(hits[place.role] for place in self.places)
            busy = [m for m in ready if alive[m] and hits[m.place.role] == fewest]
            return self.rng.choice(busy) if busy else None
        if not alive:
            return None
        if not starting or self.rng.random() < ANYWHERE:
            return self.rng.choice([*alive])
        if len(ready) > len(self.places) // 3:
            return self.rng.choice(ready)
        return max(starting, key=lambda member: member.began)

    def _in_flight(self, member: Member, load: Load, watch: Watch) -> int:
        """Of its kind of work, by the latest look: what a death can harm."""
        seen = watch.seen
        match member.place.role:
            case "web":
                return load.at(member.place.name)
            case "worker":
                return seen.under_way.unprocessed + len(seen.lanes)
            case "delivery":
                return seen.under_way.unsent
            case _:
                return seen.under_way.timers_due + seen.unsealed

    def _follow(self, role: str, watch: Watch) -> None:
        """What a death leaves, and how long."""
        if role == "worker":
            what = "from a worker's death until all lanes held then move again"
            self._tasks.append(asyncio.create_task(watch.clock(what, lambda seen: seen.lanes)))
        elif role == "delivery":
            what = "from a delivery's death until all messages held then are settled"
            self._tasks.append(asyncio.create_task(watch.clock(what, lambda seen: seen.rows)))
            self._tasks.append(asyncio.create_task(self._left_begun(watch)))

    async def _left_begun(self, watch: Watch) -> None:
        """What the dead one was sending: what the others were sending is soon recorded."""
        await asyncio.sleep(SETTLED)
        first = await watch.until(lambda _: True)
        await asyncio.sleep(OUT)
        later = await watch.until(lambda _: True)
        self.result.begun |= {row for row, _ in first.begun & later.begun}

    async def _restart(self, mode: str, load: Load) -> None:
        """Stop the database server and start it again."""
        began, self._away = time.monotonic(), True
        try:
            await asyncio.to_thread(self.server.restart, mode)
        finally:
            self._away, self._back_at = False, time.monotonic()
        self.result.restarts.append(mode)
        self.say(f"      PostgreSQL stopped ({mode}) and back after {self._back_at - began:.1f} s")
        self._tasks.append(asyncio.create_task(self._first_yes(load, began)))

    async def _first_yes(self, load: Load, began: float) -> None:
        await load.next_acknowledgement()
        now, times = time.monotonic(), self.result.times
        times.add("from the database's return until the first acknowledgement", now - self._back_at)
        times.add("from the database's end until the first acknowledgement", now - began)
