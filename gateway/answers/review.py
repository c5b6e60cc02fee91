"""Certifies a knowledge base from reviewed questions: cases that no training has seen."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway import __version__
from gateway.answers.answerer import Answerer, in_scope
from gateway.answers.certify import Certifier, Reviewed, Threshold, certify, missing
from gateway.answers.faults import KnowledgeError
from gateway.answers.measured import measured
from gateway.domain.decision import Certificate, Question
from gateway.domain.model import Brand

#: The questions that come with a knowledge base, none of which it is trained on.
CALIBRATION = "calibration/questions.jsonl"
#: How such files mark a question that no topic answers.
OUT_OF_SCOPE = "~none"


@dataclass(frozen=True, slots=True)
class ReviewedQuestion:
    """A question with the topic a person gave it; '' when no topic answers it."""

    text: str
    topic: str
    language: str
    brand: str = ""
    subject: str = ""
    channel: str = ""
    also: tuple[str, ...] = ()
    """Other topics that answer it as well."""

    def question(self) -> Question:
        """As the answerer is asked."""
        return Question(self.text, self.subject, language=self.language, brand=self.brand)

    def answered_by(self, topic: str) -> bool:
        """Whether this topic's answer would be a right one."""
        return topic == self.topic or topic in self.also


def load_reviewed(path: Path) -> list[ReviewedQuestion]:
    """Read a JSONL file of {"text", "topic", "language"} with optional "brand", "subject",
    "channel" and "also".

    Raises `KnowledgeError` naming the line.
    """
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            raw["also"] = tuple(raw.get("also", ()))
            raw["topic"] = "" if raw.get("topic") == OUT_OF_SCOPE else raw.get("topic", "")
            cases.append(ReviewedQuestion(**raw))
        except (AttributeError, json.JSONDecodeError, TypeError) as error:
            raise KnowledgeError(
                f"{path}:{number}", f'is not {{"text", "topic", "language"}}: {error}'
            ) from error
    return cases


def review(answerer: Answerer, cases: Iterable[ReviewedQuestion], scope: str) -> list[Reviewed]:
    """What the answerer would have done with each case of the scope, and whether it was right.

    Cases that a rule, a risk or an unclear second topic takes to a person are not part of it: they
    get no automatic answer at any threshold, here as in live traffic.
    """
    asked = ((case, case.question()) for case in cases)
    # The language it would be answered in: what is written in traditional characters counts where
    # Chinese does.
    own = [
        (case, question)
        for case, question in asked
        if in_scope(scope, case.brand, answerer.language(question), "normal")
    ]
    answerer.foresee(question for _, question in own)
    verdicts = []
    for case, question in own:
        if (seen := answerer.assess(question)) is not None:
            # Two answers in one text are a right one only if both are.
            told = [topic for topic in (seen.topic, seen.also) if topic]
            verdicts.append(Reviewed(seen.confidence, all(map(case.answered_by, told))))
    return verdicts


def certify_knowledge(
    answerer: Answerer,
    cases: Iterable[ReviewedQuestion],
    alpha: float,
    delta: float,
    scope: str,
    *,
    origin: Literal["reviewed", "bootstrap"],
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
    return make_certificate(answerer.version, scope, alpha, delta, threshold, origin)


def make_certificate(
    knowledge: str,
    scope: str,
    alpha: float,
    delta: float,
    threshold: Threshold,
    origin: Literal["reviewed", "bootstrap"],
) -> Certificate:
    """The certificate of a threshold; the same facts give the same id."""
    facts = (knowledge, scope, alpha, delta, threshold.value, origin)
    return Certificate(
        id=f"cert-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}",
        scope=scope,
        alpha=alpha,
        delta=delta,
        threshold=threshold.value,
        answered=threshold.answered,
        wrong=threshold.wrong,
        knowledge=knowledge,
        origin=origin,
    )


def missing_cases(
    answerer: Answerer, cases: Sequence[ReviewedQuestion], alpha: float, delta: float, scope: str
) -> int:
    """How many more reviewed cases of the scope are needed if all turn out right."""
    return missing(review(answerer, cases, scope), alpha, delta)


def bootstrap(
    answerer: Answerer, templates: Path, alpha: float, delta: float, models: Path | None = None
) -> list[Certificate]:
    """What the questions that come with a knowledge base permit: a certificate for each language
    whose questions suffice, marked as such. They are no sample of anybody's traffic. [] where the
    knowledge base brings none. Kept in the folder `models`, if there is one. Raises
    `KnowledgeError`."""
    path = templates / CALIBRATION
    if not path.is_file():
        return []

    def measure() -> list[Certificate]:
        cases = load_reviewed(path)
        found = (
            certify_knowledge(
                answerer, cases, alpha, delta, f"*/{language}/normal", origin="bootstrap"
            )
            for language in answerer.knowledge.languages
        )
        return [certificate for certificate in found if certificate is not None]

    brands = sorted((brand.id, brand.name, _said(brand)) for brand in answerer.brands.values())
    basis = (__version__, answerer.version, brands, path.read_bytes(), alpha, delta)
    return measured(models, basis, measure)


def _said(brand: Brand) -> str:
    """All that a brand says of itself, in one order."""
    return json.dumps([brand.names, brand.facts, brand.tables], sort_keys=True, default=str)
