"""Reads from the database what one event is planned against."""

import json
from typing import Any

from gateway.domain.channel import ChannelEvent, Inbound, Receipt
from gateway.domain.decision import Certificate
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.snapshot import AccountView, HandleView, InquiryView, MessageView, Snapshot
from gateway.domain.store import Reader, Row

#: The `external_id` of news about a message that never left: it has no provider's id, only ours.
OWN_ID = "outbox:"
DAY = 24 * 3600.0


def look(
    reader: Reader,
    event: ChannelEvent,
    account: AccountView,
    now: float,
    attempt: int,
    certificates: tuple[Certificate, ...] = (),
) -> Snapshot:
    """The snapshot for one event. One consistent read; nothing is written."""
    if isinstance(event, Receipt):
        return _for_receipt(reader, event, account, now, attempt)
    handle = reader.one("contacts.handle", space=account.space, address=event.sender)
    if handle is None:
        return Snapshot(now=now, account=account, attempt=attempt, certificates=certificates)
    conversation = reader.one("contacts.conversation", account=account.id, handle_id=handle["id"])
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        certificates=certificates,
        handle=_handle(handle),
        conversation_id=conversation["id"] if conversation else "",
        inquiry=_thread(reader, event, account, conversation["id"]) if conversation else None,
        automatic_today=_automatic(reader, conversation, now),
        greeted=_greeted(reader, conversation),
    )


def certificates_in_force(reader: Reader) -> tuple[Certificate, ...]:
    """Every certificate that has not been revoked."""
    return tuple(
        Certificate(
            id=row["id"],
            scope=row["scope"],
            alpha=row["alpha"],
            delta=row["delta"],
            threshold=row["threshold"],
            answered=row["answered"],
            wrong=row["wrong"],
            knowledge=row["knowledge"],
            demo=bool(row["demo"]),
        )
        for row in reader.all("certificates.in_force")
    )


def _for_receipt(
    reader: Reader, event: Receipt, account: AccountView, now: float, attempt: int
) -> Snapshot:
    if event.external_id.startswith(OWN_ID):
        row = reader.one("messages.by_id", id=event.external_id.removeprefix(OWN_ID))
    elif event.external_id:
        row = reader.one(
            "messages.outgoing_by_external", account=account.id, external_id=event.external_id
        )
    else:
        row = None
    if row is None or row["direction"] != "out":
        return Snapshot(now=now, account=account, attempt=attempt)
    handle = reader.one("contacts.handle_of_conversation", id=row["conversation_id"])
    inquiry = reader.one("inquiries.by_id", id=row["inquiry_id"])
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        handle=_handle(handle) if handle else None,
        conversation_id=row["conversation_id"],
        inquiry=_inquiry(inquiry) if inquiry else None,
        target=MessageView(
            id=row["id"],
            inquiry_id=row["inquiry_id"],
            conversation_id=row["conversation_id"],
            handle_id=handle["id"] if handle else "",
            delivery=DeliveryState(row["delivery"]) if row["delivery"] else None,
        ),
    )


def _thread(
    reader: Reader, event: Inbound, account: AccountView, conversation: str
) -> InquiryView | None:
    """The inquiry a message goes on with: by signed token, by the message it answers, else the open
    one of this conversation. Only inquiries of this very conversation: a number or id that was
    guessed or forwarded joins nothing, and an empty id matches nothing."""
    if event.thread.token:
        row = reader.one("inquiries.by_number", number=event.thread.token)
        if _joins(row, conversation):
            return _inquiry(row)
    for external_id in event.thread.message_ids:
        if not external_id:
            continue
        message = reader.one("messages.by_external", account=account.id, external_id=external_id)
        if message is not None and message["conversation_id"] == conversation:
            row = reader.one("inquiries.by_id", id=message["inquiry_id"])
            if _joins(row, conversation):
                return _inquiry(row)
    if event.facts.get("mail_class", "person") != "person":
        return None
    row = reader.one("inquiries.latest_open", conversation_id=conversation)
    return _inquiry(row) if row else None


def _joins(row: Row | None, conversation: str) -> bool:
    return (
        row is not None
        and row["conversation_id"] == conversation
        and row["state"] != InquiryState.CLOSED
    )


def _automatic(reader: Reader, conversation: Row | None, now: float) -> int:
    if conversation is None:
        return 0
    count: int = reader.value(
        "messages.automatic_since", conversation_id=conversation["id"], since=now - DAY
    )
    return count


def _greeted(reader: Reader, conversation: Row | None) -> bool:
    return conversation is not None and bool(
        reader.value("messages.answered_before", conversation_id=conversation["id"])
    )


def _handle(row: Row) -> HandleView:
    return HandleView(
        id=row["id"],
        contact_id=row["contact_id"],
        trust=row["trust"],
        flag=row["flag"],
        name=row["name"],
        language=row["language"],
    )


def _inquiry(row: Any) -> InquiryView:
    return InquiryView(
        id=row["id"],
        number=row["number"],
        conversation_id=row["conversation_id"],
        state=InquiryState(row["state"]),
        version=row["version"],
        topic=row["topic"],
        queue=row["queue"],
        language=row["language"],
        subject=row["subject"],
        brand=row["brand"],
        assigned_to=row["assigned_to"],
        dialogue=json.loads(row["dialogue"]),
    )
