"""`gateway callbacks`: who wishes to be called, who calls them, and what came of it."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import (
    Agent,
    AsJson,
    ConfigFile,
    DataDir,
    example,
    in_office,
    who,
)
from gateway.commands.screen import as_json, moment, say, table
from gateway.domain.errors import SettingsError

if TYPE_CHECKING:
    from gateway.desk.callbacks import Callbacks, Which
    from gateway.office import Office
    from gateway.routing.callbacks import Callback

LIST_EXAMPLE = example("gateway callbacks list", "gateway callbacks list --missed --json")
REQUEST_EXAMPLE = example(
    "gateway callbacks request 260131-004217 --agent lin",
    "gateway callbacks request 260131-004217 --number '138 0013 8000' --when '明天下午三点'",
    "gateway callbacks request 260131-004217 --number +61412345678 --zone Australia/Perth",
)
CANCEL_EXAMPLE = example(
    "gateway callbacks cancel 260131-004217 --reason 'answered by mail' --agent lin"
)
DIAL_EXAMPLE = example("gateway callbacks dial 260131-004217 --agent lin")
OUTCOME_EXAMPLE = example(
    "gateway callbacks outcome 260131-004217 no_answer --agent lin",
    "gateway callbacks outcome 260131-004217 answered --agent lin",
    "gateway callbacks outcome 260131-004217 finished --agent lin",
)
SEE_EXAMPLE = example("gateway callbacks see 260131-004217 --agent lin")

Inquiry = Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")]
Reference = Annotated[
    str,
    typer.Argument(metavar="CALLBACK", help="Its id, or the number of its inquiry: the latest."),
]


class Told(StrEnum):
    """What an agent reports of a call."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    DECLINED = "declined"
    DROPPED = "dropped"
    FINISHED = "finished"


def list_callbacks(
    missed: Annotated[
        bool, typer.Option("--missed", help="Those that nobody reached, until one says `see`.")
    ] = False,
    to_dial: Annotated[
        bool,
        typer.Option(
            "--to-dial", help="Customers to be called before there is an agent, in order."
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are over, the latest first.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the callbacks that are not over, the next to happen first."""
    if missed + to_dial + everything > 1:
        raise SettingsError("say one of --missed, --to-dial and --all")

    async def work(office: "Office") -> list[dict[str, Any]]:
        which: Which = "missed" if missed else "every" if everything else "pending"
        return await _calls(office).listed("to_dial" if to_dial else which, limit)

    rows = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("inquiry", "state", "number", "next", "from", "until", "tries", "with", "why", "id"),
        (
            (
                row["inquiry"], row["state"], row["number"], moment(row["moment"]),
                moment(row["window"]["start"]) if row["window"] else "",
                moment(row["window"]["end"]) if row["window"] else "",
                len(row["attempts"]), row["agent"] or row["assigned_to"], row["reason"], row["id"],
            )
            for row in rows
        ),
        empty="nobody was missed" if missed else "nobody wishes to be called",
    )  # fmt: skip


def request(
    reference: Inquiry,
    number: Annotated[
        str,
        typer.Option("--number", metavar="TEXT", help="As the customer wrote it; else their own."),
    ] = "",
    when: Annotated[
        str,
        typer.Option(
            "--when", metavar="WISH", help="'tomorrow 3pm', '周五上午'; else as soon as may be."
        ),
    ] = "",
    zone: Annotated[
        str,
        typer.Option("--zone", metavar="ZONE", help="Where they are; else what the number says."),
    ] = "",
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Ask for a call about an inquiry, or move the time of the one that stands. The inquiry keeps its
    place."""
    name = who(agent)
    one = _done(
        config, data_dir,
        lambda calls: calls.request(reference, name, number=number, when=when, zone=zone),
    )  # fmt: skip
    _told(one, as_data)


def cancel(
    reference: Reference,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")] = "",
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Nobody needs it any more. The inquiry waits for a person again."""
    name = who(agent)
    _told(_done(config, data_dir, lambda calls: calls.cancel(reference, name, reason)), as_data)


def dial(
    reference: Reference,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Begin to call: you have the inquiry, and the try counts. Say afterwards what it led to. Of a queue
    that calls the customer first, whoever says "answered" has it."""
    name = who(agent)
    _told(_done(config, data_dir, lambda calls: calls.begin(reference, name)), as_data)


def outcome(
    reference: Reference,
    told: Annotated[Told, typer.Argument(metavar="OUTCOME", help=", ".join(Told))],
    attempt: Annotated[
        int, typer.Option("--attempt", min=0, help="Of which try; 0 is the last one.")
    ] = 0,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say what a call led to: it is done, tried again after a pause, or given up."""
    name = who(agent)
    one = _done(config, data_dir, lambda calls: calls.report(reference, told.value, name, attempt))
    _told(one, as_data)


def see(
    reference: Reference,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Take note of one that was missed: it leaves the list of those."""
    name = who(agent)
    one = _done(config, data_dir, lambda calls: calls.see(reference, name))
    if as_data:
        as_json(one.to_json())
    else:
        say(f"callback {one.id} was missed ({one.reason}); {name} took note")


# ---------------------------------------------------------------- parts


def _calls(office: "Office") -> "Callbacks":
    from gateway.staff import callbacks_of

    return callbacks_of(office.config, office.floor)


def _done(
    config: Path | None, data_dir: Path | None, work: Callable[["Callbacks"], Awaitable["Callback"]]
) -> "Callback":
    return in_office(config, data_dir, lambda office: work(_calls(office)))


def _told(one: "Callback", as_data: bool) -> None:
    if as_data:
        as_json(one.to_json())
        return
    what = {
        "requested": "ask the customer when and in which time zone",
        "scheduled": f"to be called from {moment(one.moment)} on",
        "due": "to be called now",
        "dialling": f"dial {one.number} now, and say what it led to",
        "retry": f"to be called again from {moment(one.moment)} on",
    }.get(one.state.value, one.reason)
    say(f"callback {one.id} is {one.state}{f': {what}' if what else ''}")
