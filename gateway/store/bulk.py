"""Plain inserts of many rows in few statements.

The drivers let go of the interpreter lock at every statement, and get it back late while another
thread works. One statement of up to 64 rows is therefore faster than 64 of one row.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

#: Rows of one statement: powers of two up to this, so that few statements are to be prepared.
WIDEST = 64
_VALUES = re.compile(r"\bVALUES\s*\(([^()]*)\)", re.IGNORECASE)
_NAME = re.compile(r":(\w+)|%\((\w+)\)s")


class BulkInsert:
    """The statements of one `INSERT … VALUES (…)` for one row and for many.

    Args:
        sql: with one row of named parameters and nothing else in its parentheses.
        mark: what stands for a value in the driver's SQL, `?` or `%s`.
    """

    def __init__(self, sql: str, mark: str = "?") -> None:
        values = _VALUES.search(sql)
        if values is None:
            msg = f"not an insert of one row of values: {sql[:60]!r}"
            raise ValueError(msg)
        self.names = tuple(a or b for a, b in _NAME.findall(values[1]))
        if len(self.names) != values[1].count(",") + 1:
            msg = f"a value that is no parameter: {values[1]!r}"
            raise ValueError(msg)
        row = f"({', '.join([mark] * len(self.names))})"
        self._texts = {
            width: f"{sql[: values.start()]}VALUES {', '.join([row] * width)}{sql[values.end() :]}"
            for width in (1 << n for n in range(WIDEST.bit_length()))
        }

    def statements(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Each statement and its values; together they insert all rows, in order.

        Raises `KeyError` for a row without one of the names.
        """
        done, names = 0, self.names
        while done < len(rows):
            width = min(WIDEST, 1 << ((len(rows) - done).bit_length() - 1))
            part = rows[done : done + width]
            yield (
                self._texts[width],
                list(chain.from_iterable([row[name] for name in names] for row in part)),
            )
            done += width
