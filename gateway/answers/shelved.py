"""Files beside the knowledge base that spare work and can be made anew: written whole or not at all, and
no more than so many of a kind."""

import contextlib
import os
from pathlib import Path


def shelve(path: Path, content: bytes, most: int) -> None:
    """Write a file. Of those in its folder with the same endings, the `most` used last stay.

    Nothing is written where the folder cannot be: what the file would have spared is done again.
    """
    whole = path.with_suffix(f".{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content)
        whole.replace(path)
        alike = path.parent.glob(f"*{''.join(path.suffixes)}")
        for old in sorted(alike, key=_used, reverse=True)[most:]:
            old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            whole.unlink(missing_ok=True)


def used(path: Path) -> None:
    """Note that a file was of use just now, so that it is not the oldest. One that another process has
    taken away meanwhile is not made again."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process was quicker
        return 0.0
