"""Routing as a function of what is, what happens and when: the same for the live gateway, the simulated
day and a replay. Pure but for the `State` it is given, which it changes by its decisions alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from gateway.domain.errors import NotAllowed
from gateway.routing.events import (
    Accepted,
    Arrived,
    Assign,
    Back,
    Came,
    Decision,
    Declined,
    Enqueue,
    Event,
    Expired,
    Finished,
    HandedOn,
    Looked,
    Offer,
    Release,
    Remove,
    Return,
    Revoke,
    Set,
    Taken,
    Vanished,
    Withdrawn,
    WrappedUp,
)
from gateway.routing.matching import Matcher, View
from gateway.routing.model import Lane, Presence, Strategy, Waiting


@dataclass(frozen=True, slots=True)
class Hold:
    """An inquiry that an agent was offered (`accepted` false) or has in hand."""

    waiting: Waiting
    agent: str
    accepted: bool
    until: float = 0.0
    """Of an offer: when it ends."""


class State(View, Protocol):
    """Everything routing decides on."""

    def holds(self, inquiry: str) -> Collection[Hold]:
        """Who was offered an inquiry, or has it."""
        ...

    def held(self, agent: str) -> Collection[Hold]:
        """What an agent was offered, and what they have."""
        ...

    def waits(self, inquiry: str) -> Waiting | None:
        """An inquiry that waits now."""
        ...

    def apply(self, decision: Decision, now: float) -> None:
        """Change accordingly."""
        ...


@dataclass(frozen=True, slots=True)
class Queueing:
    """How a queue gives out its work."""

    strategy: Strategy = Strategy.LONGEST_IDLE
    offer_seconds: float = 60.0
    """How long an offer stands."""
    refusal_seconds: float = 300.0
    """How long who refused an inquiry is not asked again."""
    wrap_up_seconds: float = 0.0
    """What an agent has to finish after an inquiry, before the next offer."""


_USUAL = Queueing()


@dataclass(frozen=True)
class Routing:
    """Decides what follows from an event."""

    queues: Mapping[str, Queueing] = field(default_factory=dict)

    @cached_property
    def matcher(self) -> Matcher:
        return Matcher({name: queue.strategy for name, queue in self.queues.items()})

    @property
    def sticky(self) -> frozenset[str]:
        """Queues whose customers go to the agent they had last."""
        named = (name for name, queue in self.queues.items() if queue.strategy is Strategy.STICKY)
        return frozenset(named)

    def on(self, state: State, event: Event, now: float) -> list[Decision]:
        """What follows, applied to `state` already.

        Raises:
            NotAllowed: an offer is accepted or declined that the agent does not have.
        """
        decisions, lanes, agents = self._follows(state, event, now)
        for decision in decisions:
            state.apply(decision, now)
        return decisions + self._offers(state, now, lanes, agents)

    def _offers(
        self,
        state: State,
        now: float,
        lanes: list[Lane] | None,
        agents: Collection[str],
    ) -> list[Decision]:
        """Offers that became possible: by lanes in which something is new, for everybody; by agents
        who have room now, from everywhere; where both are, everything is looked at, so that nobody is
        overtaken."""
        if agents:
            lanes = [] if lanes == [] else None
        if lanes == [] and not agents:
            return []
        who = agents if lanes == [] else None
        offers: list[Decision] = []
        for match in self.matcher.match(state, now, lanes=lanes or None, agents=who):
            until = now + self._queue(match.waiting.lane).offer_seconds
            for name in match.agents:
                offer = Offer(match.waiting, name, until, match.considered)
                state.apply(offer, now)
                offers.append(offer)
        return offers

    def _queue(self, lane: Lane) -> Queueing:
        return self.queues.get(lane.queue, _USUAL)

    # ------------------------------------------------------------ what follows from each

    def _follows(
        self, state: State, event: Event, now: float
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        """Decisions, the lanes in which something is new (None: anywhere), the agents with new room."""
        match event:
            case Arrived():
                return self._arrived(state, event)
            case Withdrawn(inquiry, why):
                held = [hold.agent for hold in state.holds(inquiry)]
                return [Remove(inquiry, why)], [], held
            case Came(agent, presence):
                return self._came(state, agent, presence)
            case Vanished(agent, why_gone):
                decisions, lanes = self._given_back(state, agent, why_gone)
                return [Set(agent, Presence.OFFLINE), *decisions], lanes, []
            case Accepted(inquiry, agent):
                return self._accepted(state, inquiry, agent)
            case Taken(inquiry, agent, by):
                return self._taken(state, inquiry, agent, by)
            case Declined(inquiry, agent, reason):
                hold = _offered(state, inquiry, agent)
                return self._refused(state, [hold], Back.DECLINED, now, reason)
            case Expired(inquiry):
                over = [h for h in state.holds(inquiry) if not h.accepted and h.until <= now]
                return self._refused(state, over, Back.EXPIRED, now)
            case Finished(inquiry, agent, lane):
                return self._finished(state, inquiry, agent, lane, now)
            case HandedOn():
                return self._handed_on(state, event, now)
            case WrappedUp(agent):
                known = state.agent(agent)
                if known is None or known.presence is not Presence.WRAP_UP:
                    return [], [], []
                return [Set(agent, Presence.ONLINE)], [], [agent]
            case Looked():
                return [], None, []

    def _arrived(
        self, state: State, arrived: Arrived
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        """New, or moved: offers from the old lane are void, and whoever had them has room."""
        waiting = arrived.waiting
        held = state.holds(waiting.id)
        if any(hold.accepted for hold in held):
            msg = f"inquiry {waiting.id} is with {next(iter(held)).agent}"
            raise NotAllowed(msg)
        revoked: list[Decision] = [Revoke(waiting.id, hold.agent) for hold in held]
        placed = Enqueue(waiting, arrived.priority, arrived.left)
        return [*revoked, placed], [waiting.lane], [hold.agent for hold in held]

    def _came(
        self, state: State, agent: str, presence: Presence
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        if presence in (Presence.ONLINE, Presence.BUSY):
            free = [agent] if presence is Presence.ONLINE else []
            return [Set(agent, presence)], [], free
        if presence is Presence.OFFLINE:
            decisions, lanes = self._given_back(state, agent, Back.LEFT)
            return [Set(agent, presence), *decisions], lanes, []
        # Away for a moment: what they have stays theirs, what they were only offered does not.
        offers = [hold for hold in state.held(agent) if not hold.accepted]
        returned = _returned(state, offers, Back.LEFT, 0.0)
        return [Set(agent, presence), *returned], [hold.waiting.lane for hold in offers], []

    def _given_back(self, state: State, agent: str, why: Back) -> tuple[list[Decision], list[Lane]]:
        """Everything of an agent goes back to its place, at once open to all others."""
        held = sorted(state.held(agent), key=lambda hold: hold.waiting.order)
        return _returned(state, held, why, 0.0), [hold.waiting.lane for hold in held]

    def _accepted(
        self, state: State, inquiry: str, agent: str
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        waiting = _offered(state, inquiry, agent).waiting
        others = [hold.agent for hold in state.holds(inquiry) if hold.agent != agent]
        revoked: list[Decision] = [Revoke(inquiry, other) for other in others]
        return [*revoked, Assign(waiting, agent)], [], others

    def _taken(
        self, state: State, inquiry: str, agent: str, by: str
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        """Whatever it was offered or given to others is void."""
        holds = list(state.holds(inquiry))
        waiting = holds[0].waiting if holds else state.waits(inquiry)
        if waiting is None:
            msg = f"inquiry {inquiry} does not wait"
            raise NotAllowed(msg)
        theirs = next((hold for hold in holds if hold.accepted), None)
        if theirs is not None and theirs.agent == agent:
            return [], [], []
        if theirs is not None and not by:
            msg = f"{theirs.agent} has it"
            raise NotAllowed(msg)
        others = [hold.agent for hold in holds if hold.agent != agent]
        ended: list[Decision] = [Revoke(inquiry, other) for other in others]
        return [*ended, Assign(waiting, agent, by)], [], others

    def _refused(
        self, state: State, holds: Collection[Hold], why: Back, now: float, reason: str = ""
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        """An offer that was not taken: its place is free for others, its agent for other things."""
        decisions: list[Decision] = []
        for hold in holds:
            until = now + self._queue(hold.waiting.lane).refusal_seconds
            decisions += _returned(state, [hold], why, until, len(decisions), reason)
        lanes = [hold.waiting.lane for hold in holds]
        return decisions, list(dict.fromkeys(lanes)), [hold.agent for hold in holds]

    def _finished(
        self, state: State, inquiry: str, agent: str, lane: Lane | None, now: float
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        hold = next((h for h in state.holds(inquiry) if h.agent == agent), None)
        where = hold.waiting.lane if hold else lane
        if where is None:
            return [], [], []
        released: list[Decision] = [Release(inquiry, agent)]
        known, pause = state.agent(agent), self._queue(where).wrap_up_seconds
        if pause and known is not None and known.presence is Presence.ONLINE:
            return [*released, Set(agent, Presence.WRAP_UP, now + pause)], [], []
        return released, [], [agent]

    def _handed_on(
        self, state: State, handed: HandedOn, now: float
    ) -> tuple[list[Decision], list[Lane] | None, list[str]]:
        """It waits in the other queue at once, and does not come straight back."""
        waiting, agent = handed.waiting, handed.agent
        if not any(hold.agent == agent and hold.accepted for hold in state.holds(waiting.id)):
            msg = f"{agent} does not have it"
            raise NotAllowed(msg)
        until = now + self._queue(waiting.lane).refusal_seconds
        back = Return(waiting.id, agent, Back.HANDED_ON, until, waits=False)
        return [back, Enqueue(waiting, handed.priority)], [waiting.lane], [agent]


def _offered(state: State, inquiry: str, agent: str) -> Hold:
    """The offer. Raises `NotAllowed` where the agent has none, and says who has it instead."""
    holds = state.holds(inquiry)
    for hold in holds:
        if hold.agent == agent and not hold.accepted:
            return hold
    whose = next((f"; {h.agent} has it" for h in holds if h.accepted), "")
    raise NotAllowed(f"this offer is over{whose}")


def _returned(
    state: State,
    holds: Iterable[Hold],
    why: Back,
    refused_until: float,
    gone: int = 0,
    reason: str = "",
) -> list[Decision]:
    """`gone`: how many holds of the same inquiry are ended by earlier decisions."""
    return [
        Return(
            hold.waiting.id,
            hold.agent,
            why,
            refused_until,
            waits=len(state.holds(hold.waiting.id)) - gone == 1,
            reason=reason,
        )
        for hold in holds
    ]
