"""Where somebody stands in a queue's line, and whether that can be said at all. Pure.

A place is told only where it is one: everybody who can take from the customer's lane can take all that
waits in the queue, so that the smaller rank is taken first whoever becomes free. Which of the agents
gets it (`Strategy`) changes no place, also where all of them ring. Where people pick for themselves
(no agents in the settings) nobody has a place.
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Iterable
from dataclasses import replace

from gateway.domain.waiting import LaneView, LineView
from gateway.routing.model import Agent, Lane, Presence

#: Who is there takes the next thing as soon as they have room; who is away does not.
_THERE = frozenset({Presence.ONLINE, Presence.BUSY, Presence.WRAP_UP})


def lane_views(
    known: Iterable[Lane], waiting: Collection[Lane], agents: Iterable[Agent] | None
) -> dict[str, LaneView]:
    """Who can take from each lane of one queue, by key.

    Args:
        known: the lanes.
        waiting: those of them in which something waits.
        agents: who takes from the queue, present or not; None where the settings name no agents.
    """
    if agents is None:
        return {lane.key: LaneView() for lane in known}
    there = [agent for agent in agents if agent.presence in _THERE and not agent.off]
    able = {lane: _able(there, lane) for lane in {*known, *waiting}}
    return {
        lane.key: LaneView(
            staff=len(able[lane]),
            free=any(not agent.lacks(lane) for agent in there),
            ordered=all(
                other.weight == lane.weight and able[other] == able[lane] for other in waiting
            ),
        )
        for lane in able
    }


def _able(there: Iterable[Agent], lane: Lane) -> frozenset[str]:
    return frozenset(
        agent.id
        for agent in there
        if lane.queue in agent.queues
        and agent.capacity >= lane.weight
        and all(agent.skills.get(name, 0) >= level for name, level in lane.needs)
    )


def place_of(line: LineView, lane: str, rank: float, *, inside: bool) -> int | None:
    """The place that somebody of this rank has: 1 is next, 0 gets an agent at once; None where it is
    not known.

    Args:
        line: the queue.
        lane: key of the customer's lane.
        rank: the customer's.
        inside: whether they wait already, and may be among those who were counted.
    """
    view = line.lanes.get(lane)
    if view is None or not view.ordered:
        return None
    if not line.waiting and view.free:
        return 0
    before = bisect_right(line.ranks, rank)
    if before == len(line.ranks) < line.waiting:  # further back than was looked
        if rank < line.last:
            return None
        return line.waiting + (not inside or rank > line.last)
    counted = inside and before > 0 and line.ranks[before - 1] == rank
    return before if counted else before + 1


def with_another(line: LineView, rank: float, since: float) -> LineView:
    """The line once somebody more waits in it."""
    ranks = [*line.ranks]
    if len(ranks) == line.waiting or rank < ranks[-1]:
        insort(ranks, rank)
    oldest = since if line.oldest is None else min(line.oldest, since)
    return replace(
        line,
        waiting=line.waiting + 1,
        oldest=oldest,
        ranks=tuple(ranks),
        last=max(line.last, rank),
    )
