"""Reads from the database what one event is planned against."""

import json

from gateway.delivery import windows
from gateway.domain.announcement import Announcement, AnnouncementOver
from gateway.domain.channel import Edited, Receipt, Unsent
from gateway.domain.decision import Certificate, OpenCase
from gateway.domain.elapsed import Elapsed, StoredEvent
from gateway.domain.model import JSON, DeliveryState, InquiryState, Visibility
from gateway.domain.reply import OWN_ID
from gateway.domain.snapshot import (
    SAFETY_MARK,
    AccountView,
    HandleView,
    MessageView,
    ReachView,
    Snapshot,
)
from gateway.domain.store import Reader, Row
from gateway.workers.announcing import look_to_tell, news_for
from gateway.workers.threads import inquiry_view, thread

DAY = 24 * 3600.0


def look(
    reader: Reader,
    event: StoredEvent,
    account: AccountView,
    now: float,
    attempt: int,
    certificates: tuple[Certificate, ...] = (),
    announcements: tuple[Announcement, ...] = (),
) -> Snapshot:
    """The snapshot for one event. One consistent read; nothing is written."""
    if isinstance(event, Receipt):
        return _for_receipt(reader, event, account, now, attempt)
    if isinstance(event, Edited | Unsent):
        return _for_change(reader, event, account, now, attempt)
    if isinstance(event, Elapsed):
        return _for_timer(reader, event, account, now, attempt)
    if isinstance(event, AnnouncementOver):
        return _for_telling(reader, event, account, now, attempt)
    row = reader.one(
        "contacts.known",
        space=account.space,
        address=event.sender,
        account=account.id,
        since=now - DAY,
    )
    if row is None:
        return Snapshot(
            now=now,
            account=account,
            attempt=attempt,
            certificates=certificates,
            announcements=announcements,
        )
    handle, conversation_id = _handle(row), row["conversation_id"] or ""
    inquiry, by = thread(reader, event, account, handle, conversation_id, now)
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        certificates=certificates,
        handle=handle,
        conversation_id=conversation_id,
        inquiry=inquiry,
        joined_by=by,
        automatic_today=row["automatic"],
        greeted=bool(row["greeted"]),
        ahead=_ahead(reader, conversation_id, account),
        warned=bool(event.facts.get("redactions")) and _warned(reader, conversation_id, now),
        cases=_cases(reader, conversation_id, handle.contact_id if event.verified else ""),
        callback=_callback(reader, inquiry.id) if inquiry else None,
        announcements=news_for(reader, announcements, inquiry),
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
            origin=row["origin"],
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
    # Another account's provider may write what it likes into an id.
    if row is None or row["direction"] != "out" or row["account"] != account.id:
        return Snapshot(now=now, account=account, attempt=attempt)
    handle = reader.one("contacts.handle_of_conversation", id=row["conversation_id"])
    inquiry = reader.one("inquiries.by_id", id=row["inquiry_id"])
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        handle=_handle(handle) if handle else None,
        conversation_id=row["conversation_id"],
        inquiry=inquiry_view(inquiry) if inquiry else None,
        target=MessageView(
            id=row["id"],
            inquiry_id=row["inquiry_id"],
            conversation_id=row["conversation_id"],
            handle_id=handle["id"] if handle else "",
            delivery=DeliveryState(row["delivery"]) if row["delivery"] else None,
        ),
    )


def _for_change(
    reader: Reader, event: Edited | Unsent, account: AccountView, now: float, attempt: int
) -> Snapshot:
    handle = reader.one("contacts.handle", space=account.space, address=event.sender)
    row = handle and reader.one(
        "messages.of_sender",
        account=account.id,
        external_id=event.external_id,
        handle_id=handle["id"],
    )
    if not handle or not row:
        return Snapshot(now=now, account=account, attempt=attempt)
    inquiry = reader.one("inquiries.by_id", id=row["inquiry_id"])
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        conversation_id=row["conversation_id"],
        inquiry=inquiry_view(inquiry) if inquiry else None,
        target=MessageView(
            id=row["id"],
            inquiry_id=row["inquiry_id"],
            conversation_id=row["conversation_id"],
            handle_id=handle["id"],
            delivery=None,
            unsent=row["unsent_at"] is not None,
        ),
    )


def _cases(reader: Reader, conversation_id: str, contact_id: str) -> tuple[OpenCase, ...]:
    rows = reader.all("inquiries.open_of", conversation_id=conversation_id, contact_id=contact_id)
    return tuple(
        OpenCase(
            row["number"],
            InquiryState(row["state"]),
            row["queue"],
            row["lane"],
            row["rank"],
            bool(row["called"]),
        )
        for row in rows
    )


def _callback(reader: Reader, inquiry_id: str) -> dict[str, JSON] | None:
    row = reader.one("callbacks.standing", inquiry_id=inquiry_id)
    return json.loads(row["body"]) if row else None


def _for_timer(
    reader: Reader, event: Elapsed, account: AccountView, now: float, attempt: int
) -> Snapshot:
    inquiry = reader.one("inquiries.by_id", id=event.inquiry_id)
    conversation = reader.one("contacts.conversation_by_id", id=event.conversation_id)
    handle = reader.one("contacts.handle_of_conversation", id=event.conversation_id)
    if inquiry is None or conversation is None or handle is None:
        return Snapshot(now=now, account=account, attempt=attempt)
    row = reader.one(
        "contacts.known",
        space=handle["space"],
        address=handle["address"],
        account=conversation["account"],
        since=now - DAY,
    )
    last = reader.value("messages.last_visibility", conversation_id=event.conversation_id)
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        handle=_handle(handle),
        conversation_id=event.conversation_id,
        inquiry=inquiry_view(inquiry),
        automatic_today=row["automatic"] if row else 0,
        greeted=bool(row and row["greeted"]),
        shut=_shut(reader, event.conversation_id, account, now),
        reach=ReachView(
            handle["address"],
            json.loads(conversation["reply_to"]),
            public=last != Visibility.PRIVATE,
        ),
    )


def _for_telling(
    reader: Reader, event: AnnouncementOver, account: AccountView, now: float, attempt: int
) -> Snapshot:
    inquiry, told, place = look_to_tell(reader, event)
    if inquiry is None or told is None or place is None:
        return Snapshot(now=now, account=account, attempt=attempt)
    row = reader.one(
        "contacts.known",
        space=place["space"],
        address=place["address"],
        account=account.id,
        since=now - DAY,
    )
    return Snapshot(
        now=now,
        account=account,
        attempt=attempt,
        handle=_handle(row) if row else None,
        conversation_id=place["conversation_id"],
        inquiry=inquiry_view(inquiry),
        greeted=bool(row and row["greeted"]),
        shut=_shut(reader, place["conversation_id"], account, now),
        to_tell=told,
    )


def _ahead(reader: Reader, conversation_id: str, account: AccountView) -> int:
    counted = conversation_id and account.rules.budget is not None
    return windows.ahead(reader, conversation_id, account.rules) if counted else 0


def _shut(reader: Reader, conversation_id: str, account: AccountView, now: float) -> str:
    if not account.rules.limited:
        return ""
    return windows.look(reader, conversation_id, account.rules, now).shut(automatic=True)


def _warned(reader: Reader, conversation_id: str, now: float) -> bool:
    return bool(
        reader.value(
            "messages.marked_since",
            conversation_id=conversation_id,
            since=now - DAY,
            mark=f'%"{SAFETY_MARK}"%',
        )
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
