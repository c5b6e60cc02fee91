"""Plain inserts of many rows in one statement.

The drivers let go of the interpreter lock at every statement, and get it back late while another
thread works. One statement of up to 64 rows is therefore faster than 64 of one row.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Rows of one statement.
WIDEST = 64
_INSERT = re.compile(
    r"\s*INSERT\s+INTO\s+(?P<table>\w+)\s*\(\s*(?P<key>\w+)[^()]*\)\s*VALUES\s*\((?P<row>(?:%\(\w+\)s|[^()])*)\)",
    re.IGNORECASE,
)
_NAME = re.compile(r":(\w+)|%\((\w+)\)s")

Statement = tuple[str, list[Any]]


class BulkInsert:
    """The statements of one `INSERT INTO table (key, …) VALUES (:key, …)`, for one row and for many.

    Args:
        sql: with one row of named parameters. The first column is what a row is known by: made
            anew for each row that is handed in.
        mark: what stands for a value in the driver's SQL, `?` or `%s`.
    """

    def __init__(self, sql: str, mark: str = "?") -> None:
        found = _INSERT.match(sql)
        if found is None:
            msg = f"not an insert of one row of values: {sql[:60]!r}"
            raise ValueError(msg)
        self.names = tuple(a or b for a, b in _NAME.findall(found["row"]))
        if len(self.names) != found["row"].count(",") + 1:
            msg = f"a value that is no parameter: {found['row']!r}"
            raise ValueError(msg)
        row = f"({', '.join([mark] * len(self.names))})"
        head, tail = sql[: found.start("row") - 1], sql[found.end() :]
        self._inserts = [head + ", ".join([row] * n) + tail for n in range(WIDEST + 1)]
        key = found["key"]
        self._finds = [
            f"SELECT {key} FROM {found['table']} WHERE {key} IN ({', '.join([mark] * n)})"  # noqa: S608 - names from our own queries
            for n in range(WIDEST + 1)
        ]

    def inserts(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
        """What inserts all rows, in order. Raises `KeyError` for a row without one of the names."""
        names = self.names
        for part in _parts(rows):
            yield self._inserts[len(part)], [row[name] for row in part for name in names]

    def finds(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
        """What finds the keys of those of the rows that were new."""
        for part in _parts(rows):
            yield self._finds[len(part)], [row[self.names[0]] for row in part]


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    for start in range(0, len(rows), WIDEST):
        yield rows[start : start + WIDEST]
