"""Makes decisions: the words for the customer, the draft for the agent, and what the dialogue keeps.

Which one is made is the answerer's matter (`answerer.py`); here is what each consists of. Pure.
"""

from collections.abc import Mapping

from gateway.answers.assess import LIKELY, Assessment, Heard
from gateway.answers.case import Case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.rendering import brand_name
from gateway.answers.tables import compiled
from gateway.answers.wording import Wording
from gateway.domain.decision import Certificate, Decision, Verb
from gateway.domain.model import JSON, Brand


class Decisions:
    """The decisions that one knowledge base can come to. `version` is stamped on each."""

    def __init__(self, knowledge: Knowledge, brands: Mapping[str, Brand], version: str) -> None:
        self._knowledge = knowledge
        self._brands = brands
        self._version = version
        self._wording = Wording(knowledge, compiled(knowledge.tables, brands))
        self._thanks = next((t for t in knowledge.topics.values() if t.control == "thanks"), None)

    def notice(self, case: Case, name: str) -> str:
        """A notice by itself ('redacted' …)."""
        return self._wording.notice(case, name)

    def differ_by_brand(self, case: Case, topic: Topic) -> bool:
        """Whether the answer depends on which brand the customer uses: by what the brands set, or
        by a row of theirs that is named."""
        return self._knowledge.differs_by_brand(topic.id) or bool(self._wording.named(case, topic))

    def answer(self, case: Case, topic: Topic, seen: Assessment, permit: Certificate) -> Decision:
        done = dict.fromkeys([*map(str, case.items("done")), *topic.checklist])
        dialogue: dict[str, JSON] = {
            **case.kept(),
            "topic": topic.id,
            "answered": [*case.items("answered"), topic.id],
            "done": list(done),
            "step": len(topic.checklist),
        }
        if not case.question.public:
            dialogue["pending"] = "solved?"
        return self._decision(
            case,
            Verb.ANSWER,
            topic,
            seen,
            f"threshold {permit.threshold:.3f} <= {seen.confidence:.3f}",
            self._wording.answer(case, topic),
            dialogue=dialogue,
            evidence=_evidence(permit),
        )

    def to_person(
        self, case: Case, seen: Assessment, reason: str, permit: Certificate | None = None
    ) -> Decision:
        """Acknowledge; the agent gets the draft when the topic is likely."""
        likely = self._knowledge.topics.get(seen.topic) if seen.confidence >= LIKELY else None
        return self._decision(
            case,
            Verb.SUGGEST if likely else Verb.ROUTE,
            likely,
            seen,
            reason if likely or not seen.topic else f"unlikely {seen.confidence:.3f}",
            self._wording.to_person(case, "acknowledge"),
            suggestion=self._wording.draft(case, likely) if likely else "",
            evidence=_evidence(permit) if permit else None,
        )

    def escalate(
        self,
        case: Case,
        topic: Topic,
        seen: Assessment,
        reason: str,
        evidence: Mapping[str, JSON] | None = None,
    ) -> Decision:
        """Safety advice at once, then a person; never closed by this."""
        text = self._wording.advice(case, topic)
        return self._decision(case, Verb.ESCALATE, topic, seen, reason, text, evidence=evidence)

    def control(self, case: Case, heard: Heard, seen: Assessment) -> Decision:
        """A rule's own way; the classifier still says which queue knows the matter."""
        topic = heard.topic
        evidence: dict[str, JSON] = {"rule": topic.control, "phrase": heard.phrase}
        reason = f"rule {topic.control}"
        if topic.control == "thanks":
            text = self._wording.courtesy(case, topic)
            return self._decision(
                case, Verb.ANSWER, topic, certain(topic), reason, text, evidence=evidence
            )
        if topic.high_risk:
            return self.escalate(case, topic, seen, reason, evidence)
        matter = self._knowledge.topics.get(seen.risky or seen.topic)
        if matter is None or matter.control or (seen.confidence < LIKELY and not seen.risky):
            matter = None
        return self._decision(
            case,
            Verb.ROUTE,
            topic,
            seen,
            reason,
            self._wording.advice(case, topic),
            suggestion=self._wording.draft(case, matter) if matter else "",
            matter=matter,
            evidence=evidence,
        )

    def solved(self, case: Case, topic: Topic) -> Decision:
        thanks = self._thanks or topic
        text = self._wording.courtesy(case, self._thanks) if self._thanks else ""
        evidence: dict[str, JSON] = {"solved": True, "solved_topic": topic.id}
        return self._decision(
            case, Verb.ANSWER, thanks, certain(thanks), "customer says solved", text,
            dialogue={**case.kept(), "topic": topic.id}, evidence=evidence,
        )  # fmt: skip

    def not_solved(self, case: Case, topic: Topic, reason: str) -> Decision:
        """A person goes on where the answer left off; the dialogue says which steps are done."""
        text = self._wording.to_person(case, "not_solved")
        return self._decision(
            case, Verb.ROUTE, topic, certain(topic), reason, text, evidence={"solved": False}
        )

    def ask_brand(self, case: Case, seen: Assessment) -> Decision:
        brands = list(self._brands.values())
        names = [brand_name(brand, case.language, case.script) for brand in brands]
        named = self._wording.named(case, self._knowledge.topics[seen.topic])
        dialogue: dict[str, JSON] = {
            "pending": "brand?",
            "topic": seen.topic,
            "confidence": seen.confidence,
            "options": [brand.id for brand in brands],
            **({"named": [*named]} if named else {}),
        }
        text = self._wording.ask(case, "which_brand", names)
        return self._decision(
            case, Verb.ASK, self._knowledge.topics[seen.topic], seen, "brand unknown", text,
            dialogue={**case.kept(), **dialogue},
        )  # fmt: skip

    def ask_topic(self, case: Case, seen: Assessment, reason: str) -> Decision:
        pair = [self._knowledge.topics[name] for name, _ in seen.top[:2]]
        named = dict.fromkeys(word for topic in pair for word in self._wording.named(case, topic))
        dialogue: dict[str, JSON] = {
            "pending": "topic?",
            "options": [topic.id for topic in pair],
            **({"named": [*named]} if named else {}),
        }
        text = self._wording.ask(case, "which_topic", [t.titles[case.language] for t in pair])
        return self._decision(
            case, Verb.ASK, pair[0], seen, reason, text, dialogue={**case.kept(), **dialogue}
        )

    def _decision(
        self,
        case: Case,
        verb: Verb,
        topic: Topic | None,
        seen: Assessment,
        reason: str,
        reply: str,
        *,
        suggestion: str = "",
        matter: Topic | None = None,
        dialogue: Mapping[str, JSON] | None = None,
        evidence: Mapping[str, JSON] | None = None,
    ) -> Decision:
        """`matter` is what it is about where `topic` is only how it was asked (a person, a call)."""
        left = dict(dialogue) if dialogue is not None else case.kept()
        about = matter or topic
        if about is not None and (not about.control or "topic" not in left):
            left["topic"] = about.id
        return Decision(
            verb=verb,
            topic=topic.id if topic else "",
            confidence=seen.confidence,
            top=seen.top,
            language=case.language,
            reason=reason,
            queue=about.queue if about else "",
            urgent=bool(about and about.urgent),
            high_risk=bool(about and about.high_risk),
            reply=reply,
            suggestion=suggestion,
            dialogue=left,
            evidence={
                "knowledge": self._version,
                "brand": case.brand_id,
                "segment": seen.segment,
                **(evidence or {}),
            },
        )


def certain(topic: Topic, confidence: float = 1.0) -> Assessment:
    return Assessment(topic.id, confidence, ((topic.id, confidence),))


def _evidence(permit: Certificate) -> dict[str, JSON]:
    return {
        "certificate": permit.id,
        "scope": permit.scope,
        "threshold": permit.threshold,
        "alpha": permit.alpha,
        "delta": permit.delta,
        "origin": permit.origin,
    }
