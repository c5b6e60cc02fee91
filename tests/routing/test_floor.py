"""The floor under whatever happens: nothing lost, nothing twice, nobody overtaken."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.domain.errors import NotAllowed
from gateway.routing.core import Queueing, Routing
from gateway.routing.events import (
    Accepted,
    Arrived,
    Came,
    Declined,
    Expired,
    Finished,
    HandedOn,
    Looked,
    Offer,
    Taken,
    Vanished,
    Withdrawn,
    WrappedUp,
)
from gateway.routing.matching import best
from gateway.routing.memory import Floor
from gateway.routing.model import Agent, Lane, Presence, Strategy, Waiting, rank

NOW = 1_800_000_000.0
NAMES = ("ann", "bo", "chen")
LANES = [
    Lane.of(queue, needs, weight)
    for queue in ("pay", "cards")
    for needs in ({}, {"zh": 2})
    for weight in (1, 2)
]
#: Seconds after which an agent who is not heard of is gone.
LEASE = 60.0
SAID = (Presence.ONLINE, Presence.BUSY, Presence.AWAY, Presence.OFFLINE)


class Anything(RuleBasedStateMachine):
    """Arrivals, presence, answers to offers, crashes and jumps of the clock in any order."""

    def __init__(self):
        super().__init__()
        self.now, self.number = NOW, 0
        self.alive, self.closed = set(), set()
        self.silent = {}
        """Who crashed, and when."""
        self.floor = Floor(
            [
                Agent("ann", Presence.ONLINE, {"pay": 1, "cards": 1}, {"zh": 3}, 3),
                Agent("bo", Presence.OFFLINE, {"pay": 1, "cards": 2}, {}, 2),
                Agent("chen", Presence.AWAY, {"cards": 1}, {"zh": 2}, 1),
            ]
        )
        self.routing = Routing(
            {
                "pay": Queueing(Strategy.LEAST_BUSY, wrap_up_seconds=20.0),
                "cards": Queueing(Strategy.RING_ALL, offer_seconds=30.0),
            }
        )

    def on(self, event):
        self.floor.at(self.now)
        for offer in self.routing.on(self.floor, event, self.now):
            if isinstance(offer, Offer):
                self.nobody_was_overtaken(offer)

    def nobody_was_overtaken(self, offer):
        """What still waits is younger than what an agent was offered, or not for that agent. A heavier
        inquiry may have been too much at that moment."""
        agent = replace(self.floor.agent(offer.agent), load=0, presence=Presence.ONLINE)
        level = agent.queues[offer.waiting.lane.queue]
        for other in filter(None, map(self.floor.waits, self.alive)):
            mine = agent.queues.get(other.lane.queue) == level and not agent.lacks(other.lane)
            refused = agent.id in self.floor.refusers(other.id)
            if mine and not refused and other.lane.weight <= offer.waiting.lane.weight:
                assert other.order > offer.waiting.order

    @rule(lane=st.sampled_from(LANES), age=st.integers(0, 500), priority=st.integers(3, 5))
    def arrives(self, lane, age, priority):
        self.number += 1
        name, since = f"i{self.number:03}", self.now - age
        self.alive.add(name)
        self.on(Arrived(Waiting(name, lane, rank(since, priority), since)))

    @rule(name=st.sampled_from(NAMES), presence=st.sampled_from(SAID))
    def says(self, name, presence):
        self.silent.pop(name, None)
        self.on(Came(name, presence))

    @rule(name=st.sampled_from(NAMES))
    def crashes(self, name):
        """Nobody knows of it before the lease is over: until then they are offered things."""
        self.silent.setdefault(name, self.now)

    @rule(name=st.sampled_from(NAMES))
    def vanishes(self, name):
        self.silent.pop(name, None)
        self.on(Vanished(name))

    @rule(data=st.data(), accept=st.booleans())
    @precondition(lambda self: self.held(accepted=False))
    def answers(self, data, accept):
        hold = data.draw(st.sampled_from(self.held(accepted=False)))
        kind = Accepted if accept else Declined
        self.on(kind(hold.waiting.id, hold.agent))

    @rule(data=st.data())
    @precondition(lambda self: self.held(accepted=True))
    def finishes(self, data):
        hold = data.draw(st.sampled_from(self.held(accepted=True)))
        self.alive.remove(hold.waiting.id)
        self.closed.add(hold.waiting.id)
        self.on(Finished(hold.waiting.id, hold.agent))

    @rule(data=st.data())
    @precondition(lambda self: self.alive)
    def solves_itself(self, data):
        name = data.draw(st.sampled_from(sorted(self.alive)))
        self.alive.remove(name)
        self.closed.add(name)
        self.on(Withdrawn(name, "solved"))

    @rule(data=st.data(), lane=st.sampled_from(LANES))
    @precondition(lambda self: self.alive)
    def is_relaxed(self, data, lane):
        name = data.draw(st.sampled_from(sorted(self.alive)))
        held = self.floor.holds(name)
        old = self.floor.waits(name) or next(iter(held)).waiting
        if any(hold.accepted for hold in held):
            with pytest.raises(NotAllowed):
                self.on(Arrived(replace(old, lane=lane)))
        else:
            self.on(Arrived(replace(old, lane=lane)))

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    @precondition(lambda self: self.alive)
    def is_taken(self, data, name):
        inquiry = data.draw(st.sampled_from(sorted(self.alive)))
        held = self.floor.holds(inquiry)
        owner = next((hold.agent for hold in held if hold.accepted), "")
        weight = (self.floor.waits(inquiry) or next(iter(held)).waiting).lane.weight
        agent = self.floor.agent(name)
        if owner not in ("", name):
            with pytest.raises(NotAllowed):
                self.on(Taken(inquiry, name))
        elif agent.room >= weight and agent.presence is not Presence.OFFLINE:
            self.on(Taken(inquiry, name))

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    @precondition(lambda self: self.held(accepted=True))
    def is_given_to_another(self, data, name):
        hold = data.draw(st.sampled_from(self.held(accepted=True)))
        agent = self.floor.agent(name)
        if agent.room >= hold.waiting.lane.weight and agent.presence is not Presence.OFFLINE:
            self.on(Taken(hold.waiting.id, name, "boss"))
            assert [one.agent for one in self.floor.holds(hold.waiting.id)] == [name]

    @rule(data=st.data(), lane=st.sampled_from(LANES))
    @precondition(lambda self: self.held(accepted=True))
    def is_handed_on(self, data, lane):
        hold = data.draw(st.sampled_from(self.held(accepted=True)))
        moved = replace(hold.waiting, lane=replace(lane, weight=hold.waiting.lane.weight))
        self.on(HandedOn(moved, hold.agent, 4))
        assert hold.agent not in [one.agent for one in self.floor.holds(moved.id)]

    @rule(name=st.sampled_from(NAMES))
    def asks_for_the_next(self, name):
        """It is the oldest that they can take at all, of the first level that has any."""
        self.floor.at(self.now)
        asking = replace(self.floor.agent(name), presence=Presence.ONLINE, load=0)
        able = [
            (asking.queues[one.lane.queue], one.order)
            for one in filter(None, map(self.floor.waits, self.alive))
            if not asking.lacks(one.lane) and name not in self.floor.refusers(one.id)
        ]
        first = best(self.floor, asking)
        assert (first and first.order) == min(able, default=(0, None))[1]

    @rule(seconds=st.sampled_from([-40, 1, 25, 70, 400, 90_000]))
    def time_passes(self, seconds):
        """Also back, and on by a day, as the clock of a machine may go."""
        self.now += seconds
        for name in sorted(self.silent):
            if self.now - self.silent[name] > LEASE:
                self.vanishes(name)
        for hold in self.held(accepted=False):
            self.on(Expired(hold.waiting.id))
        for name in NAMES:
            self.on(WrappedUp(name))
        self.on(Looked())

    def held(self, *, accepted):
        every = [hold for name in NAMES for hold in self.floor.held(name)]
        return sorted(
            (hold for hold in every if hold.accepted is accepted),
            key=lambda hold: (hold.waiting.id, hold.agent),
        )

    @invariant()
    def each_waits_or_is_with_people_and_the_closed_are_nowhere(self):
        for name in self.alive:
            assert bool(self.floor.holds(name)) != (self.floor.waits(name) is not None)
        for name in self.closed:
            assert not self.floor.holds(name)
            assert self.floor.waits(name) is None

    @invariant()
    def each_lane_has_what_waits_in_it_in_order(self):
        lines = []
        for lane in self.floor.lanes():
            line, head = [], self.floor.first(lane)
            while head is not None:
                assert head.lane == lane
                line.append(head)
                head = self.floor.first(lane, head)
            assert line == sorted(line, key=lambda one: one.order)
            lines += [one.id for one in line]
        assert sorted(lines) == sorted(name for name in self.alive if self.floor.waits(name))

    @invariant()
    def nothing_is_with_who_is_silent_for_longer_than_the_lease(self):
        for name, since in self.silent.items():
            assert self.now - since <= LEASE or not self.floor.held(name)

    @invariant()
    def nothing_is_with_two_agents(self):
        owners = Counter(hold.waiting.id for hold in self.held(accepted=True))
        assert set(owners.values()) <= {1}
        assert all(len(self.floor.holds(name)) == 1 for name in owners)

    @invariant()
    def capacity_is_kept_and_load_is_what_is_held(self):
        for agent in self.floor.agents():
            assert agent.load == sum(h.waiting.lane.weight for h in self.floor.held(agent.id))
            assert agent.load <= agent.capacity

    @invariant()
    def the_absent_hold_no_offer_and_the_gone_nothing(self):
        for agent in self.floor.agents():
            held = self.floor.held(agent.id)
            assert agent.presence is not Presence.OFFLINE or not held
            assert agent.presence is not Presence.AWAY or all(hold.accepted for hold in held)

    @invariant()
    def nobody_able_stands_idle_before_a_lane(self):
        for one in filter(None, map(self.floor.waits, self.alive)):
            for agent in self.floor.agents():
                if not agent.lacks(one.lane):
                    assert agent.id in self.floor.refusers(one.id)

    def teardown(self):
        """However it went: each is with one agent, waits or is closed; and all of it can be done."""
        for name in NAMES:
            self.says(name, Presence.BUSY)
        self.now += 1000
        for hold in self.held(accepted=False):
            self.on(Expired(hold.waiting.id))
        assert not self.held(accepted=False)
        assigned = {hold.waiting.id for hold in self.held(accepted=True)}
        waiting = {name for name in self.alive if self.floor.waits(name)}
        assert assigned | waiting == self.alive
        assert not assigned & waiting
        assert len(self.alive) + len(self.closed) == self.number
        for name in NAMES:
            self.vanishes(name)
        assert {name for name in self.alive if self.floor.waits(name)} == self.alive
        self.floor.join(Agent("all", Presence.OFFLINE, {"pay": 1, "cards": 1}, {"zh": 9}, 2))
        self.on(Came("all", Presence.ONLINE))
        while self.alive:
            # Whoever finished in a queue with time for it is asked again when that is over.
            self.on(WrappedUp("all"))
            hold = next(iter(self.floor.held("all")))
            self.on(Accepted(hold.waiting.id, "all"))
            self.alive.remove(hold.waiting.id)
            self.on(Finished(hold.waiting.id, "all"))
        assert not self.floor.held("all")
        assert not list(self.floor.lanes())


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.mark.proof
@pytest.mark.timeout(900)
class TestAnythingForLong(Anything.TestCase):
    """The same through a thousand longer stories."""

    settings = settings(max_examples=1000, stateful_step_count=80, deadline=None)
