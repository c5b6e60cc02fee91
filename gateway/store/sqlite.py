"""The embedded engine: one writer thread with group commit, readers beside it.

Every waiting unit of work joins one `BEGIN IMMEDIATE … COMMIT`, so that many writers share one
fsync (`synchronous=FULL`). Results are handed out only after the COMMIT.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from gateway.domain.errors import GatewayError, Overloaded, StoreError
from gateway.domain.store import Reader, Tx
from gateway.store.catalog import load, spoken
from gateway.store.migrate import file_lock, migrate
from gateway.store.transaction import Transaction
from gateway.store.writer import GROUP_SECONDS, Unit, Writer, roll_back, translate

T = TypeVar("T")

#: Units of one group at most (see GROUP_SECONDS for its other end).
GROUP_UNITS = 256
#: Bytes of a database file up to which it is written anew when something was erased: a fraction of a
#: second, in which nobody else writes. In larger ones whoever wants it runs VACUUM.
ANEW = 64 << 20


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
        self._groups: SimpleQueue[list[Unit] | None] = SimpleQueue()
        self._next: list[Unit] = []
        self._under_way: list[Unit] = []
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
        unit = self._hand_in(Unit(self._future(), work=work))
        result: T = await unit.future
        return result

    async def insert(self, query: str, rows: Iterable[Mapping[str, Any]]) -> int:
        unit = self._hand_in(Unit(self._future(), query=query, rows=list(rows)))
        new: int = await unit.future
        self.stats["inserted"] += new
        self.stats["duplicates"] += len(unit.rows) - new
        return new

    async def read(self, query: Callable[[Reader], T]) -> T:
        if self._loop is None or self._thread is None:
            msg = "the store is not open"
            raise StoreError(msg)
        return await self._loop.run_in_executor(self._readers, self._read, query)

    async def scrub(self) -> bool:
        """Empty the log file, in which rows stand as they were, and write a small database anew: a page that
        was divided keeps what lay on it. False when somebody reads or writes: try later."""
        return await asyncio.to_thread(self._scrub)

    def tell(self, topic: str) -> None:
        """Nobody else is there to be told."""

    def hear(self, callback: Callable[[str], None]) -> None:
        """Nobody else is there to be heard."""

    def _future(self) -> asyncio.Future[Any]:
        if self._loop is None or self._thread is None:
            msg = "the store is not open"
            raise StoreError(msg)
        return self._loop.create_future()

    def _hand_in(self, unit: Unit) -> Unit:
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
                roll_back(connection)
        except sqlite3.Error as error:
            raise translate(error) from error

    def _scrub(self) -> bool:
        try:
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA busy_timeout=1000")
                if self._path.stat().st_size <= ANEW:
                    connection.execute("PRAGMA temp_store=MEMORY")
                    connection.execute("VACUUM")
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return False  # locked, or no room: it stays noted
        return not busy

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
        # What is deleted or changed is overwritten (the default of some builds of SQLite).
        connection.execute("PRAGMA secure_delete=ON")
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
        writer = Writer(connection, self._catalog, self.stats)
        try:
            while (group := self._groups.get()) is not None:
                self._serve(writer, group)
        finally:
            connection.close()

    def _serve(self, writer: Writer, group: list[Unit]) -> None:
        """Write one group and hand out the results."""
        assert self._loop is not None  # noqa: S101 - see _run
        rest = group
        while rest:
            settled, rest = writer.attempt(rest, time.monotonic() + GROUP_SECONDS)
            self.stats["groups"] += 1
            self.stats["units"] += len(settled)
            self._loop.call_soon_threadsafe(self._hand_out, settled, not rest)

    def _hand_out(self, units: list[Unit], last: bool) -> None:
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
