"""What kind of mail it is: ordered, named filters, the first that speaks decides.

Only a person's mail may get an automatic answer (RFC 3834). Each filter is a function of the mail
read so far and returns its reason, or '' when it has nothing to say.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.model import MailClass
from gateway.intake.mail import headers as h
from gateway.intake.mail.bounce import Bounce, find
from gateway.intake.mail.headers import Headers
from gateway.intake.mail.structure import Part

#: Set on our automatic mail; the value is the installation's own mark.
LOOP_HEADER = "x-gateway-loop"
#: RFC 5321 §6.3 wants at least 100 hops allowed before a loop is declared; honest ways have < 15.
_MAX_HOPS = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """What the filters look at."""

    root: Part
    sender: str
    """The From address."""
    envelope_from: str
    subject: str
    text: str
    bounce: Bounce | None
    own: frozenset[str]
    """Our addresses, lower case, without tags."""
    loop_marks: frozenset[str]

    @property
    def headers(self) -> Headers:
        return self.root.headers


_AUTO_SUBJECT = re.compile(
    r"^\s*[\[【(（]?\s*(?:自动回复|自动答复|自動回覆|自動回復|自動応答|不在通知|auto(?:matic)?[ -]?(?:reply|response)|"
    r"auto-?responder|out of (?:the )?office|ooo\b|vacation (?:reply|response)|away from (?:my )?mail|"
    r"automatische antwort|abwesenheits\w*|réponse automatique|absence du bureau|respuesta automática|"
    r"fuera de (?:la )?oficina|resposta automática|risposta automatica|автоответ|자동\s?(?:회신|응답))"
    r"\s*(?:[\]】)）:：\-—]|$)",
    re.IGNORECASE,
)
#: The first words of the holiday answers of QQ and NetEase, which set no header.
_AUTO_TEXT = re.compile(
    r"^\s*(?:这是来自.{2,20}的(?:假期)?自动回复|这是一封自动回复|此邮件为(?:系统)?自动回复|"
    r"this is an (?:automatic|automated|auto)[ -]?(?:reply|response|generated)|本邮件由系统自动(?:发出|发送|回复))",
    re.IGNORECASE,
)
_READ_SUBJECT = re.compile(
    r"^\s*(?:read|已读|已讀|已阅读|gelesen|開封済み|lu|leído)\s*[:：]", re.IGNORECASE
)
_READ_TEXT = re.compile(
    r"was (?:read|displayed|opened)|已于|已於|已被阅读|已阅读|已閱讀|has been read", re.IGNORECASE
)
_DAEMON = re.compile(
    r"^(?:mailer-daemon|postmaster|mail-daemon|owner-[^@]*|[^@]*-request|bounces?\b[^@]*)@",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(
    r"^(?:no[-._]?reply|do[-._]?not[-._]?reply|donotreply|noreply[^@]*|auto[-._]?\w*reply)[^@]*@",
    re.IGNORECASE,
)
#: X-Auto-Response-Suppress values that forbid an answer ([MS-OXCMAIL] §2.1.3.2.20).
_SUPPRESS = frozenset({"all", "autoreply", "oof"})


def loop(mail: Seen) -> str:
    """Our own mail that came back."""
    marks = {raw.strip().decode("ascii", "replace") for raw in mail.headers.get(LOOP_HEADER, ())}
    if marks & mail.loop_marks:
        return "own_mark"
    if untagged(mail.sender) in mail.own:
        return "from_own_address"
    passed = {untagged(address) for _, address in h.addresses(mail.headers, "x-loop")}
    if passed & mail.own:
        return "x_loop"
    return "too_many_hops" if len(mail.headers.get("received", ())) > _MAX_HOPS else ""


def bounce(mail: Seen) -> str:
    """A report that a mail did not arrive, or not yet."""
    if mail.bounce is None or mail.bounce.action in {"delivered", "relayed", "expanded"}:
        return ""
    formal = find(mail.root, "message/delivery-status", "message/global-delivery-status")
    return "delivery_status" if formal else "bounce_text"


def complaint(mail: Seen) -> str:
    """A recipient called our mail spam (RFC 5965)."""
    _, params = h.parameters(h.value(mail.headers, "content-type"))
    if params.get("report-type", "").lower() == "feedback-report":
        return "feedback_report"
    return "feedback_report" if find(mail.root, "message/feedback-report") else ""


def receipt(mail: Seen) -> str:
    """It arrived (RFC 3464, action delivered) or was read (RFC 8098)."""
    if mail.bounce is not None:
        return "delivery_receipt"
    if find(
        mail.root, "message/disposition-notification", "message/global-disposition-notification"
    ):
        return "read_receipt"
    if _READ_SUBJECT.match(mail.subject) and _READ_TEXT.search(mail.text[:600]):
        return "read_receipt_text"
    return ""


def auto_reply(mail: Seen) -> str:
    """An answer no person wrote."""
    if h.word(mail.headers, "auto-submitted") in {"auto-replied", "auto-notified"}:
        return "auto_submitted"
    for name in (
        "x-autoreply",
        "x-autorespond",
        "x-autoreply-from",
        "x-auto-reply",
        "x-qq-auto-reply",
    ):
        if name in mail.headers and h.word(mail.headers, name) not in {"no", "false", "0"}:
            return name.replace("-", "_")
    if h.word(mail.headers, "precedence") in {"auto_reply", "auto-reply"}:
        return "precedence"
    if h.word(mail.headers, "delivered-to") == "autoresponder":
        return "delivered_to"
    if _AUTO_SUBJECT.match(mail.subject):
        return "auto_subject"
    return "auto_text" if _AUTO_TEXT.match(mail.text[:200]) else ""


def mailing_list(mail: Seen) -> str:
    """Sent to many: a list, a newsletter."""
    for name in mail.headers:
        if name.startswith("list-"):
            return name.replace("-", "_")
    if h.word(mail.headers, "precedence") in {"bulk", "list", "junk"}:
        return "precedence"
    return "feedback_id" if "feedback-id" in mail.headers else ""


def machine(mail: Seen) -> str:
    """Written by a program for one reader: nobody is there to answer."""
    submitted = h.word(mail.headers, "auto-submitted")
    if submitted and submitted != "no":
        return "auto_submitted"
    suppress = h.value(mail.headers, "x-auto-response-suppress").decode("ascii", "replace").lower()
    if _SUPPRESS & {part.strip() for part in suppress.split(",")}:
        return "auto_response_suppress"
    for name in ("x-autogenerated", "x-fc-machinegenerated", "x-cron-env"):
        if name in mail.headers:
            return name.replace("-", "_")
    if not mail.envelope_from or h.value(mail.headers, "return-path").strip() == b"<>":
        return "null_sender"
    if _DAEMON.match(mail.sender) or _DAEMON.match(mail.envelope_from):
        return "daemon"
    return "no_reply_sender" if _NO_REPLY.match(mail.sender) else ""


FILTERS: tuple[tuple[MailClass, Callable[[Seen], str]], ...] = (
    (MailClass.LOOP, loop),
    (MailClass.BOUNCE, bounce),
    (MailClass.COMPLAINT, complaint),
    (MailClass.RECEIPT, receipt),
    (MailClass.AUTO_REPLY, auto_reply),
    (MailClass.LIST, mailing_list),
    (MailClass.AUTO_REPLY, machine),
)


def classify(mail: Seen) -> tuple[MailClass, str]:
    """The class and the reason, '<filter>:<what it saw>'; a person when no filter speaks."""
    for kind, check in FILTERS:
        reason = check(mail)
        if reason:
            return kind, f"{check.__name__}:{reason}"
    return MailClass.PERSON, ""


def untagged(address: str) -> str:
    """`Help+42@Example.org` → `help@example.org`: how our own addresses are compared."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
