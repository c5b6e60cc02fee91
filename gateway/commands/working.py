"""Shows that a command is at work: what it does now, and for how long already."""
# ruff: noqa: PLC0415 - rich is imported by the command that shows something: --help stays fast

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.commands.screen import printable, warn


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """While the block runs: a line that moves on a terminal, else lines on standard error; at the end
    the seconds it took. What is given changes the line: tell it what is done now."""
    begun = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.text import Text

        with Console(stderr=True).status(Text(printable(text))) as status:
            yield lambda now: status.update(Text(f"{text}: {printable(now)}"))
    else:
        warn(f"{text} …")
        yield lambda now: warn(f"  {now} ({time.monotonic() - begun:.0f} s)")
    warn(f"{text}: {time.monotonic() - begun:.1f} s")
