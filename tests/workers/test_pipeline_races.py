"""A world that moves on, several pipelines at once, trouble: each event is applied once."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.compute import Compute
from gateway.config import Config, templates_dir
from gateway.domain.channel import Inbound
from gateway.domain.decision import Verb
from gateway.domain.errors import Overloaded, StoreError, StoreFull
from gateway.domain.model import InquiryState
from gateway.domain.plan import Plan
from gateway.intake.accept import Accept
from gateway.keys import Keys
from gateway.store import sealer
from gateway.store.apply import apply
from gateway.testing.clock import FakeClock
from gateway.testing.world import LogLines, MemoryBlobs
from gateway.workers import brain
from gateway.workers.lanes import LANE_SECONDS, Lanes
from gateway.workers.pipeline import REPLANS, Pipeline
from gateway.world import MonotonicIds
from tests.learnt import MODELS
from tests.store.engines import PostgresEngine, SqliteEngine, SqliteStore, one, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.accepted import accepted, states, texts
from tests.workers.rig import ACCOUNTS, SETTINGS, Rig, decision

# ---------------------------------------------------------------- conflicts


def between_plan_and_apply(pipeline: Pipeline, happens: Callable[[], Awaitable[Any]]) -> None:
    """The world moves on once, after a plan was made and before it is applied."""
    apply_plan, left = pipeline._apply, [happens]

    async def late(row: Any, plan: Plan, last: bool) -> bool:
        while left:
            await left.pop()()
        return await apply_plan(row, plan, last)

    pipeline.__class__ = type("Slow", (Pipeline,), {"__slots__": (), "_apply": staticmethod(late)})


async def test_a_world_that_moved_on_means_a_new_plan(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED))
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await rig.store.insert("intake.accept", [accepted(7, "hello")])
    pipeline = rig.pipeline()
    agent = moved(version=2, state=InquiryState.QUEUED)
    between_plan_and_apply(pipeline, lambda: put(rig.store, agent))
    await rig.drain(pipeline)
    assert pipeline.counts["replanned"] == 1
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 0, "a person has it now"
    assert await one(rig.store, "SELECT state, version FROM inquiries") == {
        "state": "queued",
        "version": 4,
    }


async def test_a_number_collision_gets_another_number(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gateway.workers.planner.inquiry_number",
        lambda _event, _now, attempt: f"260101-{attempt:06d}",
    )
    await put(rig.store, arrival())
    await rig.store.insert("intake.accept", [accepted(1, "hello", lane="app|user-2")])
    await rig.drain()
    rows = await select(rig.store, "SELECT number FROM inquiries ORDER BY number")
    assert [row["number"] for row in rows] == ["260101-000001", "260101-000002"]


async def test_a_conflict_that_never_ends_is_a_failure_and_holds_up_nobody(rig: Rig) -> None:
    def always(tx: Any, plan: Plan, now: float) -> None:
        apply(tx, arrival("same"), now)
        apply(tx, arrival("same"), now)

    pipeline = rig.pipeline(attempts=1)
    pipeline.apply = always
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    await rig.drain(pipeline)
    assert pipeline.counts["replanned"] == REPLANS
    assert await states(rig.store) == {"raw00001": "quarantined"}


async def test_a_certificate_revoked_meanwhile_means_no_answer(rig: Rig) -> None:
    row = {
        "id": "cert-1", "scope": "*/*/normal", "alpha": 0.05, "delta": 0.1, "threshold": 0.5,
        "answered": 100, "wrong": 0, "knowledge": "k1", "origin": "reviewed", "created_at": 1.0,
    }  # fmt: skip
    await rig.work(lambda tx: tx.run_many("certificates.add", [row]))
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.", evidence={"certificate": "cert-1"})
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    pipeline = rig.pipeline()

    async def revoke() -> None:
        await rig.work(lambda tx: tx.run("certificates.revoke", id="cert-1", at=2.0))
        rig.answerer.usual = decision(Verb.ROUTE)

    between_plan_and_apply(pipeline, revoke)
    await rig.drain(pipeline)
    assert pipeline.counts["replanned"] == 1
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"


# ---------------------------------------------------------------- several pipelines


async def test_two_pipelines_race_for_the_same_lane_and_each_event_is_applied_once(
    rig: Rig, store: SqliteStore
) -> None:
    """The plain store: what runs twice cannot race."""
    plans: list[Plan] = []
    racers = [
        rig.pipeline(owner, store=store, applied=plans.append, batch=3) for owner in ("a", "b")
    ]
    for number in range(200):
        await store.insert("intake.accept", [accepted(number, f"{number}")])
        # Each starts first every second time.
        await asyncio.gather(*(racer.once() for racer in racers[:: (-1) ** number]))
    while sum(await asyncio.gather(*(racer.once() for racer in racers))):
        pass
    assert [plan.event_id for plan in plans] == sorted({plan.event_id for plan in plans})
    assert len(plans) == 200
    assert await value(store, "SELECT COUNT(*) FROM messages WHERE direction = 'in'") == 200
    assert await value(store, "SELECT COUNT(*) FROM inquiries") == 1
    assert all(racer.counts["applied"] for racer in racers), "one of them never had its turn"
    assert await store.read(sealer.verify) > 0


async def test_a_lane_somebody_holds_is_left_alone_until_the_lease_ends(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    now = rig.clock.now()
    await rig.work(
        lambda tx: tx.run_many(
            "intake.take_lane",
            [{"lane": "app|user-1", "owner": "dead", "until": now + LANE_SECONDS, "now": now}],
        )
    )
    await rig.drain()
    assert await texts(rig.store) == []
    rig.clock.advance(LANE_SECONDS)
    await rig.drain()
    assert await texts(rig.store) == ["hello"]


async def test_what_somebody_else_has_done_is_not_done_again(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    pipeline = rig.pipeline()
    lanes = await pipeline.lanes.claim()
    (row,) = lanes["app|user-1"]
    (plan,) = await pipeline._plans([row])
    assert isinstance(plan, Plan)
    assert await pipeline._apply(row, plan, last=False)
    assert await pipeline._apply(row, plan, last=True), "after its lease ran out, say"
    assert await texts(rig.store) == ["hello"]
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


# ---------------------------------------------------------------- trouble


async def test_a_full_disk_stops_a_batch_and_nothing_is_lost_or_doubled(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [accepted(n, f"{n}") for n in range(6)])
    full, pipeline = True, rig.pipeline()

    def nearly(tx: Any, plan: Plan, now: float) -> None:
        if full and plan.event_id == "raw00003":
            raise StoreFull("no room")
        apply(tx, plan, now)

    pipeline.apply = nearly
    with pytest.raises(Overloaded):
        await pipeline.once()
    assert await texts(rig.store) == ["0", "1", "2"]
    with pytest.raises(Overloaded):
        await pipeline.once()
    full = False
    await rig.drain(pipeline)
    assert await texts(rig.store) == [f"{n}" for n in range(6)]
    assert await value(rig.store, "SELECT SUM(attempts) FROM raw_events") == 0
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_the_loop_outlives_a_store_that_fails_and_workers_without_room(rig: Rig) -> None:
    trouble: list[Exception] = [StoreFull("no room"), StoreError("locked")]
    claim = Lanes.claim

    async def shaky(self: Lanes) -> Any:
        if trouble:
            raise trouble.pop()
        return await claim(self)

    class Busy(type(rig.workers)):  # type: ignore[misc]
        refusals = 3

        async def run(self, function: Any, *args: Any, timeout: float) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise Overloaded("no worker is free")
            return await super().run(function, *args, timeout=timeout)

    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lanes, "claim", shaky)
        running = asyncio.create_task(rig.pipeline(workers=Busy()).run())
        await rig.store.until("SELECT state FROM raw_events", "done")
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_news_wakes_a_waiting_loop(rig: Rig) -> None:
    pipeline = rig.pipeline(poll=3600.0)
    running = asyncio.create_task(pipeline.run())
    intake = rig.intake()
    intake.arrived = pipeline.arrived.set
    await intake.events("app", [Inbound("m1", "user-1", "hello")], "test")
    await rig.store.until("SELECT COUNT(*) FROM raw_events WHERE state = 'done'", 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_worker_killed_in_the_middle_of_a_plan_loses_nothing(engine: SqliteEngine) -> None:
    """Real worker processes; the one that has the batch is stopped, and then killed."""
    clock, log = FakeClock(), LogLines()
    async with (
        engine.opened() as store,
        Compute(
            workers=1,
            initializer=brain.start,
            initargs=(templates_dir(), Config().domain_brands(), SETTINGS, "default", MODELS),
        ) as compute,
    ):
        await compute.warm()
        intake = Accept(store, MemoryBlobs(), Keys(bytes(32)), compute, clock, MonotonicIds(), log)
        events = [Inbound(f"m{n}", f"user-{n % 3}", f"{n}") for n in range(9)]
        await intake.events("app", events, "test")
        (doomed,) = compute.pids

        class Deadly:
            """Lets the worker have the first batch, and kills it over that."""

            async def run(self, function: Any, *args: Any, timeout: float) -> Any:
                if doomed not in compute.pids:
                    return await compute.run(function, *args, timeout=timeout)
                os.kill(doomed, signal.SIGSTOP)
                asking = asyncio.create_task(compute.run(function, *args, timeout=timeout))
                await asyncio.sleep(0)
                os.kill(doomed, signal.SIGKILL)
                return await asking

        pipeline = Pipeline(store, Deadly(), ACCOUNTS, apply, clock, log, "p1")
        while await pipeline.once():
            pass
        assert doomed not in compute.pids
        assert sorted(await texts(store)) == [f"{n}" for n in range(9)]
        assert await value(store, "SELECT COUNT(*) FROM inquiries") == 3
        assert await value(store, "SELECT COUNT(*) FROM quarantine") == 0


# ---------------------------------------------------------------- two claims at the same moment


async def test_of_two_that_each_see_a_part_of_a_lane_at_the_same_moment_one_gets_it(
    postgres_only: PostgresEngine,
) -> None:
    """Both are in the middle of their transactions, each with a row that the other passed over."""
    meet = threading.Barrier(2)

    class Meets:
        def __init__(self, tx: Any) -> None:
            self.tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tx, name)

        def run_many(self, query: str, rows: Any) -> int:
            assert query == "intake.take_lane"
            meet.wait(10)
            changed: int = self.tx.run_many(query, rows)
            return changed

    class Meeting:
        def __init__(self, store: Any) -> None:
            self.store, self.read = store, store.read

        async def write(self, work: Callable[[Any], Any]) -> Any:
            return await self.store.write(lambda tx: work(Meets(tx)))

    async with postgres_only.plain() as store:
        both = [accepted(n, "hello") for n in range(2)]
        await store.insert("intake.accept", both)
        rig = Rig(Meeting(store))  # type: ignore[arg-type]
        crowd = [rig.pipeline(owner, batch=1) for owner in "ab"]
        taken = await asyncio.gather(*(one.lanes.claim() for one in crowd))
        ((owner, lanes),) = [
            (one.lanes.owner, lanes) for one, lanes in zip(crowd, taken, strict=True) if lanes
        ]
        assert await select(store, "SELECT lane, owner FROM lanes") == [
            {"lane": "app|user-1", "owner": owner}
        ]
        got = [row["id"] for row in lanes["app|user-1"]]
        assert got == [event["id"] for event in both][: len(got)]
