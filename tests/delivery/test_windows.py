"""Reply windows and budgets: what goes out, what waits for the customer, and what is merged."""

import asyncio
import json
from typing import Any

import pytest

from gateway.delivery import windows
from gateway.delivery.deliver import LEASE_SECONDS
from gateway.desk.upkeep import send_again
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.model import DeliveryState
from gateway.domain.plan import MarkDelivery, Plan
from gateway.domain.window import Rules
from gateway.store.apply import apply
from tests.delivery.at_work import delivering, waiting
from tests.delivery.scripted import Gate, Listable, Scripted, fails
from tests.delivery.windowed import HUMAN_ONLY, WINDOW, conversation, say, writes
from tests.store.engines import AnyStore, Engine, one, select, value
from tests.workers.rig import Rig

LIMITS: dict[str, Any] = {
    "reply_window": WINDOW, "human_only_window": HUMAN_ONLY, "reply_budget": 5,
}  # fmt: skip
RULES = Rules(WINDOW, HUMAN_ONLY, 5)


def channel(*script: Any, **more: Any) -> Scripted:
    return Scripted(*script, **{**LIMITS, **more})


async def states(rig: Rig) -> dict[str, str]:
    rows = await select(rig.store, "SELECT id, state FROM outbox")
    return {row["id"].partition(".")[2]: row["state"] for row in rows}


async def all_go(rig: Rig, provider: Scripted, **more: Any) -> None:
    """Deliver until nothing is left that may go now."""
    delivery = rig.delivery({"app": provider}, **more)
    while rows := await delivery._lease("app", 9):
        for row in rows:
            await delivery._deliver(row, provider)


# ---------------------------------------------------------------- the budget


async def test_people_may_use_the_whole_budget_and_no_more(rig: Rig) -> None:
    await conversation(rig)
    for number in range(6):
        await say(rig, f"m{number}", automatic=False)
    provider = channel()
    await all_go(rig, provider)
    assert provider.ids == [f"ev1.m{number}" for number in range(5)]
    last = await one(rig.store, "SELECT state, failure, detail FROM outbox WHERE id = 'ev1.m5'")
    assert (last["state"], last["failure"]) == ("parked", "window_closed")
    assert last["detail"] == "5 of 5 messages since the customer wrote are used"
    assert (await rig.log_kinds())[-1] == "message.parked"


async def test_automatic_messages_leave_the_last_two_to_people(rig: Rig) -> None:
    await conversation(rig)
    provider = channel()
    for number in range(5):
        await say(rig, f"a{number}", automatic=True)
        await all_go(rig, provider)
    assert provider.ids == ["ev1.a0", "ev1.a1", "ev1.a2"]
    assert "the last 2 are for people" in await value(
        rig.store, "SELECT detail FROM outbox WHERE id = 'ev1.a3'"
    )
    for number in range(2):
        await say(rig, f"h{number}", automatic=False)
    await all_go(rig, provider)
    assert provider.ids[3:] == ["ev1.h0", "ev1.h1"]


async def test_what_surely_did_not_go_out_uses_no_place(rig: Rig) -> None:
    await conversation(rig)
    provider = channel(
        fails(Failure.REJECTED), fails(Failure.RETRY), fails(Failure.THROTTLED, retry_after=1.0)
    )
    for number in range(7):
        await say(rig, f"m{number}", automatic=False)
    for _ in range(4):
        await all_go(rig, provider)
        rig.clock.advance(60)
    found = await states(rig)
    assert found["m0"] == "dropped"
    assert [found[f"m{n}"] for n in range(1, 7)] == ["sent"] * 5 + ["parked"]


async def test_what_may_have_gone_out_keeps_its_place_and_a_second_try_takes_another(
    rig: Rig,
) -> None:
    await conversation(rig)
    provider = channel(fails(Failure.UNKNOWN), fails(Failure.UNKNOWN))
    await say(rig, "m0", automatic=False)
    await all_go(rig, provider)
    await send_again(rig.store, rig.clock, rig.ids, "ev1.m0", "ann")  # type: ignore[arg-type]
    await all_go(rig, provider)
    for number in range(1, 5):
        await say(rig, f"m{number}", automatic=False)
    await all_go(rig, provider)
    assert list((await states(rig)).values()).count("sent") == 3


async def test_a_repeat_that_the_provider_drops_takes_no_second_place(rig: Rig) -> None:
    await conversation(rig)
    provider = channel(fails(Failure.UNKNOWN), send_safety="key", reply_budget=2)
    await say(rig, "m0", automatic=False)
    await all_go(rig, provider)
    rig.clock.advance(60)
    await all_go(rig, provider)
    assert await states(rig) == {"m0": "sent"}


async def test_what_the_provider_does_not_list_gives_its_place_back(rig: Rig) -> None:
    await conversation(rig)
    provider = Listable(fails(Failure.UNKNOWN), **{**LIMITS, "reply_budget": 3})
    await say(rig, "m0", automatic=True)
    delivery = rig.delivery({"app": provider}, settle=0.0)
    (row,) = await delivery._lease("app", 1)
    await delivery._deliver(row, provider)
    assert await value(rig.store, "SELECT slots FROM outbox") == 1
    await delivery._ask_provider("app", provider)
    assert await one(rig.store, "SELECT state, slots FROM outbox") == {"state": "ready", "slots": 0}
    await all_go(rig, provider)
    assert await states(rig) == {"m0": "sent"}


async def test_public_replies_need_no_window_unless_the_channel_says_so(rig: Rig) -> None:
    await conversation(rig)
    rig.clock.advance(HUMAN_ONLY + 1)
    for number in range(7):
        await say(rig, f"m{number}", automatic=True, visibility="public")
    provider = channel()
    await all_go(rig, provider)
    assert len(provider.ids) == 7
    await say(rig, "more", automatic=True, visibility="public")
    await all_go(rig, channel(public_in_window=True))
    assert (await states(rig))["more"] == "parked"


async def test_a_public_message_of_the_customer_opens_no_window(rig: Rig) -> None:
    await conversation(rig)
    rig.clock.advance(HUMAN_ONLY + 1)
    await writes(rig, opens_window=False)
    await say(rig, "m0", automatic=False)
    await all_go(rig, channel())
    assert await states(rig) == {"m0": "parked"}


async def test_a_channel_without_limits_sends_to_whoever_never_wrote(rig: Rig) -> None:
    await waiting(rig)
    provider = Scripted()
    await all_go(rig, provider)
    assert provider.ids == ["ev1.out"]
    assert await one(rig.store, "SELECT slots, turn FROM outbox") == {"slots": 0, "turn": 0}


async def test_nobody_writes_first_where_there_is_a_window(rig: Rig) -> None:
    await waiting(rig)
    provider = channel()
    await all_go(rig, provider)
    assert provider.given == []
    assert "has not written here yet" in await value(rig.store, "SELECT detail FROM outbox")


# ---------------------------------------------------------------- the window


async def test_behind_the_window_only_people_write_and_the_channel_is_told(rig: Rig) -> None:
    await conversation(rig)
    provider = channel()
    await say(rig, "h0", automatic=False)
    await all_go(rig, provider)
    rig.clock.advance(WINDOW)
    await say(rig, "a1", automatic=True)
    await say(rig, "h1", automatic=False)
    await all_go(rig, provider)
    assert [(one.id, one.beyond_window) for one in provider.given] == [
        ("ev1.h0", False), ("ev1.h1", True),
    ]  # fmt: skip
    assert "only a person may write" in await value(
        rig.store, "SELECT detail FROM outbox WHERE id = 'ev1.a1'"
    )
    rig.clock.advance(HUMAN_ONLY)
    await say(rig, "h2", automatic=False)
    await all_go(rig, provider)
    assert (await states(rig))["h2"] == "parked"


async def test_what_waits_goes_out_in_order_when_the_customer_writes(rig: Rig) -> None:
    await conversation(rig)
    rig.clock.advance(HUMAN_ONLY + 1)
    provider = channel()
    for number in range(3):
        await say(rig, f"h{number}", automatic=False)
    await all_go(rig, provider)
    assert provider.given == []
    await writes(rig)
    await say(rig, "a9", automatic=True)
    await all_go(rig, provider)
    assert provider.ids == ["ev1.h0", "ev1.h1", "ev1.h2"]
    assert (await states(rig))["a9"] == "parked", "three are used, and two are for people"
    assert (await rig.log_kinds()).count("message.resumed") == 3


async def test_what_is_stale_is_left_to_a_person(rig: Rig) -> None:
    await conversation(rig)
    rig.clock.advance(HUMAN_ONLY + 1)
    provider = channel()
    await say(rig, "old", automatic=False)
    rig.clock.advance(10.0)
    await say(rig, "new", automatic=False)
    await all_go(rig, provider)
    for _ in range(2):
        await writes(rig, resume_since=rig.clock.now() - 5.0)
        await all_go(rig, provider)
    assert provider.ids == ["ev1.new"]
    found = await one(rig.store, "SELECT state, failure FROM outbox WHERE id = 'ev1.old'")
    assert found == {"state": "parked", "failure": "stale"}
    assert (await rig.log_kinds()).count("message.stale") == 1
    await send_again(rig.store, rig.clock, rig.ids, "ev1.old", "ann")  # type: ignore[arg-type]
    await all_go(rig, provider)
    assert provider.ids == ["ev1.new", "ev1.old"]


async def test_the_customers_message_may_come_late_and_twice(rig: Rig) -> None:
    start = rig.clock.now()
    await conversation(rig)
    rig.clock.advance(WINDOW)
    await writes(rig)
    await writes(rig, at=start)
    assert await value(rig.store, "SELECT last_in_at FROM conversations") == start + WINDOW
    await writes(rig, at=start + 9 * WINDOW)
    assert await value(rig.store, "SELECT last_in_at FROM conversations") == start + WINDOW, (
        "a provider's clock may be ahead, a window is not"
    )


@pytest.mark.parametrize(
    "ends",
    ["on its way", "recorded before it is heard", "parked before it is heard", "ended long before"],
)
async def test_what_the_provider_may_have_seen_behind_the_customers_message_counts_in_the_new_turn(
    rig: Rig, ends: str
) -> None:
    await conversation(rig)
    provider = channel()
    await say(rig, "m0", automatic=False)
    delivery = rig.delivery({"app": provider})
    (row,) = await delivery._lease("app", 1)
    await delivery._begin(row)
    if ends == "ended long before":
        await delivery._record(row, Sent("x"), 1)
    rig.clock.advance(5.0)
    wrote_at = rig.clock.now()
    rig.clock.advance(5.0)
    if ends == "recorded before it is heard":
        await delivery._record(row, Sent("x"), 1)
    if ends == "parked before it is heard":
        await delivery._failed(row, provider, DeliveryError(Failure.UNKNOWN, "?"))
    await writes(rig, at=wrote_at)
    if ends == "on its way":
        await delivery._record(row, Sent("x"), 1)
    look = await rig.store.read(lambda r: windows.look(r, "ev1.v", RULES, rig.clock.now()))
    assert look.used == (0 if ends == "ended long before" else 1)


# ---------------------------------------------------------------- races and crashes


async def test_two_processes_do_not_both_take_the_last_place(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    rules = Rules(WINDOW, None, 1)
    async with engine.plain() as other:
        for turn in range(40):
            event = f"ev{turn}"
            await conversation(rig, event)
            for part in ("m0", "m1"):
                await say(rig, part, automatic=False, event=event)
            # As where one that was parked before is released beside a later one.
            rows = []
            for part, owner in (("m0", "a"), ("m1", "b")):
                rows += await rig.store.write(
                    lambda tx, part=part, owner=owner, event=event: [
                        tx.one("outbox.lease", id=f"{event}.{part}", owner=owner, until=4e9)
                    ]
                )
            now = rig.clock.now()

            def begins(row: Any, event_id: str, now: float = now) -> Any:
                return lambda tx: windows.begin(
                    tx, row, now, now + 60, rules, event_id, keyed=False
                )

            begun = await asyncio.gather(
                store.write(begins(rows[0], f"{event}.x")),
                other.write(begins(rows[1], f"{event}.y")),
            )
            assert sorted(bool(one.parked) for one in begun) == [False, True]


async def test_a_message_that_is_parked_while_the_customer_writes_is_not_forgotten(
    rig: Rig, store: AnyStore, engine: Engine
) -> None:
    async with engine.plain() as other:
        for turn in range(30):
            event = f"ev{turn}"
            await conversation(rig, event)
            rig.clock.advance(HUMAN_ONLY + 1)
            await say(rig, "m0", automatic=False, event=event)
            row = await rig.store.write(
                lambda tx, event=event: tx.one(
                    "outbox.lease", id=f"{event}.m0", owner="a", until=9e9
                )
            )
            now = rig.clock.now()
            rival = Rig(other)  # type: ignore[arg-type]
            rival.clock = rig.clock
            begun, _ = await asyncio.gather(
                store.write(
                    lambda tx, row=row, now=now, event=event: windows.begin(
                        tx, row, now, now + 60, RULES, f"{event}.x", keyed=False
                    )
                ),
                writes(rival, event),
            )
            state = await value(store, f"SELECT state FROM outbox WHERE id = '{event}.m0'")
            assert state == ("ready" if begun.parked else "begun")


async def test_the_customer_writes_while_the_provider_says_that_the_window_is_closed(
    rig: Rig,
) -> None:
    await conversation(rig)
    await say(rig, "m0", automatic=False)
    gate = Gate(fails(Failure.WINDOW_CLOSED, "outside the allowed window"))
    provider = channel(gate)
    async with delivering(rig, {"app": provider}):
        await gate.entered.wait()
        await writes(rig)
        gate.release.set()
        await rig.store.until("SELECT state FROM outbox", "sent")
    assert provider.ids == ["ev1.m0", "ev1.m0"]


async def test_what_the_provider_refuses_waits_for_the_customer_on_any_channel(rig: Rig) -> None:
    await waiting(rig)
    provider = Scripted(fails(Failure.WINDOW_CLOSED, "131047"))
    await all_go(rig, provider)
    assert await one(rig.store, "SELECT state, failure FROM outbox") == {
        "state": "parked", "failure": "window_closed",
    }  # fmt: skip
    await writes(rig)
    await all_go(rig, provider)
    assert await states(rig) == {"out": "sent"}


async def test_a_process_that_dies_at_begun_leaves_its_place_taken(rig: Rig) -> None:
    await conversation(rig)
    provider = channel(reply_budget=3)
    await say(rig, "a0", automatic=True)
    dead = rig.delivery({"app": provider}, owner="dead")
    (row,) = await dead._lease("app", 1)
    await dead._begin(row)
    rig.clock.advance(LEASE_SECONDS)
    await rig.delivery({"app": provider}, owner="next").recover(alone=False)
    await say(rig, "a1", automatic=True)
    await all_go(rig, provider)
    found = await select(rig.store, "SELECT state, failure, slots FROM outbox ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        ("parked", "unknown", 1), ("parked", "window_closed", 0),
    ]  # fmt: skip
    # Whoever may have it already does not get it by writing again.
    await writes(rig)
    assert await states(rig) == {"a0": "parked", "a1": "ready"}


# ---------------------------------------------------------------- merging


async def test_automatic_texts_that_are_ready_at_once_are_one_message(rig: Rig) -> None:
    await conversation(rig)
    for part, text in (("a0", "Received."), ("a1", "The answer."), ("a2", "Was it that?")):
        await say(rig, part, automatic=True, text=text)
    provider = channel()
    await all_go(rig, provider)
    (given,) = provider.given
    assert given.text == "Received.\n\nThe answer.\n\nWas it that?"
    rows = await select(
        rig.store, "SELECT id, state, carrier, slots, external_id FROM outbox ORDER BY id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ev1.a0", "sent", "", 1, "ext-ev1.a0"),
        ("ev1.a1", "sent", "ev1.a0", 0, "ext-ev1.a0"),
        ("ev1.a2", "sent", "ev1.a0", 0, "ext-ev1.a0"),
    ]  # fmt: skip
    texts = await select(rig.store, "SELECT text, delivery FROM messages WHERE direction = 'out'")
    assert {row["text"] for row in texts} == {"Received.", "The answer.", "Was it that?"}
    assert {row["delivery"] for row in texts} == {"sent"}
    assert [found["into"] for found in await rig.events("message.merged")] == ["ev1.a0"] * 2
    assert len(await rig.events("message.sent")) == 3


async def test_what_is_carried_has_the_fate_of_its_carrier(rig: Rig) -> None:
    await conversation(rig)
    for part in ("a0", "a1"):
        await say(rig, part, automatic=True)
    provider = channel(fails(Failure.RETRY), fails(Failure.UNKNOWN))
    await all_go(rig, provider)
    rig.clock.advance(60)
    await say(rig, "a2", automatic=True)
    await all_go(rig, provider)
    assert await states(rig) == {"a0": "parked", "a1": "merged", "a2": "merged"}
    # What may be out is repeated word by word.
    await send_again(rig.store, rig.clock, rig.ids, "ev1.a0", "ann")  # type: ignore[arg-type]
    await say(rig, "a3", automatic=True)
    await all_go(rig, provider)
    two = "text ev1.a0\n\ntext ev1.a1"
    three = f"{two}\n\ntext ev1.a2"
    assert [one.text for one in provider.given] == [two, three, three, "text ev1.a3"]
    read = MarkDelivery("ev1.a0", DeliveryState.READ)
    await rig.work(lambda tx: apply(tx, Plan("r", (read,)), rig.clock.now()))
    assert await value(rig.store, "SELECT delivery FROM messages WHERE id = 'ev1.a1'") == "read"


@pytest.mark.parametrize(
    "why", ["a person's", "too long", "public", "another address", "later", "no budget"]
)
async def test_what_does_not_belong_together_stays_apart(rig: Rig, why: str) -> None:
    await conversation(rig)
    await say(rig, "m0", automatic=True)
    await say(
        rig, "m1",
        automatic=why != "a person's",
        text="x" * 1000 if why == "too long" else "",
        **({"visibility": "public"} if why == "public" else {}),
    )  # fmt: skip
    if why == "another address":
        await rig.meddle("UPDATE outbox SET recipient = 'other' WHERE id = 'ev1.m1'")
    if why == "later":
        await rig.meddle(f"UPDATE outbox SET due_at = {rig.clock.now() + 9} WHERE id = 'ev1.m1'")
    provider = channel(reply_budget=None) if why == "no budget" else channel()
    await all_go(rig, provider)
    rig.clock.advance(10)
    await all_go(rig, provider)
    assert provider.ids == ["ev1.m0", "ev1.m1"]


async def test_merged_texts_are_looked_up_as_they_went_out(rig: Rig) -> None:
    await conversation(rig)
    for part in ("a0", "a1"):
        await say(rig, part, automatic=True)
    provider = Listable(fails(Failure.UNKNOWN), **LIMITS)
    delivery = rig.delivery({"app": provider}, settle=0.0)
    (row,) = await delivery._lease("app", 1)
    await delivery._deliver(row, provider)
    asked: list[Outbound] = []

    async def find_sent(outbound: Outbound, since: float) -> list[Sent]:
        asked.append(outbound)
        return [Sent("SM1")]

    provider.find_sent = find_sent  # type: ignore[method-assign]
    await delivery._ask_provider("app", provider)
    assert asked[0].text == "text ev1.a0\n\ntext ev1.a1"
    assert await states(rig) == {"a0": "sent", "a1": "sent"}


async def test_a_carrier_that_never_goes_out_is_told_of_for_each_inquiry(rig: Rig) -> None:
    await conversation(rig)
    await conversation(rig, "ev2")
    for part in ("a0", "a1", "a2"):
        await say(rig, part, automatic=True)
    await rig.meddle("UPDATE outbox SET inquiry_id = 'ev2.q' WHERE id = 'ev1.a2'")
    await rig.meddle("UPDATE messages SET inquiry_id = 'ev2.q' WHERE id = 'ev1.a2'")
    await all_go(rig, channel(fails(Failure.REJECTED, "30007")))
    told = await select(rig.store, "SELECT body FROM raw_events ORDER BY id")
    about = {json.loads(row["body"])["external_id"] for row in told}
    assert about == {"outbox:ev1.a0", "outbox:ev1.a2"}
    await rig.drain()
    failed = "SELECT COUNT(*) FROM messages WHERE delivery = 'failed'"
    assert await value(rig.store, failed) == 3


# ---------------------------------------------------------------- one slow provider


async def test_a_provider_that_hangs_delays_no_other_account(rig: Rig) -> None:
    gates = [Gate() for _ in range(4)]
    slow, quick = Scripted(*gates, concurrency=4), Scripted()
    await waiting(rig, events=tuple(f"slow{n}" for n in range(8)))
    async with delivering(rig, {"app": slow, "sms": quick}) as delivery:
        await asyncio.gather(*(gate.entered.wait() for gate in gates))
        await waiting(rig, account="sms", events=tuple(f"q{n}" for n in range(20)))
        delivery.wake("sms")
        await rig.store.until(
            "SELECT COUNT(*) FROM outbox WHERE account = 'sms' AND state = 'sent'", 20
        )
        assert len(slow.given) == 4, "and every slot of the slow one is still taken"
        for gate in gates:
            gate.release.set()
        await rig.store.until("SELECT COUNT(*) FROM outbox WHERE state = 'sent'", 28)
