"""The parts behind the acknowledgement, for what happens to an SMS there."""

from tests.store.fixtures import engine, postgres_only, rig, same_brain, store

__all__ = ["engine", "postgres_only", "rig", "same_brain", "store"]
