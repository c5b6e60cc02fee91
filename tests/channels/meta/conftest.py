"""The parts behind the acknowledgement on a store."""

from tests.store.fixtures import engine, rig, same_brain, store

__all__ = ["engine", "rig", "same_brain", "store"]
