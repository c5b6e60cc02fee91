"""The embedded engine: one writer thread with group commit, readers beside it.

Every waiting unit of work joins one `BEGIN IMMEDIATE … COMMIT`, so that many writers share one
fsync (`synchronous=FULL`). Results are handed out only after the COMMIT.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from gateway import steps
from gateway.domain.errors import Conflict, GatewayError, Overloaded, StoreError, StoreFull
from gateway.domain.store import Reader, Tx
from gateway.store import sealer
from gateway.store.bulk import WIDEST, BulkInsert
from gateway.store.catalog import load, spoken, sql_of
from gateway.store.migrate import file_lock, migrate
from gateway.store.transaction import Transaction

T = TypeVar("T")

#: A group ends at this many units or this many seconds of work, whichever is first: long enough to
#: share the fsync, short enough that nobody waits noticeably for the others.
GROUP_UNITS = 256
GROUP_SECONDS = 0.05


@dataclass(slots=True)
class _Unit:
    future: asyncio.Future[Any]
    work: Callable[[Tx], Any] | None = None
    query: str = ""
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    result: Any = None
    error: BaseException | None = None


class SqliteStore:
    """Implements `gateway.domain.store.Store`. The gateway is the only process that works on it, but
    for commands of a moment.

    Args:
        path: the database file; its folder must exist and be writable.
        max_waiting: units that may wait; one more raises `Overloaded` at once.
        readers: threads that read beside the writer.
    """

    def __init__(self, path: Path, *, max_waiting: int = 4096, readers: int = 2) -> None:
        self._path = path
        self._max_waiting = max_waiting
        self._catalog = load("sqlite")
        self._bulks: dict[str, BulkInsert] = {}
        self._groups: SimpleQueue[list[_Unit] | None] = SimpleQueue()
        self._next: list[_Unit] = []
        self._under_way: list[_Unit] = []
        self._writing = False
        self._waiting = 0
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.stats = {
            "groups": 0,
            "units": 0,
            "inserted": 0,
            "duplicates": 0,
            "reruns": 0,
            "full": 0,
        }

    shared = False

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """Migrate and start. Raises `StoreError` with one line that says what to do."""
        self._loop = asyncio.get_running_loop()
        started = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="store-writer", daemon=True
        )
        self._thread.start()
        try:
            await started
        except StoreError:
            self._thread = None
            raise

    async def close(self) -> None:
        """Write what was handed in, then stop."""
        if self._thread is None:
            return
        # From here on nothing can be handed in: behind the last group nobody would write it.
        thread, self._thread = self._thread, None
        while pending := [unit.future for unit in (*self._under_way, *self._next)]:
            await asyncio.wait(pending)
        self._groups.put(None)
        await asyncio.to_thread(thread.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    @property
    def waiting(self) -> int:
        """Units handed in and not yet answered."""
        return self._waiting

    # ------------------------------------------------------------ what others call

    async def write(self, work: Callable[[Tx], T]) -> T:
        unit = self._hand_in(_Unit(self._future(), work=work))
        result: T = await unit.future
        return result

    async def insert(self, query: str, rows: Iterable[Mapping[str, Any]]) -> int:
        unit = self._hand_in(_Unit(self._future(), query=query, rows=list(rows)))
        new: int = await unit.future
        self.stats["inserted"] += new
        self.stats["duplicates"] += len(unit.rows) - new
        return new

    async def read(self, query: Callable[[Reader], T]) -> T:
        if self._loop is None or self._thread is None:
            msg = "the store is not open"
            raise StoreError(msg)
        return await self._loop.run_in_executor(self._readers, self._read, query)

    def tell(self, topic: str) -> None:
        """Nobody else is there to be told."""

    def hear(self, callback: Callable[[str], None]) -> None:
        """Nobody else is there to be heard."""

    def _future(self) -> asyncio.Future[Any]:
        if self._loop is None or self._thread is None:
            msg = "the store is not open"
            raise StoreError(msg)
        return self._loop.create_future()

    def _hand_in(self, unit: _Unit) -> _Unit:
        if self._waiting >= self._max_waiting:
            msg = f"{self._waiting} units of work are waiting already"
            raise Overloaded(msg)
        self._waiting += 1
        self._next.append(unit)
        if not self._writing:
            # Not at once: whatever else this turn of the loop hands in joins the same group, and
            # the writer thread is woken once a group instead of once a unit.
            self._writing = True
            assert self._loop is not None  # noqa: S101 - see _future
            self._loop.call_soon(self._launch)
        return unit

    def _launch(self) -> None:
        self._under_way, self._next = self._next[:GROUP_UNITS], self._next[GROUP_UNITS:]
        self._groups.put(self._under_way)

    # ------------------------------------------------------------ readers

    def _read(self, query: Callable[[Reader], T]) -> T:
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                return query(Transaction(connection, self._catalog))
            finally:
                _roll_back(connection)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _reader(self) -> sqlite3.Connection:
        """The connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=10,
            cached_statements=512,
        )  # fmt: skip
        connection.row_factory = sqlite3.Row
        # Another process (the command line) may hold the write lock for a moment.
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    # ------------------------------------------------------------ the writer thread

    def _run(self, started: asyncio.Future[None]) -> None:
        assert self._loop is not None  # noqa: S101 - set by open() before this thread exists
        connection: sqlite3.Connection | None = None
        try:
            with file_lock(self._path.with_name(self._path.name + ".migrate")):
                connection = self._connect()
                connection.execute("PRAGMA journal_mode=WAL")
                migrate(connection, "BEGIN IMMEDIATE", lambda sql: spoken(sql, "sqlite"))
        except (OSError, sqlite3.Error, GatewayError) as error:
            if connection is not None:
                connection.close()
            failure = StoreError(f"cannot open the database {self._path}: {error}")
            failure.__cause__ = error
            self._loop.call_soon_threadsafe(started.set_exception, failure)
            return
        self._loop.call_soon_threadsafe(started.set_result, None)
        try:
            while (group := self._groups.get()) is not None:
                self._serve(connection, group)
        finally:
            connection.close()

    def _serve(self, connection: sqlite3.Connection, group: list[_Unit]) -> None:
        """Write one group and hand out the results."""
        assert self._loop is not None  # noqa: S101 - see _run
        rest = group
        while rest:
            settled, rest = self._attempt(connection, rest, time.monotonic() + GROUP_SECONDS)
            self.stats["groups"] += 1
            self.stats["units"] += len(settled)
            self._loop.call_soon_threadsafe(self._hand_out, settled, not rest)

    def _attempt(
        self, connection: sqlite3.Connection, group: list[_Unit], deadline: float
    ) -> tuple[list[_Unit], list[_Unit]]:
        """Try a group in one transaction; when the transaction is lost, each unit by itself.

        Returns the units that are settled and those that the time bound left over.
        """
        if _is_one_statement(group) and self._at_once(connection, group):
            return group, []
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Another process has held the database for longer than the patience of `_connect`, or
            # it cannot be written at all: each unit by itself would only wait for the same again.
            for unit in group:
                unit.error = self._translate(error)
            return group, []
        try:
            settled, rest = self._together(connection, group, deadline)
        except Exception:  # noqa: BLE001 - whatever it is, it is the guilty unit's and nobody else's
            # A full disk or a failing COMMIT takes the whole group with it, and so does a row that
            # cannot be written: the units are re-runnable, so the innocent ones go through and the
            # guilty one gets its error.
            _roll_back(connection)
            self.stats["reruns"] += 1
            for unit in group:
                self._alone(connection, unit)
            return group, []
        return settled, rest

    def _at_once(self, connection: sqlite3.Connection, group: list[_Unit]) -> bool:
        """Write plain inserts that fit one statement: it is a transaction of its own, and each
        statement spared is one wait less for the interpreter lock. False when nothing was stored."""
        try:
            steps.reach("commit.before")
            self._insert(connection, group)
            steps.reach("commit.after")
        except Exception:  # noqa: BLE001 - see _attempt, which finds out whose it is
            return False
        return True

    def _together(
        self, connection: sqlite3.Connection, group: list[_Unit], deadline: float
    ) -> tuple[list[_Unit], list[_Unit]]:
        tx = Transaction(connection, self._catalog)
        count = 0
        while count < len(group) and (count == 0 or time.monotonic() < deadline):
            unit = group[count]
            if unit.work is None:
                alike = list(takewhile(lambda u: u.query == unit.query, group[count:]))  # noqa: B023 - used at once
                self._insert(connection, alike)
                count += len(alike)
            else:
                self._in_savepoint(connection, tx, unit, alone=len(group) == 1)
                count += 1
        self._seal(connection, tx)
        steps.reach("commit.before")
        connection.execute("COMMIT")
        steps.reach("commit.after")
        return group[:count], group[count:]

    def _alone(self, connection: sqlite3.Connection, unit: _Unit) -> None:
        unit.error = unit.result = None
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._together(connection, [unit], time.monotonic() + GROUP_SECONDS)
        except Exception as error:  # noqa: BLE001 - see _attempt
            _roll_back(connection)
            unit.error = self._translate(error)

    def _insert(self, connection: sqlite3.Connection, units: list[_Unit]) -> None:
        """Plain inserts of several units in one go. Only when some row was there already does it
        matter which."""
        bulk = self._bulk(units[0].query)
        rows = [row for unit in units for row in unit.rows]
        if _insert(connection, bulk, rows) == len(rows):
            for unit in units:
                unit.result = len(unit.rows)
            return
        new = {row[0] for sql, keys in bulk.finds(rows) for row in connection.execute(sql, keys)}
        for unit in units:
            unit.result = sum(row[bulk.names[0]] in new for row in unit.rows)

    def _bulk(self, query: str) -> BulkInsert:
        if query not in self._bulks:
            self._bulks[query] = BulkInsert(sql_of(self._catalog[query]))
        return self._bulks[query]

    def _in_savepoint(
        self, connection: sqlite3.Connection, tx: Transaction, unit: _Unit, *, alone: bool
    ) -> None:
        """Run one unit so that its failure takes nothing else with it."""
        assert unit.work is not None  # noqa: S101 - told apart by the caller
        logged = len(tx.pending)
        connection.execute("SAVEPOINT unit")
        try:
            unit.result = unit.work(tx)
        except Exception as error:  # whatever a unit raises belongs to its caller
            if not connection.in_transaction:
                raise _lost(error) from error
            if isinstance(error, sqlite3.Error) and _is_full(error) and not alone:
                raise
            connection.execute("ROLLBACK TO unit")
            del tx.pending[logged:]
            unit.error = self._translate(error) if isinstance(error, sqlite3.Error) else error
        connection.execute("RELEASE unit")

    def _seal(self, connection: sqlite3.Connection, tx: Transaction) -> None:
        if not tx.pending:
            return
        last = tx.one("events.last")
        rows, inner = sealer.seal(last, tx.pending)
        steps.reach("seal.before")
        _insert(connection, self._bulk("events.append"), rows)
        _insert(connection, self._bulk("events.append_contents"), inner)

    def _translate(self, error: Exception) -> GatewayError:
        if isinstance(error, sqlite3.IntegrityError):
            # A key that is there already: somebody else was faster.
            return Conflict(str(error))
        if _is_full(error):
            self.stats["full"] += 1
            return StoreFull(f"no room on the disk of {self._path.name}: {error}")
        return StoreError(f"{type(error).__name__}: {error}")

    def _hand_out(self, units: list[_Unit], last: bool) -> None:
        self._waiting -= len(units)
        if last:
            # The next group first: it is written while this one's answers are sent.
            self._under_way = []
            self._writing = bool(self._next)
            if self._next:
                self._launch()
        for unit in units:
            if unit.future.done():
                continue  # its caller was cancelled; the work stands all the same
            if unit.error is not None:
                unit.future.set_exception(unit.error)
            else:
                unit.future.set_result(unit.result)


def _insert(
    connection: sqlite3.Connection, bulk: BulkInsert, rows: Sequence[Mapping[str, Any]]
) -> int:
    """The number of rows that were new."""
    return sum(connection.execute(sql, values).rowcount for sql, values in bulk.inserts(rows))


def _is_one_statement(group: list[_Unit]) -> bool:
    query = group[0].query
    return (
        all(unit.work is None and unit.query == query for unit in group)
        and 0 < sum(len(unit.rows) for unit in group) <= WIDEST
    )


def _lost(error: Exception) -> sqlite3.Error:
    """The whole transaction is gone: let `_attempt` run the units one by one."""
    return error if isinstance(error, sqlite3.Error) else sqlite3.OperationalError(str(error))


def _is_full(error: Exception) -> bool:
    # SQLITE_FULL is a full disk; an I/O error while writing is most often one too (a full file
    # system refuses to grow the WAL or its index), and is safe to answer with "try later".
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_FULL", "SQLITE_IOERR"))


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
