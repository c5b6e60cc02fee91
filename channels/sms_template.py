"""SMS through a gateway that sends approved templates only, as carriers in mainland China ask.

In: `POST /in/sms_template/{account}` with customers' messages and delivery reports. Out: `POST {base_url}/messages`
with a template's id and its values. The gateway never writes a text of its own making: what no template
says is refused, unless one is configured that takes any text. Our id makes a repeated request one message.
docs/channels/sms_template.md is the protocol, for whoever puts it before a carrier's interface.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from channels import _signed_call
from channels._answer import json_object
from channels._json_fields import name, objects, read_object, text
from channels._opt_words import opt_word
from channels._phone_fields import moment, phone
from channels._secret import secret_field
from channels._signing import LiveSecrets
from channels._sms_template_errors import CODES, failure_of
from channels._sms_templates import Templates
from gateway.domain.channel import (
    Capabilities,
    ChannelEvent,
    Health,
    HttpReply,
    HttpRequest,
    Inbound,
    Outbound,
    Parsed,
    Receipt,
    Sent,
    Verified,
)
from gateway.domain.errors import DeliveryError, Failure, HttpFailure, ParseError, SettingsError
from gateway.domain.model import JSON, DeliveryState, Visibility
from gateway.domain.segments import segments
from gateway.domain.world import HttpResponse, World

_JSON = "application/json"
#: More is no webhook but an import, and would hold up everybody else's.
_BATCH_LIMIT = 500
#: More parts than any message has; a number beyond it is none.
_MOST_PARTS = 1000
_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "failed": DeliveryState.FAILED,
}


@dataclass(frozen=True)
class SmsTemplateSettings:
    """One account at a template SMS gateway."""

    base_url: str = field(
        metadata={
            "help": "Address of the gateway's interface, up to what stands before /messages",
            "example": "https://sms.carrier.example/v1",
        }
    )
    account: str = field(metadata={"help": "Name of our account there", "example": "wallet-01"})
    secret: str = field(
        repr=False,
        metadata={
            "help": "Secret with which we sign what we send",
            "example": "env:SMS_SECRET",
            "secret": True,
        },
    )
    webhook_secret: str = field(
        repr=False,
        metadata={
            "help": "Secret with which the gateway signs messages and reports; not the same as `secret`",
            "example": "env:SMS_WEBHOOK_SECRET",
            "secret": True,
        },
    )
    sign: str = field(
        metadata={
            "help": "The approved name in front of each message, 【…】",
            "example": "示例钱包",
        }
    )
    webhook_secret_previous: str = secret_field(
        "The webhook secret before it, accepted while secrets are rotated",
        "env:SMS_WEBHOOK_SECRET_OLD",
    )
    templates: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Approved templates by id, with {name} where a value goes",
            "example": {"SMS_1001": "您的问题已登记，编号{number}，人工客服会尽快处理。"},
        },
    )
    free_template: str = field(
        default="",
        metadata={
            "help": "Id of an approved template that takes any text, as its only value {content}",
            "example": "SMS_1000",
        },
    )
    text_limit: int = field(
        default=500,
        metadata={"help": "Characters that the gateway takes in one message", "example": 500},
    )
    opt_out_words: tuple[str, ...] = field(
        default=("N",),
        metadata={
            "help": "Words by which the templates tell customers to opt out, beside TD, T, 退订 …",
            "example": ["N", "R"],
        },
    )


class SmsTemplate:
    """The channel of one account."""

    kind: ClassVar[str] = "sms_template"
    Settings: ClassVar[type[Any]] = SmsTemplateSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="phone",
        form="short",
        text_limit=500,
        send_safety="key",
        receipts=True,
        secrets=("secret", "webhook_secret", "webhook_secret_previous"),
    )

    def __init__(self, settings: SmsTemplateSettings, templates: Templates, world: World) -> None:
        self._settings = settings
        self._templates = templates
        self._world = world
        self._secrets = LiveSecrets.rotating(
            settings.webhook_secret, settings.webhook_secret_previous
        )
        # The limit is known per account only: a narrower value than the class's.
        self.capabilities = replace(  # type: ignore[misc]  # shadows the ClassVar on purpose
            type(self).capabilities, text_limit=settings.text_limit
        )

    @classmethod
    def from_account(cls, settings: SmsTemplateSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError` for a combination that cannot work."""
        at = f"accounts.{world.account_id}"
        for needed in ("base_url", "account", "secret", "webhook_secret", "sign"):
            if not getattr(settings, needed):
                raise SettingsError("must not be empty", key=f"{at}.{needed}")
        if settings.secret in (settings.webhook_secret, settings.webhook_secret_previous):
            # Whoever sees one of our calls could send it back to us as theirs.
            raise SettingsError("must not be the same as `secret`", key=f"{at}.webhook_secret")
        if not settings.templates and not settings.free_template:
            raise SettingsError("set this or free_template", key=f"{at}.templates")
        if settings.text_limit < 1:
            raise SettingsError("must be 1 or more", key=f"{at}.text_limit")
        try:
            templates = Templates.of(settings.templates, settings.free_template)
        except ValueError as error:
            raise SettingsError(str(error), key=f"{at}.templates") from error
        return cls(settings, templates, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """The signature over time, nonce and body. Raises `BadSignature`."""
        return _signed_call.verify(request, self._secrets)

    def parse(self, request: HttpRequest) -> Parsed:
        """Messages and reports of one call. Raises `ParseError` that names the field."""
        if request.path:
            raise ParseError(f"no such webhook of a template SMS account: {request.path[:40]!r}")
        body = read_object(request.body)
        messages, reports = objects(body, "messages"), objects(body, "reports")
        if len(messages) + len(reports) > _BATCH_LIMIT:
            raise ParseError(f"more than {_BATCH_LIMIT} entries in one call")
        events: list[ChannelEvent] = [
            self._message(one, f"messages[{n}].") for n, one in enumerate(messages)
        ]
        for number, one in enumerate(reports):
            if (status := text(one, "status")) in _STATES:
                events.append(_report(one, status, f"reports[{number}]."))
            else:
                # Under way, or a word of a later version of the protocol.
                self._world.log.info("report skipped", status=status[:20])
        return Parsed(tuple(events), HttpReply(200, b'{"code":"OK"}', _JSON))

    def _message(self, item: Mapping[str, Any], at: str) -> Inbound:
        # A short code writes as well, and is no reason to lose the rest of the call.
        sender = phone(item, "phone", at) or name(item, "phone", at)
        said = text(item, "text", at)
        facts: dict[str, JSON] = {}
        if opt := opt_word(said, self._settings.opt_out_words):
            facts["opt"] = opt
        extension = text(item, "extension", at)
        return Inbound(
            external_id=name(item, "id", at),
            sender=sender,
            text=said,
            at=moment(item, "at", at),
            reply_to={"extension": extension} if extension else {},
            facts=facts,
        )

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one template. Raises `DeliveryError`; never repeats by itself."""
        length = self.capabilities.text.measure(outbound.text)
        if length > self._settings.text_limit:
            why = f"{length} characters, a message takes {self._settings.text_limit}"
            raise DeliveryError(Failure.REJECTED, why)
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent as SMS")
        if outbound.visibility is Visibility.PUBLIC:
            raise DeliveryError(Failure.REJECTED, "an SMS is never public")
        filled = self._templates.filled(outbound.text)
        if filled is None:
            raise DeliveryError(
                Failure.REJECTED, "no approved template says this text, and no free_template is set"
            )
        form: dict[str, JSON] = {
            "id": outbound.id,
            "phone": outbound.to,
            "sign": self._settings.sign,
            "template": filled.template,
            "params": dict(filled.params),
        }
        if extension := outbound.reply_to.get("extension"):
            form["extension"] = extension
        try:
            response = await self._call("POST", "/messages", form)
        except HttpFailure as error:
            # Safe to repeat under its id; the difference is for whoever reads the log.
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from the SMS gateway") from error
        answer = json_object(response)
        # DUPLICATE: it had this id before, so an earlier try went through.
        if response.status in {200, 201, 409} and answer.get("code") in ("OK", "DUPLICATE"):
            theirs, parts = answer.get("id"), answer.get("parts")
            if not isinstance(parts, int) or isinstance(parts, bool) or not 0 < parts < _MOST_PARTS:
                parts = self._parts(outbound.text)
            return Sent(theirs if isinstance(theirs, str) and theirs else outbound.id, parts=parts)
        raise failure_of(response)

    async def health(self) -> Health:
        """Ask for the account and what is left on it."""
        try:
            response = await self._call("GET", "/account")
        except HttpFailure as error:
            return Health(False, f"the SMS gateway cannot be reached: {error}")
        answer = json_object(response)
        if response.status != 200 or answer.get("code") != "OK":
            return Health(False, failure_of(response).detail)
        left = answer.get("balance")
        if isinstance(left, int | float) and not isinstance(left, bool):
            return Health(left > 0, f"{left:g} messages are left")
        return Health(True, "the account is active")

    def _parts(self, said: str) -> int:
        """How many parts it has with the sign in front, as every carrier puts it."""
        return segments(f"【{self._settings.sign}】{said}").parts

    async def _call(
        self, method: str, path: str, form: Mapping[str, JSON] | None = None
    ) -> HttpResponse:
        body = b""
        if form is not None:
            body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()
        clock, ids, settings = self._world.clock, self._world.ids, self._settings
        headers = _signed_call.signed(settings.secret.encode(), body, clock.now(), ids.new())
        headers |= {"X-Account": settings.account, "Accept": _JSON}
        if form is not None:
            headers["Content-Type"] = _JSON
        url = settings.base_url.rstrip("/") + path
        return await self._world.http.request(method, url, headers=headers, body=body or None)


def _report(item: Mapping[str, Any], status: str, at: str) -> Receipt:
    code = text(item, "code", at)[:40]
    _, reason = CODES.get(code, (None, ""))
    return Receipt(
        external_id=name(item, "id", at),
        status=_STATES[status],
        at=moment(item, "at", at),
        code=code,
        detail=f"{status}: {reason}" if reason else status,
        recipient=phone(item, "phone", at),
    )
