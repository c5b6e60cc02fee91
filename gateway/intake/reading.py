"""What worker processes do with input before it may be stored: read it and take the secrets out."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from gateway.domain.channel import ChannelEvent, RawMail, Receipt
from gateway.domain.codec import encode
from gateway.domain.model import JSON
from gateway.intake.mail import read_mail, to_event
from gateway.intake.redact import Redacted, redact, redact_json, redact_name

#: Facts that repeat the message's text word for word are redacted like the text itself.
_MAIL_ID_FACTS = frozenset({"mail_class", "class_reason", "auto", "addressed", "html"})


@dataclass(frozen=True, slots=True)
class MailRead:
    """A mail that may be stored: redacted events, and what recognises it when it comes again."""

    events: tuple[ChannelEvent, ...]
    fingerprint: bytes
    """Digest of the unredacted content; only its HMAC is ever written."""


def read_and_redact(
    raw: RawMail, own_addresses: frozenset[str], loop_marks: frozenset[str]
) -> MailRead:
    """Read one mail and redact what it says. Raises `ParseError`."""
    mail = read_mail(raw, own_addresses=own_addresses, loop_marks=loop_marks)
    seen = sha256()
    for part in (
        *raw.recipients,
        mail.message_id,
        str(mail.date),
        mail.sender,
        mail.subject,
        mail.text,
    ):
        seen.update(part.encode("utf-8", "replace") + b"\0")
    for attachment in mail.attachments:
        seen.update(sha256(attachment.data or b"").digest())
    event = to_event(mail, raw)
    events = event if isinstance(event, tuple) else (event,)
    return MailRead(tuple(clean(one) for one in events), seen.digest())


def clean(event: ChannelEvent) -> ChannelEvent:
    """The event without card numbers, codes, passwords and ID numbers.

    What was taken out stands in `facts["redactions"]`, as kinds; the sender is told not to send it.
    """
    if isinstance(event, Receipt):
        return replace(event, detail=redact(event.detail).text) if event.detail else event
    text = redact(event.text)
    subject = redact(event.subject) if event.subject else Redacted("")
    name = redact(event.name).text if event.name else ""
    facts = event.facts
    if facts:
        facts = {
            key: value if key in _MAIL_ID_FACTS else redact_json(value)
            for key, value in facts.items()
        }
    changed: dict[str, Any] = {}
    if text.redactions or subject.redactions:
        kinds: list[JSON] = [
            *dict.fromkeys(r.kind for r in (*text.redactions, *subject.redactions))
        ]
        facts = {**facts, "redactions": kinds}
        changed |= {"text": text.text, "subject": subject.text}
    if facts != event.facts:
        changed["facts"] = facts
    if name != event.name:
        changed["name"] = name
    if event.attachments:
        changed["attachments"] = tuple(
            replace(a, name=redact_name(a.name)) for a in event.attachments
        )
    if event.reply_to:
        changed["reply_to"] = {key: redact_json(value) for key, value in event.reply_to.items()}
    return replace(event, **changed) if changed else event


def stored_form(event: ChannelEvent) -> str:
    """The JSON that is written in place of what arrived."""
    return to_json(encode(event)).decode()
