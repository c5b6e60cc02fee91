"""The named queries of `queries/*.sql`, loaded once per engine by aiosql.

Both engines run the same text. What only one of them understands stands in a comment that names it,
`/* postgres: FOR UPDATE SKIP LOCKED */`, and is uncommented for that one.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import aiosql
from aiosql.adapters.pyformat import PyFormatAdapter
from aiosql.adapters.sqlite3 import SQLite3Adapter

Query = Callable[..., Any]
Dialect = Literal["sqlite", "postgres"]

QUERIES = Path(__file__).parent / "queries"


class SqliteAdapter(SQLite3Adapter):
    """aiosql's own, but `sqlite3.Row` is neither tuple nor dict, which its single values insist on."""

    def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:  # noqa: ARG002 - aiosql's signature
        row = conn.execute(sql, parameters).fetchone()
        return None if row is None else row[0]


class PostgresAdapter(PyFormatAdapter):
    """aiosql's own, but many rows go out in one message. psycopg sends them one by one, and a process
    that is stopped between two keeps its locks: no time-out of the server counts there."""

    def insert_update_delete_many(
        self, conn: Any, query_name: str, sql: str, parameters: Any  # noqa: ARG002 - aiosql's signature
    ) -> int:  # fmt: skip
        from psycopg import ClientCursor  # noqa: PLC0415 - not loaded for SQLite

        with ClientCursor(conn) as cursor:
            text = ";\n".join(cursor.mogrify(sql, row) for row in parameters)
            if not text:
                return 0
            cursor.execute(text)
            changed: int = cursor.rowcount
            while cursor.nextset():
                changed += cursor.rowcount
        return changed


_DRIVERS: dict[Dialect, Any] = {"sqlite": SqliteAdapter, "postgres": PostgresAdapter}


def spoken(sql: str, dialect: Dialect) -> str:
    """The text with what it says to one engine alone: `/* sqlite: WITHOUT ROWID */`."""
    return re.sub(rf"/\* {dialect}: (.*?) \*/", r"\1", sql, flags=re.DOTALL)


def load(dialect: Dialect) -> dict[str, Query]:
    """Every query as 'file.name' → function(connection, **values)."""
    catalog: dict[str, Query] = {}
    for path in sorted(QUERIES.glob("*.sql")):
        text = spoken(path.read_text(encoding="utf-8"), dialect)
        queries = aiosql.from_str(text, _DRIVERS[dialect])
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                catalog[f"{path.stem}.{name}"] = getattr(queries, name)
    return catalog


def sql_of(query: Query) -> str:
    """The text of a query, with named parameters in the form of its driver."""
    text: str = query.sql  # type: ignore[attr-defined]  # set by aiosql
    return text
