"""An engine for each of those the gateway has, and a store on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.engines import ENGINES, SqliteEngine, SqliteStore


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteEngine:
    return ENGINES[request.param](tmp_path)


@pytest.fixture
async def store(engine: SqliteEngine) -> AsyncIterator[SqliteStore]:
    async with engine.opened() as store:
        yield store
