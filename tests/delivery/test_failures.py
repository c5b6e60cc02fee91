"""What is next follows from the kind of failure, and from nothing else."""

import pytest

from gateway.delivery.deliver import (
    FIRST_PAUSE,
    MISCONFIGURED_PAUSE,
)
from gateway.domain.decision import Verb
from gateway.domain.errors import Failure
from gateway.domain.model import InquiryState
from gateway.testing.clock import NEW_YEAR
from tests.delivery.at_work import FIRST, STATE, delivering, row, waiting
from tests.delivery.scripted import Scripted, fails
from tests.store.engines import one, value
from tests.store.rows import moved, put
from tests.workers.rig import Rig, decision


async def test_retry_comes_again_later_and_later_and_is_parked_in_the_end(rig: Rig) -> None:
    channel = Scripted(*[fails(Failure.RETRY, "no connection")] * 3)
    await waiting(rig)
    async with delivering(rig, {"app": channel}) as delivery:
        for attempt in (1, 2):
            await rig.store.until("SELECT failure FROM outbox WHERE state = 'ready'", "retry")
            found = await row(rig)
            assert found["attempts"] == attempt
            assert found["due_at"] - rig.clock.now() == FIRST_PAUSE * 2 ** (attempt - 1)
            assert found["begun_at"] is None
            seen = found["due_at"]
            rig.clock.advance(found["due_at"] - rig.clock.now())
            await rig.store.until(
                f"SELECT due_at = {seen!r} AND attempts = {attempt} FROM outbox", 0
            )
        await rig.store.until(STATE, "parked")
    assert delivery.counts["app", "retry"] == 3
    assert delivery.counts["app", "parked"] == 1
    assert len(channel.given) == 3
    assert [given.attempt for given in channel.given] == [1, 2, 3]
    assert "3 tries" in (await row(rig))["detail"]
    assert (await rig.log_kinds())[-1] == "message.parked"


async def test_throttled_rests_the_account_as_long_as_asked_and_no_other(rig: Rig) -> None:
    slow, quick = Scripted(fails(Failure.THROTTLED, retry_after=300.0)), Scripted()
    await waiting(rig, account="app")
    await waiting(rig, account="app", events=("ev2",))
    async with delivering(rig, {"app": slow, "sms": quick}, concurrency=1):
        await rig.store.until("SELECT COUNT(*) FROM pauses", 1)
        pause = await one(rig.store, "SELECT account, until, why FROM pauses")
        assert (pause["account"], pause["until"]) == ("app", NEW_YEAR + 300.0)
        await waiting(rig, account="sms", events=("ev3",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev3.out'", "sent")
        assert len(slow.given) == 1, "its other message rests as well"
        rig.clock.advance(299)
        await waiting(rig, account="sms", events=("ev4",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev4.out'", "sent")
        assert len(slow.given) == 1
        rig.clock.advance(1)
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 4)


async def test_throttled_without_a_time_rests_as_a_retry_would(rig: Rig) -> None:
    await waiting(rig)
    async with delivering(rig, {"app": Scripted(fails(Failure.THROTTLED))}):
        await rig.store.until("SELECT until FROM pauses", NEW_YEAR + FIRST_PAUSE)


async def test_misconfigured_rests_the_account_and_loses_nothing(rig: Rig) -> None:
    await waiting(rig)
    async with delivering(rig, {"app": Scripted(fails(Failure.MISCONFIGURED, "401"))}):
        await rig.store.until("SELECT until FROM pauses", NEW_YEAR + MISCONFIGURED_PAUSE)
        assert "401" in await value(rig.store, "SELECT why FROM pauses")
        rig.clock.advance(MISCONFIGURED_PAUSE)
        await rig.store.until(STATE, "sent")


async def test_window_closed_is_parked_for_a_person(rig: Rig) -> None:
    channel = Scripted(fails(Failure.WINDOW_CLOSED, "24 h are over"))
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "parked")
    assert (await row(rig))["failure"] == "window_closed"
    assert len(channel.given) == 1


@pytest.mark.parametrize("failure", [Failure.REJECTED, Failure.OPTED_OUT])
async def test_what_will_never_go_out_brings_the_inquiry_to_a_person(
    rig: Rig, failure: Failure
) -> None:
    channel = Scripted(fails(failure, "no such user", provider_code="21211"))
    await waiting(rig)
    await put(rig.store, moved(state=InquiryState.ANSWERED))
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "dropped")
    await rig.drain()
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"
    assert await value(rig.store, f"SELECT delivery FROM messages WHERE id = '{FIRST}'") == "failed"
    flag = await value(rig.store, "SELECT flag FROM handles")
    assert flag == ("opted_out" if failure is Failure.OPTED_OUT else "failed")
    assert len(channel.given) == 1


async def test_who_opted_out_hears_no_automatic_text_again(rig: Rig) -> None:
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await rig.say("hello", account="sms", sender="+8613800138000")
    async with delivering(rig, {"sms": Scripted(fails(Failure.OPTED_OUT, "21610"))}):
        await rig.store.until("SELECT state FROM outbox", "dropped")
    await rig.drain()
    await rig.meddle("UPDATE inquiries SET state = 'answered'")
    await rig.say("are you there?", account="sms", sender="+8613800138000")
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == 1
    assert await value(rig.store, "SELECT state FROM inquiries") == "queued"
