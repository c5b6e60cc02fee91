"""What a plan keeps for reviews: the answer under its certificate, the lot, what the customer said, and
what an agent is offered."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.decision import Certificate, Verb
from gateway.domain.model import InquiryState
from gateway.domain.plan import ChangeInquiry, Plan
from gateway.domain.reviews import AddReview, KeepAnswer, ReviewAnswer, Source, Verdict
from gateway.domain.snapshot import Snapshot
from gateway.workers.announcing import ENDED
from gateway.workers.auditing import drawn
from gateway.workers.planner import Planner
from tests.workers.plans import inquiry, message, ops, saying, seen
from tests.workers.rig import SETTINGS, ScriptedAnswerer

EVERY = replace(SETTINGS, audit_share=1.0)
SEEN = {"segment": 0, "knowledge": "k1", "brand": "demo"}
ANSWER = saying(Verb.ANSWER, evidence={**SEEN, "certificate": "cert-1"})
SUGGEST = saying(Verb.SUGGEST, suggestion="Try this.", dialogue={"topic": "topup"}, evidence=SEEN)
RULE = saying(Verb.ROUTE, topic="talk_to_human", evidence={**SEEN, "rule": "person"})
RISK = saying(Verb.ESCALATE, topic="fraud", high_risk=True, evidence=SEEN)
CHOSEN = saying(Verb.ANSWER, evidence={**SEEN, "segment": -1, "certificate": "cert-1"})


def plan(
    answerer: ScriptedAnswerer, snapshot: Snapshot | None = None, settings: Any = EVERY, **more: Any
) -> Plan:
    planner = Planner(answerer, settings)  # type: ignore[arg-type]
    return planner.plan("ev1", 1.0, message(**more), snapshot or seen())


def review(made: Plan) -> AddReview:
    (op,) = ops(made, AddReview)
    return op


# ---------------------------------------------------------------- the lot


def test_the_lot_falls_on_the_share_that_is_set_and_always_on_the_same():
    events = [f"01kf3q{number:020}" for number in range(20_000)]
    fell = [event for event in events if drawn(event, 0.05)]
    assert 0.045 < len(fell) / len(events) < 0.055
    assert fell == [event for event in events if drawn(event, 0.05)]
    assert set(fell) < {event for event in events if drawn(event, 0.2)}
    assert not any(drawn(event, 0.0) for event in events)
    assert all(drawn(event, 1.0) for event in events)


def test_an_answer_under_a_certificate_is_kept_and_drawn_with_what_it_rests_on():
    made = plan(ANSWER)
    (kept,) = ops(made, KeepAnswer)
    drawn_for_review = review(made)
    assert drawn_for_review.finding == kept.finding
    found = kept.finding
    assert (found.message_id, found.topic, found.confidence) == ("ev1.in", "topup", 0.9)
    assert (found.certificate, found.knowledge, found.brand) == ("cert-1", "k1", "demo")
    assert (found.scored, found.opening) == (True, True)
    assert (drawn_for_review.source, drawn_for_review.verdict) == (Source.AUDIT, Verdict.PENDING)


def test_every_answer_is_kept_though_the_lot_falls_on_none():
    made = plan(ANSWER, settings=SETTINGS)
    assert len(ops(made, KeepAnswer)) == 1
    assert ops(made, AddReview) == []


@pytest.mark.parametrize("answerer", [SUGGEST, RULE, RISK], ids=["suggested", "rule", "risk"])
def test_what_was_not_answered_is_drawn_with_what_the_engine_found(answerer):
    """Also behind a rule or a risk: another version of the knowledge may hear neither."""
    made = plan(answerer)
    assert ops(made, KeepAnswer) == []
    found = review(made).finding
    assert (found.topic, found.confidence, found.certificate) == ("topup", 0.9, "")
    assert found.scored is True


def test_a_topic_that_the_customer_chose_is_an_answer_but_no_case_for_another_engine():
    view = inquiry(InquiryState.WAITING_CUSTOMER, dialogue={"pending": "topic?"})
    made = plan(CHOSEN, seen(view), text="2")
    assert review(made).finding.scored is False
    assert ops(made, KeepAnswer)[0].finding.scored is False


def test_a_follow_up_is_kept_without_its_subject():
    made = plan(ANSWER, seen(inquiry()), subject="Re: something else")
    assert review(made).finding.opening is False


def test_thanks_and_what_may_not_be_answered_are_not_drawn():
    thanks = saying(Verb.ANSWER, topic="thanks", evidence={**SEEN, "segment": -1})
    assert ops(plan(thanks), AddReview) == []
    silent = plan(ANSWER, facts={"mail_class": "list"})
    assert ops(silent, AddReview) + ops(silent, KeepAnswer) == []


def test_an_answer_that_the_daily_bound_held_back_is_none():
    made = plan(ANSWER, seen(automatic_today=SETTINGS.automatic_per_day))
    assert ops(made, KeepAnswer) == []
    assert review(made).finding.certificate == ""


# ---------------------------------------------------------------- the customer's word


@pytest.mark.parametrize("solved", [True, False])
def test_what_the_customer_says_of_an_answer_is_kept_and_is_no_case_itself(solved):
    verb = Verb.ANSWER if solved else Verb.ROUTE
    made = plan(saying(verb, evidence={**SEEN, "solved": solved}), seen(inquiry()))
    assert ops(made, ReviewAnswer) == [ReviewAnswer("ev1.r", "q1", solved=solved)]
    assert ops(made, AddReview) + ops(made, KeepAnswer) == []


@pytest.mark.parametrize("solved", [True, False])
def test_a_word_about_the_end_of_an_announcement_says_nothing_of_the_answer(solved):
    verb = Verb.ANSWER if solved else Verb.ROUTE
    view = inquiry(dialogue={"pending": "solved?", ENDED: "a1"})
    made = plan(saying(verb, evidence={**SEEN, "solved": solved}), seen(view))
    assert ops(made, ReviewAnswer) + ops(made, AddReview) + ops(made, KeepAnswer) == []


# ---------------------------------------------------------------- what an agent gets


def test_an_agent_gets_the_draft_and_the_topics_it_was_chosen_from():
    (change,) = ops(plan(SUGGEST), ChangeInquiry)
    assert change.dialogue == {
        "topic": "topup",
        "suggestion": "Try this.",
        "suggested": {
            "message": "ev1.in",
            "topic": "topup",
            "topics": [["topup", 0.9], ["refund", 0.05]],
            "brand": "demo",
            "language": "en",
            "knowledge": "k1",
            "opening": True,
        },
    }


class Permitted(ScriptedAnswerer):
    """Answers what is certified, like the real one."""

    def decide(self, question: Any, certificates: tuple[Certificate, ...]) -> Any:
        if certificates:
            return ANSWER.usual
        return replace(SUGGEST.usual, reason="no_certificate")


def test_in_suggest_mode_a_certificate_answers_nothing():
    permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.5, 100, 0, "k1")
    certified = seen(certificates=(permit,))
    (answered,) = ops(plan(Permitted(), certified), ChangeInquiry)
    assert answered.state is InquiryState.ANSWERED
    made = plan(Permitted(), certified, replace(EVERY, suggest_only=True))
    (queued,) = ops(made, ChangeInquiry)
    assert queued.state is InquiryState.QUEUED
    assert queued.dialogue["suggestion"] == "Try this."
    assert (made.certificate, ops(made, KeepAnswer)) == ("", [])
    assert review(made).source is Source.AUDIT
