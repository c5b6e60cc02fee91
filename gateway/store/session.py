"""The connections of the database threads: one for each, renewed when it is lost, and the transaction
on it run until it is known what became of it.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from gateway.domain.errors import StoreAway
from gateway.store.connection import RERUN, Lost, connect, is_lost, translate

T = TypeVar("T")
Connection = psycopg.Connection[dict[str, Any]]

#: Times a unit is run again because it met another one.
RERUNS = 12
#: Seconds a unit waits for a server that went away; whoever called hears then that it is.
PATIENCE = 5.0

#: A unit that changed something leaves a mark, by which it is known whether it was stored. The
#: number of its transaction would not do: a server that crashed gives the last ones out again.
_COMMIT = (
    "INSERT INTO units (id, stored) SELECT '{unit}', 1 "
    "WHERE pg_current_xact_id_if_assigned() IS NOT NULL; COMMIT"
)
_CLAIM = "INSERT INTO units (id, stored) VALUES (%s, 0) ON CONFLICT (id) DO NOTHING"
#: Seconds that marks are kept (nobody asks later than a minute after), and between two sweeps.
MARKS_KEPT, SWEEP = 900, 60.0


class Sessions:
    """What the threads of one store share.

    Args:
        url: the database.
        stats: counts units, reruns and reconnects.
    """

    def __init__(self, url: str, stats: dict[str, int]) -> None:
        self._url = url
        self.stats = stats
        self._local = threading.local()
        self._opened: set[Connection] = set()
        self._guard = threading.Lock()
        self._next_sweep = time.monotonic() + SWEEP
        self.closing = False
        """Nobody waits any more for a server that is away."""

    def close(self) -> None:
        """When no thread works any more."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def persist(self, attempt: Callable[[], T]) -> T:
        """Run until it is neither in another's way nor without a connection."""
        deadline, reruns = time.monotonic() + PATIENCE, 0
        while True:
            try:
                result = attempt()
            except RERUN as error:
                reruns += 1
                self.stats["reruns"] += 1
                if reruns > RERUNS:
                    raise translate(error) from error
                time.sleep(random.uniform(0, 0.001 * 2 ** min(reruns, 7)))  # noqa: S311 - spreads load
            except (Lost, StoreAway) as error:
                if self.closing or time.monotonic() > deadline:
                    raise StoreAway(f"the database is away: {error}") from error
                self.stats["reconnects"] += 1
                time.sleep(0.1)
            except psycopg.Error as error:
                raise translate(error) from error
            else:
                self.stats["units"] += 1
                return result

    def connection(self) -> Connection:
        """The connection of this thread."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = connect(self._url)
            self._local.connection = connection
            with self._guard:
                self._opened.add(connection)
        return connection

    def drop(self, connection: Connection) -> None:
        self._local.connection = None
        with self._guard:
            self._opened.discard(connection)
        with suppress(psycopg.Error):
            connection.close()

    def give_back(self, connection: Connection, error: BaseException) -> None:
        """Leave a clean connection behind a failed transaction. Raises `Lost` when it went away."""
        if not is_lost(connection, error):
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error as second:
                self.drop(connection)
                raise Lost(str(second)) from error
            return
        self.drop(connection)
        raise Lost(str(error)) from error

    def commit(self, connection: Connection) -> None:
        unit = _unit_id(time.time())
        try:
            connection.execute(_COMMIT.format(unit=unit))
        except psycopg.Error as error:
            try:
                self.give_back(connection, error)
            except Lost:
                if self.stored(unit):
                    return
                raise
            raise

    def stored(self, unit: str) -> bool:
        """Whether a unit was stored whose connection was lost while it committed.

        Where its mark is missing another one takes its place: a COMMIT that is still on its way
        cannot succeed after that. Raises `StoreAway` when the server does not come back: then it is
        not known yet. Units are made so that whoever repeats them looks first.
        """
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                connection = self.connection()
                connection.execute(_CLAIM, [unit])
                row = connection.execute("SELECT stored FROM units WHERE id = %s", [unit])
                return row.fetchone() == {"stored": 1}
            except (psycopg.Error, StoreAway) as error:
                if (broken := getattr(self._local, "connection", None)) is not None:
                    self.drop(broken)
                if self.closing or time.monotonic() > deadline:
                    why = f"the database went away while it committed: {error}"
                    raise StoreAway(why) from error
            time.sleep(0.05)

    def sweep(self, connection: Connection) -> None:
        """Remove old marks now and then."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP
        # A connection that is lost here is found out by the next unit.
        with suppress(psycopg.Error):
            connection.execute(
                "DELETE FROM units WHERE id < %s", [_unit_id(time.time() - MARKS_KEPT)]
            )


def _unit_id(at: float) -> str:
    """In the order of time, so that old marks are found by it."""
    return f"{int(at * 1e6):016x}{os.urandom(8).hex()}"
