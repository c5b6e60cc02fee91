"""The state of the floor in memory: for the simulated day, for replays and for tests."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from gateway.routing.core import Hold
from gateway.routing.events import (
    Assign,
    Decision,
    Enqueue,
    Offer,
    Release,
    Remove,
    Return,
    Revoke,
    Set,
)
from gateway.routing.model import Agent, Lane, Presence, Waiting

_Order = tuple[float, float, str]


class Floor:
    """A `State` of plain lists: each lane is one, in order."""

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        self._agents: dict[str, Agent] = {}
        self._members: dict[str, list[str]] = {}
        self._lanes: dict[Lane, list[_Order]] = {}
        """Those in which something waits."""
        self._waiting: dict[str, Waiting] = {}
        self._holds: dict[str, dict[str, Hold]] = defaultdict(dict)
        self._held: dict[str, dict[str, Hold]] = defaultdict(dict)
        self._refused: dict[str, dict[str, float]] = defaultdict(dict)
        self._now = 0.0
        for agent in agents:
            self.join(agent)

    # ------------------------------------------------------------ what is

    def lanes(self) -> Iterable[Lane]:
        return list(self._lanes)

    def first(self, lane: Lane, after: Waiting | None = None) -> Waiting | None:
        orders = self._lanes.get(lane, [])
        at = bisect_right(orders, after.order) if after else 0
        return self._waiting[orders[at][2]] if at < len(orders) else None

    def agents(self, queue: str = "") -> Iterable[Agent]:
        names = self._members.get(queue, ()) if queue else self._agents
        return [self._agents[name].at(self._now) for name in names]

    def agent(self, name: str) -> Agent | None:
        known = self._agents.get(name)
        return known and known.at(self._now)

    def refusers(self, inquiry: str) -> Collection[str]:
        return [name for name, until in self._refused.get(inquiry, {}).items() if until > self._now]

    def holds(self, inquiry: str) -> Collection[Hold]:
        return list(self._holds.get(inquiry, {}).values())

    def held(self, agent: str) -> Collection[Hold]:
        return list(self._held.get(agent, {}).values())

    def waits(self, inquiry: str) -> Waiting | None:
        return self._waiting.get(inquiry)

    # ------------------------------------------------------------ what changes

    def join(self, agent: Agent) -> None:
        """Somebody new, or somebody with other skills or queues."""
        self._agents[agent.id] = agent
        for names in self._members.values():
            if agent.id in names:
                names.remove(agent.id)
        for queue in agent.queues:
            insort(self._members.setdefault(queue, []), agent.id)

    def at(self, now: float) -> None:
        """What is asked from here on is asked at that moment."""
        self._now = now

    def apply(self, decision: Decision, now: float) -> None:
        self._now = now
        match decision:
            case Enqueue(waiting):
                self._leave(waiting.id)
                self._enter(waiting)
            case Remove(inquiry):
                self._leave(inquiry)
                self._refused.pop(inquiry, None)
                for name in list(self._holds.get(inquiry, {})):
                    self._drop(inquiry, name, now)
            case Offer(waiting, agent, until):
                self._leave(waiting.id)
                self._take(Hold(waiting, agent, accepted=False, until=until))
                self._agents[agent] = replace(self._agents[agent], offered_at=now)
            case Assign(waiting, agent):
                self._leave(waiting.id)
                self._take(Hold(waiting, agent, accepted=True))
            case Revoke(inquiry, agent) | Release(inquiry, agent):
                self._drop(inquiry, agent, now)
            case Return(inquiry, agent, _, refused_until, waits):
                hold = self._drop(inquiry, agent, now)
                if refused_until > now:
                    self._refused[inquiry][agent] = refused_until
                if waits:
                    self._enter(hold.waiting)
            case Set(agent, presence):
                self._set(agent, presence, now)

    def _set(self, name: str, presence: Presence, now: float) -> None:
        agent = self._agents[name]
        idle = now if agent.absent and presence is Presence.ONLINE else agent.idle_since
        self._agents[name] = replace(agent, presence=presence, idle_since=idle)

    def _enter(self, waiting: Waiting) -> None:
        self._waiting[waiting.id] = waiting
        insort(self._lanes.setdefault(waiting.lane, []), waiting.order)

    def _leave(self, inquiry: str) -> None:
        waiting = self._waiting.pop(inquiry, None)
        if waiting is not None:
            orders = self._lanes[waiting.lane]
            del orders[bisect_left(orders, waiting.order)]
            if not orders:
                del self._lanes[waiting.lane]

    def _take(self, hold: Hold) -> None:
        known = hold.agent in self._holds[hold.waiting.id]
        self._holds[hold.waiting.id][hold.agent] = hold
        self._held[hold.agent][hold.waiting.id] = hold
        if not known:
            self._load(hold.agent, hold.waiting.lane.weight)

    def _drop(self, inquiry: str, name: str, now: float) -> Hold:
        hold = self._holds[inquiry].pop(name)
        if not self._holds[inquiry]:
            del self._holds[inquiry]
        del self._held[name][inquiry]
        self._load(name, -hold.waiting.lane.weight)
        if hold.accepted:
            self._agents[name] = replace(self._agents[name], idle_since=now)
        return hold

    def _load(self, name: str, weight: int) -> None:
        agent = self._agents[name]
        self._agents[name] = replace(agent, load=agent.load + weight)
