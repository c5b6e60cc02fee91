"""Reviews of answers and suggestions: what people say about the topic that was found, as data."""

from dataclasses import dataclass
from enum import StrEnum

NO_TOPIC = "~none"
"""The right topic of a question that no topic answers."""


class Source(StrEnum):
    """How a question came to be reviewed."""

    AUDIT = "audit"
    """Drawn by lot among all that were decided: the only ones that say something about the rest."""
    AGENT = "agent"
    """A person spoke up: used a suggestion, or saw that an answer was wrong."""
    CUSTOMER = "customer"
    """The reply to "did this solve it?"."""


class Verdict(StrEnum):
    """What is known about the topic that was found."""

    PENDING = "pending"
    RIGHT = "right"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Which topic was found for a message, and under what. Reviews speak of it."""

    message_id: str
    """The customer's message."""
    topic: str
    confidence: float
    brand: str
    language: str
    knowledge: str
    """The version that found it."""
    certificate: str = ""
    """The one under which it was answered; '' where it was not."""
    scored: bool = True
    """The engine chose the topic from this text alone; not so where the customer chose it from a
    list, or the text only names the brand: another engine could not be asked about it again."""
    opening: bool = True
    """The message opened its inquiry: its subject was read as well."""


# ---------------------------------------------------------------- operations of a plan


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """An automatic answer is sent under a certificate: it counts among those the certificate's
    promise is about."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class AddReview:
    """A question to be judged, or judged at once."""

    review_id: str
    source: Source
    finding: Finding
    verdict: Verdict = Verdict.PENDING
    right_topic: str = ""
    judged_by: str = ""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """The customer says what the last automatic answer of an inquiry was worth. Nothing is written
    where there was none under a certificate."""

    review_id: str
    inquiry_id: str
    solved: bool
    """True: the topic was right. False is no proof of the opposite: somebody has to look."""
