"""What worker processes do with input before it may be stored: read it and take the secrets out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from gateway.domain.channel import ChannelEvent, Edited, Inbound, RawMail, Receipt, Unsent
from gateway.domain.codec import encode
from gateway.domain.model import JSON
from gateway.intake.files import clean_files
from gateway.intake.mail import read_mail, to_event
from gateway.intake.redact import (
    PLACEHOLDERS,
    STANDARD,
    Policy,
    Redacted,
    redact,
    redact_json,
    redact_name,
)
from gateway.intake.redact.markup import redact_markup

#: An id as mail writes it: `<local@domain>`. Its digits are nobody's card.
_ID = re.compile(r"<[^<>\s@]+@[^<>\s]+>")
#: An address: where an answer goes, it must arrive.
_ADDRESS = re.compile(r"[^<>\s@]+@[^<>\s]+")
#: What the customer wrote stays text, whatever it looks like.
_TEXTS = frozenset({"full_text", "subject", "detail"})
#: Characters from which on a secret is not part of something else by chance.
_TELLING = 6


@dataclass(frozen=True, slots=True)
class MailRead:
    """A mail that may be stored: redacted events, and what recognises it when it comes again."""

    events: tuple[ChannelEvent, ...]
    fingerprint: bytes
    """Digest of the unredacted content; only its HMAC is ever written."""


def read_and_redact(
    raw: RawMail,
    own_addresses: frozenset[str],
    loop_marks: frozenset[str],
    policy: Policy = STANDARD,
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
    return MailRead(tuple(clean(one, policy) for one in events), seen.digest())


def clean(event: ChannelEvent, policy: Policy = STANDARD) -> ChannelEvent:
    """The event without card numbers, codes, passwords and ID numbers, attached texts included.

    What was taken out stands in `facts["redactions"]`, as kinds; the sender is told not to send it.
    Ids stay as they are, also inside `reply_to` and `facts`: the event's own, and every text of the
    form `<…@…>`. A changed one would answer nothing and match nothing.
    """
    if isinstance(event, Receipt):
        code = redact(event.code, policy=policy).text
        detail = redact(event.detail, policy=policy).text
        if (code, detail) == (event.code, event.detail):
            return event
        return replace(event, code=code, detail=detail)
    if isinstance(event, Unsent):
        return event
    text = redact(event.text, policy=policy, alone=True)
    if isinstance(event, Edited):
        return replace(event, text=text.text) if text.redactions else event
    subject = redact(event.subject, policy=policy) if event.subject else Redacted("")
    name = redact(event.name, policy=policy).text if event.name else ""
    facts = _clean_values(event, event.facts, policy) if event.facts else event.facts
    changed: dict[str, Any] = {}
    kinds = [r.kind for r in (*text.redactions, *subject.redactions)]
    if markup := str(event.facts.get("page", "")):
        page = redact_markup(markup, policy)
        kinds += [r.kind for r in page.redactions]
        facts = {**facts, "page": _without(page.text, event.text, text)}
    if kinds:
        changed |= {"text": text.text, "subject": subject.text}
        if whole := event.facts.get("full_text"):
            # What is a secret only because nothing stands beside it is found in the text alone.
            same = whole == event.text
            safe = text.text if same else _without(str(facts["full_text"]), event.text, text)
            facts = {**facts, "full_text": safe}
    if name != event.name:
        changed["name"] = name
    if event.attachments:
        files = clean_files(event.attachments, policy)
        kinds += [kind for file in files for kind in file.kinds]
        changed["attachments"] = tuple(
            replace(file.attachment, name=redact_name(file.attachment.name, policy))
            for file in files
        )
    if kinds:
        found: list[JSON] = [*dict.fromkeys(kinds)]
        facts = {**facts, "redactions": found}
    if facts != event.facts:
        changed["facts"] = facts
    if event.reply_to:
        changed["reply_to"] = _clean_values(event, event.reply_to, policy)
    return replace(event, **changed) if changed else event


def _without(whole: str, part: str, redacted: Redacted) -> str:
    """The whole text without what only the part, the visible reply, gave away: a code that stood
    alone in it has words around it in the whole, quoted ones."""
    for taken in redacted.redactions:
        secret = part[taken.start : taken.end]
        if taken.kind in PLACEHOLDERS and len(secret) >= _TELLING:
            whole = whole.replace(secret, PLACEHOLDERS[taken.kind])
    return whole


def _clean_values(event: Inbound, values: Mapping[str, JSON], policy: Policy) -> dict[str, JSON]:
    """Facts, or what the channel wants back: texts redacted, ids as they are."""
    # These are stored as they are in any case.
    own = {event.external_id, event.sender, *event.thread.message_ids}

    def is_id(key: str, text: str) -> bool:
        if key == "page":
            return True  # as markup: see `clean`
        if key in _TEXTS:
            return False
        form = _ADDRESS if key == "reply_address" else _ID
        return text in own or form.fullmatch(text) is not None

    safe = redact_json(dict(values), keep=is_id, policy=policy)
    assert isinstance(safe, dict)  # noqa: S101 - what went in
    return safe


def stored_form(event: ChannelEvent) -> str:
    """The JSON that is written in place of what arrived, without U+0000 (`storable`)."""
    body = to_json(encode(event)).decode()
    # One look at the whole, as JSON writes it, is all that the usual message costs.
    return to_json(_storable(encode(event))).decode() if "\\u0000" in body else body


def storable(text: str) -> str:
    """The text without U+0000, which PostgreSQL cannot store: U+FFFD stands in its place."""
    return text.replace("\0", "\ufffd")


def _storable(value: JSON) -> JSON:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value
