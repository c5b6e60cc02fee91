"""The parts behind the acknowledgement, for what becomes of a missed call there."""

from tests.store.fixtures import engine, postgres_only, rig, same_brain, store

__all__ = ["engine", "postgres_only", "rig", "same_brain", "store"]
