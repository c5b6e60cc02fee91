"""How the lines stand is seen by a loop, on each engine, and told to whoever comes and asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway.answers.answerer import Answerer, build_answerer
from gateway.config import templates_dir
from gateway.desk.callbacks import Callbacks
from gateway.desk.floor import Floor
from gateway.domain.calendar import ALWAYS
from gateway.domain.model import Brand
from gateway.domain.waiting import LaneView
from gateway.routing.callbacks import Policy
from gateway.routing.core import Queueing, Routing
from gateway.routing.lines import place_of
from gateway.routing.model import Agent, Lane, Presence, Strategy, rank
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from gateway.workers.lines import SEEN, Lines, Watching
from gateway.workers.measuring import Measuring
from gateway.workers.placing import Places
from gateway.workers.planner import PlannerSettings
from gateway.workers.timers import Timers
from gateway.workers.waits import Telling, Waits
from tests.learnt import MODELS
from tests.store.engines import select
from tests.store.rows import arrival, moved, put
from tests.workers.rig import CLOSE_AFTER, QUEUES, Rig

PAY = Lane("payments")
ENGLISH = Lane.of("payments", {"en": 1})
AGENTS = {
    "ann": Agent("ann", Presence.OFFLINE, {"payments": 1}, {"en": 2}, 2),
    "bo": Agent("bo", Presence.OFFLINE, {"payments": 1}, {}, 1),
}
MEASURING = Measuring(apply, {"payments": ALWAYS})
HOUR = 3600.0
PHONE = "+8613800138000"


def floor_on(rig: Rig) -> Floor:
    routing = Routing({"payments": Queueing(Strategy.LONGEST_IDLE)})
    return Floor(rig.store, routing, AGENTS, rig.write, rig.clock, rig.ids, lease=10 * HOUR)


def watching(rig: Rig, agents: Mapping[str, Agent] = AGENTS, **changes: Any) -> Watching:
    lanes = {"payments": (PAY,)}
    return Watching(Lines(), rig.store, agents, lanes, rig.clock, rig.log, **changes)


async def wait(rig: Rig, name: str, lane: Lane = PAY, priority: int = 3) -> None:
    await put(
        rig.store,
        arrival(name, sender=name, number=name),
        moved(name, queue=lane.queue, lane=lane.key, handicap=rank(0.0, priority)),
        now=rig.clock.now(),
    )
    rig.clock.advance(1.0)


async def test_the_look_sees_who_waits_who_is_offered_and_who_is_there(rig: Rig) -> None:
    sight, floor = watching(rig), floor_on(rig)
    began = rig.clock.now()
    for name in ("a", "b", "c"):
        await wait(rig, name)
    await wait(rig, "elsewhere", Lane("general"))
    await floor.be("bo", Presence.ONLINE)
    assert await floor.look() <= 1
    await sight.once()
    line = sight.lines.known["payments"]
    assert (line.at, line.waiting, line.oldest) == (rig.clock.now(), 3, began)
    assert line.lanes[PAY.key] == LaneView(1, free=False, ordered=True)
    rows = await select(
        rig.store, "SELECT rank FROM inquiries WHERE queue = 'payments' ORDER BY rank"
    )
    assert [row["rank"] for row in rows] == list(line.ranks)
    assert line.last == line.ranks[-1]
    assert set(sight.lines.known) == {"payments"}
    states = await select(rig.store, "SELECT state FROM inquiries WHERE number = 'a'")
    assert states[0]["state"] == "offered", "and yet it waits still"


async def test_a_lane_that_some_cannot_take_from_gives_nobody_a_place(rig: Rig) -> None:
    sight, floor = watching(rig), floor_on(rig)
    await wait(rig, "a")
    await wait(rig, "b", ENGLISH)
    await floor.be("bo", Presence.BUSY)
    await floor.be("ann", Presence.BUSY)
    await sight.once()
    lanes = sight.lines.known["payments"].lanes
    assert (lanes[PAY.key].staff, lanes[ENGLISH.key].staff) == (2, 1)
    assert not lanes[PAY.key].ordered
    await floor.be("bo", Presence.OFFLINE)
    await sight.once()
    assert sight.lines.known["payments"].lanes[PAY.key].ordered


async def test_of_a_long_line_the_beginning_and_the_end_are_seen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.workers.lines.SEEN", 3)
    monkeypatch.setattr("gateway.workers.lines.COUNTED", 6)
    assert SEEN > 3
    for number in range(5):
        await wait(rig, f"n{number}")
    await wait(rig, "en0", ENGLISH)
    await floor_on(rig).be("ann", Presence.BUSY)
    sight = watching(rig)
    await sight.once()
    line = sight.lines.known["payments"]
    rows = await select(rig.store, "SELECT rank FROM inquiries ORDER BY rank")
    ranks = [row["rank"] for row in rows]
    assert line.waiting == 6
    assert list(line.ranks) == ranks[:3]
    assert line.last == ranks[-1]
    assert place_of(line, PAY.key, ranks[3], inside=True) is None
    assert place_of(line, PAY.key, ranks[-1] + 1, inside=False) == 7
    # Counted no further, the end is not known either.
    await wait(rig, "n6")
    await wait(rig, "n7")
    await sight.once()
    line = sight.lines.known["payments"]
    assert place_of(line, PAY.key, ranks[-1] + 9, inside=False) is None


async def test_who_comes_while_it_looks_is_not_forgotten(rig: Rig) -> None:
    sight = watching(rig)
    await sight.once()
    queued = moved("x", queue="payments", lane=PAY.key, handicap=0.0)
    sight.lines.applied(queued, 5.0)
    assert sight.lines.known["payments"].waiting == 1
    with sight.lines.looking() as found:
        found["payments"] = replace(sight.lines.known["payments"], waiting=0, ranks=())
        sight.lines.applied(queued, 6.0)
    line = sight.lines.known["payments"]
    assert (line.waiting, line.ranks) == (1, (6.0,))
    await sight.once()
    assert sight.lines.known["payments"].waiting == 0, "a plan that was never written"


async def test_what_is_decided_at_the_same_moment_is_counted(rig: Rig) -> None:
    lines = Lines()
    assert lines.beside == 0
    with lines.deciding(3), lines.deciding(1):
        assert lines.beside == 3
    assert lines.beside == 0


async def test_a_database_that_is_away_is_waited_for(rig: Rig) -> None:
    sight = watching(rig, pause=0.001)
    await rig.meddle("ALTER TABLE queue_rates RENAME TO away")
    loop = asyncio.create_task(sight.run())
    async with asyncio.timeout(10):
        while not sight.counts["failed"]:
            await asyncio.sleep(0.001)
        assert sight.lines.known == {}
        await rig.meddle("ALTER TABLE away RENAME TO queue_rates")
        while not sight.lines.known:
            await asyncio.sleep(0.001)
    loop.cancel()


# ---------------------------------------------------------------- from a message to its answer


BRAND = Brand("demo", "Demo Wallet", {"hotline": "400-618-0081"})


@pytest.fixture(scope="module")
def real() -> Answerer:
    return build_answerer(templates_dir(), {"demo": BRAND}, models=MODELS)


@pytest.fixture
def desk(rig: Rig, real: Answerer) -> Rig:
    """A rig whose planner has the real words, and tells of the line of payments."""
    waits = Waits({"payments": Telling()}, {"demo": ALWAYS}, timed=frozenset({"demo"}))
    rig.answerer = real  # type: ignore[assignment]
    places = Places({"payments": QUEUES["payments"]}, "payments")
    rig.settings = PlannerSettings(places, automatic_per_day=9, waits=waits)
    rig.write = MEASURING.apply
    rig.think()
    return rig


async def said(rig: Rig) -> list[str]:
    rows = await select(
        rig.store, "SELECT text FROM messages WHERE direction = 'out' ORDER BY at, id"
    )
    return [row["text"] for row in rows]


async def say(rig: Rig, sight: Watching, text: str, sender: str, account: str = "app") -> str:
    """What is answered to a message, after the loop has looked."""
    await sight.once()
    before = await said(rig)
    await rig.message(text, sender=sender, account=account, facts={"language": "en"})
    await rig.drain(rig.pipeline(lines=sight.lines))
    rig.clock.advance(1.0)
    new = [one for one in await said(rig) if one not in before]
    return new[0] if new else ""


async def one_leaves(rig: Rig, floor: Floor, name: str) -> None:
    await wait(rig, name)
    rig.clock.advance(119.0)
    await floor.take(name, "ann")
    await rig.meddle(f"UPDATE inquiries SET state = 'closed' WHERE number = '{name}'")


async def test_the_place_is_told_with_the_acknowledgement_and_the_time_once_it_is_measured(
    desk: Rig,
) -> None:
    sight, floor = watching(desk), floor_on(desk)
    await floor.be("ann", Presence.BUSY)
    first = await say(desk, sight, "I want to talk to a person", "li")
    assert "You are next in line at the moment." in first
    assert "minute" not in first
    second = await say(desk, sight, "agent please", "wang")
    assert "You are number 2 in line at the moment." in second
    for number in range(16):
        await one_leaves(desk, floor, f"n{number}")
    third = await say(desk, sight, "human agent", "zhao")
    assert "You are number 3 in line at the moment, and the wait is probably " in third
    (*_, event) = await desk.events("waiting.told")
    assert (event["what"], event["position"]) == ("wait", 3)
    assert event["low"] < 360 < event["high"]


async def test_who_comes_between_two_looks_is_behind(desk: Rig) -> None:
    sight = watching(desk)
    await floor_on(desk).be("ann", Presence.BUSY)
    await say(desk, sight, "agent please", "li")
    pipeline = desk.pipeline(lines=sight.lines)
    for number, sender in enumerate(("wang", "zhao"), start=2):
        await desk.message("human agent", sender=sender, facts={"language": "en"})
        await desk.drain(pipeline)
        assert f"You are number {number} in line" in " ".join(await said(desk))
        desk.clock.advance(1.0)


async def test_two_who_come_at_once_are_told_no_place_that_may_be_the_others(desk: Rig) -> None:
    sight = watching(desk)
    await floor_on(desk).be("ann", Presence.BUSY)
    await sight.once()
    for sender in ("li", "wang"):
        await desk.message("human agent", sender=sender, facts={"language": "en"})
    await desk.drain(desk.pipeline(lines=sight.lines))
    texts = await said(desk)
    assert len(texts) == 2
    assert not any("in line" in text for text in texts)


async def test_who_asks_how_long_still_hears_the_place_they_have_by_then(desk: Rig) -> None:
    sight, floor = watching(desk), floor_on(desk)
    await floor.be("ann", Presence.BUSY)
    await say(desk, sight, "agent please", "li")
    await say(desk, sight, "agent please", "wang")
    assert "You are number 2 in line" in await say(desk, sight, "how long still?", "wang")
    (row,) = await select(
        desk.store, "SELECT i.number FROM inquiries i ORDER BY i.created_at, i.id LIMIT 1"
    )
    await floor.take(row["number"], "ann")
    answer = await say(desk, sight, "and how long now?", "wang")
    assert "You are next in line at the moment." in answer
    assert "waiting for a person" in answer


async def test_without_anybody_there_no_number_is_told(desk: Rig) -> None:
    answer = await say(desk, watching(desk), "agent please", "li")
    assert "An answer may take longer than usual at the moment." in answer
    assert "minute" not in answer


async def test_a_call_that_was_offered_is_taken_in_words_and_keeps_the_place(desk: Rig) -> None:
    desk.clock.advance(HOUR)  # nine in China
    sight = watching(desk)
    await floor_on(desk).be("ann", Presence.BUSY)
    offer = await say(desk, sight, "agent please", PHONE, "sms")
    assert "Reply CALL ME to be called instead." in offer
    (before,) = await select(desk.store, "SELECT id, rank, state FROM inquiries")
    answer = await say(desk, sight, "CALL ME", PHONE, "sms")
    assert "Your request for a call is noted" in answer
    calls = Callbacks(desk.store, Policy(), Reach(), "general", apply, desk.clock, desk.ids)
    timers = Timers(desk.store, apply, desk.clock, desk.ids, desk.log, CLOSE_AFTER, callbacks=calls)
    await timers.once()
    (one,) = await select(desk.store, "SELECT inquiry_id, state, number FROM callbacks")
    assert (one["inquiry_id"], one["state"], one["number"]) == (before["id"], "due", PHONE)
    (after,) = await select(desk.store, "SELECT id, rank, state FROM inquiries")
    assert after == before
    again = await say(desk, sight, "how long still?", PHONE, "sms")
    assert "You are next in line" in again
    assert "CALL ME" not in again, "it was asked for already"
