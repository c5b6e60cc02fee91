"""Queues that call the customer first: nobody is offered the inquiry before the customer is there."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.console.health import HealthRoutes
from gateway.desk.callbacks import Callbacks
from gateway.domain.errors import NotAllowed
from gateway.domain.model import InquiryState
from gateway.domain.plan import ChangeInquiry, Plan
from gateway.routing.callbacks import Policy, State
from gateway.routing.model import Presence
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from tests.desk.test_callbacks import HOUR, NINE, NUMBER, floor_on, inquiry, one, timers_of, wait
from tests.store.engines import AnyStore, Engine, select
from tests.workers.rig import Rig


def first_the_customer(rig: Rig, store: AnyStore | None = None) -> Callbacks:
    return Callbacks(
        store or rig.store, Policy(), Reach(), "general", apply, rig.clock, rig.ids,
        modes={"general": "customer_first", "other": "agent_first"},
    )  # fmt: skip


@pytest.fixture
def calls(rig: Rig) -> Callbacks:
    """By day: nine in the morning."""
    rig.clock.advance(NINE)
    return first_the_customer(rig)


async def to_dial(calls: Callbacks) -> list[str]:
    return [row["inquiry"] for row in await calls.listed("to_dial")]


async def move(rig: Rig, queue: str) -> None:
    (row,) = await select(rig.store, "SELECT id, version, state FROM inquiries")
    op = ChangeInquiry(row["id"], row["version"], InquiryState(row["state"]), queue=queue)
    await rig.work(lambda tx: apply(tx, Plan("move", (op,)), rig.clock.now()))


async def test_what_is_due_is_to_be_dialled_and_offered_to_nobody(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    floor = floor_on(rig)
    asked = await calls.request("n1", "ann")
    assert (asked.state, asked.mode) == (State.DUE, "customer_first")
    assert (await inquiry(rig))["state"] == "snoozed"
    assert await to_dial(calls) == ["n1"]
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == []


async def test_the_customer_answers_and_the_agent_who_comes_has_it(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    await calls.request("n1", "ann")
    rung = await calls.begin("n1", "")
    assert (rung.state, rung.agent, rung.attempts[0].agent) == (State.DIALLING, "", "")
    assert (await inquiry(rig))["assigned_to"] == ""
    assert await to_dial(calls) == []
    talks = await calls.report("n1", "answered", "bo")
    assert (talks.state, talks.agent) == (State.TALKING, "bo")
    row = await inquiry(rig)
    assert (row["state"], row["assigned_to"]) == ("assigned", "bo")
    done = await calls.report("n1", "finished", "bo")
    assert (done.state, done.attempts[0].agent) == (State.DONE, "bo")
    assert (await inquiry(rig))["assigned_to"] == "bo"


async def test_a_customer_who_answers_before_there_is_an_agent_is_offered_at_the_old_place(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    before = await inquiry(rig)
    rig.clock.advance(60)
    await wait(rig, "n2", sender="+8613800138001")
    await calls.request("n1", "ann")
    await calls.begin("n1", "")
    assert (await calls.report("n1", "answered", "")).state is State.TALKING
    row = await inquiry(rig)
    assert (row["state"], row["rank"]) == ("queued", before["rank"])
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == ["n1", "n2"]
    again = await calls.report("n1", "dropped", "")
    assert again.state is State.RETRY
    assert (await inquiry(rig))["state"] == "snoozed"


async def test_who_does_not_answer_is_called_again_without_an_agent_having_waited(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    await calls.request("n1", "ann")
    await calls.begin("n1", "")
    again = await calls.report("n1", "no_answer", "")
    assert (await inquiry(rig))["state"] == "snoozed"
    assert await to_dial(calls) == []
    rig.clock.advance(again.moment - rig.clock.now())
    assert await timers_of(rig, calls).once() == 1
    assert (await inquiry(rig))["state"] == "snoozed"
    assert await to_dial(calls) == ["n1"]


async def test_the_queue_that_it_is_in_then_decides(rig: Rig, calls: Callbacks) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    await move(rig, "other")
    rig.clock.advance(asked.moment - rig.clock.now())
    assert await timers_of(rig, calls).once() == 1
    assert (await one(rig, asked)).mode == "agent_first"
    assert (await inquiry(rig))["state"] == "queued"
    assert await to_dial(calls) == []


async def test_an_agent_who_has_it_is_there_already_and_calls(rig: Rig, calls: Callbacks) -> None:
    await wait(rig)
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await floor.accept("n1", "ann")
    asked = await calls.request("n1", "ann")
    assert (asked.mode, (await inquiry(rig))["assigned_to"]) == ("agent_first", "ann")
    with pytest.raises(NotAllowed, match="is with ann"):
        await calls.begin("n1", "")
    assert (await calls.begin("n1", "ann")).agent == "ann"


async def test_of_those_to_be_dialled_the_one_that_waits_longest_is_first_and_each_number_once(
    rig: Rig, calls: Callbacks
) -> None:
    for name in ("n1", "n2", "n3"):
        await wait(rig, name, space="email", sender=f"{name}@example.org")
        rig.clock.advance(60)
    for name, number in (("n3", NUMBER), ("n2", "+8613800138001"), ("n1", NUMBER)):
        await calls.request(name, "ann", number=number)
    assert await to_dial(calls) == ["n1", "n2"]
    assert len(await calls.listed("to_dial", 1)) == 1
    await calls.begin("n1", "")
    assert await to_dial(calls) == ["n2"], "that telephone rings"
    rig.clock.advance(Policy().ring)
    assert await timers_of(rig, calls).once() == 1, "nobody told of it: lost"
    assert await to_dial(calls) == ["n2", "n3"]


async def test_nobody_is_dialled_in_the_quiet_hours(rig: Rig, calls: Callbacks) -> None:
    rig.clock.advance(HOUR)
    await wait(rig)
    await calls.request("n1", "ann")
    rig.clock.advance(13 * HOUR)
    assert await to_dial(calls) == []
    with pytest.raises(NotAllowed, match="is scheduled, not due"):
        await calls.begin("n1", "")


async def test_of_two_machines_that_dial_at_once_one_does(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    rig.clock.advance(NINE)
    await wait(rig)
    await first_the_customer(rig).request("n1", "ann")
    async with engine.plain() as other:
        outcomes = await asyncio.gather(
            first_the_customer(rig, store).begin("n1", ""),
            first_the_customer(rig, other).begin("n1", ""),
            return_exceptions=True,
        )
    (lost,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(lost, NotAllowed)
    assert "is dialling, not due" in str(lost)
    (row,) = await first_the_customer(rig).listed()
    assert len(row["attempts"]) == 1


# ---------------------------------------------------------------- figures


async def test_the_figures_count_what_stands_and_what_was_missed_by_queue_and_why(
    rig: Rig, calls: Callbacks
) -> None:
    for name in ("n1", "n2", "n3"):
        await wait(rig, name, space="email", sender=f"{name}@example.org")
        await calls.request(name, "ann", number=NUMBER)
    timers = timers_of(rig, calls)
    for _ in range(Policy().attempts):
        await calls.begin("n1", "")
        row = await calls.report("n1", "no_answer", "")
        rig.clock.advance(max(0.0, row.moment - rig.clock.now()))
        await timers.once()
    await calls.begin("n2", "")
    await calls.report("n2", "wrong_number", "")
    await calls.see("n2", "ann")
    page = await figures(rig)
    assert 'gateway_callbacks{state="due"} 1.0' in page
    assert 'gateway_callbacks{state="missed"} 1.0' in page, "of one somebody took note"
    for reason in ("attempts", "number"):
        line = f'gateway_callbacks_missed_total{{queue="general",reason="{reason}"}} 1.0'
        assert line in page
    rig.clock.advance(30 * HOUR)
    while await timers.once():
        pass
    page = await figures(rig)
    assert 'gateway_callbacks_missed_total{queue="general",reason="window"} 1.0' in page
    assert 'state="due"' not in page


async def figures(rig: Rig) -> str:
    still = SimpleNamespace(counts={})
    routes = HealthRoutes(rig.store, still, still)  # type: ignore[arg-type]
    response: Any = await routes.metrics(None)  # type: ignore[arg-type]
    return str(response.body.decode())
