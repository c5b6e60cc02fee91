"""Mails read per second, against the standard library's `policy.default` that does the same.

Both give text, visible reply, attachments with their digest, and class; what follows reading (visible
reply, class, HTML to text) is the same code on both sides.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import Figure, say
from gateway.domain.channel import RawMail
from gateway.domain.errors import ParseError
from gateway.intake.mail import headers as h
from gateway.intake.mail import read_mail
from gateway.intake.mail.bounce import read_informal, read_report
from gateway.intake.mail.classes import Seen, classify
from gateway.intake.mail.html import html_to_text, unmarked
from gateway.intake.mail.structure import Part
from gateway.intake.mail.visible import visible_reply
from tests.intake.mail.collected import collection

ROUNDS = 5
_NOBODY: frozenset[str] = frozenset()


class Result(NamedTuple):
    """What both readers give of a mail."""

    text: str
    visible: str
    digests: tuple[bytes, ...]
    kind: str


def mail_reading(rounds: int = ROUNDS, seconds: float = 2.0) -> list[Figure]:
    """The mails of CPython's own tests, where they are installed, and the collection of ours."""
    figures = []
    for name, mails in (("mail_reading", published()), ("mail_reading_collection", own())):
        if mails:
            figures.append(_compare(name, mails, rounds, seconds))
        else:
            say(f"{name}: this Python comes without its tests, nothing to read")
    return figures


def published() -> list[bytes]:
    """`test.test_email`'s data: 48 mails of many kinds, broken ones among them."""
    found = importlib.util.find_spec("test")
    if found is None or not found.origin:
        return []
    folder = Path(found.origin).parent / "test_email" / "data"
    return [path.read_bytes() for path in sorted(folder.glob("msg_*.txt"))]


def own() -> list[bytes]:
    return [mail.raw for mail in collection()]


def _compare(name: str, mails: Sequence[bytes], rounds: int, seconds: float) -> Figure:
    pairs = []
    for number in range(rounds + 1):
        value, limit = (_rate(read, mails, seconds) for read in (ours, theirs))
        if number:  # the first round warms up
            pairs.append((value, limit))
            say(f"{name} {number}/{rounds}: {value:.0f}/s, standard library {limit:.0f}/s")
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    value, limit = pairs[len(pairs) // 2]
    return Figure(name, value, "1/s", limit, value / limit)


def _rate(read: Callable[[bytes], Result], mails: Sequence[bytes], seconds: float) -> float:
    started, count = time.process_time(), 0
    while (took := time.process_time() - started) < seconds:
        for mail in mails:
            read(mail)
        count += len(mails)
    return count / took


def ours(data: bytes) -> Result:
    try:
        mail = read_mail(RawMail(data, "a@b.example", (), 0.0))
    except ParseError:
        return Result("", "", (), "refused")
    digests = tuple(sha256(file.data or b"").digest() for file in mail.attachments)
    return Result(mail.text, mail.visible, digests, str(mail.mail_class))


def theirs(data: bytes) -> Result:
    """As the library's documentation has it; what it raises on broken mail is caught part by part."""
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain", "html"))
    marked = _content(body) if body is not None else ""
    if body is not None and body.get_content_type() == "text/html":
        marked = html_to_text(marked)
    text = unmarked(marked).strip()
    subject = str(message["subject"] or "")
    digests = tuple(sha256(_payload(part)).digest() for part in _attachments(message))
    return Result(text, visible_reply(marked, subject), digests, _kind(message, subject, text))


def _content(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError):
        return _payload(part).decode("utf-8", "replace")


def _attachments(message: EmailMessage) -> Iterator[EmailMessage]:
    try:
        yield from message.iter_attachments()
    except (AttributeError, TypeError, ValueError):
        return  # a multipart that holds no parts


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    inner = part.get_payload()
    return b"".join(one.as_bytes() for one in inner) if isinstance(inner, list) else b""


def _kind(message: EmailMessage, subject: str, text: str) -> str:
    """The same filters, over what the library read."""
    root = _part(message, 0)
    sender = next((address for _, address in h.addresses(root.headers, "from")), "")
    report = read_report(root, text) or read_informal(root, sender, text, _NOBODY)
    seen = Seen(root, sender, "a@b.example", subject, text, report, _NOBODY, _NOBODY)
    return str(classify(seen)[0])


def _part(message: EmailMessage, depth: int) -> Part:
    fields: dict[str, list[bytes]] = {}
    for name, value in message.raw_items():
        if name.lower() != "content-transfer-encoding":
            fields.setdefault(name.lower(), []).append(
                str(value).encode("utf-8", "surrogateescape")
            )
    is_report = message.get_content_type().startswith("message/")
    data = _payload(message) if is_report else b""
    part = Part(data, fields, 0, 0, len(data), depth)
    if message.is_multipart():
        part.children = [_part(child, depth + 1) for child in message.iter_parts()]
    return part
