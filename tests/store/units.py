"""Small units of work, and what they leave behind."""

import asyncio
import threading
from typing import Any

from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store.sqlite import SqliteStore
from tests.store.engines import select


def remember(key: str, text: str = "1") -> Any:
    """A unit that leaves one row."""

    def work(tx: Tx) -> str:
        tx.run("meta.remember", account="a", key=key, value=text)
        return key

    return work


def logged(name: str, **data: Any) -> Any:
    def work(tx: Tx) -> None:
        tx.log(LogEvent(name, "test.happened", 1.0, data=data))

    return work


async def keys(store: Any) -> list[str]:
    return [row["key"] for row in await select(store, "SELECT key FROM memos ORDER BY key")]


async def together(store: Any, *works: Any) -> list[Any]:
    """Hand all units in within one turn of the loop: on SQLite they share one group."""
    before = store.stats["groups"]
    results = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    if isinstance(store, SqliteStore):
        assert store.stats["groups"] == before + 1, "the units did not form one group"
    return results


class Held:
    """Keeps a unit of work open until `release`."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.entered.set()
        assert self.release.wait(10)
