"""Events as JSON: the re-encoding that is stored in place of what arrived."""

from collections.abc import Mapping
from typing import Any

from gateway.domain.channel import ChannelEvent, Inbound, Receipt
from gateway.domain.model import JSON, Attachment, DeliveryState, ThreadRefs, Visibility


def encode(event: ChannelEvent) -> dict[str, JSON]:
    """An event as JSON. Attachment bytes are left out: they lie in the blob store by then."""
    if isinstance(event, Receipt):
        return {
            "external_id": event.external_id,
            "status": event.status.value,
            "at": event.at,
            "code": event.code,
            "detail": event.detail,
            "recipient": event.recipient,
        }
    return {
        "external_id": event.external_id,
        "sender": event.sender,
        "name": event.name,
        "subject": event.subject,
        "text": event.text,
        "at": event.at,
        "visibility": event.visibility.value,
        "verified": event.verified,
        "thread": {"token": event.thread.token, "message_ids": list(event.thread.message_ids)},
        "attachments": [encode_attachment(item) for item in event.attachments],
        "reply_to": dict(event.reply_to),
        "facts": dict(event.facts),
    }


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


def decode(kind: str, body: Mapping[str, Any]) -> ChannelEvent:
    """What `encode` wrote. `kind` is 'message' or 'receipt' (`kind_of`)."""
    if kind == "receipt":
        return Receipt(
            external_id=body["external_id"],
            status=DeliveryState(body["status"]),
            at=body["at"],
            code=body["code"],
            detail=body["detail"],
            recipient=body["recipient"],
        )
    return Inbound(
        external_id=body["external_id"],
        sender=body["sender"],
        name=body["name"],
        subject=body["subject"],
        text=body["text"],
        at=body["at"],
        visibility=Visibility(body["visibility"]),
        verified=body["verified"],
        thread=ThreadRefs(
            token=body["thread"]["token"], message_ids=tuple(body["thread"]["message_ids"])
        ),
        attachments=tuple(decode_attachment(item) for item in body["attachments"]),
        reply_to=body["reply_to"],
        facts=body["facts"],
    )


def kind_of(event: ChannelEvent) -> str:
    """The name under which an event is stored."""
    return "receipt" if isinstance(event, Receipt) else "message"
