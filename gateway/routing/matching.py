"""Who gets what: offers what waits to who is free, oldest first. Pure.

The live gateway, the simulation and a replay all come here, each with its own `View` of what waits and
who is there.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.routing.model import Agent, Lane, Strategy, Waiting

#: Why somebody who could take it gets no offer.
REFUSED = "refused it before"


class View(Protocol):
    """What waits and who is there at one moment."""

    def lanes(self) -> Iterable[Lane]:
        """The lanes in which something may wait."""
        ...

    def first(self, lane: Lane, after: Waiting | None = None) -> Waiting | None:
        """What is first in a lane, or first behind `after`."""
        ...

    def agents(self, queue: str = "") -> Iterable[Agent]:
        """Who takes from a queue; everybody where none is named."""
        ...

    def agent(self, name: str) -> Agent | None:
        """One of them; None for somebody who takes from no queue."""
        ...

    def refusers(self, inquiry: str) -> Collection[str]:
        """Agents who had an inquiry offered and did not take it, and are not asked again yet."""
        ...


@dataclass(frozen=True, slots=True)
class Considered:
    """An agent of the queue, and why they do not get the offer."""

    agent: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Match:
    """An inquiry for an agent; with `Strategy.RING_ALL` for several, of whom the first to accept has it."""

    waiting: Waiting
    agents: tuple[str, ...]
    considered: tuple[Considered, ...]


@dataclass(frozen=True, slots=True)
class Matcher:
    """The strategies of the queues; what is not named is given to whoever is idle longest."""

    strategies: Mapping[str, Strategy]

    def match(
        self,
        view: View,
        now: float,
        *,
        lanes: Iterable[Lane] | None = None,
        agents: Collection[str] | None = None,
    ) -> list[Match]:
        """Everything that can be offered now, in the order in which it is.

        Of what an agent could take nothing waits longer, within a level of the agent's queues, than
        what they are offered.

        Args:
            view: what waits and who is there; the offers are not in it yet.
            now: seconds since 1970.
            lanes: only these changed since the last time, all where None.
            agents: only these.
        """
        within = list(view.lanes() if lanes is None else dict.fromkeys(lanes))
        some: Iterable[Agent | None]
        if agents is not None:
            some = map(view.agent, agents)
        elif lanes is None:
            some = view.agents()
        else:
            names = dict.fromkeys(lane.queue for lane in within)
            some = (one for name in names for one in view.agents(name))
        free = {one.id: one for one in some if one is not None and not one.absent and one.room}
        queues = {queue for agent in free.values() for queue in agent.queues}
        within = [lane for lane in within if lane.queue in queues]
        if not within:
            return []
        matches: list[Match] = []
        for level in sorted({level for agent in free.values() for level in agent.queues.values()}):
            gone = {match.waiting.id for match in matches}
            matches += self._level(view, now, level, within, free, gone)
        return [_explained(view, match, free) for match in matches]

    def _level(
        self,
        view: View,
        now: float,
        level: int,
        lanes: Sequence[Lane],
        free: dict[str, Agent],
        gone: Collection[str],
    ) -> list[Match]:
        """Offers within one level of the agents' queues; `free` is kept up to date."""
        heads: list[tuple[tuple[float, float, str], Waiting]] = []

        def push(lane: Lane, after: Waiting | None = None) -> None:
            head = view.first(lane, after)
            while head is not None and head.id in gone:
                head = view.first(lane, head)
            if head is not None:
                heapq.heappush(heads, (head.order, head))

        for lane in lanes:
            if _able(free, lane, level):
                push(lane)
        matches = []
        while heads:
            _, waiting = heapq.heappop(heads)
            able = _able(free, waiting.lane, level)
            if not able:
                continue  # nobody is left for this lane
            refusers = view.refusers(waiting.id)
            asked = [agent for agent in able if agent.id not in refusers]
            if asked:
                match = self._pick(waiting, asked)
                matches.append(match)
                for name in match.agents:
                    agent = free[name]
                    free[name] = replace(
                        agent, load=agent.load + waiting.lane.weight, offered_at=now
                    )
            push(waiting.lane, waiting)
        return matches

    def _pick(self, waiting: Waiting, asked: Sequence[Agent]) -> Match:
        strategy = self._strategy(waiting.lane)
        order = sorted(asked, key=lambda agent: _preference(agent, waiting, strategy))
        chosen = order if strategy is Strategy.RING_ALL else order[:1]
        later = f"{strategy.value}: {chosen[0].id} comes first"
        return Match(
            waiting,
            tuple(agent.id for agent in chosen),
            tuple(Considered(agent.id, later) for agent in order[len(chosen) :]),
        )

    def _strategy(self, lane: Lane) -> Strategy:
        return self.strategies.get(lane.queue, Strategy.LONGEST_IDLE)


def _explained(view: View, match: Match, free: Mapping[str, Agent]) -> Match:
    """With a word about each other agent of the queue."""
    lane = match.waiting.lane
    known = {*match.agents, *(one.agent for one in match.considered)}
    refusers = view.refusers(match.waiting.id)
    others = [
        Considered(agent.id, _why_not(free.get(agent.id, agent), lane, refusers))
        for agent in view.agents(lane.queue)
        if agent.id not in known
    ]
    return replace(match, considered=(*match.considered, *others))


def best(view: View, agent: Agent) -> Waiting | None:
    """What an agent would be offered next; None where nothing waits that they can take."""
    for level in sorted(set(agent.queues.values())):
        heads = []
        for lane in view.lanes():
            if _able({agent.id: agent}, lane, level):
                head = view.first(lane)
                while head is not None and agent.id in view.refusers(head.id):
                    head = view.first(lane, head)
                heads += [head] if head is not None else []
        if heads:
            return min(heads, key=lambda waiting: waiting.order)
    return None


def _able(free: Mapping[str, Agent], lane: Lane, level: int) -> list[Agent]:
    """Who could take from a lane, of those for whom its queue is of this level."""
    return [
        agent
        for agent in free.values()
        if agent.queues.get(lane.queue) == level and not agent.lacks(lane)
    ]


def _preference(
    agent: Agent, waiting: Waiting, strategy: Strategy
) -> tuple[bool, int, float, float, str]:
    """Sorts who could take it: the agent known to the customer, then those with what is preferred,
    then by the strategy of the queue."""
    known = agent.id == waiting.last_agent
    liked = sum(agent.skills.get(name, 0) >= level for name, level in waiting.prefers.items())
    match strategy:
        case Strategy.LEAST_BUSY:
            measure = agent.load / agent.capacity
        case Strategy.ROUND_ROBIN:
            measure = agent.offered_at
        case _:
            measure = agent.idle_since
    return not known, -liked, measure, agent.idle_since, agent.id


def _why_not(agent: Agent, lane: Lane, refusers: Collection[str]) -> str:
    if agent.id in refusers:
        return REFUSED
    return agent.lacks(lane) or f"level {agent.queues[lane.queue]} of their queues"
