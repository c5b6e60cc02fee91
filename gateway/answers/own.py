"""What an installation's own traffic permits: certificates from the questions that were drawn by lot
and judged by people.

Why the lot alone, why also what was not answered, and why a question that was passed over counts as
wrong: docs/decisions/0010-reviews.md.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.answers.answerer import Answerer
from gateway.answers.certify import Reviewed, certify, missing
from gateway.answers.review import ReviewedQuestion, make_certificate, review
from gateway.answers.text import normalise
from gateway.domain.decision import Certificate
from gateway.domain.reviews import NO_TOPIC, Verdict

#: The topic of a case of which only this is known: the one that was found was not it, or nobody looked.
UNKNOWN = "~unknown"


@dataclass(frozen=True, slots=True)
class Sample:
    """Questions as `certified` takes them."""

    cases: tuple[ReviewedQuestion, ...]
    passed_over: int = 0
    """Of them, those nobody judged though later ones were: they count as wrong."""
    unnamed: int = 0
    """Of them, those that were found wrong without anybody saying what they were about."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the cases permit in one scope."""

    scope: str
    cases: int
    """Those of the scope that the engine may decide by itself: neither a rule, a risk nor a second
    topic takes them to a person."""
    learnt: int
    """Left out before, over all scopes: the engine was trained on their very text."""
    missing: int
    """How many more are needed if all turn out right; 0 with a certificate."""
    certificate: Certificate | None


def sampled(rows: Iterable[Mapping[str, Any]]) -> Sample:
    """The sample that rows of audited questions are, in the order in which they came.

    It ends with the last one that was judged; what lies before it and was not judged was passed over.
    """
    rows = list(rows)
    while rows and rows[-1]["verdict"] == Verdict.PENDING:
        rows.pop()
    cases, passed_over, unnamed = [], 0, 0
    for row in rows:
        topic = row["right_topic"]
        if row["verdict"] == Verdict.PENDING:
            topic, passed_over = UNKNOWN, passed_over + 1
        elif not topic:
            topic, unnamed = UNKNOWN, unnamed + 1
        cases.append(case(row, topic))
    return Sample(tuple(cases), passed_over, unnamed)


def case(row: Mapping[str, Any], topic: str) -> ReviewedQuestion:
    """A row with its right topic as a case."""
    return ReviewedQuestion(
        text=row["text"],
        topic="" if topic == NO_TOPIC else topic,
        language=row["language"],
        brand=row["brand"],
        subject=row["subject"],
        channel=row["channel"],
    )


def certified(
    answerer: Answerer,
    cases: Sequence[ReviewedQuestion],
    scopes: Iterable[str],
    alpha: float,
    delta: float,
) -> list[Outcome]:
    """What the cases permit, one outcome a scope. They are scored by this answerer, whatever found a
    topic for them when they came. Raises ValueError for alpha or delta outside (0, 1)."""
    learnt = set(answerer.knowledge.training()[0])
    unseen = [one for one in cases if normalise(one.text) not in learnt]
    found = []
    for scope in scopes:
        reviewed = review(answerer, unseen, scope)
        threshold = certify(reviewed, alpha, delta)
        permit = None
        if threshold is not None:
            made = make_certificate(answerer.version, scope, alpha, delta, threshold, "reviewed")
            permit = replace(made, id=_named(made.id, reviewed))
        found.append(
            Outcome(
                scope=scope,
                cases=len(reviewed),
                learnt=len(cases) - len(unseen),
                missing=missing(reviewed, alpha, delta),
                certificate=permit,
            )
        )
    return found


def scopes_of(brands: Sequence[str], languages: Sequence[str]) -> list[str]:
    """One for each brand and language; with one brand that is every brand."""
    owners = brands if len(brands) > 1 else ["*"]
    return [f"{brand}/{language}/normal" for brand in owners for language in languages]


def _named(name: str, reviewed: Sequence[Reviewed]) -> str:
    """The same cases give the same id: what was ended on them stays so. Others give another."""
    facts = repr([(one.score, one.correct) for one in reviewed])
    return f"{name}-{hashlib.sha256(facts.encode()).hexdigest()[:6]}"
