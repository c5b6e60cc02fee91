"""The outbox: everything goes out once, in order, and faults of a channel lose nothing."""

import asyncio

import pytest

from gateway.desk.upkeep import send_again
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import Conflict, Failure, NotAllowed
from gateway.domain.model import DeliveryState, InquiryState
from gateway.testing.clock import NEW_YEAR
from tests.delivery.at_work import FIRST, STATE, delivering, row, waiting
from tests.delivery.scripted import Gate, Scripted, fails, fault
from tests.store.engines import one, select, value
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.rig import Rig

# ---------------------------------------------------------------- the good way


async def test_a_message_goes_out_and_its_record_names_the_providers_id(rig: Rig) -> None:
    channel = Scripted(Sent("SM1", parts=2))
    await waiting(rig)
    async with delivering(rig, {"app": channel}) as delivery:
        await rig.store.until(STATE, "sent")
    # Counted behind the commit: with the delivery ended, surely.
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
    monkeypatch.setattr("gateway.delivery.deliver.SEND_SECONDS", 0.5)
    await waiting(rig)
    channel = Scripted(*[Gate() for _ in range(8)])
    async with delivering(rig, {"app": channel}):
        # Where writing `begun` takes longer than that, the row comes back after a pause.
        while await value(rig.store, STATE) != "parked":
            rig.clock.advance(60)
            await asyncio.sleep(0.05)
    assert len(channel.given) == 1
    assert "no end" in (await row(rig))["detail"]


# ---------------------------------------------------------------- a person decides


async def test_a_parked_message_goes_out_when_a_person_says_so(rig: Rig) -> None:
    channel = Scripted(fails(Failure.UNKNOWN))
    await waiting(rig)
    async with delivering(rig, {"app": channel}):
        await rig.store.until(STATE, "parked")
        found = await send_again(rig.store, rig.clock, rig.ids, FIRST, "ann")  # type: ignore[arg-type]
        assert found["failure"] == "unknown"
        assert rig.store.told == ["outbox"]
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
