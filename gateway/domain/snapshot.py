"""What a plan is made from: a consistent look at the database, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.announcement import Announcement, ToTell
from gateway.domain.decision import Certificate, OpenCase
from gateway.domain.model import JSON, DeliveryState, InquiryState
from gateway.domain.splitting import BOUNDLESS, TextLimit
from gateway.domain.waiting import LineView
from gateway.domain.window import UNLIMITED, Rules

SAFETY_MARK = "safety"
"""In the meta of an automatic text: it asks the sender not to send secrets."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """One configured account, as far as planning needs it."""

    id: str
    kind: str
    brand: str
    space: str
    """Address space of its handles."""
    form: str
    """Which form of an answer fits: long, short, voice."""
    queue: str = ""
    """Where this account's inquiries go when the topic names no queue."""
    domain: str = ""
    """For Message-IDs; '' where the channel does not thread by headers."""
    subject: bool = False
    window: float = 14 * 24 * 3600.0
    """Seconds in which a message without a thread goes on with what was said last."""
    hold: float = 0.0
    """Seconds that an automatic message waits to go back in the reply to the call it answers, before
    it is sent."""
    rules: Rules = UNLIMITED
    """How long and how often we may write after the customer did."""
    text: TextLimit = BOUNDLESS
    """How long one message may be."""
    fetches: bool = False
    """Files of its customers are fetched from the provider."""


@dataclass(frozen=True, slots=True)
class HandleView:
    """Who wrote."""

    id: str
    contact_id: str
    trust: str
    flag: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class InquiryView:
    """The inquiry that the event belongs to."""

    id: str
    number: str
    conversation_id: str
    state: InquiryState
    version: int
    topic: str = ""
    queue: str = ""
    language: str = ""
    subject: str = ""
    brand: str = ""
    assigned_to: str = ""
    dialogue: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageView:
    """One of our messages that a receipt or a bounce speaks of, or the customer's own that was changed."""

    id: str
    inquiry_id: str
    conversation_id: str
    handle_id: str
    delivery: DeliveryState | None
    unsent: bool = False
    """It was taken back."""


@dataclass(frozen=True, slots=True)
class ReachView:
    """How to write to a customer who has not just written."""

    address: str
    context: Mapping[str, JSON]
    """`Inbound.reply_to` of the last message of the conversation."""
    public: bool
    """That message was a public one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything `plan` may know besides the event itself."""

    now: float
    account: AccountView
    attempt: int = 1
    handle: HandleView | None = None
    conversation_id: str = ""
    inquiry: InquiryView | None = None
    joined_by: str = ""
    """How the inquiry was found: 'token', 'reference', 'subject', 'open'; '' without one."""
    target: MessageView | None = None
    """What a receipt, bounce, edit or unsend is about."""
    reach: ReachView | None = None
    """Looked up only for what a timer brings up."""
    automatic_today: int = 0
    """Automatic messages to this address in the last 24 hours, through any account."""
    greeted: bool = False
    """An automatic text of this conversation has said that it is automatic."""
    ahead: int = 0
    """Messages to this conversation that go out first, and count against the same budget."""
    shut: str = ""
    """Why no automatic text can reach this conversation until the customer writes; '' where one can.
    Looked up only for what the customer did not bring up."""
    warned: bool = False
    """Within 24 hours an automatic text of this conversation has asked not to send secrets. Looked
    up only for a message that held one."""
    certificates: tuple[Certificate, ...] = ()
    cases: tuple[OpenCase, ...] = ()
    """The customer's open inquiries, newest first: those of this conversation, and of the contact
    where this very message is proved to be the contact's. `queue` is the id here."""
    callback: Mapping[str, JSON] | None = None
    """The call about the inquiry that is not over, as `gateway.routing.callbacks.Callback` has it. Looked
    up only for a customer's message."""
    announcements: tuple[Announcement, ...] = ()
    """Those in force that this inquiry has not been told yet."""
    to_tell: ToTell | None = None
    """What this inquiry is to be told is over, and where."""
    lines: Mapping[str, LineView] = field(default_factory=dict)
    """How the lines of the queues stood at the last look, by queue. Only for a customer's message."""
    beside: int = 0
    """Other events that are decided at this moment, and may lead to the same queue."""
