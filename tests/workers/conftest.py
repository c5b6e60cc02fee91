"""The parts behind the acknowledgement on a store."""

from tests.store.fixtures import engine, postgres_only, rig, same_brain, store

__all__ = ["engine", "postgres_only", "rig", "same_brain", "store"]
