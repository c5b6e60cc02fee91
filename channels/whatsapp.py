"""WhatsApp, through Meta's Cloud API: one business number.

In: `GET` and `POST /in/whatsapp/{account}`. Out: `POST /{phone_number_id}/messages`, which has no idempotency
key and no list of what was sent, so a send whose outcome is unknown waits for a person. A day after the
customer's last message only templates go out that WhatsApp has approved: what a person wrote then goes into
one as its only variable, where the account names one in the customer's language.
docs/channels/whatsapp.md says how to set an account up and what each answer of WhatsApp leads to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from channels._meta_account import SECRETS, MetaSettings, require, sendable
from channels._meta_graph import Graph
from channels._meta_webhook import Hub, challenge
from channels._whatsapp_errors import WHATSAPP
from channels._whatsapp_messages import FILE_SCHEME, read_call
from gateway.domain.channel import (
    Capabilities,
    Health,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import DeliveryError, Failure, SettingsError
from gateway.domain.model import Attachment, Visibility
from gateway.domain.world import World

#: developers.facebook.com/documentation/business-messaging/whatsapp/messages/text-messages: characters.
#: Counted in UTF-16 here, which is never fewer.
TEXT_LIMIT = 4096
#: …/whatsapp/messages/send-messages#customer-service-windows
REPLY_WINDOW = 24 * 3600.0
#: Templates have no window; nobody answers after a year.
TEMPLATE_WINDOW = 365 * 24 * 3600.0
#: …/whatsapp/business-scoped-user-ids: a country, a dot, and letters or digits; ENT for a parent one.
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}").fullmatch
#: …/whatsapp/templates/overview: a name, and the code of its language.
_TEMPLATE = re.compile(r"([a-z0-9_]{1,512}):([a-z]{2,3}(?:_[A-Z]{2})?)").fullmatch


@dataclass(frozen=True, kw_only=True)
class WhatsAppSettings(MetaSettings):
    """One business number."""

    phone_number_id: str = field(
        metadata={
            "help": "Phone number id, from the app's WhatsApp page; it is not the number",
            "example": "106540352242922",
        },
    )
    window_template: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "By language, the approved template (name:code) for what a person writes later"
            " than a day after the customer; its one variable is the text",
            "example": {"en": "news_on_inquiry:en_US", "zh-CN": "news_on_inquiry:zh_CN"},
        },
    )


class WhatsApp:
    """The channel of one number: `Channel`, `Webhook`, `Fetcher`, `Probe`."""

    kind: ClassVar[str] = "whatsapp"
    Settings: ClassVar[type[Any]] = WhatsAppSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="whatsapp",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        send_safety="blind",
        receipts=True,
        reply_window=REPLY_WINDOW,
        threading="reply",
        secrets=SECRETS,
    )

    def __init__(self, settings: WhatsAppSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._hub = Hub.of(settings)
        self._graph = Graph(settings, world.http, WHATSAPP)

    @classmethod
    def from_account(cls, settings: WhatsAppSettings, world: World) -> "WhatsApp":
        """Build from checked settings. Raises `SettingsError`."""
        at = f"accounts.{world.account_id}"
        require(settings, at, "phone_number_id")
        for language, template in settings.window_template.items():
            if not _TEMPLATE(template):
                key = f"{at}.window_template.{language}"
                raise SettingsError("needs a name and a language, as news:en_US", key=key)
        return (_WithTemplates if settings.window_template else cls)(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Meta's signature over the raw bytes. Raises `BadSignature`."""
        return self._hub.verify(request)

    def parse(self, request: HttpRequest) -> Parsed:
        """Messages and receipts of this number, or the word a new address is tried with. Raises
        `ParseError`."""
        if (tried := challenge(request)) is not None:
            return tried
        return read_call(request, self._settings.phone_number_id).parsed(self._world.log)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message. Raises `DeliveryError`; never repeats by itself."""
        text = sendable(outbound, self.capabilities.text, "WhatsApp")
        if outbound.visibility is Visibility.PUBLIC:
            raise DeliveryError(Failure.REJECTED, "WhatsApp has no public conversations")
        content: dict[str, Any] = {"type": "text", "text": {"body": text, "preview_url": False}}
        if outbound.beyond_window:
            content = {"type": "template", "template": self._template(outbound)}
        form = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            # …/whatsapp/business-scoped-user-ids: a number goes into the one field, an id into the other.
            "recipient" if _USER_ID(outbound.to) else "to": outbound.to,
            **content,
        }
        answer = await self._graph.send(f"{self._settings.phone_number_id}/messages", form)
        match answer.get("messages"):
            case [{"id": str(number), **more}, *_] if number:
                return Sent(number, detail=str(more.get("message_status", "")))
        # Something took the request and answered 200; whether a message came of it is open.
        raise DeliveryError(Failure.UNKNOWN, "WhatsApp answers 200 without a message")

    def _template(self, outbound: Outbound) -> dict[str, Any]:
        """The approved template in the customer's language, with the text as its variable. Raises
        `DeliveryError` where there is none: then the customer has to write first."""
        templates, language = self._settings.window_template, outbound.language
        chosen = templates.get(language) or templates.get(language.partition("-")[0])
        found = _TEMPLATE(chosen or "")
        if found is None:
            why = "more than 24 hours since the customer wrote, and no template in the language"
            raise DeliveryError(Failure.WINDOW_CLOSED, why)
        # A variable takes no line break and no tab, nor more than four blanks in a row (132018).
        parameter = {"type": "text", "text": " ".join(outbound.text.split())}
        return {
            "name": found[1],
            "language": {"code": found[2]},
            "components": [{"type": "body", "parameters": [parameter]}],
        }

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment that a message brought, by its `url`. WhatsApp knows its id for seven
        days (…/whatsapp/business-phone-numbers/media). Raises `DeliveryError`."""
        if not attachment.url.startswith(FILE_SCHEME):
            raise DeliveryError(Failure.REJECTED, "not a file at WhatsApp")
        return await self._graph.file(attachment.url.removeprefix(FILE_SCHEME))

    async def health(self) -> Health:
        """Ask for the number, its quality, and where its webhook calls."""
        try:
            number = await self._graph.ask(
                self._settings.phone_number_id, "quality_rating,webhook_configuration"
            )
        except DeliveryError as error:
            return Health(False, error.detail)
        told = number.get("webhook_configuration")
        called = told if isinstance(told, dict) else {}
        # …/whatsapp/webhooks/override: the narrowest that is set is called.
        places = ("phone_number", "whatsapp_business_account", "application")
        url = next((called[place] for place in places if called.get(place)), "")
        ours = f"{self._world.public_url.rstrip('/')}/in/{self.kind}/{self._world.account_id}"
        if url != ours:
            return Health(False, f"the number's webhook is not {ours}")
        return Health(True, f"quality {str(number.get('quality_rating', 'unknown')).lower()[:20]}")


class _WithTemplates(WhatsApp):
    """A number with templates, by which people may write after the window."""

    capabilities: ClassVar[Capabilities] = replace(
        WhatsApp.capabilities, human_only_window=TEMPLATE_WINDOW
    )
