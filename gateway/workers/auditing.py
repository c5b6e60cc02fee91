"""What a plan keeps for reviews: which answer was given under a certificate, which questions are drawn
for a person to judge, what the customer said of an answer, what an agent is offered.

The lot is drawn among all decided questions, also among those that were not answered: a certificate
is about a threshold that another engine may set elsewhere (docs/decisions/0010-reviews.md).
"""

import hashlib

from gateway.domain.decision import Decision, Verb
from gateway.domain.model import JSON, InquiryState
from gateway.domain.reviews import AddReview, Finding, KeepAnswer, ReviewAnswer, Source
from gateway.domain.snapshot import InquiryView
from gateway.workers.announcing import ENDED
from gateway.workers.draft import Draft


def drawn(event_id: str, share: float) -> bool:
    """Whether the lot falls on this event: the same each time the event is planned."""
    digest = hashlib.sha256(f"audit {event_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def keep(draft: Draft, inquiry: InquiryView, decision: Decision, share: float) -> None:
    """Add what reviews need to a plan whose decision is taken and whose message is in it."""
    if "solved" in decision.evidence:
        solved = bool(decision.evidence["solved"])
        if not solved and decision.evidence.get("missed"):
            return  # the date was not kept; the answer may have been right
        if inquiry.dialogue.get(ENDED):
            return  # it was about the end of an announcement, not about the answer
        draft.add(ReviewAnswer(draft.id("r"), inquiry.id, solved=solved))
        return
    found = finding(draft, inquiry, decision)
    if found is None:
        return
    if found.certificate:
        draft.add(KeepAnswer(found))
    if drawn(draft.event_id, share):
        draft.add(AddReview(draft.id("r"), Source.AUDIT, found))


def finding(draft: Draft, inquiry: InquiryView, decision: Decision) -> Finding | None:
    """What was found for the message; None where the engine was not asked and nothing answered."""
    answered = decision.verb is Verb.ANSWER and bool(draft.certificate)
    scored = _segment(decision) >= 0
    if not (answered or scored):
        return None
    # What the engine says, also where a rule or a risk outranked it: another version may hear neither.
    topic, confidence = (
        (decision.topic, decision.confidence) if answered or not decision.top else decision.top[0]
    )
    return Finding(
        message_id=draft.id("in"),
        topic=topic,
        confidence=confidence,
        brand=str(decision.evidence.get("brand", "")),
        language=decision.language,
        knowledge=str(decision.evidence.get("knowledge", "")),
        certificate=draft.certificate if answered else "",
        scored=scored,
        opening=inquiry.state is InquiryState.NEW and not inquiry.dialogue,
    )


def offered(draft: Draft, inquiry: InquiryView, decision: Decision) -> dict[str, JSON]:
    """What of a decision goes to the agent with the inquiry: the draft, the topics it was chosen from,
    and what a verdict on it will speak of."""
    given = {"suggestion": decision.suggestion, "note": decision.note}
    dialogue = {**decision.dialogue, **{name: text for name, text in given.items() if text}}
    if (found := finding(draft, inquiry, decision)) is not None:
        dialogue["suggested"] = {
            "message": found.message_id,
            "topic": str(dialogue.get("topic", "")) if decision.suggestion else "",
            "topics": [[topic, score] for topic, score in decision.top],
            "brand": found.brand,
            "language": found.language,
            "knowledge": found.knowledge,
            "opening": found.opening,
        }
    return dialogue


def _segment(decision: Decision) -> int:
    """Which part of the text decided; -1 where the engine did not."""
    segment = decision.evidence.get("segment", -1)
    return segment if isinstance(segment, int) else -1
