"""The fixtures of everything that stands on the rig."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.workers import brain
from tests.postgres import drop_database, emptied
from tests.store.engines import AnyStore, Engine, PostgresEngine, SqliteEngine, Twice
from tests.workers.rig import Rig

__all__ = [
    "engine", "fresh_engine", "postgres_only", "rig", "same_brain", "sqlite_only", "store",
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty database on each engine; on PostgreSQL the same one, emptied before each test."""
    if request.param == "sqlite":
        return SqliteEngine(tmp_path)
    return PostgresEngine(emptied(request.getfixturevalue("postgres_database")))


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """For tests about the schema: nothing is there yet."""
    if request.param == "sqlite":
        yield SqliteEngine(tmp_path)
        return
    url = request.getfixturevalue("postgres").create_database()
    yield PostgresEngine(url)
    drop_database(url)


@pytest.fixture
def postgres_only(postgres_database: str) -> PostgresEngine:
    """For what one engine alone has: connections that get lost, transactions that meet."""
    return PostgresEngine(emptied(postgres_database))


@pytest.fixture
def sqlite_only(tmp_path: Path) -> SqliteEngine:
    """For what one engine alone has: files, one writer thread."""
    return SqliteEngine(tmp_path)


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[AnyStore]:
    async with engine.opened() as store:
        yield store


@pytest.fixture
def same_brain() -> Iterator[None]:
    """What this process plans with is put back."""
    before = [*brain._planner]
    yield
    brain._planner[:] = before


@pytest.fixture
def rig(store: AnyStore, same_brain: None) -> Rig:
    rig = Rig(Twice(store))
    rig.think()
    return rig
