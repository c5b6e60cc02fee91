"""Rules at work: the first step at once, the next ones when their time comes, and why in the log."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load as config_of
from gateway.desk.floor import Floor
from gateway.domain.calendar import ALWAYS, Calendar
from gateway.domain.decision import Verb
from gateway.domain.plan import STEP_TIMER
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Presence, Strategy
from gateway.routing.rules import load
from gateway.staff import places_of
from gateway.store.apply import apply
from gateway.workers.placing import Places, Stepping
from gateway.workers.timers import Timers
from tests.store.engines import select, value
from tests.workers.rig import CLOSE_AFTER, QUEUES, SETTINGS, Rig, decision

RULES = """
[[filter]]
name = "fraud"
when = 'inquiry.topic == "fraud"'
[[filter.target]]
queue = "security"
needs = { fraud = 2 }
prefers = { intl = 1 }
timeout = "2m"
skip_if = 'queue.online == 0'
[[filter.target]]
queue = "payments"
needs = { fraud = 1 }
timeout = "5m"
[[filter.target]]
queue = "general"
needs = {}
"""
AGENTS = {
    "ann": Agent("ann", Presence.OFFLINE, {"security": 1}, {"fraud": 2}, 2),
    "bo": Agent("bo", Presence.OFFLINE, {"payments": 1, "general": 1}, {"fraud": 1}, 2),
}


class World:
    """A rig whose planner and timers go by the rules."""

    def __init__(self, rig: Rig) -> None:
        places = Places(QUEUES, "general", load(RULES, QUEUES), weights={"http": 2})
        rig.settings = replace(SETTINGS, places=places)
        rig.answerer.usual = decision(Verb.ROUTE, topic="fraud", queue="payments")
        rig.think()
        self.rig, self.places = rig, places
        routing = Routing({"general": Queueing(Strategy.STICKY)})
        self.floor = Floor(rig.store, routing, AGENTS, apply, rig.clock, rig.ids, QUEUES)
        self.timers = Timers(
            rig.store, apply, rig.clock, rig.ids, rig.log, CLOSE_AFTER,
            stepping=Stepping(places, AGENTS),
        )  # fmt: skip

    async def arrives(self) -> None:
        await self.rig.say("somebody pays with my card")

    async def place(self) -> tuple[str, str]:
        (row,) = await select(self.rig.store, "SELECT queue, lane FROM inquiries")
        return row["queue"], row["lane"]

    async def timer(self) -> float | None:
        rows = await select(
            self.rig.store, f"SELECT due_at FROM timers WHERE kind = '{STEP_TIMER}'"
        )
        return rows[0]["due_at"] - self.rig.clock.now() if rows else None


@pytest.fixture
def world(rig: Rig) -> World:
    return World(rig)


async def test_the_first_step_waits_for_who_can_and_the_next_asks_less(world: World) -> None:
    await world.floor.be("ann", Presence.ONLINE)
    await world.arrives()
    assert await world.place() == ("security", "security|2|fraud:2")
    await world.timers.once()
    assert await world.timer() == 120.0
    world.rig.clock.advance(121.0)
    await world.timers.once()
    assert await world.place() == ("payments", "payments|2|fraud:1")
    world.rig.clock.advance(301.0)
    await world.timers.once()
    assert await world.place() == ("general", "general|2|")
    assert await world.timer() is None
    since = await value(world.rig.store, "SELECT waiting_since FROM inquiries")
    assert world.rig.clock.now() - since > 420.0, "its age goes with it"


async def test_a_step_that_nobody_serves_is_skipped_and_the_log_says_so(world: World) -> None:
    await world.arrives()
    await world.timers.once()
    assert await world.place() == ("payments", "payments|2|fraud:1")
    (step,) = await world.rig.events("inquiry.step")
    assert step["step"] == 2
    assert [tried["result"] for tried in step["trail"]] == ["skipped", "used"]
    (queued,) = await world.rig.events("inquiry.queued")
    assert queued["by"] == "fraud"
    assert queued["trail"][0] == {"result": "matched", "filter": "fraud"}


async def test_what_is_just_offered_is_not_taken_away_by_its_step(world: World) -> None:
    await world.floor.be("ann", Presence.ONLINE)
    await world.arrives()
    await world.timers.once()
    assert await world.floor.look() == 1
    world.rig.clock.advance(121.0)
    await world.timers.once()
    assert await world.place() == ("security", "security|2|fraud:2")
    assert await world.timer() == 15.0


async def test_what_somebody_has_has_no_steps_any_more(world: World) -> None:
    await world.floor.be("ann", Presence.ONLINE)
    await world.arrives()
    number = await value(world.rig.store, "SELECT number FROM inquiries")
    await world.floor.take(number, "ann")
    world.rig.clock.advance(200.0)
    await world.timers.once()
    assert await world.place() == ("security", "security|2|fraud:2")
    assert await world.timer() is None


async def test_what_comes_back_from_an_agent_has_the_time_of_its_step_again(world: World) -> None:
    await world.floor.be("ann", Presence.ONLINE)
    await world.arrives()
    number = await value(world.rig.store, "SELECT number FROM inquiries")
    await world.timers.once()
    await world.floor.take(number, "ann")
    world.rig.clock.advance(200.0)
    await world.timers.once()
    await world.floor.be("ann", Presence.OFFLINE)
    assert await world.timer() == 120.0
    world.rig.clock.advance(121.0)
    await world.timers.once()
    assert await world.place() == ("payments", "payments|2|fraud:1")


async def test_what_is_handed_on_has_no_steps_of_the_old_rule(world: World) -> None:
    await world.floor.be("ann", Presence.ONLINE)
    await world.arrives()
    number = await value(world.rig.store, "SELECT number FROM inquiries")
    await world.timers.once()
    await world.floor.take(number, "ann")
    await world.floor.transfer(number, "ann", "general")
    assert await world.timer() is None
    assert await world.place() == ("general", "general|2|")
    assert await value(world.rig.store, "SELECT priority FROM inquiries") == 7
    assert await value(world.rig.store, "SELECT routing FROM inquiries") == "{}"


async def test_what_the_customer_wrote_does_not_stand_beside_the_steps(world: World) -> None:
    await world.arrives()
    kept: dict[str, Any] = json.loads(await value(world.rig.store, "SELECT routing FROM inquiries"))
    assert kept["facts"]["inquiry"]["topic"] == "fraud"
    assert kept["facts"]["inquiry"]["subject"] == kept["facts"]["contact"]["name"] == ""
    assert [step["queue"] for step in kept["steps"]] == ["security", "payments", "general"]


async def test_the_preferred_skill_and_the_known_agent_are_looked_at(rig: Rig) -> None:
    world = World(rig)
    await world.arrives()
    head = await rig.store.read(lambda reader: _first(reader, rig.clock.now()))
    assert head.prefers == {"intl": 1}


def _first(reader: Any, now: float) -> Any:
    from gateway.desk.standing import Standing

    floor = Standing(reader, AGENTS, now)
    (lane,) = floor.lanes()
    return floor.first(lane)


# ---------------------------------------------------------------- opening hours

OPEN_ONLY = """
[[filter]]
name = "hours"
when = "true"
[[filter.target]]
queue = "security"
skip_if = "!queue.open"
[[filter.target]]
queue = "general"
"""
#: NEW_YEAR is a Thursday, here without holidays: closed at eight in Shanghai, open at nine.
DAY, NIGHT = ALWAYS, Calendar()


@pytest.mark.parametrize(
    ("brand", "own", "queue"),
    [
        (DAY, {"security": NIGHT}, "general"),
        (NIGHT, {"security": DAY}, "security"),
        (NIGHT, {"general": DAY}, "general"),
        (DAY, {"general": NIGHT}, "security"),
    ],
)
async def test_whether_a_queue_is_open_is_asked_of_its_own_hours_else_the_brands(
    rig: Rig, brand: Calendar, own: dict[str, Calendar], queue: str
) -> None:
    places = Places(QUEUES, "general", load(OPEN_ONLY, QUEUES), {"demo": brand}, own=own)
    rig.settings = replace(SETTINGS, places=places)
    rig.answerer.usual = decision(Verb.ROUTE, queue="payments")
    rig.think()
    await rig.say("hello")
    timers = replace(rig.timers(), stepping=Stepping(places, {}))
    assert await timers.once() == 1
    assert await value(rig.store, "SELECT queue FROM inquiries") == queue


def test_the_places_of_the_settings_know_the_hours_of_queues(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    text = (
        '[queues.general]\ntitle = "General"\n[queues.general.calendar]\nopening_hours = ["24x7"]\n'
    )
    file.write_text(text, "utf-8")
    config = config_of(file, environ={})
    places = places_of(config)
    assert places.own == config.queue_calendars()
    midnight = 1767196800.0  # 2026-01-01 00:00 in Shanghai
    assert places.is_open("general", "demo", midnight)
    assert not places.is_open("other", "demo", midnight)
