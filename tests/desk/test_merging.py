"""Merged and split, by inquiry and by contact: what is grouped changes, where it is answered never."""

from typing import Any

import pytest

from gateway.domain.errors import Conflict, NotAllowed, NotFound
from gateway.domain.model import InquiryState
from gateway.domain.plan import AddMessage, ChangeInquiry, CreateInquiry, Plan, SetTimer
from gateway.routing.model import rank
from gateway.testing.clock import NEW_YEAR
from tests.store.engines import one, select, value
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.rig import Rig

FIRST, SECOND, STRANGERS = "260101-000001", "260101-000002", "260101-000003"
S = InquiryState


def follow_up(event: str = "ev2", number: str = SECOND, text: str = "and my card?") -> Plan:
    """The customer of `ev1` begins another matter in the same conversation."""
    return Plan(
        event,
        (
            CreateInquiry(f"{event}.q", number, "ev1.v", "ev1.c", "demo", "app", "http", "", "en"),
            AddMessage(
                f"{event}.in", "ev1.v", f"{event}.q", "in", "private", "customer", False, text
            ),
        ),
    )


@pytest.fixture
async def two(rig: Rig) -> Rig:
    """One customer with two inquiries, an answer on its way in each; and a stranger with one."""
    await put(rig.store, arrival(), outgoing(), follow_up(), outgoing_of("ev2"))
    await put(rig.store, arrival("ev3", sender="user-3", number=STRANGERS))
    return rig


def outgoing_of(event: str) -> Plan:
    made = outgoing("ev1", part=f"out-{event}")
    ops: list[Any] = []
    for op in made.ops:
        values = {name: getattr(op, name) for name in op.__slots__}
        ops.append(type(op)(**{**values, "inquiry_id": f"{event}.q"}))
    return Plan(made.event_id, tuple(ops))


async def replies(rig: Rig) -> list[dict[str, Any]]:
    """Where everything goes: what a merger must not touch."""
    return await select(
        rig.store, "SELECT id, account, conversation_id, recipient, payload FROM outbox ORDER BY id"
    )


async def inquiry(rig: Rig, event: str) -> dict[str, Any]:
    return await one(
        rig.store,
        "SELECT state, queue, priority, urgent, assigned_to, waiting_since, merged_into,"
        f" conversation_id, contact_id FROM inquiries WHERE id = '{event}.q'",
    )


async def messages(rig: Rig, event: str) -> list[str]:
    rows = await select(
        rig.store, f"SELECT id FROM messages WHERE inquiry_id = '{event}.q' ORDER BY id"
    )
    return [row["id"] for row in rows]


# ---------------------------------------------------------------- merge


async def test_a_merged_inquiry_is_closed_and_its_messages_are_the_others(two: Rig) -> None:
    before = await replies(two)
    assert await two.desk().merge(FIRST, SECOND, "ann") == FIRST
    gone = await inquiry(two, "ev2")
    assert (gone["state"], gone["merged_into"]) == ("closed", "ev1.q")
    assert await messages(two, "ev2") == []
    assert await messages(two, "ev1") == ["ev1.in", "ev1.out", "ev1.out-ev2", "ev2.in"]
    assert await replies(two) == before
    assert await value(two.store, "SELECT COUNT(DISTINCT inquiry_id) FROM outbox") == 1
    kinds = await two.log_kinds()
    assert kinds[-2:] == ["inquiry.merged", "inquiry.took_over"]


async def test_each_conversation_still_replies_where_it_did(two: Rig) -> None:
    """Two channels of one person: the merged inquiry answers on its own."""
    await two.desk().merge_contacts("user-1", "user-3", "ann")
    await put(two.store, moved("ev1"))
    await two.desk().merge(FIRST, STRANGERS, "ann")
    assert (await inquiry(two, "ev1"))["conversation_id"] == "ev1.v"
    message = await two.desk().reply(FIRST, "ann", "hello")
    row = await one(two.store, f"SELECT * FROM outbox WHERE id = '{message}'")
    assert (row["conversation_id"], row["recipient"]) == ("ev1.v", "user-1")
    ids = "SELECT conversation_id FROM messages WHERE id = 'ev3.in'"
    assert await value(two.store, ids) == "ev3.v"


async def test_what_waited_for_a_person_waits_on_and_at_the_better_place(two: Rig) -> None:
    await put(
        two.store,
        moved("ev1", state=S.QUEUED, queue="general", priority=7),
        now=NEW_YEAR + 50,
    )
    await put(
        two.store,
        moved("ev2", state=S.QUEUED, queue="security", priority=1, urgent=True),
        now=NEW_YEAR + 10,
    )
    await two.desk().merge(FIRST, SECOND, "ann")
    kept = await inquiry(two, "ev1")
    assert (kept["state"], kept["queue"]) == ("queued", "general")
    assert (kept["priority"], kept["urgent"], kept["waiting_since"]) == (1, 1, NEW_YEAR + 10)


@pytest.mark.parametrize("state", [S.QUEUED, S.OFFERED, S.ASSIGNED])
@pytest.mark.parametrize("urgent", ["ev1", "ev2"])
async def test_the_place_of_what_is_urgent_is_kept_whichever_goes_into_the_other(
    two: Rig, urgent: str, state: InquiryState
) -> None:
    """Also of what an agent has or is offered: it comes back to that place."""
    for event in ("ev1", "ev2"):
        first = event == urgent
        place = rank(0.0, 1 if first else 7, urgent=first)
        change = moved(event, priority=1 if first else 7, urgent=first, handicap=place)
        await put(two.store, change, now=NEW_YEAR + 10)
    if state is not S.QUEUED:
        await put(two.store, moved("ev1", state=state, version=2, assigned_to="", queue=None))
    await two.desk().merge(FIRST, SECOND, "ann")
    kept = await one(two.store, "SELECT rank, urgent, priority FROM inquiries WHERE id = 'ev1.q'")
    assert (kept["urgent"], kept["priority"]) == (1, 1)
    assert kept["rank"] == rank(NEW_YEAR + 10, 1, urgent=True)


@pytest.mark.parametrize("state", [S.ANSWERED, S.RESOLVED, S.WAITING_CUSTOMER])
async def test_a_question_that_waits_does_not_vanish_in_an_answered_one(
    two: Rig, state: InquiryState
) -> None:
    await put(two.store, moved("ev1", state=state, queue=""))
    await put(two.store, Plan("t", (SetTimer("close", "ev1.q", NEW_YEAR + 60),)))
    await put(two.store, moved("ev2", state=S.QUEUED, queue="security", priority=1))
    await two.desk().merge(FIRST, SECOND, "ann")
    kept = await inquiry(two, "ev1")
    assert (kept["state"], kept["queue"], kept["priority"]) == ("queued", "security", 1)
    assert kept["waiting_since"] is not None
    assert await value(two.store, "SELECT COUNT(*) FROM timers") == 0


async def test_an_answered_one_wakes_nobody(two: Rig) -> None:
    await put(two.store, moved("ev1", state=S.RESOLVED), moved("ev2", state=S.ANSWERED))
    await two.desk().merge(FIRST, SECOND, "ann")
    assert (await inquiry(two, "ev1"))["state"] == "resolved"


async def test_the_agent_who_waits_for_the_customer_gets_it_back(two: Rig) -> None:
    await put(two.store, moved("ev1"), moved("ev2"))
    await two.desk().reply(FIRST, "ann", "Which card?")
    await two.desk().merge(FIRST, SECOND, "ann")
    kept = await inquiry(two, "ev1")
    assert (kept["state"], kept["assigned_to"]) == ("assigned", "ann")


@pytest.mark.parametrize("state", [S.ANSWERED, S.RESOLVED, S.WAITING_CUSTOMER])
async def test_what_an_agent_has_in_hand_stays_in_hand(two: Rig, state: InquiryState) -> None:
    """Also without a queue, as after a split from what was never queued."""
    await put(two.store, moved("ev1", state=state, queue="", priority=4))
    await put(two.store, moved("ev2", state=S.ASSIGNED, queue="", assigned_to="ann"))
    await two.desk().merge(FIRST, SECOND, "ann")
    kept = await inquiry(two, "ev1")
    assert (kept["state"], kept["assigned_to"]) == ("assigned", "ann")
    await two.desk().reply(FIRST, "ann", "Both are done.")


async def test_a_message_split_off_and_put_back_is_with_whoever_did_it(two: Rig) -> None:
    await two.desk().merge(FIRST, SECOND, "ann")
    await put(two.store, moved("ev1", state=S.ANSWERED, version=2, queue=""))
    number = await two.desk().split("ev2.in", "ann")
    await two.desk().merge(FIRST, number, "ann")
    kept = await inquiry(two, "ev1")
    assert (kept["state"], kept["assigned_to"]) == ("assigned", "ann")
    assert await messages(two, "ev1") == ["ev1.in", "ev1.out", "ev1.out-ev2", "ev2.in"]


async def test_two_persons_or_closed_or_itself_cannot_be_merged(two: Rig) -> None:
    desk = two.desk()
    for into, source, why in (
        (FIRST, STRANGERS, "two contacts"),
        (FIRST, FIRST, "into itself"),
    ):
        with pytest.raises(NotAllowed, match=why):
            await desk.merge(into, source, "ann")
    with pytest.raises(NotFound):
        await desk.merge(FIRST, "260101-999999", "ann")
    await desk.merge(FIRST, SECOND, "ann")
    for into, source in ((FIRST, SECOND), (SECOND, FIRST)):
        with pytest.raises(NotAllowed, match="merged already"):
            await desk.merge(into, source, "ann")


async def test_what_another_agent_has_is_neither_merged_nor_split(two: Rig) -> None:
    await put(two.store, moved("ev1"), moved("ev2"))
    desk = two.desk()
    await desk.claim(SECOND, "bob")
    for attempt in (
        desk.merge(FIRST, SECOND, "ann"),
        desk.merge(SECOND, FIRST, "ann"),
        desk.split("ev2.in", "ann"),
    ):
        with pytest.raises(NotAllowed, match="is with bob"):
            await attempt


async def test_whoever_planned_against_the_merged_inquiry_plans_again(two: Rig) -> None:
    await two.desk().merge(FIRST, SECOND, "ann")
    for event in ("ev1", "ev2"):
        stale = Plan("s", (ChangeInquiry(f"{event}.q", 1, S.ANSWERED),))
        with pytest.raises(Conflict):
            await put(two.store, stale)


# ---------------------------------------------------------------- split


async def test_a_message_becomes_an_inquiry_of_its_own_in_the_same_conversation(two: Rig) -> None:
    await two.desk().merge(FIRST, SECOND, "ann")
    before = await replies(two)
    number = await two.desk().split("ev2.in", "ann")
    new = await one(two.store, f"SELECT * FROM inquiries WHERE number = '{number}'")
    assert (new["state"], new["assigned_to"]) == ("assigned", "ann")
    assert (new["conversation_id"], new["contact_id"]) == ("ev1.v", "ev1.c")
    assert new["subject"] == "and my card?"
    assert await messages(two, "ev1") == ["ev1.in", "ev1.out", "ev1.out-ev2"]
    assert await replies(two) == before
    message = await two.desk().reply(number, "ann", "Your card is fine.")
    row = await one(two.store, f"SELECT * FROM outbox WHERE id = '{message}'")
    assert (row["conversation_id"], row["recipient"]) == ("ev1.v", "user-1")
    assert (await two.log_kinds())[-3:-1] == ["inquiry.split", "inquiry.created"]


async def test_a_message_of_another_account_becomes_an_inquiry_of_its_kind(two: Rig) -> None:
    await put(two.store, arrival("ev4", account="sms", space="phone", number="260101-000004"))
    await two.desk().merge_contacts("http:user-1", "phone:user-1", "ann")
    await two.desk().merge(FIRST, "260101-000004", "ann")
    number = await two.desk().split("ev4.in", "ann")
    new = await one(two.store, f"SELECT account, channel FROM inquiries WHERE number = '{number}'")
    assert (new["account"], new["channel"]) == ("sms", "sms")


async def test_the_only_message_or_one_of_ours_is_not_split_off(two: Rig) -> None:
    desk = two.desk()
    with pytest.raises(NotAllowed, match="only message"):
        await desk.split("ev1.in", "ann")
    with pytest.raises(NotAllowed, match="customer's message"):
        await desk.split("ev1.out", "ann")
    with pytest.raises(NotFound, match="no message"):
        await desk.split("nobody", "ann")


# ---------------------------------------------------------------- contacts


async def test_two_addresses_of_one_person_become_one_contact_and_two_again(two: Rig) -> None:
    before = await select(two.store, "SELECT id, account, handle_id FROM conversations ORDER BY id")
    await two.desk().merge_contacts("user-1", "http:user-3", "ann")
    assert (await inquiry(two, "ev3"))["contact_id"] == "ev1.c"
    assert await value(two.store, "SELECT COUNT(DISTINCT contact_id) FROM handles") == 1
    with pytest.raises(NotAllowed, match="already"):
        await two.desk().merge_contacts("user-3", "user-1", "ann")
    await two.desk().split_contact("user-3", "ann")
    assert await value(two.store, "SELECT COUNT(DISTINCT contact_id) FROM handles") == 2
    assert (await inquiry(two, "ev1"))["contact_id"] == "ev1.c"
    assert (await inquiry(two, "ev3"))["contact_id"] not in {"ev1.c", "ev3.c"}
    with pytest.raises(NotAllowed, match="no other address"):
        await two.desk().split_contact("user-3", "ann")
    after = await select(two.store, "SELECT id, account, handle_id FROM conversations ORDER BY id")
    assert after == before
    assert (await two.log_kinds())[-2:] == ["contact.merged", "contact.split"]


async def test_an_address_nobody_wrote_from_is_told(two: Rig) -> None:
    with pytest.raises(NotFound, match="nobody has written"):
        await two.desk().merge_contacts("user-1", "user-9", "ann")


async def test_one_spelling_in_two_address_spaces_must_be_named(two: Rig) -> None:
    await put(two.store, arrival("ev4", account="sms", space="phone", number="260101-000004"))
    with pytest.raises(NotAllowed, match="say which"):
        await two.desk().split_contact("user-1", "ann")
    await two.desk().merge_contacts("http:user-1", "phone:user-1", "ann")
    assert (await inquiry(two, "ev4"))["contact_id"] == "ev1.c"
