"""`gateway agent stay`: an agent who is there as long as the command runs."""

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

import typer

from gateway.commands.screen import line, span, warn
from gateway.desk.consulting import asked_of
from gateway.desk.presence import offered
from gateway.domain.errors import Conflict, Overloaded, StoreError
from gateway.domain.store import Reader
from gateway.routing.model import Presence

if TYPE_CHECKING:
    from gateway.office import Office

#: Signs of life within one lease: three may be lost on the way before the agent counts as gone.
SIGNS = 4
#: Seconds between looks at what is offered.
LOOK = 1.0


async def stay_online(office: "Office", agent: str, *, as_data: bool) -> None:
    """Say online, be heard of, print offers; say offline when told to stop.

    Args:
        office: of the data directory.
        agent: who it is.
        as_data: one JSON object a line, with `event` (online, offered, over, asked, offline) and its
            values.

    Raises:
        NobodyKnown: there is no such agent in the settings.
        NotAllowed: somebody else said offline for the agent, or no sign of life came through for the
            time of a lease.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await office.floor.be(agent, Presence.ONLINE)
    _tell(as_data, "online", f"{agent} is online, Ctrl-C ends it", agent=agent)
    shown: dict[str, dict[str, Any]] = {}
    asked: set[str] = set()
    heard = loop.time()
    known = office.floor.agents[agent]

    def look(reader: Reader) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return offered(reader, agent), asked_of(reader, known)

    while not stop.is_set():
        try:
            if loop.time() - heard >= office.floor.lease / SIGNS:
                await office.floor.alive(agent)
                heard = loop.time()
            rows, questions = await office.store.read(look)
        except (StoreError, Overloaded, Conflict) as error:
            warn(f"the database cannot be asked, trying again: {error}")
        else:
            shown = _news(as_data, shown, {row["number"]: row for row in rows})
            for row in questions:
                if row["id"] not in asked:
                    text = f"{row['number']}  {row['asked_by']} asks: {row['question']}"
                    _tell(as_data, "asked", text, **row)
            asked = {row["id"] for row in questions}
        try:
            # Not wait_for: Python 3.11's forgets a cancellation that meets the news.
            async with asyncio.timeout(min(LOOK, office.floor.lease / SIGNS)):
                await stop.wait()
        except TimeoutError:
            continue
    await office.floor.be(agent, Presence.OFFLINE)
    _tell(as_data, "offline", f"{agent} is offline", agent=agent)


def _news(
    as_data: bool, before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Print what is new and what is over."""
    for number, row in now.items():
        if number not in before or row["offered_at"] != before[number]["offered_at"]:
            left = span(row["until"] - time.time())
            _tell(as_data, "offered", f"{number}  {row['queue']}  offered for {left}", **row)
    for number in before.keys() - now.keys():
        _tell(as_data, "over", f"{number}  no longer offered", number=number)
    return now


def _tell(as_data: bool, event: str, text: str, **values: Any) -> None:
    typer.echo(json.dumps({"event": event, **values}) if as_data else line(text))
    # Also when standard output is a pipe: somebody waits for it.
    typer.get_text_stream("stdout").flush()
