"""Mail by Postmark's inbound webhook; answers go out by SMTP.

"Include raw email content in JSON payload" has to be on: the call then has the mail as it came in
`RawEmail` (postmarkapp.com/developer/webhooks/inbound-webhook). Postmark signs nothing; the address it
calls carries a user and a password. docs/channels/postmark.md says how to set an account up.
"""

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from channels._basic_auth import check_password
from channels._mail_account import MailAccount, MailSender
from channels._mail_webhook import Envelope, capabilities, taken
from channels._secret import secret_field
from channels._signing import LiveSecrets
from gateway.domain.channel import Capabilities, HttpRequest, Parsed, Verified
from gateway.domain.errors import ParseError, SettingsError
from gateway.domain.world import World


@dataclass(frozen=True, kw_only=True)
class PostmarkSettings(MailAccount):
    """One mailbox whose mail goes to a Postmark server's inbound stream."""

    webhook_user: str = field(
        default="gateway",
        metadata={"help": "User name in the webhook's address", "example": "gateway"},
    )
    webhook_password: str = secret_field(
        "Password in the webhook's address (https://user:password@…)",
        "env:POSTMARK_WEBHOOK_PASSWORD",
    )
    webhook_password_previous: str = secret_field(
        "The password before it, accepted while it is changed", "env:POSTMARK_WEBHOOK_PASSWORD_OLD"
    )


class Postmark(MailSender):
    """The channel of one mailbox: `Channel`, `Webhook`, `Correspondent`, `Probe`, `Closable`."""

    kind: ClassVar[str] = "postmark"
    Settings: ClassVar[type[Any]] = PostmarkSettings
    capabilities: ClassVar[Capabilities] = capabilities(
        "webhook_password", "webhook_password_previous"
    )

    def __init__(self, settings: PostmarkSettings, world: World) -> None:
        super().__init__(settings, world)
        self._settings = settings
        self._passwords = LiveSecrets.rotating(
            settings.webhook_password, settings.webhook_password_previous
        )

    @classmethod
    def from_account(cls, settings: PostmarkSettings, world: World) -> Self:
        """Raises SettingsError when nothing would prove that a call is genuine."""
        if not settings.webhook_password:
            raise SettingsError("is empty", key="webhook_password")
        return cls(settings, world)

    def verify(self, request: HttpRequest) -> Verified:
        """The password. Postmark gives up at once when it is answered 403."""
        return Verified(
            "basic", check_password(request, self._settings.webhook_user, self._passwords)
        )

    def parse(self, request: HttpRequest) -> Parsed:
        """The mail in `RawEmail`. Raises ParseError."""
        try:
            call = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise ParseError("the body is not JSON") from error
        if not isinstance(call, dict):
            raise ParseError("the body is not a JSON object")
        raw = call.get("RawEmail")
        if not isinstance(raw, str) or not raw:
            raise ParseError("no RawEmail: turn on 'Include raw email content in JSON payload'")
        recipient = call.get("OriginalRecipient")
        envelope = Envelope(
            _envelope_sender(call), (recipient,) if isinstance(recipient, str) else ()
        )
        # What was no UTF-8 in the mail cannot be told from the JSON any more.
        data = raw.encode("utf-8", "replace")
        return taken(data, envelope, self._settings, request.received_at, self.placed)


def _envelope_sender(call: dict[str, Any]) -> str:
    """Return-Path, which Postmark puts among the headers; without one, the author: nobody would mean
    a bounce."""
    headers = call.get("Headers")
    for header in headers if isinstance(headers, list) else ():
        if isinstance(header, dict) and str(header.get("Name")).lower() == "return-path":
            return str(header.get("Value", "")).strip().strip("<>")
    author = call.get("FromFull")
    found = author.get("Email") if isinstance(author, dict) else call.get("From")
    return found if isinstance(found, str) and found else "unknown@invalid"
