"""Messages as plan operations: what came in as a row of the conversation, what goes out as that and
its row in the outbox.

Automatic and human replies are made here alike, so that a channel gets the same from both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.domain.channel import Inbound
from gateway.domain.codec import encode_attachment
from gateway.domain.model import JSON, DeliveryState, Visibility
from gateway.domain.plan import AddMessage, Send
from gateway.domain.snapshot import AccountView
from gateway.domain.splitting import split

#: The `external_id` of news about a message that never left: it has no provider's id, only ours.
OWN_ID = "outbox:"


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said, to whom, and in answer to what."""

    id: str
    conversation_id: str
    inquiry_id: str
    number: str
    """The inquiry's."""
    recipient: str
    text: str
    author: str
    automatic: bool
    language: str
    subject: str = ""
    visibility: Visibility = Visibility.PRIVATE
    context: Mapping[str, Any] = field(default_factory=dict)
    """`Inbound.reply_to` of the message that is answered."""
    meta: Mapping[str, JSON] = field(default_factory=dict)


def outgoing(reply: Reply, account: AccountView, now: float) -> tuple[AddMessage | Send, ...]:
    """The operations: a message and its row in the outbox; a text that is too long for the account makes
    several, in order. Message-IDs are fixed here, before the first try to send."""
    parts = split(reply.text, account.text)
    if len(parts) == 1:
        return _one(reply, account, now)
    ops: list[AddMessage | Send] = []
    for number, text in enumerate(parts, 1):
        said: dict[str, JSON] = {"part": [number, len(parts)], "of": reply.id}
        name = reply.id if number == 1 else f"{reply.id}.p{number:02}"
        meta = {**reply.meta, **said} if number == 1 else said
        ops += _one(replace(reply, id=name, text=text, meta=meta), account, now)
    return tuple(ops)


def _one(reply: Reply, account: AccountView, now: float) -> tuple[AddMessage, Send]:
    message_id = f"<{reply.id}@{account.domain}>" if account.domain else ""
    subject = reply.subject if account.subject else ""
    context = reply.context
    message = AddMessage(
        message_id=reply.id,
        conversation_id=reply.conversation_id,
        inquiry_id=reply.inquiry_id,
        direction="out",
        visibility=reply.visibility.value,
        author=reply.author,
        automatic=reply.automatic,
        text=reply.text,
        subject=subject,
        external_id=message_id,
        delivery=DeliveryState.QUEUED,
        meta=reply.meta,
    )
    payload: dict[str, JSON] = {
        "text": reply.text,
        "visibility": reply.visibility.value,
        "automatic": reply.automatic,
        "subject": subject,
        "language": reply.language,
        "number": reply.number,
        "message_id": message_id,
        "in_reply_to": str(context.get("message_id") or ""),
        "references": context.get("references") or [],
        "reply_to": dict(context),
    }
    send = Send(
        message_id=reply.id,
        account=account.id,
        conversation_id=reply.conversation_id,
        inquiry_id=reply.inquiry_id,
        recipient=reply.recipient,
        payload=payload,
        due_at=now,
    )
    return message, send


def incoming(
    message_id: str,
    event: Inbound,
    conversation_id: str,
    inquiry_id: str,
    received_at: float | None = None,
) -> AddMessage:
    """A customer's message as it was accepted; its time is that of its receipt, however late it is taken
    up. None: now."""
    meta: dict[str, JSON] = {
        name: event.facts[name]
        for name in ("mail_class", "redactions", "full_text", "page")
        if event.facts.get(name)
    }
    if event.verified:
        meta["verified"] = True
    if meta.get("full_text") == event.text:
        del meta["full_text"]
    if event.attachments:
        meta["attachments"] = [encode_attachment(item) for item in event.attachments]
    return AddMessage(
        message_id=message_id,
        conversation_id=conversation_id,
        inquiry_id=inquiry_id,
        direction="in",
        visibility=event.visibility.value,
        author="customer",
        automatic=False,
        text=event.text,
        subject=event.subject,
        external_id=event.external_id,
        at=received_at,
        meta=meta,
    )
