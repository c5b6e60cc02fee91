"""Timers fire once, with their effect in the same unit of work, late ones at start."""

import asyncio

import pytest

from gateway.domain.model import InquiryState
from gateway.domain.plan import CancelTimer, Plan, SetTimer
from gateway.testing.clock import NEW_YEAR
from gateway.workers.timers import AGAIN
from tests.store.engines import select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import CLOSE_AFTER, Rig


def closing(due_at: float = NEW_YEAR) -> Plan:
    return Plan("t", (SetTimer("close", "ev1.q", due_at),))


async def state(rig: Rig) -> str:
    return str(await value(rig.store, "SELECT state FROM inquiries"))


async def test_silence_resolves_an_answered_inquiry_and_then_closes_it(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED), closing(NEW_YEAR + 60))
    timers = rig.timers()
    assert await timers.once() == 0
    rig.clock.advance(60)
    assert await timers.once() == 1
    assert await state(rig) == "resolved"
    (timer,) = await select(rig.store, "SELECT due_at FROM timers")
    assert timer["due_at"] == rig.clock.now() + CLOSE_AFTER
    rig.clock.advance(CLOSE_AFTER)
    assert await timers.once() == 1
    assert await state(rig) == "closed"
    assert await select(rig.store, "SELECT * FROM timers") == []
    assert (await rig.log_kinds())[1:] == ["inquiry.resolved", "inquiry.closed"]
    assert timers.counts["close"] == 2


@pytest.mark.parametrize(
    "present", [InquiryState.QUEUED, InquiryState.ASSIGNED, InquiryState.WAITING_CUSTOMER]
)
async def test_where_people_are_at_work_it_passes_without_effect(
    rig: Rig, present: InquiryState
) -> None:
    await put(rig.store, arrival(), moved(state=present), closing())
    assert await rig.timers().once() == 1
    assert await state(rig) == present.value
    assert await select(rig.store, "SELECT * FROM timers") == []


async def test_a_timer_of_nothing_is_taken_away(rig: Rig) -> None:
    await put(rig.store, Plan("t", (SetTimer("close", "no such inquiry", 0.0),)))
    assert await rig.timers().once() == 1
    assert await select(rig.store, "SELECT * FROM timers") == []


async def test_a_cancelled_and_a_moved_timer_do_not_fire(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED), closing())
    timers = rig.timers()
    due = await rig.store.read(lambda r: r.all("timers.due", now=NEW_YEAR, n=9))
    await put(rig.store, closing(NEW_YEAR + 500))
    await timers._fire(due[0], NEW_YEAR)
    assert await state(rig) == "answered", "it was moved between the look and the firing"
    await put(rig.store, Plan("c", (CancelTimer("close", "ev1.q"),)))
    rig.clock.advance(1000)
    assert await timers.once() == 0
    assert timers.counts["close"] == 0


async def test_ten_loops_fire_it_once(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED), closing())
    crowd = [rig.timers() for _ in range(10)]
    await asyncio.gather(*(timers.once() for timers in crowd))
    assert sum(timers.counts["close"] for timers in crowd) == 1
    assert await value(rig.store, "SELECT version FROM inquiries") == 3


async def test_the_loop_fires_what_is_overdue_at_start_and_what_is_set_while_it_waits(
    rig: Rig,
) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED), closing(NEW_YEAR - 9000))
    timers = rig.timers()
    running = asyncio.create_task(timers.run())
    await rig.store.until("SELECT state FROM inquiries", "resolved")
    await put(rig.store, closing())
    timers.changed.set()
    await rig.store.until("SELECT state FROM inquiries", "closed")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_timer_of_another_release_is_kept_for_it_and_holds_up_nobody(rig: Rig) -> None:
    unknown = Plan("t", (SetTimer("unheard of", "x", NEW_YEAR - 5, {"a": 1}),))
    await put(rig.store, arrival(), moved(state=InquiryState.ANSWERED), unknown, closing())
    timers = rig.timers()
    await timers.once()
    assert await state(rig) == "resolved"
    rows = await select(rig.store, "SELECT due_at, payload FROM timers WHERE kind = 'unheard of'")
    assert rows == [{"due_at": NEW_YEAR + AGAIN, "payload": '{"a":1}'}]
    assert timers.counts["failed"] == 1
    assert any("unheard of" in line for line in rig.log.lines)
