"""What of the floor goes on without anybody saying so: agents who are there no more, queues that the settings
no longer have, advice that nobody waits for.
"""

from collections.abc import Collection, Iterator, Mapping

from gateway.desk.standing import Moving, as_waiting
from gateway.domain.model import InquiryState, Queue
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Row, Tx
from gateway.routing.events import Arrived, Back, Vanished
from gateway.routing.model import Agent, Lane, Presence, Waiting, rank

#: So many inquiries of queues that are no more move in one unit of work.
REACH = 64


def gone(moving: Moving, agents: Mapping[str, Agent], silence: float) -> list[Vanished]:
    """Who is there no more: taken out of the settings, sent home by their working hours, or not heard of
    for so many seconds; and who is offline and has something all the same, since the customer wrote
    again."""
    strays = {row["id"] for row in moving.tx.all("routing.strays")}
    found = []
    for row in moving.tx.all("routing.agents"):
        there = row["presence"] != Presence.OFFLINE
        if not there and row["id"] not in strays:
            continue
        why = Back.VANISHED
        if (agent := agents.get(row["id"])) is None:
            why = Back.REMOVED
        elif there and _sent_home(agent, row, moving.now):
            why = Back.HOURS
        elif there and row["seen_at"] >= moving.now - silence:
            continue
        found.append(Vanished(row["id"], why))
    return found


def _sent_home(agent: Agent, row: Row, now: float) -> bool:
    shift = agent.shift
    return shift is not None and shift.sends_home and shift.over(row["presence_since"], now)


def homeless(moving: Moving, queues: Mapping[str, Queue], default: str) -> Iterator[Arrived]:
    """What waits or is offered in a queue that is not in the settings any more: it goes to the default queue, at
    the place of its age. Each is to be carried out before the next is asked for."""
    home = queues.get(default)
    if home is None:
        return
    for _ in range(REACH):
        if (lost := _first_lost(moving, queues)) is None:
            return
        row = moving.tx.one("inquiries.by_id", id=lost.id) or {}
        since = lost.since or moving.now
        best = min(row["priority"], home.priority)
        place = rank(since, best, home.ageing, urgent=bool(row["urgent"]))
        lane = Lane.of(home.id, home.skills, lost.lane.weight)
        yield Arrived(Waiting(lost.id, lane, place, since), best, left=lost.lane.queue)


def _first_lost(moving: Moving, queues: Collection[str]) -> Waiting | None:
    for lane in moving.lanes():
        if lane.queue not in queues:
            return moving.first(lane)
    for row in moving.tx.all("routing.offers"):
        if (offered := as_waiting(row)).lane.queue not in queues:
            return offered
    return None


def end_advice(
    tx: Tx, agents: Collection[str], queues: Collection[str], command: str, now: float
) -> None:
    """Ends what advice was asked for whose inquiry is done or with somebody else, or whom nobody can give it
    since the settings changed."""
    for row in tx.all("consults.unended"):
        if row["state"] in (InquiryState.RESOLVED, InquiryState.CLOSED):
            why = "done"
        elif row["assigned_to"] != row["asked_by"]:
            why = "left"
        elif (row["agent"] and row["agent"] not in agents) or (
            row["queue"] and row["queue"] not in queues
        ):
            why = "removed"
        else:
            continue
        tx.run("consults.end", id=row["id"], state="closed", by="", answer="", at=now)
        asked = {"agent": row["asked_by"], "to": row["agent"] or row["queue"], "why": why}
        tx.log(
            LogEvent(
                derived_id(command, row["id"]), "consult.closed", now, row["inquiry_id"], asked
            )
        )
