"""Callbacks on a database: each keeps the place of its inquiry, comes back by itself, and none is lost."""

import asyncio
from dataclasses import fields
from typing import Any

import pytest

from gateway.desk.asked import NumberRefused
from gateway.desk.callbacks import Callbacks
from gateway.desk.floor import Floor
from gateway.domain.errors import NotAllowed, NotFound, StoreError
from gateway.domain.model import InquiryState
from gateway.domain.store import Row, Tx
from gateway.routing.callbacks import Callback, Policy, State
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Lane, Presence, rank
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from gateway.workers.timers import Timers
from tests.store.engines import AnyStore, Engine, select, value
from tests.store.rows import arrival, moved, put
from tests.workers.rig import CLOSE_AFTER, Rig

AGENTS = {name: Agent(name, Presence.OFFLINE, {"general": 1}, {}, 2) for name in ("ann", "bo")}
NUMBER = "+8613800138000"
BODY = [part.name for part in fields(Callback)]
#: NEW_YEAR is midnight UTC: eight in the morning in China, where it is quiet until nine.
NINE, HOUR, DAY = 3600.0, 3600.0, 24 * 3600.0


def floor_on(rig: Rig, store: AnyStore | None = None) -> Floor:
    return Floor(
        store or rig.store, Routing({"general": Queueing()}), AGENTS, apply, rig.clock, rig.ids
    )


def callbacks_on(rig: Rig, store: AnyStore | None = None, **policy: Any) -> Callbacks:
    floor = floor_on(rig, store)
    return Callbacks(
        floor.store, Policy(**policy), Reach(), "general", apply, rig.clock, rig.ids,
        floor.finished,
    )  # fmt: skip


def timers_of(rig: Rig, calls: Callbacks) -> Timers:
    return Timers(rig.store, apply, rig.clock, rig.ids, rig.log, CLOSE_AFTER, callbacks=calls)


@pytest.fixture
def calls(rig: Rig) -> Callbacks:
    """By day: nine in the morning."""
    rig.clock.advance(NINE)
    return callbacks_on(rig)


async def wait(
    rig: Rig, name: str = "n1", *, space: str = "phone", sender: str = NUMBER, priority: int = 5
) -> None:
    """An inquiry in the queue."""
    await put(
        rig.store,
        arrival(name, sender=sender, number=name, space=space),
        moved(name, lane=Lane("general").key, handicap=rank(0.0, priority), priority=priority),
        now=rig.clock.now(),
    )


async def inquiry(rig: Rig, name: str = "n1") -> dict[str, Any]:
    (row,) = await select(
        rig.store,
        "SELECT state, queue, rank, waiting_since, assigned_to, routing FROM inquiries"
        f" WHERE number = '{name}'",
    )
    return row


async def one(rig: Rig, found: Callback) -> Callback:
    listed = await callbacks_on(rig).listed("every")
    (row,) = [row for row in listed if row["id"] == found.id]
    return Callback.of_json({name: row[name] for name in BODY})


async def timer_of(rig: Rig, found: Callback) -> float | None:
    sql = f"SELECT due_at FROM timers WHERE kind = 'callback' AND subject = '{found.id}'"
    rows = await select(rig.store, sql)
    return rows[0]["due_at"] if rows else None


# ---------------------------------------------------------------- asking


async def test_a_call_for_later_puts_the_inquiry_aside_and_brings_it_back_to_its_old_place(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    before = await inquiry(rig)
    rig.clock.advance(600)
    asked = await calls.request("n1", "ann", when="下午三点")
    assert (asked.state, asked.number) == (State.SCHEDULED, NUMBER)
    assert (asked.rank, asked.waiting_since) == (before["rank"], before["waiting_since"])
    assert (await inquiry(rig))["state"] == "snoozed"
    assert await timer_of(rig, asked) == asked.moment
    await wait(rig, "n2", sender="+8613800138001")

    timers = timers_of(rig, calls)
    rig.clock.advance(asked.moment - rig.clock.now() - 1)
    assert await timers.once() == 0
    rig.clock.advance(1)
    assert await timers.once() == 1
    after = await inquiry(rig)
    assert (after["state"], after["rank"], after["waiting_since"]) == (
        "queued", before["rank"], before["waiting_since"],
    )  # fmt: skip
    assert (await one(rig, asked)).state is State.DUE
    kinds = await rig.log_kinds()
    assert kinds[-2:] == ["callback.due", "inquiry.woken"]
    (woken,) = await rig.events("inquiry.woken")
    assert woken["callback"] == asked.id
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == ["n1", "n2"], "offered first, by its old place"


async def test_a_call_as_soon_as_may_be_is_due_at_once_and_stays_in_the_queue(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    before = await inquiry(rig)
    asked = await calls.request("n1", "ann")
    assert asked.state is State.DUE
    assert await inquiry(rig) == before
    (event,) = await rig.events("callback.requested")
    assert (event["callback"], event["by"], event["state"]) == (asked.id, "ann", "due")
    assert NUMBER not in str(event)


async def test_in_quiet_hours_it_is_put_off_until_they_end(rig: Rig) -> None:
    await wait(rig)
    asked = await callbacks_on(rig).request("n1", "ann")
    assert (asked.state, asked.moment) == (State.SCHEDULED, rig.clock.now() + HOUR)
    assert (await inquiry(rig))["state"] == "snoozed"


async def test_a_customer_who_writes_no_telephone_is_called_on_the_number_they_give(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig, space="email", sender="li@example.org")
    with pytest.raises(NotAllowed, match="from no telephone; say which number"):
        await calls.request("n1", "ann")
    assert (await calls.request("n1", "ann", number="138 0013 8000")).number == NUMBER


@pytest.mark.parametrize(
    ("number", "reason", "question"),
    [
        ("110", "too short", "请把电话号码连同国家或地区代码再写一遍"),
        ("13800138000, 13900139000", "several", "请只写一个"),
        ("+1 202 555 0123", "country", "请换一个"),
        ("010-62345678 转 5", "extension", "不用转分机"),
    ],
)
async def test_a_bad_number_is_refused_with_the_reason_and_what_to_ask(
    rig: Rig, calls: Callbacks, number: str, reason: str, question: str
) -> None:
    await wait(rig)
    with pytest.raises(NumberRefused, match=reason) as refused:
        await calls.request("n1", "ann", number=number)
    assert question in refused.value.question
    assert refused.value.question in str(refused.value)
    assert await calls.listed("every") == []
    assert await select(rig.store, "SELECT * FROM timers") == []


async def test_what_is_not_sure_is_refused(rig: Rig, calls: Callbacks) -> None:
    await wait(rig)
    with pytest.raises(NotAllowed, match="not sure what 'at 3' means"):
        await calls.request("n1", "ann", when="at 3")
    with pytest.raises(NotAllowed, match="quiet hours"):
        await calls.request("n1", "ann", when="22:30")
    with pytest.raises(NotAllowed, match="no time zone 'Mars'"):
        await calls.request("n1", "ann", zone="Mars")
    assert (await inquiry(rig))["state"] == "queued"


async def test_where_the_zone_is_not_known_a_person_asks_and_says_it(rig: Rig) -> None:
    rig.clock.advance(NINE)
    calls = callbacks_on(rig)
    far = Callbacks(
        rig.store, Policy(), Reach(countries=frozenset({"AU"})), "general", apply, rig.clock,
        rig.ids,
    )  # fmt: skip
    await wait(rig, sender="+61412345678")
    asked = await far.request("n1", "ann")
    assert (asked.state, asked.window) == (State.REQUESTED, None)
    assert (await inquiry(rig))["state"] == "queued", "somebody has to ask"
    with pytest.raises(NotAllowed, match="several time zones"):
        await far.request("n1", "ann", when="tomorrow 3pm")
    again = await far.request("n1", "ann", when="tomorrow 3pm", zone="Australia/Perth")
    assert (again.id, again.state) == (asked.id, State.SCHEDULED)
    assert (await inquiry(rig))["state"] == "snoozed"
    rows = await calls.listed()
    assert [row["inquiry"] for row in rows] == ["n1"]


async def test_asking_again_moves_the_time_of_the_one_that_stands(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    first = await calls.request("n1", "ann", when="15:00")
    again = await calls.request("n1", "ann", when="16:00")
    assert (again.id, again.moment) == (first.id, first.moment + HOUR)
    assert await timer_of(rig, first) == again.moment
    with pytest.raises(NotAllowed, match="to another number stands; cancel it first"):
        await calls.request("n1", "ann", number="13900139000")
    assert len(await calls.listed("every")) == 1


async def test_of_two_who_ask_at_once_one_is_kept(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    """At two stores as of two processes."""
    rig.clock.advance(NINE)
    await wait(rig)
    async with engine.plain() as other:
        await asyncio.gather(
            callbacks_on(rig, store).request("n1", "ann", when="15:00"),
            callbacks_on(rig, other).request("n1", "bo", when="16:00"),
        )
    (row,) = await callbacks_on(rig).listed("every")
    assert await timer_of(rig, Callback.of_json({k: row[k] for k in BODY})) == row["moment"]


async def test_an_inquiry_that_waited_for_nobody_begins_to_wait(rig: Rig, calls: Callbacks) -> None:
    await put(rig.store, arrival("n1", number="n1", sender=NUMBER, space="phone"))
    await put(rig.store, moved("n1", InquiryState.ANSWERED, queue=None))
    asked = await calls.request("n1", "ann", when="15:00")
    row = await inquiry(rig)
    assert (row["state"], row["queue"]) == ("snoozed", "general")
    assert row["waiting_since"] == asked.waiting_since == rig.clock.now()


async def test_of_an_agent_it_is_taken_until_then_and_they_are_remembered(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await floor.accept("n1", "ann")
    with pytest.raises(NotAllowed, match="is with ann"):
        await calls.request("n1", "bo", when="15:00")
    await calls.request("n1", "ann", when="15:00")
    row = await inquiry(rig)
    assert (row["state"], row["assigned_to"]) == ("snoozed", "")
    assert '"last_agent":"ann"' in row["routing"]
    await wait(rig, "n2", sender="+8613800138001")
    await floor.look()
    assert await floor.alive("ann") == ["n2"]


async def test_what_it_was_offered_to_somebody_ends_when_it_is_put_aside(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    assert await floor.alive("ann") == ["n1"]
    asked = await calls.request("n1", "bo", when="15:00")
    assert (await inquiry(rig))["state"] == "snoozed"
    assert await select(rig.store, "SELECT * FROM offers") == []
    with pytest.raises(NotAllowed):
        await floor.accept("n1", "ann")
    assert asked.state is State.SCHEDULED


async def test_a_closed_inquiry_gets_no_call(rig: Rig, calls: Callbacks) -> None:
    await put(rig.store, arrival("n1", number="n1", sender=NUMBER, space="phone"))
    await put(rig.store, moved("n1", InquiryState.CLOSED))
    with pytest.raises(NotAllowed, match="cannot queue an inquiry that is closed"):
        await calls.request("n1", "ann")


# ---------------------------------------------------------------- calling


async def test_who_dials_has_the_inquiry_and_what_it_led_to_is_kept(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann")
    dialled = await calls.begin("n1", "ann")
    assert (dialled.state, dialled.agent) == (State.DIALLING, "ann")
    assert await timer_of(rig, asked) == rig.clock.now() + Policy().ring
    assert (await inquiry(rig))["assigned_to"] == "ann"
    with pytest.raises(NotAllowed, match="is with ann"):
        await calls.begin(asked.id, "bo")
    with pytest.raises(NotAllowed, match="ann makes this call"):
        await calls.report(asked.id, "busy", "bo")
    await calls.report(asked.id, "answered", "ann")
    done = await calls.report(asked.id, "finished", "ann")
    assert (done.state, done.attempts[0].outcome) == (State.DONE, "answered")
    assert await timer_of(rig, asked) is None
    kinds = [kind for kind in await rig.log_kinds() if kind.startswith("callback")]
    assert kinds == [
        "callback.requested", "callback.dialling", "callback.talking", "callback.done",
    ]  # fmt: skip


async def test_nobody_answered_so_it_comes_back_after_the_pause_to_its_old_place(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    before = await inquiry(rig)
    await calls.request("n1", "ann")
    await calls.begin("n1", "ann")
    rig.clock.advance(40)
    again = await calls.report("n1", "no_answer", "ann")
    assert (again.state, again.moment) == (State.RETRY, rig.clock.now() + Policy().pause)
    row = await inquiry(rig)
    assert (row["state"], row["assigned_to"]) == ("snoozed", "")
    with pytest.raises(NotAllowed, match="is retry, not due"):
        await calls.begin("n1", "ann")
    rig.clock.advance(Policy().pause)
    assert await timers_of(rig, calls).once() == 1
    row = await inquiry(rig)
    assert (row["state"], row["rank"], row["waiting_since"]) == (
        "queued", before["rank"], before["waiting_since"],
    )  # fmt: skip


async def test_of_an_agent_who_is_gone_whoever_has_the_inquiry_tells_what_it_led_to(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    floor = floor_on(rig)
    await floor.be("ann", Presence.ONLINE)
    await calls.request("n1", "ann")
    await calls.begin("n1", "ann")
    await calls.report("n1", "answered", "ann")
    await floor.be("ann", Presence.OFFLINE)
    with pytest.raises(NotAllowed, match="ann makes this call"):
        await calls.report("n1", "finished", "bo")
    await floor.take("n1", "bo")
    assert (await calls.report("n1", "finished", "bo")).state is State.DONE


async def test_two_agents_never_ring_one_telephone_at_once(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    """At two stores as of two processes; on plain ones, since what runs twice cannot race."""
    rig.clock.advance(NINE)
    for name in ("n1", "n2"):
        await wait(rig, name, space="email", sender=f"{name}@example.org")
        await callbacks_on(rig).request(name, "ann", number=NUMBER)
    async with engine.plain() as other:
        outcomes = await asyncio.gather(
            callbacks_on(rig, store).begin("n1", "ann"),
            callbacks_on(rig, other).begin("n2", "bo"),
            return_exceptions=True,
        )
    assert sorted(isinstance(outcome, Callback) for outcome in outcomes) == [False, True]
    (lost,) = [outcome for outcome in outcomes if not isinstance(outcome, Callback)]
    assert isinstance(lost, NotAllowed)
    assert "is being called already" in str(lost)


# ---------------------------------------------------------------- what time does


async def test_a_try_of_a_process_that_died_is_counted_as_lost_and_repeated(rig: Rig) -> None:
    """Whoever runs the timers then finds everything in the database."""
    rig.clock.advance(NINE)
    await wait(rig)
    asked = await callbacks_on(rig).request("n1", "ann")
    await callbacks_on(rig).begin("n1", "ann")
    rig.clock.advance(Policy().ring)
    revived = timers_of(rig, callbacks_on(rig))
    assert await revived.once() == 1
    found = await one(rig, asked)
    assert (found.state, found.attempts[0].outcome) == (State.RETRY, "lost")
    assert await timer_of(rig, asked) == found.moment
    with pytest.raises(NotAllowed, match="cannot answer a callback that is retry"):
        await callbacks_on(rig).report(asked.id, "answered", "ann")


async def test_a_timer_that_dies_in_its_unit_fires_again_and_counts_once(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    rig.clock.advance(asked.moment - rig.clock.now())

    class Dying(Callbacks):
        def fire(self, tx: Tx, row: Row, event_id: str, now: float) -> None:
            super().fire(tx, row, event_id, now)
            raise StoreError("the process is gone")

    dying = Dying(rig.store, Policy(), Reach(), "general", apply, rig.clock, rig.ids)
    with pytest.raises(StoreError):
        await timers_of(rig, dying).once()
    assert (await one(rig, asked)).state is State.SCHEDULED
    assert await timer_of(rig, asked) == asked.moment
    crowd = [timers_of(rig, callbacks_on(rig)) for _ in range(5)]
    await asyncio.gather(*(timers.once() for timers in crowd))
    assert len(await rig.events("callback.due")) == 1
    assert (await inquiry(rig))["state"] == "queued"


async def test_missed_ones_stay_visible_until_somebody_takes_note(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    timers = timers_of(rig, calls)
    # Due, and nobody takes it; every look puts off the next, until the window is over.
    while (at := await timer_of(rig, asked)) is not None:
        rig.clock.advance(at - rig.clock.now())
        assert await timers.once() == 1
    assert (await one(rig, asked)).state is State.EXPIRED
    assert (await inquiry(rig))["state"] == "queued"
    assert await calls.listed("pending") == []
    (row,) = await calls.listed("missed")
    assert (row["id"], row["inquiry"], row["reason"]) == (asked.id, "n1", "window passed")

    rig.clock.advance(30 * DAY)
    assert len(await calls.listed("missed")) == 1, "no time makes it go away"
    await calls.see("n1", "bo")
    assert await calls.listed("missed") == []
    (event,) = await rig.events("callback.seen")
    assert event["by"] == "bo"
    with pytest.raises(NotAllowed, match="nothing was missed"):
        await calls.see(asked.id, "ann")


async def test_who_was_answered_in_writing_but_not_called_comes_back(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    before = await inquiry(rig)
    await calls.request("n1", "ann")
    version = await value(rig.store, "SELECT version FROM inquiries")
    await put(
        rig.store,
        moved("n1", InquiryState.WAITING_CUSTOMER, version=version, assigned_to="bo", queue=None),
    )
    rig.clock.advance(Policy().pause)
    assert await timers_of(rig, calls).once() == 1
    row = await inquiry(rig)
    assert (row["state"], row["assigned_to"]) == ("queued", "")
    assert (row["rank"], row["waiting_since"]) == (before["rank"], before["waiting_since"])


async def test_the_end_of_the_inquiry_ends_the_callback(rig: Rig, calls: Callbacks) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    await rig.desk().resolve("n1", "ann")
    rig.clock.advance(asked.moment - rig.clock.now())
    await timers_of(rig, calls).once()
    found = await one(rig, asked)
    assert (found.state, found.reason) == (State.CANCELLED, "the inquiry is closed")
    assert (await inquiry(rig))["state"] != "queued"


async def test_a_callback_follows_its_inquiry_into_another(rig: Rig, calls: Callbacks) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    await put(rig.store, arrival("n2", number="n2", sender="+8613800138001", space="phone"))
    await put(rig.store, moved("n2", InquiryState.ANSWERED))
    await rig.meddle("UPDATE inquiries SET contact_id = 'n1.c'")
    await rig.desk().merge("n2", "n1", "ann")
    rig.clock.advance(asked.moment - rig.clock.now())
    await timers_of(rig, calls).once()
    assert (await one(rig, asked)).state is State.DUE
    assert (await inquiry(rig, "n2"))["state"] == "queued"
    await calls.begin(asked.id, "ann")
    assert (await inquiry(rig, "n2"))["assigned_to"] == "ann"


# ---------------------------------------------------------------- cancelling


async def test_cancelling_brings_the_inquiry_back_and_ends_the_timer(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann", when="15:00")
    gone = await calls.cancel("n1", "ann", "customer wrote instead")
    assert (gone.id, gone.state, gone.reason) == (
        asked.id, State.CANCELLED, "customer wrote instead",
    )  # fmt: skip
    assert await timer_of(rig, asked) is None
    assert (await inquiry(rig))["state"] == "queued"
    assert (await calls.request("n1", "ann")).id != asked.id


async def test_one_that_is_over_or_under_way_cannot_be_cancelled(
    rig: Rig, calls: Callbacks
) -> None:
    await wait(rig)
    asked = await calls.request("n1", "ann")
    await calls.begin("n1", "ann")
    with pytest.raises(NotAllowed, match=r"cannot cancel a callback that is dialling; allowed: "):
        await calls.cancel(asked.id, "ann")
    await calls.report(asked.id, "wrong_number", "ann")
    with pytest.raises(NotAllowed, match="that is failed; allowed: nothing"):
        await calls.cancel(asked.id, "ann")
    with pytest.raises(NotFound, match="no callback 'nothing'"):
        await calls.cancel("nothing", "ann")
