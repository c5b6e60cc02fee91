"""The inquiry model: what every channel is normalised into (DESIGN §2 has the words)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.calendar import Calendar

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]


class InquiryState(StrEnum):
    """Where an inquiry stands; the permitted moves are in `gateway.domain.states`."""

    NEW = "new"
    ANSWERED = "answered"
    WAITING_CUSTOMER = "waiting_customer"
    QUEUED = "queued"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    WRAPPING = "wrapping"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Visibility(StrEnum):
    """Who may read an outgoing or incoming text. A note is no `Visibility`: it has its own type."""

    PRIVATE = "private"
    PUBLIC = "public"


class Trust(StrEnum):
    """How sure we are that a handle belongs to the contact."""

    CLAIMED = "claimed"
    VERIFIED = "verified"


class DeliveryState(StrEnum):
    """How far an outgoing message got; only moves forward (`rank`)."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    BOUNCED = "bounced"

    @property
    def rank(self) -> int:
        """Order in time; a receipt with a lower or equal rank than the present one changes nothing."""
        return _DELIVERY_RANK[self]


_DELIVERY_RANK = {
    DeliveryState.QUEUED: 0,
    DeliveryState.SENT: 1,
    DeliveryState.DELIVERED: 2,
    DeliveryState.READ: 3,
    # A bounce may follow a "delivered" (the next mail server took it, its user's box did not).
    DeliveryState.FAILED: 4,
    DeliveryState.BOUNCED: 5,
}


class MailClass(StrEnum):
    """What kind of mail it is; only `person` may be answered by itself."""

    PERSON = "person"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    COMPLAINT = "complaint"
    RECEIPT = "receipt"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came or goes with a message.

    `data` holds the bytes only between the channel and the blob store; what is stored carries
    `blob`, the address in the blob store, and never the bytes.
    """

    name: str
    content_type: str
    size: int
    data: bytes | None = None
    blob: str = ""
    url: str = ""
    """Where the channel fetches it later, when the provider sent only a link."""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class ThreadRefs:
    """What ties a message to earlier ones, strongest first. Empty strings never match anything."""

    token: str = ""
    """A reply token that the channel has checked the signature of: an inquiry number."""
    message_ids: tuple[str, ...] = ()
    """Ids of our messages that this one answers (In-Reply-To, References, quoted message)."""


@dataclass(frozen=True, slots=True)
class Note:
    """An agent's internal remark. No channel takes this type; it can never be sent."""

    inquiry_id: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """A secret that was taken out. `start` and `end` are code points of the text before redaction."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Where unresolved inquiries wait for an agent."""

    id: str
    title: str
    priority: int = 5
    """0 is first, 9 last."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """What an agent must know to take from it, with least levels."""
    ageing: float | None = None
    """Seconds of waiting that make up for one step of priority; None: none do."""


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand profile: the only source of numbers, links and promises in an outgoing text."""

    id: str
    name: str
    facts: Mapping[str, JSON] = field(default_factory=dict)
    """hotline, hours, mailbox, links, password_policy, arrival times …: free-form, by name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The app's name by language, where it differs from `name`."""
    tables: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """Lookup tables by name: what an error code means, which countries are supported …"""
    calendar: Calendar = field(default_factory=Calendar)
    """By which its promises in working days are counted."""
