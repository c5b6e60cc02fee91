"""Decides what to do with a question: answer, suggest, ask, route or escalate. Pure.

Order of thought: safety and complaint words, the reply to our own question, the other rules
(callback, person, thanks), high risk, then the classifier inside or outside a certificate. Where two
ways are open, the one that brings in a person is taken.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.answers.assess import LIKELY, Assessment, Assessor, Heard
from gateway.answers.case import Case, make_case
from gateway.answers.dialogue import read_choice, read_solved
from gateway.answers.engine import Classifier
from gateway.answers.engines import Shelf, best_engine
from gateway.answers.knowledge import Knowledge, Topic, load
from gateway.answers.models import trained
from gateway.answers.wording import Wording, announced
from gateway.domain.announcement import Announcement
from gateway.domain.decision import Certificate, Decision, Question, Verb
from gateway.domain.model import JSON, Brand


def build_answerer(
    templates: Path,
    brands: Mapping[str, Brand],
    *,
    engine: str = "lexical",
    models: Path | None = None,
    keep: bool = True,
) -> "Answerer":
    """Load the knowledge base and an engine that knows it.

    Args:
        templates: the knowledge base.
        brands: the brands it answers for, by id.
        engine: a name of `ENGINES`; a weaker one is taken where it does not run (`weaker` says so).
        models: a folder where trained engines are kept: a start without training takes two seconds.
        keep: whether one that is trained here goes to that folder.

    Raises `KnowledgeError` or `TrainingError`.
    """
    knowledge = load(templates)
    texts, labels = knowledge.training()
    encoders = Shelf()
    untrained, weaker = best_engine(engine, encoders)
    classifier = trained(untrained, texts, labels, encoders, models, keep=keep)
    return Answerer(knowledge, classifier, brands, weaker, encoders.encode_all)


class Answerer:
    """Answers from one knowledge base with one trained classifier, for all brands."""

    def __init__(
        self,
        knowledge: Knowledge,
        classifier: Classifier,
        brands: Mapping[str, Brand],
        weaker: str = "",
        encode: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        self.knowledge = knowledge
        self._encode = encode
        self.weaker = weaker
        """Why another engine answers than was wished for; '' when it is that one."""
        self.version = f"{knowledge.version}.{classifier.version}"
        """What certificates are bound to: the files and the engine."""
        self._brands = brands
        self._assessor = Assessor(knowledge, classifier)
        self._wording = Wording(knowledge)
        self._thanks = next((t for t in knowledge.topics.values() if t.control == "thanks"), None)

    # ------------------------------------------------------------ what callers ask

    def foresee(self, questions: Iterable[Question]) -> None:
        """Encode all that these questions say in one batch, before they are decided one by one:
        a text costs about a fifth of what it costs alone. Changes no decision."""
        cases = [make_case(q, self._brands, self.knowledge.languages) for q in questions]
        self._encode([part for c in cases for part in self._assessor.parts(c.text, c.subject)])

    def decide(self, question: Question, certificates: Sequence[Certificate]) -> Decision:
        """What to do with `question`; `certificates` are those in force now."""
        case = make_case(question, self._brands, self.knowledge.languages)
        heard = self._assessor.rule(case.rule_text)
        # "No, and I was robbed" is a robbery first and a reply second.
        if heard is None or not heard.topic.high_risk:
            replied = self._by_reply(case, certificates)
            if replied is not None:
                return replied
        if heard is not None:
            return self._control(case, heard, self._assessor.assess(case.text, case.subject))
        return self._by_topic(case, certificates)

    def assess(self, question: Question) -> Assessment | None:
        """The classifier's view if it alone could lead to an automatic answer, else None: a rule
        decides, a risk is seen, or two topics are."""
        case = make_case(question, self._brands, self.knowledge.languages)
        if not case.served or self._assessor.rule(case.rule_text):
            return None
        seen = self._assessor.assess(case.text, case.subject)
        return seen if self._barrier(case, seen) == "" and not seen.risky else None

    def language(self, question: Question) -> str:
        """The language of the knowledge base in which `question` would be answered."""
        return make_case(question, self._brands, self.knowledge.languages).language

    def notice(self, name: str, question: Question) -> str:
        """A notice by itself ('redacted' …), in the language, form and brand of `question`."""
        case = make_case(question, self._brands, self.knowledge.languages)
        return self._wording.notice(case, name)

    def over(self, question: Question, announcement: Announcement) -> tuple[str, str]:
        """What is said when an announcement is over, and its language."""
        case = make_case(question, self._brands, self.knowledge.languages)
        return self._wording.over(case, announcement), case.language

    # ------------------------------------------------------------ the order of thought

    def _by_reply(self, case: Case, certificates: Sequence[Certificate]) -> Decision | None:
        """The customer replies to what we asked; None when it is no reply to it."""
        dialogue = case.question.dialogue
        topics = self.knowledge.topics
        topic = topics.get(str(dialogue.get("topic", "")))
        options = [str(option) for option in case.items("options")]
        match dialogue.get("pending"):
            case "solved?" if topic is not None:
                thanks = self._thanks.phrases if self._thanks else None
                match read_solved(case.text, self.knowledge, thanks):
                    case True:
                        return self._solved(case, topic)
                    case False:
                        return self._not_solved(case, topic, "customer says not solved")
            case "brand?" if topic is not None:
                brands = [self._brands[option] for option in options if option in self._brands]
                chosen = read_choice(case.text, [[b.name, *b.names.values()] for b in brands])
                if chosen is not None:
                    sure = dialogue.get("confidence")
                    seen = _certain(topic, sure if isinstance(sure, float) else 0.0)
                    return self._settle(case.with_brand(brands[chosen]), seen, certificates)
            case "topic?":
                offered = [topics[option] for option in options if option in topics]
                chosen = read_choice(case.text, [[*t.titles.values()] for t in offered])
                if chosen is not None:
                    # The customer has said which matter it is: nothing is left to guess.
                    return self._settle(case, _certain(offered[chosen]), certificates)
        return None

    def _by_topic(self, case: Case, certificates: Sequence[Certificate]) -> Decision:
        seen = self._assessor.assess(case.text, case.subject)
        if seen.risky:
            seen = replace(seen, confidence=seen.risk)
            return self._escalate(case, self.knowledge.topics[seen.risky], seen, "high_risk")
        topic = self.knowledge.topics.get(seen.topic)
        if topic is not None and topic.control and seen.confidence >= LIKELY:
            return self._control(case, Heard(topic, ""), seen)
        return self._settle(case, seen, certificates)

    def _settle(
        self, case: Case, seen: Assessment, certificates: Sequence[Certificate]
    ) -> Decision:
        """A matter with a confidence: answer it, ask, suggest it, or leave it to a person."""
        if barrier := self._barrier(case, seen):
            return self._to_person(case, seen, barrier)
        topic = self.knowledge.topics[seen.topic]
        if topic.id in case.items("answered"):
            return self._not_solved(case, topic, "already_answered")
        permit = self._permit(case, certificates)
        # A question that was not understood is not asked twice.
        asked = (
            case.question.dialogue.get("pending") in {"brand?", "topic?"} or case.question.public
        )
        if permit is None:
            return self._to_person(case, seen, "no_certificate")
        if seen.confidence >= permit.threshold:
            if not case.must_ask_brand or not self.knowledge.differs_by_brand(topic.id):
                return self._answer(case, topic, seen, permit)
            if asked:
                return self._to_person(case, seen, "brand unknown")
            return self._ask_brand(case, seen)
        reason = f"threshold {permit.threshold:.3f} > {seen.confidence:.3f}"
        if not asked and self._close_pair(seen, permit):
            return self._ask_topic(case, seen, f"{reason}, two close topics")
        return self._to_person(case, seen, reason, permit)

    def _barrier(self, case: Case, seen: Assessment) -> str:
        """Why this may never be answered by itself, whatever the confidence; '' when it may."""
        topic = self.knowledge.topics.get(seen.topic)
        if topic is None:
            return "empty"
        if not case.served:
            return "language_not_served"
        if topic.high_risk or topic.control:
            return "topic_for_people"
        return "two_topics" if seen.also else ""

    def _permit(self, case: Case, certificates: Sequence[Certificate]) -> Certificate | None:
        """The certificate that covers the case, the most specific where several do."""
        covering = [
            certificate
            for certificate in certificates
            if certificate.knowledge == self.version
            and in_scope(certificate.scope, case.brand_id, case.language, "normal")
        ]
        return min(covering, key=lambda c: (c.scope.count("*"), c.threshold), default=None)

    def _close_pair(self, seen: Assessment, permit: Certificate) -> bool:
        """Neither of two topics is sure enough, but together they are: worth a question."""
        pair = [self.knowledge.topics[name] for name, _ in seen.top[:2]]
        if len(pair) < 2 or any(t.high_risk or t.control for t in pair):
            return False
        return seen.top[0][1] + seen.top[1][1] >= max(permit.threshold, LIKELY)

    # ------------------------------------------------------------ the decisions

    def _answer(self, case: Case, topic: Topic, seen: Assessment, permit: Certificate) -> Decision:
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

    def _to_person(
        self, case: Case, seen: Assessment, reason: str, permit: Certificate | None = None
    ) -> Decision:
        """Acknowledge; the agent gets the draft when the topic is likely."""
        likely = self.knowledge.topics.get(seen.topic) if seen.confidence >= LIKELY else None
        return self._decision(
            case,
            Verb.SUGGEST if likely else Verb.ROUTE,
            likely,
            seen,
            reason if likely or not seen.topic else f"unlikely {seen.confidence:.3f}",
            self._wording.to_person(case, "acknowledge", likely),
            suggestion=self._wording.draft(case, likely) if likely else "",
            evidence=_evidence(permit) if permit else None,
        )

    def _escalate(
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

    def _control(self, case: Case, heard: Heard, seen: Assessment) -> Decision:
        """A rule's own way; the classifier still says which queue knows the matter."""
        topic = heard.topic
        evidence: dict[str, JSON] = {"rule": topic.control, "phrase": heard.phrase}
        reason = f"rule {topic.control}"
        if topic.control == "thanks":
            text = self._wording.courtesy(case, topic)
            return self._decision(
                case, Verb.ANSWER, topic, _certain(topic), reason, text, evidence=evidence
            )
        if topic.high_risk:
            return self._escalate(case, topic, seen, reason, evidence)
        matter = self.knowledge.topics.get(seen.risky or seen.topic)
        if matter is None or matter.control or (seen.confidence < LIKELY and not seen.risky):
            matter = None
        return self._decision(
            case,
            Verb.ROUTE,
            topic,
            seen,
            reason,
            self._wording.advice(case, topic, matter),
            suggestion=self._wording.draft(case, matter) if matter else "",
            matter=matter,
            evidence=evidence,
        )

    def _solved(self, case: Case, topic: Topic) -> Decision:
        thanks = self._thanks or topic
        text = self._wording.courtesy(case, self._thanks) if self._thanks else ""
        evidence: dict[str, JSON] = {"solved": True, "solved_topic": topic.id}
        return self._decision(
            case, Verb.ANSWER, thanks, _certain(thanks), "customer says solved", text,
            dialogue={**case.kept(), "topic": topic.id}, evidence=evidence,
        )  # fmt: skip

    def _not_solved(self, case: Case, topic: Topic, reason: str) -> Decision:
        """A person goes on where the answer left off; the dialogue says which steps are done."""
        text = self._wording.to_person(case, "not_solved", topic)
        return self._decision(
            case, Verb.ROUTE, topic, _certain(topic), reason, text, evidence={"solved": False}
        )

    def _ask_brand(self, case: Case, seen: Assessment) -> Decision:
        brands = list(self._brands.values())
        names = [brand.names.get(case.language, brand.name) for brand in brands]
        dialogue: dict[str, JSON] = {
            "pending": "brand?",
            "topic": seen.topic,
            "confidence": seen.confidence,
            "options": [brand.id for brand in brands],
        }
        text = self._wording.ask(case, "which_brand", names)
        return self._decision(
            case, Verb.ASK, self.knowledge.topics[seen.topic], seen, "brand unknown", text,
            dialogue={**case.kept(), **dialogue},
        )  # fmt: skip

    def _ask_topic(self, case: Case, seen: Assessment, reason: str) -> Decision:
        pair = [self.knowledge.topics[name] for name, _ in seen.top[:2]]
        dialogue: dict[str, JSON] = {"pending": "topic?", "options": [topic.id for topic in pair]}
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
            announced=tuple(a.id for a in announced(case, about)) if verb is not Verb.ASK else (),
            dialogue=left,
            evidence={
                "knowledge": self.version,
                "brand": case.brand_id,
                "segment": seen.segment,
                **(evidence or {}),
            },
        )


def in_scope(scope: str, brand: str, language: str, risk: str) -> bool:
    """Whether 'brand/language/risk' of a certificate covers these; '*' stands for any."""
    wanted = scope.split("/")
    have = (brand, language, risk)
    return len(wanted) == len(have) and all(
        part in ("*", value) for part, value in zip(wanted, have, strict=True)
    )


def _certain(topic: Topic, confidence: float = 1.0) -> Assessment:
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
