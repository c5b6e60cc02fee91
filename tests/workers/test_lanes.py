"""Several processes at the same lanes: one holds a lane, and who lost it writes nothing more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.errors import GatewayError, StoreAway, StoreError, StoreFull
from gateway.domain.plan import Plan
from gateway.store.apply import apply
from gateway.workers import lanes as leases
from gateway.workers.brain import Unplanned
from gateway.workers.lanes import LANE_SECONDS
from gateway.workers.pipeline import CHUNK, Pipeline
from tests.store.engines import select, value, verified
from tests.workers.accepted import accepted, states, texts
from tests.workers.rig import Rig, SameProcess, Slow

LANE = "app|user-1"


async def written(rig: Rig) -> list[Any]:
    """What stands where an event could have left something."""
    tables = ("raw_events", "lanes", "quarantine", "messages", "inquiries", "event_contents")
    return [await select(rig.store, f"SELECT * FROM {table} ORDER BY 1") for table in tables]


async def claimed(rig: Rig, owner: str, *events: dict[str, Any]) -> tuple[Pipeline, list[Any]]:
    """A pipeline that took the lane, and the rows it has in hand."""
    await rig.store.insert("intake.accept", events)
    taker = rig.pipeline(owner)
    return taker, (await taker.lanes.claim())[LANE]


# ---------------------------------------------------------------- one wins, the other sees it


async def test_of_two_workers_that_reach_for_the_same_lane_one_gets_what_waits_in_it(
    store: Any,
) -> None:
    rig = Rig(store)
    crowd = [rig.pipeline(owner) for owner in ("a", "b")]
    won: dict[str, int] = {"a": 0, "b": 0}

    async def done_with(owner: str, events: list[str]) -> None:
        for event in events:
            await store.write(
                lambda tx, e=event: tx.run_many(
                    "intake.finish", [{"id": e, "state": "done", "error": ""}]
                )
            )
        await store.write(lambda tx: tx.run("intake.free_lanes_of", owner=owner))

    for number in range(0, 400, 2):
        await store.insert("intake.accept", [accepted(number + n, "hello") for n in range(2)])
        # Each is first every second time.
        order = crowd[:: (-1) ** (number // 2)]
        taken = await asyncio.gather(*(one.lanes.claim() for one in order))
        ((winner, lanes),) = [
            (one, lanes) for one, lanes in zip(order, taken, strict=True) if lanes
        ]
        (loser,) = [one for one in order if one is not winner]
        assert await value(store, "SELECT owner FROM lanes") == winner.owner
        assert await loser.lanes.claim() == {}
        both = [f"raw{number + n:05d}" for n in range(2)]
        got = [row["id"] for row in lanes[LANE]]
        # From the oldest on; the second may be left for later where the other had locked it.
        assert got in (both, both[:1])
        won[winner.owner] += 1
        await done_with(winner.owner, got)
        later = [row["id"] for row in (await loser.lanes.claim()).get(LANE, [])]
        assert got + later == both
        await done_with(loser.owner, later)
    assert sum(won.values()) == 200
    assert all(won.values()), "one of them never had its turn"


async def test_four_workers_keep_the_order_of_every_lane(store: Any) -> None:
    rig = Rig(store)
    rig.think()
    plans: list[Plan] = []
    crowd = [rig.pipeline(owner, applied=plans.append, batch=7) for owner in "abcd"]
    events = [accepted(n, f"{n}", lane=f"app|user-{n % 5}") for n in range(150)]
    for at in range(0, 150, 10):
        await store.insert("intake.accept", events[at : at + 10])
        await asyncio.gather(*(one.once() for one in crowd))
    while sum(await asyncio.gather(*(one.once() for one in crowd))):
        pass
    applied = [plan.event_id for plan in plans]
    for lane in range(5):
        mine = [event for event in applied if int(event[3:]) % 5 == lane]
        assert mine == [f"raw{n:05d}" for n in range(150) if n % 5 == lane]
    assert await value(store, "SELECT COUNT(*) FROM lanes") == 0
    assert await verified(store) >= 150


async def test_what_another_process_passed_over_is_read_with_its_lane(rig: Rig) -> None:
    """Its row may be locked for somebody else's claim: the lane is ours all the same, with it."""

    class PassesOver:
        def __init__(self, tx: Any) -> None:
            self.tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tx, name)

        def all(self, query: str, /, **values: Any) -> Any:
            return self.tx.all(query, **values)[1 if query == "intake.claimable" else 0 :]

    write = rig.store.write

    async def passing(work: Callable[[Any], Any]) -> Any:
        def unit(tx: Any) -> Any:
            return work(PassesOver(tx))

        return await write(unit)

    rig.store.write = passing  # type: ignore[method-assign]
    _, rows = await claimed(rig, "a", accepted(1, "first"), accepted(2, "second"))
    assert [row["id"] for row in rows] == ["raw00001", "raw00002"]


# ---------------------------------------------------------------- a process that wakes too late


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("held", [True, False], ids=["held by another", "free again"])
@pytest.mark.parametrize("outcome", ["applied", "failed", "postponed", "given up"])
async def test_who_lost_its_lane_writes_nothing_more_of_its_events(
    rig: Rig, outcome: str, held: bool, last: bool
) -> None:
    frozen, rows = await claimed(rig, "frozen", *(accepted(n, f"{n}") for n in range(3)))
    (plan,) = await frozen._plans(rows[:1])
    assert isinstance(plan, Plan)
    rig.clock.advance(LANE_SECONDS)
    other = rig.pipeline("other")
    if held:
        await other.lanes.claim()
    else:
        await rig.drain(other)
    before = await written(rig)
    row: Any = {**rows[0], "attempts": 7 if outcome == "given up" else 0}
    if outcome == "applied":
        goes_on = await frozen._apply(row, plan, last)
    elif outcome == "postponed":
        late = Plan(plan.event_id, postpone_until=rig.clock.now() + 9)
        goes_on = await frozen._apply(row, late, last)
    else:
        goes_on = await frozen._settle(row, Unplanned(row["id"], "no idea"), last)
    assert not goes_on
    assert frozen.counts["lost"] == 1
    assert await written(rig) == before


async def test_a_worker_frozen_in_the_middle_of_a_batch_leaves_the_rest_to_who_took_the_lane(
    rig: Rig,
) -> None:
    events = [accepted(n, f"{n}") for n in range(6)]
    await rig.store.insert("intake.accept", events)
    frozen, other, left = rig.pipeline("frozen"), rig.pipeline("other"), [1, 1, 0]

    async def freezes() -> None:
        rig.clock.advance(LANE_SECONDS)
        await rig.drain(other)

    class Freezing(SameProcess):
        async def run(self, *args: Any, **more: Any) -> Any:
            plans = await super().run(*args, **more)
            if left and not left.pop(0):
                await freezes()
            return plans

    frozen.workers = Freezing()
    await frozen.once()
    assert await texts(rig.store) == [f"{n}" for n in range(6)]
    assert [plan.event_id for plan in rig.plans] == [event["id"] for event in events]
    assert (frozen.counts["applied"], other.counts["applied"]) == (2, 4)
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_the_lanes_of_a_long_batch_are_renewed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LANE_SECONDS", 0.03)
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    until = "SELECT until FROM lanes"

    class Long(SameProcess):
        async def run(self, *args: Any, **more: Any) -> Any:
            rig.clock.advance(100)
            await rig.store.until(until, rig.clock.now() + 0.03)
            return await super().run(*args, **more)

    await rig.drain(rig.pipeline(workers=Long()))
    assert await states(rig.store) == {"raw00001": "done"}


async def test_only_our_own_lanes_are_renewed(rig: Rig) -> None:
    ours, _ = await claimed(rig, "ours", accepted(1, "hello"))
    other = rig.pipeline("other")
    await rig.store.insert("intake.accept", [accepted(2, "hi", lane="app|user-2")])
    await other.lanes.claim()
    rig.clock.advance(1)
    await ours.lanes.renew()
    rows = await select(rig.store, "SELECT owner, until FROM lanes ORDER BY owner")
    left = {row["owner"]: row["until"] - rig.clock.now() for row in rows}
    assert left == {"ours": LANE_SECONDS, "other": LANE_SECONDS - 1}


# ---------------------------------------------------------------- stopping, and a database away


async def test_a_worker_that_stops_gives_its_lanes_back_at_once(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [accepted(n, f"{n}") for n in range(3)])
    entered = asyncio.Event()

    class Endless(SameProcess):
        async def run(self, *_args: Any, **_more: Any) -> Any:
            entered.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(rig.pipeline("ends", workers=Endless()).run())
    await entered.wait()
    assert await value(rig.store, "SELECT owner FROM lanes") == "ends"
    running.cancel()
    await asyncio.wait([running])
    await rig.drain(rig.pipeline("other"))
    assert await texts(rig.store) == ["0", "1", "2"]


async def test_lanes_that_are_being_taken_when_the_stop_comes_are_given_back(rig: Rig) -> None:
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    claims = Slow(rig, "claim")
    running = asyncio.create_task(rig.pipeline("ends").run())
    await claims.handed_in.wait()
    running.cancel()
    await asyncio.wait([running])
    await claims.unit
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


@pytest.mark.parametrize(("trouble", "attempts"), [(StoreAway, 0), (StoreFull, 0), (StoreError, 1)])
async def test_a_store_that_is_away_or_full_is_no_failure_of_an_event(
    rig: Rig, trouble: type[GatewayError], attempts: int
) -> None:
    await rig.store.insert("intake.accept", [accepted(1, "hello")])
    pipeline = rig.pipeline()

    def refuses(_tx: Any, _plan: Plan, _now: float) -> None:
        raise trouble("not now")

    pipeline.apply = refuses
    if attempts:
        await pipeline.once()
    else:
        with pytest.raises(trouble):
            await pipeline.once()
    assert await value(rig.store, "SELECT attempts FROM raw_events") == attempts
    rig.clock.advance(1)
    pipeline.apply = apply
    await rig.drain(pipeline)
    assert await states(rig.store) == {"raw00001": "done"}
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_nothing_of_a_batch_that_broke_off_runs_on_behind_it(rig: Rig) -> None:
    """The first of two chunks breaks off while the other is still to be written."""
    await rig.store.insert("intake.accept", crowd_of(CHUNK + 1))
    pipeline = rig.pipeline()

    async def late(self: Pipeline, rows: Any, last: set[str]) -> Any:
        if len(rows) == 1:
            await asyncio.sleep(0.05)
        return await Pipeline._chunk(self, rows, last)

    def refuses(tx: Any, plan: Plan, now: float) -> None:
        if plan.event_id == "raw00000":
            raise StoreFull("not now")
        apply(tx, plan, now)

    pipeline.apply = refuses
    pipeline.__class__ = type("Late", (Pipeline,), {"__slots__": (), "_chunk": late})
    with pytest.raises(StoreFull):
        await pipeline.once()
    found = await states(rig.store)
    assert found["raw00000"] == "pending"
    assert found[f"raw{CHUNK:05d}"] == "done", "it was waited for"


# ---------------------------------------------------------------- a chunk in one transaction


def crowd_of(number: int) -> list[dict[str, Any]]:
    return [accepted(n, f"{n}", lane=f"app|user-{n}", sender=f"user-{n}") for n in range(number)]


async def test_the_plans_of_a_chunk_are_written_in_one_transaction_where_commits_are_dear(
    rig: Rig,
) -> None:
    await rig.store.insert("intake.accept", crowd_of(CHUNK))
    pipeline, write, written = rig.pipeline(), rig.store.write, []

    async def seen(work: Any) -> Any:
        written.append(work.__qualname__)
        return await write(work)

    rig.store.write = seen  # type: ignore[method-assign]
    assert await pipeline.once() == CHUNK
    together, each = "Pipeline._apply_all.<locals>.work", "Pipeline._apply.<locals>.work"
    plans = [together] if rig.store.shared else [each] * CHUNK
    assert written == ["Lanes.claim.<locals>.work", *plans]
    assert set((await states(rig.store)).values()) == {"done"}
    assert sorted(await texts(rig.store), key=int) == [f"{n}" for n in range(CHUNK)]
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_one_plan_that_cannot_be_written_leaves_the_others_of_its_chunk_alone(
    rig: Rig,
) -> None:
    await rig.store.insert("intake.accept", crowd_of(3))
    pipeline = rig.pipeline()

    def refuses(tx: Any, plan: Plan, now: float) -> None:
        if plan.event_id == "raw00001":
            raise StoreError("not this one")
        apply(tx, plan, now)

    pipeline.apply = refuses
    await pipeline.once()
    assert await states(rig.store) == {
        "raw00000": "done",
        "raw00001": "pending",
        "raw00002": "done",
    }
    assert await select(rig.store, "SELECT id FROM raw_events WHERE attempts > 0") == [
        {"id": "raw00001"}
    ]
    assert pipeline.counts["applied"] == 2


async def test_a_lane_that_was_lost_keeps_no_other_of_its_chunk_from_being_written(
    rig: Rig,
) -> None:
    await rig.store.insert("intake.accept", crowd_of(3))
    pipeline = rig.pipeline("frozen")
    lanes = await pipeline.lanes.claim()
    rows = [row for rows in lanes.values() for row in rows]
    await rig.work(
        lambda tx: tx.run_many(
            "intake.take_lane",
            [
                {
                    "lane": "app|user-1",
                    "owner": "other",
                    "until": rig.clock.now() + 2 * LANE_SECONDS,
                    "now": rig.clock.now() + LANE_SECONDS,
                }
            ],
        )
    )
    going_on = await pipeline._chunk(rows, {row["id"] for row in rows})
    assert going_on == {"app|user-0": True, "app|user-1": False, "app|user-2": True}
    assert await states(rig.store) == {
        "raw00000": "done",
        "raw00001": "pending",
        "raw00002": "done",
    }
    assert pipeline.counts["lost"] == 1
