"""What a dead process left is settled by what it had reached."""

import asyncio
from typing import Any

import pytest

from gateway.delivery import outbox
from gateway.delivery.deliver import LEASE_SECONDS
from gateway.testing.clock import NEW_YEAR
from tests.delivery.at_work import STATE, row, waiting
from tests.delivery.scripted import Gate, Listable, Scripted
from tests.store.engines import value
from tests.workers.rig import Rig


async def left_behind(rig: Rig, owner: str, *, begun: bool) -> None:
    """A row as a process leaves it that dies in the middle."""
    dead = rig.delivery({}, owner=owner)
    (found,) = await dead._lease("app", 1)
    if begun:
        await rig.work(lambda tx: outbox.begun(tx, found, NEW_YEAR, NEW_YEAR + LEASE_SECONDS))


@pytest.mark.parametrize(
    ("channel", "begun", "state"),
    [
        (Scripted, False, "ready"),
        (Scripted, True, "parked"),
        (lambda: Scripted(send_safety="key"), True, "ready"),
        (Listable, True, "unknown"),
        (lambda: Scripted(send_safety="listable"), True, "parked"),
    ],
)
async def test_at_the_start_what_a_dead_process_left_is_settled(
    rig: Rig, channel: Any, begun: bool, state: str
) -> None:
    await waiting(rig)
    await left_behind(rig, "dead", begun=begun)
    delivery = rig.delivery({"app": channel()}, owner="alive")
    await delivery.recover(alone=True)
    found = await row(rig)
    assert (found["state"], found["owner"]) == (state, "")


async def test_our_own_rows_are_no_dead_processes(rig: Rig) -> None:
    await waiting(rig)
    await left_behind(rig, "alive", begun=True)
    await rig.delivery({"app": Scripted()}, owner="alive").recover(alone=True)
    assert await value(rig.store, STATE) == "begun"


async def test_beside_other_processes_only_leases_that_ran_out_are_taken(rig: Rig) -> None:
    await waiting(rig)
    await left_behind(rig, "elsewhere", begun=False)
    delivery = rig.delivery({"app": Scripted()})
    await delivery.recover(alone=False)
    assert await value(rig.store, STATE) == "leased"
    rig.clock.advance(LEASE_SECONDS)
    await delivery.recover(alone=False)
    assert await value(rig.store, STATE) == "ready"


async def test_a_row_of_an_account_that_is_gone_is_parked(rig: Rig) -> None:
    await waiting(rig)
    await left_behind(rig, "dead", begun=True)
    await rig.delivery({}).recover(alone=True)
    assert await value(rig.store, STATE) == "parked"


async def test_a_lease_that_was_lost_lets_nothing_out(rig: Rig) -> None:
    await waiting(rig)
    channel = Scripted()
    delivery = rig.delivery({"app": channel})
    (found,) = await delivery._lease("app", 1)
    await rig.meddle("UPDATE outbox SET owner = 'another'")
    await delivery._deliver(found, channel)
    assert channel.given == []
    assert (await row(rig))["owner"] == "another"


async def test_stopping_lets_a_send_under_way_come_to_its_record(rig: Rig) -> None:
    gate = Gate()
    await waiting(rig)
    delivery = rig.delivery({"app": Scripted(gate)})
    running = asyncio.create_task(delivery.run())
    await gate.entered.wait()
    running.cancel()
    await asyncio.sleep(0)
    gate.release.set()
    await asyncio.wait([running])
    assert await value(rig.store, STATE) == "sent"
