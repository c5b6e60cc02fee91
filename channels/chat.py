"""Chat in an app or on a page of ours: REST, Server-Sent Events and WebSocket, with no provider between.

Below `/chat/{account}` customers write and see what was said; who they are is proved by a token of ours,
which an app gets for its user against a signature of its own. A message to the customer lies in the store
before it is sent: to send it is to let it be seen. docs/channels/chat.md is the protocol for whoever
builds the other side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from channels._chat_door import Doorman, origin_of
from channels._chat_files import Uploads
from channels._chat_hub import Hub
from channels._chat_jwt import Jwt, public_key
from channels._chat_rest import Pages
from channels._chat_sessions import Sessions
from channels._chat_streams import Streams
from channels._chat_talk import TYPING_SECONDS, Talk
from channels._chat_tokens import Tokens
from channels._secret import secret_field
from channels._signing import LiveSecrets
from gateway.domain.channel import Capabilities, Health, Outbound, Sent, Sink
from gateway.domain.errors import DeliveryError, Failure, SettingsError
from gateway.domain.frontage import Page, Timeline
from gateway.domain.world import World

_HOUR, _DAY = 3600.0, 86_400.0
_TYPES = (
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "application/pdf",
    "text/plain",
)  # fmt: skip


@dataclass(frozen=True)
class ChatSettings:
    """One app or page, and how it says who its users are."""

    secret: str = secret_field(
        "Secret with which the app signs who its user is (HMAC-SHA256, or a JWT with HS256)",
        "env:CHAT_IDENTITY_SECRET",
    )
    secret_previous: str = secret_field(
        "The secret before it, accepted while secrets are rotated", "env:CHAT_IDENTITY_SECRET_OLD"
    )
    jwt_public_key: str = field(
        default="",
        metadata={
            "help": "RSA public key in PEM for JWTs with RS256; with it, HS256 does not count",
            "example": "env:CHAT_JWT_PUBLIC_KEY",
        },
    )
    jwt_public_key_previous: str = field(
        default="",
        metadata={
            "help": "The key before it, accepted while keys are rotated",
            "example": "env:CHAT_JWT_PUBLIC_KEY_OLD",
        },
    )
    jwt_audience: str = field(
        default="",
        metadata={
            "help": "What `aud` of a JWT has to be; without it, the account's name",
            "example": "support-chat",
        },
    )
    origins: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Origins of the pages that may use the chat, beside the gateway's own",
            "example": ["https://app.pay.example"],
        },
    )
    address_space: str = field(
        default="chat",
        metadata={
            "help": "What the app's user ids are: equal ids in one space are one person",
            "example": "wallet-user",
        },
    )
    anonymous: bool = field(
        default=True,
        metadata={"help": "Let visitors in who do not say who they are", "example": True},
    )
    token_hours: float = field(
        default=4.0,
        metadata={"help": "Hours a token is good for; it can be renewed", "example": 4.0},
    )
    visitor_days: float = field(
        default=30.0,
        metadata={"help": "Days in which a visitor's token can be renewed", "example": 30.0},
    )
    user_hours: float = field(
        default=24.0,
        metadata={
            "help": "Hours in which a user's token can be renewed before the app has to sign anew",
            "example": 24.0,
        },
    )
    messages_per_minute: float = field(
        default=20.0,
        metadata={"help": "Messages one customer may write in a minute", "example": 20.0},
    )
    connections: int = field(
        default=2000,
        metadata={"help": "Open connections at once, of one process", "example": 2000},
    )
    file_bytes: int = field(
        default=10 << 20,
        metadata={"help": "Bytes of the largest file; 0: no files", "example": 10485760},
    )
    file_types: tuple[str, ...] = field(
        default=_TYPES,
        metadata={
            "help": "Types of file that are taken, as found by looking inside",
            "example": ["image/png", "image/jpeg", "application/pdf"],
        },
    )
    proxies: int = field(
        default=0,
        metadata={
            "help": "How many proxies of yours stand before the gateway and add to X-Forwarded-For",
            "example": 1,
        },
    )


class Chat:
    """The chat of one app."""

    kind: ClassVar[str] = "chat"
    Settings: ClassVar[type[Any]] = ChatSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="chat",
        # A bubble on a telephone: the short form, which asks for one thing at a time.
        form="short",
        text_limit=10_000,
        # To send is to let be seen what is stored under its id: twice is once.
        send_safety="key",
        receipts=True,
        secrets=("secret", "secret_previous"),
    )

    def __init__(self, settings: ChatSettings, world: World, jwt: Jwt | None) -> None:
        self._settings = settings
        self._world = world
        self._secrets = LiveSecrets.rotating(settings.secret, settings.secret_previous)
        self._jwt = jwt
        self._hub = Hub(world.log, settings.connections)
        # What the ids mean is known per account only: a narrower value than the class's.
        self.capabilities = replace(  # type: ignore[misc]  # shadows the ClassVar on purpose
            type(self).capabilities, address_space=settings.address_space
        )

    @classmethod
    def from_account(cls, settings: ChatSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError`."""
        at = f"accounts.{world.account_id}"
        for origin in settings.origins:
            if origin_of(origin) != origin:
                raise SettingsError(
                    f"{origin!r} is no origin; write https://host, without a path",
                    key=f"{at}.origins",
                )
        for name in ("token_hours", "visitor_days", "user_hours", "messages_per_minute"):
            if getattr(settings, name) <= 0:
                raise SettingsError("must be more than 0", key=f"{at}.{name}")
        keys = []
        for name in ("jwt_public_key", "jwt_public_key_previous"):
            if pem := getattr(settings, name):
                try:
                    keys.append(public_key(pem))
                except ValueError as error:
                    raise SettingsError(str(error), key=f"{at}.{name}") from error
        secrets = LiveSecrets.rotating(settings.secret, settings.secret_previous)
        if not settings.anonymous and not keys and not secrets.keys:
            raise SettingsError("is needed where visitors are not let in", key=f"{at}.secret")
        audience = settings.jwt_audience or world.account_id
        jwt = Jwt(secrets, keys, audience) if keys or secrets.keys else None
        return cls(settings, world, jwt)

    # ------------------------------------------------------------ in

    def pages(self, sink: Sink, timeline: Timeline) -> Sequence[Page]:
        """Everything below `/chat/{account}`."""
        settings, world = self._settings, self._world
        self._hub.attach(timeline)
        tokens = Tokens(world.sign, world.account_id)
        cookie = (f"chat_{world.account_id}", f"/{self.kind}/{world.account_id}")
        doorman = Doorman(
            tokens, world.clock,
            origins=settings.origins,
            public_url=world.public_url,
            cookie=cookie[0],
            proxies=settings.proxies,
        )  # fmt: skip
        sessions = Sessions(
            world, tokens, self._secrets, self._jwt,
            anonymous=settings.anonymous,
            life=settings.token_hours * _HOUR,
            visitor_life=settings.visitor_days * _DAY,
            user_life=settings.user_hours * _HOUR,
        )  # fmt: skip
        talk = Talk(sink, timeline, self._hub, world.clock, settings.messages_per_minute)
        streams = Streams(doorman, talk, timeline, self._hub, world.clock)
        pages = Pages(
            doorman, sessions, talk, streams,
            Uploads(settings.file_bytes, settings.file_types),
            world.log,
            cookie=cookie,
            secure=world.public_url.startswith("https:"),
        )  # fmt: skip
        return pages.routes()

    async def leave(self) -> None:
        """End every open connection."""
        await self._hub.leave()

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Let the message be seen: it is in the store, and whoever is connected looks. Raises
        `DeliveryError`."""
        if len(outbound.text) > self.capabilities.text_limit:
            raise DeliveryError(Failure.REJECTED, f"a text of {len(outbound.text)} characters")
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be shown in the chat yet")
        self._hub.hint()
        return Sent(external_id=outbound.id)

    def typing(self, handle: str) -> None:
        """Show the customer that a person is writing, if they are connected to this process; for
        `TYPING_SECONDS`, and kept nowhere."""
        frame = {"type": "typing", "author": "agent", "seconds": TYPING_SECONDS}
        self._hub.say(handle, frame)

    async def health(self) -> Health:
        """Nobody has to be asked: how many are connected, and what the account can prove."""
        how = "signed identities" if self._jwt else "visitors only; no secret for identities"
        return Health(ok=not self._hub.closed, detail=f"{self._hub.open} connected; {how}")
