"""The fixtures of everything that stands on the rig."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.workers import brain
from tests.store.engines import ENGINES, SqliteEngine, SqliteStore, Twice
from tests.workers.rig import Rig

__all__ = ["engine", "rig", "same_brain", "store"]


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteEngine:
    return ENGINES[request.param](tmp_path)


@pytest.fixture
async def store(engine: SqliteEngine) -> AsyncIterator[SqliteStore]:
    async with engine.opened() as store:
        yield store


@pytest.fixture
def same_brain() -> Iterator[None]:
    """What this process plans with is put back."""
    before = [*brain._planner]
    yield
    brain._planner[:] = before


@pytest.fixture
def rig(store: SqliteStore, same_brain: None) -> Rig:
    rig = Rig(Twice(store))
    rig.think()
    return rig
