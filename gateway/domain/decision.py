"""What the answering side is asked and what it says: shared by answers, routing and the planner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from gateway.domain.announcement import Announcement
from gateway.domain.model import JSON, InquiryState
from gateway.domain.states import WITH_PEOPLE


class Verb(StrEnum):
    """What to do with an inquiry."""

    ANSWER = "answer"
    """Inside the certificate: send the rendered answer."""
    SUGGEST = "suggest"
    """Route it, with the top answers as suggestions for the agent."""
    ASK = "ask"
    """Two close topics, an unknown brand or a missing slot: one question back."""
    ROUTE = "route"
    """Nothing fits well enough: to a person."""
    ESCALATE = "escalate"
    """A high-risk or urgent matter: to a person first, with safety advice at once."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Permission to answer by itself: P(wrong answers among automatic ones > alpha) <= delta."""

    id: str
    scope: str
    """'brand/language/risk'; '*' stands for any brand or language."""
    alpha: float
    delta: float
    threshold: float
    """The least confidence that is covered."""
    answered: int
    """Reviewed cases at or above the threshold."""
    wrong: int
    knowledge: str
    """The knowledge version it was measured on; void for any other."""
    origin: Literal["reviewed", "bootstrap"] = "reviewed"
    """'reviewed': the cases are the installation's own traffic. 'bootstrap': they are the questions
    that come with the knowledge base, until there are enough of its own."""


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One of the customer's own open inquiries, as far as the customer may hear of it."""

    number: str
    state: InquiryState
    queue: str = ""
    """The title of the queue it is in."""
    lane: str = ""
    """Key of the lane it waits in."""
    rank: float = 0.0
    """Its place there."""
    called: bool = False
    """A call about it was asked for."""

    @property
    def with_people(self) -> bool:
        """A person works on it, or is about to."""
        return self.state in WITH_PEOPLE

    def as_values(self) -> dict[str, JSON]:
        """What templates see: number, queue, and stage ('waiting', 'working', 'your_turn',
        'answered')."""
        if self.state in (InquiryState.ASSIGNED, InquiryState.WRAPPING):
            stage = "working"
        elif self.with_people:
            stage = "waiting"
        else:
            stage = "your_turn" if self.state is InquiryState.WAITING_CUSTOMER else "answered"
        return {"number": self.number, "queue": self.queue, "stage": stage}


@dataclass(frozen=True, slots=True)
class Promise:
    """A date that an outgoing text names: by then the customer's matter is to be done."""

    topic: str
    fact: str
    """The brand's fact that it follows from."""
    by: str
    """The last day, as 2026-11-27."""
    ask_at: float
    """When the brand opens first after it: the moment to ask whether it was kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided. All text is redacted already."""

    text: str
    """The visible reply: quotes and signatures removed."""
    subject: str = ""
    language: str = ""
    """'zh-CN', 'zh-TW', 'en' …; empty: to be found out."""
    brand: str = ""
    app_version: str = ""
    """Of the customer's app, as '8.1.2', where the channel tells; else the text is looked at."""
    form: str = "long"
    """Which form of the answer fits the channel: long, short, voice."""
    first: bool = True
    """The first automatic text of the conversation says that it is automatic."""
    dialogue: Mapping[str, JSON] = field(default_factory=dict)
    """The pending question and steps done, as `Decision.dialogue` left it last time."""
    public: bool = False
    number: str = ""
    """The inquiry's number, for the text."""
    asked_at: float = 0.0
    """When it was asked: dates in the answer count from then. 0: the answer names none."""
    cases: tuple[OpenCase, ...] = ()
    """The customer's own open inquiries, for whoever asks how far they are."""
    announcements: tuple[Announcement, ...] = ()
    """Those in force that the customer has not been told yet, whatever they are about."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, what to say, and why."""

    verb: Verb
    topic: str
    """'' when no topic is likely."""
    confidence: float
    top: tuple[tuple[str, float], ...]
    """Likeliest topics with their scores, best first."""
    language: str
    reason: str
    """A short machine word with its figure: 'threshold 0.62 > 0.48', 'no_certificate', 'high_risk'…"""
    queue: str = ""
    """Where the topic's matters go when a person is needed; '' : the default queue."""
    urgent: bool = False
    high_risk: bool = False
    reply: str = ""
    """The text for the customer now: the answer, the question, or the advice. May be empty."""
    suggestion: str = ""
    """A draft for the agent when `verb` is suggest, route or escalate."""
    promises: tuple[Promise, ...] = ()
    """The dates that `reply` names."""
    announced: tuple[str, ...] = ()
    """The ids of the announcements that stand in `reply`."""
    dialogue: Mapping[str, JSON] = field(default_factory=dict)
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    note: str = ""
    """For the agent, never for the customer: the steps that are done, what else was asked."""
