"""A transaction as units of work see it: named queries and the event log, on either engine."""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.domain.plan import LogEvent
from gateway.domain.store import Row
from gateway.store.catalog import Query


class Transaction:
    """Implements `gateway.domain.store.Tx` on one connection."""

    __slots__ = ("_catalog", "_connection", "pending")

    def __init__(self, connection: Any, catalog: Mapping[str, Query]) -> None:
        self._connection = connection
        self._catalog = catalog
        self.pending: list[LogEvent] = []

    def one(self, query: str, /, **values: Any) -> Row | None:
        row: Row | None = self._catalog[query](self._connection, **values)
        return row

    def all(self, query: str, /, **values: Any) -> list[Row]:
        return list(self._catalog[query](self._connection, **values))

    def value(self, query: str, /, **values: Any) -> Any:
        return self._catalog[query](self._connection, **values)

    def run(self, query: str, /, **values: Any) -> int:
        changed: int = self._catalog[query](self._connection, **values)
        return changed

    def run_many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        changed: int = self._catalog[query](self._connection, list(rows))
        return changed

    def log(self, event: LogEvent) -> None:
        """Written by the engine at the end of the transaction, and sealed then or soon after."""
        self.pending.append(event)


def contents(event: LogEvent) -> tuple[str, str]:
    """Salt and canonical JSON of an event's data. The salt keeps a digest from being guessed back
    once the contents are erased."""
    data = json.dumps(dict(event.data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return os.urandom(16).hex(), data
