"""The parts behind the acknowledgement on a store, for tests of the recount itself."""

from tests.store.fixtures import engine, rig, same_brain, store

__all__ = ["engine", "rig", "same_brain", "store"]
