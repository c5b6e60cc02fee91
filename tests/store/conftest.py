"""An engine for each of those the gateway has, and a store on it."""

from tests.store.fixtures import (
    engine,
    fresh_engine,
    postgres_only,
    rig,
    same_brain,
    sqlite_only,
    store,
)

__all__ = [
    "engine", "fresh_engine", "postgres_only", "rig", "same_brain", "sqlite_only", "store",
]  # fmt: skip
