"""The outbox: everything goes out once, and what is next follows from the kind of failure."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.delivery.deliver import (
    FIRST_PAUSE,
    LEASE_SECONDS,
    LOOKUP_PATIENCE,
    MISCONFIGURED_PAUSE,
    Delivery,
)
from gateway.desk.upkeep import send_again
from gateway.domain.channel import Outbound, Sent
from gateway.domain.decision import Verb
from gateway.domain.errors import Conflict, Failure, NotAllowed
from gateway.domain.model import DeliveryState, InquiryState
from gateway.testing.clock import NEW_YEAR
from tests.delivery.scripted import Gate, Listable, Scripted, fails, fault
from tests.store.engines import one, select, value
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.rig import Rig, decision

FIRST = "ev1.out"
STATE = f"SELECT state FROM outbox WHERE id = '{FIRST}'"


@asynccontextmanager
async def delivering(
    rig: Rig, channels: Mapping[str, Any], **changes: Any
) -> AsyncIterator[Delivery]:
    """A delivery at work."""
    delivery = rig.delivery(channels, **changes)
    running = asyncio.create_task(delivery.run())
    try:
        yield delivery
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])


async def waiting(rig: Rig, *, account: str = "app", events: tuple[str, ...] = ("ev1",)) -> None:
    """One outgoing message in a conversation of its own for each event."""
    for event in events:
        await put(
            rig.store,
            arrival(event, account=account, sender=event, number=event),
            outgoing(event, account=account),
        )


async def row(rig: Rig, reference: str = FIRST) -> dict[str, Any]:
    return await one(rig.store, f"SELECT * FROM outbox WHERE id = '{reference}'")


# ---------------------------------------------------------------- the good way


async def test_a_message_goes_out_and_its_record_names_the_providers_id(rig: Rig) -> None:
    channel = Scripted(Sent("SM1", parts=2))
    await waiting(rig)
    async with delivering(rig, {"app": channel}) as delivery:
        await rig.store.until(STATE, "sent")
        assert delivery.counts["app", "sent"] == 1
    (given,) = channel.given
    assert (given.id, given.to, given.text, given.attempt) == (FIRST, "user-1", "您好", 1)
    message = await one(
        rig.store, f"SELECT external_id, delivery FROM messages WHERE id = '{FIRST}'"
    )
    assert message == {"external_id": "SM1", "delivery": "sent"}
    assert (await rig.log_kinds())[-1] == "message.sent"
    assert (await row(rig))["begun_at"] == NEW_YEAR


async def test_begun_is_committed_before_the_channel_is_called(rig: Rig) -> None:
    states: list[str] = []

    async def look(outbound: Outbound) -> Sent:
        states.append(await value(rig.store, STATE))
        await outbound.begin()
        states.append(await value(rig.store, STATE))
        return Sent("x")

    await waiting(rig)
    async with delivering(rig, {"app": Scripted(look)}):
        await rig.store.until(STATE, "sent")
    assert states == ["begun", "begun"]


async def test_a_channel_that_begins_itself_marks_it_when_it_says_so(rig: Rig) -> None:
    states: list[str] = []

    async def look(outbound: Outbound) -> Sent:
        states.append(await value(rig.store, STATE))
        await outbound.begin()
        await outbound.begin()
        states.append(await value(rig.store, STATE))
        return Sent("x")

    await waiting(rig)
    async with delivering(rig, {"app": Scripted(look, begins_itself=True)}):
        await rig.store.until(STATE, "sent")
    assert states == ["leased", "begun"]


async def test_what_is_not_due_yet_waits(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing(due_at=NEW_YEAR + 60))
    channel = Scripted()
    async with delivering(rig, {"app": channel}) as delivery:
        assert await delivery._lease("app", 9) == []
        rig.clock.advance(60)
        await rig.store.until(STATE, "sent")


async def test_messages_of_one_conversation_go_out_in_order_others_do_not_wait(rig: Rig) -> None:
    gate = Gate()
    channel = Scripted(gate)
    await waiting(rig)
    await put(rig.store, outgoing(part="out2"), now=NEW_YEAR + 1)
    await put(rig.store, outgoing(part="out3"), now=NEW_YEAR + 2)
    async with delivering(rig, {"app": channel}) as delivery:
        await gate.entered.wait()
        await waiting(rig, account="app", events=("ev2",))
        delivery.wake("app")
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev2.out'", "sent")
        assert channel.ids == [FIRST, "ev2.out"]
        gate.release.set()
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 4)
    assert channel.ids == [FIRST, "ev2.out", "ev1.out2", "ev1.out3"]


async def test_a_message_that_is_retried_keeps_its_place_in_the_conversation(rig: Rig) -> None:
    channel = Scripted(fails(Failure.RETRY))
    await waiting(rig)
    await put(rig.store, outgoing(part="out2"), now=NEW_YEAR + 1)
    async with delivering(rig, {"app": channel}):
        await rig.store.until(f"SELECT failure FROM outbox WHERE id = '{FIRST}'", "retry")
        rig.clock.advance(60)
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 2)
    assert channel.ids == [FIRST, FIRST, "ev1.out2"]


async def test_no_more_are_under_way_than_the_channel_allows(rig: Rig) -> None:
    gates = [Gate() for _ in range(3)]
    channel = Scripted(*gates, concurrency=2)
    await waiting(rig, events=("ev1", "ev2", "ev3"))
    async with delivering(rig, {"app": channel}):
        await asyncio.gather(*(gate.entered.wait() for gate in gates[:2]))
        assert await value(rig.store, "SELECT COUNT(*) FROM outbox WHERE state = 'ready'") == 1
        assert len(channel.given) == 2
        for gate in gates:
            gate.release.set()
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 3)


async def test_two_deliveries_send_each_message_once(rig: Rig) -> None:
    channel = Scripted()
    async with delivering(rig, {"app": channel}), delivering(rig, {"app": channel}, owner="d2"):
        await waiting(rig, events=tuple(f"ev{n}" for n in range(1, 31)))
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 30)
    assert len(channel.ids) == len(set(channel.ids)) == 30


# ---------------------------------------------------------------- each kind of failure


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


# ---------------------------------------------------------------- unknown


async def test_unknown_of_a_blind_provider_is_parked_and_never_repeated(rig: Rig) -> None:
    channel = Scripted(fails(Failure.UNKNOWN, "no answer"))
    await waiting(rig)
    async with delivering(rig, {"app": channel}) as delivery:
        await rig.store.until(STATE, "parked")
        assert delivery.counts["app", "parked"] == 1
        rig.clock.advance(10**6)
        await waiting(rig, events=("ev2",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev2.out'", "sent")
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


# ---------------------------------------------------------------- faults of a channel


@pytest.mark.parametrize("error", [fault(), ValueError("oops"), KeyError("sid")])
async def test_what_a_channel_may_not_raise_after_begun_may_be_out(
    rig: Rig, error: Exception
) -> None:
    channel = Scripted(error)
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "parked")
        await waiting(rig, events=("ev2",))
        await rig.store.until("SELECT state FROM outbox WHERE id = 'ev2.out'", "sent")
    assert (await row(rig))["failure"] == "unknown"


async def test_what_a_channel_may_not_raise_before_begun_surely_is_not_out(rig: Rig) -> None:
    channel = Scripted(ValueError("oops"), begins_itself=True)
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until("SELECT failure FROM outbox", "retry")
        rig.clock.advance(60)
        await rig.store.until(STATE, "sent")
    assert len(channel.given) == 2


async def test_a_send_without_an_end_is_cut_off_as_unknown(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.delivery.deliver.SEND_SECONDS", 0.05)
    await waiting(rig)
    async with delivering(rig, {"app": Scripted(Gate())}):
        await rig.store.until(STATE, "parked")
    assert "no end" in (await row(rig))["detail"]


# ---------------------------------------------------------------- after a death


async def left_behind(rig: Rig, owner: str, *, begun: bool) -> None:
    """A row as a process leaves it that dies in the middle."""
    dead = rig.delivery({}, owner=owner)
    (found,) = await dead._lease("app", 1)
    if begun:
        await rig.work(lambda tx: tx.run("outbox.begun", id=found["id"], owner=owner, at=NEW_YEAR))


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


# ---------------------------------------------------------------- a person decides


async def test_a_parked_message_goes_out_when_a_person_says_so(rig: Rig) -> None:
    channel = Scripted(fails(Failure.UNKNOWN))
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "parked")
        found = await send_again(rig.store, rig.clock, rig.ids, FIRST, "ann")  # type: ignore[arg-type]
        assert found["failure"] == "unknown"
        await rig.store.until(STATE, "sent")
        with pytest.raises(NotAllowed):
            await send_again(rig.store, rig.clock, rig.ids, FIRST, "ann")  # type: ignore[arg-type]
    assert channel.ids == [FIRST, FIRST]
    assert await rig.log_kinds() == [
        "message.received", "message.parked", "message.released", "message.sent",
    ]  # fmt: skip


async def test_a_dropped_message_sent_again_is_told_of_again_when_it_fails_again(rig: Rig) -> None:
    channel = Scripted(*[fails(Failure.REJECTED)] * 2)
    await waiting(rig)
    await put(rig.store, moved(state=InquiryState.ANSWERED))
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "dropped")
        await rig.drain()
        await send_again(rig.store, rig.clock, rig.ids, FIRST, "ann")  # type: ignore[arg-type]
        await rig.store.until(f"SELECT attempts FROM outbox WHERE id = '{FIRST}'", 2)
        await rig.store.until(STATE, "dropped")
    await rig.drain()
    assert (await rig.log_kinds()).count("message.failed") == 2


async def test_a_receipt_that_came_before_the_record_is_not_undone_by_it(rig: Rig) -> None:
    await waiting(rig)
    delivered = DeliveryState.DELIVERED

    async def quick(outbound: Outbound) -> Sent:
        await rig.work(
            lambda tx: tx.run(
                "messages.deliver", id=outbound.id, delivery=delivered.value,
                delivery_rank=delivered.rank, detail="",
            )
        )  # fmt: skip
        return Sent("SM1")

    async with delivering(rig, {"app": Scripted(quick)}):
        await rig.store.until(STATE, "sent")
    assert (
        await value(rig.store, f"SELECT delivery FROM messages WHERE id = '{FIRST}'") == "delivered"
    )


async def test_a_note_never_stands_in_the_outbox(rig: Rig) -> None:
    from gateway.domain.model import Note

    await put(rig.store, arrival(), moved())
    await rig.desk().note(Note("ev1.q", "ann", "customer sounds angry"))
    assert await select(rig.store, "SELECT * FROM outbox") == []
    with pytest.raises(Conflict):
        await put(rig.store, outgoing("ev9"))
