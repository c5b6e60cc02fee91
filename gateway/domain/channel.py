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
from gateway.domain.splitting import TextLimit
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
class Edited:
    """A customer has changed a message: what it says now. Not an inquiry of its own."""

    external_id: str
    """That of the message, as its `Inbound` had it."""
    sender: str
    text: str
    revision: int = 0
    """Tells two edits of one moment apart; the larger one is the later."""
    at: float = 0.0
    """When it was changed, seconds since 1970: of several, the latest is what the message says."""

    @property
    def lane(self) -> str:
        """Apart from the sender's messages: what waits for its message must not hold it up."""
        return f"change:{self.external_id}"


@dataclass(frozen=True, slots=True)
class Unsent:
    """A customer has taken a message back: nothing it said may stay."""

    external_id: str
    """That of the message, as its `Inbound` had it."""
    sender: str
    at: float | None = None

    @property
    def lane(self) -> str:
        """In order with the edits of the same message."""
        return f"change:{self.external_id}"


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


ChannelEvent = Inbound | Receipt | Edited | Unsent
"""What `parse` yields. `RawMail` becomes one of these inside intake."""


@dataclass(slots=True)
class Parsed:
    """The events of one webhook call, and the answer the provider expects once they are durable."""

    events: tuple[ChannelEvent, ...]
    reply: HttpReply = field(default_factory=HttpReply)
    mails: tuple[RawMail, ...] = ()
    """Whole mails, which a worker process reads before they are stored; apart from the events, so
    that what needs no worker does not wait for one."""
    poll: str | None = None
    """A call that says no more than that there is news: the account is polled at once, with this
    hint. None: it says nothing of the kind."""
    awaits: tuple[str, ...] | None = None
    """Of a `Responder`: external ids of the messages whose outcome goes into the reply, where they
    are not those of `events`: what an earlier call brought."""


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
    state: str = ""
    """Where the inquiry stands, an `InquiryState`; known to a `Responder` only."""
    beyond_window: bool = False
    """A person wrote it, behind `capabilities.reply_window` and within `human_only_window`: the channel
    marks it as the provider asks."""
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
    """Seconds after the customer's last message in which we may write; None: no limit. The core lets
    nothing out behind it, nor over the budget."""
    reply_budget: int | None = None
    """Messages that may go out until the customer writes again; automatic ones leave the last two."""
    human_only_window: float | None = None
    """Where it is longer than `reply_window`: the same for what a person wrote. Between the two the
    message says so (`Outbound.beyond_window`). Not for a channel that `begins_itself`."""
    public_in_window: bool = False
    """Public messages open the window and use the budget as private ones do."""
    comments_open_window: bool = False
    """A public message of the customer opens the window for private ones, as where a comment may be answered
    in private; public replies keep to no window for that."""
    threading: Literal["headers", "reply", "none"] = "none"
    concurrency: int = 4
    """Sends under way at once per account; messages to one person stay in order."""
    bad_signature_status: int = 403
    body_limit: int = 0
    """Bytes of the largest webhook body, where it is more than the gateway's own limit: mails."""
    exclusive: bool = False
    """Its listener reads a mailbox: of several processes on one database only one serves."""
    answers_within: float | None = None
    """Of a `Responder`: seconds from the call's receipt in which an automatic message that this call
    led to may go back in its reply; later it is sent. None: it never waits for one."""
    secrets: tuple[str, ...] = ()
    """Names of settings that are secret; filled from the settings' field metadata."""

    @property
    def text(self) -> TextLimit:
        """How long one message may be; longer texts reach `send` as several."""
        return TextLimit(self.text_limit, self.text_unit)


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
        """The answer to a call that brought messages (or awaits some, `Parsed.awaits`), once they are
        committed. A call without any gets `Parsed.reply`.

        Pure but for its account's own settings: for a provider's retry of the call it is made again
        of the same `outcome`, and has to say the same.

        Args:
            request: the call.
            outcome: the automatic messages that the events of this call led to, oldest first; empty
                where there were none in time. What is in here is not sent in another way: it has
                to be in the reply.
            deadline: seconds since 1970 by which the provider wants its answer.
        """
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
    """There is more: poll again at once."""


@runtime_checkable
class Poller(Protocol):
    """A channel that asks the provider for news; one process at a time polls an account."""

    poll_interval: float
    """Seconds between two polls; 0: again at once, where the provider keeps the call open until there
    is news. Below 0: only when a webhook says so (`Parsed.poll`)."""

    async def poll(self, cursor: JSON, hint: str = "") -> Batch:
        """Events after `cursor` (None: from the start), without marking anything at the provider.

        Args:
            cursor: `next_cursor` of the last batch that was committed.
            hint: what a webhook brought with the news (`Parsed.poll`), while it is fresh.

        Raises `DeliveryError` as `send` does (the core waits as long as its failure asks), or
        `ParseError` for an answer that cannot be read.
        """
        ...


@runtime_checkable
class Lookup(Protocol):
    """A channel whose provider can be asked what it sent (`send_safety = listable`)."""

    async def find_sent(self, outbound: Outbound, since: float) -> Sequence[Sent]:
        """Every message at the provider since `since` that could be this one; an empty answer is
        proof that it never went out. Raises `DeliveryError` when the provider cannot be asked."""
        ...


@runtime_checkable
class Fetcher(Protocol):
    """A channel whose files lie at the provider when a message comes: its attachments carry a `url`."""

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes behind `attachment.url`, asked for long after the acknowledgement and possibly several
        times. Only from the provider's own hosts: the address came with a message. Raises
        `DeliveryError`: REJECTED where asking again is of no use."""
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


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One try of a callback: two telephones to be put through to each other."""

    id: str
    """Of the callback."""
    attempt: int
    """Which try it is; 1 is the first."""
    customer: str
    """E.164."""
    agent: str
    """The telephone of who calls, E.164."""
    first: Literal["agent", "customer"] = "agent"
    """Whose telephone rings first; the other rings when a person is there."""
    language: str = ""
    """Of the customer."""
    number: str = ""
    """The inquiry's, said to the agent."""

    @property
    def reference(self) -> str:
        """`Receipt.external_id` of what becomes of it. The receipt's code is an `Outcome` of
        `gateway.routing.callbacks`, 'finished', or 'agent_no_answer' where the customer was not called."""
        return f"callback:{self.id}:{self.attempt}"


@runtime_checkable
class Caller(Protocol):
    """A channel that can put a callback through."""

    async def dial(self, order: CallOrder) -> Sent:
        """Begin to dial. Raises `DeliveryError`; with UNKNOWN a telephone may ring. What becomes of it
        comes as receipts: SENT it rings, DELIVERED the customer is there, READ they have talked, FAILED
        not reached, with the outcome as code."""
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
