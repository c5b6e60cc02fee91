"""Clocks follow what happens to an inquiry, in the transaction in which it happens; what time brings is
said and done once."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.console.health import HealthRoutes
from gateway.desk.floor import Floor
from gateway.domain.calendar import ALWAYS, Calendar
from gateway.domain.decision import Verb
from gateway.domain.model import DeliveryState, InquiryState, Note
from gateway.domain.plan import ChangeInquiry, Plan, SetTimer
from gateway.routing.core import Routing
from gateway.routing.model import STRICT, Agent, Presence
from gateway.routing.targets import Act, Kind, Step, Target
from gateway.store.apply import apply
from gateway.workers.clocking import SLA_TIMER, Clocking
from gateway.workers.timers import Timers
from tests.store.engines import one, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import QUEUES, Rig, decision

HOUR = 3600.0
RAISE = Step(0.8, Act.RAISE_PRIORITY, by=2)
MOVE = Step(1.0, Act.MOVE, "security")
TELL = Step(2.0, Act.TELL, "boss")


def first(hours: float = 1.0, *ladder: Step, **named: Any) -> Target:
    return Target(Kind.FIRST_RESPONSE, hours * HOUR, ladder=ladder, **named)


def clocked(rig: Rig, *targets: Target, **more: Any) -> Clocking:
    """Measure from now on, around the clock."""
    clocking = Clocking(apply, targets, {"demo": ALWAYS}, queues=QUEUES, **more)
    rig.write = clocking.apply
    rig.answerer.usual = decision(Verb.ROUTE, queue="payments")
    return clocking


def timers(rig: Rig, clocking: Clocking) -> Timers:
    return replace(rig.timers(), clocking=clocking)


async def clock(rig: Rig, kind: str = "first_response") -> dict[str, Any]:
    row = await one(rig.store, f"SELECT * FROM sla_clocks WHERE kind = '{kind}'")
    return {**row, "clock": json.loads(row["body"])["clock"]}


async def number(rig: Rig) -> str:
    return str(await value(rig.store, "SELECT number FROM inquiries"))


# ---------------------------------------------------------------- what happens


async def test_an_acknowledgement_meets_nothing_and_an_agents_reply_does(rig: Rig) -> None:
    clocked(rig, first())
    began = rig.clock.now()
    await rig.say("where is my money?")
    assert len(await select(rig.store, "SELECT * FROM messages WHERE direction = 'out'")) == 1
    assert (await clock(rig))["due"] == began + HOUR
    rig.clock.advance(600.0)
    await rig.desk().note(Note(await number(rig), "ann", "look into it"))
    assert (await clock(rig))["stopped"] is None
    await rig.desk().reply(await number(rig), "ann", "It is on its way.")
    found = await clock(rig)
    assert (found["state"], found["stopped"]) == ("met", began + 600.0)
    assert await select(rig.store, f"SELECT * FROM timers WHERE kind = '{SLA_TIMER}'") == []


async def test_an_automatic_answer_meets_the_first_response(rig: Rig) -> None:
    clocked(rig, first(), Target(Kind.RESOLUTION, 8 * HOUR))
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await rig.say("how do I top up?")
    assert (await clock(rig))["state"] == "met"
    assert (await clock(rig, "resolution"))["state"] == "paused"
    # Silence resolves it.
    rig.clock.advance(3600.0)
    assert await rig.timers().once() == 1
    assert (await clock(rig, "resolution"))["state"] == "met"


async def test_while_the_customer_is_asked_the_due_moment_shifts(rig: Rig) -> None:
    clocked(rig, first())
    began = rig.clock.now()
    rig.answerer.answers = {"hello": decision(Verb.ASK, "Which app?")}
    await rig.say("hello")
    assert (await clock(rig))["state"] == "paused"
    rig.clock.advance(5 * HOUR)
    await rig.say("the blue one")
    found = await clock(rig)
    assert (found["state"], found["due"]) == ("running", began + 6 * HOUR)
    timer = await one(rig.store, f"SELECT * FROM timers WHERE kind = '{SLA_TIMER}'")
    assert timer["due_at"] == began + 5.8 * HOUR


async def test_the_time_of_the_calendar_counts_and_no_other(rig: Rig) -> None:
    clocking = clocked(rig, first(4), first(4, queue="payments", calendar="queue"))  # type: ignore[arg-type]
    clocking = replace(
        clocking,
        brands={"demo": Calendar()},
        calendars={"payments": Calendar(hours=ALWAYS.hours)},
    )
    rig.write = clocking.apply
    # New Year 2026 08:00 in Shanghai, a Thursday, here without holidays.
    await rig.say("where is my money?")
    assert (await clock(rig))["due"] == rig.clock.now() + 4 * HOUR
    await put_with(rig, ChangeInquiry(await only(rig), 2, InquiryState.QUEUED, queue="general"))
    assert (await clock(rig))["due"] == rig.clock.now() + 5 * HOUR


async def only(rig: Rig) -> str:
    return str(await value(rig.store, "SELECT id FROM inquiries"))


async def put_with(rig: Rig, *ops: Any) -> None:
    plan, now = Plan("t", ops), rig.clock.now()
    await rig.store.write(lambda tx: rig.write(tx, plan, now))


async def test_a_later_message_starts_the_next_response_and_a_bounce_brings_the_resolution_back(
    rig: Rig,
) -> None:
    clocked(rig, first(), Target(Kind.NEXT_RESPONSE, 2 * HOUR), Target(Kind.RESOLUTION, 8 * HOUR))
    await rig.say("where is my money?")
    await rig.desk().reply(await number(rig), "ann", "It is on its way.")
    rig.clock.advance(HOUR)
    await rig.say("it has not come")
    assert (await clock(rig, "next_response"))["due"] == rig.clock.now() + 2 * HOUR
    message = await rig.desk().reply(await number(rig), "ann", "We look again.")
    assert (await clock(rig, "next_response"))["state"] == "met"
    assert (await clock(rig, "resolution"))["state"] == "paused"
    await rig.meddle(f"UPDATE messages SET external_id = 'x1' WHERE id = '{message}'")
    await rig.receipt("x1", DeliveryState.FAILED)
    await rig.drain()
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"
    assert (await clock(rig, "resolution"))["state"] == "running"


async def test_what_a_machine_sends_starts_nothing(rig: Rig) -> None:
    clocked(rig, first(), Target(Kind.NEXT_RESPONSE, HOUR))
    await rig.say("help", account="box", sender="li@example.org", subject="help")
    await rig.desk().reply(await number(rig), "ann", "Done.")
    machine = {"mail_class": "auto_reply", "class_reason": "Auto-Submitted"}
    await rig.say("I am away", account="box", sender="li@example.org", facts=machine)
    kinds = await select(rig.store, "SELECT kind FROM sla_clocks")
    assert [row["kind"] for row in kinds] == ["first_response"]


async def test_without_targets_nothing_is_kept(rig: Rig) -> None:
    clocked(rig)
    await rig.say("where is my money?")
    assert await select(rig.store, "SELECT * FROM sla_clocks") == []


async def test_a_calendar_that_never_opens_loses_no_message(rig: Rig) -> None:
    clocking = clocked(rig, first())
    closed = Calendar(hours=(), week=((),) * 7)
    rig.write = replace(clocking, brands={"demo": closed}).apply
    await rig.say("where is my money?")
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"
    (said,) = await rig.events("sla.failed")
    assert "not open" in said["why"]


async def test_a_merged_inquiry_hands_the_earlier_clock_on(rig: Rig) -> None:
    clocked(rig, first())
    await rig.say("one", sender="a")
    began = rig.clock.now()
    rig.clock.advance(600.0)
    await rig.say("two", sender="b")
    numbers = [
        row["number"] for row in await select(rig.store, "SELECT number FROM inquiries ORDER BY created_at")
    ]  # fmt: skip
    await rig.desk().merge_contacts("a", "b", "ann")
    await rig.desk().merge(numbers[1], numbers[0], "ann")
    assert (await clock(rig))["due"] == began + HOUR
    (timer,) = await select(rig.store, f"SELECT * FROM timers WHERE kind = '{SLA_TIMER}'")
    assert timer["subject"] == (await clock(rig))["inquiry_id"]


async def test_what_waited_before_there_were_targets_counts_from_its_next_change(rig: Rig) -> None:
    await put(rig.store, arrival(), moved())
    clocked(rig, first(), Target(Kind.RESOLUTION, 8 * HOUR))
    rig.clock.advance(HOUR)
    await rig.desk().claim("260101-000001", "ann")
    assert (await clock(rig))["due"] == rig.clock.now() + HOUR
    assert (await clock(rig, "resolution"))["due"] == rig.clock.now() + 8 * HOUR


# ---------------------------------------------------------------- what time brings


async def test_a_risk_and_a_breach_are_said_once(rig: Rig) -> None:
    clocking = clocked(rig, first())
    await rig.say("where is my money?")
    loop = timers(rig, clocking)
    seen = []
    for minutes in (47, 1, 1, 11, 1, 600):
        rig.clock.advance(60.0 * minutes)
        fired = await loop.once()
        said = await rig.events("sla.at_risk"), await rig.events("sla.breached")
        seen.append((fired, *map(len, said)))
    assert seen == [(0, 0, 0), (1, 1, 0), (0, 1, 0), (1, 1, 1), (0, 1, 1), (0, 1, 1)]
    (breach,) = await rig.events("sla.breached")
    assert (breach["target"], breach["queue"]) == ("first_response", "payments")
    assert await select(rig.store, "SELECT kind, state, queue, n FROM sla_told ORDER BY state") == [
        {"kind": "first_response", "state": state, "queue": "payments", "n": 1}
        for state in ("at_risk", "breached")
    ]
    # The reply comes too late; that is known already.
    await rig.desk().reply(await number(rig), "ann", "Sorry.")
    assert len(await rig.events("sla.breached")) == 1
    assert (await clock(rig))["state"] == "breached"


async def test_a_reply_that_comes_before_the_timer_and_after_the_due_moment_is_a_breach(
    rig: Rig,
) -> None:
    clocking = clocked(rig, first())
    await rig.say("where is my money?")
    rig.clock.advance(HOUR + 0.5)
    await rig.desk().reply(await number(rig), "ann", "Sorry.")
    assert len(await rig.events("sla.breached")) == 1
    assert await timers(rig, clocking).once() == 0


async def test_a_ladder_is_climbed_step_by_step_and_each_step_once(rig: Rig) -> None:
    clocking = clocked(rig, first(1, RAISE, MOVE, TELL))
    await rig.say("where is my money?")
    began = rig.clock.now()
    rig.clock.advance(0.8 * HOUR)
    # Whoever starts anew goes on with what is stored.
    assert await timers(rig, clocking).once() == 1
    row = await one(rig.store, "SELECT * FROM inquiries")
    assert (row["queue"], row["priority"], row["rank"]) == ("payments", 1, began + STRICT)
    rig.clock.advance(0.2 * HOUR)
    assert await timers(rig, clocking).once() == 1
    row = await one(rig.store, "SELECT * FROM inquiries")
    assert (row["queue"], row["lane"], row["state"]) == ("security", "security|1|", "queued")
    assert (row["waiting_since"], row["rank"]) == (began, began + STRICT)
    rig.clock.advance(HOUR)
    assert await timers(rig, clocking).once() == 1
    rig.clock.advance(100 * HOUR)
    assert await timers(rig, clocking).once() == 0
    steps = [(said["act"], said.get("to")) for said in await rig.events("sla.escalated")]
    assert steps == [("raise_priority", None), ("move", "security"), ("tell", "boss")]
    assert [line for line in rig.log.lines if "sla.escalated" in str(line)] != []
    assert len(await rig.events("sla.breached")) == 1


async def test_steps_that_fell_due_while_nothing_ran_are_taken_at_start(rig: Rig) -> None:
    clocking = clocked(rig, first(1, RAISE, MOVE, TELL))
    await rig.say("where is my money?")
    rig.clock.advance(50 * HOUR)
    loop = timers(rig, clocking)
    assert await loop.once() == 1
    assert await loop.once() == 0
    assert len(await rig.events("sla.escalated")) == 3
    row = await one(rig.store, "SELECT queue, priority, version FROM inquiries")
    assert (row["queue"], row["priority"]) == ("security", 1)


async def test_ten_loops_take_a_step_once(rig: Rig) -> None:
    clocking = clocked(rig, first(1, MOVE))
    await rig.say("where is my money?")
    rig.clock.advance(2 * HOUR)
    crowd = [timers(rig, clocking) for _ in range(10)]
    await asyncio.gather(*(loop.once() for loop in crowd))
    assert len(await rig.events("sla.escalated")) == 1
    assert sum(loop.counts[SLA_TIMER] for loop in crowd) == 1


async def test_a_unit_that_fails_leaves_the_step_to_the_next_try(rig: Rig) -> None:
    clocking = clocked(rig, first(1, MOVE))
    await rig.say("where is my money?")
    rig.clock.advance(2 * HOUR)

    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    broken = replace(timers(rig, clocking), apply=full)
    await broken.once()
    assert broken.counts["failed"] == 1
    assert await rig.events("sla.escalated") == []
    assert await rig.events("sla.breached") == []
    rig.clock.advance(HOUR)
    assert await timers(rig, clocking).once() == 1
    assert len(await rig.events("sla.escalated")) == 1


async def test_what_an_agent_has_is_not_moved_and_the_ladder_says_so(rig: Rig) -> None:
    clocking = clocked(rig, first(1, MOVE))
    await rig.say("where is my money?")
    await rig.desk().claim(await number(rig), "ann")
    rig.clock.advance(HOUR)
    assert await timers(rig, clocking).once() == 1
    row = await one(rig.store, "SELECT queue, state, assigned_to FROM inquiries")
    assert row == {"queue": "payments", "state": "assigned", "assigned_to": "ann"}
    (said,) = await rig.events("sla.escalated")
    assert said["why_not"] == "it is assigned with ann"


async def test_what_is_offered_is_moved_and_the_offer_ends(rig: Rig) -> None:
    clocking = clocked(rig, first(1, MOVE))
    agents = {
        "ann": Agent("ann", queues={"payments": 1}),
        "bo": Agent("bo", queues={"security": 1}),
    }
    floor = Floor(rig.store, Routing({}), agents, rig.write, rig.clock, rig.ids, lease=9 * HOUR)
    await rig.say("where is my money?")
    await floor.be("ann", Presence.ONLINE)
    offered = await number(rig)
    assert await floor.alive("ann") == [offered]
    rig.clock.advance(HOUR)
    assert await timers(rig, clocking).once() == 1
    assert await floor.alive("ann") == []
    await floor.be("bo", Presence.ONLINE)
    assert await floor.alive("bo") == [offered]


async def test_a_raised_priority_stays_when_the_inquiry_comes_back(rig: Rig) -> None:
    clocking = clocked(rig, first(1, RAISE))
    await rig.say("where is my money?")
    began = rig.clock.now()
    await rig.desk().claim(await number(rig), "ann")
    rig.clock.advance(HOUR)
    await timers(rig, clocking).once()
    version = await value(rig.store, "SELECT version FROM inquiries")
    await put_with(
        rig, ChangeInquiry(await only(rig), version, InquiryState.QUEUED, assigned_to="")
    )
    row = await one(rig.store, "SELECT priority, rank FROM inquiries")
    assert row == {"priority": 1, "rank": began + STRICT}


async def test_two_queues_that_hand_on_to_each_other_stop_after_one_turn(rig: Rig) -> None:
    back = Step(1.0, Act.MOVE, "payments")
    clocking = clocked(rig, first(1, MOVE, queue="payments"), first(1, back, queue="security"))
    await rig.say("where is my money?")
    rig.clock.advance(HOUR)
    loop = timers(rig, clocking)
    fired = [await loop.once() for _ in range(5)]
    assert fired == [1, 1, 0, 0, 0]
    assert [said["to"] for said in await rig.events("sla.escalated")] == ["security", "payments"]


async def test_a_target_that_is_taken_out_of_the_settings_ends_its_clocks(rig: Rig) -> None:
    clocked(rig, first(1, MOVE))
    await rig.say("where is my money?")
    rig.clock.advance(HOUR)
    assert await timers(rig, Clocking(apply)).once() == 1
    assert await select(rig.store, "SELECT * FROM sla_clocks") == []
    assert await rig.events("sla.breached") == []


async def test_a_timer_of_no_inquiry_passes(rig: Rig) -> None:
    await put(rig.store, Plan("t", (SetTimer(SLA_TIMER, "nobody", 0.0),)))
    assert await timers(rig, clocked(rig, first())).once() == 1


@pytest.mark.parametrize("verb", [Verb.ROUTE, Verb.ASK])
async def test_a_written_clock_reads_back_as_it_was(rig: Rig, verb: Verb) -> None:
    clocked(rig, first(1, RAISE, MOVE))
    rig.answerer.usual = decision(verb, "We have it.")
    await rig.say("hello")
    before = (await clock(rig))["body"]
    await rig.say("hello again")
    assert json.loads(before)["clock"]["started"] == (await clock(rig))["clock"]["started"]


async def test_the_figures_count_what_runs_and_what_was_missed(rig: Rig) -> None:
    clocking = clocked(rig, first(), Target(Kind.RESOLUTION, 8 * HOUR))
    await rig.say("where is my money?")
    loop = timers(rig, clocking)
    for minutes in (48, 12):
        rig.clock.advance(60.0 * minutes)
        await loop.once()
    routes = HealthRoutes(rig.store, SimpleNamespace(counts={}), SimpleNamespace(counts={}))  # type: ignore[arg-type]
    page = (await routes.metrics(None)).body.decode()  # type: ignore[arg-type, union-attr]
    assert 'gateway_sla{queue="payments",state="breached",target="first_response"} 1.0' in page
    assert 'gateway_sla{queue="payments",state="running",target="resolution"} 1.0' in page
    for told in ("at_risk", "breaches"):
        line = f'gateway_sla_{told}_total{{queue="payments",target="first_response"}} 1.0'
        assert line in page
