"""Connections to PostgreSQL: how they are opened, and what their errors mean to us."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.types.string import StrDumperUnknown

from gateway.domain.errors import Conflict, GatewayError, StoreAway, StoreError, StoreFull
from gateway.store.address import shown

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


def connect(
    url: str, *, bounds: Mapping[str, int] = _BOUNDS, **changes: Any
) -> psycopg.Connection[dict[str, Any]]:
    """A connection that commits only when told to. What the URL says of it itself stands.

    Args:
        url: as in the settings.
        bounds: what the server keeps to, by the names of its settings.
        changes: of the connection, in the driver's words.

    Raises `StoreError` with one line that says what to do, `StoreAway` where trying again may help.
    """
    usual: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "contact-routing-gateway",
        # A server that vanished without a word is noticed while we wait for it.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    try:
        given = conninfo_to_dict(url)
        wanted = {name: value for name, value in usual.items() if name not in given}
        ours = (f"-c {name}={value}" for name, value in bounds.items())
        # The server takes the last of two that contradict each other.
        wanted["options"] = " ".join([*ours, str(given.get("options") or "")]).strip()
        connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
            url, **{"autocommit": True, "row_factory": dict_row, **wanted, **changes}
        )
    except psycopg.Error as error:
        raise refused(url, error) from error
    try:
        _prepare(connection, url)
    except BaseException as error:
        connection.close()
        if isinstance(error, psycopg.Error):
            # Ended in the moment it was made: the server is going down, or coming up.
            raise refused(url, error) from error
        raise
    return connection


def _prepare(connection: psycopg.Connection[Any], url: str) -> None:
    connection.adapters.register_dumper(str, _Text)
    version = connection.info.server_version // 10_000
    if version < OLDEST_SERVER:
        msg = f"{_shown(url)} is PostgreSQL {version}; {OLDEST_SERVER} or newer is needed"
        raise StoreError(msg)
    # What was acknowledged must survive the server as well.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )


def _shown(url: str) -> str:
    """The address without the password."""
    return shown(url, Path())


def refused(url: str, error: psycopg.Error) -> StoreError:
    """Why no connection came about, in one line."""
    text = " ".join(str(error).split())
    place = _shown(url)
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
