"""Accepted events become plans and plans become rows: in order, and nothing is held up."""

from typing import Any

import pytest

from gateway.domain.channel import Inbound
from gateway.domain.decision import Verb
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.plan import Plan
from gateway.intake.reading import stored_form
from gateway.intake.replay import Replay
from gateway.store.apply import apply
from tests.store.engines import one, select, value
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.accepted import accepted, states, texts
from tests.workers.rig import Rig, decision

# ---------------------------------------------------------------- order


async def test_messages_of_one_sender_are_taken_in_order_and_join_one_inquiry(rig: Rig) -> None:
    rows = [accepted(n, f"{n}") for n in range(12)]
    await rig.store.insert("intake.accept", rows)
    await rig.drain(rig.pipeline(batch=5))
    assert [plan.event_id for plan in rig.plans] == [row["id"] for row in rows]
    assert await texts(rig.store) == [f"{n}" for n in range(12)]
    assert await value(rig.store, "SELECT COUNT(*) FROM inquiries") == 1
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_each_message_is_planned_against_what_the_one_before_it_wrote(rig: Rig) -> None:
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await rig.store.insert("intake.accept", [accepted(1, "a"), accepted(2, "b")])
    await rig.drain()
    assert [question.first for question in rig.answerer.asked] == [True, False]


async def test_lanes_do_not_wait_for_each_other(rig: Rig) -> None:
    rows = [accepted(n, f"{n}", lane=f"app|user-{n % 4}") for n in range(20)]
    await rig.store.insert("intake.accept", rows)
    await rig.drain()
    assert await value(rig.store, "SELECT COUNT(*) FROM inquiries") == 4
    for lane in range(4):
        mine = [p.event_id for p in rig.plans if int(p.event_id[3:]) % 4 == lane]
        assert mine == sorted(mine)
    assert rig.workers.calls == 5, "one event of each lane at a time, all lanes together"


async def test_what_a_batch_says_is_announced_before_it_is_decided_one_by_one(rig: Rig) -> None:
    rows = [accepted(n, f"text {n}", lane=f"app|user-{n}") for n in range(3)]
    rows.append(accepted(3, "?", lane="app|user-3") | {"body": "not json"})
    await rig.store.insert("intake.accept", rows)
    await rig.pipeline().once()
    assert [q.text for q in rig.answerer.foreseen] == ["text 0", "text 1", "text 2"]
    assert [q.text for q in rig.answerer.asked] == ["text 0", "text 1", "text 2"]


# ---------------------------------------------------------------- poison


@pytest.mark.parametrize(
    "poison",
    [
        {"body": stored_form(Inbound("m", "user-1", "poison"))},
        {"body": "not json"},
        {"body": "[]"},
        {"body": '{"external_id": "m"}'},
        {"type": "unheard of"},
    ],
    ids=["planner raises", "no json", "no object", "incomplete", "unknown type"],
)
async def test_what_cannot_be_planned_goes_to_quarantine_and_its_lane_goes_on(
    rig: Rig, poison: dict[str, Any]
) -> None:
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    rig.answerer.answers["poison"] = ValueError("no idea")
    await rig.store.insert(
        "intake.accept",
        [
            accepted(1, "before"),
            {**accepted(2, "poison"), **poison},
            accepted(3, "after"),
            accepted(4, "other", lane="app|user-2"),
            accepted(5, "other again", lane="app|user-2"),
        ],
    )
    pipeline = rig.pipeline(attempts=3)
    await rig.drain(pipeline)
    assert set(await texts(rig.store)) == {"before", "other", "other again"}
    assert (await states(rig.store))["raw00003"] == "pending", "it may not overtake"
    for _ in range(2):
        rig.clock.advance(60)
        await rig.drain(pipeline)
    assert (await states(rig.store)) == {
        "raw00001": "done", "raw00002": "quarantined", "raw00003": "done",
        "raw00004": "done", "raw00005": "done",
    }  # fmt: skip
    assert "after" in await texts(rig.store)
    kept = await one(rig.store, "SELECT stage, event_id, state, account FROM quarantine")
    assert kept == {"stage": "plan", "event_id": "raw00002", "state": "kept", "account": "app"}
    assert (await rig.log_kinds()).count("event.quarantined") == 1
    assert pipeline.counts["failed"] == 3
    assert await value(rig.store, "SELECT COUNT(*) FROM lanes") == 0


async def test_one_attempt_is_waited_for_longer_than_the_one_before(rig: Rig) -> None:
    rig.answerer.answers["poison"] = ValueError("no idea")
    await rig.store.insert("intake.accept", [accepted(1, "poison")])
    pipeline, pauses = rig.pipeline(attempts=8), []
    for _ in range(7):
        await rig.drain(pipeline)
        until = await value(rig.store, "SELECT until FROM lanes")
        pauses.append(until - rig.clock.now())
        rig.clock.advance(pauses[-1])
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] <= 60


async def test_an_event_whose_plan_cannot_be_written_is_poison_too(rig: Rig) -> None:
    """Not a full disk: it would fail the same way for ever and hold up the lane."""
    rig.answerer.answers["poison"] = decision(Verb.ANSWER, "Do this.", confidence=2**70)
    await rig.store.insert(
        "intake.accept", [accepted(1, "poison"), accepted(2, "fine", lane="app|user-2")]
    )

    def refuse(tx: Any, plan: Plan, now: float) -> None:
        apply(tx, plan, now)
        if plan.event_id == "raw00001":
            tx._connection.execute("INSERT INTO nowhere VALUES (1)")

    pipeline = rig.pipeline(attempts=2)
    pipeline.apply = refuse
    await rig.drain(pipeline)
    rig.clock.advance(60)
    await rig.drain(pipeline)
    assert await states(rig.store) == {"raw00001": "quarantined", "raw00002": "done"}
    assert "cannot be written" in await value(rig.store, "SELECT reason FROM quarantine")


async def test_a_replayed_event_that_fails_again_is_quarantined_again(rig: Rig) -> None:
    rig.answerer.answers["poison"] = ValueError("no idea")
    await rig.store.insert("intake.accept", [accepted(1, "poison")])
    pipeline = rig.pipeline(attempts=1)
    replay = Replay(rig.store, rig.blobs, rig.intake(), {}, rig.clock, rig.ids)
    kept = "SELECT id FROM quarantine WHERE state = 'kept'"
    for _ in range(3):
        await rig.drain(pipeline)
        rig.clock.advance(1)
        await replay.one(await value(rig.store, kept))
    assert (await rig.log_kinds()).count("event.quarantined") == 3
    rig.answerer.answers.clear()
    await rig.drain(pipeline)
    assert await texts(rig.store) == ["poison"]
    assert await select(rig.store, kept) == []


# ---------------------------------------------------------------- receipts


async def test_a_receipt_before_the_record_of_its_send_waits_and_holds_up_no_customer(
    rig: Rig,
) -> None:
    await put(rig.store, arrival(), outgoing(), moved(state=InquiryState.ANSWERED))
    await rig.receipt("SM1", DeliveryState.DELIVERED)
    await rig.message("and another thing")
    pipeline = rig.pipeline()
    await rig.drain(pipeline)
    assert "and another thing" in await texts(rig.store)
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events WHERE state = 'pending'") == 1
    await rig.work(lambda tx: tx.run("messages.set_external", id="ev1.out", external_id="SM1"))
    await rig.drain(pipeline)
    delivery = "SELECT delivery FROM messages WHERE id = 'ev1.out'"
    assert await value(rig.store, delivery) == "queued", "not before its time"
    rig.clock.advance(2)
    await rig.drain(pipeline)
    assert await value(rig.store, delivery) == "delivered"


async def test_a_receipt_of_nothing_is_let_go_after_its_patience(rig: Rig) -> None:
    await rig.receipt("SM1", DeliveryState.DELIVERED)
    pipeline = rig.pipeline(attempts=3)
    for _ in range(75):
        await rig.drain(pipeline)
        rig.clock.advance(60)
    assert await value(rig.store, "SELECT state FROM raw_events") == "done"
    assert await rig.log_kinds() == ["receipt.orphaned"]
