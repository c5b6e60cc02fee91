"""The contract of a unit of work, the same for every engine (DESIGN §5)."""

import asyncio
import threading
from typing import Any

import pytest

from gateway.domain.errors import Conflict, NotFound, Overloaded, StoreError
from gateway.domain.plan import LogEvent
from gateway.domain.store import Reader, Tx
from gateway.store import sealer
from tests.store.engines import SqliteEngine, SqliteStore, select, value
from tests.store.rows import raw


def remember(key: str, text: str = "1") -> Any:
    """A unit that leaves one row."""

    def work(tx: Tx) -> str:
        tx.run("meta.remember", account="a", key=key, value=text)
        return key

    return work


def logged(name: str, **data: Any) -> Any:
    def work(tx: Tx) -> None:
        tx.log(LogEvent(name, "test.happened", 1.0, data=data))

    return work


async def keys(store: Any) -> list[str]:
    return [row["key"] for row in await select(store, "SELECT key FROM memos ORDER BY key")]


async def together(store: Any, *works: Any) -> list[Any]:
    """Hand all units in within one turn of the loop, so that they share one group."""
    before = store.stats["groups"]
    results = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    assert store.stats["groups"] == before + 1, "the units did not form one group"
    return results


class Held:
    """Keeps the writer busy inside a unit until `release`."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.entered.set()
        assert self.release.wait(10)


# ---------------------------------------------------------------- results and order


async def test_a_unit_gives_its_result_and_its_rows_are_there_afterwards(
    store: SqliteStore,
) -> None:
    assert await store.write(remember("one")) == "one"
    assert await keys(store) == ["one"]


async def test_units_of_one_turn_share_one_commit_and_run_in_order(store: SqliteStore) -> None:
    ran: list[int] = []

    def unit(number: int) -> Any:
        return lambda _tx: ran.append(number)

    await together(store, *(unit(n) for n in range(40)))
    assert ran == [*range(40)]


async def test_nothing_is_answered_before_the_commit(store: SqliteStore) -> None:
    held = Held()
    fast = asyncio.create_task(store.write(remember("fast")))
    slow = asyncio.create_task(store.write(held))
    await asyncio.to_thread(held.entered.wait, 10)
    assert not fast.done(), "its group is not committed yet"
    assert await keys(store) == []
    held.release.set()
    await asyncio.gather(fast, slow)
    assert await keys(store) == ["fast"]


# ---------------------------------------------------------------- failures stay alone


async def test_a_unit_that_raises_takes_nothing_else_with_it(store: SqliteStore) -> None:
    def fails(tx: Tx) -> None:
        remember("half")(tx)
        logged("half")(tx)
        raise NotFound("no such thing")

    first, failed, last = await together(store, remember("a"), fails, remember("b"))
    assert (first, last) == ("a", "b")
    assert isinstance(failed, NotFound)
    assert await keys(store) == ["a", "b"]
    assert await store.read(sealer.verify) == 0, "the event of the failed unit is gone with it"


async def test_a_key_that_is_there_already_is_a_conflict(store: SqliteStore) -> None:
    def add(tx: Tx) -> None:
        tx.run("contacts.add_contact", id="c", name="", language="", created_at=1.0)

    results = await together(store, add, add, remember("b"))
    assert results[0] is None
    assert isinstance(results[1], Conflict)
    assert results[2] == "b"


async def test_a_statement_that_is_refused_is_a_store_error(store: SqliteStore) -> None:
    def wrong(tx: Any) -> None:
        tx._connection.execute("INSERT INTO nothing VALUES (1)")

    results = await together(store, wrong, remember("b"))
    assert isinstance(results[0], StoreError)
    assert results[1] == "b"


async def test_a_unit_that_loses_the_transaction_alone_gets_its_error(store: SqliteStore) -> None:
    def loses(tx: Any) -> None:
        tx._connection.execute("ROLLBACK")
        raise NotFound("and fails as well")

    def loses_in_silence(tx: Any) -> None:
        tx._connection.execute("ROLLBACK")

    results = await together(
        store, remember("a"), logged("e1"), loses, remember("b"), loses_in_silence, remember("c")
    )
    assert [type(result) for result in results] == [
        str, type(None), StoreError, str, StoreError, str,
    ]  # fmt: skip
    assert store.stats["reruns"] == 1
    assert await keys(store) == ["a", "b", "c"]
    assert await store.read(sealer.verify) == 1, "the event of the first run is not there twice"


async def test_a_unit_is_run_again_after_a_lost_group_and_its_last_result_counts(
    store: SqliteStore,
) -> None:
    runs: list[int] = []

    def counted(tx: Tx) -> int:
        runs.append(1)
        return tx.run("meta.remember", account="a", key="k", value=str(len(runs)))

    def loses(tx: Any) -> None:
        tx._connection.execute("ROLLBACK")

    results = await together(store, counted, loses)
    assert results[0] == 1
    assert len(runs) == 2
    assert await value(store, "SELECT value FROM memos") == "2"


async def test_what_cannot_be_written_at_all_fails_alone_and_the_writer_lives_on(
    store: SqliteStore,
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
    assert await store.read(sealer.verify) == 0


async def test_an_event_id_that_is_taken_is_a_conflict_of_that_unit_alone(
    store: SqliteStore,
) -> None:
    results = await together(store, logged("same"), remember("a"), logged("same"))
    assert results[:2] == [None, "a"]
    assert isinstance(results[2], Conflict)
    assert await store.read(sealer.verify) == 1


async def test_an_error_of_the_lost_run_does_not_stick_to_a_unit(store: SqliteStore) -> None:
    """The second was in the way of the first only as long as the first was thought to succeed."""

    def add(tx: Tx) -> str:
        tx.run("contacts.add_contact", id="c", name="", language="", created_at=1.0)
        return "added"

    def adds_and_cannot_be_sealed(tx: Tx) -> None:
        add(tx)
        tx.log(LogEvent("e1", "test.happened", 1.0, data={"x": object()}))

    results = await together(store, adds_and_cannot_be_sealed, add)
    assert isinstance(results[0], StoreError)
    assert results[1] == "added"


# ---------------------------------------------------------------- plain inserts


async def test_inserts_say_how_many_rows_were_new(store: SqliteStore) -> None:
    again = raw(1, id="x1")
    assert await store.insert("intake.accept", [raw(1), raw(2), again]) == 2
    assert await store.insert("intake.accept", [raw(2, id="x2"), raw(3)]) == 1
    assert await store.insert("intake.accept", []) == 0
    assert await value(store, "SELECT COUNT(*) FROM raw_events") == 3
    assert (store.stats["inserted"], store.stats["duplicates"]) == (3, 2)


async def test_more_rows_than_a_statement_takes_are_inserted_in_order(store: SqliteStore) -> None:
    rows = [raw(n) for n in range(200)]
    assert await store.insert("intake.accept", rows) == 200
    again = [raw(n, id=f"x{n}") for n in range(150, 300)]
    assert await store.insert("intake.accept", again) == 100
    assert await value(store, "SELECT COUNT(*) FROM raw_events") == 300


async def test_inserts_of_one_group_each_get_their_own_number(store: SqliteStore) -> None:
    await store.insert("intake.accept", [raw(1)])
    again = [raw(1, id="x1"), raw(3, id="x3")]
    batches = [[raw(2)], [again[0], raw(3)], [again[1]], [], [raw(4), raw(5)]]
    found = await asyncio.gather(*(store.insert("intake.accept", rows) for rows in batches))
    assert found == [1, 1, 0, 0, 2]


async def test_an_insert_that_cannot_be_spares_its_neighbours(store: SqliteStore) -> None:
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


# ---------------------------------------------------------------- cancellation, bounds, the end


async def test_cancelling_the_caller_neither_undoes_nor_repeats_the_unit(
    store: SqliteStore,
) -> None:
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
    assert runs == [1]
    assert await keys(store) == ["after", "done"]
    assert store.waiting == 0


async def test_one_unit_too_many_is_refused_at_once(engine: SqliteEngine) -> None:
    async with engine.opened(max_waiting=3) as store:
        held = Held()
        tasks = [asyncio.create_task(store.write(held))]
        await asyncio.to_thread(held.entered.wait, 10)
        tasks += [asyncio.create_task(store.write(remember(f"k{n}"))) for n in range(2)]
        await asyncio.sleep(0)
        assert store.waiting == 3
        with pytest.raises(Overloaded):
            await store.write(remember("too much"))
        with pytest.raises(Overloaded):
            await store.insert("intake.accept", [raw(1)])
        held.release.set()
        await asyncio.gather(*tasks)
        assert store.waiting == 0
        assert await store.write(remember("again")) == "again"
        assert await keys(store) == ["again", "k0", "k1"]


async def test_more_units_than_one_group_holds_are_all_written(store: SqliteStore) -> None:
    await asyncio.gather(*(store.write(remember(f"k{n:04d}")) for n in range(700)))
    assert len(await keys(store)) == 700
    assert store.stats["units"] >= 700


async def test_closing_writes_what_was_handed_in(engine: SqliteEngine) -> None:
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
    engine: SqliteEngine,
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


async def test_a_reader_sees_one_moment_however_long_it_looks(store: SqliteStore) -> None:
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


async def test_a_reader_cannot_write(store: SqliteStore) -> None:
    def sneaks(reader: Any) -> None:
        reader.run("meta.remember", account="a", key="k", value="v")

    with pytest.raises(StoreError):
        await store.read(sneaks)
    assert await keys(store) == []
    assert await store.write(remember("fine")) == "fine"


async def test_what_a_reader_raises_reaches_its_caller_and_the_next_reader_is_served(
    store: SqliteStore,
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


async def test_readers_never_see_an_event_that_is_not_sealed(store: SqliteStore) -> None:
    """Neither while its group is under way nor afterwards: each event shows with its number."""
    held = Held()
    writing = asyncio.gather(
        store.write(logged("e1")), store.write(held), store.write(logged("e2"))
    )
    await asyncio.to_thread(held.entered.wait, 10)
    events = "SELECT id, seq, chain FROM events ORDER BY seq"
    assert await select(store, events) == []
    held.release.set()
    await writing
    rows = await select(store, events)
    assert [(row["id"], row["seq"]) for row in rows] == [("e1", 1), ("e2", 2)]
    assert all(row["chain"] for row in rows)
