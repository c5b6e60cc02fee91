"""What the writer thread of the embedded engine does with a group of units of work.

All of them in one transaction, each behind a savepoint of its own; when the transaction is lost (a
full disk, a row that cannot be written) each by itself, so that only the guilty one fails.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from gateway import steps
from gateway.domain.errors import Conflict, GatewayError, StoreError, StoreFull
from gateway.domain.store import Tx
from gateway.store import sealer
from gateway.store.bulk import WIDEST, BulkInsert
from gateway.store.catalog import Query, sql_of
from gateway.store.transaction import Transaction

#: A group ends after so many seconds of work: long enough to share the fsync, short enough that
#: nobody waits noticeably for the others.
GROUP_SECONDS = 0.05


@dataclass(slots=True)
class Unit:
    """A unit of work, or plain inserts (`query` and `rows`), and what became of it."""

    future: asyncio.Future[Any]
    work: Callable[[Tx], Any] | None = None
    query: str = ""
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Writes groups on one connection. Lives on the writer thread.

    Args:
        stats: counts reruns and full disks.
    """

    def __init__(
        self, connection: sqlite3.Connection, catalog: Mapping[str, Query], stats: dict[str, int]
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._stats = stats
        self._bulks: dict[str, BulkInsert] = {}

    def attempt(self, group: list[Unit], deadline: float) -> tuple[list[Unit], list[Unit]]:
        """Try a group in one transaction; when the transaction is lost, each unit by itself.

        Returns the units that are settled and those that the time bound left over.
        """
        if _is_one_statement(group) and self._at_once(group):
            return group, []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Another process has held the database for longer than the patience of `_connect`, or
            # it cannot be written at all: each unit by itself would only wait for the same again.
            for unit in group:
                unit.error = self._translated(error)
            return group, []
        try:
            settled, rest = self._together(group, deadline)
        except Exception:  # noqa: BLE001 - whatever it is, it is the guilty unit's and nobody else's
            # A full disk or a failing COMMIT takes the whole group with it, and so does a row that
            # cannot be written: the units are re-runnable, so the innocent ones go through and the
            # guilty one gets its error.
            roll_back(self._connection)
            self._stats["reruns"] += 1
            for unit in group:
                self._alone(unit)
            return group, []
        return settled, rest

    def _at_once(self, group: list[Unit]) -> bool:
        """Write plain inserts that fit one statement: it is a transaction of its own, and each
        statement spared is one wait less for the interpreter lock. False when nothing was stored."""
        try:
            steps.reach("commit.before")
            self._insert(group)
            steps.reach("commit.after")
        except Exception:  # noqa: BLE001 - see attempt, which finds out whose it is
            return False
        return True

    def _together(self, group: list[Unit], deadline: float) -> tuple[list[Unit], list[Unit]]:
        tx = Transaction(self._connection, self._catalog)
        count = 0
        while count < len(group) and (count == 0 or time.monotonic() < deadline):
            unit = group[count]
            if unit.work is None:
                alike = list(takewhile(lambda u: u.query == unit.query, group[count:]))  # noqa: B023 - used at once
                self._insert(alike)
                count += len(alike)
            else:
                self._in_savepoint(tx, unit, alone=len(group) == 1)
                count += 1
        self._seal(tx)
        steps.reach("commit.before")
        self._connection.execute("COMMIT")
        steps.reach("commit.after")
        return group[:count], group[count:]

    def _alone(self, unit: Unit) -> None:
        unit.error = unit.result = None
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._together([unit], time.monotonic() + GROUP_SECONDS)
        except Exception as error:  # noqa: BLE001 - see attempt
            roll_back(self._connection)
            unit.error = self._translated(error)

    def _insert(self, units: list[Unit]) -> None:
        """Plain inserts of several units in one go. Only when some row was there already does it
        matter which."""
        bulk = self._bulk(units[0].query)
        rows = [row for unit in units for row in unit.rows]
        if self._put(bulk, rows) == len(rows):
            for unit in units:
                unit.result = len(unit.rows)
            return
        new = {
            row[0] for sql, keys in bulk.finds(rows) for row in self._connection.execute(sql, keys)
        }
        for unit in units:
            unit.result = sum(row[bulk.names[0]] in new for row in unit.rows)

    def _bulk(self, query: str) -> BulkInsert:
        if query not in self._bulks:
            self._bulks[query] = BulkInsert(sql_of(self._catalog[query]))
        return self._bulks[query]

    def _in_savepoint(self, tx: Transaction, unit: Unit, *, alone: bool) -> None:
        """Run one unit so that its failure takes nothing else with it."""
        assert unit.work is not None  # noqa: S101 - told apart by the caller
        logged = len(tx.pending)
        self._connection.execute("SAVEPOINT unit")
        try:
            unit.result = unit.work(tx)
        except Exception as error:  # whatever a unit raises belongs to its caller
            if not self._connection.in_transaction:
                raise _lost(error) from error
            if isinstance(error, sqlite3.Error) and is_full(error) and not alone:
                raise
            self._connection.execute("ROLLBACK TO unit")
            del tx.pending[logged:]
            unit.error = self._translated(error) if isinstance(error, sqlite3.Error) else error
        self._connection.execute("RELEASE unit")

    def _seal(self, tx: Transaction) -> None:
        if not tx.pending:
            return
        last = tx.one("events.last")
        rows, inner = sealer.seal(last, tx.pending)
        steps.reach("seal.before")
        self._put(self._bulk("events.append"), rows)
        self._put(self._bulk("events.append_contents"), inner)

    def _put(self, bulk: BulkInsert, rows: Sequence[Mapping[str, Any]]) -> int:
        """The number of rows that were new."""
        return sum(
            self._connection.execute(sql, values).rowcount for sql, values in bulk.inserts(rows)
        )

    def _translated(self, error: Exception) -> GatewayError:
        if is_full(error):
            self._stats["full"] += 1
        return translate(error)


def translate(error: Exception) -> GatewayError:
    """A driver's error as ours."""
    if isinstance(error, sqlite3.IntegrityError):
        # A key that is there already: somebody else was faster.
        return Conflict(str(error))
    if is_full(error):
        return StoreFull(f"no room on the disk of the database: {error}")
    return StoreError(f"{type(error).__name__}: {error}")


def _is_one_statement(group: list[Unit]) -> bool:
    query = group[0].query
    return (
        all(unit.work is None and unit.query == query for unit in group)
        and 0 < sum(len(unit.rows) for unit in group) <= WIDEST
    )


def _lost(error: Exception) -> sqlite3.Error:
    """The whole transaction is gone: let `attempt` run the units one by one."""
    return error if isinstance(error, sqlite3.Error) else sqlite3.OperationalError(str(error))


def is_full(error: Exception) -> bool:
    """Whether there was no room."""
    # SQLITE_FULL is a full disk; an I/O error while writing is most often one too (a full file
    # system refuses to grow the WAL or its index), and is safe to answer with "try later".
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_FULL", "SQLITE_IOERR"))


def roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction, where there still is one."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
