"""SMS and MMS through Twilio Programmable Messaging.

In: `POST /in/sms/{account}` for messages, `/in/sms/{account}/status` for status callbacks.
Out: the Messages resource of the REST API of 2010-04-01. Twilio offers no idempotency key, so a send
whose outcome is unknown is looked up (`find_sent`) before anything is repeated.
docs/channels/sms.md says how to set an account up and what each answer of Twilio leads to.
"""

import base64
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Self
from urllib.parse import urlencode, urlsplit

from channels import _twilio
from channels._answer import json_object, retry_after
from channels._secret import secret_field
from channels._signing import LiveSecrets
from channels._twilio_errors import failure_of
from channels._twilio_messages import read_form, read_message, read_status
from gateway.domain.channel import (
    Capabilities,
    Health,
    HttpReply,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import (
    DeliveryError,
    Failure,
    HttpFailure,
    ParseError,
    SettingsError,
)
from gateway.domain.segments import segments
from gateway.domain.world import HttpResponse, World

#: twilio.com/docs/messaging/api/message-resource: longer bodies are refused with 21617.
TEXT_LIMIT = 1600
#: twilio.com/docs/usage/twilios-response: the largest page of a list.
_PAGE_SIZE = 1000
#: Twenty thousand messages to one number since the send: more is no customer, and no proof either.
_PAGE_LIMIT = 20
#: Twilio's dates are whole seconds of its own clock.
_CLOCK_SLACK = 60.0

_NO_ANSWER = HttpReply(
    200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8"
)


@dataclass(frozen=True)
class SmsSettings:
    """One Twilio account and the number or messaging service it sends from."""

    account_sid: str = field(
        metadata={
            "help": "Account SID from the Twilio console",
            "example": "AC00000000000000000000000000000001",
        }
    )
    auth_token: str = field(
        repr=False,
        metadata={
            "help": "Primary auth token: signs webhooks, and signs in to the API without an API key",
            "example": "env:TWILIO_AUTH_TOKEN",
            "secret": True,
        },
    )
    auth_token_previous: str = secret_field(
        "The auth token before it, accepted on webhooks while tokens are rotated",
        "env:TWILIO_AUTH_TOKEN_OLD",
    )
    shared_keys: Mapping[str, str] = field(
        repr=False,
        default_factory=dict,
        metadata={
            "help": "SharedKey webhook secrets by key id; name the old and the new one to rotate",
            "example": {"webhooks_sharedkey_01": "env:TWILIO_SHARED_KEY"},
            "secret": True,
        },
    )
    from_number: str = field(
        default="",
        metadata={
            "help": "Number to send from when the customer wrote to none of ours, in E.164",
            "example": "+14155550100",
        },
    )
    messaging_service_sid: str = field(
        default="",
        metadata={
            "help": "Messaging service to send from, instead of from_number",
            "example": "MG00000000000000000000000000000001",
        },
    )
    api_key: str = field(
        default="",
        metadata={
            "help": "API key SID for sending, so that the auth token need not be used for it",
            "example": "SK00000000000000000000000000000001",
        },
    )
    api_secret: str = secret_field("Secret of the API key", "env:TWILIO_API_SECRET")
    base_url: str = field(
        default="https://api.twilio.com",
        metadata={
            "help": "Address of the REST API: a region's, or a simulator's",
            "example": "https://api.dublin.ie1.twilio.com",
        },
    )
    public_url: str = field(
        default="",
        metadata={
            "help": "Address under which Twilio reaches us, where it is not the gateway's public_url",
            "example": "https://sms.pay.example",
        },
    )
    status_callback: bool = field(
        default=True,
        metadata={"help": "Ask Twilio to report delivery to us", "example": True},
    )


class TwilioSms:
    """The channel of one Twilio account."""

    kind: ClassVar[str] = "sms"
    Settings: ClassVar[type[Any]] = SmsSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="phone",
        form="short",
        text_limit=TEXT_LIMIT,
        send_safety="listable",
        receipts=True,
        secrets=("auth_token", "auth_token_previous", "shared_keys", "api_secret"),
    )

    def __init__(self, settings: SmsSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._tokens = LiveSecrets.rotating(settings.auth_token, settings.auth_token_previous)
        self._shared_keys = LiveSecrets.named(settings.shared_keys)

    @classmethod
    def from_account(cls, settings: SmsSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError` for a combination that cannot work."""
        at = f"accounts.{world.account_id}"
        if not settings.auth_token:
            raise SettingsError("must not be empty", key=f"{at}.auth_token")
        if settings.from_number and settings.messaging_service_sid:
            raise SettingsError("set this or messaging_service_sid", key=f"{at}.from_number")
        if bool(settings.api_key) != bool(settings.api_secret):
            raise SettingsError("api_key and api_secret go together", key=f"{at}.api_key")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Both signature schemes, over the raw bytes. Raises `BadSignature`."""
        return _twilio.verify(request, self._signed_url(request), self._tokens, self._shared_keys)

    def parse(self, request: HttpRequest) -> Parsed:
        """A message or a status callback. Raises `ParseError`."""
        form = read_form(request.body)
        match request.path:
            case "":
                return Parsed((read_message(form),), _NO_ANSWER)
            case "status":
                return Parsed(read_status(form), _NO_ANSWER)
            case path:
                raise ParseError(f"no such webhook of an SMS account: {path[:40]!r}")

    def _public_url(self) -> str:
        return (self._settings.public_url or self._world.public_url).rstrip("/")

    def _signed_url(self, request: HttpRequest) -> str:
        """The address as Twilio knows it."""
        if not self._settings.public_url:
            return request.url
        rest = request.url.removeprefix(self._world.public_url.rstrip("/"))
        if rest == request.url:
            parts = urlsplit(request.url)
            rest = parts._replace(scheme="", netloc="").geturl()
        return self._public_url() + rest

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Create one message. Raises `DeliveryError`; never repeats by itself."""
        if len(outbound.text) > TEXT_LIMIT:
            raise DeliveryError(
                Failure.REJECTED,
                f"{len(outbound.text)} characters, an SMS takes {TEXT_LIMIT}",
                provider_code="21617",
            )
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent as SMS")
        try:
            response = await self._call("POST", self._path("Messages.json"), self._form(outbound))
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from Twilio") from error
        answer = json_object(response)
        if not 200 <= response.status < 300:
            raise failure_of(response.status, answer.get("code"), retry_after(response))
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            # Something took the request and answered 2xx; whether a message came of it is open.
            raise DeliveryError(Failure.UNKNOWN, f"HTTP {response.status} without a message sid")
        if answer.get("status") in {"failed", "undelivered", "canceled"}:
            raise failure_of(400, answer.get("error_code"), None)
        return _sent(answer, parts=segments(outbound.text).parts)

    async def find_sent(self, outbound: Outbound, since: float) -> Sequence[Sent]:
        """Every message Twilio made through the API for this recipient since then whose body could
        be ours.

        The whole list to the recipient is read, without Twilio's DateSent filter: a message that is
        still queued has no such date, and to miss it here would send it twice. Bodies are compared
        without punctuation and case, since a messaging service may replace characters.

        Raises `DeliveryError` when Twilio cannot be asked, or when there are too many to read.
        """
        found: list[Sent] = []
        path = f"{self._path('Messages.json')}?" + urlencode(
            {"To": outbound.to, "PageSize": _PAGE_SIZE}
        )
        for _ in range(_PAGE_LIMIT):
            page = await self._list(path)
            found += [
                _sent(message)
                for message in page["messages"]
                if _could_be(message, outbound.text, since)
            ]
            next_page = page.get("next_page_uri")
            if not next_page:
                return found
            # Only a path on the same server: these requests carry the account's password.
            path = "/" + str(next_page).lstrip("/")
        raise DeliveryError(Failure.RETRY, "too many messages to this number to look through")

    async def health(self) -> Health:
        """Fetch the account; with an API key, also try the key on the list of messages."""
        try:
            response = await self._call("GET", f"{self._path().removesuffix('/')}.json", token=True)
            if response.status != 200:
                return Health(False, f"Twilio answers HTTP {response.status} for the account")
            status = str(json_object(response).get("status", "unknown"))
            if status != "active":
                return Health(False, f"the account is {status[:20]}")
            if self._settings.api_key:
                response = await self._call("GET", self._path("Messages.json?PageSize=1"))
                if response.status != 200:
                    return Health(False, f"the API key is refused: HTTP {response.status}")
        except HttpFailure as error:
            return Health(False, f"Twilio cannot be reached: {error}")
        return Health(True, "the account is active")

    def _form(self, outbound: Outbound) -> bytes:
        fields = {"To": outbound.to, "Body": outbound.text}
        # Who wrote to one of our numbers is answered from that number.
        if sender := outbound.reply_to.get("to") or self._settings.from_number:
            fields["From"] = str(sender)
        elif self._settings.messaging_service_sid:
            fields["MessagingServiceSid"] = self._settings.messaging_service_sid
        else:
            raise DeliveryError(Failure.MISCONFIGURED, "no from_number, no messaging_service_sid")
        if self._settings.status_callback:
            fields["StatusCallback"] = (
                f"{self._public_url()}/in/{self.kind}/{self._world.account_id}/status"
            )
        return urlencode(fields).encode()

    async def _list(self, path: str) -> Mapping[str, Any]:
        try:
            response = await self._call("GET", path)
        except HttpFailure as error:
            raise DeliveryError(Failure.RETRY, "no answer from Twilio") from error
        page = json_object(response)
        if response.status != 200:
            refusal = failure_of(response.status, page.get("code"), retry_after(response))
            if refusal.failure in {Failure.THROTTLED, Failure.MISCONFIGURED}:
                raise refusal
            # The other kinds speak of a message; here only a question failed.
            raise DeliveryError(Failure.RETRY, f"no list of messages: HTTP {response.status}")
        messages = page.get("messages")
        if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
            # An unreadable list proves nothing, least of all that a message is not on it.
            raise DeliveryError(Failure.RETRY, "Twilio's list of messages cannot be read")
        return page

    async def _call(
        self, method: str, path: str, body: bytes | None = None, *, token: bool = False
    ) -> HttpResponse:
        settings = self._settings
        user, password = settings.api_key, settings.api_secret
        if token or not user:
            user, password = settings.account_sid, settings.auth_token
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = settings.base_url.rstrip("/") + path
        return await self._world.http.request(method, url, headers=headers, body=body)

    def _path(self, name: str = "") -> str:
        return f"/2010-04-01/Accounts/{self._settings.account_sid}/{name}"


def _sent(message: Mapping[str, Any], parts: int = 1) -> Sent:
    counted = str(message.get("num_segments") or "")
    if counted.isascii() and counted.isdigit() and int(counted) > 0:
        parts = int(counted)
    return Sent(
        external_id=str(message.get("sid", "")),
        at=_date(message.get("date_created")),
        parts=parts,
        detail=str(message.get("status", "")),
    )


def _could_be(message: Mapping[str, Any], text: str, since: float) -> bool:
    """Whether a listed message may be our text. In doubt it may: an account can have bodies hidden,
    a date can be missing."""
    if message.get("direction") != "outbound-api" or not message.get("sid"):
        return False
    created = _date(message.get("date_created"))
    if created is not None and created < since - _CLOCK_SLACK:
        return False
    body = _letters(str(message.get("body") or ""))
    # A trial account puts a sentence of its own before the text.
    return not body or body.endswith(_letters(text))


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def _date(value: object) -> float | None:
    """Twilio's dates are of RFC 2822, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
