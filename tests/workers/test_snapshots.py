"""What one event is planned against: the right inquiry, and never somebody else's."""

from dataclasses import replace
from typing import Any

from gateway.domain.channel import Inbound, Receipt
from gateway.domain.model import DeliveryState, InquiryState, ThreadRefs
from gateway.domain.plan import OpenConversation, Plan, TouchConversation
from gateway.domain.snapshot import Snapshot
from gateway.testing.clock import NEW_YEAR
from gateway.workers.snapshots import DAY, certificates_in_force, look
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.rig import ACCOUNTS, Rig


async def seen(rig: Rig, event: Inbound | Receipt, account: str = "app") -> Snapshot:
    return await rig.store.read(
        lambda reader: look(reader, event, ACCOUNTS[account], NEW_YEAR + 10, 1)
    )


def message(
    sender: str = "user-1", *, token: str = "", ids: tuple[str, ...] = (), **facts: Any
) -> Inbound:
    return Inbound("x", sender, "hello", thread=ThreadRefs(token, ids), facts=facts)


async def test_a_stranger_has_nothing(rig: Rig) -> None:
    found = await seen(rig, message())
    assert (found.handle, found.conversation_id, found.inquiry) == (None, "", None)


async def test_a_customer_has_the_open_inquiry_of_the_conversation(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(dialogue={"pending": "brand?"}))
    found = await seen(rig, message())
    assert found.handle is not None
    assert found.inquiry is not None
    assert (found.inquiry.id, found.inquiry.version) == ("ev1.q", 2)
    assert found.inquiry.dialogue == {"pending": "brand?"}


async def test_a_resolved_inquiry_is_joined_by_its_thread_only(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing(), moved(state=InquiryState.RESOLVED))
    await rig.work(lambda tx: tx.run("messages.set_external", id="ev1.out", external_id="<o@x>"))
    assert (await seen(rig, message())).inquiry is None
    for thread in (message(token="260101-000001"), message(ids=("", "<none@x>", "<o@x>"))):
        found = (await seen(rig, thread)).inquiry
        assert found is not None
        assert found.id == "ev1.q"


async def test_a_closed_inquiry_is_joined_by_nothing(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.CLOSED))
    for thread in (message(), message(token="260101-000001"), message(ids=("ext-ev1",))):
        assert (await seen(rig, thread)).inquiry is None


async def test_the_number_or_message_of_somebody_else_joins_nothing(rig: Rig) -> None:
    await put(
        rig.store, arrival(), moved(), arrival("ev2", sender="user-2", number="260101-000002")
    )
    thief = message("user-2", token="260101-000001", ids=("ext-ev1",))
    found = (await seen(rig, thief)).inquiry
    assert found is not None
    assert found.id == "ev2.q"
    assert (await seen(rig, message("user-3", token="260101-000001"))).inquiry is None


async def test_an_empty_id_matches_no_message_without_one(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing(), moved(state=InquiryState.RESOLVED))
    assert (await seen(rig, message(ids=("",)))).inquiry is None
    assert (await seen(rig, Receipt("", DeliveryState.SENT))).target is None


async def test_automatic_mail_joins_its_thread_but_not_just_any_open_inquiry(rig: Rig) -> None:
    await put(rig.store, arrival(), moved())
    assert (await seen(rig, message(mail_class="auto_reply"))).inquiry is None
    joined = await seen(rig, message(mail_class="auto_reply", ids=("ext-ev1",)))
    assert joined.inquiry is not None


async def test_automatic_texts_are_counted_for_a_day_and_remembered_for_ever(rig: Rig) -> None:
    await put(rig.store, arrival())
    assert (await seen(rig, message())).greeted is False
    await put(rig.store, outgoing(part="o1"), now=NEW_YEAR + 10 - DAY - 1)
    await put(rig.store, outgoing(part="o2"), outgoing(part="o3"))
    found = await seen(rig, message())
    assert (found.automatic_today, found.greeted) == (2, True)


async def test_the_budget_is_of_the_address_through_whichever_account(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing())
    await put(rig.store, Plan("o", (OpenConversation("v2", "app-2", "ev1.h"),)))
    await rig.meddle("UPDATE messages SET conversation_id = 'v2' WHERE id = 'ev1.out'")
    found = await seen(rig, message())
    assert (found.conversation_id, found.automatic_today) == ("ev1.v", 1)


async def test_a_receipt_finds_our_message_by_the_providers_id(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing())
    await rig.work(lambda tx: tx.run("messages.set_external", id="ev1.out", external_id="SM1"))
    found = await seen(rig, Receipt("SM1", DeliveryState.DELIVERED))
    assert found.target is not None
    assert (found.target.id, found.target.handle_id) == ("ev1.out", "ev1.h")
    assert found.inquiry is not None
    assert found.inquiry.id == "ev1.q"
    other = await seen(rig, Receipt("SM1", DeliveryState.DELIVERED), account="sms")
    assert other.target is None, "ids are a provider's within one account"


async def test_a_receipt_finds_what_never_left_by_our_id(rig: Rig) -> None:
    await put(rig.store, arrival(), outgoing())
    found = await seen(rig, Receipt("outbox:ev1.out", DeliveryState.FAILED))
    assert found.target is not None
    assert found.target.id == "ev1.out"
    other = await seen(rig, Receipt("outbox:ev1.out", DeliveryState.FAILED), account="sms")
    assert other.target is None, "another account's provider may write what it likes into an id"


async def test_a_receipt_never_speaks_of_what_the_customer_wrote(rig: Rig) -> None:
    await put(rig.store, arrival())
    assert (await seen(rig, Receipt("ext-ev1", DeliveryState.BOUNCED))).target is None


async def test_a_provider_may_number_what_comes_and_what_goes_alike(rig: Rig) -> None:
    """The customer's message 5 and our message 5 are two; the receipt is of ours."""
    await put(rig.store, arrival(), outgoing())
    await rig.work(lambda tx: tx.run("messages.set_external", id="ev1.out", external_id="ext-ev1"))
    found = await seen(rig, Receipt("ext-ev1", DeliveryState.DELIVERED))
    assert found.target is not None
    assert found.target.id == "ev1.out"


async def test_certificates_in_force_are_those_that_nobody_revoked(rig: Rig) -> None:
    row = {
        "scope": "*/en/normal", "alpha": 0.05, "delta": 0.1, "threshold": 0.7, "answered": 100,
        "wrong": 0, "knowledge": "k1", "origin": "bootstrap", "created_at": 1.0,
    }  # fmt: skip
    rows = [{**row, "id": name} for name in ("a", "b")]
    await rig.work(lambda tx: tx.run_many("certificates.add", rows))
    await rig.work(lambda tx: tx.run("certificates.revoke", id="a", at=2.0))
    (found,) = await rig.store.read(certificates_in_force)
    assert (found.id, found.origin) == ("b", "bootstrap")


async def test_the_moment_a_message_opened_the_window_is_kept(rig: Rig) -> None:
    await put(rig.store, arrival(), Plan("t", (TouchConversation("ev1.v", 55.0, {}),)))
    row = await rig.store.read(lambda reader: reader.one("contacts.conversation_by_id", id="ev1.v"))
    assert row is not None
    assert row["last_in_at"] == 55.0


async def test_the_cases_of_a_customer_are_those_of_the_conversation(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.QUEUED, queue="payments"))
    await put(rig.store, arrival("ev2", sender="user-2", number="260101-000002"))
    (case,) = (await seen(rig, message())).cases
    assert (case.number, case.state, case.queue) == (
        "260101-000001", InquiryState.QUEUED, "payments",
    )  # fmt: skip
    assert [c.number for c in (await seen(rig, message("user-2"))).cases] == ["260101-000002"]
    assert (await seen(rig, message("user-3"))).cases == ()


async def test_a_closed_case_is_none(rig: Rig) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.CLOSED))
    assert (await seen(rig, message())).cases == ()


async def test_cases_of_the_contacts_other_addresses_are_for_a_proved_sender_alone(
    rig: Rig,
) -> None:
    await put(rig.store, arrival(), moved(state=InquiryState.QUEUED))
    await put(rig.store, arrival("ev2", sender="user-2", number="260101-000002"))
    await rig.work(lambda tx: tx.run("contacts.move_handles", contact_id="ev1.c", other="ev2.c"))
    await rig.work(lambda tx: tx.run("contacts.move_inquiries", contact_id="ev1.c", other="ev2.c"))
    claimed = await seen(rig, message("user-2"))
    assert [c.number for c in claimed.cases] == ["260101-000002"]
    proved = await seen(rig, replace(message("user-2"), verified=True))
    assert {c.number for c in proved.cases} == {"260101-000001", "260101-000002"}
