"""A day of a contact centre in accelerated time, on the routing that runs live.

Everything is drawn from one seed: the same day twice is the same to the byte. Customers arrive, agents
come, go and vanish, offers are accepted, declined or run out; what nobody with the wanted skill takes
in time is relaxed.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from gateway.domain.model import JSON
from gateway.routing.core import Queueing, Routing
from gateway.routing.events import (
    Accepted,
    Arrived,
    Assign,
    Came,
    Decision,
    Declined,
    Event,
    Expired,
    Finished,
    Looked,
    Offer,
    Release,
    Return,
    Set,
    Vanished,
    WrappedUp,
)
from gateway.routing.memory import Floor
from gateway.routing.model import Agent, Lane, Presence, Strategy, Waiting, rank

_HOUR = 3600.0
_SKILLS = ("lang.zh", "lang.en", "card", "risk", "intl")
_STRATEGIES = (Strategy.LONGEST_IDLE, Strategy.LEAST_BUSY, Strategy.ROUND_ROBIN, Strategy.STICKY)


@dataclass(frozen=True, slots=True)
class Day:
    """What is simulated. Times in seconds."""

    inquiries: int = 50_000
    agents: int = 200
    queues: int = 20
    seed: int = 1
    hours: float = 24.0
    handling: float = 210.0
    """An inquiry of weight 1 takes so long on average."""
    target: float = 120.0
    """Within which an agent is to have it."""
    relax_after: float = 180.0
    lease: float = 60.0
    """After which an agent who is not heard of counts as gone."""


@dataclass(frozen=True, slots=True)
class _Relax:
    """It has waited long for somebody with the wanted skill."""

    inquiry: str


@dataclass(slots=True)
class _Work:
    """What an agent has in hand."""

    agent: str
    counted: float
    """Up to when it is in the account of what they did."""
    done: float
    weight: int


@dataclass
class Report:
    """What came of it."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By queue, seconds from arrival to the first agent who took it."""
    counts: Counter[str] = field(default_factory=Counter)
    busy: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By agent, seconds of work while present, weighted."""
    there: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By agent, seconds present times capacity."""
    waiting: int = 0
    """Inquiries that still wait when everybody has gone home."""
    in_hand: int = 0
    """Those that somebody was offered or has at the end."""
    digest: str = ""
    """Over every decision in order."""

    @property
    def occupancy(self) -> dict[str, float]:
        """By agent, the share of what they could have had in hand; 0 to 1."""
        return {name: self.busy[name] / there for name, there in self.there.items() if there}

    def as_values(self, target: float) -> dict[str, JSON]:
        """For people and programs: waits in seconds, shares from 0 to 1."""
        every = [wait for waits in self.waits.values() for wait in waits]
        shares = list(self.occupancy.values())
        return {
            "queues": {name: _spread(self.waits[name], target) for name in sorted(self.waits)},
            "all": _spread(every, target),
            "occupancy": round(sum(shares) / len(shares), 4) if shares else 0.0,
            "still_waiting": self.waiting,
            "in_hand": self.in_hand,
            "counts": dict(sorted(self.counts.items())),
            "digest": self.digest,
        }


def _written(decision: Decision) -> str:
    """All of a decision in a line. An offer is most of them, and `repr` is slow for it."""
    if not isinstance(decision, Offer):
        return repr(decision)
    passed_over = ";".join(f"{one.agent}:{one.why_not}" for one in decision.considered)
    waiting = decision.waiting
    return f"Offer {waiting.id} {waiting.lane.key} {decision.agent} {decision.until} {passed_over}"


def _spread(waits: list[float], target: float) -> JSON:
    order = sorted(waits)
    if not order:
        return {"n": 0}
    return {
        "n": len(order),
        "mean": round(sum(order) / len(order), 1),
        "median": round(order[len(order) // 2], 1),
        "p95": round(order[int(0.95 * (len(order) - 1))], 1),
        "longest": round(order[-1], 1),
        "in_target": round(sum(wait <= target for wait in order) / len(order), 4),
    }


class Simulation:
    """One day, event by event."""

    def __init__(self, day: Day, tell: Callable[[int], None] = lambda _: None) -> None:
        self.day = day
        self.report = Report()
        self._tell = tell
        self._random = Random(day.seed)  # noqa: S311 - a simulation, nothing secret
        self._digest = hashlib.sha256()
        self._number = 0
        self._due: list[tuple[float, int, Event | _Relax]] = []
        self._came: dict[str, float] = {}
        self._work: dict[str, _Work] = {}
        self._served: set[str] = set()
        """Inquiries that an agent has taken at least once."""
        queues = [f"q{n:02}" for n in range(day.queues)]
        self._routing = Routing(
            {
                name: Queueing(_STRATEGIES[n % len(_STRATEGIES)], 30.0, wrap_up_seconds=10.0)
                for n, name in enumerate(queues)
            }
        )
        self._queues = queues
        self._floor = Floor(self._agent(n) for n in range(day.agents))

    def run(self) -> Report:
        """The whole day, until nobody waits and nobody works."""
        for agent in self._floor.agents():
            self._shift(agent.id)
        for at, waiting in self._arrivals():
            self._at(at, Arrived(waiting))
        while self._due:
            now, _, event = heapq.heappop(self._due)
            self._happens(event, now)
        inquiries = [f"i{n:06}" for n in range(self.day.inquiries)]
        self.report.waiting = sum(self._floor.waits(one) is not None for one in inquiries)
        self.report.in_hand = sum(bool(self._floor.holds(one)) for one in inquiries)
        self.report.digest = self._digest.hexdigest()
        return self.report

    # ------------------------------------------------------------ who and what

    def _agent(self, n: int) -> Agent:
        draw = self._random
        mine = draw.sample(self._queues, k=min(len(self._queues), draw.randint(2, 4)))
        levels = {name: 1 if i < 2 else 2 for i, name in enumerate(mine)}
        skills = {name: draw.randint(1, 3) for name in _SKILLS if draw.random() < 0.6}
        return Agent(f"a{n:03}", Presence.OFFLINE, levels, skills, capacity=3)

    def _shift(self, name: str) -> None:
        """Two shifts of eight hours over the day, a break in each; one in twenty agents vanishes."""
        draw, span = self._random, self.day.hours * _HOUR
        start = draw.uniform(0, 0.6) * span
        end = min(span, start + 8 * _HOUR)
        self._at(start, Came(name, Presence.ONLINE))
        pause = draw.uniform(start, end)
        self._at(pause, Came(name, Presence.AWAY))
        self._at(min(end, pause + 0.5 * _HOUR), Came(name, Presence.ONLINE))
        gone = draw.random() < 0.05
        self._at(
            end + (self.day.lease if gone else 0.0),
            Vanished(name) if gone else Came(name, Presence.OFFLINE),
        )

    def _arrivals(self) -> Iterator[tuple[float, Waiting]]:
        draw, span = self._random, self.day.hours * _HOUR
        for n in range(self.day.inquiries):
            at = span * (0.05 + 0.9 * draw.betavariate(2.2, 2.2))
            needs = {draw.choice(_SKILLS): draw.randint(1, 2)} if draw.random() < 0.3 else {}
            weight = 3 if draw.random() < 0.1 else 1  # a call takes all of an agent
            queue = self._queues[int(len(self._queues) * draw.random() ** 1.3)]
            place = rank(at, draw.choice((3, 5, 5, 5)), 600.0, urgent=draw.random() < 0.01)
            yield at, Waiting(f"i{n:06}", Lane.of(queue, needs, weight), place, at)

    # ------------------------------------------------------------ what happens

    def _at(self, at: float, event: Event | _Relax) -> None:
        self._number += 1
        heapq.heappush(self._due, (at, self._number, event))

    def _happens(self, event: Event | _Relax, now: float) -> None:
        self._floor.at(now)
        if isinstance(event, _Relax):
            self._relax(event, now)
            return
        if self._is_stale(event, now):
            return
        if isinstance(event, Arrived) and event.waiting.since == now:
            self.report.counts["arrived"] += 1
            self._tell(self.report.counts["arrived"])
            if event.waiting.lane.needs:
                self._at(now + self.day.relax_after, _Relax(event.waiting.id))
        for decision in self._routing.on(self._floor, event, now):
            self._digest.update(f"{now:.6f} {_written(decision)}\n".encode())
            self._follow(decision, now)

    def _relax(self, due: _Relax, now: float) -> None:
        """Nothing is asked of agents any more but to be in the queue."""
        waiting = self._floor.waits(due.inquiry)
        if waiting is not None and waiting.lane.needs:
            lane = Lane(waiting.lane.queue, (), waiting.lane.weight)
            self._happens(Arrived(replace(waiting, lane=lane)), now)
        elif self._floor.holds(due.inquiry) and due.inquiry not in self._work:
            self._at(now + 30.0, due)  # offered just now: it may come back

    def _is_stale(self, event: Event, now: float) -> bool:
        """Answers to offers that are over, and work that was taken away."""
        match event:
            case Accepted(inquiry, agent) | Declined(inquiry, agent):
                mine = [h for h in self._floor.holds(inquiry) if h.agent == agent]
                return not mine or mine[0].accepted
            case Finished(inquiry):
                return inquiry not in self._work or self._work[inquiry].done != now
            case _:
                return False

    def _follow(self, decision: Decision, now: float) -> None:
        """What people do about it."""
        draw, counts = self._random, self.report.counts
        match decision:
            case Offer(waiting, agent, until):
                counts["offered"] += 1
                chance, delay = draw.random(), draw.uniform(1.0, 15.0)
                kind = Accepted if chance > 0.04 else Declined
                if chance > 0.02:
                    self._at(now + delay, kind(waiting.id, agent))
                else:
                    self._at(until, Expired(waiting.id))
            case Assign(waiting, agent):
                counts["assigned"] += 1
                if waiting.id not in self._served:
                    self._served.add(waiting.id)
                    self.report.waits[waiting.lane.queue].append(now - waiting.since)
                done = now + draw.expovariate(1 / self.day.handling)
                self._work[waiting.id] = _Work(agent, now, done, waiting.lane.weight)
                self._at(done, Finished(waiting.id, agent))
            case Return(inquiry, agent, why, refused_until):
                counts[f"returned: {why.value}"] += 1
                self._worked(inquiry, now)
                if refused_until:
                    self._at(refused_until, Looked())
            case Release(inquiry, agent):
                counts["done"] += 1
                self._worked(inquiry, now)
            case Set(agent, presence, until):
                self._presence(agent, presence, now)
                if presence is Presence.WRAP_UP:
                    self._at(until, WrappedUp(agent))
            case _:
                counts[type(decision).__name__.lower()] += 1

    def _worked(self, inquiry: str, now: float) -> None:
        """It is out of their hands."""
        if inquiry in self._work:
            self._count(self._work.pop(inquiry), now)

    def _count(self, work: _Work, now: float) -> None:
        """Keeps account of what they did; what goes on during a break is none of it."""
        if work.agent in self._came:
            self.report.busy[work.agent] += (now - work.counted) * work.weight
        work.counted = now

    def _presence(self, agent: str, presence: Presence, now: float) -> None:
        """Keeps account of who is there."""
        here = presence in (Presence.ONLINE, Presence.WRAP_UP, Presence.BUSY)
        if here == (agent in self._came):
            return
        for work in self._work.values():
            if work.agent == agent:
                self._count(work, now)
        if here:
            self._came[agent] = now
            return
        known = self._floor.agent(agent)
        span = now - self._came.pop(agent)
        self.report.there[agent] += span * (known.capacity if known else 1)
