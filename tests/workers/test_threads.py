"""Which inquiry a letter joins: by token, reference, subject, or what is open; and what joins nothing."""

from typing import Any

import pytest

from gateway.domain.channel import Inbound
from gateway.domain.model import InquiryState, ThreadRefs
from gateway.domain.plan import (
    AddMessage,
    CreateInquiry,
    EndMerged,
    MergeContacts,
    MoveMessages,
    Plan,
)
from gateway.domain.snapshot import Snapshot
from gateway.testing.clock import NEW_YEAR
from gateway.workers.snapshots import DAY, look
from tests.store.rows import arrival, moved, outgoing, put
from tests.workers.rig import ACCOUNTS, Rig

ANNA, EVE = "anna@mail.example", "eve@evil.example"
FIRST, SECOND, THIRD = "260101-000001", "260101-000002", "260101-000003"
OURS = "<ev1.out@pay.example>"


def letter(
    sender: str = ANNA,
    *,
    token: str = "",
    ids: tuple[str, ...] = (),
    subject: str = "",
    verified: bool = False,
    **facts: Any,
) -> Inbound:
    thread = ThreadRefs(token, ids)
    return Inbound(
        "<x@mail.example>", sender, "hello", subject, thread=thread, verified=verified, facts=facts
    )


async def joined(rig: Rig, event: Inbound, account: str = "box", later: float = 10) -> Snapshot:
    return await rig.store.read(
        lambda reader: look(reader, event, ACCOUNTS[account], NEW_YEAR + later, 1)
    )


async def found(rig: Rig, event: Inbound, **more: Any) -> tuple[str, str]:
    """The number of the inquiry, and by what it was found."""
    snapshot = await joined(rig, event, **more)
    return (snapshot.inquiry.number if snapshot.inquiry else "", snapshot.joined_by)


def mail(event: str, number: str, sender: str = ANNA) -> Plan:
    return arrival(event, sender=sender, number=number, account="box", space="email")


def another(event: str, number: str) -> Plan:
    """One more inquiry of the customer of `ev1`."""
    first = {
        "conversation_id": "ev1.v", "contact_id": "ev1.c", "brand": "demo", "account": "box",
        "channel": "email", "subject": "", "language": "en",
    }  # fmt: skip
    message = AddMessage(
        f"{event}.in", "ev1.v", f"{event}.q", "in", "private", "customer", False, "hello"
    )
    return Plan(event, (CreateInquiry(f"{event}.q", number, **first), message))


@pytest.fixture
async def two(rig: Rig) -> Rig:
    """Anna has a resolved inquiry with our answer in it, and an open one; Eve has one of her own."""
    await put(rig.store, mail("ev1", FIRST), outgoing("ev1"))
    await rig.work(lambda tx: tx.run("messages.set_external", id="ev1.out", external_id=OURS))
    await put(rig.store, moved("ev1", state=InquiryState.RESOLVED))
    await put(rig.store, another("ev2", SECOND), mail("ev3", THIRD, EVE))
    return rig


async def test_the_strongest_tie_decides(two: Rig) -> None:
    subject = f"Re: Top-up [#{FIRST}]"
    everything = letter(token=FIRST, ids=("<c9@x.example>", OURS), subject=subject)
    assert await found(two, everything) == (FIRST, "token")
    assert await found(two, letter(ids=("<c9@x.example>", OURS))) == (FIRST, "reference")
    assert await found(two, letter(subject=subject)) == (FIRST, "subject")
    assert await found(two, letter(subject="Re: Top-up")) == (SECOND, "open")
    assert await found(two, letter("new@mail.example")) == ("", "")


async def test_the_customers_own_earlier_letter_is_a_reference_too(two: Rig) -> None:
    await two.work(
        lambda tx: tx.run("messages.set_external", id="ev1.in", external_id="<c1@mail.example>")
    )
    assert await found(two, letter(ids=("<c1@mail.example>",))) == (FIRST, "reference")


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize(
    "quoted",
    [{"token": FIRST}, {"ids": (OURS,)}, {"subject": f"Re: [#{FIRST}]"}],
    ids=["token", "reference", "subject"],
)
async def test_what_a_stranger_quotes_joins_nothing(
    two: Rig, quoted: dict[str, Any], verified: bool
) -> None:
    """Also when the token is genuine: the answer was forwarded, the address book was stolen."""
    assert await found(two, letter("new@mail.example", verified=verified, **quoted)) == ("", "")
    assert await found(two, letter(EVE, verified=verified, **quoted)) == (THIRD, "open")


@pytest.mark.parametrize("token", ["260101-999999", "260101-00000", "", " ", "%", "ev1.q"])
async def test_a_guessed_token_joins_nothing(two: Rig, token: str) -> None:
    assert await found(two, letter(token=token, subject=f"[#{token}]")) == (SECOND, "open")
    assert await found(two, letter("new@mail.example", token=token)) == ("", "")


@pytest.mark.parametrize("external_id", ["", "<>", "<1>", "<1@a>", "1", "%"])
async def test_an_empty_or_short_id_matches_nothing(two: Rig, external_id: str) -> None:
    """Even when a message has just that: senders that number their letters from 1 are many."""
    await two.work(lambda tx: tx.run("messages.set_external", id="ev1.in", external_id=external_id))
    assert await found(two, letter(ids=(external_id,))) == (SECOND, "open")


async def test_a_foreign_letter_with_the_same_id_takes_no_reply_away(two: Rig) -> None:
    """Anybody can write our Message-ID into a letter of his own."""
    await two.work(lambda tx: tx.run("messages.set_external", id="ev3.in", external_id=OURS))
    assert await found(two, letter(ids=(OURS,))) == (FIRST, "reference")
    assert await found(two, letter(EVE, ids=(OURS,))) == (THIRD, "reference")


async def test_of_forwarded_numbers_in_a_subject_the_first_of_our_own_counts(two: Rig) -> None:
    subject = f"Fwd: [#{THIRD}] Re: [#{FIRST}]"
    assert await found(two, letter(subject=subject)) == (FIRST, "subject")
    crowded = "".join(f"[#260101-99999{n}]" for n in range(9))
    assert await found(two, letter(subject=f"{crowded} [#{FIRST}]")) == (SECOND, "open")


async def test_a_channel_without_subjects_reads_none(rig: Rig) -> None:
    await put(rig.store, arrival(account="sms", space="phone"), moved(state=InquiryState.RESOLVED))
    event = Inbound("x", "user-1", "hello", f"[#{FIRST}]")
    assert await found(rig, event, account="sms") == ("", "")


async def test_what_is_open_is_joined_within_its_window(two: Rig) -> None:
    window = ACCOUNTS["box"].window
    assert await found(two, letter(), later=window - DAY) == (SECOND, "open")
    assert await found(two, letter(), later=window + DAY) == ("", "")
    assert await found(two, letter(subject=f"[#{SECOND}]"), later=window + DAY) == (
        SECOND,
        "subject",
    )


async def test_what_a_person_has_in_hand_is_open_however_long_it_takes(two: Rig) -> None:
    await put(two.store, moved("ev2", state=InquiryState.QUEUED))
    assert await found(two, letter(), later=10 * ACCOUNTS["box"].window) == (SECOND, "open")


async def test_a_forged_letter_joins_only_what_it_has_the_token_of(two: Rig) -> None:
    """DMARC failed: neither an id that was seen nor a number that was guessed opens a conversation,
    and a forged "yes, solved" settles nothing."""
    forged = {"authentication": "dmarc=fail"}
    assert await found(two, letter(**forged)) == ("", "")
    assert await found(two, letter(ids=(OURS,), subject=f"[#{FIRST}]", **forged)) == ("", "")
    assert await found(two, letter(token=FIRST, **forged)) == (FIRST, "token")


async def test_another_account_of_the_same_brand_finds_it_another_brands_does_not(
    two: Rig,
) -> None:
    accounts = {
        name: ACCOUNTS["box"].__class__(name, "email", brand, "email", "long", subject=True)
        for name, brand in (("sales", "demo"), ("else", "other"))
    }
    for name, number in (("sales", FIRST), ("else", "")):
        snapshot = await two.store.read(
            lambda reader, name=name: look(
                reader, letter(token=FIRST), accounts[name], NEW_YEAR + 10, 1
            )
        )
        assert snapshot.conversation_id == ""
        assert (snapshot.inquiry.number if snapshot.inquiry else "") == number


# ---------------------------------------------------------------- merged inquiries and contacts


async def test_the_number_of_a_merged_inquiry_leads_to_what_it_was_merged_into(two: Rig) -> None:
    await put(two.store, moved("ev2", state=InquiryState.QUEUED))
    merge = (MoveMessages("ev1.q", "ev2.q"), EndMerged("ev1.q", 2, "ev2.q"))
    await put(two.store, Plan("m", merge))
    assert await found(two, letter(token=FIRST)) == (SECOND, "token")
    assert await found(two, letter(ids=(OURS,))) == (SECOND, "reference")
    assert await found(two, letter(subject=f"[#{FIRST}]")) == (SECOND, "subject")
    assert await found(two, letter(EVE, token=FIRST)) == (THIRD, "open")


async def test_another_address_of_the_same_person_joins_when_it_is_proved(two: Rig) -> None:
    """An agent said that Eve is Anna: her From line alone still proves nothing about Anna's letters."""
    await put(two.store, Plan("m", (MergeContacts("ev1.c", "ev3.c"),)))
    assert await found(two, letter(EVE, token=FIRST)) == (THIRD, "open")
    assert await found(two, letter(EVE, token=FIRST, verified=True)) == (FIRST, "token")
