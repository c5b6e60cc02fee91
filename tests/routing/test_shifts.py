"""Working hours in the pure core: who is off is offered nothing, and may stay longer."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar, Hours
from gateway.routing.core import Routing
from gateway.routing.events import Arrived, Came, Looked, Offer
from gateway.routing.memory import Floor
from gateway.routing.model import OFF_HOURS, Agent, Lane, Presence, Shift, Waiting, rank

DAY = Calendar(
    zone="Asia/Shanghai", week=((Hours(time(9), time(12)), Hours(time(13), time(18))),) * 7
)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp() - 8 * 3600
"""Midnight in Shanghai."""


def agent(name: str, calendar: Calendar | None = DAY) -> Agent:
    return Agent(name, queues={"pay": 1}, capacity=9, shift=calendar and Shift(calendar))


@pytest.mark.parametrize(
    ("hour", "off"), [(8.99, True), (9, False), (12, True), (13, False), (17.99, False), (18, True)]
)
def test_hours_are_those_of_the_agents_own_clock(hour: float, off: bool) -> None:
    lin = agent("lin").at(MONDAY + hour * 3600)
    assert lin.off is off
    assert lin.absent is off
    assert lin.lacks(Lane("pay")) == (OFF_HOURS if off else "")


def test_what_they_say_they_are_comes_before_their_hours() -> None:
    away = Agent("lin", Presence.AWAY, {"pay": 1}, shift=Shift(DAY)).at(MONDAY)
    assert away.lacks(Lane("pay")) == "away"


def test_nothing_is_offered_before_the_shift_begins_and_all_of_it_then() -> None:
    floor, routing = Floor([agent("lin"), agent("wu", None)]), Routing()
    now = MONDAY + 8 * 3600
    floor.at(now)
    for name in ("lin", "wu"):
        routing.on(floor, Came(name, Presence.ONLINE), now)
    (_, offer) = routing.on(floor, Arrived(Waiting("a", Lane("pay"), rank(now, 5), now)), now)
    assert isinstance(offer, Offer)
    assert offer.agent == "wu"
    assert [(one.agent, one.why_not) for one in offer.considered] == [("lin", OFF_HOURS)]
    routing.on(floor, Came("wu", Presence.OFFLINE), now)
    assert routing.on(floor, Looked(), now) == []
    floor.at(MONDAY + 9 * 3600)
    (offer,) = routing.on(floor, Looked(), MONDAY + 9 * 3600)
    assert isinstance(offer, Offer)
    assert offer.agent == "lin"


@given(st.floats(0, 86400 * 3), st.floats(0, 86400 * 3))
def test_a_shift_is_over_for_who_was_there_while_it_lasted(came: float, later: float) -> None:
    since, now = MONDAY + min(came, later), MONDAY + max(came, later)
    minutes = [since + 60.0 * n for n in range(int((now - since) / 60) + 1)]
    there = any(DAY.is_open(moment) for moment in minutes)
    over = Shift(DAY).over(since, now)
    if DAY.is_open(now):
        assert not over
    elif there:
        assert over
    elif DAY.open_seconds(since, now) > 60:
        pytest.fail("a minute of it is missed by none of the moments above")
    assert all(b - a == 60.0 for a, b in pairwise(minutes[:2]))


def test_who_has_been_there_for_months_is_looked_at_no_further_back() -> None:
    closed = Calendar(zone="UTC", off=frozenset(), week=((),) * 7)
    assert not Shift(closed).over(0.0, MONDAY)
    assert Shift(DAY).over(0.0, MONDAY + timedelta(hours=20).total_seconds())
