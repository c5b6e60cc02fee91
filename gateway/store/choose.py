"""Which engine a setting means. The driver of PostgreSQL is loaded only where it is used."""

from pathlib import Path
from typing import Protocol

from gateway.domain.store import Store
from gateway.store.address import file_of
from gateway.store.sqlite import SqliteStore


class Engine(Store, Protocol):
    """A store as the composition root sees it: it can be opened, closed and looked into."""

    stats: dict[str, int]
    """Counts since it was opened."""

    async def open(self) -> None:
        """Migrate and start. Raises `StoreError` with one line that says what to do."""
        ...

    async def close(self) -> None:
        """Write what was handed in, and end."""
        ...

    @property
    def waiting(self) -> int:
        """Units of work that wait."""
        ...

    async def scrub(self) -> bool:
        """Overwrite what rows no longer hold, as far as it is this store's matter. False: try later."""
        ...


def store_for(database: str, data_dir: Path, *, max_waiting: int = 4096) -> Engine:
    """The store of a database, not yet open.

    Args:
        database: as the setting of that name.
        data_dir: what an SQLite file is relative to.
        max_waiting: units of work that may wait; one more raises `Overloaded` at once.
    """
    if (file := file_of(database, data_dir)) is not None:
        return SqliteStore(file, max_waiting=max_waiting)
    from gateway.store.postgres import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(database, max_waiting=max_waiting)
