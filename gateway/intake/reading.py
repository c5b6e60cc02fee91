"""What worker processes do with input before it may be stored: read it and take the secrets out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from gateway.domain.channel import ChannelEvent, Inbound, RawMail, Receipt
from gateway.domain.codec import encode
from gateway.domain.model import JSON
from gateway.intake.mail import read_mail, to_event
from gateway.intake.redact import Redacted, redact, redact_json, redact_name

#: An id as mail writes it: `<local@domain>`. Its digits are nobody's card.
_ID = re.compile(r"<[^<>\s@]+@[^<>\s]+>")
#: An address: where an answer goes, it must arrive.
_ADDRESS = re.compile(r"[^<>\s@]+@[^<>\s]+")
#: What the customer wrote stays text, whatever it looks like.
_TEXTS = frozenset({"full_text", "subject", "detail"})


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
    Ids stay as they are, also inside `reply_to` and `facts`: the event's own, and every text of the
    form `<…@…>`. A changed one would answer nothing and match nothing.
    """
    if isinstance(event, Receipt):
        code, detail = redact(event.code).text, redact(event.detail).text
        if (code, detail) == (event.code, event.detail):
            return event
        return replace(event, code=code, detail=detail)
    text = redact(event.text)
    subject = redact(event.subject) if event.subject else Redacted("")
    name = redact(event.name).text if event.name else ""
    facts = _clean_values(event, event.facts) if event.facts else event.facts
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
        changed["reply_to"] = _clean_values(event, event.reply_to)
    return replace(event, **changed) if changed else event


def _clean_values(event: Inbound, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Facts, or what the channel wants back: texts redacted, ids as they are."""
    # These are stored as they are in any case.
    own = {event.external_id, event.sender, *event.thread.message_ids}

    def is_id(key: str, text: str) -> bool:
        if key in _TEXTS:
            return False
        form = _ADDRESS if key == "reply_address" else _ID
        return text in own or form.fullmatch(text) is not None

    safe = redact_json(dict(values), keep=is_id)
    assert isinstance(safe, dict)  # noqa: S101 - what went in
    return safe


def stored_form(event: ChannelEvent) -> str:
    """The JSON that is written in place of what arrived."""
    return to_json(encode(event)).decode()
