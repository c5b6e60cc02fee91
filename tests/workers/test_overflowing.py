"""What waits where nobody copes goes to another queue: once, never in a circle, never to a worse place."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from gateway.desk.floor import Floor
from gateway.domain.calendar import ALWAYS, Calendar, Hours
from gateway.domain.model import Queue
from gateway.routing.core import Routing
from gateway.routing.model import Agent, Presence, rank
from gateway.routing.overflow import Cause, Course, Overflow
from gateway.store.apply import apply
from gateway.workers.overflowing import Overflowing
from tests.store.engines import select
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig

QUEUES = {
    "pay": Queue("pay", "Payments", priority=3),
    "vip": Queue("vip", "VIP", priority=5, skills={"zh": 2}),
    "rest": Queue("rest", "Rest", priority=7),
}
AGENTS = {
    "ann": Agent("ann", queues={"pay": 1}, capacity=9),
    "bo": Agent("bo", queues={"vip": 1}, skills={"zh": 3}, capacity=9),
}
NIGHT = Calendar(zone="UTC", hours=(Hours(time(9), time(18)),))


def spill(cause: Cause, to: str = "vip", beyond: float = 0.0) -> Overflow:
    return Overflow(cause, Course.OVERFLOW if to else Course.WAIT, beyond, to)


def looking(rig: Rig, agents: Any = AGENTS, **rules: Sequence[Overflow]) -> Overflowing:
    floor = Floor(rig.store, Routing({}), agents, apply, rig.clock, rig.ids)
    return Overflowing(floor, rules, QUEUES, {"demo": ALWAYS}, {}, rig.log, pause=0.01)


async def wait(rig: Rig, name: str, queue: str = "pay", priority: int = 3) -> None:
    await put(
        rig.store,
        arrival(name, sender=name, number=name),
        moved(name, queue=queue, priority=priority, handicap=rank(0.0, priority)),
        now=rig.clock.now(),
    )


async def places(rig: Rig) -> dict[str, str]:
    rows = await select(rig.store, "SELECT number, queue FROM inquiries ORDER BY number")
    return {row["number"]: row["queue"] for row in rows}


async def online(rig: Rig, overflowing: Overflowing, *agents: str) -> None:
    for agent in agents:
        await overflowing.floor.be(agent, Presence.ONLINE)
    # What was offered at once is given back: here it is about what waits.
    await rig.meddle("UPDATE inquiries SET state = 'queued' WHERE state = 'offered'")


async def test_where_nobody_is_there_it_goes_where_somebody_is(rig: Rig) -> None:
    overflowing = looking(rig, pay=[spill(Cause.STAFF)])
    began = rig.clock.now()
    await wait(rig, "n1")
    assert await overflowing.once() == 0, "nobody is there for the other one either"
    await online(rig, overflowing, "bo")
    rig.clock.advance(60.0)
    assert await overflowing.once() == 1
    (row,) = await select(rig.store, "SELECT queue, lane, priority, rank FROM inquiries")
    assert row == {
        "queue": "vip", "lane": "vip|1|zh:2", "priority": 3, "rank": rank(began, 3),
    }  # fmt: skip
    (said,) = await rig.events("inquiry.overflowed")
    assert said == {"queue": "pay", "to": "vip", "why": "staff 0 <= 0"}
    assert await overflowing.once() == 0


async def test_with_somebody_there_it_stays(rig: Rig) -> None:
    overflowing = looking(rig, pay=[spill(Cause.STAFF)])
    await wait(rig, "n1")
    await online(rig, overflowing, "ann", "bo")
    assert await overflowing.once() == 0


async def test_of_too_many_those_go_that_came_last(rig: Rig) -> None:
    overflowing = looking(rig, {}, pay=[spill(Cause.LENGTH, beyond=2)])
    for name in ("n1", "n2", "n3", "n4"):
        await wait(rig, name)
        rig.clock.advance(1.0)
    assert await overflowing.once() == 2
    assert await places(rig) == {"n1": "pay", "n2": "pay", "n3": "vip", "n4": "vip"}


async def test_who_has_waited_too_long_goes_and_is_counted_anew_there(rig: Rig) -> None:
    rules = {
        "pay": [spill(Cause.WAITED, beyond=600.0)],
        "vip": [spill(Cause.WAITED, "rest", beyond=600.0)],
    }
    overflowing = looking(rig, {}, **rules)
    await wait(rig, "n1")
    rig.clock.advance(599.0)
    await wait(rig, "n2")
    assert await overflowing.once() == 0
    rig.clock.advance(1.0)
    assert await overflowing.once() == 1
    assert await overflowing.once() == 0
    assert await places(rig) == {"n1": "vip", "n2": "pay"}
    rig.clock.advance(600.0)
    assert await overflowing.once() == 2
    assert await places(rig) == {"n1": "rest", "n2": "vip"}


async def test_it_goes_in_no_circle(rig: Rig) -> None:
    rules = {
        "pay": [spill(Cause.WAITED, beyond=60.0)],
        "vip": [spill(Cause.WAITED, "pay", beyond=60.0)],
    }
    overflowing = looking(rig, {}, **rules)
    await wait(rig, "n1")
    moves = []
    for _ in range(4):
        rig.clock.advance(61.0)
        moves.append(await overflowing.once())
    assert moves == [1, 0, 0, 0]


@pytest.mark.parametrize(("at_night", "moves"), [("pay", 1), ("vip", 0), ("both", 0)])
async def test_what_is_closed_hands_on_to_what_is_open(rig: Rig, at_night: str, moves: int) -> None:
    """It is midnight in Greenwich: who keeps these hours is closed."""
    closed = {"pay": NIGHT, "vip": NIGHT} if at_night == "both" else {at_night: NIGHT}
    overflowing = replace(looking(rig, {}, pay=[spill(Cause.CLOSED)]), calendars=closed)
    await wait(rig, "n1")
    assert await overflowing.once() == moves


async def test_a_rule_that_says_wait_ends_the_search(rig: Rig) -> None:
    rules = [spill(Cause.CLOSED, ""), spill(Cause.WAITED, beyond=60.0)]
    overflowing = replace(looking(rig, {}, pay=rules), calendars={"pay": NIGHT})
    await wait(rig, "n1")
    rig.clock.advance(600.0)
    assert await overflowing.once() == 0


async def test_what_was_taken_meanwhile_stays(rig: Rig) -> None:
    overflowing = looking(rig, {}, pay=[spill(Cause.WAITED, beyond=60.0)])
    await wait(rig, "n1")
    rig.clock.advance(60.0)
    now = rig.clock.now()
    (plan,) = await rig.store.read(lambda reader: overflowing._moves(reader, now))
    await rig.desk().claim("n1", "ann")

    async def read(_: Any) -> Any:
        return [plan]

    rig.store.read = read  # type: ignore[method-assign]
    assert await overflowing.once() == 0
    assert await places_of_state(rig) == ("pay", "assigned")


async def places_of_state(rig: Rig) -> tuple[str, str]:
    (row,) = await select(rig.store.store, "SELECT queue, state FROM inquiries")
    return row["queue"], row["state"]


async def test_several_loops_move_it_once(rig: Rig) -> None:
    await wait(rig, "n1")
    rig.clock.advance(60.0)
    crowd = [looking(rig, {}, pay=[spill(Cause.WAITED, beyond=60.0)]) for _ in range(5)]
    assert sum(await asyncio.gather(*(one.once() for one in crowd))) == 1
    assert len(await rig.events("inquiry.overflowed")) == 1


async def test_the_loop_goes_on_by_itself(rig: Rig) -> None:
    overflowing = looking(rig, {}, pay=[spill(Cause.WAITED, beyond=60.0)])
    task = asyncio.create_task(overflowing.run())
    try:
        await wait(rig, "n1")
        rig.clock.advance(60.0)
        await rig.store.until("SELECT queue AS value FROM inquiries", "vip")
    finally:
        task.cancel()
