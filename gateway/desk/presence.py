"""Who is on the floor, and what they are offered: as agents and supervisors see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.desk.standing import Standing
from gateway.domain.store import Reader
from gateway.routing.model import Agent, Lane


@dataclass(frozen=True, slots=True)
class Present:
    """One agent of the settings."""

    agent: Agent
    """With presence and load of this moment."""
    since: float | None
    """When they began to be that; None for who was never there."""
    seen_at: float | None
    """When they were heard of last."""

    def as_values(self) -> dict[str, Any]:
        """For programs; times in seconds since 1970."""
        one = self.agent
        return {
            "agent": one.id,
            "presence": one.presence.value,
            "at_work": not one.off,
            "since": self.since,
            "seen_at": self.seen_at,
            "load": one.load,
            "capacity": one.capacity,
            "queues": dict(one.queues),
            "skills": dict(one.skills),
        }


def everybody(reader: Reader, known: Mapping[str, Agent], now: float) -> list[Present]:
    """All agents, in the order of the settings.

    Args:
        reader: of the database.
        known: the agents of the settings.
        now: seconds since 1970.
    """
    rows = {row["id"]: row for row in reader.all("routing.agents")}
    found = []
    for agent in Standing(reader, known, now).agents():
        row = rows.get(agent.id)
        found.append(
            Present(agent, row["presence_since"], row["seen_at"])
            if row
            else Present(agent, None, None)
        )
    return found


def offered(reader: Reader, agent: str) -> list[dict[str, Any]]:
    """What an agent is offered now, the oldest offer first: number, id, queue, weight, needs, until,
    offered_at, waiting_since."""
    found = []
    for row in reader.all("routing.offers"):
        if row["agent"] == agent:
            lane = Lane.parse(row["lane"] or "|1|")
            kept = {
                name: row[name] for name in ("number", "id", "until", "offered_at", "waiting_since")
            }
            more = {"queue": lane.queue, "weight": lane.weight, "needs": dict(lane.needs)}
            found.append({**kept, **more})
    return found
