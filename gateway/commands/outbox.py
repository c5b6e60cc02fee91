"""What waits for a person's decision: parked transmissions, quarantine, certificates."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.commands.options import (
    Agent,
    AsJson,
    ConfigFile,
    DataDir,
    Limit,
    example,
    in_office,
    who,
)
from gateway.commands.screen import as_json, moment, say, table, warn
from gateway.domain.errors import GatewayError

if TYPE_CHECKING:
    from gateway.domain.store import Reader
    from gateway.office import Office

OUTBOX_LIST_EXAMPLE = example("gateway outbox list --state parked")
MOVE_EXAMPLE = example("gateway outbox move 01kf3q…out --to email:li@example.org --agent lin")
RETRY_EXAMPLE = example("gateway outbox retry 01kf3q…out --agent lin")
QUARANTINE_LIST_EXAMPLE = example("gateway quarantine list --json")
REPLAY_EXAMPLE = example("gateway quarantine replay 01kf3q…", "gateway quarantine replay --all")
SHOW_EXAMPLE = example('gateway quarantine show 01kf3q… --agent lin --reason "bug 42: bad charset"')
CERTIFICATES_LIST_EXAMPLE = example("gateway certificates list", "gateway certificates list --all")
REVOKE_EXAMPLE = example("gateway certificates revoke 01kf3q… --agent lin")

OutboxState = Literal[
    "", "ready", "leased", "begun", "sent", "unknown", "parked", "dropped", "merged", "moved"
]
#: Entries that `--all` replays at most in one go.
_MANY = 10_000


# ---------------------------------------------------------------- outbox


def list_outbox(
    state: Annotated[OutboxState, typer.Option("--state", help="Only these.")] = "",
    limit: Limit = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List outgoing messages, the newest first, and the accounts that pause."""

    async def work(office: "Office") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        from gateway.desk.moving import offers

        now, accounts = office.clock.now(), office.desk.accounts

        def look(reader: "Reader") -> list[dict[str, Any]]:
            return [
                {
                    **row,
                    "could_go_to": [way.handle for way in offers(reader, row["id"], accounts, now)],
                }
                for row in reader.all("outbox.listed", state=state, n=limit)
            ]

        rows = await office.store.read(look)
        pauses = await office.store.read(lambda r: r.all("outbox.pauses", now=now))
        return rows, [dict(row) for row in pauses]

    rows, pauses = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("id", "account", "to", "state", "tries", "created", "failure", "detail", "could go to"),
        (
            (
                row["id"], row["account"], row["recipient"], row["state"], row["attempts"],
                moment(row["created_at"]), row["failure"],
                f"in {row['carrier']}" if row["carrier"] else row["detail"],
                ", ".join(row["could_go_to"]),
            )
            for row in rows
        ),
        empty="nothing in the outbox" + (f" that is {state}" if state else ""),
    )  # fmt: skip
    for pause in pauses:
        warn(f"{pause['account']} pauses until {moment(pause['until'])}: {pause['why']}")


def retry(
    reference: Annotated[str, typer.Argument(metavar="ID", help="As `outbox list` shows it.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Let a parked or dropped message go out, now."""
    from gateway.desk.upkeep import send_again

    name = who(agent)
    row = in_office(
        config,
        data_dir,
        lambda office: send_again(office.store, office.clock, office.ids, reference, name),
    )
    if row["failure"] == "unknown":
        warn("nobody knows whether it went out before: the customer may get it twice")
    say(f"{reference} goes out to {row['recipient']}")


def move(
    reference: Annotated[str, typer.Argument(metavar="ID", help="As `outbox list` shows it.")],
    to: Annotated[
        str, typer.Option("--to", metavar="HANDLE", help="Where: as `outbox list` offers it.")
    ],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Send a parked or dropped message to another proved address of the same customer instead."""
    from gateway.desk.moving import move as moved

    name = who(agent)
    message = in_office(config, data_dir, lambda office: moved(office.desk, reference, to, name))
    say(f"message {message} goes out to {to}, and {reference} does not any more")


# ---------------------------------------------------------------- quarantine


def list_quarantine(
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was replayed already.")
    ] = False,
    limit: Limit = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List what could not be read or planned, the newest first."""

    async def work(office: "Office") -> list[dict[str, Any]]:
        rows = await office.store.read(
            lambda r: r.all("intake.quarantine_listed", state="" if everything else "kept", n=limit)
        )
        return [{**row, "meta": json.loads(row["meta"])} for row in map(dict, rows)]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("id", "account", "stage", "state", "at", "reason"),
        (
            (
                row["id"], row["account"], row["stage"], row["state"], moment(row["at"]),
                row["reason"],
            )
            for row in rows
        ),
        empty="the quarantine is empty",
    )  # fmt: skip


def show_quarantined(
    reference: Annotated[str, typer.Argument(metavar="ID", help="As `quarantine list` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded with your name.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the bytes there, not to the screen."),
    ] = None,
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show the bytes of one entry as they came. They may hold anything; who looks is recorded."""
    from gateway.desk.quarantine import view

    name = who(agent)
    opened = in_office(
        config,
        data_dir,
        lambda office: view(
            office.store, office.blobs, office.clock, office.ids, reference, name, reason
        ),
    )
    if output is not None:
        with os.fdopen(_new(output), "wb") as file:
            file.write(opened.data)
        say(f"{len(opened.data)} bytes in {output}; delete it when you are done")
        return
    for key, value in opened.meta.items():
        say(f"{key}: {value}")
    say("")
    say(opened.data.decode("utf-8", "backslashreplace"))


def _new(path: Path) -> int:
    """A file that was not there, for nobody else to read."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--output") from error


def replay(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="As `quarantine list` shows them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept.")] = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Read or plan again what lies in quarantine; what still cannot be read stays there."""
    if bool(references) == everything:
        raise typer.BadParameter("name the entries, or say --all")

    async def work(office: "Office") -> int:
        from gateway.intake.replay import Replay

        again = Replay(
            office.store, office.blobs, office.intake, office.channels, office.clock, office.ids
        )
        chosen = references or [
            row["id"]
            for row in await office.store.read(
                lambda r: r.all("intake.quarantine_listed", state="kept", n=_MANY)
            )
        ]
        failed = 0
        for reference in chosen:
            try:
                say(f"{reference}: {await again.one(reference)}")
            except GatewayError as error:
                failed += 1
                warn(f"{reference}: {error}")
        office.store.tell("intake")
        return failed

    if in_office(config, data_dir, work):
        raise typer.Exit(1)


# ---------------------------------------------------------------- certificates


def list_certificates(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that ended, and why.")
    ] = False,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the certificates in force: what may be answered without a person."""
    query = "certificates.every" if everything else "certificates.in_force"

    async def work(office: "Office") -> list[dict[str, Any]]:
        return [dict(row) for row in await office.store.read(lambda r: r.all(query))]

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        (
            "id", "scope", "cases", "threshold", "wrong/answered", "alpha", "delta", "knowledge",
            "made", *(["ended"] if everything else []),
        ),
        (
            (
                row["id"], row["scope"], row["origin"],
                f"{row['threshold']:.3f}", f"{row['wrong']}/{row['answered']}",
                row["alpha"], row["delta"], row["knowledge"], moment(row["created_at"]),
                *([_ended(row)] if everything else []),
            )
            for row in rows
        ),
        empty="no certificate is in force: answers are suggested to people, none sent by itself",
    )  # fmt: skip


def _ended(row: dict[str, Any]) -> str:
    if row["revoked_at"] is None:
        return ""
    how = row["ended"] or "revoked"
    because = f": {row['ended_because']}" if row["ended_because"] else ""
    return f"{moment(row['revoked_at'])} {how}{because}"


def revoke_certificate(
    reference: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """End a certificate: nothing more is answered because of it."""
    from gateway.desk.upkeep import revoke

    name = who(agent)
    in_office(
        config,
        data_dir,
        lambda office: revoke(office.store, office.clock, office.ids, reference, name),
    )
    say(f"{reference} is no longer in force")
