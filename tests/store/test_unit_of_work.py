"""The contract of a unit of work, the same for every engine (DESIGN §5)."""

import asyncio
import threading
from typing import Any

import pytest

from gateway.domain.errors import Conflict, NotFound, Overloaded, StoreError
from gateway.domain.store import Reader, Tx
from tests.store.engines import AnyStore, Engine, sealed, select, value, verified
from tests.store.rows import raw
from tests.store.units import Held, keys, logged, remember, together

# ---------------------------------------------------------------- results and order


async def test_a_unit_gives_its_result_and_its_rows_are_there_afterwards(
    store: AnyStore,
) -> None:
    assert await store.write(remember("one")) == "one"
    assert await keys(store) == ["one"]


# ---------------------------------------------------------------- failures stay alone


async def test_a_unit_that_raises_takes_nothing_else_with_it(store: AnyStore) -> None:
    def fails(tx: Tx) -> None:
        remember("half")(tx)
        logged("half")(tx)
        raise NotFound("no such thing")

    first, failed, last = await together(store, remember("a"), fails, remember("b"))
    assert (first, last) == ("a", "b")
    assert isinstance(failed, NotFound)
    assert await keys(store) == ["a", "b"]
    assert await verified(store) == 0, "the event of the failed unit is gone with it"


async def test_a_key_that_is_there_already_is_a_conflict(store: AnyStore) -> None:
    def add(tx: Tx) -> None:
        tx.run("contacts.add_contact", id="c", name="", language="", created_at=1.0)

    *twins, other = await together(store, add, add, remember("b"))
    assert sorted(type(result).__name__ for result in twins) == ["Conflict", "NoneType"]
    assert other == "b"


async def test_a_statement_that_is_refused_is_a_store_error(store: AnyStore) -> None:
    def wrong(tx: Any) -> None:
        tx._connection.execute("INSERT INTO nothing VALUES (1)")

    results = await together(store, wrong, remember("b"))
    assert isinstance(results[0], StoreError)
    assert results[1] == "b"


async def test_a_unit_that_ends_its_transaction_by_itself_stores_nothing_and_spares_the_others(
    store: AnyStore,
) -> None:
    def ends(tx: Any) -> None:
        remember("half")(tx)
        tx._connection.execute("ROLLBACK")

    def ends_and_fails(tx: Any) -> None:
        ends(tx)
        raise NotFound("and fails as well")

    results = await together(store, remember("a"), ends, ends_and_fails, remember("b"))
    assert (results[0], results[3]) == ("a", "b")
    assert isinstance(results[1], StoreError)
    assert isinstance(results[2], StoreError | NotFound)
    assert await keys(store) == ["a", "b"]


async def test_what_cannot_be_written_at_all_fails_alone_and_the_writer_lives_on(
    store: AnyStore,
) -> None:
    """A half of a surrogate pair has no UTF-8, an object has no JSON: neither is an error of the
    database, and neither may end the writer."""
    insert = asyncio.create_task(store.insert("intake.accept", [raw(1, body="\ud83d")]))
    unit = asyncio.create_task(store.write(remember("x", "\ud83d")))
    event = asyncio.create_task(store.write(logged("e1", data=object())))
    text = asyncio.create_task(store.write(logged("e2", text="\ud83d")))
    good = asyncio.create_task(store.write(remember("good")))
    results = await asyncio.gather(insert, unit, event, text, good, return_exceptions=True)
    assert isinstance(results[0], StoreError)
    assert isinstance(results[1], UnicodeEncodeError), "what a unit raises belongs to its caller"
    assert isinstance(results[2], StoreError)
    assert isinstance(results[3], StoreError)
    assert results[4] == "good"
    assert await keys(store) == ["good"]
    assert await verified(store) == 0


async def test_an_event_id_that_is_taken_is_a_conflict_of_that_unit_alone(
    store: AnyStore,
) -> None:
    first, other, second = await together(store, logged("same"), remember("a"), logged("same"))
    assert other == "a"
    assert sorted(type(result).__name__ for result in (first, second)) == ["Conflict", "NoneType"]
    assert await verified(store) == 1


# ---------------------------------------------------------------- plain inserts


async def test_inserts_say_how_many_rows_were_new(store: AnyStore) -> None:
    again = raw(1, id="x1")
    assert await store.insert("intake.accept", [raw(1), raw(2), again]) == 2
    assert await store.insert("intake.accept", [raw(2, id="x2"), raw(3)]) == 1
    assert await store.insert("intake.accept", []) == 0
    assert await value(store, "SELECT COUNT(*) FROM raw_events") == 3
    assert (store.stats["inserted"], store.stats["duplicates"]) == (3, 2)


async def test_more_rows_than_a_statement_takes_are_inserted_in_order(store: AnyStore) -> None:
    rows = [raw(n) for n in range(200)]
    assert await store.insert("intake.accept", rows) == 200
    again = [raw(n, id=f"x{n}") for n in range(150, 300)]
    assert await store.insert("intake.accept", again) == 100
    assert await value(store, "SELECT COUNT(*) FROM raw_events") == 300


async def test_inserts_of_one_group_each_get_their_own_number(store: AnyStore) -> None:
    await store.insert("intake.accept", [raw(1)])
    again = [raw(1, id="x1"), raw(3, id="x3")]
    batches = [[raw(2)], [again[0], raw(3)], [again[1]], [], [raw(4), raw(5)]]
    found = await asyncio.gather(*(store.insert("intake.accept", rows) for rows in batches))
    assert found == [1, 1, 0, 0, 2]


async def test_an_insert_that_cannot_be_spares_its_neighbours(store: AnyStore) -> None:
    results = await asyncio.gather(
        store.insert("intake.accept", [raw(1)]),
        store.insert("intake.accept", [raw(2), raw(3, verified=None)]),
        store.insert("intake.accept", [raw(4, verified=None)]),
        store.insert("intake.accept", [raw(5)]),
        store.write(remember("unit")),
        return_exceptions=True,
    )
    assert results[0] == results[3] == 1
    assert results[4] == "unit"
    assert isinstance(results[1], Conflict)
    assert isinstance(results[2], Conflict)
    found = [row["id"] for row in await select(store, "SELECT id FROM raw_events ORDER BY id")]
    assert found[0] == "raw00001"
    assert found[-1] == "raw00005"
    assert "raw00004" not in found


async def test_many_rows_of_one_query_tell_how_many_were_changed(store: AnyStore) -> None:
    odd = ["a'b", "c\\d", "%s %(x)s :y", "e;--", "文字", ""]

    def take(lanes: list[str], until: float) -> Any:
        rows = [{"lane": lane, "owner": lane, "until": until, "now": 1.5} for lane in lanes]
        return store.write(lambda tx: tx.run_many("intake.take_lane", rows))

    assert await take(odd[:3], 1.25) == 3
    assert await take(odd[2:], 9.0) == 4
    assert await take(odd, 9.0) == 2, "the others are taken"
    assert await take([], 9.0) == 0
    found = await select(store, "SELECT lane, owner, until FROM lanes")
    assert sorted(row["lane"] for row in found) == sorted(odd)
    assert all((row["owner"], row["until"]) == (row["lane"], 9.0) for row in found)


# ---------------------------------------------------------------- cancellation, bounds, the end


async def test_cancelling_the_caller_neither_undoes_nor_repeats_the_unit(
    engine: Engine,
) -> None:
    async with engine.plain() as store:
        held, runs = Held(), []

        def counted(tx: Tx) -> None:
            runs.append(1)
            remember("done")(tx)

        first = asyncio.create_task(store.write(held))
        await asyncio.to_thread(held.entered.wait, 10)
        waiting = asyncio.create_task(store.write(counted))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        first.cancel()
        held.release.set()
        await store.write(remember("after"))
        async with asyncio.timeout(5):
            while store.waiting:
                await asyncio.sleep(0.005)
        assert runs == [1]
        assert await keys(store) == ["after", "done"]


async def test_one_unit_too_many_is_refused_at_once(engine: Engine) -> None:
    async with engine.plain(max_waiting=3) as store:
        held = Held()

        def slow(key: str) -> Any:
            def work(tx: Tx) -> None:
                held(tx)
                remember(key)(tx)

            return work

        tasks = [asyncio.create_task(store.write(slow(f"k{n}"))) for n in range(3)]
        await asyncio.to_thread(held.entered.wait, 10)
        assert store.waiting == 3
        with pytest.raises(Overloaded):
            await store.write(remember("too much"))
        with pytest.raises(Overloaded):
            await store.insert("intake.accept", [raw(1)])
        held.release.set()
        await asyncio.gather(*tasks)
        assert store.waiting == 0
        assert await store.write(remember("again")) == "again"
        assert await keys(store) == ["again", "k0", "k1", "k2"]


async def test_more_units_than_one_group_holds_are_all_written(store: AnyStore) -> None:
    await asyncio.gather(*(store.write(remember(f"k{n:04d}")) for n in range(700)))
    assert len(await keys(store)) == 700
    assert store.stats["units"] >= 700


async def test_closing_writes_what_was_handed_in(engine: Engine) -> None:
    store = engine.build()
    await store.open()
    held = Held()
    tasks = [asyncio.create_task(store.write(held))]
    await asyncio.to_thread(held.entered.wait, 10)
    tasks += [asyncio.create_task(store.write(remember(f"k{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    held.release.set()
    await closing
    await asyncio.gather(*tasks, return_exceptions=True)
    async with engine.opened() as again:
        assert await keys(again) == ["k0", "k1", "k2", "k3", "k4"]


async def test_a_closed_store_refuses_work_instead_of_letting_it_wait(
    engine: Engine,
) -> None:
    store = engine.build()
    with pytest.raises(StoreError, match="not open"):
        await store.write(remember("early"))
    with pytest.raises(StoreError, match="not open"):
        await store.read(lambda _reader: None)
    await store.open()
    held = Held()
    under_way = asyncio.create_task(store.write(held))
    await asyncio.to_thread(held.entered.wait, 10)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreError, match="not open"):
        await store.write(remember("late"))
    held.release.set()
    await asyncio.gather(closing, under_way)
    with pytest.raises(StoreError, match="not open"):
        await store.insert("intake.accept", [raw(1)])
    with pytest.raises(StoreError, match="not open"):
        await store.read(lambda _reader: None)
    await store.close()


# ---------------------------------------------------------------- readers


async def test_a_reader_sees_one_moment_however_long_it_looks(store: AnyStore) -> None:
    await store.write(remember("a"))
    looking, go_on = threading.Event(), threading.Event()

    def look(reader: Reader) -> tuple[Any, Any]:
        before = reader.value("meta.memo", account="a", key="a")
        looking.set()
        assert go_on.wait(10)
        return before, reader.value("meta.memo", account="a", key="a")

    reading = asyncio.create_task(store.read(look))
    await asyncio.to_thread(looking.wait, 10)
    await store.write(remember("a", "2"))
    go_on.set()
    assert await reading == ("1", "1")
    assert await store.read(lambda r: r.value("meta.memo", account="a", key="a")) == "2"


async def test_a_reader_cannot_write(store: AnyStore) -> None:
    def sneaks(reader: Any) -> None:
        reader.run("meta.remember", account="a", key="k", value="v")

    with pytest.raises(StoreError):
        await store.read(sneaks)
    assert await keys(store) == []
    assert await store.write(remember("fine")) == "fine"


async def test_what_a_reader_raises_reaches_its_caller_and_the_next_reader_is_served(
    store: AnyStore,
) -> None:
    def fails(reader: Reader) -> None:
        reader.value("meta.memo", account="a", key="a")
        raise NotFound("nothing here")

    for _ in range(6):
        with pytest.raises(NotFound):
            await store.read(fails)
    with pytest.raises(StoreError):
        await store.read(lambda reader: reader._connection.execute("SELECT nonsense"))  # type: ignore[attr-defined]
    assert await keys(store) == []


async def test_readers_never_see_an_event_that_is_not_sealed(store: AnyStore) -> None:
    """Neither while its unit is under way nor afterwards: each event shows with its number."""
    held = Held()

    def slow(tx: Tx) -> None:
        logged("e1")(tx)
        held(tx)

    async def seen() -> list[Any]:
        return await store.read(lambda reader: reader.all("events.after", seq=0, n=9))

    writing = asyncio.gather(store.write(slow), store.write(logged("e2")))
    await asyncio.to_thread(held.entered.wait, 10)
    assert "e1" not in [row["id"] for row in await seen()]
    held.release.set()
    await writing
    await sealed(store)
    rows = await seen()
    assert sorted(row["id"] for row in rows) == ["e1", "e2"]
    assert [row["seq"] for row in rows] == [1, 2]
    assert all(row["chain"] for row in rows)
