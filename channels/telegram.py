"""Telegram, through the Bot API.

In: long polling (`getUpdates`), which needs no public address and no set-up; or, with
`webhook_secret`, `POST /in/telegram/{account}`. Out: `sendMessage`, as plain text. Telegram has no
idempotency key and no list of what was sent, so a send whose outcome is unknown waits for a person.
docs/channels/telegram.md says how to set a bot up and what each answer of Telegram leads to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from channels._answer import json_object
from channels._json_fields import read_object
from channels._secret import secret_field
from channels._signing import LiveSecrets, as_bytes
from channels._telegram_api import BotApi
from channels._telegram_errors import failure_of, moved_to
from channels._telegram_updates import FILE_SCHEME, WANTED, MessageId, read_update
from gateway.domain.channel import (
    Batch,
    Capabilities,
    ChannelEvent,
    Health,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    HttpFailure,
    ParseError,
    SettingsError,
)
from gateway.domain.model import JSON, Attachment, Visibility
from gateway.domain.world import HttpResponse, World

#: core.telegram.org/bots/api#sendmessage: 1-4096 characters, which Telegram counts in UTF-16.
TEXT_LIMIT = 4096
#: core.telegram.org/bots/api#getupdates: at most a hundred updates in one answer.
POLL_LIMIT = 100
#: Seconds that Telegram keeps a poll open while there is no news.
POLL_SECONDS = 50
#: Seconds more that the answer may be under way.
_POLL_SLACK = 15.0
#: core.telegram.org/bots/api#setwebhook, `secret_token`.
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}").fullmatch
_HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(frozen=True)
class TelegramSettings:
    """One bot."""

    token: str = field(
        repr=False,
        metadata={
            "help": "The bot's token, from @BotFather",
            "example": "env:TELEGRAM_TOKEN",
            "secret": True,
        },
    )
    webhook_secret: str = secret_field(
        "The secret_token that the webhook was set with; without it the gateway polls",
        "env:TELEGRAM_WEBHOOK_SECRET",
    )
    webhook_secret_previous: str = secret_field(
        "The one before it, accepted while secrets are rotated", "env:TELEGRAM_WEBHOOK_SECRET_OLD"
    )
    groups: bool = field(
        default=False,
        metadata={
            "help": "Also take messages in groups; they are public, and answered in the group",
            "example": False,
        },
    )
    base_url: str = field(
        default="https://api.telegram.org",
        metadata={
            "help": "Address of the Bot API: Telegram's, or that of a server of your own",
            "example": "http://127.0.0.1:8081",
        },
    )


class Telegram:
    """The channel of one bot."""

    kind: ClassVar[str] = "telegram"
    Settings: ClassVar[type[Any]] = TelegramSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="telegram",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        send_safety="blind",
        public=True,
        threading="reply",
        secrets=("token", "webhook_secret", "webhook_secret_previous"),
    )

    def __init__(self, settings: TelegramSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._api = BotApi(settings.base_url, settings.token, world.http)
        self._secrets = LiveSecrets.rotating(
            settings.webhook_secret, settings.webhook_secret_previous
        )
        #: Again at once, since Telegram keeps the call open; with a webhook, never.
        self.poll_interval = -1.0 if settings.webhook_secret else 0.0

    @classmethod
    def from_account(cls, settings: TelegramSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError`."""
        at = f"accounts.{world.account_id}"
        if not settings.token:
            raise SettingsError("must not be empty", key=f"{at}.token")
        for name in ("webhook_secret", "webhook_secret_previous"):
            value = getattr(settings, name)
            if value and not _SECRET(value):
                raise SettingsError("needs 1 to 256 of A-Z a-z 0-9 _ -", key=f"{at}.{name}")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """The secret in the header, which proves the caller and not the body: Telegram signs
        nothing. Raises `BadSignature`."""
        if not self._settings.webhook_secret:
            raise BadSignature("this account has no webhook_secret: it is polled")
        given = as_bytes(request.headers.get(_HEADER.lower(), ""))
        name = self._secrets.matching([given], lambda secret: (secret,))
        if not name:
            raise BadSignature(f"{_HEADER} is not the webhook_secret" if given else f"no {_HEADER}")
        return Verified("telegram-secret-token", name)

    def parse(self, request: HttpRequest) -> Parsed:
        """One update. Raises `ParseError`."""
        if request.path:
            raise ParseError(f"no such webhook of a Telegram account: {request.path[:40]!r}")
        event = read_update(read_object(request.body), groups=self._settings.groups)
        return Parsed((event,) if event else ())

    async def poll(self, cursor: JSON, hint: str = "") -> Batch:  # noqa: ARG002 - part of the contract
        """The updates from `cursor` on, which is the number of the first one wanted. Asking for it
        is what tells Telegram that all before it are safe, and so may be forgotten.

        The next cursor follows the last update of the answer, not the largest ever: after a week
        without any, Telegram begins again anywhere. Raises `DeliveryError`.
        """
        if self.poll_interval < 0:
            return Batch((), cursor)
        query: dict[str, JSON] = {
            "timeout": POLL_SECONDS,
            "limit": POLL_LIMIT,
            "allowed_updates": list(WANTED),
        }
        if isinstance(cursor, int):
            query["offset"] = cursor
        updates = await self._api.ask("getUpdates", query, POLL_SECONDS + _POLL_SLACK)
        if not isinstance(updates, list) or not all(_has_number(update) for update in updates):
            raise ParseError("getUpdates answers no list of updates")
        events = [event for update in updates if (event := self._readable(update))]
        after: JSON = updates[-1]["update_id"] + 1 if updates else cursor
        return Batch(tuple(events), after, more=len(updates) == POLL_LIMIT)

    def _readable(self, update: Mapping[str, Any]) -> ChannelEvent | None:
        """One update that cannot be read must not hold up all that come after it."""
        try:
            return read_update(update, groups=self._settings.groups)
        except ParseError as error:
            # With what is missing and without what is there.
            why = str(error)
            self._world.log.warning("update skipped", update=update["update_id"], why=why)
            return None

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message. Raises `DeliveryError`; never repeats by itself."""
        length = self.capabilities.text.measure(outbound.text)
        if length > TEXT_LIMIT:
            why = f"{length} UTF-16 units, a message takes {TEXT_LIMIT}"
            raise DeliveryError(Failure.REJECTED, why)
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent to Telegram yet")
        form = await self._form(outbound)
        try:
            response = await self._api.call("sendMessage", form)
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from Telegram") from error
        if response.status != 200 or json_object(response).get("ok") is False:
            if (chat := moved_to(response)) is not None:
                await self._world.remember(f"chat:{form['chat_id']}", chat)
                raise DeliveryError(
                    Failure.RETRY, "the group has become another chat: sent there next"
                )
            raise failure_of(response)
        return _sent(response, str(form.get("business_connection_id", "")))

    async def _form(self, outbound: Outbound) -> dict[str, JSON]:
        place = MessageId.parse(str(outbound.reply_to.get("message", "")))
        form: dict[str, JSON] = {
            "chat_id": int(outbound.to) if outbound.to.isdecimal() else outbound.to,
            "text": outbound.text,
            "link_preview_options": {"is_disabled": True},
        }
        if topic := outbound.reply_to.get("topic"):
            form["message_thread_id"] = topic
        if outbound.visibility is Visibility.PUBLIC:
            if place is None:
                raise DeliveryError(Failure.REJECTED, "no group is known to write this in")
            moved = await self._world.memo(f"chat:{place.chat}")
            form["chat_id"] = moved or place.chat
            if not moved:
                # In a group it has to show who is meant; a deleted question is no obstacle.
                form["reply_parameters"] = {
                    "message_id": place.number,
                    "allow_sending_without_reply": True,
                }
        elif place is not None and place.business:
            form["business_connection_id"] = place.business
        elif place is not None:
            # The customer's last word was in a group, and this is for them alone.
            form.pop("message_thread_id", None)
        return form

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment that a message brought, by its `url`. Raises `DeliveryError`."""
        if not attachment.url.startswith(FILE_SCHEME):
            raise DeliveryError(Failure.REJECTED, "not a file of Telegram's")
        return await self._api.file(attachment.url.removeprefix(FILE_SCHEME))

    async def health(self) -> Health:
        """Ask who the bot is, and how its updates leave Telegram."""
        try:
            bot = await self._api.ask("getMe", {})
            webhook = await self._api.ask("getWebhookInfo", {})
        except DeliveryError as error:
            return Health(False, error.detail)
        if not isinstance(bot, dict) or not isinstance(webhook, dict):
            return Health(False, "Telegram's answer cannot be read")
        url, waiting = str(webhook.get("url", "")), webhook.get("pending_update_count")
        if not self._settings.webhook_secret:
            if url:
                return Health(False, "the bot has a webhook, so it cannot be polled: delete it")
            return Health(True, f"the bot is known; {waiting} updates wait")
        ours = f"{self._world.public_url.rstrip('/')}/in/{self.kind}/{self._world.account_id}"
        if url != ours:
            return Health(False, f"the bot's webhook is not {ours}" if url else "no webhook is set")
        if webhook.get("last_error_date") and waiting:
            return Health(False, f"{waiting} updates wait: Telegram could not deliver the last one")
        return Health(True, f"the webhook is set; {waiting} updates wait")


def _has_number(update: object) -> bool:
    return isinstance(update, dict) and isinstance(update.get("update_id"), int)


def _sent(response: HttpResponse, business: str) -> Sent:
    result = json_object(response).get("result")
    message = result if isinstance(result, dict) else {}
    chat = message.get("chat")
    where = chat.get("id") if isinstance(chat, dict) else None
    number, date = message.get("message_id"), message.get("date")
    if not isinstance(where, int) or not isinstance(number, int):
        # Something took the request and answered 200; whether a message came of it is open.
        raise DeliveryError(Failure.UNKNOWN, "Telegram answers 200 without a message")
    at = float(date) if isinstance(date, int) else None
    return Sent(external_id=str(MessageId(where, number, business)), at=at)
