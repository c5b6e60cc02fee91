"""Connections to PostgreSQL: how they are opened, and what their errors mean to us."""

import re
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.rows import dict_row
from psycopg.types.string import StrDumperUnknown

from gateway.domain.errors import Conflict, GatewayError, StoreAway, StoreError, StoreFull

#: Older ones lack what we use (`pg_current_xact_id` came with 13) or are no longer maintained.
OLDEST_SERVER = 14
#: Seconds until a server that does not answer counts as away.
CONNECT_SECONDS = 5
#: Bounds that the server keeps, in milliseconds: a statement, the wait for a lock, and the pause of
#: a process that was stopped in the middle of a transaction and holds its locks. The last is shorter
#: than the wait for a lock: whoever waits for such a process gets its turn.
_BOUNDS = {
    "statement_timeout": 30_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 5_000,
}

#: The transaction is to be run again: it met another one.
RERUN = (errors.SerializationFailure, errors.DeadlockDetected)
_FULL = (errors.DiskFull, errors.OutOfMemory)
_BUSY = (
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.TooManyConnections,
    errors.ReadOnlySqlTransaction,
    errors.CannotConnectNow,
)


class _Text(StrDumperUnknown):
    """PostgreSQL stores no NUL character. One in an agent's reply or in a provider's answer must not
    keep an outcome from being written."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class Lost(Exception):
    """The connection is gone, and with it the transaction."""


def connect(url: str, **changes: Any) -> psycopg.Connection[dict[str, Any]]:
    """A connection that commits only when told to.

    Raises `StoreError` with one line that says what to do, `StoreAway` where trying again may help.
    """
    options = " ".join(f"-c {name}={value}" for name, value in _BOUNDS.items())
    wanted: dict[str, Any] = {
        "autocommit": True,
        "row_factory": dict_row,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "contact-routing-gateway",
        # A server that vanished without a word is noticed while we wait for it.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": options,
        **changes,
    }
    try:
        connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(url, **wanted)
    except psycopg.Error as error:
        raise refused(url, error) from error
    connection.adapters.register_dumper(str, _Text)
    version = connection.info.server_version // 10_000
    if version < OLDEST_SERVER:
        connection.close()
        msg = f"{where(url)} is PostgreSQL {version}; {OLDEST_SERVER} or newer is needed"
        raise StoreError(msg)
    if connection.execute("SHOW synchronous_commit").fetchone() == {"synchronous_commit": "off"}:
        # What was acknowledged must survive the server as well.
        connection.execute("SET synchronous_commit = on")
    return connection


def where(url: str) -> str:
    """The address without the password, for messages."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{user}{parts.hostname or 'localhost'}{port}{parts.path}"


def refused(url: str, error: psycopg.Error) -> StoreError:
    """Why no connection came about, in one line."""
    text = " ".join(str(error).split())
    place = where(url)
    if re.search(r"password|authentication failed|no pg_hba\.conf entry|role .* does not", text):
        why = "refuses user or password; check both in the setting `database`"
        return StoreError(f"{place} {why} ({_last(text)})")
    if "does not exist" in text:
        return StoreError(f"{place} does not exist; make it with `createdb` ({_last(text)})")
    if re.search(r"starting up|shutting down|too many|recovery mode", text):
        return StoreAway(f"{place} takes no connections at the moment ({_last(text)})")
    return StoreAway(
        f"{place} cannot be reached; is the server running, and is the address right? "
        f"({_last(text)})"
    )


def _last(text: str) -> str:
    """What the server said, without the repeated address."""
    return text.rpartition("FATAL:")[2].strip()[:200] or text[:200]


def is_lost(connection: psycopg.Connection[Any], error: BaseException) -> bool:
    """Whether the connection went away under the statement."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        connection.closed or connection.broken
    )


def translate(error: Exception) -> GatewayError:
    """A driver's error as ours; `StoreAway` where the same may work later."""
    text = " ".join(str(error).split())[:300]
    if isinstance(error, psycopg.IntegrityError):
        # A key that is there already: somebody else was faster.
        return Conflict(text)
    if isinstance(error, _FULL):
        return StoreFull(f"no room on the database server: {text}")
    if isinstance(error, RERUN):
        return StoreAway(f"too many others at the same rows: {text}")
    if isinstance(error, _BUSY):
        return StoreAway(f"the database server does not get to it: {text}")
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreError(
            f"the database user lacks a right; GRANT it, or make it the owner: {text}"
        )
    return StoreError(f"{type(error).__name__}: {text}")
