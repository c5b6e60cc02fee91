"""Edges of delivery: a clock that jumps, a database that refuses, tries that never end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.delivery import deliver
from gateway.delivery.deliver import LEASE_SECONDS
from gateway.domain.errors import Failure, StoreError
from gateway.domain.plan import FlagHandle, Plan
from tests.delivery.scripted import Gate, Listable, Scripted, fails
from tests.store.engines import value
from tests.store.rows import arrival, outgoing, put
from tests.workers.rig import Rig

STATE = "SELECT state FROM outbox"


async def stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("kind", [Scripted, Listable])
async def test_a_clock_that_jumps_takes_no_row_from_a_send_under_way(
    rig: Rig, kind: Callable[..., Any]
) -> None:
    """After a machine slept, every lease has run out, and the send goes on where it was."""
    gate = Gate()
    channel = kind(gate)
    await put(rig.store, arrival(), outgoing())
    delivery = rig.delivery({"app": channel}, settle=0.0)
    running = asyncio.create_task(delivery.run())
    await gate.entered.wait()
    rig.clock.advance(2 * LEASE_SECONDS)
    await delivery.recover(alone=False)
    assert await value(rig.store, STATE) == "begun"
    gate.release.set()
    await rig.store.until(STATE, "sent")
    await stop(running)
    assert len(channel.given) == 1


async def test_what_was_sent_is_recorded_when_the_database_answers_again(rig: Rig) -> None:
    """A command line that holds the lock for long is no reason to forget a transmission."""
    channel = Scripted()
    await put(rig.store, arrival(), outgoing())
    delivery = rig.delivery({"app": channel})
    (row,) = await delivery._lease("app", 1)
    write, refused = rig.store.write, 0

    async def busy(work: Any) -> Any:
        nonlocal refused
        if "_record" in work.__qualname__ and refused < 3:
            refused += 1
            raise StoreError("OperationalError: database is locked")
        return await write(work)

    rig.store.write = busy  # type: ignore[method-assign]
    await delivery._deliver(row, channel)
    assert refused == 3
    assert await value(rig.store, STATE) == "sent"


async def test_a_record_that_can_never_be_written_ends_as_a_case_for_a_person(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "RECORD_TRIES", 3)
    channel = Scripted()
    await put(rig.store, arrival(), outgoing())
    delivery = rig.delivery({"app": channel}, poll=0.0)
    (row,) = await delivery._lease("app", 1)
    write = rig.store.write

    async def refusing(work: Any) -> Any:
        if "_record" in work.__qualname__:
            raise StoreError("not in this database")
        return await write(work)

    rig.store.write = refusing  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await delivery._deliver(row, channel)
    rig.clock.advance(LEASE_SECONDS)
    await delivery.recover(alone=False)
    assert await value(rig.store, STATE) == "parked"


async def test_an_outcome_that_stays_unknown_is_parked_even_where_repeats_are_safe(
    rig: Rig,
) -> None:
    channel = Scripted(*[fails(Failure.UNKNOWN)] * 9, send_safety="key")
    await put(rig.store, arrival(), outgoing())
    delivery = rig.delivery({"app": channel}, attempts=3)
    running = asyncio.create_task(delivery.run())
    for tries in (1, 2):
        await rig.store.until(f"SELECT state = 'ready' AND attempts = {tries} FROM outbox", 1)
        rig.clock.advance(60)
    await rig.store.until(STATE, "parked")
    await stop(running)
    assert len(channel.given) == 3
    assert delivery.counts["app", "parked"] == 1


async def test_what_the_provider_never_has_is_parked_in_the_end(rig: Rig) -> None:
    channel = Listable(*[fails(Failure.UNKNOWN)] * 9)
    await put(rig.store, arrival(), outgoing())
    running = asyncio.create_task(rig.delivery({"app": channel}, settle=0.0, attempts=3).run())
    await rig.store.until(STATE, "parked")
    await stop(running)
    assert len(channel.given) == 3


@pytest.mark.parametrize(
    ("flags", "stands"),
    [
        (["opted_out", "bounced"], "opted_out"),
        (["opted_out", "failed"], "opted_out"),
        (["opted_out", ""], ""),
        (["bounced", "opted_out"], "opted_out"),
    ],
)
async def test_a_bounce_planned_beside_an_opt_out_does_not_undo_it(
    rig: Rig, flags: list[str], stands: str
) -> None:
    await put(rig.store, arrival())
    for number, flag in enumerate(flags):
        await put(rig.store, Plan(f"f{number}", (FlagHandle("ev1.h", flag),)))
    assert await value(rig.store, "SELECT flag FROM handles") == stands
