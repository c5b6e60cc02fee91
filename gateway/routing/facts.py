"""What a rule may ask about, as values: the names here are the fields that conditions can name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any, Self

Values = dict[str, dict[str, object]]
"""Table → field → value, as a condition sees them."""


@dataclass(frozen=True, slots=True)
class InquiryFacts:
    """What is to be routed."""

    id: str = ""
    number: str = ""
    channel: str = ""
    account: str = ""
    brand: str = ""
    topic: str = ""
    language: str = ""
    """A BCP 47 tag: 'en', 'zh-CN'; '' where it is not known."""
    subject: str = ""
    urgent: bool = False
    high_risk: bool = False
    reason: str = ""
    """Why a machine does not answer it."""
    verb: str = ""
    """What was decided: suggest, route, escalate …"""
    confidence: float = 0.0
    """Of the topic, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """Who wrote."""

    id: str = ""
    name: str = ""
    language: str = ""
    trust: str = ""
    """'claimed' or 'verified'."""
    open_inquiries: int = 0


@dataclass(frozen=True, slots=True)
class BrandFacts:
    """For which brand."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The procedure on the inquiry; empty where there is none."""

    type: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """When, on the business's clock."""

    at: float = 0.0
    """Seconds since 1970; a condition sees a timestamp."""
    hour: int = 0
    minute: int = 0
    weekday: int = 4
    """1 is Monday, 7 Sunday."""
    date: str = "1970-01-01"
    business_day: bool = True
    open: bool = True

    @classmethod
    def of(cls, at: float, zone: tzinfo, *, business_day: bool, open: bool) -> Self:  # noqa: A002 - the name that conditions use
        """The facts of a moment.

        Args:
            at: seconds since 1970.
            zone: of the business.
            business_day: whether people work on this date.
            open: whether they work at this moment.
        """
        local = datetime.fromtimestamp(at, zone)
        date = local.date().isoformat()
        return cls(at, local.hour, local.minute, local.isoweekday(), date, business_day, open)


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """How a queue stands at this moment."""

    id: str = ""
    waiting: int = 0
    oldest_seconds: float = 0.0
    """How long the first one waits; 0 where none does."""
    online: int = 0
    """Agents of the queue who are there."""
    free: int = 0
    """Those among them who could take one more."""
    open: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known when a place is chosen."""

    inquiry: InquiryFacts = field(default_factory=InquiryFacts)
    contact: ContactFacts = field(default_factory=ContactFacts)
    brand: BrandFacts = field(default_factory=BrandFacts)
    case: CaseFacts = field(default_factory=CaseFacts)
    time: TimeFacts = field(default_factory=TimeFacts)

    def as_values(self, queue: QueueFacts | None = None) -> Values:
        """As conditions see them; with `queue`, as a `skip_if` sees them."""
        seen = {table: _values(getattr(self, table)) for table in TABLES}
        seen["time"]["at"] = datetime.fromtimestamp(self.time.at, UTC)
        if queue is not None:
            seen[QUEUE] = _values(queue)
        return seen


TABLES: Mapping[str, type] = {
    "inquiry": InquiryFacts,
    "contact": ContactFacts,
    "brand": BrandFacts,
    "case": CaseFacts,
    "time": TimeFacts,
}
"""What `when` may name."""
QUEUE = "queue"
WITH_QUEUE: Mapping[str, type] = {**TABLES, QUEUE: QueueFacts}
"""What `skip_if` may name."""
PRIVATE = frozenset({"inquiry.subject", "contact.name"})
"""What a customer wrote: a condition may ask for it, a trail does not repeat it."""

SAMPLE = Facts(
    InquiryFacts(
        id="01J0000000000000000000000A",
        number="Q-2026-000001",
        channel="email",
        account="support",
        brand="main",
        topic="card_arrival",
        language="zh-CN",
        subject="Where is my card?",
        urgent=True,
        high_risk=True,
        reason="threshold 0.62 > 0.48",
        verb="route",
        confidence=0.48,
    ),
    ContactFacts("01J0000000000000000000000B", "Li Na", "zh-CN", "verified", 2),
    BrandFacts("main", "Main"),
    CaseFacts("dispute", "open"),
    TimeFacts(1795312800.0, 10, 30, 7, "2026-11-22", business_day=True, open=True),
)
"""Every field filled, every flag true, no number zero."""
SAMPLE_QUEUE = QueueFacts("general", waiting=12, oldest_seconds=340.5, online=3, free=1, open=True)


def sample() -> Values:
    """The full sample as conditions see it, `queue` included."""
    return SAMPLE.as_values(SAMPLE_QUEUE)


def samples() -> Mapping[str, Values]:
    """Samples by what is special about them: full and bare ones, with every flag set and unset."""
    full = sample()
    bare = Facts(time=TimeFacts(SAMPLE.time.at)).as_values(QueueFacts())
    return {
        "with every field filled": full,
        "with every field filled and every flag false": _flags(full, state=False),
        "with every field empty and every flag true": _flags(bare, state=True),
        "with every field empty": _flags(bare, state=False),
    }


@cache
def names(kind: type) -> tuple[str, ...]:
    """The fields of a table."""
    return tuple(each.name for each in fields(kind))


def _values(table: Any) -> dict[str, object]:
    return {name: getattr(table, name) for name in names(table.__class__)}


def _flags(values: Values, *, state: bool) -> Values:
    return {
        table: {name: state if isinstance(value, bool) else value for name, value in row.items()}
        for table, row in values.items()
    }
