"""Whether an automatic text fits into what its channel still takes of automatic messages. Pure."""

from collections.abc import Callable
from dataclasses import replace

from gateway.domain.decision import Decision, Question
from gateway.domain.model import Visibility
from gateway.domain.snapshot import Snapshot
from gateway.domain.splitting import split
from gateway.domain.window import FOR_PEOPLE


def in_room(
    question: Question,
    decision: Decision,
    seen: Snapshot,
    decide: Callable[[Question], Decision],
) -> tuple[Decision, str]:
    """A decision whose reply takes no more messages than are left, and why it may not be said; '' when it
    may.

    Args:
        question: what was asked.
        decision: what to say to it.
        seen: what is known of the conversation.
        decide: decides once more, for the short form of the answer.
    """
    if not (why := _too_much(question, decision, seen)):
        return decision, ""
    if question.form != "short":
        short = decide(replace(question, form="short"))
        # The same matter in fewer words; never another decision.
        alike = (short.verb, short.topic) == (decision.verb, decision.topic)
        if alike and not _too_much(question, short, seen):
            return short, ""
    return decision, why


def has_room(question: Question, decision: Decision, seen: Snapshot) -> bool:
    """Whether a reply takes no more messages than are left."""
    return not _too_much(question, decision, seen)


def _too_much(question: Question, decision: Decision, seen: Snapshot) -> str:
    visibility = Visibility.PUBLIC if question.public else Visibility.PRIVATE
    rules = seen.account.rules
    if rules.budget is None or not rules.bind(visibility):
        return ""
    left = max(0, rules.budget - FOR_PEOPLE - seen.ahead)
    needed = len(split(decision.reply, seen.account.text))
    if needed <= left:
        return ""
    return f"messages it takes: {needed}, left for automatic ones: {left}"
