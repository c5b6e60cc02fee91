"""A signed JSON webhook that any system can call, and the signed callback with our answers.

In: `POST /in/http/{account}`. Out: `POST callback_url`, which must honour `Idempotency-Key`; in
exchange a send whose outcome is unknown may simply be repeated. docs/channels/http.md is the
protocol for whoever builds the other side.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from channels._answer import json_object, retry_after
from channels._http_body import read_body
from channels._secret import secret_field
from channels._signing import LiveSecrets, as_bytes, digest, within
from gateway.domain.channel import (
    Capabilities,
    HttpReply,
    HttpRequest,
    Outbound,
    Parsed,
    Receipt,
    Sent,
    Verified,
)
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    HttpFailure,
    SettingsError,
)
from gateway.domain.world import World

SIGNATURE = "X-Gateway-Signature"
#: Seconds a signature is good for, before and after: room for clocks that differ, none for a replay
#: of last week's log.
WINDOW = 300.0
#: A sender that rotates signs with two secrets; more would only make us compute.
_SIGNATURE_LIMIT = 4
_SCHEME = "gateway-hmac-sha256"
_JSON = "application/json"


@dataclass(frozen=True)
class HttpSettings:
    """One system that sends us messages, and where it wants the answers."""

    secret: str = field(
        repr=False,
        metadata={
            "help": "Secret with which the other system signs its calls; 32 random characters are good",
            "example": "env:HTTP_WEBHOOK_SECRET",
            "secret": True,
        },
    )
    secret_previous: str = secret_field(
        "The secret before it, accepted while secrets are rotated", "env:HTTP_WEBHOOK_SECRET_OLD"
    )
    callback_url: str = field(
        default="",
        metadata={
            "help": "Where answers are posted; without it this account only receives",
            "example": "https://app.pay.example/gateway/answers",
        },
    )
    callback_secret: str = secret_field(
        "Secret with which we sign the callback; not the same as `secret`",
        "env:HTTP_CALLBACK_SECRET",
    )
    address_space: str = field(
        default="http",
        metadata={
            "help": "What the other system's sender ids are: equal ids in one space are one person",
            "example": "wallet-user",
        },
    )


_USUAL = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})").fullmatch


class GenericHttp:
    """The channel of one system that speaks our JSON."""

    kind: ClassVar[str] = "http"
    Settings: ClassVar[type[Any]] = HttpSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="http",
        # No limit of the protocol's; a bound, so that a mistake shows before it is posted.
        text_limit=100_000,
        send_safety="key",
        subject=True,
        receipts=True,
        secrets=("secret", "secret_previous", "callback_secret"),
    )

    def __init__(self, settings: HttpSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._secrets = LiveSecrets.rotating(settings.secret, settings.secret_previous)
        self._callback_key = settings.callback_secret.encode()
        # What the ids mean is known per account only: a narrower value than the class's.
        self.capabilities = replace(  # type: ignore[misc]  # shadows the ClassVar on purpose
            type(self).capabilities, address_space=settings.address_space
        )

    @classmethod
    def from_account(cls, settings: HttpSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError`."""
        at = f"accounts.{world.account_id}"
        if not settings.secret:
            raise SettingsError("must not be empty", key=f"{at}.secret")
        if settings.callback_url and not settings.callback_secret:
            raise SettingsError("is needed with callback_url", key=f"{at}.callback_secret")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """`X-Gateway-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`. Raises `BadSignature`."""
        header = request.headers.get("x-gateway-signature", "")
        usual = _USUAL(header)
        # One time and one signature is what nearly every sender writes.
        stamp, given = (usual[1], [usual[2].encode()]) if usual else _read_header(header)
        if not within(int(stamp), request.received_at, WINDOW):
            raise BadSignature("the signature's time is more than 300 s away")
        text = stamp.encode() + b"." + request.body
        name = self._secrets.matching(given, lambda key: (_hex(key, text),))
        if not name:
            raise BadSignature(f"{SIGNATURE} does not fit the body")
        return Verified(_SCHEME, name)

    def parse(self, request: HttpRequest) -> Parsed:
        """Messages and receipts of one call. Raises `ParseError` that names the field."""
        events = read_body(request.body)
        receipts = [event for event in events if isinstance(event, Receipt)]
        counts = (len(events) - len(receipts), len(receipts))
        reply = b'{"status":"accepted","messages":%d,"receipts":%d}' % counts
        return Parsed(events, HttpReply(200, reply, _JSON))

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Post one answer to the callback. Raises `DeliveryError`."""
        settings = self._settings
        if not settings.callback_url:
            raise DeliveryError(Failure.MISCONFIGURED, "this account has no callback_url")
        if len(outbound.text) > self.capabilities.text_limit:
            raise DeliveryError(Failure.REJECTED, f"a text of {len(outbound.text)} characters")
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent to a callback")
        body = json.dumps(_answer(outbound), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": _JSON,
            "Idempotency-Key": outbound.id,
            SIGNATURE: self._sign(body),
        }
        try:
            response = await self._world.http.request(
                "POST", settings.callback_url, headers=headers, body=body
            )
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from callback_url") from error
        if 200 <= response.status < 300 or response.status == 409:
            # 409: it had this key before, so an earlier try went through.
            theirs = json_object(response).get("id")
            known = isinstance(theirs, str | int) and not isinstance(theirs, bool) and theirs != ""
            return Sent(external_id=str(theirs) if known else outbound.id)
        raise DeliveryError(
            _failure_of(response.status),
            f"callback_url answers HTTP {response.status}",
            retry_after=retry_after(response),
            provider_code=str(response.status),
        )

    def _sign(self, body: bytes) -> str:
        stamp = str(int(self._world.clock.now()))
        valid = _hex(self._callback_key, stamp.encode() + b"." + body)
        return f"t={stamp},v1={valid.decode()}"


def _hex(key: bytes, text: bytes) -> bytes:
    return digest(key, text).hex().encode()


def _read_header(header: str) -> tuple[str, list[bytes]]:
    """The time as it was written (it is signed so) and the signatures; unknown parts are skipped,
    so that a next version can be added beside this one."""
    stamp = ""
    given: list[bytes] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "v1":
            given.append(as_bytes(value.lower()))
        elif name == "t":
            if stamp:
                raise BadSignature(f"{SIGNATURE} names two times")
            stamp = value
    # Twelve digits reach past the year 30000 and keep int() cheap.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise BadSignature(f"no time in {SIGNATURE}" if header else f"no {SIGNATURE} header")
    if not 0 < len(given) <= _SIGNATURE_LIMIT:
        raise BadSignature(f"{SIGNATURE} has {len(given)} signatures; 1 to {_SIGNATURE_LIMIT}")
    return stamp, given


def _answer(outbound: Outbound) -> Mapping[str, Any]:
    return {
        "id": outbound.id,
        "to": outbound.to,
        "text": outbound.text,
        "subject": outbound.subject,
        "number": outbound.number,
        "automatic": outbound.automatic,
        "language": outbound.language,
        "reply_to": dict(outbound.reply_to),
    }


def _failure_of(status: int) -> Failure:
    if status == 429:
        return Failure.THROTTLED
    if status in {401, 403} or status < 400:
        # A redirect is not followed: the body would go, signed, to somebody else.
        return Failure.MISCONFIGURED
    if status >= 500 or status in {408, 425}:
        # Even if the message was taken, the key makes a second one harmless.
        return Failure.RETRY
    return Failure.REJECTED
