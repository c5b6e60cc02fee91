"""`apply` writes a plan whole or not at all, and only onto the world it was made from."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.decision import Certificate
from gateway.domain.errors import Conflict
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.plan import (
    AddMessage,
    FlagHandle,
    MarkDelivery,
    Op,
    Plan,
    TouchConversation,
    UpdateContact,
)
from gateway.store.apply import _APPLY
from gateway.testing.clock import NEW_YEAR
from tests.store.engines import AnyStore, one, select, value, verified
from tests.store.rows import arrival, moved, outgoing, put


async def test_every_operation_of_a_plan_can_be_applied() -> None:
    assert set(_APPLY) == set(Op.__args__)


async def test_a_plan_writes_contact_conversation_inquiry_message_and_event(
    store: AnyStore,
) -> None:
    await put(store, arrival())
    inquiry = await one(store, "SELECT state, version, number, language, created_at FROM inquiries")
    assert inquiry == {
        "state": "new", "version": 1, "number": "260101-000001", "language": "zh-CN",
        "created_at": NEW_YEAR,
    }  # fmt: skip
    message = await one(store, "SELECT direction, text, delivery, delivery_rank FROM messages")
    assert message == {
        "direction": "in", "text": "我的充值没有到账", "delivery": "", "delivery_rank": -1,
    }  # fmt: skip
    assert await verified(store) == 1


async def test_a_plan_applied_twice_collides_with_itself_and_leaves_one(store: AnyStore) -> None:
    await put(store, arrival())
    with pytest.raises(Conflict):
        await put(store, arrival())
    for table in ("contacts", "handles", "conversations", "inquiries", "messages", "events"):
        assert await value(store, f"SELECT COUNT(*) FROM {table}") == 1


async def test_a_person_known_by_this_handle_is_not_met_again(store: AnyStore) -> None:
    await put(store, arrival())
    with pytest.raises(Conflict):
        await put(store, arrival("ev2", number="260101-000002"))
    await put(store, arrival("ev3", number="260101-000003", space="phone"))
    assert await value(store, "SELECT COUNT(*) FROM contacts") == 2


async def test_a_number_that_is_taken_is_a_conflict_and_leaves_nothing(store: AnyStore) -> None:
    await put(store, arrival())
    with pytest.raises(Conflict):
        await put(store, arrival("ev2", sender="user-2"))
    assert await value(store, "SELECT COUNT(*) FROM contacts") == 1


async def test_another_version_is_a_conflict_and_nothing_of_the_plan_stands(
    store: AnyStore,
) -> None:
    await put(store, arrival(), moved())
    stale = Plan("ev2", (*outgoing().ops, *moved(state=InquiryState.ANSWERED).ops))
    with pytest.raises(Conflict, match="no longer at version 1"):
        await put(store, stale)
    assert await value(store, "SELECT COUNT(*) FROM outbox") == 0
    assert (await one(store, "SELECT state, version FROM inquiries")) == {
        "state": "queued",
        "version": 2,
    }


async def test_a_field_that_a_change_does_not_name_stays(store: AnyStore) -> None:
    await put(
        store,
        arrival(),
        moved(topic="topup", priority=3, urgent=True, dialogue={"a": 1}, assigned_to="ann"),
        moved(version=2, queue=None, state=InquiryState.ASSIGNED),
        moved(version=3, queue=None, state=InquiryState.QUEUED, assigned_to=""),
    )
    found = await one(
        store, "SELECT topic, queue, priority, urgent, dialogue, assigned_to FROM inquiries"
    )
    assert found == {
        "topic": "topup", "queue": "general", "priority": 3, "urgent": 1,
        "dialogue": '{"a":1}', "assigned_to": "",
    }  # fmt: skip


async def test_a_waiting_place_is_kept_until_the_customer_is_helped(store: AnyStore) -> None:
    async def since() -> Any:
        return await value(store, "SELECT waiting_since FROM inquiries")

    await put(store, arrival())
    assert await since() is None
    await put(store, moved(), now=100.0)
    await put(store, moved(version=2, state=InquiryState.ASSIGNED), now=200.0)
    await put(store, moved(version=3), now=300.0)
    assert await since() == 100.0, "giving it back does not send the customer to the end"
    await put(store, moved(version=4, state=InquiryState.ASSIGNED), now=400.0)
    await put(store, moved(version=5, state=InquiryState.WAITING_CUSTOMER), now=500.0)
    assert await since() is None


async def test_resolved_keeps_its_first_moment_and_reopening_clears_it(store: AnyStore) -> None:
    await put(store, arrival())
    await put(store, moved(state=InquiryState.RESOLVED), now=100.0)
    await put(store, moved(version=2, state=InquiryState.CLOSED), now=200.0)
    assert await value(store, "SELECT resolved_at FROM inquiries") == 100.0
    await put(store, moved(version=3), now=300.0)
    assert await value(store, "SELECT resolved_at FROM inquiries") is None


# ---------------------------------------------------------------- certificates


def certificate(**changes: Any) -> dict[str, Any]:
    made = Certificate("cert-1", "*/en/normal", 0.05, 0.1, 0.7, 100, 0, "k1")
    return {
        **{name: getattr(made, name) for name in made.__dataclass_fields__},
        "created_at": 1.0,
        **changes,
    }


async def test_an_answer_needs_its_certificate_in_force_when_it_is_written(
    store: AnyStore,
) -> None:
    plan = replace(arrival(), certificate="cert-1")
    with pytest.raises(Conflict, match="no longer in force"):
        await put(store, plan)
    await store.write(lambda tx: tx.run_many("certificates.add", [certificate()]))
    await put(store, plan)
    await store.write(lambda tx: tx.run("certificates.revoke", id="cert-1", at=2.0))
    with pytest.raises(Conflict, match="no longer in force"):
        await put(store, replace(outgoing(), certificate="cert-1"))
    assert await value(store, "SELECT COUNT(*) FROM outbox") == 0


# ---------------------------------------------------------------- messages


async def test_the_first_answer_is_remembered_and_a_note_is_none(store: AnyStore) -> None:
    await put(store, arrival())
    note = AddMessage("n1", "ev1.v", "ev1.q", "out", "note", "ann", False, "careful")
    await put(store, Plan("n", (note,)), now=50.0)
    assert await value(store, "SELECT first_response_at FROM inquiries") is None
    await put(store, outgoing(), now=60.0)
    await put(store, outgoing(part="out2"), now=70.0)
    assert await value(store, "SELECT first_response_at FROM inquiries") == 60.0
    assert await one(store, "SELECT delivery, delivery_rank FROM messages WHERE id = 'n1'") == {
        "delivery": "",
        "delivery_rank": -1,
    }


async def test_what_a_message_brings_along_is_named_as_in_use(store: AnyStore) -> None:
    attachments = [
        {"name": "a.png", "blob": "f" * 64},
        {"name": "b", "blob": "", "url": "https://x"},
    ]
    message = AddMessage(
        "m1", "ev1.v", "ev1.q", "in", "private", "customer", False, "see", meta={"attachments": attachments}
    )  # fmt: skip
    await put(store, arrival(), Plan("m", (message,)))
    assert await select(store, "SELECT address, owner FROM blob_refs") == [
        {"address": "f" * 64, "owner": "m1"}
    ]


async def test_a_message_without_its_conversation_is_a_conflict(store: AnyStore) -> None:
    with pytest.raises(Conflict, match="is gone"):
        await put(store, outgoing())


async def test_contact_and_conversation_are_brought_up_to_date(store: AnyStore) -> None:
    news = Plan(
        "u",
        (
            UpdateContact("ev1.c", "en"),
            FlagHandle("ev1.h", "opted_out"),
            TouchConversation("ev1.v", 77.0, {"message_id": "<a@b>"}),
        ),
    )
    await put(store, arrival(), news)
    assert await value(store, "SELECT language FROM contacts") == "en"
    assert await value(store, "SELECT flag FROM handles") == "opted_out"
    found = await one(store, "SELECT last_in_at, reply_to FROM conversations")
    assert found["last_in_at"] == 77.0
    assert json.loads(found["reply_to"]) == {"message_id": "<a@b>"}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(receipts=st.lists(st.sampled_from(list(DeliveryState)), max_size=6))
async def test_delivery_only_moves_forward_in_whatever_order_receipts_come(
    store: AnyStore, receipts: list[DeliveryState]
) -> None:
    part = f"o{await value(store, 'SELECT COUNT(*) FROM messages')}"
    if part == "o0":
        await put(store, arrival())
        part = "o1"
    await put(store, outgoing(part=part))
    marks = tuple(MarkDelivery(f"ev1.{part}", state) for state in receipts)
    await put(store, Plan("marks", marks))
    expected = max([DeliveryState.QUEUED, *receipts], key=lambda state: state.rank)
    found = await value(store, f"SELECT delivery FROM messages WHERE id = 'ev1.{part}'")
    assert found == expected.value
