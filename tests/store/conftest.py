"""An engine for each of those the gateway has, and a store on it."""

from tests.store.fixtures import engine, rig, same_brain, store

__all__ = ["engine", "rig", "same_brain", "store"]
