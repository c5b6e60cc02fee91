"""Reads a dead gateway's database without touching it, and counts what was under way."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time

DATABASE = "gateway.sqlite"


@contextmanager
def copy_of(data_dir: Path) -> Iterator[sqlite3.Connection | None]:
    """The database as it lay there, write-ahead log included, opened from a copy: opening the
    original would recover it, and that is the gateway's own work. None when there is no schema."""
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        for suffix in ("", "-wal"):
            source = data_dir / (DATABASE + suffix)
            if source.exists():
                shutil.copy(source, Path(folder) / source.name)
        with closing(sqlite3.connect(Path(folder) / DATABASE)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(
                "SELECT COUNT(*) FROM sqlite_master WHERE name = 'outbox'"
            ).fetchone()[0]
            yield connection if found else None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What a gateway had begun and not ended when it died."""

    begun: frozenset[str] = frozenset()
    """Outbox rows between `begun` and recorded."""
    unprocessed: int = 0
    unsent: int = 0
    timers_due: int = 0

    @property
    def any(self) -> bool:
        return bool(self.begun or self.unprocessed or self.unsent or self.timers_due)


def under_way(data_dir: Path) -> UnderWay:
    """Look at the database of a gateway that is dead."""
    with copy_of(data_dir) as connection:
        if connection is None:
            return UnderWay()
        return look(connection)


def look(connection: sqlite3.Connection) -> UnderWay:
    """The same on an open connection."""

    def count(query: str, *values: object) -> int:
        number: int = connection.execute(query, values).fetchone()[0]
        return number

    return UnderWay(
        begun=frozenset(
            row[0] for row in connection.execute("SELECT id FROM outbox WHERE state = 'begun'")
        ),
        unprocessed=count("SELECT COUNT(*) FROM raw_events WHERE state = 'pending'"),
        unsent=count(
            "SELECT COUNT(*) FROM outbox WHERE state IN ('ready', 'leased', 'begun', 'unknown')"
        ),
        timers_due=count("SELECT COUNT(*) FROM timers WHERE due_at <= ?", time()),
    )


def left(data_dir: Path) -> UnderWay:
    """What a living gateway still has to do; timers of the future count as well."""
    address = f"file:{data_dir / DATABASE}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
        found = look(connection)
        timers = connection.execute("SELECT COUNT(*) FROM timers").fetchone()[0]
        return UnderWay(found.begun, found.unprocessed, found.unsent, timers)
