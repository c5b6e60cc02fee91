"""What may be out is never repeated without proof."""

import pytest

from gateway.delivery.deliver import (
    LOOKUP_PATIENCE,
)
from gateway.domain.channel import Sent
from gateway.domain.errors import Failure
from gateway.testing.clock import NEW_YEAR
from tests.delivery.at_work import FIRST, STATE, delivering, row, waiting
from tests.delivery.scripted import Listable, Scripted, fails, fault
from tests.store.engines import value
from tests.store.rows import outgoing, put
from tests.workers.rig import Rig


async def test_unknown_of_a_blind_provider_is_parked_and_never_repeated(rig: Rig) -> None:
    channel = Scripted(fails(Failure.UNKNOWN, "no answer"))
    await waiting(rig)
    async with delivering(rig, {"app": channel}) as delivery:
        await rig.store.until(STATE, "parked")
        rig.clock.advance(10**6)
        await waiting(rig, events=("ev2",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev2.out'", "sent")
    assert delivery.counts["app", "parked"] == 1
    assert channel.ids == [FIRST, "ev2.out"]
    assert (await row(rig))["failure"] == "unknown"


async def test_unknown_of_a_provider_that_honours_a_key_is_repeated_under_the_same_id(
    rig: Rig,
) -> None:
    channel = Scripted(fails(Failure.UNKNOWN), send_safety="key")
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until("SELECT failure FROM outbox", "unknown")
        rig.clock.advance(60)
        await rig.store.until(STATE, "sent")
    assert channel.ids == [FIRST, FIRST]


async def test_unknown_under_a_key_is_not_repeated_without_end(rig: Rig) -> None:
    channel = Scripted(*[fails(Failure.UNKNOWN)] * 9, send_safety="key")
    await waiting(rig)
    async with delivering(rig, {"app": channel}, attempts=3):
        for attempt in (1, 2):
            ready = f"SELECT attempts FROM outbox WHERE state = 'ready' AND attempts = {attempt}"
            await rig.store.until(ready, attempt)
            rig.clock.advance(60)
        await rig.store.until(STATE, "parked")
    assert channel.ids == [FIRST] * 3


async def test_what_no_list_ever_shows_is_not_repeated_without_end(rig: Rig) -> None:
    channel = Listable(*[fails(Failure.UNKNOWN)] * 9)
    await waiting(rig)
    async with delivering(rig, {"app": channel}, attempts=3, settle=0.0):
        await rig.store.until(STATE, "parked")
    assert channel.ids == [FIRST] * 3


async def test_unknown_that_the_provider_has_is_recorded_and_not_repeated(rig: Rig) -> None:
    channel = Listable(fails(Failure.UNKNOWN))
    channel.list.append([Sent("SM7")])
    await waiting(rig)
    async with delivering(rig, {"app": channel}, settle=15.0):
        await rig.store.until(STATE, "unknown")
        assert channel.asked == []
        rig.clock.advance(15)
        await rig.store.until(STATE, "sent")
    assert len(channel.given) == 1
    ((asked, since),) = channel.asked
    assert asked == FIRST
    assert since <= NEW_YEAR
    assert await value(rig.store, f"SELECT external_id FROM messages WHERE id = '{FIRST}'") == "SM7"


async def test_unknown_that_the_provider_does_not_have_goes_out_again(rig: Rig) -> None:
    channel = Listable(fails(Failure.UNKNOWN))
    await waiting(rig)
    async with delivering(rig, {"app": channel}, settle=0.0):
        await rig.store.until(STATE, "sent")
    assert len(channel.given) == 2
    assert len(channel.asked) == 1


async def test_the_proof_of_one_message_is_not_taken_for_another(rig: Rig) -> None:
    """Two equal texts to one number: each needs a message of its own at the provider."""
    channel = Listable(Sent("SM1"), fails(Failure.UNKNOWN))
    channel.list.append([Sent("SM1")])
    await waiting(rig)
    async with delivering(rig, {"app": channel}, settle=0.0):
        await rig.store.until(STATE, "sent")
        await put(rig.store, outgoing(part="out2"), now=NEW_YEAR + 1)
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev1.out2'", "sent")
    assert channel.ids == [FIRST, "ev1.out2", "ev1.out2"]


@pytest.mark.parametrize(
    "trouble", [fails(Failure.RETRY, "down"), fault(), ValueError("a fault of the channel")]
)
async def test_a_provider_that_cannot_be_asked_is_asked_later_and_then_a_person(
    rig: Rig, trouble: Exception
) -> None:
    channel, other = Listable(fails(Failure.UNKNOWN)), Scripted()
    channel.list.extend([trouble] * 50)
    await waiting(rig)
    async with delivering(rig, {"app": channel, "sms": other}, settle=0.0):
        for asked in range(1, 4):
            await rig.store.until(f"SELECT due_at > {rig.clock.now()!r} FROM outbox", 1)
            assert len(channel.asked) == asked
            rig.clock.advance(30)
            await rig.store.until(f"SELECT due_at > {rig.clock.now()!r} FROM outbox", 1)
        await waiting(rig, account="sms", events=("ev2",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev2.out'", "sent")
        rig.clock.advance(LOOKUP_PATIENCE)
        await rig.store.until(STATE, "parked")
    assert len(channel.given) == 1, "without proof nothing goes out twice"


async def test_what_comes_after_an_unknown_waits_for_its_end(rig: Rig) -> None:
    channel = Listable(fails(Failure.UNKNOWN))
    await waiting(rig)
    await put(rig.store, outgoing(part="out2"), now=NEW_YEAR + 1)
    async with delivering(rig, {"app": channel}) as delivery:
        await rig.store.until(STATE, "unknown")
        assert await delivery._lease("app", 9) == []
        rig.clock.advance(15)
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 2)
    assert channel.ids == [FIRST, FIRST, "ev1.out2"]
