"""Mail by Mailgun's routes; answers go out by SMTP.

The address a route forwards to has to end in `mime`: the form then has the mail as it came in
`body-mime`. The signature is an HMAC over timestamp and token (documentation.mailgun.com, "Securing
Webhooks"); it does not cover the mail, so a token is bound to the first mail that came with it.
docs/channels/mailgun.md says how to set an account up.
"""

import asyncio
import math
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Self

from channels._mail_account import MailAccount, MailSender
from channels._mail_webhook import Envelope, Untidy, capabilities, form, taken
from channels._secret import secret_field
from channels._signing import LiveSecrets, digest
from gateway.domain.channel import Capabilities, HttpRequest, Parsed, Verified
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.domain.model import JSON
from gateway.domain.world import World

#: Seconds a signature may lie in the future: clocks differ.
_AHEAD = 300.0
#: Tokens are remembered by the minute of their timestamp.
_MINUTE = 60
_PROOF = frozenset({"timestamp", "token", "signature"})
#: A token has 50 characters.
_TOKEN_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class MailgunSettings(MailAccount):
    """One mailbox whose domain's mail goes to Mailgun."""

    signing_key: str = secret_field(
        "HTTP webhook signing key of the Mailgun account", "env:MAILGUN_SIGNING_KEY"
    )
    signing_key_previous: str = secret_field(
        "The key before it, accepted while it is changed", "env:MAILGUN_SIGNING_KEY_OLD"
    )
    window: float = field(
        default=32_400.0,
        metadata={
            "help": "Seconds after which a signature is too old; Mailgun repeats a call for 8 hours",
            "example": 32_400.0,
        },
    )


class Mailgun(MailSender):
    """The channel of one mailbox: `Channel`, `Webhook`, `Doorkeeper`, `Correspondent`, `Probe`,
    `Closable`."""

    kind: ClassVar[str] = "mailgun"
    Settings: ClassVar[type[Any]] = MailgunSettings
    #: 406 tells Mailgun not to come again (documentation.mailgun.com, "Webhooks").
    capabilities: ClassVar[Capabilities] = capabilities(
        "signing_key", "signing_key_previous", bad_signature_status=406
    )

    def __init__(self, settings: MailgunSettings, world: World) -> None:
        super().__init__(settings, world)
        self._settings = settings
        self._world = world
        self._keys = LiveSecrets.rotating(settings.signing_key, settings.signing_key_previous)
        #: Minutes that can be asked for at one time, and some to spare.
        self._minutes = math.ceil((settings.window + _AHEAD) / _MINUTE) + 2
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def from_account(cls, settings: MailgunSettings, world: World) -> Self:
        """Raises SettingsError when nothing would prove that a call is genuine."""
        if not settings.signing_key:
            raise SettingsError("is empty", key="signing_key")
        if not 60 <= settings.window <= 7 * 86_400:
            raise SettingsError("must be between a minute and a week", key="window")
        return cls(settings, world)

    def verify(self, request: HttpRequest) -> Verified:
        """HMAC-SHA256 of timestamp and token, in hexadecimal."""
        fields = _signed(request, _PROOF)
        timestamp, token = fields["timestamp"], fields["token"]
        name = self._keys.matching(
            [fields["signature"]],
            lambda key: [digest(key, timestamp + token).hex().encode()],
        )
        if not name:
            raise BadSignature("the signature does not fit the token")
        age = request.received_at - float(timestamp)
        if not -_AHEAD <= age <= self._settings.window:
            raise BadSignature("the signature is too old, or from the future")
        return Verified("mailgun-hmac-sha256", name)

    async def admit(self, request: HttpRequest) -> None:
        """Bind the token to the mail it came with; with another one it is refused.

        What is kept is a ring of minutes, so it is bounded; the timestamp is signed, so nobody can
        move a token into another minute. Kept in the database: a restart forgets nothing.
        """
        fields = _signed(request)
        minute = int(fields["timestamp"]) // _MINUTE
        token = self._world.sign("mailgun", fields["token"].hex())
        mail = self._world.sign("mailgun", sha256(_carried(fields)).hexdigest())
        slot = f"mailgun:{minute % self._minutes}"
        async with self._one_at_a_time:
            kept = await self._world.memo(slot)
            tokens: dict[str, JSON] = {}
            if isinstance(kept, dict) and kept.get("minute") == minute:
                tokens.update(kept["tokens"] if isinstance(kept["tokens"], dict) else {})
            if tokens.setdefault(token, mail) != mail:
                raise BadSignature("the token came with another mail before")
            await self._world.remember(slot, {"minute": minute, "tokens": tokens})

    def parse(self, request: HttpRequest) -> Parsed:
        """The mail in `body-mime`, with the envelope in `sender` and `recipient`. Raises ParseError."""
        try:
            fields = form(request.body)
        except Untidy as error:
            raise ParseError(str(error)) from error
        if "body-mime" not in fields:
            raise ParseError("no field body-mime: let the route's address end in /mime")
        envelope = Envelope(
            _text(fields.get("sender", b"")), (_text(fields.get("recipient", b"")),)
        )
        return taken(
            fields["body-mime"], envelope, self._settings, request.received_at, self.placed
        )


def _signed(request: HttpRequest, only: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """The form, or `only` some of it, with the three fields that prove it. Raises BadSignature."""
    try:
        fields = form(request.body, only)
    except Untidy as error:
        raise BadSignature(str(error)) from error
    timestamp, token = fields.get("timestamp", b""), fields.get("token", b"")
    if not timestamp.isdigit() or len(timestamp) > 12 or "signature" not in fields:
        raise BadSignature("no timestamp, or no signature")
    if not token or len(token) > _TOKEN_LIMIT:
        raise BadSignature("no token")
    return fields


def _carried(fields: dict[str, bytes]) -> bytes:
    """What the signature does not cover. A repeated call may be put together anew, its mail not."""
    parts = [fields.get(name, b"") for name in ("body-mime", "sender", "recipient")]
    return b"\0".join(sha256(part).digest() for part in parts)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
