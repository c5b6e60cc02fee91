"""`gateway db`: what is in the database, its schema, and the move from SQLite to PostgreSQL."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import AsJson, ConfigFile, DataDir, example, settings
from gateway.commands.screen import as_json, moment, say, table
from gateway.domain.errors import SettingsError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.store.look import Look

STATUS_EXAMPLE = example("gateway db status", "gateway db status --json")
MIGRATE_EXAMPLE = example("gateway db migrate --data-dir /var/lib/gateway")
COPY_EXAMPLE = example(
    "gateway db copy --to postgresql://gateway@db.internal/gateway",
    "gateway db copy --to env:NEW_DATABASE",
)


# ---------------------------------------------------------------- status


def status(as_data: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Show which database it is, its schema, what is in it, and who numbers its log."""
    from gateway.store.look import look

    loaded = settings(config, data_dir)
    with look(loaded.database, loaded.data_dir) as seen:
        found = _found(loaded, seen)
    if as_data:
        as_json(found)
    else:
        _print(found)


def _found(config: "Config", seen: "Look | None") -> dict[str, Any]:
    from gateway.store.leader import NAME
    from gateway.store.look import pending
    from gateway.store.migrate import SCHEMA

    if seen is None:
        raise SettingsError(
            f"there is no database {config.database_path}; `gateway serve` makes one"
        )
    schema, tables = seen.schema(), seen.tables()
    rows = {name: seen.rows(name) for name in tables} if schema else {}
    led = seen.reader.one("leases.who", name=NAME) if "leases" in rows else None
    unsealed = seen.rows("events", "seq IS NULL") if "events" in rows else 0
    return {
        "database": config.database_shown,
        "engine": seen.version(),
        "schema": schema,
        "newest_schema": SCHEMA,
        "migrations_pending": pending(schema),
        # A lease that ran out is nobody's; one of SQLite's is never taken.
        "leader": dict(led) if led is not None and led["until"] > time.time() else None,
        "events_sealed": rows.get("events", 0) - unsealed,
        "events_unsealed": unsealed,
        "events_waiting": seen.reader.value("intake.waiting") if "raw_events" in rows else 0,
        "tables": rows,
    }


def _print(found: dict[str, Any]) -> None:
    leader = found["leader"]
    say(f"database  {found['database']}")
    say(f"engine    {found['engine']}")
    say(f"schema    {found['schema']}, this release works with {found['newest_schema']}")
    for name in found["migrations_pending"]:
        say(f"pending   {name}: `gateway db migrate`, or the next start of the gateway, applies it")
    say(
        f"log       {found['events_sealed']} events sealed, {found['events_unsealed']} to be sealed"
    )
    if leader:
        say(
            f"leader    {leader['owner']}, until {moment(leader['until'])}, fence {leader['fence']}"
        )
    say(f"intake    {found['events_waiting']} accepted events wait")
    say("")
    table(("table", "rows"), found["tables"].items(), empty="nothing is in it yet")


# ---------------------------------------------------------------- migrate


def migrate(config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Bring the schema up to date, as `serve` does at its start, and say how to keep a backup."""
    from gateway.store.choose import store_for
    from gateway.store.look import backup_hint, look, pending

    loaded = settings(config, data_dir)
    with _stopped(loaded):
        with look(loaded.database, loaded.data_dir) as seen:
            if seen is None:
                raise SettingsError(
                    f"there is no database {loaded.database_path}; `gateway serve` makes one"
                )
            schema, filled = seen.schema(), seen.filled()
        missing = pending(schema)
        if not missing:
            say(f"{loaded.database_shown} is up to date")
            return
        if filled:
            say("backup before it:")
            say(f"  {backup_hint(loaded.database, loaded.data_dir, schema)}")
        for name in missing:
            say(f"apply     {name}")
        asyncio.run(_opened_once(store_for(loaded.database, loaded.data_dir)))
    say(f"{loaded.database_shown} is up to date")


async def _opened_once(store: Any) -> None:
    await store.open()
    await store.close()


def _stopped(config: "Config") -> Any:
    """Held while nobody may run on the data directory."""
    from gateway.app import lock_data

    return lock_data(config.data_dir, shared=config.shared)


# ---------------------------------------------------------------- copy


def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="postgresql://USER:PASSWORD@HOST:PORT/NAME, or env:VARIABLE that holds it.",
        ),
    ],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Copy the SQLite database into an empty PostgreSQL one, and verify it. Stop the gateway first."""
    from gateway.store.choose import store_for
    from gateway.store.copy import check_ends
    from gateway.store.copy import copy as copy_all

    loaded = settings(config, data_dir)
    source, target = loaded.database_path, _target(to)
    if source is None:
        raise SettingsError("copies from SQLite; it is PostgreSQL already", key="database")
    if not source.is_file():
        raise SettingsError(f"there is no database {source}")
    started = time.monotonic()
    with _stopped(loaded):
        check_ends(source, target)
        asyncio.run(_opened_once(store_for(target, loaded.data_dir)))
        copied = copy_all(source, target, _progress)
    seconds = time.monotonic() - started
    say(f"copied {sum(copied.rows.values())} rows of {len(copied.rows)} tables in {seconds:.1f} s")
    if copied.mended:
        say(f"{copied.mended} rows held a NUL character, which PostgreSQL cannot store: replaced")
    say(
        f"verified: equal counts in every table, and the chain of {copied.events} events holds "
        f"and ends alike ({copied.chain[:12]}…)"
    )
    say("next: set `database` to the new one; key, blobs and settings stay in the data directory")


def _progress(name: str, done: int, total: int) -> None:
    if total:
        say(f"{name:<16} {done:>10} of {total}")


def _target(text: str) -> str:
    """The URL, also by reference. Raises `SettingsError`, which never repeats it."""
    from gateway.layers import resolved
    from gateway.problems import Problem, raise_for
    from gateway.store import address

    problems: list[Problem] = []
    url = resolved(text, "--to", Path.cwd(), os.environ, problems)
    raise_for(problems)
    if not address.is_postgres(url):
        raise SettingsError("expects postgresql://USER:PASSWORD@HOST:PORT/NAME", key="--to")
    try:
        return address.checked(url)
    except ValueError as error:
        raise SettingsError(str(error), key="--to") from error
