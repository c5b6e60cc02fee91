"""What the gateway would make of an input, as JSON: reads, decides and plans like live traffic, and
stores, sends and asks nothing. Pure; `gateway try` does the reading and writing.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.answers.case import make_case
from gateway.domain.announcement import Announcement
from gateway.domain.channel import Channel, ChannelEvent, HttpRequest, Inbound, Receipt, Webhook
from gateway.domain.codec import kind_of
from gateway.domain.decision import Certificate, Question
from gateway.domain.errors import BadSignature, GatewayError, ParseError
from gateway.domain.model import JSON, Attachment, Brand, MailClass
from gateway.domain.plan import ChangeInquiry, CreateInquiry, Log, Plan, Send
from gateway.domain.snapshot import AccountView, Snapshot
from gateway.intake.accept import MailIdentity
from gateway.intake.language import detect
from gateway.intake.mail import Mail, read_mail, without_envelope
from gateway.intake.reading import clean
from gateway.intake.redact import redact, redact_name
from gateway.offline import FixedClock, offline_world
from gateway.registry import RESERVED, Registry
from gateway.workers.planner import Planner

#: The account of a trial, where the input names none.
ACCOUNT = "trial"

Request = Mapping[str, Any]
Answer = dict[str, JSON]
Trial = Callable[[Request, float], Answer]


def answers(lines: Iterable[bytes], trial: Trial, now: Callable[[], float]) -> Iterator[Answer]:
    """One answer for each line, in order; a line that cannot be answered gets its error and holds
    up no other."""
    for line in lines:
        identity: JSON = None
        try:
            request = _parsed(line)
            identity = request["id"]
            yield {"id": identity, **trial(request, now())}
        except GatewayError as error:
            yield {"id": identity, "error": str(error)}
        except Exception as error:  # noqa: BLE001 - it concerns this line alone, and is told there
            yield {"id": identity, "error": f"{type(error).__name__}: {error}"}


def _parsed(line: bytes) -> Request:
    if not line.strip():
        raise ParseError("the line is empty")
    try:
        request = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ParseError("the line is not UTF-8") from error
    except RecursionError as error:
        raise ParseError("the line is nested too deeply") from error
    except ValueError as error:
        raise ParseError(f"the line is not JSON: {str(error)[:100]}") from error
    if not isinstance(request, dict):
        raise ParseError("the line is not a JSON object")
    if not isinstance(request.get("id"), str | int | float):
        raise ParseError("the line has no id")
    return request


# ---------------------------------------------------------------- text


@dataclass(frozen=True, slots=True)
class TextTrial:
    """The plan for a text, as for a first message of somebody we have not met.

    Args:
        planner: the one that live traffic has.
        brands: by id.
        registry: knows the channels.
        certificates, announcements: those in force; none where nothing is stored.
    """

    planner: Planner
    brands: Mapping[str, Brand]
    registry: Registry
    certificates: tuple[Certificate, ...] = ()
    announcements: tuple[Announcement, ...] = ()

    def __call__(self, request: Request, now: float) -> Answer:
        """Raises `ParseError` for a wrong field, `SettingsError` for a channel that is not there."""
        text, subject = _text(request, "text"), _text(request, "subject")
        language = _text(request, "language")
        if "text" not in request:
            raise ParseError("text is missing")
        event = Inbound(
            external_id="",
            sender=ACCOUNT,
            text=text,
            subject=subject,
            facts={"language": language} if language else {},
        )
        safe = clean(event)
        account = self._account(_text(request, "channel"), _text(request, "brand"))
        seen = Snapshot(
            now=now,
            account=account,
            certificates=self.certificates,
            announcements=self.announcements,
        )
        event_id = f"{ACCOUNT}.{request.get('id') or ''}"
        plan = self.planner.plan(event_id, now, safe, seen)
        assert isinstance(safe, Inbound)  # noqa: S101 - what went in
        return {
            **_decided(plan),
            "language": self._language(safe, plan),
            "redactions": [
                {"kind": found.kind, "start": found.start, "end": found.end}
                for found in redact(text).redactions
            ],
            "text": safe.text,
            "reply": _reply(plan),
        }

    def _account(self, channel: str, brand: str) -> AccountView:
        if not brand and len(self.brands) == 1:
            brand = next(iter(self.brands))
        if not channel:
            return AccountView(ACCOUNT, kind="", brand=brand, space="", form="long", subject=True)
        can = self.registry.channel(channel, key="channel").capabilities
        return AccountView(
            ACCOUNT, channel, brand, can.address_space, can.form, subject=can.subject
        )

    def _language(self, event: Inbound, plan: Plan) -> str:
        """The customer's language; the one we answer in where a detector's guess is not believed."""
        made = next((op for op in plan.ops if isinstance(op, CreateInquiry)), None)
        change = _change(plan)
        answered = (change.language if change else None) or ""
        if made is None or not made.language:
            return answered
        question = Question(event.text, event.subject, language=made.language, brand=made.brand)
        case = make_case(question, self.brands, self.planner.answerer.knowledge.languages)
        same = made.language.partition("-")[0] == answered.partition("-")[0]
        return made.language if same or not case.served else answered


def _decided(plan: Plan) -> Answer:
    logged = [op.event for op in plan.ops if isinstance(op, Log)]
    made = next((event.data for event in logged if event.kind == "decision.made"), {})
    change = _change(plan)
    dialogue = (change.dialogue if change else None) or {}
    return {
        "decision": made.get("verb", "none"),
        "topic": made.get("topic", ""),
        "confidence": made.get("confidence", 0.0),
        "top": made.get("top", []),
        "queue": (change.queue if change else None) or "",
        "urgent": bool(change and change.urgent),
        "reason": made.get("reason", ""),
        "suggestion": dialogue.get("suggestion", ""),
    }


def _change(plan: Plan) -> ChangeInquiry | None:
    return next((op for op in reversed(plan.ops) if isinstance(op, ChangeInquiry)), None)


def _reply(plan: Plan) -> str:
    return next((str(op.payload["text"]) for op in plan.ops if isinstance(op, Send)), "")


# ---------------------------------------------------------------- mail


@dataclass(frozen=True, slots=True)
class MailTrial:
    """What a mail says and what kind of mail it is. `identity`: how we know our own."""

    identity: MailIdentity

    def __call__(self, request: Request, now: float) -> Answer:
        """Raises `ParseError` when it cannot be read."""
        if not request.get("raw_base64"):
            raise ParseError("raw_base64 is missing")
        raw = without_envelope(_bytes(request, "raw_base64"), now)
        mail = read_mail(
            raw, own_addresses=self.identity.own_addresses, loop_marks=self.identity.loop_marks
        )
        text, visible = redact(mail.text).text, redact(mail.visible).text
        return {
            "from": mail.sender,
            "from_name": redact(mail.name).text,
            "subject": redact(mail.subject).text,
            "text": text,
            "visible_reply": visible,
            "attachments": _attachments(mail.attachments),
            "is_auto_reply": mail.mail_class is MailClass.AUTO_REPLY,
            "is_bounce": mail.mail_class is MailClass.BOUNCE,
            "class": mail.mail_class.value,
            "bounce": _bounce(mail),
            "language": detect(visible or text),
        }


def _bounce(mail: Mail) -> Answer | None:
    if mail.bounce is None:
        return None
    return {
        "recipients": list(mail.bounce.recipients),
        "status": mail.bounce.status,
        "permanent": mail.bounce.permanent,
    }


# ---------------------------------------------------------------- webhook


@dataclass(frozen=True, slots=True)
class WebhookTrial:
    """What the webhook route would answer, and which events it would take."""

    registry: Registry

    def __call__(self, request: Request, now: float) -> Answer:
        """Raises `ParseError` for a wrong field, `SettingsError` for a kind or an account that
        cannot be."""
        answer, _ = self.tell(request, now)
        return answer

    def tell(self, request: Request, now: float) -> tuple[Answer, str]:
        """The answer, and why it is not 200 where it is not."""
        call, channel = self._call(request, now)
        if not isinstance(channel, Webhook):
            return {"status": 405, "events": []}, "this kind of account takes no webhooks"
        try:
            channel.verify(call)
        except BadSignature as error:
            refused: object = channel
            assert isinstance(refused, Channel)  # noqa: S101 - the registry built it
            return {"status": refused.capabilities.bad_signature_status, "events": []}, str(error)
        try:
            parsed = channel.parse(call)
            events: list[JSON] = [_event(clean(event)) for event in parsed.events]
        except ParseError as error:
            return {"status": 400, "events": []}, str(error)
        return {"status": parsed.reply.status, "events": events}, ""

    def _call(self, request: Request, now: float) -> tuple[HttpRequest, Channel]:
        kind, url = _text(request, "kind"), _text(request, "url")
        if not kind:
            raise ParseError("kind is missing")
        account = request.get("account") or {}
        if not isinstance(account, dict):
            raise ParseError("account is not an object")
        # The same route as `/in/{kind}/{account}[/…]`; another address leads to the account itself.
        parts = urlsplit(url)
        found = re.search(rf"/in/{re.escape(kind)}/([^/]+)(?:/(.*))?$", parts.path)
        name, path = (unquote(part or "") for part in found.groups()) if found else (ACCOUNT, "")
        moment = _moment(request, now)
        made = self.registry.channel(kind)
        own = {key: value for key, value in account.items() if key not in RESERVED}
        settings = self.registry.settings(kind, own, "account")
        world = offline_world(
            name,
            brand=str(account.get("brand") or ""),
            public_url=f"{parts.scheme}://{parts.netloc}" if parts.netloc else "",
            clock=FixedClock(moment),
        )
        call = HttpRequest(
            method=_text(request, "method") or "POST",
            url=url,
            headers=_headers(request),
            body=_bytes(request, "body_base64"),
            received_at=moment,
            path=path,
        )
        return call, made.from_account(settings, world)


def _event(event: ChannelEvent) -> Answer:
    receipt = event if isinstance(event, Receipt) else None
    message = event if isinstance(event, Inbound) else None
    return {
        "type": kind_of(event),
        "external_id": event.external_id,
        "sender": message.sender if message else "",
        "name": message.name if message else "",
        "text": message.text if message else "",
        "attachments": _attachments(message.attachments) if message else [],
        "at": event.at,
        "status": receipt.status.value if receipt else None,
    }


# ---------------------------------------------------------------- fields


def _attachments(found: Iterable[Attachment]) -> list[JSON]:
    return [
        {"name": redact_name(item.name), "size": item.size, "type": item.content_type}
        for item in found
    ]


def _text(request: Request, field: str) -> str:
    value = request.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ParseError(f"{field} is not a text")
    # Half of a surrogate pair is no character: it could be neither stored nor sent.
    return value.encode("utf-8", "replace").decode("utf-8")


def _bytes(request: Request, field: str) -> bytes:
    try:
        return base64.b64decode("".join(_text(request, field).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ParseError(f"{field} is not base64") from error


def _moment(request: Request, now: float) -> float:
    value = request.get("now")
    if value is None:
        return now
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParseError("now is not a number of seconds since 1970")
    return float(value)


def _headers(request: Request) -> dict[str, str]:
    given = request.get("headers") or {}
    if not isinstance(given, dict):
        raise ParseError("headers is not an object")
    headers: dict[str, str] = {}
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in values):
            raise ParseError(f"headers.{name} is not a text")
        lower = name.lower()
        headers[lower] = ", ".join([*([headers[lower]] if lower in headers else []), *values])
    return headers
