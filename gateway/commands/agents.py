"""`gateway agent`: who is there, what they are offered, and what they take, decline and hand on."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.commands.options import Agent, AsJson, ConfigFile, DataDir, example, in_office, who
from gateway.commands.screen import as_json, moment, say, span, table, warn

if TYPE_CHECKING:
    from gateway.desk.presence import Present
    from gateway.office import Office

T = TypeVar("T")

LIST_EXAMPLE = example("gateway agent list", "gateway agent list --json")
BE_EXAMPLE = example("gateway agent be online --agent lin", "gateway agent be away --agent lin")
OFFERS_EXAMPLE = example("gateway agent offers --agent lin")
ACCEPT_EXAMPLE = example("gateway agent accept 260131-004217 --agent lin")
DECLINE_EXAMPLE = example("gateway agent decline 260131-004217 --reason 'my cousin' --agent lin")
NEXT_EXAMPLE = example("gateway agent next --agent lin")
TAKE_EXAMPLE = example(
    "gateway agent take 260131-004217 --agent lin",
    "gateway agent take 260131-004217 --agent lin --by chief",
)
TRANSFER_EXAMPLE = example("gateway agent transfer 260131-004217 cards --agent lin")
STAY_EXAMPLE = example("gateway agent stay --agent lin", "gateway agent stay --agent lin --json")

Reference = Annotated[str, typer.Argument(metavar="NUMBER", help="The inquiry's number or id.")]


class State(StrEnum):
    """What an agent can say of themselves."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


def list_agents(
    as_data: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None
) -> None:
    """List the agents: who is there and since when, what they have in hand, what they know."""

    async def work(office: "Office") -> tuple[list["Present"], float]:
        from gateway.desk.presence import everybody

        known, now = office.floor.agents, office.clock.now()
        return await office.store.read(lambda reader: everybody(reader, known, now)), now

    found, now = in_office(config, data_dir, work)
    if as_data:
        as_json([one.as_values() for one in found])
        return
    table(
        ("agent", "is", "since", "heard of", "in hand", "queues", "skills"),
        (
            (
                one.agent.id,
                f"{one.agent.presence.value}{', off hours' if one.agent.off else ''}",
                moment(one.since),
                "" if one.seen_at is None else f"{span(now - one.seen_at)} ago",
                f"{one.agent.load} of {one.agent.capacity}",
                _levels(one.agent.queues), _levels(one.agent.skills),
            )
            for one in found
        ),
        empty="no agent is in the settings; add [agents.NAME]",
    )  # fmt: skip


def be(
    state: Annotated[State, typer.Argument(metavar="STATE", help="online, busy, away or offline.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Say what you are. Who is away gives back what they were only offered, who is offline all."""
    name = who(agent)

    async def work(office: "Office") -> tuple[list[dict[str, Any]], float]:
        from gateway.routing.model import Presence

        await office.floor.be(name, Presence(state.value))
        return await _offered(office, name), office.floor.lease

    offers, lease = in_office(config, data_dir, work)
    said = f"; offered: {', '.join(row['number'] for row in offers)}" if offers else ""
    say(f"{name} is {state.value}{said}")
    if state is not State.OFFLINE:
        warn(f"who is not heard of for {span(lease)} is gone: `gateway agent stay` goes on for you")


def offers(
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List what you are offered now, and until when."""
    name = who(agent)

    async def work(office: "Office") -> tuple[list[dict[str, Any]], float]:
        await office.floor.alive(name)
        return await _offered(office, name), office.clock.now()

    rows, now = in_office(config, data_dir, work)
    if as_data:
        as_json(rows)
        return
    table(
        ("number", "queue", "needs", "waits", "for you another"),
        (
            (
                row["number"], row["queue"], _levels(row["needs"]),
                span(now - row["waiting_since"]), span(row["until"] - now),
            )
            for row in rows
        ),
        empty=f"nothing is offered to {name}",
    )  # fmt: skip


def accept(
    reference: Reference, agent: Agent = "", config: ConfigFile = None, data_dir: DataDir = None
) -> None:
    """Take what you are offered. Of several who are, the first to accept has it."""
    name = who(agent)
    number = _as_present(
        config, data_dir, name, lambda office: office.floor.accept(reference, name)
    )
    say(f"{number} is with {name}")


def decline(
    reference: Reference,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept in the log.")] = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Do not take what you are offered. It goes to somebody else, and for a while not to you."""
    name = who(agent)
    number = _as_present(
        config, data_dir, name, lambda office: office.floor.decline(reference, name, reason)
    )
    say(f"{number} is not for {name}")


def next_one(agent: Agent = "", config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Take the oldest that you can take, of all your queues. Who asks at once gets one each."""
    name = who(agent)
    number = _as_present(config, data_dir, name, lambda office: office.floor.next(name))
    say(f"{number} is with {name}" if number else f"nothing waits that {name} can take")


def take(
    reference: Reference,
    by: Annotated[
        str,
        typer.Option("--by", metavar="SUPERVISOR", help="Who gives it, also from another agent."),
    ] = "",
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Take one inquiry that waits; with --by a supervisor gives it to the agent."""
    name = who(agent)

    async def work(office: "Office") -> str:
        if by:
            await _there(office, name)
        else:
            await office.floor.alive(name)
        return await office.floor.take(reference, name, by=by)

    number = in_office(config, data_dir, work)
    say(f"{number} is with {name}")


def transfer(
    reference: Reference,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Where it belongs.")],
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Hand on what you have to another queue; it waits there at the place of its age."""
    name = who(agent)
    number = _as_present(
        config, data_dir, name,
        lambda office: office.floor.transfer(reference, name, queue),
    )  # fmt: skip
    say(f"{number} waits in {queue}")


def stay(
    agent: Agent = "",
    as_data: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of a sentence.")
    ] = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Be online until Ctrl-C, and print what you are offered. Ended hard, you count as gone when the
    lease is over, and what you had goes to others."""
    from gateway.commands.staying import stay_online

    name = who(agent)
    in_office(config, data_dir, lambda office: stay_online(office, name, as_data=as_data))


# ---------------------------------------------------------------- parts


def _as_present(
    config: Path | None, data_dir: Path | None, name: str, work: Callable[["Office"], Awaitable[T]]
) -> T:
    """What somebody does who is there: it counts as being heard of. Raises `NotAllowed` for one who
    is offline, since whatever they took would be given to others."""

    async def heard(office: "Office") -> T:
        await office.floor.alive(name)
        return await work(office)

    return in_office(config, data_dir, heard)


async def _there(office: "Office", name: str) -> None:
    """Raises `NotAllowed` for an agent who is offline: nothing can be given to them."""
    from gateway.desk.presence import everybody
    from gateway.domain.errors import NotAllowed
    from gateway.routing.model import Presence

    known, now = office.floor.agents, office.clock.now()
    found = await office.store.read(lambda reader: everybody(reader, known, now))
    if any(one.agent.id == name and one.agent.presence is Presence.OFFLINE for one in found):
        raise NotAllowed(f"{name} is offline; what they are given would go back at once")


async def _offered(office: "Office", name: str) -> list[dict[str, Any]]:
    from gateway.desk.presence import offered

    return await office.store.read(lambda reader: offered(reader, name))


def _levels(levels: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {level}" for name, level in levels.items())
