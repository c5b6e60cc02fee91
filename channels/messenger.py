"""Messenger: the messages to a Facebook page, and the comments on its posts.

In: `GET` and `POST /in/messenger/{account}`. Out: the Send API, and the comments of a comment. Neither has an
idempotency key, and what the list of a conversation lacks proves nothing, so a send whose outcome is unknown
waits for a person.
docs/channels/messenger.md says how to set an account up and what each answer of Messenger leads to.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from channels._json_fields import text
from channels._meta_account import SECRETS, MetaSettings, require
from channels._meta_comments import read_feed
from channels._meta_graph import Graph
from channels._meta_messages import take_messages
from channels._meta_page_errors import MESSENGER
from channels._meta_replies import HUMAN_WINDOW, REPLY_WINDOW, Replies
from channels._meta_webhook import Hub, Taken, challenge, changes, entries, told_at
from gateway.domain.channel import (
    Capabilities,
    Health,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import DeliveryError
from gateway.domain.model import Attachment
from gateway.domain.world import World

#: developers.facebook.com/docs/messenger-platform/reference/send-api: `message.text`, characters. Counted in
#: UTF-16 here, which is never fewer.
TEXT_LIMIT = 2000


@dataclass(frozen=True, kw_only=True)
class MessengerSettings(MetaSettings):
    """One page."""

    page_id: str = field(
        metadata={"help": "Id of the Facebook page", "example": "102290129340398"},
    )
    human_agent: bool = field(
        default=False,
        metadata={
            "help": "Meta has granted the app 'Human Agent': people may write for seven days",
            "example": True,
        },
    )


class Messenger:
    """The channel of one page: `Channel`, `Webhook`, `Fetcher`, `Probe`."""

    kind: ClassVar[str] = "messenger"
    Settings: ClassVar[type[Any]] = MessengerSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="messenger",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        send_safety="blind",
        receipts=True,
        public=True,
        reply_window=REPLY_WINDOW,
        comments_open_window=True,
        threading="reply",
        secrets=SECRETS,
    )

    def __init__(self, settings: MessengerSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._hub = Hub.of(settings)
        self._graph = Graph(settings, world.http, MESSENGER)
        self._replies = Replies(
            self._graph,
            world,
            MESSENGER.name,
            sender=settings.page_id,
            limit=self.capabilities.text,
            comments="comments",
        )

    @classmethod
    def from_account(cls, settings: MessengerSettings, world: World) -> "Messenger":
        """Build from checked settings. Raises `SettingsError`."""
        require(settings, f"accounts.{world.account_id}", "page_id")
        return (_WithHumanAgent if settings.human_agent else cls)(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Meta's signature over the raw bytes. Raises `BadSignature`."""
        return self._hub.verify(request)

    def parse(self, request: HttpRequest) -> Parsed:
        """Messages, comments and receipts of this page, or the word a new address is tried with. Raises
        `ParseError`."""
        if (tried := challenge(request)) is not None:
            return tried
        taken, page = Taken(), self._settings.page_id
        for at, entry in entries(request, "page", taken):
            if text(entry, "id", at) != page:
                taken.elsewhere += 1
                continue
            take_messages(entry, page, at, taken)
            for within, value in changes(entry, "feed", at, taken):
                taken.add(read_feed(value, page, told_at(entry, request), within), "feed")
        return taken.parsed(self._world.log)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message or comment. Raises `DeliveryError`; never repeats by itself."""
        return await self._replies.send(outbound)

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment that a message brought, by its `url`. Raises `DeliveryError`."""
        return await self._graph.linked(attachment.url)

    async def health(self) -> Health:
        """Ask which webhooks the page calls."""
        try:
            answer = await self._graph.ask(f"{self._settings.page_id}/subscribed_apps")
        except DeliveryError as error:
            return Health(False, error.detail)
        apps = answer.get("data")
        fields = {
            str(name)
            for app in (apps if isinstance(apps, list) else [])
            if isinstance(app, dict)
            for name in app.get("subscribed_fields") or []
        }
        if "messages" not in fields:
            return Health(False, "no app of this token has subscribed to the page's messages")
        return Health(True, f"subscribed to {', '.join(sorted(fields))}"[:200])


class _WithHumanAgent(Messenger):
    """A page to whose customers people may write for seven days."""

    capabilities: ClassVar[Capabilities] = replace(
        Messenger.capabilities, human_only_window=HUMAN_WINDOW
    )
