"""Shows that a command is at work: what it does now, and for how long already."""
# ruff: noqa: PLC0415 - rich is imported by the command that shows something: --help stays fast

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.commands.screen import printable, warn


@contextmanager
def working(text: str) -> Iterator[None]:
    """While the block runs: a line that moves on a terminal, else one line on standard error; and at
    the end the seconds it took."""
    begun = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.text import Text

        with Console(stderr=True).status(Text(printable(text))):
            yield
    else:
        warn(f"{text} …")
        yield
    warn(f"{text}: {time.monotonic() - begun:.1f} s")
