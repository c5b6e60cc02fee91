"""`apply` is the only writer of what was decided: one plan, one transaction, all or nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.domain.errors import Conflict
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.plan import (
    AddMessage,
    CancelTimer,
    ChangeInquiry,
    CreateContact,
    CreateInquiry,
    EndMerged,
    EraseMessage,
    FetchAttachment,
    FlagHandle,
    ForgetEvent,
    LinkAnnouncement,
    Log,
    MarkDelivery,
    MergeContacts,
    MoveCallback,
    MoveMessages,
    OpenConversation,
    Plan,
    RequestCallback,
    ReviseMessage,
    Send,
    SetTimer,
    SettleAnnouncement,
    SplitContact,
    TouchConversation,
    UpdateContact,
    VerifyHandle,
)
from gateway.domain.reviews import AddReview, Finding, KeepAnswer, ReviewAnswer, Source, Verdict
from gateway.domain.store import Tx
from gateway.store import calls, content
from gateway.store.renewal import touch


def apply(tx: Tx, plan: Plan, now: float) -> None:
    """Write a plan.

    Raises:
        Conflict: the inquiry's version or the certificate (which names the knowledge it was measured
            on) is no longer what the plan was made from, or a row it creates is there already.
            Nothing is written.
    """
    if plan.certificate and not tx.value("certificates.valid", id=plan.certificate):
        msg = f"certificate {plan.certificate} is no longer in force"
        raise Conflict(msg)
    for op in plan.ops:
        _APPLY[type(op)](tx, op, now)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))


def _create_contact(tx: Tx, op: CreateContact, now: float) -> None:
    tx.run(
        "contacts.add_contact", id=op.contact_id, name=op.name, language=op.language, created_at=now
    )
    tx.run(
        "contacts.add_handle",
        id=op.handle_id,
        contact_id=op.contact_id,
        space=op.space,
        address=op.address,
        trust=op.trust.value,
        created_at=now,
    )


def _update_contact(tx: Tx, op: UpdateContact, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("contacts.set_language", id=op.contact_id, language=op.language)


def _flag_handle(tx: Tx, op: FlagHandle, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("contacts.flag_handle", id=op.handle_id, flag=op.flag)


def _verify_handle(tx: Tx, op: VerifyHandle, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("contacts.verify_handle", id=op.handle_id)


def _merge_contacts(tx: Tx, op: MergeContacts, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("contacts.move_handles", contact_id=op.contact_id, other=op.other)
    tx.run("contacts.move_inquiries", contact_id=op.contact_id, other=op.other)


def _split_contact(tx: Tx, op: SplitContact, now: float) -> None:
    tx.run(
        "contacts.add_contact", id=op.contact_id, name=op.name, language=op.language, created_at=now
    )
    tx.run("contacts.move_handle", id=op.handle_id, contact_id=op.contact_id)
    tx.run("contacts.move_inquiries_of", handle_id=op.handle_id, contact_id=op.contact_id)


def _open_conversation(tx: Tx, op: OpenConversation, now: float) -> None:
    tx.run(
        "contacts.open_conversation",
        id=op.conversation_id,
        account=op.account,
        handle_id=op.handle_id,
        created_at=now,
    )


def _create_inquiry(tx: Tx, op: CreateInquiry, now: float) -> None:
    tx.run(
        "inquiries.add",
        id=op.inquiry_id,
        number=op.number,
        conversation_id=op.conversation_id,
        contact_id=op.contact_id,
        brand=op.brand,
        account=op.account,
        channel=op.channel,
        subject=op.subject,
        language=op.language,
        at=now,
    )


def _change_inquiry(tx: Tx, op: ChangeInquiry, now: float) -> None:
    changed = tx.run(
        "inquiries.change",
        id=op.inquiry_id,
        version=op.version,
        state=op.state.value,
        topic=op.topic,
        language=op.language,
        queue=op.queue,
        priority=op.priority,
        urgent=None if op.urgent is None else int(op.urgent),
        dialogue=None if op.dialogue is None else _json(op.dialogue),
        assigned_to=op.assigned_to,
        lane=op.lane,
        handicap=op.handicap,
        routing=None if op.routing is None else _json(op.routing),
        at=now,
    )
    if not changed:
        msg = f"inquiry {op.inquiry_id} is no longer at version {op.version}"
        raise Conflict(msg)
    if op.state is InquiryState.QUEUED:
        tx.run("routing.know_lane", id=op.inquiry_id)


def _move_messages(tx: Tx, op: MoveMessages, now: float) -> None:  # noqa: ARG001 - one signature for all
    if not op.message_ids:
        tx.run("messages.move_all", source=op.source, target=op.target)
        tx.run("messages.move_all_sends", source=op.source, target=op.target)
        return
    for message_id in op.message_ids:
        if not tx.run("messages.move", id=message_id, source=op.source, target=op.target):
            msg = f"message {message_id} is no longer in inquiry {op.source}"
            raise Conflict(msg)
        tx.run("messages.move_send", id=message_id, target=op.target)


def _end_merged(tx: Tx, op: EndMerged, now: float) -> None:
    tx.run("inquiries.keep_place", id=op.into, other=op.inquiry_id)
    tx.run("announcements.follow_merge", inquiry_id=op.inquiry_id, target=op.into)
    tx.run("announcements.forget", inquiry_id=op.inquiry_id)
    if not tx.run(
        "inquiries.end_merged", id=op.inquiry_id, version=op.version, into=op.into, at=now
    ):
        msg = f"inquiry {op.inquiry_id} is no longer at version {op.version}"
        raise Conflict(msg)


def _add_message(tx: Tx, op: AddMessage, now: float) -> None:
    delivery = op.delivery or (DeliveryState.QUEUED if op.direction == "out" else None)
    note = op.visibility == "note"
    tx.run("contacts.advance", id=op.conversation_id)
    added = tx.run(
        "messages.add",
        id=op.message_id,
        conversation_id=op.conversation_id,
        inquiry_id=op.inquiry_id,
        direction=op.direction,
        visibility=op.visibility,
        author=op.author,
        automatic=int(op.automatic),
        at=op.at if op.at is not None else now,
        subject=op.subject,
        text=op.text,
        external_id=op.external_id,
        delivery="" if note or delivery is None else delivery.value,
        delivery_rank=-1 if note or delivery is None else delivery.rank,
        meta=_json(op.meta),
    )
    if not added:
        msg = f"conversation {op.conversation_id} is gone"
        raise Conflict(msg)
    content.name_files(tx, op)
    if op.direction == "out" and not note:
        tx.run("inquiries.responded", id=op.inquiry_id, at=now)


def _send(tx: Tx, op: Send, now: float) -> None:
    tx.run(
        "outbox.add",
        id=op.message_id,
        account=op.account,
        conversation_id=op.conversation_id,
        inquiry_id=op.inquiry_id,
        recipient=op.recipient,
        payload=_json(op.payload),
        created_at=now,
        due_at=op.due_at,
    )


def _set_timer(tx: Tx, op: SetTimer, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run(
        "timers.set", kind=op.kind, subject=op.subject, due_at=op.due_at, payload=_json(op.payload)
    )


def _cancel_timer(tx: Tx, op: CancelTimer, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("timers.cancel", kind=op.kind, subject=op.subject)


def _mark_delivery(tx: Tx, op: MarkDelivery, now: float) -> None:  # noqa: ARG001 - one signature for all
    tx.run("messages.advance", id=op.message_id)
    tx.run(
        "messages.deliver",
        id=op.message_id,
        delivery=op.state.value,
        delivery_rank=op.state.rank,
        detail=op.detail,
    )
    tx.run(
        "messages.deliver_carried",
        carrier=op.message_id,
        delivery=op.state.value,
        delivery_rank=op.state.rank,
        detail=op.detail,
    )


def _link_announcement(tx: Tx, op: LinkAnnouncement, now: float) -> None:
    held = tx.one("announcements.hold", id=op.announcement_id)
    if held is None or held["over_at"] is not None:
        msg = f"announcement {op.announcement_id} is over"
        raise Conflict(msg)
    tx.run(
        "announcements.link",
        announcement_id=op.announcement_id,
        inquiry_id=op.inquiry_id,
        message_id=op.message_id,
        at=now,
    )


def _settle_announcement(tx: Tx, op: SettleAnnouncement, now: float) -> None:
    if not tx.run(
        "announcements.settle",
        announcement_id=op.announcement_id,
        inquiry_id=op.inquiry_id,
        outcome=op.outcome,
        at=now,
    ):
        msg = f"inquiry {op.inquiry_id} was told about announcement {op.announcement_id} before"
        raise Conflict(msg)


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "message_id": found.message_id,
        "certificate": found.certificate,
        "brand": found.brand,
        "language": found.language,
        "topic": found.topic,
        "confidence": found.confidence,
        "knowledge": found.knowledge,
        "scored": int(found.scored),
        "opening": int(found.opening),
    }


def _keep_answer(tx: Tx, op: KeepAnswer, now: float) -> None:
    tx.run("reviews.keep_answer", **_finding(op.finding), at=now)


def _add_review(tx: Tx, op: AddReview, now: float) -> None:
    tx.run(
        "reviews.add",
        **_finding(op.finding),
        id=op.review_id,
        source=op.source.value,
        verdict=op.verdict.value,
        right_topic=op.right_topic,
        judged_by=op.judged_by,
        judged_at=None if op.verdict is Verdict.PENDING else now,
        at=now,
    )


def _review_answer(tx: Tx, op: ReviewAnswer, now: float) -> None:
    answer = tx.one("reviews.last_answer", inquiry_id=op.inquiry_id)
    if answer is None:
        return
    tx.run(
        "reviews.add",
        **answer,
        id=op.review_id,
        source=Source.CUSTOMER.value,
        verdict=(Verdict.RIGHT if op.solved else Verdict.PENDING).value,
        right_topic=answer["topic"] if op.solved else "",
        judged_by=Source.CUSTOMER.value if op.solved else "",
        judged_at=now if op.solved else None,
        at=now,
    )


def _log(tx: Tx, op: Log, now: float) -> None:
    event = op.event
    tx.log(event if event.at else replace(event, at=now))


_APPLY: dict[type, Callable[[Tx, Any, float], None]] = {
    CreateContact: _create_contact,
    UpdateContact: _update_contact,
    FlagHandle: _flag_handle,
    VerifyHandle: _verify_handle,
    MergeContacts: _merge_contacts,
    SplitContact: _split_contact,
    OpenConversation: _open_conversation,
    TouchConversation: touch,
    CreateInquiry: _create_inquiry,
    ChangeInquiry: _change_inquiry,
    MoveMessages: _move_messages,
    EndMerged: _end_merged,
    AddMessage: _add_message,
    FetchAttachment: content.want,
    ReviseMessage: content.revise,
    EraseMessage: content.erase,
    ForgetEvent: content.forget,
    Send: _send,
    SetTimer: _set_timer,
    CancelTimer: _cancel_timer,
    MarkDelivery: _mark_delivery,
    LinkAnnouncement: _link_announcement,
    SettleAnnouncement: _settle_announcement,
    KeepAnswer: _keep_answer,
    AddReview: _add_review,
    ReviewAnswer: _review_answer,
    RequestCallback: calls.request,
    MoveCallback: calls.move,
    Log: _log,
}
