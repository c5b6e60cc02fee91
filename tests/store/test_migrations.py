"""Migrations: done once, all or nothing, under a lock that a killed process does not keep."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.errors import StoreError
from gateway.store import migrate
from tests.store.engines import Engine, PostgresEngine, SqliteEngine, select, value

ROOT = Path(__file__).parents[2]
#: Opens the database named by the first argument and closes it again.
OPEN = """
import asyncio, sys
from pathlib import Path
from gateway.store.choose import store_for

async def main():
    store = store_for(sys.argv[1], Path("/"))
    await store.open()
    await store.close()

asyncio.run(main())
"""
#: A schema that a later release may have.
NEWER = migrate.SCHEMA + 2
_SCHEMA = {
    SqliteEngine: "SELECT name, sql FROM sqlite_master ORDER BY name",
    PostgresEngine: (
        "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY table_name, column_name"
    ),
}


def open_elsewhere(database: str, kill_at: str = "") -> int:
    """Open the database in a process of its own; its exit status."""
    environ = {**os.environ, "GATEWAY_KILL_AT": kill_at} if kill_at else {**os.environ}
    done = subprocess.run(
        [sys.executable, "-c", OPEN, database], cwd=ROOT, env=environ, timeout=60, check=False
    )
    return done.returncode


async def test_opening_again_changes_nothing(fresh_engine: Engine) -> None:
    schema = _SCHEMA[type(fresh_engine)]
    async with fresh_engine.opened() as store:
        first = await select(store, schema)
        assert await value(store, "SELECT MAX(number) FROM schema_version") == migrate.SCHEMA
    async with fresh_engine.opened() as store:
        assert await select(store, schema) == first
        assert await value(store, "SELECT COUNT(*) FROM schema_version") == len(migrate.files())


async def test_migrations_are_numbered_without_a_gap_and_end_at_the_schema() -> None:
    numbers = [number for number, _ in migrate.files()]
    assert numbers == [*range(1, migrate.SCHEMA + 1)]


@pytest.mark.parametrize(
    "step", ["migration.begun", "migration.before_commit", "migration.committed"]
)
async def test_killed_in_the_middle_it_starts_again(fresh_engine: Engine, step: str) -> None:
    assert open_elsewhere(fresh_engine.database, kill_at=step) == -signal.SIGKILL
    async with fresh_engine.opened() as store:
        assert await value(store, "SELECT MAX(number) FROM schema_version") == migrate.SCHEMA
        assert await value(store, "SELECT COUNT(*) FROM raw_events") == 0


async def test_two_at_once_migrate_once(fresh_engine: Engine) -> None:
    codes = await asyncio.gather(
        *(asyncio.to_thread(open_elsewhere, fresh_engine.database) for _ in range(2))
    )
    assert codes == [0, 0]
    async with fresh_engine.opened() as store:
        assert await value(store, "SELECT COUNT(*) FROM schema_version") == len(migrate.files())


async def test_the_database_of_a_newer_release_is_refused_in_a_sentence(
    fresh_engine: Engine,
) -> None:
    async with fresh_engine.opened() as store:
        await store.write(
            lambda tx: tx._connection.execute(  # type: ignore[attr-defined]
                f"INSERT INTO schema_version VALUES ({NEWER}, {migrate.SCHEMA + 1})"
            )
        )
    said = f"schema {NEWER}, which needs release {migrate.SCHEMA + 1} or newer"
    with pytest.raises(StoreError, match=said):
        async with fresh_engine.opened():
            pass


async def test_a_newer_schema_that_we_may_work_on_opens(fresh_engine: Engine) -> None:
    async with fresh_engine.opened() as store:
        await store.write(
            lambda tx: tx._connection.execute(  # type: ignore[attr-defined]
                f"INSERT INTO schema_version VALUES ({NEWER}, {migrate.OLDEST_CODE_OK})"
            )
        )
    async with fresh_engine.opened() as store:
        assert await value(store, "SELECT MAX(number) FROM schema_version") == NEWER


def test_the_lock_is_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holds = (
        "import sys, pathlib; from gateway.store.migrate import file_lock\n"
        f"with file_lock(pathlib.Path({str(lock)!r})):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with lock.open("a") as handle:
            with pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holder.kill()
            holder.wait(10)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_statements_are_split_where_they_end() -> None:
    script = (
        "-- a comment; with a semicolon\n\nCREATE TABLE a (x TEXT DEFAULT ';');\n"
        "-- another\nCREATE TABLE b (\n  y TEXT -- note;\n);\n"
    )
    assert [text.split("(")[0] for text in migrate.statements(script)] == [
        "CREATE TABLE a ",
        "CREATE TABLE b ",
    ]


def test_a_migration_that_ends_inside_a_statement_is_refused() -> None:
    with pytest.raises(StoreError, match="ends inside a statement"):
        list(migrate.statements("CREATE TABLE a (x TEXT);\nCREATE TABLE b (\n"))
