"""The named queries of `queries/*.sql`, loaded once per engine by aiosql."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosql

Query = Callable[..., Any]

QUERIES = Path(__file__).parent / "queries"


def load(driver: str) -> dict[str, Query]:
    """Every query as 'file.name' → function(connection, **values).

    Args:
        driver: aiosql's name of the driver, 'sqlite3' or 'psycopg'.
    """
    catalog: dict[str, Query] = {}
    for path in sorted(QUERIES.glob("*.sql")):
        queries = aiosql.from_path(path, driver)
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                catalog[f"{path.stem}.{name}"] = getattr(queries, name)
    return catalog
