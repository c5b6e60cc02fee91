"""What a decision wants written, as data. `try`, tests and replay print it; live applies it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.model import JSON, DeliveryState, InquiryState, Trust
from gateway.domain.reviews import AddReview, KeepAnswer, ReviewAnswer

CLOSE_TIMER = "close"
"""The timer of an inquiry by which silence resolves it, and then closes it."""
PROMISE_TIMER = "promise"
"""The timer of an inquiry by which the gateway writes first when a date that it named has passed."""
STEP_TIMER = "step"
"""The timer of an inquiry by which it goes on to the next step of its routing rule."""
CALLBACK_TIMER = "callback"
"""The timer of a callback: the moment at which time alone does something to it."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of the log of everything: what happened, to which inquiry, why."""

    id: str
    kind: str
    """A dotted name: 'message.received', 'decision.made', 'inquiry.queued' …"""
    at: float
    inquiry_id: str = ""
    data: Mapping[str, JSON] = field(default_factory=dict)


# ---------------------------------------------------------------- the operations of a plan


@dataclass(frozen=True, slots=True)
class CreateContact:
    """A person we had not met, with the first handle."""

    contact_id: str
    handle_id: str
    space: str
    address: str
    name: str
    trust: Trust
    language: str


@dataclass(frozen=True, slots=True)
class UpdateContact:
    """What we learnt about a person: the language they write."""

    contact_id: str
    language: str


@dataclass(frozen=True, slots=True)
class FlagHandle:
    """An address that bounced or opted out."""

    handle_id: str
    flag: str
    """'bounced', 'opted_out', or '' to clear."""


@dataclass(frozen=True, slots=True)
class VerifyHandle:
    """An address was proved to be the sender's; what was proved once stays so."""

    handle_id: str


@dataclass(frozen=True, slots=True)
class MergeContacts:
    """Two records of one person become one: the handles and inquiries of `other` are `contact_id`'s.
    Conversations stay as they are, each replies where it did."""

    contact_id: str
    other: str


@dataclass(frozen=True, slots=True)
class SplitContact:
    """An address becomes a contact of its own again, with the inquiries of its conversations."""

    handle_id: str
    contact_id: str
    """The new one's."""
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """The first message between a handle and an account."""

    conversation_id: str
    account: str
    handle_id: str


@dataclass(frozen=True, slots=True)
class TouchConversation:
    """The customer wrote: opens the reply window, renews the budget."""

    conversation_id: str
    last_in_at: float
    reply_to: Mapping[str, JSON] = field(default_factory=dict)
    opens_window: bool = True
    """False for a public message that opens none."""
    resume_since: float = 0.0
    """What waits for an open window goes out now, unless it was written before this time."""


@dataclass(frozen=True, slots=True)
class CreateInquiry:
    """A new matter to answer or route."""

    inquiry_id: str
    number: str
    conversation_id: str
    contact_id: str
    brand: str
    account: str
    channel: str
    subject: str
    language: str


@dataclass(frozen=True, slots=True)
class ChangeInquiry:
    """A move of the state machine with what goes with it. None leaves a field as it is."""

    inquiry_id: str
    version: int
    """The version the plan was made from; another one in the database makes a `Conflict`."""
    state: InquiryState
    topic: str | None = None
    language: str | None = None
    queue: str | None = None
    priority: int | None = None
    urgent: bool | None = None
    dialogue: Mapping[str, JSON] | None = None
    assigned_to: str | None = None
    """'' gives it back."""
    lane: str | None = None
    """Which lane of `queue` it waits in; None: as before, or the one that asks nothing of agents."""
    handicap: float | None = None
    """Seconds added to when it began to wait, for its rank; None: those of `priority`."""
    routing: Mapping[str, JSON] | None = None
    """What routing goes by later: preferred skills, the agent known to the customer, further steps."""


@dataclass(frozen=True, slots=True)
class MoveMessages:
    """Messages become those of another inquiry, with what they have in the outbox. Each stays in its
    conversation: where it was said and where it is answered does not change."""

    source: str
    """The inquiry they leave."""
    target: str
    message_ids: tuple[str, ...] = ()
    """Empty: all of them."""


@dataclass(frozen=True, slots=True)
class EndMerged:
    """Closes an inquiry whose messages went to another one; its number and ids lead there."""

    inquiry_id: str
    version: int
    """As for `ChangeInquiry`."""
    into: str


@dataclass(frozen=True, slots=True)
class AddMessage:
    """A message of the conversation: in or out, never both. Its text is changed by its author alone
    (`ReviseMessage`, `EraseMessage`)."""

    message_id: str
    conversation_id: str
    inquiry_id: str
    direction: str
    """'in' or 'out'."""
    visibility: str
    """'private', 'public' or 'note'."""
    author: str
    """'customer', 'gateway', or the agent's name."""
    automatic: bool
    text: str
    subject: str = ""
    external_id: str = ""
    """The provider's id, or the Message-ID of a mail."""
    delivery: DeliveryState | None = None
    at: float | None = None
    meta: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchAttachment:
    """A file of a message of the same plan lies at the provider, and is to be had from there."""

    message_id: str
    place: int
    """Which of the message's attachments."""
    account: str


@dataclass(frozen=True, slots=True)
class ReviseMessage:
    """A customer's message says something else now; what it said before is kept. A `Conflict` where it
    has been taken back meanwhile."""

    revision_id: str
    event_id: str
    """Of the stored event that brought the text."""
    message_id: str
    text: str
    written_at: float
    number: int
    """Tells two revisions of one moment apart."""
    received_at: float


@dataclass(frozen=True, slots=True)
class EraseMessage:
    """Takes all that a message said out of everything that is stored; the message stays, empty. Nothing
    happens where that was done before."""

    message_id: str
    at: float


@dataclass(frozen=True, slots=True)
class ForgetEvent:
    """What a stored event said is gone; that it came is not. `event_id` is its own, or else
    `dedup_key` that of another one of the same lane."""

    event_id: str = ""
    account: str = ""
    dedup_key: str = ""
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """An outbox row for a message added in the same plan."""

    message_id: str
    account: str
    conversation_id: str
    inquiry_id: str
    recipient: str
    payload: Mapping[str, JSON]
    """The fields of `Outbound` that are known now, rendered once and never again."""
    due_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Unique by (kind, subject): setting it again moves it."""

    kind: str
    subject: str
    due_at: float
    payload: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Nothing happens if it has fired already."""

    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class MarkDelivery:
    """A receipt or a bounce: moves an outgoing message forward, never back."""

    message_id: str
    state: DeliveryState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LinkAnnouncement:
    """A message of this plan carries an announcement: who has to be told when it is over. A `Conflict`
    when it is over already."""

    announcement_id: str
    inquiry_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class SettleAnnouncement:
    """An inquiry is told that it is over, or will not be. Once: settled already is a `Conflict`."""

    announcement_id: str
    inquiry_id: str
    outcome: str
    """'told', or why not."""


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """The customer wishes to be called, at the place that the inquiry has when this is applied. Nothing
    happens where a call was asked for about this inquiry before."""

    callback_id: str
    inquiry_id: str
    number: str
    state: str
    moment: float
    body: Mapping[str, JSON]
    """The callback; `waiting_since` and `rank` are filled in from the inquiry. Its timer fires at once and
    sees whether the inquiry waits or is put aside."""


@dataclass(frozen=True, slots=True)
class MoveCallback:
    """The customer has said when they may be called: the callback that stands is for that time. A
    `Conflict` where it is not any more as it was seen."""

    callback_id: str
    was: tuple[str, float]
    """State and moment, as they were seen."""
    state: str
    moment: float
    body: Mapping[str, JSON]
    """The callback. Its timer fires at once and puts the inquiry where it belongs."""


@dataclass(frozen=True, slots=True)
class Log:
    """An event of the log."""

    event: LogEvent


Op = (
    CreateContact
    | UpdateContact
    | FlagHandle
    | VerifyHandle
    | MergeContacts
    | SplitContact
    | OpenConversation
    | TouchConversation
    | CreateInquiry
    | ChangeInquiry
    | MoveMessages
    | EndMerged
    | AddMessage
    | FetchAttachment
    | ReviseMessage
    | EraseMessage
    | ForgetEvent
    | Send
    | SetTimer
    | CancelTimer
    | MarkDelivery
    | LinkAnnouncement
    | SettleAnnouncement
    | KeepAnswer
    | AddReview
    | ReviewAnswer
    | RequestCallback
    | MoveCallback
    | Log
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write for one event, and what must still be true when it is written."""

    event_id: str
    ops: tuple[Op, ...] = ()
    knowledge: str = ""
    """Version of the knowledge base an automatic answer was taken from; '' when there is none."""
    certificate: str = ""
    """Certificate an automatic answer relies on; it must still be in force when applied."""
    postpone_until: float | None = None
    """The event cannot be decided yet (a receipt before its send is recorded): look again then."""
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    """Why: scores, threshold, rule tried. Not written by itself; `Log` ops carry what is kept."""


def derived_id(event_id: str, part: str) -> str:
    """An id that follows from the event's: the same event, planned again, names the same rows, so a
    plan applied twice collides with itself instead of doubling."""
    return f"{event_id}.{part}"
