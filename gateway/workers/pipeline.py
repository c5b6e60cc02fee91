"""Takes accepted events lane by lane, has them planned in a worker process, and applies the plans.

Order holds within a lane: a lane is leased, its events are planned and applied one after the other,
and an event that fails pauses its own lane only, until it goes to quarantine. Any number of processes
may do so on one database: whatever is written of an event is conditional on its lane being ours still.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gateway import steps
from gateway.domain.announcement import Announcement
from gateway.domain.channel import Inbound
from gateway.domain.codec import decode
from gateway.domain.decision import Certificate
from gateway.domain.errors import Conflict, GatewayError, Overloaded, StoreError
from gateway.domain.plan import LogEvent, Plan, derived_id
from gateway.domain.snapshot import AccountView
from gateway.domain.store import Reader, Row, Store, Tx
from gateway.domain.world import Clock, Log
from gateway.intake.accept import Workers
from gateway.workers.announcing import announcements_in_force
from gateway.workers.brain import Item, Unplanned, plan_all
from gateway.workers.lanes import Lanes
from gateway.workers.lines import Lines
from gateway.workers.snapshots import certificates_in_force, look

T = TypeVar("T")

#: Seconds a worker may spend on one batch of plans.
PLAN_SECONDS = 30.0
#: Events of one batch sent to a worker together: enough to make the round trip cheap, few enough
#: that both workers have something to do.
CHUNK = 16
#: Seconds one rest lasts at most when acknowledging has precedence.
LONGEST_REST = 0.25
#: Seconds until the workers are asked again when none of them had room.
BUSY_PAUSE = 0.05
#: Plans made anew for the same event before it counts as a failure.
REPLANS = 6

Apply = Callable[[Tx, Plan, float], None]


@dataclass(slots=True)
class Pipeline:
    """One loop; several may run side by side, each under its own `owner`."""

    store: Store
    workers: Workers
    accounts: Mapping[str, AccountView]
    apply: Apply
    clock: Clock
    log: Log
    owner: str
    batch: int = 64
    attempts: int = 8
    poll: float = 1.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    applied: Callable[[Plan], None] = lambda _: None
    """Told after each commit; wakes delivery and timers."""
    pressed: Callable[[], bool] = lambda: False
    """Whether so many callers wait for an acknowledgement that planning should give way."""
    lines: Lines = field(default_factory=Lines)
    """How the queues stand; what all pipelines of this process decide is told to it."""
    counts: Counter[str] = field(default_factory=Counter)
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        self.lanes = Lanes(self.store, self.clock, self.log, self.owner, self.batch)

    async def run(self) -> None:
        """Work until cancelled; waits for news, and looks by itself now and then."""
        try:
            while True:
                self.arrived.clear()
                try:
                    busy = await self.once()
                except Overloaded as error:
                    self.log.warning("pipeline waits", why=str(error))
                    busy = False
                except GatewayError as error:
                    self.log.error("pipeline", why=str(error))  # noqa: TRY400 - expected kind; the text says it all
                    busy = False
                if not busy:
                    await _news(self.arrived, self.poll)
        finally:
            await self.lanes.leave()

    async def once(self) -> int:
        """Take one batch to its end; the number of events taken."""
        taken = await self.lanes.claim()
        if not taken:
            return 0
        steps.reach("lane.claimed")
        async with self.lanes.kept():
            await self._work_off(taken)
        return sum(map(len, taken.values()))

    async def _work_off(self, lanes: dict[str, list[Row]]) -> None:
        while lanes:
            # One event of each lane at a time: the next is planned against what this one wrote.
            heads = [rows[0] for rows in lanes.values()]
            last = {row["id"] for rows in lanes.values() for row in rows[-1:]}
            started = time.monotonic()
            going_on = await self._wave(heads, last)
            if self.pressed():
                # At work a third of the time: customers' providers wait seconds, our queue can wait.
                await asyncio.sleep(min(LONGEST_REST, 2 * (time.monotonic() - started)))
            lanes = {lane: rows[1:] for lane, rows in lanes.items() if rows[1:] and going_on[lane]}

    # ------------------------------------------------------------ one event of each lane

    async def _wave(self, rows: Sequence[Row], last: set[str]) -> dict[str, bool]:
        """Plan and apply; for each lane whether its next event may follow."""
        chunks = [rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)]
        with self.lines.deciding(len(rows)):
            done = await _all(self._chunk(chunk, last) for chunk in chunks)
        return {lane: ok for part in done for lane, ok in part.items()}

    async def _chunk(self, rows: Sequence[Row], last: set[str]) -> dict[str, bool]:
        plans = await self._plans(rows)
        if await self._apply_all(rows, plans, last):
            return dict.fromkeys((row["lane"] for row in rows), True)
        results = await _all(
            self._settle(row, plan, row["id"] in last)
            for row, plan in zip(rows, plans, strict=True)
        )
        return {row["lane"]: ok for row, ok in zip(rows, results, strict=True)}

    async def _plans(self, rows: Sequence[Row], attempt: int = 0) -> list[Plan | Unplanned]:
        def query(reader: Reader) -> list[Item | Unplanned]:
            certificates = certificates_in_force(reader)
            announcements = announcements_in_force(reader, self.clock.now())
            return [self._item(reader, row, attempt, certificates, announcements) for row in rows]

        looked = await self.store.read(query)
        items = [item for item in looked if isinstance(item, Item)]
        try:
            plans = iter(await self._planned(items) if items else ())
        except GatewayError as error:
            if len(rows) == 1:
                return [Unplanned(rows[0]["id"], str(error))]
            # One of them killed the worker: find out which, alone.
            return [plan for row in rows for plan in await self._plans([row], attempt)]
        steps.reach("plan.made")
        return [next(plans) if isinstance(item, Item) else item for item in looked]

    async def _planned(self, items: list[Item]) -> list[Plan | Unplanned]:
        while True:
            try:
                return await self.workers.run(plan_all, items, timeout=PLAN_SECONDS)
            except Overloaded:
                await asyncio.sleep(BUSY_PAUSE)

    def _item(
        self,
        reader: Reader,
        row: Row,
        attempt: int,
        certificates: tuple[Certificate, ...],
        announcements: tuple[Announcement, ...],
    ) -> Item | Unplanned:
        try:
            event = decode(row["type"], json.loads(row["body"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Written by another release, or by hand: it concerns this event alone.
            return Unplanned(row["id"], f"cannot be read: {type(error).__name__}: {error}")
        account = self.accounts.get(row["account"]) or AccountView(
            row["account"], kind="", brand="", space="", form="long"
        )
        seen = look(
            reader,
            event,
            account,
            self.clock.now(),
            row["attempts"] + 1 + attempt,
            certificates,
            announcements,
        )
        if isinstance(event, Inbound):
            seen = replace(seen, lines=self.lines.known, beside=self.lines.beside)
        return Item(row["id"], row["received_at"], row["type"], row["body"], seen)

    async def _apply_all(
        self, rows: Sequence[Row], plans: Sequence[Plan | Unplanned], last: set[str]
    ) -> bool:
        """The usual end of a chunk on PostgreSQL: every plan can be written, and all are, in one
        transaction. False when anything stood in the way of any; then each is settled alone.

        Not on SQLite: its units share a commit anyway, and behind one long unit an acknowledgement
        would wait (measured: a third fewer while the pipeline is busy)."""
        whole = [plan for plan in plans if isinstance(plan, Plan) and plan.postpone_until is None]
        if not self.store.shared or len(rows) == 1 or len(whole) < len(rows):
            return False
        now = self.clock.now()

        def work(tx: Tx) -> None:
            if not self.lanes.hold(tx, rows, now, last) or not _finish(tx, rows):
                msg = "a lane or an event is no longer ours"
                raise Conflict(msg)
            for plan in whole:
                self.apply(tx, plan, now)

        steps.reach("apply.before")
        try:
            await self.store.write(work)
        except Overloaded:
            raise
        except (Conflict, StoreError):
            # Whose it is comes out when each is settled alone, and is told there.
            return False
        steps.reach("apply.after")
        for plan in whole:
            self._applied(plan, now)
        return True

    async def _settle(self, row: Row, plan: Plan | Unplanned, last: bool) -> bool:
        """Apply, or plan anew when the world has moved on; whether the lane may go on."""
        why = ""
        for attempt in range(1, REPLANS + 1):
            if isinstance(plan, Unplanned):
                why = plan.why
                break
            try:
                return await self._apply(row, plan, last)
            except Conflict as conflict:
                why = f"conflict: {conflict}"
                self.counts["replanned"] += 1
                plan = (await self._plans([row], attempt))[0]
            except Overloaded:
                # A full disk, a server that is away: nothing is wrong with the event.
                raise
            except StoreError as error:
                # Not the disk but this plan: it must not hold up its lane for ever.
                why = f"cannot be written: {error}"
                break
        return await self._failed(row, why, last)

    async def _apply(self, row: Row, plan: Plan, last: bool) -> bool:
        now = self.clock.now()
        if plan.postpone_until is not None:
            await self._pause(row, plan.postpone_until, "waits for its message")
            return False

        def work(tx: Tx) -> bool | None:
            if not self.lanes.hold(tx, [row], now, {row["id"]} if last else set()):
                return None
            if not _finish(tx, [row]):
                return False
            self.apply(tx, plan, now)
            return True

        steps.reach("apply.before")
        done = await self.store.write(work)
        steps.reach("apply.after")
        if done:
            self._applied(plan, now)
        # Where it was done already, nothing is done twice and the lane goes on.
        return done is not None or self._lost(row)

    def _applied(self, plan: Plan, now: float) -> None:
        self.counts["applied"] += 1
        self.lines.applied(plan, now)
        self.applied(plan)

    def _lost(self, row: Row) -> bool:
        """Somebody took the lane over while we were away: the event and all behind it are theirs."""
        self.counts["lost"] += 1
        self.log.warning("lane lost", lane=row["lane"], event_id=row["id"])
        return False

    async def _pause(self, row: Row, until: float, why: str) -> None:
        def work(tx: Tx) -> bool:
            if not tx.run("intake.pause_lane", lane=row["lane"], owner=self.owner, until=until):
                return False
            tx.run("intake.failed_once", id=row["id"], error=why[:500])
            return True

        if not await self.store.write(work):
            self._lost(row)

    async def _failed(self, row: Row, why: str, last: bool) -> bool:
        """Once more after a pause; at the last attempt to quarantine, and the lane goes on."""
        attempt, now = row["attempts"] + 1, self.clock.now()
        self.counts["failed"] += 1
        self.log.warning("event not planned", event_id=row["id"], attempt=attempt, why=why[:300])
        if attempt < self.attempts:
            await self._pause(row, now + min(60.0, 0.2 * 2**attempt), why)
            return False

        def work(tx: Tx) -> bool:
            if not self.lanes.hold(tx, [row], now, {row["id"]} if last else set()):
                return False
            _give_up(tx, row, why, now)
            return True

        return await self.store.write(work) or self._lost(row)


def _finish(tx: Tx, rows: Sequence[Row], state: str = "done", error: str = "") -> bool:
    """Whether all of them were waiting until now."""
    ends = [{"id": row["id"], "state": state, "error": error} for row in rows]
    return tx.run_many("intake.finish", ends) == len(rows)


def _give_up(tx: Tx, row: Row, why: str, now: float) -> None:
    key: Any = row["id"]
    if not _finish(tx, [row], "quarantined", why[:500]):
        return
    tx.run(
        "intake.quarantine",
        id=derived_id(key, "x"),
        account=row["account"],
        stage="plan",
        reason=why[:500],
        blob="",
        dedup_key=f"event:{key}",
        event_id=key,
        at=now,
        meta="{}",
    )
    # Told apart by its time: a replayed event may come here again.
    told = derived_id(key, f"x{now * 1000:.0f}")
    tx.log(LogEvent(told, "event.quarantined", now, data={"why": why[:500]}))


async def _all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, or the first error once all have come to their end: what runs on behind a batch
    that broke off would meet the next one in its own lanes."""
    ended = await asyncio.gather(*works, return_exceptions=True)
    results = []
    for end in ended:
        if isinstance(end, BaseException):
            raise end
        results.append(end)
    return results


async def _news(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    try:
        # Not wait_for: Python 3.11's forgets a cancellation that meets the news.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
