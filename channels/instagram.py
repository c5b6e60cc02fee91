"""Instagram: the messages to a professional account, and the comments on its media.

In: `GET` and `POST /in/instagram/{account}`. Out: the Send API, and the replies of a comment. Neither has an
idempotency key, and what the list of a conversation lacks proves nothing, so a send whose outcome is unknown
waits for a person.
docs/channels/instagram.md says how to set an account up and what each answer of Instagram leads to.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from channels._json_fields import text
from channels._meta_account import SECRETS, MetaSettings, require
from channels._meta_comments import read_comment
from channels._meta_graph import Graph
from channels._meta_messages import take_messages
from channels._meta_page_errors import INSTAGRAM
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

#: developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message: bytes
#: of UTF-8, some 330 Chinese characters.
TEXT_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class InstagramSettings(MetaSettings):
    """One professional account."""

    instagram_id: str = field(
        metadata={
            "help": "Id of the professional account, as webhooks name it",
            "example": "17841405309211844",
        },
    )
    human_agent: bool = field(
        default=False,
        metadata={
            "help": "Meta has granted the app 'Human Agent': people may write for seven days",
            "example": True,
        },
    )


class Instagram:
    """The channel of one professional account: `Channel`, `Webhook`, `Fetcher`, `Probe`."""

    kind: ClassVar[str] = "instagram"
    Settings: ClassVar[type[Any]] = InstagramSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="instagram",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="bytes",
        send_safety="blind",
        receipts=True,
        public=True,
        reply_window=REPLY_WINDOW,
        comments_open_window=True,
        threading="reply",
        secrets=SECRETS,
    )

    def __init__(self, settings: InstagramSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._hub = Hub.of(settings)
        self._graph = Graph(settings, world.http, INSTAGRAM)
        self._replies = Replies(
            self._graph,
            world,
            INSTAGRAM.name,
            # The page behind a page's token, the account behind a token of Instagram's own.
            sender="me",
            limit=self.capabilities.text,
            comments="replies",
            # …/instagram-graph-api/reference/ig-comment/replies#limitations
            threads=True,
        )

    @classmethod
    def from_account(cls, settings: InstagramSettings, world: World) -> "Instagram":
        """Build from checked settings. Raises `SettingsError`."""
        require(settings, f"accounts.{world.account_id}", "instagram_id")
        return (_WithHumanAgent if settings.human_agent else cls)(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Meta's signature over the raw bytes. Raises `BadSignature`."""
        return self._hub.verify(request)

    def parse(self, request: HttpRequest) -> Parsed:
        """Messages, comments and receipts of this account, or the word a new address is tried with. Raises
        `ParseError`."""
        if (tried := challenge(request)) is not None:
            return tried
        taken, account = Taken(), self._settings.instagram_id
        for at, entry in entries(request, "instagram", taken):
            if text(entry, "id", at) != account:
                taken.elsewhere += 1
                continue
            take_messages(entry, account, at, taken)
            for within, value in changes(entry, "comments", at, taken):
                taken.add(read_comment(value, account, told_at(entry, request), within), "comments")
        return taken.parsed(self._world.log)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message or comment. Raises `DeliveryError`; never repeats by itself."""
        return await self._replies.send(outbound)

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment that a message brought, by its `url`. Raises `DeliveryError`."""
        return await self._graph.linked(attachment.url)

    async def health(self) -> Health:
        """Ask for the account."""
        try:
            account = await self._graph.ask(self._settings.instagram_id, "username")
        except DeliveryError as error:
            return Health(False, error.detail)
        if not account.get("username"):
            return Health(False, "Instagram does not know the account by this id")
        return Health(True, "Instagram takes our access token")


class _WithHumanAgent(Instagram):
    """An account to whose customers people may write for seven days."""

    capabilities: ClassVar[Capabilities] = replace(
        Instagram.capabilities, human_only_window=HUMAN_WINDOW
    )
