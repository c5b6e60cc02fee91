"""What the simulated mail world writes and reads: customers' mail, bounces, holiday answers.

Made and read with the standard library, not with the gateway's own code, so that a mistake of ours
does not cancel itself out.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate, make_msgid, parseaddr


@dataclass(frozen=True, slots=True)
class Received:
    """A message the server accepted."""

    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    sender: str
    """The From line."""
    to: str
    """The To line."""
    subject: str
    text: str
    headers: Mapping[str, str]
    """Names in lower case; the last of a repeated one."""
    envelope_from: str
    recipients: tuple[str, ...]
    raw: bytes


def read(raw: bytes, sender: str = "", recipients: tuple[str, ...] = ()) -> Received:
    """A message as the other side sees it."""
    parsed = message_from_bytes(raw)
    headers = {name.lower(): _decoded(str(value)) for name, value in parsed.items()}
    return Received(
        message_id=headers.get("message-id", ""),
        in_reply_to=headers.get("in-reply-to", ""),
        references=tuple(headers.get("references", "").split()),
        sender=headers.get("from", ""),
        to=headers.get("to", ""),
        subject=headers.get("subject", ""),
        text=_first_text(parsed),
        headers=headers,
        envelope_from=sender,
        recipients=recipients,
        raw=raw,
    )


def _decoded(value: str) -> str:
    return str(make_header(decode_header(value.replace("\r\n", "\n"))))


def _first_text(parsed: Message) -> str:
    for part in parsed.walk():
        payload = part.get_payload(decode=True)
        if part.get_content_type() == "text/plain" and isinstance(payload, bytes):
            charset = part.get_content_charset("utf-8")
            return payload.decode(charset, "replace").replace("\r\n", "\n").rstrip("\n")
    return ""


def bare_address(address: str) -> str:
    """The address of a From or To line without its name."""
    return parseaddr(address)[1]


# ------------------------------------------------------------ what people and machines write


def compose(
    sender: str,
    to: str,
    subject: str,
    text: str,
    *,
    name: str = "",
    charset: str = "utf-8",
    declared: str = "",
    message_id: str = "",
    answers: Received | None = None,
    quote: bool = False,
    files: Sequence[tuple[str, str, bytes]] = (),
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A customer's mail.

    `charset` is what the text is encoded in, `declared` what the mail claims (the same by default);
    `answers` is the message this one replies to, quoted below the text if `quote`; `files` are
    (name, content type, data).
    """
    if answers is not None and quote:
        lines = "\n".join(f"> {line}" for line in answers.text.splitlines())
        text = f"{text}\n\nOn Mon, 5 Jan 2026 at 10:00, {bare_address(answers.sender)} wrote:\n{lines}\n"
    message: Message
    if files:
        message = _with_files(text, files)
    else:
        message = MIMEText("", "plain", None)
        del message["Content-Type"], message["Content-Transfer-Encoding"]
        message["Content-Type"] = f'text/plain; charset="{declared or charset}"'
        message["Content-Transfer-Encoding"] = "base64"
        message.set_payload(_base64(text.encode(charset)))
    fields = {
        "From": formataddr((name, sender), charset=charset),
        "To": to,
        "Subject": subject if subject.isascii() else _words(subject, charset, declared or charset),
        "Date": formatdate(),
        "Message-ID": message_id or make_msgid(domain="mail.example"),
        **(headers or {}),
    }
    if answers is not None:
        fields["In-Reply-To"] = answers.message_id
        fields["References"] = " ".join([*answers.references, answers.message_id])
    return _render(fields, message)


def bounce(original: Received, *, status: str = "5.1.1", text: str = "user unknown") -> bytes:
    """A delivery report (RFC 3464) of a message the server had accepted."""
    action = "failed" if status.startswith("5") else "delayed"
    recipient = original.recipients[0]
    status_lines = (
        "Reporting-MTA: dns; sim.mail.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} {text}\n"
    )
    parts = [
        ("text/plain; charset=utf-8", f"Your message to {recipient} was not delivered: {text}\n"),
        (
            "message/delivery-status",
            status_lines,
        ),
        ("text/rfc822-headers", original.raw.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")),
    ]
    body = "".join(f"--=_report\nContent-Type: {kind}\n\n{content}\n" for kind, content in parts)
    return _lines(
        f"From: Mail Delivery Subsystem <mailer-daemon@mail.example>\nTo: {bare_address(original.sender)}\n"
        f"Subject: Undelivered Mail Returned to Sender\nDate: {formatdate()}\n"
        f"Message-ID: {make_msgid(domain='mail.example')}\nAuto-Submitted: auto-replied\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="=_report"\n'
        f"\n{body}--=_report--\n"
    )


def out_of_office(original: Received, *, chinese: bool = False) -> bytes:
    """The answer of somebody's holiday program."""
    sender = original.recipients[0]
    if chinese:
        subject, text = (
            f"自动回复：{original.subject}",
            "您好，我正在休假，下周一回来后尽快回复您。",
        )
    else:
        subject, text = (
            f"Automatic reply: {original.subject}",
            "I am out of the office until Monday.",
        )
    return compose(
        sender,
        bare_address(original.sender),
        subject,
        text,
        answers=original,
        headers={"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"},
    )


def _with_files(text: str, files: Sequence[tuple[str, str, bytes]]) -> Message:
    message = EmailMessage()
    message.set_content(text, cte="base64")
    for name, content_type, data in files:
        main, _, sub = content_type.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message


def _render(fields: Mapping[str, str], message: Message) -> bytes:
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return _lines(head + message.as_bytes().decode("ascii"))


def _lines(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _words(text: str, charset: str, declared: str) -> str:
    return f"=?{declared}?B?{_base64(text.encode(charset)).replace(chr(10), '')}?="


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode()
