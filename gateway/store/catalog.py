"""The named queries of `queries/*.sql`, loaded once per engine by aiosql."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosql
from aiosql.adapters.sqlite3 import SQLite3Adapter

Query = Callable[..., Any]

QUERIES = Path(__file__).parent / "queries"


class SqliteAdapter(SQLite3Adapter):
    """aiosql's own, but `sqlite3.Row` is neither tuple nor dict, which its single values insist on."""

    def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:  # noqa: ARG002 - aiosql's signature
        row = conn.execute(sql, parameters).fetchone()
        return None if row is None else row[0]


def load(driver: Any) -> dict[str, Query]:
    """Every query as 'file.name' → function(connection, **values).

    Args:
        driver: an adapter of aiosql, by class or name.
    """
    catalog: dict[str, Query] = {}
    for path in sorted(QUERIES.glob("*.sql")):
        queries = aiosql.from_path(path, driver)
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                catalog[f"{path.stem}.{name}"] = getattr(queries, name)
    return catalog


def sql_of(query: Query) -> str:
    """The text of a query, with named parameters in the form of its driver."""
    text: str = query.sql  # type: ignore[attr-defined]  # set by aiosql
    return text
