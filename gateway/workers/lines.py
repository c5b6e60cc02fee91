"""Keeps in sight how the lines of the queues stand, so that a customer can be told their place at once.

A loop looks every few seconds; between two looks each plan of this process that lets somebody wait is
added, and so are those whose plans are being made at the same moment (`Lines.beside`): of two who come
at once neither is told a place that may be the other's. What another process lets wait is seen at the
next look.
"""

import asyncio
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.desk.standing import Standing
from gateway.domain.errors import GatewayError
from gateway.domain.model import InquiryState
from gateway.domain.plan import ChangeInquiry, Plan
from gateway.domain.store import Reader, Store
from gateway.domain.waiting import LineView
from gateway.domain.world import Clock, Log
from gateway.routing.lines import lane_views, with_another
from gateway.routing.model import Agent, Lane
from gateway.workers.measuring import rates_of

#: Seconds between two looks.
PAUSE = 3.0
#: Of each lane, whose ranks are kept, and how far is counted.
SEEN, COUNTED = 200, 10_000


@dataclass(slots=True)
class Lines:
    """What this process knows of the lines."""

    known: Mapping[str, LineView] = field(default_factory=dict)
    """By queue, where customers are told of their wait."""
    _under_way: int = 0
    _since: list[tuple[str, float, float]] | None = None
    """Who was let wait while somebody looks: queue, rank, when."""

    @property
    def beside(self) -> int:
        """Events that are being decided at this moment, besides the one that asks."""
        return max(0, self._under_way - 1)

    @contextmanager
    def deciding(self, events: int) -> Iterator[None]:
        """While so many events are decided and what follows is written."""
        self._under_way += events
        try:
            yield
        finally:
            self._under_way -= events

    def applied(self, plan: Plan, now: float) -> None:
        """A plan was written; whoever waits by it stands in line now."""
        for op in plan.ops:
            if not isinstance(op, ChangeInquiry) or op.state is not InquiryState.QUEUED:
                continue
            if op.queue and op.queue in self.known and op.handicap is not None:
                rank = now + op.handicap
                self._add(op.queue, rank, now)
                if self._since is not None:
                    self._since.append((op.queue, rank, now))

    @contextmanager
    def looking(self) -> Iterator[dict[str, LineView]]:
        """What is put into the result takes the place of what was known; with those who came while it
        was read, whom it may hold already: a place is told too far back rather than too far in front."""
        found: dict[str, LineView] = {}
        self._since = []
        try:
            yield found
            self.known = found
            for queue, rank, since in self._since:
                if queue in found:
                    self._add(queue, rank, since)
        finally:
            self._since = None

    def _add(self, queue: str, rank: float, since: float) -> None:
        self.known = {**self.known, queue: with_another(self.known[queue], rank, since)}


@dataclass(slots=True)
class Watching:
    """The loop."""

    lines: Lines
    store: Store
    agents: Mapping[str, Agent]
    """Those of the settings."""
    lanes: Mapping[str, tuple[Lane, ...]]
    """By queue whose customers are told of their wait: where an inquiry begins to wait by itself."""
    clock: Clock
    log: Log
    pause: float = PAUSE
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Look until cancelled. What is known gets old when the database is away: it is not told then."""
        while True:
            try:
                if self.lanes:
                    await self.once()
            except GatewayError as error:
                self.log.warning("the lines are not seen", why=str(error))
                self.counts["failed"] += 1
            await asyncio.sleep(self.pause)

    async def once(self) -> None:
        """Look at all lines."""
        now = self.clock.now()
        with self.lines.looking() as found:
            found.update(await self.store.read(lambda reader: self._look(reader, now)))

    def _look(self, reader: Reader, now: float) -> dict[str, LineView]:
        lanes = {queue: {*own} for queue, own in self.lanes.items()}
        for row in reader.all("routing.lanes"):
            lane = Lane.parse(row["lane"])
            if lane.queue in lanes:
                lanes[lane.queue].add(lane)
        offered: dict[str, dict[str, tuple[Lane, float, float]]] = defaultdict(dict)
        for row in reader.all("routing.offers"):
            lane = Lane.parse(row["lane"])
            offered[lane.queue][row["id"]] = lane, row["rank"], row["waiting_since"]
        floor = Standing(reader, self.agents, now)
        return {
            queue: self._line(reader, floor, queue, own, offered[queue])
            for queue, own in lanes.items()
        }

    def _line(
        self,
        reader: Reader,
        floor: Standing,
        queue: str,
        lanes: set[Lane],
        offered: Mapping[str, tuple[Lane, float, float]],
    ) -> LineView:
        ranks, since = (
            [rank for _, rank, _ in offered.values()],
            [at for *_, at in offered.values()],
        )
        taken = {lane for lane, *_ in offered.values()}
        count, last, cut = len(ranks), max(ranks, default=float("-inf")), float("inf")
        for lane in sorted(lanes, key=lambda one: one.key):
            rows = reader.all("routing.line", lane=lane.key, n=SEEN)
            if not rows:
                continue
            taken.add(lane)
            ranks += [row["rank"] for row in rows]
            since += [row["waiting_since"] for row in rows]
            end = rows[-1]["rank"]
            if len(rows) < SEEN:
                count += len(rows)
            else:
                # Behind it others of this lane may stand, whose ranks are not known.
                cut = min(cut, end)
                length = reader.one("routing.line_length", lane=lane.key, n=COUNTED)
                count += length["waiting"] if length else len(rows)
                since += [length["oldest"]] if length else []
                whole = length is not None and length["waiting"] < COUNTED
                end = reader.value("routing.line_end", lane=lane.key) if whole else float("inf")
            last = max(last, end)
        known: list[float] = []
        for rank in ranks:
            if rank <= cut:
                insort(known, rank)
        agents = floor.agents(queue) if self.agents else None
        return LineView(
            floor.now,
            count,
            min(since, default=None),
            tuple(known[:SEEN]),
            last,
            lane_views(lanes, taken, agents),
            rates_of(reader, queue).buckets,
        )
