"""Certifies a knowledge base from reviewed questions: cases that no training has seen."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.answers.answerer import Answerer, in_scope
from gateway.answers.certify import Certifier, Reviewed, certify, missing
from gateway.answers.knowledge import KnowledgeError
from gateway.domain.decision import Certificate, Question


@dataclass(frozen=True, slots=True)
class ReviewedQuestion:
    """A question with the topic a person gave it; '' when no topic answers it."""

    text: str
    topic: str
    language: str
    brand: str = ""
    subject: str = ""


def load_reviewed(path: Path) -> list[ReviewedQuestion]:
    """Read a JSONL file of {"text", "topic", "language"} with optional "brand" and "subject".

    Raises `KnowledgeError` naming the line.
    """
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(ReviewedQuestion(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise KnowledgeError(
                f"{path}:{number}", f'is not {{"text", "topic", "language"}}: {error}'
            ) from error
    return cases


def review(answerer: Answerer, cases: Iterable[ReviewedQuestion], scope: str) -> list[Reviewed]:
    """What the answerer would have done with each case of the scope, and whether it was right.

    Cases that a rule, a risk or a second topic takes to a person are not part of it: they get no
    automatic answer at any threshold, here as in live traffic.
    """
    verdicts = []
    for case in cases:
        if not in_scope(scope, case.brand, case.language, "normal"):
            continue
        question = Question(
            text=case.text, subject=case.subject, language=case.language, brand=case.brand
        )
        if (seen := answerer.assess(question)) is not None:
            verdicts.append(Reviewed(seen.confidence, seen.topic == case.topic))
    return verdicts


def certify_knowledge(
    answerer: Answerer,
    cases: Iterable[ReviewedQuestion],
    alpha: float,
    delta: float,
    scope: str,
    *,
    demo: bool,
    certifier: Certifier = certify,
) -> Certificate | None:
    """A certificate for `scope` ('brand/language/risk') on the answerer's present version.

    None when the cases do not suffice; `review` and `certify.missing` then say by how much.
    High-risk scopes never get one. Raises ValueError for alpha or delta outside (0, 1).
    """
    if not scope.endswith("/normal"):
        return None
    threshold = certifier(review(answerer, cases, scope), alpha, delta)
    if threshold is None:
        return None
    facts = (answerer.version, scope, alpha, delta, threshold.value, demo)
    return Certificate(
        id=f"cert-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}",
        scope=scope,
        alpha=alpha,
        delta=delta,
        threshold=threshold.value,
        answered=threshold.answered,
        wrong=threshold.wrong,
        knowledge=answerer.version,
        demo=demo,
    )


def missing_cases(
    answerer: Answerer, cases: Sequence[ReviewedQuestion], alpha: float, delta: float, scope: str
) -> int:
    """How many more reviewed cases of the scope are needed if all turn out right."""
    return missing(review(answerer, cases, scope), alpha, delta)
