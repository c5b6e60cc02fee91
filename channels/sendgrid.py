"""Mail by SendGrid's Inbound Parse webhook; answers go out by SMTP.

"POST the raw, full MIME message" has to be on: the form then has the mail as it came in `email`.
The signature is that of a security policy with a public key: ECDSA over timestamp and raw body, in the
headers of the event webhook (twilio.com/docs/sendgrid, "Securing your Parse webhooks"; header names as
in `sendgrid.helpers.eventwebhook` 6.12.5). docs/channels/sendgrid.md says how to set an account up.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from channels._basic_auth import check_password
from channels._mail_account import MailAccount, MailSender
from channels._mail_webhook import Envelope, Untidy, capabilities, form, taken
from channels._secret import secret_field
from channels._signing import LiveSecrets
from gateway.domain.channel import Capabilities, HttpRequest, Parsed, Verified
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.domain.world import World

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
#: A DER signature of two 256-bit numbers has at most 72 bytes, 96 in base64.
_SIGNATURE_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class SendGridSettings(MailAccount):
    """One mailbox whose domain's mail goes to SendGrid."""

    public_key: str = field(
        default="",
        metadata={
            "help": "Public key of the security policy, as SendGrid shows it (base64)",
            "example": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…",
        },
    )
    public_key_previous: str = field(
        default="",
        metadata={
            "help": "The key before it, accepted while keys are changed",
            "example": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…",
        },
    )
    webhook_user: str = field(
        default="gateway",
        metadata={"help": "User name in the webhook's address", "example": "gateway"},
    )
    webhook_password: str = secret_field(
        "Password in the webhook's address (https://user:password@…), where no policy signs",
        "env:SENDGRID_WEBHOOK_PASSWORD",
    )


class SendGrid(MailSender):
    """The channel of one mailbox: `Channel`, `Webhook`, `Correspondent`, `Probe`, `Closable`."""

    kind: ClassVar[str] = "sendgrid"
    Settings: ClassVar[type[Any]] = SendGridSettings
    capabilities: ClassVar[Capabilities] = capabilities("webhook_password")

    def __init__(self, settings: SendGridSettings, world: World) -> None:
        super().__init__(settings, world)
        self._settings = settings
        self._keys = {
            name: _key(text, name)
            for name, text in (
                ("public_key", settings.public_key),
                ("public_key_previous", settings.public_key_previous),
            )
            if text
        }
        self._passwords = LiveSecrets.rotating(settings.webhook_password)

    @classmethod
    def from_account(cls, settings: SendGridSettings, world: World) -> Self:
        """Raises SettingsError when nothing would prove that a call is genuine."""
        if not settings.public_key and not settings.webhook_password:
            raise SettingsError("or webhook_password is needed", key="public_key")
        return cls(settings, world)

    def verify(self, request: HttpRequest) -> Verified:
        """The signature where there is a key, the password where there is one: both where both are.

        There is no window of time: the signature covers the mail, so that a call that is played again
        is the same mail, and SendGrid repeats calls for three days.
        """
        verified = Verified("basic")
        if self._passwords.keys:
            check_password(request, self._settings.webhook_user, self._passwords)
        if self._keys:
            verified = Verified("sendgrid-ecdsa", self._signed_by(request))
        return verified

    def _signed_by(self, request: HttpRequest) -> str:
        given = request.headers.get(SIGNATURE, "")
        timestamp = request.headers.get(TIMESTAMP, "")
        if not given or not timestamp.isascii() or not timestamp.isdigit():
            raise BadSignature("no signature of the security policy")
        if len(given) > _SIGNATURE_LIMIT or not given.isascii():
            raise BadSignature("the signature cannot be read")
        try:
            signature = base64.b64decode(given, validate=True)
        except ValueError as error:
            raise BadSignature("the signature cannot be read") from error
        for name, key in self._keys.items():
            try:
                key.verify(signature, timestamp.encode() + request.body, ec.ECDSA(SHA256()))
            except InvalidSignature:
                continue
            return name
        raise BadSignature("the signature does not fit the call")

    def parse(self, request: HttpRequest) -> Parsed:
        """The mail in `email`, with the envelope beside it. Raises ParseError."""
        try:
            fields = form(request.body)
        except Untidy as error:
            raise ParseError(str(error)) from error
        if "email" not in fields:
            raise ParseError('no field "email": turn on "POST the raw, full MIME message"')
        envelope = _envelope(fields.get("envelope", b""))
        return taken(fields["email"], envelope, self._settings, request.received_at, self.placed)


def _envelope(text: bytes) -> Envelope:
    """`{"to": [...], "from": "..."}`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError("envelope is not JSON") from error
    if not isinstance(found, dict):
        raise ParseError("envelope is not a JSON object")
    sender, to = found.get("from", ""), found.get("to", [])
    if not isinstance(sender, str) or not isinstance(to, list):
        raise ParseError("envelope has no from and to")
    return Envelope(sender, tuple(one for one in to if isinstance(one, str)))


def _key(text: str, name: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError("is not a public key in base64", key=name) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SettingsError("is not a key of an elliptic curve", key=name)
    return key
