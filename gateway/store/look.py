"""A look at a database of either engine that changes nothing: no migration, no writer, no file.

For commands that must work whatever state the database is in, and before anything is changed.
"""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.domain.errors import StoreError
from gateway.domain.store import Reader
from gateway.store.address import file_of, shown
from gateway.store.catalog import load
from gateway.store.migrate import SCHEMA, files
from gateway.store.transaction import Transaction

#: Tables that a database without data may have rows in.
OWN = frozenset({"schema_version", "meta"})

_TABLES = {
    # In the order in which they were made: what a table refers to stands before it.
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    " ORDER BY rowid",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    " ORDER BY tablename",
}
_VERSION = {
    "sqlite": "SELECT 'SQLite ' || sqlite_version() AS text",
    "postgres": "SELECT 'PostgreSQL ' || current_setting('server_version') AS text",
}


@dataclass(frozen=True, slots=True)
class Look:
    """One consistent sight of a database."""

    connection: Any
    engine: str
    """`sqlite` or `postgres`."""
    reader: Reader

    def version(self) -> str:
        """Of the engine, for people."""
        return str(self.connection.execute(_VERSION[self.engine]).fetchone()["text"])

    def tables(self) -> list[str]:
        """Their names; on SQLite each behind those it refers to."""
        return [row["name"] for row in self.connection.execute(_TABLES[self.engine]).fetchall()]

    def schema(self) -> int:
        """The last migration that was applied; 0 for a database without any."""
        if "schema_version" not in self.tables():
            return 0
        row = self.connection.execute("SELECT MAX(number) AS n FROM schema_version").fetchone()
        return int(row["n"] or 0)

    def rows(self, table: str, where: str = "1 = 1") -> int:
        """How many there are. Both texts are ours."""
        text = f'SELECT COUNT(*) AS n FROM "{table}" WHERE {where}'  # noqa: S608 - see above
        return int(self.connection.execute(text).fetchone()["n"])

    def filled(self) -> str:
        """A table that holds data; '' when none does."""
        for table in self.tables():
            text = f'SELECT 1 AS one FROM "{table}" LIMIT 1'  # noqa: S608 - a name of its own
            if table not in OWN and self.connection.execute(text).fetchone():
                return table
        return ""


@contextmanager
def look(database: str, data_dir: Path) -> Iterator[Look | None]:
    """Look at the database of a setting; None where there is no SQLite file.

    Raises:
        StoreError: it cannot be read, with one line that says why.
    """
    if (file := file_of(database, data_dir)) is None:
        with _postgres(database) as seen:
            yield seen
    elif not file.is_file():
        yield None
    else:
        with _sqlite(file) as seen:
            yield seen


@contextmanager
def _sqlite(file: Path) -> Iterator[Look]:
    path = file.absolute()
    address = f"{path.as_uri()}?mode=ro"
    if not path.with_name(f"{path.name}-wal").exists():
        # Nobody works on it. Opened in the ordinary way it would get a log that stays behind.
        address += "&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            yield Look(connection, "sqlite", Transaction(connection, load("sqlite")))
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {file}: {error}") from error


@contextmanager
def _postgres(url: str) -> Iterator[Look]:
    import psycopg  # noqa: PLC0415 - only where a server holds the database

    from gateway.store.connection import connect, translate  # noqa: PLC0415 - as above

    with closing(connect(url)) as connection:
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield Look(connection, "postgres", Transaction(connection, load("postgres")))
        except psycopg.Error as error:
            raise translate(error) from error


def pending(schema: int) -> list[str]:
    """The names of the migrations that a database of this schema lacks."""
    return [path.stem for number, path in files() if number > schema]


def backup_hint(database: str, data_dir: Path, schema: int) -> str:
    """How to keep a copy of a database before it is changed, as a command line without a password."""
    name = f"before-schema-{SCHEMA}-was-{schema}"
    if (file := file_of(database, data_dir)) is not None:
        copy = file.with_name(f"{file.stem}-{name}{file.suffix}")
        # Quoted twice: what the shell leaves over, sqlite3 takes apart once more.
        backup = f".backup {shlex.quote(str(copy))}"
        return f"sqlite3 {shlex.quote(str(file))} {shlex.quote(backup)}"
    where = shlex.quote(shown(database, data_dir))
    return f"pg_dump --format=custom --file=gateway-{name}.dump --dbname={where}"
