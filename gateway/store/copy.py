"""Copies a whole database from SQLite to PostgreSQL, and makes sure that it is the same.

Everything happens in one transaction of the target: either all of it is there and verified, or
nothing. A copy that broke off is simply begun again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gateway.domain.errors import StoreError
from gateway.domain.store import Row
from gateway.store import sealer
from gateway.store.address import shown
from gateway.store.catalog import load
from gateway.store.connection import connect, translate
from gateway.store.look import Look, look
from gateway.store.migrate import SCHEMA
from gateway.store.transaction import Transaction

#: Rows that are read from the file at once.
BATCH = 2000
#: Rows between two reports of progress.
STEP = 50_000
#: Of the database itself: each engine has its own.
_LEFT_OUT = frozenset({"schema_version"})
#: PostgreSQL cannot store the character NUL.
_NUL, _INSTEAD = "\0", "\N{REPLACEMENT CHARACTER}"

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Copied:
    """What was copied and found to be the same."""

    rows: dict[str, int]
    """By table."""
    events: int = 0
    """Sealed events whose chain was walked on the target."""
    chain: str = ""
    """The hash of the last of them."""
    mended: int = 0
    """Texts with a NUL character, which stands replaced on the target."""


class Different(StoreError):
    """The target is not the same as the source; nothing of the copy is kept."""


def check_ends(source: Path, target: str) -> None:
    """Whether the copy can begin. Raises `StoreError` with what to do first."""
    with look(f"sqlite:{source}", source.parent) as seen:
        if seen is None:
            raise StoreError(f"there is no database {source}")
        if (schema := seen.schema()) != SCHEMA:
            raise StoreError(
                f"{source} has schema {schema}, this release copies {SCHEMA}: "
                "run `gateway db migrate` first"
            )
    with look(target, source.parent) as seen:
        if seen is not None:
            _refuse_filled(seen, target)


def copy(source: Path, target: str, progress: Progress = lambda *_: None) -> Copied:
    """Copy, verify and commit.

    Args:
        source: an SQLite file of this release's schema. Nobody writes to it meanwhile.
        target: the URL of a PostgreSQL database of this release's schema, empty.
        progress: told (table, rows done, rows in all) now and then.

    Raises:
        Different: the verification found a difference, and names the first one.
        StoreError: one of the two cannot be read or written.
    """
    try:
        with (
            closing(sqlite3.connect(source, isolation_level=None)) as inner,
            closing(connect(target, bounds={"lock_timeout": 5000})) as outer,
        ):
            inner.row_factory = sqlite3.Row
            inner.execute("PRAGMA query_only = ON")
            inner.execute("BEGIN")
            outer.execute("BEGIN")
            old = Look(inner, "sqlite", Transaction(inner, load("sqlite")))
            new = Look(outer, "postgres", Transaction(outer, load("postgres")))
            copied = _copy(old, new, target, progress)
            _verify(old, new, copied)
            outer.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {source}: {error}") from error
    except psycopg.Error as error:
        raise translate(error) from error
    return copied


def _refuse_filled(seen: Look, target: str) -> None:
    if table := seen.filled():
        raise StoreError(
            f"{shown(target, Path())} is not empty (there are rows in {table}): "
            "copy into a new database"
        )


def _copy(old: Look, new: Look, target: str, progress: Progress) -> Copied:
    tables = [table for table in old.tables() if table not in _LEFT_OUT]
    columns = {table: _columns(old, new, table) for table in tables}
    if old.schema() != new.schema():
        raise StoreError(f"the target has schema {new.schema()}, the source {old.schema()}")
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    # From here on no gateway can begin to work on it.
    new.connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    _refuse_filled(new, target)
    new.connection.execute("DELETE FROM meta")
    copied = Copied({table: old.rows(table) for table in tables})
    for table in tables:
        copied.mended += _table(old, new, table, columns[table], copied.rows[table], progress)
    return copied


def _columns(old: Look, new: Look, table: str) -> list[str]:
    """Those of the source; the target may have more, which fill themselves."""
    ours = [row["name"] for row in old.connection.execute(f'PRAGMA table_info("{table}")')]
    theirs = {
        row["column_name"]
        for row in new.connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = %s",
            [table],
        )
    }
    if missing := sorted(set(ours) - theirs):
        raise StoreError(f"the target has another schema: {table}.{missing[0]} is missing")
    return ours


def _table(
    old: Look, new: Look, table: str, columns: Sequence[str], total: int, progress: Progress
) -> int:
    """Copy one table; the number of texts that had to be changed."""
    mended = done = 0
    text = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with new.connection.cursor() as cursor, cursor.copy(text) as into:
        for row in _rows(old.connection, table, columns):
            values = row
            if any(isinstance(value, str) and _NUL in value for value in row):
                values = tuple(_without_nul(value) for value in row)
                mended += 1
            into.write_row(values)
            done += 1
            if done % STEP == 0 and done < total:
                progress(table, done, total)
    progress(table, done, total)
    return mended


def _rows(connection: Any, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    listed = ", ".join(f'"{column}"' for column in columns)
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples
    cursor.execute(f'SELECT {listed} FROM "{table}"')  # noqa: S608 - names of the database's own
    while batch := cursor.fetchmany(BATCH):
        yield from batch


def _without_nul(value: Any) -> Any:
    return value.replace(_NUL, _INSTEAD) if isinstance(value, str) else value


def _verify(old: Look, new: Look, copied: Copied) -> None:
    """Counts of every table, and the chain over the log of events."""
    new.connection.execute("ANALYZE")  # the server has not seen the sizes of these tables yet
    for table, rows in copied.rows.items():
        if (there := new.rows(table)) != rows:
            raise Different(f"{table} has {rows} rows here and {there} on the target")
    ours, theirs = _last(old), _last(new)
    if ours != theirs:
        raise Different(f"the log of events ends with {ours} here and with {theirs} on the target")
    try:
        copied.events = sealer.verify(new.reader)
    except ValueError as error:
        raise Different(f"the chain of events does not hold on the target: {error}") from error
    copied.chain = theirs[1]


def _last(seen: Look) -> tuple[int, str]:
    row: Row | None = seen.reader.one("events.last")
    return (int(row["seq"]), str(row["chain"])) if row else (0, sealer.GENESIS)
