"""The databases that are compared: the embedded one, and a PostgreSQL of the benchmark's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tests.postgres import Given, Server, any_server

EMBEDDED = "sqlite:gateway.sqlite"


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Suffix of a figure's name → setting `database`. The server waits for its disk: what it says is
    stored is stored, as on SQLite."""
    with any_server(durable=True) as server:
        yield {"": EMBEDDED, "_postgres": fresh(server)}


def fresh(server: Server | Given) -> str:
    """An empty database."""
    return server.create_database()


@cache
def server_version(url: str) -> str:
    """For the report: '18.1'."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    with psycopg.connect(url) as connection:
        return str(connection.info.parameter_status("server_version"))
