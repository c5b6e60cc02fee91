"""What commands print: tables for people, JSON for programs.

Texts of customers go to an agent's terminal: nothing in them may steer it.
"""
# ruff: noqa: PLC0415 - rich is imported by the command that draws a table: --help stays fast

import json
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

import typer

#: Control characters but tab and line feed; and what turns the direction of writing, which lets a
#: text read otherwise than it is.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
#: Columns where the output is no terminal: nobody wraps a file.
_PIPE_WIDTH = 240


def printable(value: Any) -> str:
    """The text without anything a terminal obeys; '' for None."""
    return "" if value is None else _STEERING.sub("\N{REPLACEMENT CHARACTER}", str(value))


def line(value: Any) -> str:
    """As `printable`, on one line."""
    return " ".join(printable(value).split())


def say(text: str) -> None:
    """One line or paragraph of a command's result."""
    typer.echo(printable(text))


def warn(text: str) -> None:
    """To standard error: what the result does not say."""
    typer.echo(printable(text), err=True)


def as_json(value: Any) -> None:
    """Print for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print for people; `empty` when there is no row. Every cell is one line of plain text."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold" if column == columns[0] else "ellipsis")
    for row in rows:
        drawn.add_row(*(Text(line(cell)) for cell in row))
    if not drawn.row_count:
        say(empty)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    console.print(drawn)


def moment(seconds: float | None) -> str:
    """A time as the clock on the wall shows it; '' for none."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def span(seconds: float) -> str:
    """A length of time in its two largest units: '2 d 3 h', '4 min', '12 s'."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    left = max(0, int(seconds))
    for name, size in units:
        count, left = divmod(left, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
