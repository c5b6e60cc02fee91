"""How a database is named in the settings: `sqlite:FILE`, or a URL of PostgreSQL.

Nothing here opens anything. Whatever is shown to a person comes from `shown`: the URL itself may hold
a password.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

EXPECTED = (
    "expects sqlite:FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME; in a password, write every "
    "sign that is no letter and no digit as % and its two hex digits"
)
_POSTGRES = ("postgresql://", "postgres://")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})|\s")


def is_postgres(database: str) -> bool:
    """Whether a PostgreSQL server holds it, which several processes may share."""
    return database.startswith(_POSTGRES)


def checked(database: str) -> str:
    """The same. Raises ValueError, which never repeats what was given."""
    if is_postgres(database):
        parts = _split(database)
        if parts is not None and parts.path.strip("/") and "/" not in parts.path[1:]:
            return database
    elif database.startswith("sqlite:") and database != "sqlite:":
        return database
    raise ValueError(EXPECTED)


def file_of(database: str, data_dir: Path) -> Path | None:
    """The SQLite file; None where a server holds the database."""
    return None if is_postgres(database) else data_dir / database.partition(":")[2]


def shown(database: str, data_dir: Path) -> str:
    """Which database it is, for messages and logs: without a password."""
    if (file := file_of(database, data_dir)) is not None:
        return f"sqlite:{file}"
    parts = _split(database)
    if parts is None:
        return "postgresql://…"
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"postgresql://{user}{host}{port}{parts.path}"


def secrets_of(database: str) -> tuple[str, ...]:
    """What must appear in no log line."""
    return tuple(dict.fromkeys(_secrets(database))) if is_postgres(database) else ()


def _secrets(database: str) -> Iterator[str]:
    parts = _split(database)
    if parts is None:
        return
    options = [pair.partition("=") for pair in parts.query.split("&")]
    given = [parts.password or "", *(v for k, _, v in options if k.endswith("password"))]
    for password in filter(None, given):
        yield password
        yield unquote(password)


def _split(database: str) -> SplitResult | None:
    """Its parts; None when the driver would read it otherwise, or refuse it word for word."""
    if _BROKEN.search(database):
        return None
    try:
        parts = urlsplit(database)
        _ = parts.port  # looked at when it is asked for
    except ValueError:
        return None
    return parts if not parts.fragment and parts.netloc.count("@") < 2 else None
