"""Events as JSON: the re-encoding that is stored in place of what arrived."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.domain.announcement import OVER, AnnouncementOver
from gateway.domain.channel import Edited, Inbound, Receipt, Unsent
from gateway.domain.elapsed import STORED_AS, Elapsed, StoredEvent
from gateway.domain.model import JSON, Attachment, DeliveryState, ThreadRefs, Visibility


def encode(event: StoredEvent) -> dict[str, JSON]:
    """An event as JSON. Attachment bytes are left out: they lie in the blob store by then."""
    if isinstance(event, AnnouncementOver):
        return {"announcement": event.announcement_id, "inquiry": event.inquiry_id}
    if isinstance(event, Elapsed):
        return {
            "kind": event.kind,
            "inquiry_id": event.inquiry_id,
            "conversation_id": event.conversation_id,
        }
    if isinstance(event, Receipt):
        return {
            "external_id": event.external_id,
            "status": event.status.value,
            "at": event.at,
            "code": event.code,
            "detail": event.detail,
            "recipient": event.recipient,
        }
    if isinstance(event, Edited | Unsent):
        return asdict(event)
    body: dict[str, JSON] = {
        "external_id": event.external_id,
        "sender": event.sender,
        "text": event.text,
    }
    # What is empty is left out: most messages have no more than the above.
    if event.subject:
        body["subject"] = event.subject
    if event.name:
        body["name"] = event.name
    if event.at is not None:
        body["at"] = event.at
    if event.visibility is not Visibility.PRIVATE:
        body["visibility"] = event.visibility.value
    if event.verified:
        body["verified"] = True
    if event.thread.token or event.thread.message_ids:
        body["thread"] = [event.thread.token, *event.thread.message_ids]
    if event.attachments:
        body["attachments"] = [encode_attachment(item) for item in event.attachments]
    if event.reply_to:
        body["reply_to"] = dict(event.reply_to)
    if event.facts:
        body["facts"] = dict(event.facts)
    return body


def encode_attachment(item: Attachment) -> dict[str, JSON]:
    """An attachment without its bytes."""
    return {
        "name": item.name,
        "type": item.content_type,
        "size": item.size,
        "blob": item.blob,
        "url": item.url,
        "inline": item.inline,
    }


def decode_attachment(body: Mapping[str, Any]) -> Attachment:
    """What `encode_attachment` wrote."""
    return Attachment(
        name=body["name"],
        content_type=body["type"],
        size=body["size"],
        blob=body["blob"],
        url=body["url"],
        inline=body["inline"],
    )


def decode(kind: str, body: Mapping[str, Any]) -> StoredEvent:
    """What `encode` wrote. `kind` is what `kind_of` gives; ValueError for another."""
    if kind == STORED_AS:
        return Elapsed(body["kind"], body["inquiry_id"], body["conversation_id"])
    if kind == OVER:
        return AnnouncementOver(body["announcement"], body["inquiry"])
    if kind == "edit":
        return Edited(**body)
    if kind == "unsend":
        return Unsent(**body)
    if kind not in ("message", "receipt"):
        msg = f"no kind of event: {kind!r}"
        raise ValueError(msg)
    if kind == "receipt":
        return Receipt(
            external_id=body["external_id"],
            status=DeliveryState(body["status"]),
            at=body["at"],
            code=body["code"],
            detail=body["detail"],
            recipient=body["recipient"],
        )
    token, *message_ids = body.get("thread") or [""]
    return Inbound(
        external_id=body["external_id"],
        sender=body["sender"],
        text=body["text"],
        subject=body.get("subject", ""),
        name=body.get("name", ""),
        at=body.get("at"),
        visibility=Visibility(body.get("visibility", Visibility.PRIVATE)),
        verified=body.get("verified", False),
        thread=ThreadRefs(token, tuple(message_ids)),
        attachments=tuple(decode_attachment(item) for item in body.get("attachments", ())),
        reply_to=body.get("reply_to", {}),
        facts=body.get("facts", {}),
    )


def kind_of(event: StoredEvent) -> str:
    """The name under which an event is stored."""
    if isinstance(event, AnnouncementOver):
        return OVER
    if isinstance(event, Elapsed):
        return STORED_AS
    return _KINDS[type(event)]


_KINDS = {Inbound: "message", Receipt: "receipt", Edited: "edit", Unsent: "unsend"}
