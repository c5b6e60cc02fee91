"""Looks at the database of a cluster several times a second, and clocks how work comes back to life."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psycopg

from tests.crash.ledger import Book, Database, UnderWay, look

#: Seconds between two looks, and between two tries while the server is away.
PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Seen:
    """One look."""

    at: float = 0.0
    """On the monotonic clock, when it began."""
    under_way: UnderWay = field(default_factory=UnderWay)
    lanes: frozenset[tuple[str, str]] = frozenset()
    """(lane, owner) of those that somebody works on."""
    rows: frozenset[tuple[str, str]] = frozenset()
    """(outbox row, owner) of those that somebody holds."""
    begun: frozenset[tuple[str, str]] = frozenset()
    """Of these, the ones that may be out."""
    unsealed: int = 0
    sealed: int = 0
    fence: int = 0
    """Counts the leaders that numbered events."""


def see(book: Book) -> Seen:
    """Look now."""
    at = time.monotonic()
    held = book.rows("SELECT id, owner, state FROM outbox WHERE state IN ('leased', 'begun')")
    log = book.rows(
        "SELECT COALESCE(MAX(seq), 0) AS sealed, COUNT(*) - COUNT(seq) AS unsealed FROM events"
    )[0]
    leader = book.rows("SELECT fence FROM leases WHERE name = 'sealer'")
    return Seen(
        at=at,
        under_way=look(book),
        lanes=frozenset(
            (row["lane"], row["owner"])
            for row in book.rows("SELECT lane, owner FROM lanes WHERE owner <> ''")
        ),
        rows=frozenset((row["id"], row["owner"]) for row in held),
        begun=frozenset((row["id"], row["owner"]) for row in held if row["state"] == "begun"),
        unsealed=log["unsealed"],
        sealed=log["sealed"],
        fence=leader[0]["fence"] if leader else 0,
    )


@dataclass(slots=True)
class Times:
    """Seconds, by what was waited for."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, seconds: float) -> None:
        self.seconds[what].append(seconds)

    def figures(self) -> dict[str, str]:
        """Median and longest of each."""
        return {
            what: f"{statistics.median(all_):.2f} s, at most {max(all_):.2f} s ({len(all_)} times)"
            for what, all_ in sorted(self.seconds.items())
        }


@dataclass(slots=True)
class Watch:
    """Looks until it is cancelled."""

    database: Database
    times: Times
    seen: Seen = field(default_factory=Seen)
    """The latest look; of the time before, while the server is away."""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stuck_since: float = 0.0

    async def run(self) -> None:
        while True:
            try:
                with self.database.in_use() as book:
                    while True:
                        await self._take(await asyncio.to_thread(see, book))
                        await asyncio.sleep(PAUSE)
            except psycopg.Error:
                await asyncio.sleep(PAUSE)  # the server is away

    async def _take(self, seen: Seen) -> None:
        self._clock_sealing(seen)
        async with self._news:
            self.seen = seen
            self._news.notify_all()

    async def until(self, fits: Callable[[Seen], bool]) -> Seen:
        """The next look that fits, from one that began after this call on."""
        called = time.monotonic()
        async with self._news:
            await self._news.wait_for(lambda: self.seen.at >= called and fits(self.seen))
            return self.seen

    async def clock(self, what: str, held: Callable[[Seen], Iterable[tuple[str, str]]]) -> None:
        """How long what was held at this moment stays with whoever held it."""
        began = time.monotonic()
        left = {*held(await self.until(lambda _: True))}
        # What is gone with the next look was not the dead one's.
        left &= {*held(await self.until(lambda _: True))}
        if not left:
            return
        seen = await self.until(lambda seen: left.isdisjoint(held(seen)))
        self.times.add(what, seen.at - began)

    def _clock_sealing(self, seen: Seen) -> None:
        """How long events wait without any being numbered; `self.seen` is the look before."""
        waits = seen.unsealed > 0 and seen.sealed == self.seen.sealed
        if waits and not self._stuck_since:
            self._stuck_since = self.seen.at
        elif not waits and self._stuck_since:
            if seen.fence != self.seen.fence:
                self.times.add(
                    "from the last number of a leader to the first of the next",
                    seen.at - self._stuck_since,
                )
            self._stuck_since = 0.0
