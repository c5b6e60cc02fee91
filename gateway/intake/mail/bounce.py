"""Mail about our own mail: bounces, delivery and read receipts, and the message they speak of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.intake.mail import headers as h
from gateway.intake.mail.charset import clean
from gateway.intake.mail.content import decoded
from gateway.intake.mail.headers import Headers
from gateway.intake.mail.structure import Part, split_headers

_MAX_RECIPIENTS = 50
_MAX_REPORT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says."""

    recipients: tuple[str, ...]
    """The addresses it is about, as we wrote them where the report says so."""
    status: str
    """The enhanced status, '5.1.1'; '' when the report has none."""
    permanent: bool
    action: str = "failed"
    """RFC 3464: failed, delayed, delivered, relayed, expanded."""
    message_id: str = ""
    """The Message-ID of the message it is about; '' when it does not say."""
    envelope_id: str = ""
    """The ENVID we gave with it, if any."""
    detail: str = ""
    """The diagnostic of the remote server, one line."""


_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?=[\s\-:：)）]|$)")
_MENTIONED_ID = re.compile(
    r"^[ \t>]*Message-ID:[ \t]*(<[^<>\s]{3,500}>)", re.IGNORECASE | re.MULTILINE
)
#: Behind this a report for people repeats our own message.
_COPY = re.compile(
    r"^[ \t>-]{0,20}(?:below this line is a copy|this is a copy of the message|original message\b|"
    r"message-id:|原邮件内容|原始邮件)",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"
)
_MACHINE = re.compile(
    r"^(?:mailer-daemon|postmaster|mail-daemon|mailerdaemon|mda|mdaemon)@", re.IGNORECASE
)
_DELAYED = re.compile(
    r"will be retried|still being retried|has been delayed|is delayed|not yet been delivered"
    r"|继续尝试|稍后重试|暂时无法|延迟|繼續嘗試",
    re.IGNORECASE,
)

#: Subjects and first lines of reports that are written for people only.
_SUBJECT = re.compile(
    r"退信|投递失败|投遞失敗|无法投递|無法傳遞|無法寄達|退件|未送达|undeliver|delivery status notification"
    r"|delivery (?:has )?fail|mail delivery (?:failed|failure|subsystem|system)|failure notice"
    r"|returned (?:e?mail|to sender)|mail system error|delivery problem|message (?:delayed|not delivered)"
    r"|unzustellbar|non remis|配信できません|配信不能",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"退信|被退回|退回来了|未能发送成功|无法投递|无法送达|發送失敗|投递失败|收件人不存在|地址不存在|邮箱不存在"
    r"|could not be delivered|couldn['’]t be delivered|wasn['’]t delivered|was not delivered"
    r"|delivery to the following recipient|permanent(?:ly)? (?:error|failure|failed)|undeliverable"
    r"|i wasn['’]t able to deliver|unable to deliver|does not exist|user unknown|mailbox (?:is )?full",
    re.IGNORECASE,
)
#: Where an address is named as the one that failed; what else stands there is our own and theirs.
_NAMED = re.compile(
    r"(?:收件人|收件地址|无法(?:投递|送达|发送)(?:到|至)?|发送给|recipients?|address(?:es)?|"
    r"deliver(?:ed|y)?\s+to|following|failed|mailbox|account|to)[^\n@]{0,60}$",
    re.IGNORECASE,
)


def parts_of(root: Part) -> Iterator[Part]:
    """Every part, but not what lies inside an attached message."""
    waiting = [root]
    while waiting:
        part = waiting.pop(0)
        yield part
        if part.content_type.startswith("multipart/"):
            waiting[:0] = part.children


def find(root: Part, *content_types: str) -> Part | None:
    """The first part of one of the types."""
    return next((part for part in parts_of(root) if part.content_type in content_types), None)


def report_fields(part: Part) -> list[Headers]:
    """The blocks of fields a machine-readable report consists of."""
    raw = decoded(part)[:_MAX_REPORT]
    blocks = re.split(rb"\r?\n[ \t]*\r?\n", raw.strip())[: _MAX_RECIPIENTS + 1]
    return [fields for block in blocks if (fields := split_headers(block))]


def original_headers(root: Part) -> Headers:
    """The header of the message a report is about, as far as it came back with it."""
    part = find(
        root, "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"
    )
    if part is None:
        return {}
    if part.children:
        return part.children[0].headers
    return split_headers(decoded(part)[:_MAX_REPORT].lstrip())


def read_report(root: Part, text: str) -> Bounce | None:
    """A report as RFC 3464 has it; None when the mail is none."""
    part = find(root, "message/delivery-status", "message/global-delivery-status")
    if part is None:
        return None
    blocks = report_fields(part)
    if not blocks:
        return None
    rows = [_row(block) for block in blocks[1:] or blocks]
    action = next(
        (row.action for row in rows if row.action == "failed"), rows[0].action or "failed"
    )
    meant = [row for row in rows if row.action == action] or rows
    status = next((row.status for row in meant if row.status), "")
    return Bounce(
        recipients=tuple(dict.fromkeys(row.recipient for row in meant if row.recipient)),
        status=status,
        permanent=action == "failed" and not status.startswith(("4", "2")),
        action=action,
        message_id=original_id(root, text),
        envelope_id=h.text(blocks[0], "original-envelope-id")[:200],
        detail=next((row.detail for row in meant if row.detail), "")[:300],
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """What a report says of one recipient."""

    recipient: str
    action: str
    status: str
    detail: str


def _row(block: Headers) -> _Row:
    status = _STATUS.search(h.text(block, "status"))
    action = h.word(block, "action")
    return _Row(
        _recipient(block, "original-recipient") or _recipient(block, "final-recipient"),
        action if action in _ACTIONS else "",
        status[1] if status else "",
        h.text(block, "diagnostic-code").partition(";")[2].strip(),
    )


def read_informal(root: Part, sender: str, text: str, own: frozenset[str]) -> Bounce | None:
    """A bounce written for people: by Exim's header, or from a mail daemon with the words of one.

    Covers what QQ and NetEase send as 退信, which carries no delivery status.
    """
    failed = [address for _, address in h.addresses(root.headers, "x-failed-recipients")]
    subject = h.text(root.headers, "subject")
    head = _COPY.split(text[:6000], maxsplit=1)[0]
    if not failed:
        daemon = _MACHINE.match(sender) or h.value(root.headers, "return-path").strip() == b"<>"
        if not daemon or not (_SUBJECT.search(subject) or _TEXT.search(head[:1500])):
            return None
        failed = _named_addresses(head, own | {sender})
    named = _STATUS.search(head)
    status = named[1] if named else ""
    code = _REPLY_CODE.search(head)
    temporary = (status or (code[1] if code else "")).startswith("4")
    delayed = bool(_DELAYED.search(head)) and not status.startswith("5")
    return Bounce(
        recipients=tuple(dict.fromkeys(failed))[:_MAX_RECIPIENTS],
        status=status,
        permanent=not temporary and not delayed,
        action="delayed" if delayed else "failed",
        message_id=original_id(root, text),
        detail=subject[:300],
    )


def original_id(root: Part, text: str) -> str:
    """The Message-ID of the message a report is about, from the surest place that names one."""
    quoted = h.message_id(original_headers(root))
    if quoted:
        return quoted
    mentioned = _MENTIONED_ID.search(text)
    if mentioned:
        return clean(mentioned[1])
    for name in ("in-reply-to", "references"):
        ids = h.message_ids(h.value(root.headers, name))
        if ids:
            return ids[-1]
    return ""


def _recipient(block: Headers, name: str) -> str:
    kind, _, who = h.text(block, name).rpartition(";")
    return h.address(who.strip().strip("<>")) if kind.strip().lower() != "x400" else ""


def _named_addresses(text: str, known: frozenset[str]) -> list[str]:
    """Addresses of a text that failed: those a telling word stands before, else every strange one."""
    found = list(_ADDRESS.finditer(text))[:_MAX_RECIPIENTS]
    skip = {address.lower() for address in known}
    strange = [m for m in found if m[0].lower() not in skip and not _MACHINE.match(m[0])]
    named = [m for m in strange if _NAMED.search(text[max(0, m.start() - 80) : m.start()])]
    return [h.address(m[0].rstrip(".")) for m in (named or strange)]
