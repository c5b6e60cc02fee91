"""Brings the schema up to date: plain SQL files, each in one transaction, under a lock.

The lock (a file's on SQLite, the session's on PostgreSQL) is gone the instant its holder dies, so a
`kill -9` in the middle of a migration blocks no later start; the transaction it died in is rolled
back by the database.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway import steps
from gateway.domain.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"

#: The schema this program writes, and the oldest program that can still work on it.
SCHEMA = 9
OLDEST_CODE_OK = 9  # older programs would change messages without a revision


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, waiting for it; freed by the kernel when the process ends."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def statements(script: str) -> Iterator[str]:
    """The statements of a plain SQL script, one by one: DDL must stay inside our transaction, and
    `executescript` would commit it. What stands in comments is none."""
    buffer = ""
    for line in script.splitlines(keepends=True):
        if not buffer and (not line.strip() or line.lstrip().startswith(("--", "/*"))):
            continue
        buffer += line
        if sqlite3.complete_statement(buffer):
            yield buffer.strip()
            buffer = ""
    if buffer.strip():
        msg = f"a migration ends inside a statement: {buffer.strip()[:60]!r}"
        raise StoreError(msg)


def files() -> list[tuple[int, Path]]:
    """Migrations in order: (number, file)."""
    return sorted((int(path.name.split("_", 1)[0]), path) for path in MIGRATIONS.glob("*.sql"))


def migrate(connection: Any, begin: str, adapt: Callable[[str], str] = lambda sql: sql) -> int:
    """Apply what is missing; the number of migrations applied.

    The caller holds the lock. Raises `StoreError` when the database was made by a newer program
    that this one must not touch.
    """
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY, oldest_code_ok BIGINT NOT NULL)"
    )
    found = cursor.execute("SELECT MAX(number), MAX(oldest_code_ok) FROM schema_version").fetchone()
    present, oldest = int(found[0] or 0), int(found[1] or 0)
    if oldest > SCHEMA:
        msg = f"the database has schema {present}, which needs release {oldest} or newer of the gateway"
        raise StoreError(msg)
    applied = 0
    for number, path in files():
        if number <= present:
            continue
        cursor.execute(begin)
        steps.reach("migration.begun")
        for statement in statements(adapt(path.read_text(encoding="utf-8"))):
            cursor.execute(statement)
        cursor.execute(
            f"INSERT INTO schema_version (number, oldest_code_ok) VALUES ({number:d}, {OLDEST_CODE_OK:d})"  # noqa: S608 - two integers of ours
        )
        steps.reach("migration.before_commit")
        cursor.execute("COMMIT")
        steps.reach("migration.committed")
        applied += 1
    return applied
