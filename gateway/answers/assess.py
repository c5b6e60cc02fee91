"""What a message is about and how sure that is, before any policy says what to do with it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gateway.answers.engine import Classifier, Matrix
from gateway.answers.knowledge import BACKGROUND, Knowledge, Topic
from gateway.answers.text import bare, segments

#: Confidence from which a topic counts as likely without any certificate.
LIKELY = 0.5
#: High-risk matters are taken to a person on a weaker hint: a false alarm costs a glance.
RISK_HINT = 0.35
#: The same in a part that does not decide: letters tell stories.
RISK_ELSEWHERE = 0.6
#: What is left of a message of thanks when the thanks are taken out: a name, a particle.
THANKS_REST = 4
_TOP = 3
#: Parts that the classifier is asked about at once: more cost memory and save no time.
_BATCH = 128
#: The background whose lines are dropped from sentences that say more.
COURTESIES = f"{BACKGROUND}boilerplate"
#: Phrases that outrank others come first: "fraud, call me" is fraud, and a life is more than money.
_CONTROL_ORDER = (
    "danger",
    "safety",
    "complaint",
    "guarded",
    "callback",
    "person",
    "status",
    "contact",
    "thanks",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A rule that applies: its topic and the phrase that was found."""

    topic: Topic
    phrase: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The classifier's view of a message."""

    topic: str = ""
    """The likeliest topic; '' only for a message without any words, or where no topic was learnt."""
    confidence: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    also: str = ""
    """Another topic that another part of the message is clearly about."""
    also_confidence: float = 0.0
    apart: bool = False
    """The two topics are the only ones, and each is clear in sentences that the other has no part
    in: two matters, not two views of one."""
    risky: str = ""
    """A high-risk topic that some part of the message hints at, with its score."""
    risk: float = 0.0
    segment: int = -1
    """Which part decided, counted from 0."""

    @property
    def weakest(self) -> float:
        """The confidence that every topic of the message has at least."""
        return min(self.confidence, self.also_confidence) if self.also else self.confidence


class Rules:
    """The rules of a knowledge base, which need no engine."""

    def __init__(self, knowledge: Knowledge) -> None:
        topics = [topic for topic in knowledge.topics.values() if topic.phrases is not None]
        self._rules = [[t for t in topics if t.control == control] for control in _CONTROL_ORDER]

    def hear(self, text: str) -> Heard | None:
        """The first rule, in order of weight, that the text triggers; of several topics of one
        weight the one with the fuller phrase ("my complaint was rejected" is more than a complaint)."""
        for topics in self._rules:
            heard = [Heard(topic, phrase) for topic in topics if (phrase := _trigger(topic, text))]
            if heard:
                return max(heard, key=lambda rule: len(rule.phrase))
        return None


class Assessor:
    """Applies the rules and the trained classifier of one knowledge base. Pure."""

    def __init__(self, knowledge: Knowledge, classifier: Classifier) -> None:
        self._classifier = classifier
        self._labels = classifier.labels
        self._columns = [i for i, label in enumerate(self._labels) if label in knowledge.topics]
        self._risky = {t.id for t in knowledge.topics.values() if t.high_risk}
        self._courtesies = frozenset(
            bare(line) for line in knowledge.background.get(COURTESIES, ())
        )
        self._rules = Rules(knowledge)
        self._foreseen: dict[str, Matrix] = {}

    def rule(self, text: str) -> Heard | None:
        """The rule that the text triggers."""
        return self._rules.hear(text)

    def parts(self, text: str, subject: str = "") -> list[str]:
        """The pieces of a message that the classifier is asked about."""
        return segments(text, subject, self._courtesies)

    def foresee(self, parts: Iterable[str]) -> None:
        """Ask the classifier about all these parts in one go, in place of those of the last call: a
        part costs about a fifth of what it costs alone."""
        distinct = list(dict.fromkeys(parts))
        self._foreseen = {}
        for at in range(0, len(distinct), _BATCH):
            batch = distinct[at : at + _BATCH]
            self._foreseen |= zip(batch, self._classifier.posterior(batch), strict=True)

    def _posterior(self, parts: list[str]) -> Matrix:
        if all(part in self._foreseen for part in parts):
            return np.stack([self._foreseen[part] for part in parts])
        return self._classifier.posterior(parts)

    def _objects_from(self, label: str, *, decides: bool) -> float:
        """How sure it has to be that a part is about `label` for the message to be about that too. A
        hint in the part that decides counts more than one in passing."""
        if label in self._risky:
            return RISK_HINT if decides else RISK_ELSEWHERE
        return LIKELY

    def assess(self, text: str, subject: str = "") -> Assessment:
        """The strongest part of the message decides; other parts may object (`also`, `risky`)."""
        parts = self.parts(text, subject)
        if not parts or not self._columns:
            return Assessment()
        posterior = self._posterior(parts)
        topical = posterior[:, self._columns]
        best = int(topical.max(axis=1).argmax())
        ranked = self._ranked(posterior[best])
        topic, confidence = ranked[0]
        clear: dict[str, float] = {}
        for i, row in enumerate(posterior):
            label, score = self._labels[int(row.argmax())], float(row.max())
            if score >= self._objects_from(label, decides=i == best):
                clear[label] = max(score, clear.get(label, 0.0))
        risky = max((t for t in clear if t in self._risky), key=clear.__getitem__, default="")
        others = [t for t in clear if t != topic and not t.startswith(BACKGROUND)]
        also = max(others, key=clear.__getitem__, default="")
        elsewhere = 0.0
        if also:
            rest = [i for i, part in enumerate(parts) if not _share(parts, part, parts[best])]
            column = posterior[rest, self._labels.index(also)]
            elsewhere = round(float(column.max(initial=0.0)), 6)
        return Assessment(
            topic=topic,
            confidence=confidence,
            top=tuple(ranked),
            also=also,
            also_confidence=elsewhere,
            apart=len(others) == 1 and elsewhere >= LIKELY,
            risky=risky,
            risk=round(clear.get(risky, 0.0), 6),
            segment=best,
        )

    def _ranked(self, scores: Matrix) -> list[tuple[str, float]]:
        """The likeliest topics of a part, the background left out."""
        ranked = []
        for i in (-scores).argsort(kind="stable"):
            if not self._labels[i].startswith(BACKGROUND):
                ranked.append((self._labels[i], round(float(scores[i]), 6)))
                if len(ranked) == _TOP:
                    break
        return ranked


def _share(parts: list[str], one: str, other: str) -> bool:
    """Whether two parts of a message, sentences or pairs of them, have a sentence in common."""
    return any(part in one and part in other for part in parts)


def _trigger(topic: Topic, text: str) -> str:
    """The phrase of a topic's rule that the text contains, '' where there is none."""
    assert topic.phrases is not None  # noqa: S101 - told apart by the caller
    if topic.control == "thanks":
        return "thanks" if topic.phrases.fill(text, THANKS_REST) else ""
    return topic.phrases.find(text)
