"""Moves what waits in a queue that cannot cope on to another one: closed, nobody there, too many, too long.

It looks every few seconds. What it reads may be old by the time it writes: each move names the version of
the inquiry it was decided on, and one that was taken meanwhile stays where it is. So any number of these
loops may run, and one that is killed has done nothing by halves.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.desk.floor import ROUTING, Floor
from gateway.desk.standing import Standing
from gateway.domain.calendar import Calendar
from gateway.domain.errors import Conflict, GatewayError
from gateway.domain.model import JSON, Queue
from gateway.domain.plan import Log, LogEvent, Plan, derived_id
from gateway.domain.store import Reader, Row, Tx
from gateway.domain.world import Log as Logger
from gateway.routing.model import Presence
from gateway.routing.overflow import Cause, Course, Line, Overflow, overflow
from gateway.workers.handing import handed_over

#: Seconds between two looks, and how much of a queue is looked at from each end.
PAUSE, REACH = 5.0, 64
_THERE = frozenset({Presence.ONLINE, Presence.BUSY, Presence.WRAP_UP})

Candidate = tuple[Row, Sequence[Overflow]]


@dataclass(slots=True)
class Overflowing:
    """One loop."""

    floor: Floor
    rules: Mapping[str, Sequence[Overflow]]
    """By queue, in order."""
    queues: Mapping[str, Queue]
    brands: Mapping[str, Calendar]
    calendars: Mapping[str, Calendar]
    """Of queues that have their own; the others are open when the brand is."""
    log: Logger
    pause: float = PAUSE
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Look until cancelled; without rules there is nothing to do."""
        while True:
            try:
                if any(self.rules.values()):
                    await self.once()
            except GatewayError as error:
                self.log.warning("overflow waits", why=str(error))
                self.counts["failed"] += 1
            await asyncio.sleep(self.pause)

    async def once(self) -> int:
        """Move what has to be moved now; how many were."""
        now = self.floor.clock.now()
        moves = await self.floor.store.read(lambda reader: self._moves(reader, now))
        moved = 0
        for plan in moves:
            try:
                await self._move(plan, now)
                moved += 1
            except Conflict:
                continue  # it is with somebody, or elsewhere: good so
        if moved:
            self.floor.store.tell(ROUTING)
            self.counts["moved"] += moved
        return moved

    async def _move(self, plan: Plan, now: float) -> None:
        def unit(tx: Tx) -> None:
            self.floor.write(tx, plan, now)

        await self.floor.store.write(unit)

    # ------------------------------------------------------------ deciding

    def _moves(self, reader: Reader, now: float) -> list[Plan]:
        lines = self._lines(reader, now)
        plans: list[Plan] = []
        moved: set[str] = set()
        for name, rules in self.rules.items():
            for row, some in self._candidates(reader, name, rules) if rules else ():
                if row["id"] in moved:
                    continue
                kept: dict[str, Any] = json.loads(row["routing"] or "{}")
                been = kept.get("been", [])
                verdict = overflow(
                    some, name, self._open(lines, row["brand"], now),
                    waited=now - float(kept.get("since") or row["waiting_since"]), been=been,
                )  # fmt: skip
                if verdict.course is not Course.OVERFLOW:
                    continue
                moved.add(row["id"])
                lines[name] = replace(lines[name], length=lines[name].length - 1)
                lines[verdict.to] = replace(lines[verdict.to], length=lines[verdict.to].length + 1)
                routing: dict[str, JSON] = {"been": [*been, name], "since": now}
                plans.append(self._plan(row, verdict.to, verdict.reason, routing, now))
        return plans

    def _candidates(
        self, reader: Reader, queue: str, rules: Sequence[Overflow]
    ) -> Iterable[Candidate]:
        """Who waits longest, and then who came last: those are too many, where there are."""
        patient = [rule for rule in rules if rule.cause is not Cause.LENGTH]
        if patient:
            for row in reader.all("routing.longest_in", queue=queue, n=REACH):
                yield row, patient
        if len(patient) < len(rules):
            for row in reader.all("routing.last_in", queue=queue, n=REACH):
                yield row, rules

    def _lines(self, reader: Reader, now: float) -> dict[str, Line]:
        floor = Standing(reader, self.floor.agents, now)
        waiting = {row["queue"]: row["waiting"] for row in reader.all("inquiries.queue_counts")}
        return {
            # Where no agents are in the settings nobody knows who is there: people take what waits.
            name: Line(
                True, len(_there(floor, name)) if self.floor.agents else 1, waiting.get(name, 0)
            )
            for name in self.queues
        }

    def _open(self, lines: Mapping[str, Line], brand: str, now: float) -> Mapping[str, Line]:
        usual = self.brands.get(brand, Calendar())
        return {
            name: replace(line, is_open=self.calendars.get(name, usual).is_open(now))
            for name, line in lines.items()
        }

    def _plan(self, row: Row, to: str, why: str, routing: Mapping[str, JSON], now: float) -> Plan:
        # The same inquiry at the same version is moved once, whoever looks.
        command = derived_id(row["id"], f"overflow.{row['version']}")
        data: dict[str, JSON] = {"queue": row["queue"], "to": to, "why": why}
        event = LogEvent(command, "inquiry.overflowed", now, row["id"], data)
        ops = handed_over(row, self.queues[to], row["priority"], routing)
        return Plan(command, (*ops, Log(event)))


def _there(floor: Standing, queue: str) -> Collection[str]:
    """Who is there and at work: nobody waits for who takes nothing before tomorrow."""
    return [agent.id for agent in floor.agents(queue) if agent.presence in _THERE and not agent.off]
