"""What a test inside the gateway stands on; one engine is enough for a channel."""

import pytest

from tests.store.engines import SqliteEngine
from tests.store.fixtures import rig, same_brain, store

__all__ = ["engine", "rig", "same_brain", "store"]


@pytest.fixture
def engine(tmp_path):
    return SqliteEngine(tmp_path)
