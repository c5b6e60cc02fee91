"""What goes on without anybody saying so: working hours, settings that changed, who is offline."""

import asyncio
from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from gateway.desk.callbacks import Callbacks
from gateway.desk.consulting import Consulting
from gateway.desk.floor import Floor
from gateway.desk.presence import everybody
from gateway.desk.settling import REACH
from gateway.desk.standing import Standing
from gateway.desk.trail import trail
from gateway.domain.calendar import ALWAYS, Calendar, Hours
from gateway.domain.errors import NotAllowed
from gateway.domain.model import InquiryState, Queue
from gateway.routing.callbacks import Policy
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Lane, Presence, Shift, rank
from gateway.routing.overflow import Cause, Course, Overflow
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from gateway.workers.offering import Offering
from gateway.workers.overflowing import Overflowing
from tests.desk.test_floor import AGENTS, DOMAIN, floor_on, wait
from tests.store.engines import one, sealed, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import Rig

DAILY = Calendar(zone="UTC", week=((Hours(time(9), time(18)),),) * 7)
HOME = Queue("home", "Home", priority=4, skills={"zh": 1})


async def row(rig: Rig, number: str) -> dict[str, Any]:
    return await one(
        rig.store,
        "SELECT state, queue, lane, priority, rank, waiting_since, assigned_to FROM inquiries "
        f"WHERE number = '{number}'",
    )


async def told(rig: Rig, number: str, language: str = "en") -> list[str]:
    await sealed(rig.store)
    _, entries = await rig.store.read(lambda reader: trail(reader, number, language))
    return [text for entry in entries for text in (entry.text, *entry.details)]


def at(rig: Rig, hour: int) -> None:
    """The clock goes to that hour, UTC; never back."""
    now = rig.clock.now()
    rig.clock.advance((hour * 3600 - now) % 86400)


# ---------------------------------------------------------------- working hours


def shifted(rig: Rig, *, sends_home: bool = False) -> Floor:
    ann = replace(AGENTS["ann"], shift=Shift(DAILY, sends_home))
    return replace(floor_on(rig), agents={**AGENTS, "ann": ann}, lease=1e9)


@pytest.mark.parametrize("sends_home", [False, True])
async def test_outside_working_hours_nothing_is_offered_and_the_trail_says_why(
    rig: Rig, sends_home: bool
) -> None:
    floor = shifted(rig, sends_home=sends_home)
    at(rig, 8)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    assert await floor.look() == 0
    await floor.be("bo", Presence.ONLINE)
    assert (await row(rig, "n1"))["state"] == "offered"
    assert "ann: outside working hours" in await told(rig, "n1")
    assert "ann：不在工作时间" in await told(rig, "n1", "zh-CN")
    await wait(rig, "n2")
    await wait(rig, "n3")
    await floor.look()
    at(rig, 9)
    assert await floor.look() >= 1, "the shift begins"
    offered = await select(rig.store, "SELECT agent FROM offers")
    assert "ann" in {one["agent"] for one in offered}


async def test_the_list_of_agents_shows_who_is_at_work(rig: Rig) -> None:
    floor = shifted(rig)
    at(rig, 17)
    await floor.be("ann", Presence.ONLINE)
    seen = []
    for hour in (17, 18):
        at(rig, hour)
        now = rig.clock.now()
        known = await rig.store.read(lambda reader, now=now: everybody(reader, floor.agents, now))
        seen.append({p.agent.id: p.as_values()["at_work"] for p in known})
    assert [one["ann"] for one in seen] == [True, False]
    assert seen[1]["bo"], "who has no working hours is always at work"


async def test_what_an_agent_has_stays_theirs_when_their_hours_end(rig: Rig) -> None:
    floor = shifted(rig)
    at(rig, 17)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    await floor.look()
    await floor.accept("n1", "ann")
    at(rig, 18)
    await floor.look()
    assert (await row(rig, "n1"))["assigned_to"] == "ann"
    rig.clock.advance(2e9)
    await replace(floor, lease=60.0).look()
    assert (await row(rig, "n1"))["state"] == "queued", "the lease holds as before"


async def test_hours_that_send_home_give_back_what_was_in_hand(rig: Rig) -> None:
    floor = shifted(rig, sends_home=True)
    at(rig, 17)
    await floor.be("ann", Presence.ONLINE)
    await floor.be("bo", Presence.BUSY)
    await wait(rig, "n1")
    await floor.look()
    await floor.accept("n1", "ann")
    at(rig, 18)
    await floor.look()
    assert (await row(rig, "n1"))["state"] == "queued"
    assert await value(rig.store, "SELECT presence FROM agents WHERE id = 'ann'") == "offline"
    assert await value(rig.store, "SELECT presence FROM agents WHERE id = 'bo'") == "busy"
    assert "ann's working hours are over, it waits again" in await told(rig, "n1")
    assert "ann 下班，继续等候" in await told(rig, "n1", "zh-CN")


async def test_who_comes_after_hours_keeps_what_they_take_by_themselves(rig: Rig) -> None:
    """Nothing that somebody took is silently taken back."""
    floor = shifted(rig, sends_home=True)
    at(rig, 19)
    await floor.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    assert await floor.next("ann") == "n1"
    rig.clock.advance(60.0)
    assert await floor.look() == 0
    assert (await row(rig, "n1"))["assigned_to"] == "ann"


async def test_who_is_outside_working_hours_is_no_staff(rig: Rig) -> None:
    floor = shifted(rig)
    rules = {"pay": [Overflow(Cause.STAFF, Course.OVERFLOW, to="cards")]}
    overflowing = Overflowing(floor, rules, DOMAIN, {"demo": ALWAYS}, {}, rig.log)
    at(rig, 17)
    await floor.be("ann", Presence.BUSY)
    await floor.be("chen", Presence.BUSY)
    await wait(rig, "n1", Lane("pay"))
    assert await overflowing.once() == 0, "ann is there for it"
    at(rig, 18)
    assert await overflowing.once() == 1
    assert (await row(rig, "n1"))["queue"] == "cards"


# ---------------------------------------------------------------- agents who are no more


async def test_work_of_agents_taken_out_of_the_settings_goes_back_at_the_next_start(
    rig: Rig,
) -> None:
    before = floor_on(rig)
    await wait(rig, "n1")
    rig.clock.advance(1.0)
    await wait(rig, "n2")
    rig.clock.advance(1.0)
    await before.be("ann", Presence.ONLINE)
    await before.accept("n1", "ann")
    await wait(rig, "n3")
    assert (await row(rig, "n2"))["state"] == "offered"
    left = {name: agent for name, agent in AGENTS.items() if name != "ann"}
    after = replace(before, agents=left)
    assert not await after.settle()
    assert [(await row(rig, n))["state"] for n in ("n1", "n2", "n3")] == ["queued"] * 3
    assert await before.next("bo") == "n1", "at the head of its queue"
    assert "ann is not in the settings any more, it waits again" in await told(rig, "n1")
    assert not await after.settle()
    assert len(await rig.events("inquiry.returned")) == 2, "once"


async def test_the_loop_settles_also_where_no_agent_is_left(rig: Rig) -> None:
    before = floor_on(rig)
    await before.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    await before.take("n1", "ann")
    offering = Offering(replace(before, agents={}), rig.log, poll=0.01)
    loop = asyncio.create_task(offering.run())
    try:
        await rig.store.until("SELECT state FROM inquiries", "queued")
    finally:
        loop.cancel()
        await asyncio.wait([loop])


async def test_a_start_on_a_database_that_is_away_settles_once_it_is_back(rig: Rig) -> None:
    before = floor_on(rig)
    await before.be("ann", Presence.ONLINE)
    await wait(rig, "n1")
    await before.take("n1", "ann")
    write, failed = rig.store.write, []

    async def away(work: Any) -> Any:
        if not failed:
            failed.append(work)
            raise NotAllowed("not now")
        return await write(work)

    rig.store.write = away  # type: ignore[method-assign]
    offering = Offering(replace(before, agents={}), rig.log, poll=0.01)
    loop = asyncio.create_task(offering.run())
    try:
        await rig.store.until("SELECT state FROM inquiries", "queued")
    finally:
        loop.cancel()
        await asyncio.wait([loop])
    assert failed


async def test_a_stranger_to_the_settings_keeps_what_they_claimed(rig: Rig) -> None:
    """A supervisor without a place on the floor has no lease."""
    await wait(rig, "n1")
    floor = floor_on(rig)
    await rig.desk(here=floor.here).claim("n1", "chief")
    await floor.settle()
    await floor.look()
    assert (await row(rig, "n1"))["assigned_to"] == "chief"


# ---------------------------------------------------------------- queues that are no more


def without_cards(floor: Floor) -> Floor:
    agents = {"ann": Agent("ann", Presence.OFFLINE, {"home": 1, "pay": 1}, {"zh": 3}, 9)}
    queues = {"pay": DOMAIN["pay"], "home": HOME}
    return replace(floor, agents=agents, queues=queues, default_queue="home")


async def test_what_waited_in_a_queue_that_is_no_more_waits_in_the_default_one_at_its_age(
    rig: Rig,
) -> None:
    before = floor_on(rig)
    began = rig.clock.now()
    await wait(rig, "n1", Lane("cards", weight=2))
    rig.clock.advance(100.0)
    await wait(rig, "n2", Lane("pay"))
    await before.be("chen", Presence.ONLINE)
    await wait(rig, "n3", Lane("cards"))
    await before.look()
    assert (await row(rig, "n3"))["state"] == "offered"
    after = without_cards(before)
    assert not await after.settle()
    found = await row(rig, "n1")
    assert (found["state"], found["lane"], found["priority"]) == ("queued", "home|2|zh:1", 4)
    assert found["waiting_since"] == began
    assert found["rank"] == rank(began, 4)
    assert (await row(rig, "n3"))["lane"] == "home|1|zh:1"
    assert (await row(rig, "n2"))["lane"] == "pay|1|"
    assert await value(rig.store, "SELECT COUNT(*) FROM offers") == 0
    texts = await told(rig, "n1"), await told(rig, "n1", "zh-CN")
    assert "there is no queue cards any more" in texts[0][-1]
    assert "队列 cards 已不存在" in texts[1][-1]
    assert await after.next("ann") == "n1"


async def test_what_comes_back_from_an_agent_into_a_queue_that_is_no_more_is_not_lost(
    rig: Rig,
) -> None:
    before = floor_on(rig)
    await before.be("ann", Presence.ONLINE)
    await wait(rig, "n1", Lane("cards"))
    await before.take("n1", "ann")
    after = without_cards(before)
    await after.settle()
    assert (await row(rig, "n1"))["assigned_to"] == "ann", "who has it keeps it"
    await after.be("ann", Presence.OFFLINE)
    await after.look()
    found = await row(rig, "n1")
    assert (found["state"], found["queue"]) == ("queued", "home")


async def test_many_move_in_several_steps(rig: Rig) -> None:
    for number in range(REACH + 3):
        await put(
            rig.store,
            arrival(f"m{number:03}", sender=f"m{number}", number=f"m{number}"),
            moved(f"m{number:03}", queue="cards", lane="cards|1|"),
            now=rig.clock.now(),
        )
    after = without_cards(floor_on(rig))
    assert await after.settle()
    assert not await after.settle()
    assert await value(rig.store, "SELECT COUNT(*) FROM inquiries WHERE queue = 'home'") == (
        REACH + 3
    )


async def test_a_question_to_a_colleague_or_queue_that_is_no_more_ends(rig: Rig) -> None:
    before = floor_on(rig)
    for agent in ("ann", "bo"):
        await before.be(agent, Presence.BUSY)
    await wait(rig, "n1")
    await before.take("n1", "ann")
    for about in ({"colleague": "bo"}, {"queue": "cards"}, {"queue": "pay"}):
        await Consulting(before).ask("n1", "ann", "?", **about)
    await without_cards(before).look()
    ended = [(data["to"], data["why"]) for data in await rig.events("consult.closed")]
    assert ended == [("bo", "removed"), ("cards", "removed")]


# ---------------------------------------------------------------- who is offline


async def test_who_is_offline_takes_nothing_by_command(rig: Rig) -> None:
    floor = floor_on(rig)
    desk = rig.desk(here=floor.here, finished=floor.finished)
    calls = Callbacks(
        rig.store, Policy(), Reach("CN", frozenset({"CN"}), {}), "pay", apply, rig.clock, rig.ids,
        floor.finished, floor.here,
    )  # fmt: skip
    await wait(rig, "n1")
    takes: list[Any] = [
        lambda: calls.begin("n1", "ann"),
        lambda: desk.claim("n1", "ann"),
        lambda: desk.claim_next("pay", "ann"),
        lambda: desk.reply("n1", "ann", "hello"),
        lambda: desk.split("n1.in", "ann"),
    ]
    for said_so in (False, True):
        if said_so:
            await floor.be("ann", Presence.OFFLINE)
        for attempt in takes:
            with pytest.raises(NotAllowed, match="ann is offline; what they take would go"):
                await attempt()
    assert (await row(rig, "n1"))["state"] == "queued"
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 0


async def test_what_a_present_agent_claims_by_command_stays_and_is_a_sign_of_life(
    rig: Rig,
) -> None:
    floor = floor_on(rig)
    desk = rig.desk(here=floor.here, finished=floor.finished)
    await floor.be("ann", Presence.AWAY)
    await wait(rig, "n1")
    await wait(rig, "n2")
    rig.clock.advance(59.0)
    await desk.claim("n1", "ann")
    rig.clock.advance(59.0)
    await floor.look()
    assert (await row(rig, "n1"))["assigned_to"] == "ann"
    await desk.reply("n2", "ann", "hello")
    rig.clock.advance(59.0)
    await desk.resolve("n1", "ann")
    rig.clock.advance(59.0)
    await floor.look()
    assert await value(rig.store, "SELECT presence FROM agents WHERE id = 'ann'") == "away"


# ---------------------------------------------------------------- time to finish


async def test_after_resolving_there_is_time_to_finish_before_the_next_offer(rig: Rig) -> None:
    slow = Routing({"pay": Queueing(wrap_up_seconds=30.0)})
    floor = Floor(rig.store, slow, AGENTS, apply, rig.clock, rig.ids, DOMAIN, lease=60.0)
    await floor.be("ann", Presence.ONLINE)
    for name in ("n1", "n2"):
        await wait(rig, name)
    await floor.take("n1", "ann")
    await rig.meddle("DELETE FROM offers")
    await rig.meddle("UPDATE inquiries SET state = 'queued' WHERE state = 'offered'")
    await rig.desk(finished=floor.finished).resolve("n1", "ann", "done")
    assert (await row(rig, "n1"))["state"] == InquiryState.RESOLVED
    rig.clock.advance(29.0)
    assert await floor.look() == 0
    now = rig.clock.now()
    ann = await rig.store.read(lambda reader: Standing(reader, AGENTS, now).agent("ann"))
    assert ann is not None
    assert ann.presence is Presence.WRAP_UP
    rig.clock.advance(1.0)
    assert await floor.look() == 1
