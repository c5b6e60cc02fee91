"""Clocks start when a customer's message was received, however late and however often it is taken up."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.calendar import ALWAYS, Calendar
from gateway.domain.decision import Verb
from gateway.routing.targets import Act, Kind, Step, Target
from gateway.store.apply import apply
from gateway.workers.clocking import Clocking
from gateway.workers.timers import Timers
from tests.store.engines import one, select, value
from tests.workers.rig import QUEUES, Rig, decision

HOUR = 3600.0


def clocked(rig: Rig, *targets: Target) -> Clocking:
    """Measure from now on, around the clock."""
    clocking = Clocking(apply, targets, {"demo": ALWAYS}, queues=QUEUES)
    rig.write = clocking.apply
    rig.answerer.usual = decision(Verb.ROUTE, queue="payments")
    return clocking


def first(hours: float, *ladder: Step) -> Target:
    return Target(Kind.FIRST_RESPONSE, hours * HOUR, ladder=ladder)


def timers(rig: Rig, clocking: Clocking) -> Timers:
    return replace(rig.timers(), clocking=clocking)


async def clock(rig: Rig, kind: Kind = Kind.FIRST_RESPONSE) -> dict[str, Any]:
    row = await one(rig.store, f"SELECT * FROM sla_clocks WHERE kind = '{kind}'")
    return {**row, **json.loads(row["body"])["clock"]}


async def number(rig: Rig) -> str:
    return str(await value(rig.store, "SELECT number FROM inquiries"))


async def test_a_message_that_lay_waiting_is_measured_from_its_receipt(rig: Rig) -> None:
    clocked(rig, first(4), Target(Kind.RESOLUTION, 8 * HOUR))
    received = rig.clock.now()
    await rig.message("where is my money?")
    rig.clock.advance(3 * HOUR)  # nothing ran
    await rig.drain()
    found = await clock(rig)
    assert (found["started"], found["due"]) == (received, received + 4 * HOUR)
    assert (await clock(rig, Kind.RESOLUTION))["due"] == received + 8 * HOUR
    message = await one(rig.store, "SELECT at FROM messages WHERE direction = 'in'")
    assert message["at"] == received
    timer = await one(rig.store, "SELECT due_at FROM timers WHERE kind = 'sla'")
    assert timer["due_at"] == received + 0.8 * 4 * HOUR


async def test_what_ran_out_before_it_was_taken_up_is_a_breach_and_climbs_its_ladder(
    rig: Rig,
) -> None:
    clocking = clocked(rig, first(1, Step(1.0, Act.MOVE, "security")))
    await rig.message("where is my money?")
    rig.clock.advance(2 * HOUR)
    await rig.drain()
    (breach,) = await rig.events("sla.breached")
    assert breach["due"] == rig.clock.now() - HOUR
    assert await timers(rig, clocking).once() == 1
    assert await value(rig.store, "SELECT queue FROM inquiries") == "security"
    assert len(await rig.events("sla.breached")) == 1


async def test_one_that_is_replayed_from_quarantine_is_as_old_as_it_is(rig: Rig) -> None:
    clocked(rig, first(4))
    received = rig.clock.now()
    rig.answerer.answers["where?"] = RuntimeError("a fault of this release")
    await rig.message("where?")
    await rig.drain(rig.pipeline(attempts=1))
    assert await value(rig.store, "SELECT state FROM raw_events") == "quarantined"
    rig.clock.advance(2 * HOUR)
    del rig.answerer.answers["where?"]
    event = str(await value(rig.store, "SELECT id FROM raw_events"))
    await rig.work(lambda tx: tx.run("intake.revive_as", id=event, fresh="again"))
    await rig.drain()
    assert (await clock(rig))["started"] == received


async def test_an_answer_counts_when_it_is_given(rig: Rig) -> None:
    clocked(rig, first(4))
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    received = rig.clock.now()
    await rig.message("how do I top up?")
    rig.clock.advance(3 * HOUR)
    await rig.drain()
    found = await clock(rig)
    assert (found["state"], found["started"], found["stopped"]) == (
        "met", received, received + 3 * HOUR,
    )  # fmt: skip
    assert found["spent"] == pytest.approx(3 * HOUR)


async def test_what_paused_goes_on_from_the_receipt(rig: Rig) -> None:
    clocked(rig, first(4))
    began = rig.clock.now()
    rig.answerer.answers = {"hello": decision(Verb.ASK, "Which app?")}
    await rig.say("hello")
    rig.clock.advance(5 * HOUR)
    await rig.message("the blue one")
    rig.clock.advance(HOUR)
    await rig.drain()
    assert (await clock(rig))["due"] == began + 9 * HOUR, (
        "the five hours pause it, the sixth counts"
    )


async def test_a_reply_that_crossed_the_message_counts_no_time_twice(rig: Rig) -> None:
    clocked(rig, Target(Kind.NEXT_RESPONSE, 4 * HOUR), Target(Kind.RESOLUTION, 8 * HOUR))
    began = rig.clock.now()
    await rig.say("where is my money?")
    rig.clock.advance(HOUR)
    await rig.message("and the fee?")
    rig.clock.advance(HOUR)
    await rig.desk().reply(await number(rig), "ann", "It is on its way.")
    rig.clock.advance(HOUR)
    await rig.drain()
    again = await clock(rig, Kind.NEXT_RESPONSE)
    assert (again["started"], again["due"]) == (began + HOUR, began + 5 * HOUR)
    resolution = await clock(rig, Kind.RESOLUTION)
    assert (resolution["since"], resolution["due"]) == (began + 2 * HOUR, began + 8 * HOUR)


async def test_two_that_came_together_and_were_both_answered_too_late_are_both_said(
    rig: Rig,
) -> None:
    """Their clocks begin at the same moment; their events are two."""
    clocked(rig, Target(Kind.NEXT_RESPONSE, HOUR))
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    for text in ("how do I top up?", "and how do I withdraw?"):
        await rig.message(text)
    rig.clock.advance(2 * HOUR)
    await rig.drain()
    assert len(await rig.events("sla.breached")) == 2
    assert [row["state"] for row in await select(rig.store, "SELECT state FROM raw_events")] == [
        "done", "done",
    ]  # fmt: skip


async def test_the_clock_of_another_machine_that_is_ahead_starts_nothing_in_the_future(
    rig: Rig,
) -> None:
    clocked(rig, first(4))
    await rig.message("where is my money?")
    await rig.meddle("UPDATE raw_events SET received_at = received_at + 600")
    await rig.drain()
    assert (await clock(rig))["started"] == rig.clock.now()


async def test_a_message_that_is_split_off_has_waited_since_it_came(rig: Rig) -> None:
    clocked(rig, first(4))
    began = rig.clock.now()
    await rig.say("where is my money?")
    rig.clock.advance(HOUR)
    event = await rig.say("and please close my other account")
    rig.clock.advance(HOUR)
    split = await rig.desk().split(f"{event}.in", "ann")
    rows = await select(
        rig.store,
        "SELECT i.number, c.body FROM sla_clocks c JOIN inquiries i ON i.id = c.inquiry_id",
    )
    started = {row["number"]: json.loads(row["body"])["clock"]["started"] for row in rows}
    assert started.pop(split) == began + HOUR
    assert [*started.values()] == [began]


async def test_a_calendar_that_closes_for_good_ends_the_timer_and_says_so(rig: Rig) -> None:
    clocking = clocked(rig, first(1))
    await rig.say("where is my money?")
    shut = Calendar(hours=(), week=((),) * 7)
    rig.clock.advance(HOUR)
    changed = replace(clocking, targets=(first(2),), brands={"demo": shut})
    loop = timers(rig, changed)
    assert await loop.once() == 1
    (said,) = await rig.events("sla.failed")
    assert "not open" in said["why"]
    assert loop.counts["failed"] == 0
    assert await select(rig.store, "SELECT * FROM timers WHERE kind = 'sla'") == []
