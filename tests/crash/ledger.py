"""Reads the database of a gateway under test, on either engine, and counts what was under way."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

from gateway.store.catalog import Dialect, load
from gateway.store.transaction import Transaction

DATABASE = "gateway.sqlite"
#: Seconds after which the server must have noticed that a process is dead.
BACKEND_SECONDS = 20.0
_NAME = "crash-ledger"


@dataclass(frozen=True, slots=True)
class Book:
    """An open database that is only read."""

    connection: Any
    dialect: Dialect

    def rows(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        """The rows of a statement that both engines run; parameters as `:name`."""
        if self.dialect == "postgres":
            for name in values:
                query = query.replace(f":{name}", f"%({name})s")
        # Without parameters psycopg leaves a % in the text alone.
        found = self.connection.execute(query, *([values] if values else []))
        return [dict(row) for row in found.fetchall()]

    def value(self, query: str, **values: object) -> Any:
        """The first value of the first row."""
        [row, *_] = self.rows(query, **values)
        return next(iter(row.values()))

    @property
    def reader(self) -> Transaction:
        """For the gateway's own named queries."""
        return Transaction(self.connection, load(self.dialect))

    def damage(self) -> list[str]:
        """What the engine itself finds wrong with its files."""
        if self.dialect == "postgres":
            return []  # its own recovery has checked what it read; there is no such question
        state = self.value("PRAGMA integrity_check")
        return [] if state == "ok" else [state]


class Database(Protocol):
    """Where a gateway keeps its rows."""

    @property
    def setting(self) -> str:
        """The value of the setting `database`."""
        ...

    def after_death(self) -> AbstractContextManager[Book | None]:
        """As it lies there when no process of the gateway lives; None when there is no schema."""
        ...

    def in_use(self) -> AbstractContextManager[Book]:
        """While the gateway works on it."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """The file in a data directory."""

    data_dir: Path

    @property
    def setting(self) -> str:
        return f"sqlite:{DATABASE}"

    @contextmanager
    def after_death(self) -> Iterator[Book | None]:
        """Write-ahead log included, opened from a copy: opening the original would recover it, and
        that is the gateway's own work."""
        with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
            for suffix in ("", "-wal"):
                source = self.data_dir / (DATABASE + suffix)
                if source.exists():
                    shutil.copy(source, Path(folder) / source.name)
            with closing(sqlite3.connect(Path(folder) / DATABASE)) as connection:
                connection.row_factory = sqlite3.Row
                book = Book(connection, "sqlite")
                made = book.value("SELECT COUNT(*) FROM sqlite_master WHERE name = 'outbox'")
                yield book if made else None

    @contextmanager
    def in_use(self) -> Iterator[Book]:
        address = f"file:{self.data_dir / DATABASE}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            yield Book(connection, "sqlite")


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database of its own on a server."""

    url: str

    @property
    def setting(self) -> str:
        return self.url

    @contextmanager
    def after_death(self) -> Iterator[Book | None]:
        """The server ends what a dead process had begun a moment after its death, one way or the
        other: until then nothing is counted. Raises TimeoutError."""
        with self.in_use() as book:
            until = time.monotonic() + BACKEND_SECONDS
            while book.value(_OTHERS, own=_NAME):
                if time.monotonic() > until:
                    msg = f"sessions of dead processes are open after {BACKEND_SECONDS:.0f} s"
                    raise TimeoutError(msg)
                time.sleep(0.02)
            yield book if book.value("SELECT COUNT(to_regclass('outbox')) AS n") else None

    @contextmanager
    def in_use(self) -> Iterator[Book]:
        with psycopg.connect(
            self.url,
            autocommit=True,
            row_factory=dict_row,
            application_name=_NAME,
            connect_timeout=10,
        ) as connection:
            yield Book(connection, "postgres")


_OTHERS = (
    "SELECT COUNT(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name <> :own"
)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What a gateway had begun and not ended when it died."""

    begun: frozenset[str] = frozenset()
    """Outbox rows between `begun` and recorded."""
    unprocessed: int = 0
    unsent: int = 0
    timers_due: int = 0

    @property
    def any(self) -> bool:
        return bool(self.begun or self.unprocessed or self.unsent or self.timers_due)


def under_way(database: Database) -> UnderWay:
    """Look at the database of a gateway that is dead."""
    with database.after_death() as book:
        return UnderWay() if book is None else look(book)


def look(book: Book) -> UnderWay:
    """The same on an open database."""
    return UnderWay(
        begun=frozenset(row["id"] for row in book.rows(_BEGUN)),
        unprocessed=book.value("SELECT COUNT(*) AS n FROM raw_events WHERE state = 'pending'"),
        unsent=book.value(
            "SELECT COUNT(*) AS n FROM outbox"
            " WHERE state IN ('ready', 'leased', 'begun', 'unknown')"
        ),
        timers_due=book.value(
            "SELECT COUNT(*) AS n FROM timers WHERE due_at <= :now", now=time.time()
        ),
    )


_BEGUN = "SELECT id FROM outbox WHERE state = 'begun'"


def left(database: Database) -> UnderWay:
    """What a living gateway still has to do; timers of the future count as well."""
    with database.in_use() as book:
        found = look(book)
        timers = book.value("SELECT COUNT(*) AS n FROM timers")
        unsealed = book.value("SELECT COUNT(*) AS n FROM events WHERE seq IS NULL")
        return UnderWay(found.begun, found.unprocessed, found.unsent, timers + unsealed)
