"""The engine for several processes: the same units of work on a pool of threads with psycopg.

Each unit is a transaction of its own at REPEATABLE READ and is run again when it met another one.
Plain inserts that wait at the same time share one statement. A COMMIT whose answer was lost with
the connection is looked up, so that every outcome is known (docs/decisions/0007-postgresql.md).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from gateway import steps
from gateway.domain.errors import GatewayError, Overloaded, StoreAway, StoreError
from gateway.domain.store import Reader, Tx
from gateway.store import sealer
from gateway.store.bulk import WIDEST, BulkInsert
from gateway.store.catalog import Query, load, spoken, sql_of
from gateway.store.connection import connect, translate
from gateway.store.hints import Hints
from gateway.store.migrate import migrate
from gateway.store.session import Connection, Sessions
from gateway.store.transaction import Transaction

T = TypeVar("T")
#: Units of plain inserts that share one transaction.
GROUP_UNITS = 512
#: Any number, as long as every release takes the same: the lock under which the schema changes.
_MIGRATION_LOCK = 0x6761_7465


@dataclass(slots=True)
class _Insert:
    """A unit of plain inserts."""

    future: asyncio.Future[int]
    query: str
    rows: list[Mapping[str, Any]]
    result: int = 0
    error: GatewayError | None = None


class PostgresStore:
    """Implements `gateway.domain.store.Store`. Any number of processes may open the same database.

    Args:
        url: `postgresql://user:password@host:port/name`.
        max_waiting: units that may wait; one more raises `Overloaded` at once.
        connections: units at work at once in this process; two more connections stand beside them.
    """

    shared = True

    def __init__(self, url: str, *, max_waiting: int = 4096, connections: int = 8) -> None:
        self.url = url
        self._max_waiting = max_waiting
        self._catalog: dict[str, Query] = load("postgres")
        self._bulks: dict[str, BulkInsert] = {}
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="store")
        self._inserter = ThreadPoolExecutor(1, thread_name_prefix="store-insert")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: set[asyncio.Future[Any]] = set()
        self._next: list[_Insert] = []
        self._inserting = False
        self._hints: Hints | None = None
        self.stats = {
            "groups": 0,
            "units": 0,
            "inserted": 0,
            "duplicates": 0,
            "reruns": 0,
            "full": 0,
            "reconnects": 0,
        }
        self._sessions = Sessions(url, self.stats)

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """Migrate and start. Raises `StoreError` with one line that says what to do."""
        await asyncio.to_thread(self._migrate)
        self._loop = asyncio.get_running_loop()
        self._hints = Hints(self.url, self._loop)

    async def close(self) -> None:
        """Write what was handed in, then stop."""
        if self._loop is None:
            return
        self._loop = None
        self._sessions.closing = True
        if self._hints is not None:
            await self._hints.close()
        while self._pending:
            await asyncio.wait(self._pending)
        for pool in (self._inserter, self._pool):
            await asyncio.to_thread(pool.shutdown)
        self._sessions.close()

    def _migrate(self) -> None:
        with connect(self.url, row_factory=tuple_row) as connection:
            connection.execute("SET lock_timeout = 0")
            connection.execute("SET statement_timeout = 0")
            connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
            try:
                migrate(connection, "BEGIN", for_postgres)
            except psycopg.Error as error:
                why = f"cannot bring the database up to date: {translate(error)}"
                raise StoreError(why) from error

    @property
    def waiting(self) -> int:
        """Units handed in and not yet answered."""
        return len(self._pending)

    # ------------------------------------------------------------ what others call

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._hand_in(lambda: self._sessions.persist(lambda: self._unit(work)))

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self._hand_in(lambda: self._sessions.persist(lambda: self._look(query)))

    async def insert(self, query: str, rows: Iterable[Mapping[str, Any]]) -> int:
        future: asyncio.Future[int] = self._future()
        self._next.append(_Insert(future, query, list(rows)))
        if not self._inserting:
            # Not at once: whatever else this turn of the loop hands in joins the same statement.
            self._inserting = True
            assert self._loop is not None  # noqa: S101 - see _future
            self._loop.call_soon(self._launch)
        return await asyncio.shield(future)

    async def scrub(self) -> bool:
        """The server's own vacuum frees old rows; when it overwrites them is its operator's matter."""
        return True

    def tell(self, topic: str) -> None:
        if self._hints is not None:
            self._hints.tell(topic)

    def hear(self, callback: Callable[[str], None]) -> None:
        if self._hints is not None:
            self._hints.hear(callback)

    # ------------------------------------------------------------ from the loop to a thread

    def _future(self) -> asyncio.Future[Any]:
        if self._loop is None:
            msg = "the store is not open"
            raise StoreError(msg)
        if len(self._pending) >= self._max_waiting:
            msg = f"{len(self._pending)} units of work are waiting already"
            raise Overloaded(msg)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return future

    async def _hand_in(self, work: Callable[[], T]) -> T:
        """Run in the pool. Cancelling the caller leaves the work alone."""
        future, loop = self._future(), asyncio.get_running_loop()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
                loop.call_soon_threadsafe(_settle, future, None, error)
            else:
                loop.call_soon_threadsafe(_settle, future, result, None)

        self._pool.submit(run)
        result: T = await asyncio.shield(future)
        return result

    def _launch(self) -> None:
        group, self._next = self._next[:GROUP_UNITS], self._next[GROUP_UNITS:]
        loop = asyncio.get_running_loop()

        def run() -> None:
            self._insert_all(group)
            loop.call_soon_threadsafe(self._hand_out, group)

        self._inserter.submit(run)

    def _hand_out(self, group: list[_Insert]) -> None:
        self.stats["groups"] += 1
        self._inserting = bool(self._next)
        if self._next:
            self._launch()
        for unit in group:
            if unit.error is None:
                self.stats["inserted"] += unit.result
                self.stats["duplicates"] += len(unit.rows) - unit.result
            _settle(unit.future, unit.result, unit.error)

    # ------------------------------------------------------------ on a thread: one transaction

    def _unit(self, work: Callable[[Tx], T]) -> T:
        connection = self._sessions.connection()
        tx = Transaction(connection, self._catalog)
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            result = work(tx)
            self._log(connection, tx)
            _must_be_whole(connection)
        except BaseException as error:
            self._sessions.give_back(connection, error)
            raise
        steps.reach("commit.before")
        self._sessions.commit(connection)
        steps.reach("commit.after")
        self._sessions.sweep(connection)
        return result

    def _look(self, query: Callable[[Reader], T]) -> T:
        connection = self._sessions.connection()
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = query(Transaction(connection, self._catalog))
            connection.execute("COMMIT")
        except BaseException as error:
            self._sessions.give_back(connection, error)
            raise
        return result

    def _log(self, connection: Connection, tx: Transaction) -> None:
        """Events without a number: the leader gives them (`gateway.store.leader`)."""
        if not tx.pending:
            return
        try:
            rows, inner = sealer.unsealed(tx.pending)
            self._insert(connection, "events.append", rows)
            self._insert(connection, "events.append_contents", inner)
        except (TypeError, ValueError) as error:
            msg = f"an event that cannot be written: {type(error).__name__}: {error}"
            raise StoreError(msg) from error

    # ------------------------------------------------------------ on a thread: plain inserts

    def _insert_all(self, group: list[_Insert]) -> None:
        try:
            self._sessions.persist(lambda: self._together(group))
        except StoreAway as error:
            for unit in group:
                unit.error = error
        except Exception:  # noqa: BLE001 - whose it is comes out when each runs alone
            self.stats["reruns"] += 1
            for unit in group:
                self._alone(unit)

    def _alone(self, unit: _Insert) -> None:
        try:
            self._sessions.persist(lambda: self._together([unit]))
        except GatewayError as error:
            unit.error = error
        except Exception as error:  # noqa: BLE001 - a row that cannot be written is its caller's
            unit.error = StoreError(f"{type(error).__name__}: {error}")

    def _together(self, group: list[_Insert]) -> None:
        connection = self._sessions.connection()
        try:
            steps.reach("commit.before")
            # One statement is a transaction of its own.
            several = len({unit.query for unit in group}) > 1 or (
                sum(len(unit.rows) for unit in group) > WIDEST
            )
            if several:
                connection.execute("BEGIN")
            for query, alike in groupby(group, key=lambda unit: unit.query):
                self._insert_units(connection, query, list(alike))
            if several:
                connection.execute("COMMIT")
            steps.reach("commit.after")
        except BaseException as error:
            # Run again it meets its own rows at worst: they have a key, and are known by their id.
            self._sessions.give_back(connection, error)
            raise

    def _insert_units(self, connection: Connection, query: str, units: list[_Insert]) -> None:
        rows = [row for unit in units for row in unit.rows]
        bulk = self._bulk(query)
        if self._insert(connection, query, rows) == len(rows):
            for unit in units:
                unit.result = len(unit.rows)
            return
        key = bulk.names[0]
        new = {
            row[key]
            for sql, keys in bulk.finds(rows)
            for row in connection.execute(sql, keys).fetchall()
        }
        for unit in units:
            unit.result = sum(row[key] in new for row in unit.rows)

    def _insert(self, connection: Connection, query: str, rows: list[Any]) -> int:
        """The number of rows that were new."""
        return sum(
            connection.execute(sql, values).rowcount
            for sql, values in self._bulk(query).inserts(rows)
        )

    def _bulk(self, query: str) -> BulkInsert:
        if query not in self._bulks:
            self._bulks[query] = BulkInsert(sql_of(self._catalog[query]), mark="%s")
        return self._bulks[query]


def _must_be_whole(connection: Connection) -> None:
    """A unit that went on after a failed statement, or ended the transaction by itself, is refused."""
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        msg = "a statement failed, and the unit of work did not say so"
        raise StoreError(msg)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
        # Whoever waited may have been cancelled: then nobody asks, and nothing is to be said.
        future.exception()


def for_postgres(sql: str) -> str:
    """A migration as PostgreSQL reads it: text is compared by code point, as SQLite does, whatever
    the language of the database."""
    ours = spoken(sql, "postgres")
    lines = (
        line if line.lstrip().startswith("--") else line.replace(" TEXT", ' TEXT COLLATE "C"')
        for line in ours.splitlines(keepends=True)
    )
    return "".join(lines)
