"""The engines that the store suite runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from gateway.domain.store import Reader, Store, Tx
from gateway.store import sealer
from gateway.store.leader import Sealer
from gateway.store.postgres import PostgresStore
from gateway.store.sqlite import SqliteStore
from gateway.testing.world import LogLines
from gateway.world import SystemClock

T = TypeVar("T")


class SqliteEngine:
    """One database file in a folder; every `opened` store works on the same one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.sqlite"
        self.database = f"sqlite:{self.path}"

    def build(self, **options: Any) -> SqliteStore:
        """A store that is not open yet."""
        return SqliteStore(self.path, **options)

    @asynccontextmanager
    async def opened(self, **options: Any) -> AsyncIterator[SqliteStore]:
        store = self.build(**options)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    #: The writer seals.
    plain = opened

    def written_bytes(self) -> bytes:
        """Everything the engine has on the disk: tables, log, index."""
        return b"".join(
            path.read_bytes() for path in sorted(self.path.parent.glob(f"{self.path.name}*"))
        )


class PostgresEngine:
    """One database of a running server; every `opened` store works on the same one."""

    def __init__(self, url: str) -> None:
        self.url = self.database = url

    def build(self, **options: Any) -> PostgresStore:
        """A store that is not open yet."""
        options.pop("readers", None)
        return PostgresStore(self.url, **options)

    @asynccontextmanager
    async def plain(self, **options: Any) -> AsyncIterator[PostgresStore]:
        """Nobody seals: every unit of work is one of the test."""
        store = self.build(**options)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def opened(self, **options: Any) -> AsyncIterator[PostgresStore]:
        """With a leader that seals, as one of the gateway's processes has it."""
        store = self.build(**options)
        await store.open()
        leader = Sealer(store, f"test-{id(store)}", SystemClock(), LogLines())
        task = asyncio.create_task(leader.run())
        try:
            yield store
        finally:
            task.cancel()
            await asyncio.wait([task])
            await store.close()

    def written_bytes(self) -> bytes:
        """Every row of every table, as text."""
        with psycopg.connect(self.url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            rows = [
                repr(connection.execute(f'SELECT * FROM "{name}"').fetchall())  # type: ignore[arg-type]  # a name of ours
                for (name,) in tables
            ]
        return "\n".join(rows).encode()


Engine = SqliteEngine | PostgresEngine
AnyStore = SqliteStore | PostgresStore

#: Tables whose rows tell what a unit of work has done. The sealed log is compared by its events:
#: salts are random and chain values follow from them.
TABLES = (
    "meta", "raw_events", "lanes", "quarantine", "contacts", "handles", "conversations",
    "inquiries", "messages", "outbox", "pauses", "timers", "certificates", "memos", "blob_refs",
    "announcements", "announcement_inquiries", "fetches", "revisions", "unnamed_blobs",
)  # fmt: skip


async def select(store: Any, sql: str) -> list[dict[str, Any]]:
    """Rows of a statement without parameters, so that every engine understands it."""
    rows: list[dict[str, Any]] = await store.read(
        lambda reader: [dict(row) for row in reader._connection.execute(sql).fetchall()]
    )
    return rows


async def one(store: Any, sql: str) -> dict[str, Any]:
    """The only row."""
    (row,) = await select(store, sql)
    return row


async def value(store: Any, sql: str) -> Any:
    """The first value of the first row; None when there is no row."""
    rows = await select(store, sql)
    return next(iter(rows[0].values())) if rows else None


async def sealed(store: Any) -> None:
    """Wait until every event has its number: at once on SQLite, soon on PostgreSQL."""
    async with asyncio.timeout(10):
        while await value(store, "SELECT COUNT(*) FROM events WHERE seq IS NULL"):
            await asyncio.sleep(0.01)


async def verified(store: Any) -> int:
    """Walk the chain once everything is sealed; the number of events."""
    await sealed(store)
    number: int = await store.read(sealer.verify)
    return number


def contents(tx: Any) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in the tables, as the transaction sees it."""
    return {
        table: sorted(
            (
                tuple(dict(row).values())
                for row in tx._connection.execute(f"SELECT * FROM {table}").fetchall()
            ),
            key=repr,
        )
        for table in TABLES
    }


class Twice:
    """A store in which every unit of work runs twice, with a roll-back between, as after a group
    that was lost. Fails the unit when the second run differs from the first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.shared = store.shared
        self.units: set[tuple[str, str]] = set()
        """(file, qualified name) of the functions that ran."""
        self.told: list[str] = []
        self.writes = asyncio.Condition()
        self._turn = asyncio.Lock()
        """Between its two runs a unit holds nothing: another one may not come between them."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        self.units.add((work.__code__.co_filename, work.__code__.co_qualname))
        try:
            async with self._turn:
                return await self.store.write(lambda tx: _twice(tx, work))
        finally:
            await self._tell()

    async def insert(self, query: str, rows: Any) -> int:
        try:
            return await self.store.insert(query, rows)
        finally:
            await self._tell()

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self.store.read(query)

    def tell(self, topic: str) -> None:
        self.told.append(topic)
        self.store.tell(topic)

    async def until(self, sql: str, expected: Any, seconds: float = 30.0) -> None:
        """Wait until a statement has this value; it is asked again after each write."""
        found: Any = None
        try:
            async with asyncio.timeout(seconds), self.writes:
                while (found := await value(self, sql)) != expected:
                    await self.writes.wait()
        except TimeoutError:
            msg = f"{sql} is still {found!r} and not {expected!r}"
            raise AssertionError(msg) from None

    async def _tell(self) -> None:
        async with self.writes:
            self.writes.notify_all()


def _twice(tx: Any, work: Callable[[Tx], T]) -> T:
    connection, logged = tx._connection, len(tx.pending)
    connection.execute("SAVEPOINT twice")
    first = _outcome(tx, work, logged)
    connection.execute("ROLLBACK TO twice")
    connection.execute("RELEASE twice")
    del tx.pending[logged:]
    connection.execute("SAVEPOINT twice")
    second = _outcome(tx, work, logged)
    assert second[:2] == first[:2], f"{work.__qualname__} is not re-runnable"
    assert second[2] == first[2], f"{work.__qualname__} logs something else when it runs again"
    result, error = second[3]
    if error is not None:
        raise error
    connection.execute("RELEASE twice")
    return result  # type: ignore[no-any-return]


def _outcome(tx: Any, work: Callable[[Tx], Any], logged: int) -> tuple[Any, ...]:
    """(what it gave, what it wrote, what it logged, the result itself)."""
    try:
        result, error = work(tx), None
    except Exception as raised:  # noqa: BLE001 - it is raised again
        result, error = None, raised
    gave = repr(error) if error is not None else _plain(result)
    # Of a unit that failed nothing is written; PostgreSQL would not even say what it had.
    wrote = contents(tx) if error is None else {}
    return gave, wrote, list(tx.pending[logged:]), (result, error)


def _plain(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return [_plain(item) for item in result]
    if isinstance(result, dict):
        return {key: _plain(item) for key, item in result.items()}
    return dict(result) if hasattr(result, "keys") else result
