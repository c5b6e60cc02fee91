"""The floor in short stories: who is asked, who is not and why, what comes back and where to."""

import pytest

from gateway.domain.errors import NotAllowed
from gateway.routing.core import Queueing, Routing
from gateway.routing.events import (
    Accepted,
    Arrived,
    Assign,
    Back,
    Came,
    Declined,
    Expired,
    Finished,
    Looked,
    Offer,
    Return,
    Revoke,
    Taken,
    Vanished,
    WrappedUp,
)
from gateway.routing.memory import Floor
from gateway.routing.model import Agent, Lane, Presence, Strategy, Waiting, rank

NOW = 1_800_000_000.0


def waiting(name, lane=Lane("pay"), since=NOW, priority=5, **more):  # noqa: B008 - a frozen value
    return Waiting(name, lane, rank(since, priority), since, **more)


def agent(name, **given):
    return Agent(name, **{"queues": {"pay": 1}, "capacity": 1, **given})


def offers(decisions):
    return [(one.waiting.id, one.agent) for one in decisions if isinstance(one, Offer)]


class Desk:
    """One floor with its routing."""

    def __init__(self, *agents, **queues):
        self.floor = Floor(agents)
        self.routing = Routing({name: Queueing(**given) for name, given in queues.items()})

    def on(self, event, now=NOW):
        self.floor.at(now)
        return self.routing.on(self.floor, event, now)


def test_a_lane_is_named_so_that_it_can_be_read_again():
    for lane in (Lane("pay"), Lane.of("pay", {"zh": 2, "lang.en": 1}, 3)):
        assert Lane.parse(lane.key) == lane
    assert Lane.of("pay", {"zh": 1, "card": 2}).key == "pay|1|card:2,zh:1"


def test_the_oldest_of_equal_queues_comes_first():
    desk = Desk(agent("lin", queues={"pay": 1, "cards": 1}, presence=Presence.OFFLINE, capacity=3))
    desk.on(Arrived(waiting("b", since=NOW - 10)))
    desk.on(Arrived(waiting("a", Lane("cards"), since=NOW - 20)))
    desk.on(Arrived(waiting("c", since=NOW - 5)))
    came = desk.on(Came("lin", Presence.ONLINE))
    assert offers(came) == [("a", "lin"), ("b", "lin"), ("c", "lin")]


def test_a_queue_of_the_second_level_waits_for_the_first():
    lin = agent("lin", queues={"pay": 1, "general": 2}, presence=Presence.OFFLINE)
    desk = Desk(lin)
    desk.on(Arrived(waiting("old", Lane("general"), since=NOW - 100)))
    desk.on(Arrived(waiting("new")))
    assert offers(desk.on(Came("lin", Presence.ONLINE))) == [("new", "lin")]


@pytest.mark.parametrize(
    ("ageing", "first"),
    [(None, "important"), (600.0, "important"), (60.0, "old")],
)
def test_waiting_makes_up_for_priority_as_the_queue_says(ageing, first):
    old = Waiting("old", Lane("pay"), rank(NOW - 300, 5, ageing), NOW - 300)
    important = Waiting("important", Lane("pay"), rank(NOW, 3, ageing), NOW)
    assert min(old, important, key=lambda one: one.order).id == first


def test_the_urgent_come_before_every_priority_and_every_age():
    urgent = rank(NOW, 9, 60.0, urgent=True)
    assert urgent < rank(NOW - 10 * 365 * 86400, 0)
    assert rank(NOW, 9, urgent=True) < rank(0.0, 0)


def test_ranks_of_a_second_apart_are_told_apart():
    assert rank(NOW, 9) < rank(NOW + 0.001, 9)


def test_skills_and_room_decide_who_is_asked_and_say_why_the_others_are_not():
    desk = Desk(
        agent("able", skills={"zh": 3}, capacity=2),
        agent("weak", skills={"zh": 1}, capacity=2),
        agent("small", skills={"zh": 3}, capacity=1),
        agent("away", skills={"zh": 3}, presence=Presence.AWAY, capacity=2),
        agent("elsewhere", queues={"cards": 1}, capacity=2),
    )
    decisions = desk.on(Arrived(waiting("a", Lane.of("pay", {"zh": 2}, 2))))
    assert offers(decisions) == [("a", "able")]
    why = {one.agent: one.why_not for one in decisions[1].considered}
    assert why == {"weak": "zh 1 < 2", "small": "full: 0 + 2 > 1", "away": "away"}


@pytest.mark.parametrize(
    ("strategy", "chosen"),
    [
        (Strategy.LONGEST_IDLE, ["idle"]),
        (Strategy.LEAST_BUSY, ["free"]),
        (Strategy.ROUND_ROBIN, ["turn"]),
        (Strategy.RING_ALL, ["idle", "turn", "free"]),
    ],
)
def test_the_strategy_of_the_queue_chooses(strategy, chosen):
    desk = Desk(
        agent("idle", idle_since=NOW - 90, offered_at=NOW - 30, load=2, capacity=4),
        agent("turn", idle_since=NOW - 50, offered_at=NOW - 80, load=3, capacity=4),
        agent("free", idle_since=NOW - 10, offered_at=NOW - 10, load=0, capacity=4),
        pay={"strategy": strategy},
    )
    assert [name for _, name in offers(desk.on(Arrived(waiting("a"))))] == chosen


def test_who_is_known_to_the_customer_and_who_has_the_preferred_skill_come_first():
    desk = Desk(
        agent("idle", idle_since=NOW - 90),
        agent("knows", idle_since=NOW - 10, skills={"intl": 2}),
        agent("last", idle_since=NOW - 5),
    )
    first = waiting("a", prefers={"intl": 1}, last_agent="last")
    assert offers(desk.on(Arrived(first))) == [("a", "last")]
    assert offers(desk.on(Arrived(waiting("b", prefers={"intl": 1})))) == [("b", "knows")]


def test_of_a_ring_to_all_the_first_has_it_and_the_second_hears_so():
    desk = Desk(agent("one"), agent("two"), pay={"strategy": Strategy.RING_ALL})
    desk.on(Arrived(waiting("a")))
    taken = desk.on(Accepted("a", "two"))
    assert [type(one) for one in taken] == [Revoke, Assign]
    with pytest.raises(NotAllowed, match="this offer is over; two has it"):
        desk.on(Accepted("a", "one"))


def test_a_ring_to_all_that_nobody_answers_waits_again_once():
    desk = Desk(agent("one"), agent("two"), pay={"strategy": Strategy.RING_ALL})
    desk.on(Arrived(waiting("a")))
    desk.on(Declined("a", "one"))
    assert desk.floor.waits("a") is None
    over = desk.on(Expired("a"), NOW + 60)
    assert [one.waits for one in over] == [True]
    assert desk.floor.waits("a") is not None


def test_a_refused_inquiry_goes_to_the_next_agent_and_later_back_to_the_first():
    desk = Desk(agent("one"), agent("two", presence=Presence.OFFLINE))
    desk.on(Arrived(waiting("a", since=NOW - 60)))
    refused = desk.on(Declined("a", "one", "lunch"))
    assert [type(one) for one in refused] == [Return]
    assert offers(desk.on(Looked(), NOW + 299)) == []
    assert offers(desk.on(Arrived(waiting("b")), NOW + 299)) == [("b", "one")]
    assert offers(desk.on(Came("two", Presence.ONLINE), NOW + 299)) == [("a", "two")]
    desk.on(Vanished("two"), NOW + 301)
    desk.on(Accepted("b", "one"), NOW + 301)
    assert offers(desk.on(Finished("b", "one"), NOW + 302)) == [("a", "one")]


def test_an_offer_that_runs_out_goes_on_to_another_agent_at_its_old_place():
    desk = Desk(agent("one"), agent("two", presence=Presence.OFFLINE))
    desk.on(Arrived(waiting("a", since=NOW - 60)))
    desk.on(Arrived(waiting("b", since=NOW - 30)))
    assert desk.on(Expired("a"), NOW + 59) == []
    assert offers(desk.on(Expired("a"), NOW + 60)) == [("b", "one")]
    assert offers(desk.on(Came("two", Presence.ONLINE), NOW + 61)) == [("a", "two")]


def test_all_that_a_vanished_agent_had_is_offered_to_others_oldest_first():
    desk = Desk(agent("gone", capacity=3), agent("here", presence=Presence.OFFLINE, capacity=3))
    for name, age in (("a", 30), ("b", 60), ("c", 10)):
        desk.on(Arrived(waiting(name, since=NOW - age)))
    desk.on(Accepted("a", "gone"))
    desk.on(Came("here", Presence.ONLINE))
    decisions = desk.on(Vanished("gone"))
    assert offers(decisions) == [("b", "here"), ("a", "here"), ("c", "here")]
    assert {one.why for one in decisions if isinstance(one, Return)} == {Back.VANISHED}


def test_who_steps_away_keeps_what_they_have_and_loses_what_they_were_offered():
    desk = Desk(agent("lin", capacity=2))
    desk.on(Arrived(waiting("a")))
    desk.on(Accepted("a", "lin"))
    desk.on(Arrived(waiting("b")))
    desk.on(Came("lin", Presence.AWAY))
    assert [hold.waiting.id for hold in desk.floor.held("lin")] == ["a"]
    assert desk.floor.waits("b") is not None


def test_after_an_inquiry_there_is_time_to_finish_before_the_next():
    desk = Desk(agent("lin"), pay={"wrap_up_seconds": 30.0})
    desk.on(Arrived(waiting("a")))
    desk.on(Accepted("a", "lin"))
    desk.on(Arrived(waiting("b")))
    assert offers(desk.on(Finished("a", "lin"))) == []
    assert offers(desk.on(WrappedUp("lin"), NOW + 30)) == [("b", "lin")]


def test_a_supervisor_may_take_it_from_an_agent_and_a_colleague_may_not():
    desk = Desk(agent("lin"), agent("wu", presence=Presence.BUSY))
    desk.on(Arrived(waiting("a")))
    desk.on(Accepted("a", "lin"))
    with pytest.raises(NotAllowed, match="lin has it"):
        desk.on(Taken("a", "wu"))
    desk.on(Taken("a", "wu", by="boss"))
    assert [hold.agent for hold in desk.floor.holds("a")] == ["wu"]
    assert desk.floor.agent("lin").load == 0
