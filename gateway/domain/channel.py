"""The Channel contract: all that a way in and out has to provide, and all it may know.

A channel is one module outside `gateway`, found by entry point. `Channel` is required; the other
protocols are optional and found with `isinstance`. `parse` and `verify` are pure: no I/O, no clock
(the time of receipt is in the request), no randomness.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable
from urllib.parse import parse_qsl, urlsplit

from gateway.domain.model import JSON, Attachment, DeliveryState, ThreadRefs, Visibility
from gateway.domain.world import World

# ---------------------------------------------------------------- what comes in
#
# These are values: nobody changes one. They are not marked frozen because a frozen dataclass takes
# three times as long to make (it goes through object.__setattr__ field by field), and every webhook
# makes one of each before it is acknowledged.


@dataclass(slots=True)
class HttpRequest:
    """A webhook call as it arrived. `url` is the public one that the provider signed."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Looked up by lower-case name; of a repeated one, the first."""
    body: bytes
    received_at: float
    path: str = ""
    """What follows the account in the route, without a leading slash."""

    def form(self) -> list[tuple[str, str]]:
        """The body as a posted form: blank values kept, nothing stripped (signatures need both).

        Raises UnicodeDecodeError when the body is not UTF-8.
        """
        text = self.body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict")

    def query(self) -> list[tuple[str, str]]:
        """The parameters behind the question mark, blank values kept."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)


@dataclass(slots=True)
class HttpReply:
    """What the provider gets back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Verified:
    """Proof that a webhook is genuine; stored with the event."""

    scheme: str
    key_id: str = ""


@dataclass(slots=True)
class Inbound:
    """A customer's message or public comment, in the one shape all channels share."""

    external_id: str
    """The provider's id, unique per account; empty where it gives none."""
    sender: str
    """The handle: an address within the channel's address space."""
    text: str
    subject: str = ""
    name: str = ""
    at: float | None = None
    """When the provider says it was written, seconds since 1970."""
    attachments: tuple[Attachment, ...] = ()
    thread: ThreadRefs = field(default_factory=ThreadRefs)
    visibility: Visibility = Visibility.PRIVATE
    verified: bool = False
    """True only when the channel proves who the sender is (signed identity), not merely says so."""
    reply_to: Mapping[str, JSON] = field(default_factory=dict)
    """What the channel needs back in `Outbound.reply_to` to answer in place; opaque to the core."""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    """What the intake filters read: mail class, headers of automation, opt-out word …"""

    @property
    def lane(self) -> str:
        """Messages of one sender on one account are taken in order."""
        return self.sender


@dataclass(frozen=True, slots=True)
class Receipt:
    """News of a message we sent."""

    external_id: str
    """The provider's id of *our* message, as `Sent.external_id` gave it."""
    status: DeliveryState
    at: float | None = None
    code: str = ""
    detail: str = ""
    recipient: str = ""

    @property
    def lane(self) -> str:
        """A receipt that must wait for its message holds up no customer."""
        return f"receipt:{self.external_id}"


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail that intake reads; a mail channel yields only this."""

    data: bytes
    sender: str
    """The envelope sender; empty for a bounce."""
    recipients: tuple[str, ...]
    received_at: float
    token: str = ""
    """The inquiry number of a reply address, its signature checked by the channel; '' without one."""
    trusted_authserv: tuple[str, ...] = ()
    """Whose Authentication-Results (RFC 8601) may be believed: the account's own mail servers."""


ChannelEvent = Inbound | Receipt
"""What `parse` yields. `RawMail` becomes one of these inside intake."""


@dataclass(slots=True)
class Parsed:
    """The events of one webhook call, and the answer the provider expects once they are durable."""

    events: tuple[ChannelEvent, ...]
    reply: HttpReply = field(default_factory=HttpReply)
    mails: tuple[RawMail, ...] = ()
    """Whole mails, which a worker process reads before they are stored; apart from the events, so
    that what needs no worker does not wait for one."""


# ---------------------------------------------------------------- what goes out


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to hand to the provider. There is no such thing for a `Note`."""

    id: str
    """Ours, stable over every try: an idempotency key where the provider honours one."""
    to: str
    text: str
    visibility: Visibility
    automatic: bool
    """Written by the gateway, not by a person."""
    subject: str = ""
    language: str = ""
    number: str = ""
    """The inquiry's number."""
    message_id: str = ""
    """Stable Message-ID for mail, stored before the first try."""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reply_to: Mapping[str, JSON] = field(default_factory=dict)
    created_at: float = 0.0
    attempt: int = 1
    begin: Callable[[], Awaitable[None]] = _nothing
    """Commits the mark `begun`. A channel with `capabilities.begins_itself` awaits it once, right
    before the first byte that could make the message go out; for the others the core has done so."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it."""

    external_id: str
    at: float | None = None
    parts: int = 1
    detail: str = ""


SendSafety = Literal["key", "listable", "blind"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the channel can do, so that the core needs no `if kind ==` anywhere."""

    address_space: str
    """Handles are equal only within one space: 'email', 'phone', or a provider's own."""
    text_limit: int
    text_unit: Literal["chars", "utf16", "bytes"] = "chars"
    form: Literal["long", "short", "voice"] = "long"
    """Which form of an answer template fits."""
    send_safety: SendSafety = "blind"
    """key: repeating with the same id is safe; listable: `Lookup.find_sent` can prove; blind: park."""
    begins_itself: bool = False
    subject: bool = False
    media: bool = False
    receipts: bool = False
    public: bool = False
    reply_window: float | None = None
    """Seconds after the customer's last message in which we may write; None: no limit."""
    reply_budget: int | None = None
    human_only_window: float | None = None
    threading: Literal["headers", "reply", "none"] = "none"
    concurrency: int = 4
    """Sends under way at once per account; messages to one person stay in order."""
    bad_signature_status: int = 403
    body_limit: int = 0
    """Bytes of the largest webhook body, where it is more than the gateway's own limit: mails."""
    exclusive: bool = False
    """Its listener reads a mailbox: of several processes on one database only one serves."""
    secrets: tuple[str, ...] = ()
    """Names of settings that are secret; filled from the settings' field metadata."""


# ---------------------------------------------------------------- the protocols


@runtime_checkable
class Channel(Protocol):
    """Required of every channel. One instance serves one configured account."""

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    Settings: ClassVar[type[Any]]
    """A frozen stdlib dataclass; each field has metadata `help`, `example` and, if so, `secret`."""

    @classmethod
    def from_account(cls, settings: Any, world: World) -> Self:
        """Build from checked settings. No I/O here."""
        ...

    async def send(self, outbound: Outbound) -> Sent:
        """Hand one message over. Raises `DeliveryError`; never retries by itself."""
        ...


@runtime_checkable
class Webhook(Protocol):
    """A channel that providers call at `/in/{kind}/{account}[/…]`."""

    def verify(self, request: HttpRequest) -> Verified:
        """Check the signature over the raw bytes, in constant time. Raises `BadSignature`.
        Must not parse the body further than the scheme needs, nor touch anything outside."""
        ...

    def parse(self, request: HttpRequest) -> Parsed:
        """Turn a verified request into events. Pure: called before anything is stored.
        Raises `ParseError` with one line that says what is wrong."""
        ...


@runtime_checkable
class Doorkeeper(Protocol):
    """A webhook whose signature does not cover what the call carries: something has to be remembered
    so that a signature seen on the way is of no use a second time."""

    async def admit(self, request: HttpRequest) -> None:
        """Called between `verify` and `parse`; may use `World.memo`. The same call again, as a
        provider's retry, is admitted. Raises `BadSignature`, or `StoreError` for "try later"."""
        ...


@runtime_checkable
class Responder(Protocol):
    """A channel whose webhook answer carries content (TwiML, WeChat's passive reply)."""

    async def respond(
        self, request: HttpRequest, outcome: Sequence[Outbound], deadline: float
    ) -> HttpReply:
        """Called after the commit. Its bytes are kept under the dedup key and repeated for a retry."""
        ...


class Sink(Protocol):
    """Where a listener or poller puts what it took."""

    async def accept(self, event: ChannelEvent | RawMail) -> None:
        """Returns after the commit: only then may the channel acknowledge. Raises `Overloaded`
        (answer "try later") or `ParseError`."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A channel that keeps a server socket open."""

    async def serve(self, sink: Sink, ready: Callable[[str], None]) -> None:
        """Bind, call `ready(address)` once, and serve until cancelled; then end open sessions
        within two seconds. Raises `SettingsError` when the port cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What a poll brought. The cursor is committed with the events."""

    events: tuple[ChannelEvent | RawMail, ...]
    next_cursor: JSON = None
    more: bool = False


@runtime_checkable
class Poller(Protocol):
    """A channel that asks the provider for news."""

    poll_interval: float

    async def poll(self, cursor: JSON) -> Batch:
        """Events after `cursor` (None: from the start), without marking anything at the provider."""
        ...


@runtime_checkable
class Lookup(Protocol):
    """A channel whose provider can be asked what it sent (`send_safety = listable`)."""

    async def find_sent(self, outbound: Outbound, since: float) -> Sequence[Sent]:
        """Every message at the provider since `since` that could be this one; an empty answer is
        proof that it never went out. Raises `DeliveryError` when the provider cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe found, for a person."""

    ok: bool
    detail: str


@runtime_checkable
class Probe(Protocol):
    """A channel that can say whether its account works."""

    async def health(self) -> Health:
        """Ask the provider something harmless."""
        ...


@runtime_checkable
class Correspondent(Protocol):
    """A channel that writes letters under names of its own, and must know them when they come back."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of this account, the one it writes from first."""
        ...

    @property
    def loop_mark(self) -> str:
        """What its automatic letters carry; a letter that arrives with it is our own."""
        ...

    def placed(self, mail: RawMail) -> RawMail:
        """A letter that came, with what only this account knows of it: `token`, `trusted_authserv`."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A channel that holds connections."""

    async def close(self) -> None: ...
