"""What is SQLite's own: one writer with group commit, a full disk, a database that another process holds, what is on the disk."""

import asyncio
import os
import sqlite3
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import NotFound, Overloaded, StoreError, StoreFull
from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store import sealer
from tests.store.engines import SqliteEngine, SqliteStore, select, value, verified
from tests.store.rows import raw
from tests.store.units import Held, keys, logged, remember, together

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine(sqlite_only: SqliteEngine) -> SqliteEngine:
    return sqlite_only


async def limit_pages(store: SqliteStore, more: int) -> None:
    """Room for so many pages more, on the writer's connection: a disk that is nearly full."""

    def work(tx: Any) -> None:
        used = tx._connection.execute("PRAGMA page_count").fetchone()[0]
        tx._connection.execute(f"PRAGMA max_page_count={used + more}")

    await store.write(work)


async def no_limit(store: SqliteStore) -> None:
    await store.write(lambda tx: tx._connection.execute("PRAGMA max_page_count=1000000"))  # type: ignore[attr-defined]


def sized(key: str, size: int = 1) -> Any:
    def work(tx: Tx) -> None:
        tx.run("meta.remember", account="a", key=key, value="x" * size)
        tx.log(LogEvent(f"event-{key}", "test.happened", 1.0))

    return work


# ---------------------------------------------------------------- one writer, one group


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
    assert await verified(store) == 1, "the event of the first run is not there twice"


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


# ---------------------------------------------------------------- the disk


async def test_on_a_full_disk_only_the_unit_that_does_not_fit_is_refused(
    store: SqliteStore,
) -> None:
    await store.write(sized("before"))
    await limit_pages(store, 6)
    results = await asyncio.gather(
        store.write(sized("small-1")),
        store.write(sized("huge", 200_000)),
        store.write(sized("small-2")),
        store.insert("intake.accept", [raw(1)]),
        store.insert("intake.accept", [raw(2, body="x" * 200_000)]),
        return_exceptions=True,
    )
    assert isinstance(results[1], StoreFull)
    assert isinstance(results[1], Overloaded), "the sender is told to come again"
    assert isinstance(results[4], StoreFull)
    assert [results[0], results[2], results[3]] == [None, None, 1]
    assert store.stats["reruns"] == 1
    assert await value(store, "SELECT COUNT(*) FROM memos") == 3
    assert await value(store, "SELECT COUNT(*) FROM raw_events") == 1
    assert await store.read(sealer.verify) == 3


async def test_service_resumes_when_there_is_room_again(store: SqliteStore) -> None:
    await limit_pages(store, 0)
    with pytest.raises(StoreFull):
        await store.write(sized("a", 100_000))
    with pytest.raises(StoreFull):
        await store.insert("intake.accept", [raw(1, body="x" * 100_000)])
    assert store.stats["full"] == 2
    await no_limit(store)
    await store.write(sized("a", 100_000))
    assert await store.insert("intake.accept", [raw(1, body="x" * 100_000)]) == 1
    assert await store.read(sealer.verify) == 1


async def test_two_processes_write_one_chain(engine: SqliteEngine) -> None:
    rounds, each = 20, 10
    async with engine.opened() as store:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.store.other_process", str(engine.path), "b",
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert other.stdin is not None
        assert other.stdout is not None
        for turn in range(rounds):
            other.stdin.write(b"%d\n" % each)
            for number in range(each):
                name = f"a{turn * each + number:04d}"
                await store.write(
                    lambda tx, name=name: tx.log(LogEvent(name, "test.happened", 1.0))
                )
            assert await other.stdout.readline() == b"done\n"
        other.stdin.close()
        assert await other.wait() == 0
        assert await store.read(sealer.verify) == 2 * rounds * each
        rows = await select(store, "SELECT seq, id FROM events ORDER BY seq")
        assert [row["seq"] for row in rows] == [*range(1, 2 * rounds * each + 1)]
        changes = sum(a["id"][0] != b["id"][0] for a, b in pairwise(rows))
        assert changes >= rounds


async def test_a_database_that_another_process_holds_is_refused_within_its_patience(
    engine: SqliteEngine,
) -> None:
    async with engine.opened() as store:
        await store.write(lambda tx: tx._connection.execute("PRAGMA busy_timeout=50"))  # type: ignore[attr-defined]
        holder = sqlite3.connect(engine.path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        began = asyncio.get_running_loop().time()
        results = await asyncio.gather(
            *(store.write(sized(f"k{n}")) for n in range(40)),
            store.insert("intake.accept", [raw(1)]),
            return_exceptions=True,
        )
        took = asyncio.get_running_loop().time() - began
        assert all(isinstance(result, StoreError) for result in results)
        assert "locked" in str(results[0])
        assert took < 1.5, "each unit waited by itself"
        holder.execute("ROLLBACK")
        holder.close()
        await store.write(sized("after"))
        assert await value(store, "SELECT COUNT(*) FROM memos") == 1


async def test_readers_do_not_wait_for_a_writer_elsewhere(engine: SqliteEngine) -> None:
    async with engine.opened() as store:
        holder = sqlite3.connect(engine.path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(2):
            assert await select(store, "SELECT key FROM memos") == []
        holder.close()


async def test_the_settings_that_durability_rests_on(store: SqliteStore) -> None:
    def settings(tx: Any) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return {n: tx._connection.execute(f"PRAGMA {n}").fetchone()[0] for n in names}

    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert await store.write(settings) == expected
    assert await store.read(settings) == expected


async def test_what_was_acknowledged_survives_a_kill(engine: SqliteEngine) -> None:
    """The process dies right after the first commit, before anybody hears of it."""
    script = (
        "import asyncio, sys, pathlib\n"
        "from gateway.store.sqlite import SqliteStore\n"
        "async def main():\n"
        "    store = SqliteStore(pathlib.Path(sys.argv[1])); await store.open()\n"
        "    await store.write(lambda tx: tx.run('meta.remember', account='a', key='k', value='v'))\n"
        "asyncio.run(main())\n"
    )
    for step, expected in (("commit.before", 0), ("commit.after", 1)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(engine.path),
            cwd=ROOT, env={**os.environ, "GATEWAY_KILL_AT": step},
        )  # fmt: skip
        assert await process.wait() == -9
        async with engine.opened() as store:
            assert await value(store, "SELECT COUNT(*) FROM memos") == expected


async def test_a_file_that_is_no_database_is_named(engine: SqliteEngine) -> None:
    engine.path.write_bytes(b"these are no pages " * 100)
    store = engine.build()
    with pytest.raises(StoreError, match=r"cannot open the database .*gateway\.sqlite"):
        await store.open()
    with pytest.raises(StoreError, match="not open"):
        await store.write(lambda _tx: None)
    await store.close()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = SqliteEngine(tmp_path / "missing").build()
    with pytest.raises(StoreError, match="missing"):
        await store.open()
