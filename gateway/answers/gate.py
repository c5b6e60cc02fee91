"""Whether a changed knowledge base may take the place of the one in force.

It is learnt and measured beside the one in force, and both are compared: it must be learnt at all,
recognise examples it has not learnt about as well, and be allowed to answer about as much by itself.
Pure: files in, a verdict out; `versions.py` does what follows from it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from gateway.answers.answerer import Answerer, in_scope
from gateway.answers.certify import COVERAGES, Reviewed, certify, upper_bound
from gateway.answers.engine import TrainingError
from gateway.answers.engines import Shelf, best_engine
from gateway.answers.faults import KnowledgeError
from gateway.answers.loading import load
from gateway.answers.models import trained
from gateway.answers.review import CALIBRATION, ReviewedQuestion, load_reviewed, review
from gateway.answers.unseen import unseen
from gateway.answers.versions import content, files
from gateway.domain.model import JSON, Brand

#: How much of the held-out accuracy may be lost: twice the standard error that a share near 85 %
#: has on 3,000 examples is 1.3 points; a topic that is spoilt costs more.
ACCURACY_FALL = 0.01
#: How much of the share that may be answered by itself may be lost: twice the standard error of a
#: share on 700 questions is below 4 points.
COVERAGE_FALL = 0.05

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measures:
    """What a version is worth, as far as examples and calibration questions tell."""

    engine: str
    """The engine's version."""
    weaker: str
    """Why it is not the one wished for; '' when it is."""
    topics: int
    examples: int
    accuracy: float
    """Share of its own examples that it recognises without having learnt them."""
    questions: Mapping[str, int] = field(default_factory=dict)
    """Calibration questions by language."""
    certified: Mapping[str, float | None] = field(default_factory=dict)
    """Share of them that a certificate lets be answered; None where none can be had."""
    reach: Mapping[str, float] = field(default_factory=dict)
    """The same without the steps of the certificate's eight thresholds: comparable to the point."""

    def plain(self) -> dict[str, JSON]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be judged."""

    candidate: Path
    current: Path | None
    """None: there is nothing to compare with."""
    known: Mapping[str, Mapping[str, JSON]]
    """What was measured of `current`, by `basis`."""
    brands: Mapping[str, Brand]
    engine: str
    models: Path | None
    alpha: float
    delta: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it."""

    version: str
    """Of the candidate; '' when its files cannot be read."""
    content: str
    basis: str
    measures: Measures | None
    before: Measures | None
    before_basis: str = ""
    """Under what `before` is remembered; '' where it was measured on the candidate's questions."""
    fallen: tuple[str, ...] = ()
    """Why it may not take the other's place, a sentence each."""
    against: str = ""
    """The version it was compared with; '' for none."""
    wording_only: bool = False
    """Nothing that is learnt or measured has changed."""

    @property
    def passes(self) -> bool:
        """Whether it may."""
        return not self.fallen


def judge(trial: Trial, told: Told | None = None) -> Verdict:
    """Learn, measure and compare. Takes as long as training does; keeps what was learnt on file."""
    against = trial.current.name if trial.current else ""
    return replace(_judged(trial, told or _silent), against=against)


def _judged(trial: Trial, tell: Told) -> Verdict:
    digest = content(trial.candidate)
    try:
        version = load(trial.candidate).version
        questions = _questions(trial.candidate)
    except KnowledgeError as error:
        return Verdict("", digest, "", None, None, fallen=(f"it cannot be read: {error}",))
    if not questions and trial.current is not None:
        questions = _questions(trial.current)
    own, other = basis(trial, trial.candidate), basis(trial, trial.current)
    if other and own == other and (known := trial.known.get(other)):
        same = Measures(**known)  # type: ignore[arg-type]  # written by `plain`
        return Verdict(version, digest, own, same, same, other, wording_only=True)
    try:
        measures = measure(trial, trial.candidate, questions, tell)
    except TrainingError as error:
        return Verdict(version, digest, own, None, None, fallen=(f"training: {error}",))
    if trial.current is None:
        return Verdict(version, digest, own, measures, None)
    if own == other:
        return Verdict(version, digest, own, measures, measures, other, wording_only=True)
    known = trial.known.get(other, {}) if _same_questions(trial) else {}
    # The wish for an engine may have been met by a weaker one, or by an earlier release's.
    if known.get("engine") == measures.engine:
        before = Measures(**known)  # type: ignore[arg-type]  # written by `plain`
    else:
        tell("measuring the version in force, to compare")
        try:
            before = measure(trial, trial.current, questions, tell)
        except (KnowledgeError, TrainingError) as error:
            # It cannot be learnt again by this engine: the candidate, which can, is no step back.
            tell(f"the version in force cannot be measured: {error}")
            return Verdict(version, digest, own, measures, None)
    return Verdict(version, digest, own, measures, before, other, tuple(compare(before, measures)))


def compare(before: Measures, now: Measures) -> list[str]:
    """What has fallen by more than chance explains, a sentence each."""
    fallen = []
    if now.accuracy < before.accuracy - ACCURACY_FALL:
        fallen.append(
            f"it recognises {now.accuracy:.1%} of the examples it has not learnt, the version in"
            f" force {before.accuracy:.1%}: more than {ACCURACY_FALL:.0%} less"
        )
    for language, certified in before.certified.items():
        if certified is None:
            continue
        if now.certified.get(language) is None:
            fallen.append(
                f"no certificate can be had for {language}: nothing would be answered by itself;"
                f" the version in force answers {certified:.1%} of the calibration questions"
            )
        elif now.reach.get(language, 0.0) < before.reach[language] - COVERAGE_FALL:
            fallen.append(
                f"{now.reach.get(language, 0.0):.1%} of the {language} calibration questions could be"
                f" answered, with the version in force {before.reach[language]:.1%}: more than"
                f" {COVERAGE_FALL:.0%} less"
            )
    return fallen


def measure(
    trial: Trial, folder: Path, questions: Sequence[ReviewedQuestion], tell: Told
) -> Measures:
    """Learn one version, or load what was learnt, and measure it.

    Raises `KnowledgeError`, `TrainingError`.
    """
    knowledge = load(folder)
    texts, labels = knowledge.training()
    encoders = Shelf()
    untrained, weaker = best_engine(trial.engine, encoders)
    tell(f"learning {len(texts)} examples of {len(knowledge.topics)} topics")
    classifier = trained(untrained, texts, labels, encoders, trial.models)
    tell("asking it about examples it has not learnt")
    accuracy = unseen(classifier, texts, labels).accuracy
    answerer = Answerer(knowledge, classifier, trial.brands, weaker)
    counts, certified, reach = {}, {}, {}
    for language in knowledge.languages:
        scope = f"*/{language}/normal"
        own = [
            case
            for case in questions
            if in_scope(scope, case.brand, answerer.language(case.question()), "normal")
        ]
        tell(f"asking {len(own)} calibration questions ({language})")
        verdicts = review(answerer, own, scope)
        threshold = certify(verdicts, trial.alpha, trial.delta)
        counts[language] = len(own)
        certified[language] = threshold.answered / len(own) if threshold else None
        reach[language] = farthest(verdicts, trial.alpha, trial.delta) / max(1, len(own))
    return Measures(
        classifier.version, weaker, len(knowledge.topics), len(texts), accuracy, counts, certified,
        reach,
    )  # fmt: skip


def farthest(reviewed: Sequence[Reviewed], alpha: float, delta: float) -> int:
    """The most cases that could be answered if any score could be the threshold: no certificate,
    but it moves by single cases, where a certificate moves by a tenth of them."""
    ordered = sorted(reviewed, key=lambda case: -case.score)
    wrong = farthest_yet = 0
    for count, case in enumerate(ordered, 1):
        wrong += not case.correct
        last_of_its_score = count == len(ordered) or ordered[count].score < case.score
        if last_of_its_score and upper_bound(wrong, count, delta / len(COVERAGES)) <= alpha:
            farthest_yet = count
    return farthest_yet


def basis(trial: Trial, folder: Path | None) -> str:
    """A digest of all that a version's measures depend on: its files but the answers' wording, the
    engine and the promise; '' for no folder."""
    if folder is None:
        return ""
    whole = hashlib.sha256(f"{trial.engine} {trial.alpha} {trial.delta}\0".encode())
    whole.update(repr(sorted(trial.brands)).encode())
    for name, path in files(folder):
        if not name.endswith(".j2"):
            data = path.read_bytes()
            whole.update(f"{name}\0{len(data)}\0".encode())
            whole.update(data)
    return whole.hexdigest()[:32]


def _questions(folder: Path) -> list[ReviewedQuestion]:
    path = folder / CALIBRATION
    return load_reviewed(path) if path.is_file() else []


def _same_questions(trial: Trial) -> bool:
    """Whether what is known of the version in force was measured on the candidate's questions."""
    assert trial.current is not None  # noqa: S101 - told apart by the caller
    mine, theirs = (folder / CALIBRATION for folder in (trial.candidate, trial.current))
    if not mine.is_file():
        return True
    return theirs.is_file() and mine.read_bytes() == theirs.read_bytes()


def _silent(_: str) -> None:
    """Nobody listens."""
