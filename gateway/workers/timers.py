"""Fires durable timers: deleting one and doing its effect is one unit of work."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway import steps
from gateway.desk.callbacks import Callbacks
from gateway.domain.announcement import ANNOUNCEMENT_TIMER
from gateway.domain.errors import GatewayError, Overloaded, StoreError
from gateway.domain.model import InquiryState
from gateway.domain.plan import (
    CALLBACK_TIMER,
    CLOSE_TIMER,
    PROMISE_TIMER,
    STEP_TIMER,
    ChangeInquiry,
    Log,
    LogEvent,
    Plan,
    SetTimer,
)
from gateway.domain.states import move
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Ids
from gateway.domain.world import Log as Logger
from gateway.workers import promises
from gateway.workers.announcing import hand_on
from gateway.workers.clocking import SLA_TIMER, Clocking, announce
from gateway.workers.placing import Stepping

#: Seconds until a timer whose effect failed fires again.
AGAIN = 300.0

Effect = Callable[[Tx, Row, str, float], Plan | None]


@dataclass(slots=True)
class Timers:
    """One loop over what is due. Overdue timers fire at start."""

    store: Store
    apply: Callable[[Tx, Plan, float], None]
    clock: Clock
    ids: Ids
    log: Logger
    close_after: float
    poll: float = 1.0
    fired: Callable[[str], None] = lambda _: None
    """Told the kind after each commit; wakes whoever plans what a promise brings up."""
    applied: Callable[[Plan], None] = lambda _: None
    """Told what was written, after the commit."""
    stepping: Stepping | None = None
    """Takes inquiries on to the next step of their rule."""
    callbacks: Callbacks | None = None
    """Knows what time does to a callback."""
    clocking: Clocking | None = None
    """Says which targets are at risk or missed, and climbs their ladders."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            self.changed.clear()
            try:
                fired = await self.once()
                pause = 0.0 if fired else await self._pause()
            except GatewayError as error:
                self.log.warning("timers wait", why=str(error))
                pause = self.poll
            if pause:
                try:
                    # Not wait_for: Python 3.11's forgets a cancellation that meets the news.
                    async with asyncio.timeout(pause):
                        await self.changed.wait()
                except TimeoutError:
                    continue

    async def _pause(self) -> float:
        due = await self.store.read(lambda reader: reader.value("timers.next"))
        return min(self.poll, max(0.01, due - self.clock.now())) if due is not None else self.poll

    async def once(self) -> int:
        """Fire what is due now; how many. What another process is firing does not count."""
        now, fired = self.clock.now(), 0
        due = await self.store.read(lambda reader: reader.all("timers.due", now=now, n=64))
        for row in due:
            try:
                fired += await self._fire(row, now)
            except (StoreError, Overloaded):
                raise
            except Exception as error:  # noqa: BLE001 - one timer must not hold up all behind it
                fired += await self._later(row, now, error)
        return fired

    async def _later(self, row: Row, now: float, error: Exception) -> bool:
        """Its effect failed, or this release knows none of its kind: it is kept, and tried again."""
        why = f"{type(error).__name__}: {error}"
        self.log.error("timer failed", kind=row["kind"], subject=row["subject"], why=why)
        self.counts["failed"] += 1

        def work(tx: Tx) -> bool:
            values = {name: row[name] for name in ("kind", "subject")}
            if not tx.run("timers.take", due_at=row["due_at"], **values):
                return False
            tx.run("timers.set", due_at=now + AGAIN, payload=row["payload"], **values)
            return True

        return await self.store.write(work)

    async def _fire(self, row: Row, now: float) -> bool:
        event_id, plans = self.ids.new(), list[Plan]()

        def work(tx: Tx) -> bool:
            plans.clear()
            if not tx.run(
                "timers.take", kind=row["kind"], subject=row["subject"], due_at=row["due_at"]
            ):
                return False  # cancelled, moved, or fired by somebody else
            effect = self._effects()[row["kind"]]
            if (plan := effect(tx, row, event_id, now)) is not None:
                self.apply(tx, plan, now)
                plans.append(plan)
            return True

        steps.reach("timer.before")
        fired = await self.store.write(work)
        if fired:
            self.counts[row["kind"]] += 1
            self.fired(row["kind"])
            for plan in plans:
                self.applied(plan)
                announce(plan, self.log)
        steps.reach("timer.after")
        return fired

    def _effects(self) -> Mapping[str, Effect]:
        return {
            CLOSE_TIMER: self._close,
            PROMISE_TIMER: self._promise,
            ANNOUNCEMENT_TIMER: hand_on,
            **({STEP_TIMER: self.stepping.fire} if self.stepping else {}),
            **({CALLBACK_TIMER: self.callbacks.fire} if self.callbacks else {}),
            **({SLA_TIMER: self.clocking.fire} if self.clocking else {}),
        }

    def _promise(self, tx: Tx, row: Row, event_id: str, now: float) -> None:
        promises.fire(tx, row, event_id, now, self.close_after)

    def _close(self, tx: Tx, row: Row, event_id: str, now: float) -> Plan | None:
        """Silence after an answer resolves an inquiry, silence after that closes it."""
        inquiry: Any = tx.one("inquiries.by_id", id=row["subject"])
        if inquiry is None:
            return None
        promised = tx.value("timers.at", kind=PROMISE_TIMER, subject=inquiry["id"])
        match InquiryState(inquiry["state"]):
            case InquiryState.ANSWERED if promised is not None:
                # Silence counts from the day that was named: until then there is nothing to say.
                due_at = max(promised, now) + self.close_after
                return Plan(event_id, (SetTimer(CLOSE_TIMER, inquiry["id"], due_at),))
            case InquiryState.ANSWERED:
                verb, kind = "resolve", "inquiry.resolved"
            case InquiryState.RESOLVED:
                verb, kind = "close", "inquiry.closed"
            case _:
                return None
        state = move(InquiryState(inquiry["state"]), verb)
        event = LogEvent(
            event_id, kind, now, inquiry["id"], {"by": "timer", **json.loads(row["payload"])}
        )
        follow = (
            (SetTimer(CLOSE_TIMER, inquiry["id"], now + self.close_after),)
            if state is InquiryState.RESOLVED
            else ()
        )
        return Plan(
            event_id, (ChangeInquiry(inquiry["id"], inquiry["version"], state), *follow, Log(event))
        )
