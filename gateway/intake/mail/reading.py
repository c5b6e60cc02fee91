"""A raw mail to what the gateway knows of it, and that to an event of the inquiry model.

Pure and CPU-bound: runs in a worker process. Raises nothing but ParseError.
"""

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from gateway.domain.channel import Inbound, RawMail, Receipt
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState, MailClass, ThreadRefs
from gateway.intake.mail import headers as h
from gateway.intake.mail.bounce import (
    Bounce,
    find,
    original_id,
    read_informal,
    read_report,
    report_fields,
)
from gateway.intake.mail.classes import Seen, classify, untagged
from gateway.intake.mail.content import read_content
from gateway.intake.mail.html import storable_html, unmarked
from gateway.intake.mail.structure import Part, split
from gateway.intake.mail.trust import Authentication, authenticate
from gateway.intake.mail.visible import visible_reply

#: Bytes. Above every limit a listener may be set to; what is larger did not come through one.
MAX_MAIL = 64 * 1024 * 1024
#: Characters of HTML that are kept to be shown.
LONGEST_PAGE = 64 * 1024
_MAX_SUBJECT = 998
#: References kept for the answer: the first names the thread, the last ones its present end.
_LAST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as read. All text is clean Unicode; addresses have a lower-case domain."""

    message_id: str
    """With angle brackets; '' when it has none."""
    sender: str
    """From; the envelope's sender when there is no From."""
    name: str
    reply_to: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    date: float | None
    """Seconds since 1970."""
    text: str
    """All of it; of HTML-only mail, what a reader would see."""
    visible: str
    """Without quoted messages and signatures."""
    attachments: tuple[Attachment, ...]
    mail_class: MailClass
    class_reason: str
    bounce: Bounce | None
    receipt: Bounce | None
    """A positive report: `action` is 'delivered' or 'read'."""
    in_reply_to: str
    references: tuple[str, ...]
    html: bool
    """It has an HTML part."""
    html_source: str
    """The HTML that `text` was made of, as it came: not to be stored or shown. '' where there was
    plain text."""
    addressed: bool
    """We stand in To or Cc, or nobody does. RFC 3834 §2: no automatic answer to a blind copy."""
    authentication: Authentication = field(default_factory=Authentication)
    """Whether `sender` is proved."""
    extra: dict[str, str] = field(default_factory=dict)
    """Header values of automation, as found: precedence, auto-submitted …"""

    @property
    def html_body(self) -> str:
        """The HTML with nothing in it that acts, loads or hides. Secrets are still in it."""
        return storable_html(self.html_source) if self.html_source else ""


def read_mail(
    raw: RawMail,
    *,
    own_addresses: frozenset[str] = frozenset(),
    loop_marks: frozenset[str] = frozenset(),
) -> Mail:
    """Read one mail.

    Args:
        raw: the bytes with their envelope. An empty envelope sender means the null sender.
        own_addresses: every address of this installation; tags ('+x') and case do not matter.
        loop_marks: values of `X-Gateway-Loop` that this installation writes.

    Raises:
        ParseError: too large, too many parts, nested too deep, an endless header, or nothing in it.
    """
    if len(raw.data) > MAX_MAIL:
        msg = f"larger than {MAX_MAIL // 1024 // 1024} MiB"
        raise ParseError(msg)
    root = split(raw.data)
    content = read_content(root)
    if not root.headers and not content.marked.strip():
        raise ParseError("no header and no text")
    text = unmarked(content.marked).strip()
    subject = h.text(root.headers, "subject")[:_MAX_SUBJECT]
    name, sender = _sender(root, raw)
    own = frozenset(untagged(address) for address in own_addresses)
    report = read_report(root, text) or read_informal(root, sender, text, own)
    seen = Seen(root, sender, raw.sender, subject, text, report, own, loop_marks)
    mail_class, reason = classify(seen)
    to, cc = _all(root, "to"), _all(root, "cc")
    return Mail(
        message_id=h.message_id(root.headers),
        sender=sender,
        name=name,
        reply_to=next((a for _, a in h.addresses(root.headers, "reply-to")), ""),
        to=to,
        cc=cc,
        subject=subject,
        date=_date(root),
        text=text,
        visible=visible_reply(content.marked, subject),
        attachments=tuple(content.attachments),
        mail_class=mail_class,
        class_reason=reason,
        bounce=report if mail_class is MailClass.BOUNCE else None,
        receipt=_receipt(root, report, text) if mail_class is MailClass.RECEIPT else None,
        in_reply_to=next(iter(h.message_ids(h.value(root.headers, "in-reply-to"))), ""),
        references=tuple(h.message_ids(h.value(root.headers, "references"))),
        html=content.html,
        html_source="\n".join(content.sources),
        addressed=not own or not (to or cc) or any(untagged(a) in own for a in (*to, *cc)),
        authentication=authenticate(root.headers, raw.trusted_authserv, sender),
        extra=_automation(root),
    )


def to_event(mail: Mail, raw: RawMail) -> Inbound | tuple[Receipt, ...]:
    """The event a mail means.

    A report that names the message it is about becomes receipts of that message, one per
    recipient; every other mail an `Inbound`, whose facts tell the filters what it is.
    """
    receipts = _receipts(mail, raw)
    if receipts:
        return receipts
    thread = [*([mail.in_reply_to] if mail.in_reply_to else []), *reversed(mail.references)]
    return Inbound(
        external_id=mail.message_id,
        sender=mail.sender,
        name=mail.name,
        text=mail.visible,
        subject=mail.subject,
        at=mail.date,
        attachments=mail.attachments,
        thread=ThreadRefs(raw.token, tuple(dict.fromkeys(thread))),
        verified=mail.authentication.verified,
        reply_to={
            "subject": mail.subject,
            "message_id": mail.message_id,
            "references": _bounded([*mail.references, mail.message_id]),
            "reply_address": reply_address(mail),
        },
        facts=_facts(mail, raw),
    )


def without_envelope(data: bytes, received_at: float = 0.0) -> RawMail:
    """A mail from a file: its envelope is guessed from Return-Path, else from From and To.

    Raises ParseError as `read_mail` does.
    """
    root = split(data)
    sender = next((a for _, a in h.addresses(root.headers, "from")), "unknown@invalid")
    path = h.value(root.headers, "return-path").strip()
    if path:
        sender = next((a for _, a in h.addresses(root.headers, "return-path")), "")
    recipients = tuple(dict.fromkeys((*_all(root, "delivered-to"), *_all(root, "to"))))
    return RawMail(data, sender, recipients, received_at)


def reply_address(mail: Mail) -> str:
    """Where an answer goes: the sender, for anybody can write a Reply-To into a mail in somebody
    else's name. It counts when it is the same mailbox with a tag, or of the same domain and the
    sender is proved."""
    if not mail.reply_to or untagged(mail.reply_to) == untagged(mail.sender):
        return mail.reply_to or mail.sender
    if not mail.authentication.verified:
        return mail.sender
    own, other = (f".{a.rpartition('@')[2]}" for a in (mail.sender, mail.reply_to))
    shorter, longer = sorted((own, other), key=len)
    aligned = shorter.count(".") > 1 and longer.endswith(shorter)
    return mail.reply_to if aligned else mail.sender


def _sender(root: Part, raw: RawMail) -> tuple[str, str]:
    for name in ("from", "sender"):
        for display, address in h.addresses(root.headers, name):
            return display, address
    return "", h.address(raw.sender)


def _all(root: Part, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for _, address in h.addresses(root.headers, name)))


def _date(root: Part) -> float | None:
    raw = h.text(root.headers, "date")[:100]
    try:
        moment = parsedate_to_datetime(raw)
        # Without a zone ('-0000') it is UTC, whatever zone this machine is in.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _automation(root: Part) -> dict[str, str]:
    names = ("precedence", "auto-submitted", "list-id", "x-auto-response-suppress", "return-path")
    found = {name: h.text(root.headers, name)[:200] for name in names}
    return {name.replace("-", "_"): value for name, value in found.items() if value}


def _receipt(root: Part, report: Bounce | None, text: str) -> Bounce:
    """A positive delivery report, or a read receipt in the same shape."""
    if report is not None:
        return report
    part = find(root, "message/disposition-notification", "message/global-disposition-notification")
    block = next(iter(report_fields(part)), {}) if part else {}
    who = h.text(block, "final-recipient").rpartition(";")[2].strip()
    what = h.text(block, "disposition").rpartition(";")[2].strip().lower()
    return Bounce(
        recipients=(who,) if who else (),
        status="",
        permanent=False,
        # 'deleted' unread is a disposition too, and no proof of reading (RFC 8098 §3.2.6.2).
        action="read" if what.startswith("displayed") or not what else what.split("/")[0],
        message_id=h.message_id(block, "original-message-id") or original_id(root, text),
    )


_STATES = {
    "failed": DeliveryState.BOUNCED,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
}


def _receipts(mail: Mail, raw: RawMail) -> tuple[Receipt, ...]:
    report = mail.bounce or mail.receipt
    state = _STATES.get(report.action) if report else None
    if report is None or state is None or not report.message_id:
        return ()
    at = mail.date if mail.date is not None else raw.received_at
    return tuple(
        Receipt(report.message_id, state, at, report.status, report.detail, recipient)
        for recipient in report.recipients or ("",)
    )


def _bounded(ids: list[str]) -> list[JSON]:
    known = [i for i in dict.fromkeys(ids) if i]
    return list(
        known if len(known) <= _LAST_REFERENCES + 1 else [known[0], *known[-_LAST_REFERENCES:]]
    )


def _facts(mail: Mail, raw: RawMail) -> dict[str, JSON]:
    report = mail.bounce or mail.receipt
    return {
        "mail_class": str(mail.mail_class),
        "class_reason": mail.class_reason,
        "authentication": mail.authentication.by,
        "auto": mail.mail_class is not MailClass.PERSON or not mail.addressed,
        "addressed": mail.addressed,
        "full_text": mail.text,
        "bounce": bounce_json(report) if report else None,
        "envelope_from": raw.sender,
        "envelope_to": list(raw.recipients),
        "to": list(mail.to),
        "cc": list(mail.cc),
        "reply_to": mail.reply_to,
        "reply_address": reply_address(mail),
        "html": mail.html,
        # Kept to be shown; the text says the same, so a page that is too long is not cut but left out.
        **({"page": page} if 0 < len(page := mail.html_body) <= LONGEST_PAGE else {}),
        "precedence": mail.extra.get("precedence", ""),
        "automation": dict(mail.extra),
    }


def bounce_json(report: Bounce) -> dict[str, JSON]:
    """A report as plain data."""
    return {
        "recipients": list(report.recipients),
        "status": report.status,
        "permanent": report.permanent,
        "action": report.action,
        "message_id": report.message_id,
        "envelope_id": report.envelope_id,
        "detail": report.detail,
    }
