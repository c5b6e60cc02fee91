"""Durable timers as the store keeps them: unique, movable, taken once."""

import asyncio
from typing import Any

from gateway.domain.plan import CancelTimer, Plan, SetTimer
from tests.store.engines import AnyStore, Engine, select
from tests.store.rows import put


def timer(subject: str, due_at: float, **payload: Any) -> Plan:
    return Plan(f"ev-{subject}", (SetTimer("close", subject, due_at, payload),))


async def due(store: AnyStore, now: float) -> list[str]:
    rows = await store.read(lambda reader: reader.all("timers.due", now=now, n=100))
    return [row["subject"] for row in rows]


async def test_a_timer_is_due_from_its_moment_on_the_earliest_first(store: AnyStore) -> None:
    await put(store, timer("late", 30.0), timer("early", 10.0), timer("soon", 20.0))
    assert await due(store, 9.9) == []
    assert await due(store, 20.0) == ["early", "soon"]
    assert await store.read(lambda reader: reader.value("timers.next")) == 10.0


async def test_setting_it_again_moves_it(store: AnyStore) -> None:
    await put(store, timer("q1", 10.0, n=1), timer("q1", 50.0, n=2))
    assert await due(store, 49.0) == []
    (row,) = await select(store, "SELECT due_at, payload FROM timers")
    assert row == {"due_at": 50.0, "payload": '{"n":2}'}


async def test_kinds_do_not_meet(store: AnyStore) -> None:
    await put(store, timer("q1", 10.0), Plan("x", (SetTimer("remind", "q1", 20.0),)))
    await put(store, Plan("y", (CancelTimer("close", "q1"),)))
    assert [row["kind"] for row in await select(store, "SELECT kind FROM timers")] == ["remind"]


async def test_cancelling_what_is_not_there_does_nothing(store: AnyStore) -> None:
    await put(store, timer("q1", 10.0), Plan("x", (CancelTimer("close", "other"),)))
    assert await due(store, 10.0) == ["q1"]
    await put(store, Plan("y", (CancelTimer("close", "q1"),)))
    await put(store, Plan("z", (CancelTimer("close", "q1"),)))
    assert await due(store, 10.0) == []
    assert await store.read(lambda reader: reader.value("timers.next")) is None


async def test_it_is_taken_once_whoever_asks(engine: Engine) -> None:
    async with engine.opened() as store, engine.opened() as other:
        await put(store, timer("q1", 10.0))
        take = {"kind": "close", "subject": "q1", "due_at": 10.0}
        taken = await asyncio.gather(
            *(s.write(lambda tx: tx.run("timers.take", **take)) for s in (store, other) * 10)
        )
        assert sorted(taken) == [0] * 19 + [1]


async def test_one_that_was_moved_meanwhile_is_not_taken(store: AnyStore) -> None:
    await put(store, timer("q1", 10.0), timer("q1", 90.0))
    taken = await store.write(
        lambda tx: tx.run("timers.take", kind="close", subject="q1", due_at=10.0)
    )
    assert taken == 0
    assert await due(store, 90.0) == ["q1"]
