"""Decides what to do with a question: answer, suggest, ask, route or escalate. Pure.

Order of thought: safety and complaint words, the reply to our own question, the other rules
(callback, person, thanks), high risk, then the classifier inside or outside a certificate. Where two
ways are open, the one that brings in a person is taken. What each decision consists of is in
`decisions.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.answers.assess import LIKELY, Assessment, Assessor, Heard
from gateway.answers.case import Case, make_case
from gateway.answers.decisions import Decisions, certain
from gateway.answers.dialogue import MISSED, read_choice, read_neither, read_solved
from gateway.answers.engine import Classifier
from gateway.answers.engines import Shelf, best_engine
from gateway.answers.how_long import asks_how_long
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.loading import Trusting, load
from gateway.answers.models import trained
from gateway.answers.promising import check_brands
from gateway.domain.announcement import Announcement
from gateway.domain.decision import Certificate, Decision, Question
from gateway.domain.model import Brand
from gateway.domain.waiting import Notice

#: Rules that bring in a person because the customer wishes for one.
_WISHES = ("person", "callback")
#: What a rule may hear in the question how long a person still takes: nothing, or the person.
_OPEN = ("", "person", "status")


def build_answerer(
    templates: Path,
    brands: Mapping[str, Brand],
    *,
    engine: str = "default",
    models: Path | None = None,
    keep: bool = True,
    checked: bool = False,
) -> "Answerer":
    """Load the knowledge base and an engine that knows it.

    Args:
        templates: the knowledge base.
        brands: the brands it answers for, by id.
        engine: a name of `ENGINES`; a weaker one is taken where it does not run (`weaker` says so).
        models: a folder where trained engines are kept: what one start has learnt the next one finds.
        keep: whether one that is trained here goes to that folder.
        checked: the knowledge base was read without a fault before: its templates are not looked at.

    Raises `KnowledgeError`, `TrainingError`, or `SettingsError` for a promise that is no number.
    """
    knowledge = load(templates, Trusting(templates) if checked else None)
    check_brands(knowledge.working_days, brands)
    texts, labels = knowledge.training()
    encoders = Shelf()
    untrained, weaker = best_engine(engine, encoders)
    classifier = trained(untrained, texts, labels, encoders, models, keep=keep)
    return Answerer(knowledge, classifier, brands, weaker)


class Answerer:
    """Answers from one knowledge base with one trained classifier, for all brands."""

    def __init__(
        self,
        knowledge: Knowledge,
        classifier: Classifier,
        brands: Mapping[str, Brand],
        weaker: str = "",
    ) -> None:
        self.knowledge = knowledge
        self.weaker = weaker
        """Why another engine answers than was wished for; '' when it is that one."""
        self.version = f"{knowledge.version}.{classifier.version}"
        """What certificates are bound to: the files and the engine."""
        self.brands = brands
        """Whom it answers for, by id."""
        self._assessor = Assessor(knowledge, classifier)
        self._say = Decisions(knowledge, brands, self.version)
        thanks = next((t for t in knowledge.topics.values() if t.control == "thanks"), None)
        self._thanks = thanks.phrases if thanks else None

    # ------------------------------------------------------------ what callers ask

    def foresee(self, questions: Iterable[Question]) -> None:
        """Ask the classifier about all that these questions say in one go, before they are decided
        one by one. Sums of 32-bit numbers depend on their order: a confidence may differ in its
        third decimal place from that of the question alone."""
        self._assessor.foresee(self.parts(questions))

    def parts(self, questions: Iterable[Question]) -> list[str]:
        """The pieces of these questions that the classifier is asked about."""
        cases = [make_case(q, self.brands, self.knowledge.languages) for q in questions]
        return [part for c in cases for part in self._assessor.parts(c.text, c.subject)]

    def decide(self, question: Question, certificates: Sequence[Certificate]) -> Decision:
        """What to do with `question`; `certificates` are those in force now."""
        case = make_case(question, self.brands, self.knowledge.languages)
        heard = self._assessor.rule(case.rule_text)
        # "No, and I was robbed" is a robbery first and a reply second.
        if heard is None or not heard.topic.high_risk:
            replied = self._by_reply(case, heard, certificates)
            if replied is not None:
                return replied
        if heard is not None:
            return self._say.control(case, heard, self._assessor.assess(case.text, case.subject))
        return self._by_topic(case, certificates)

    def assess(self, question: Question) -> Assessment | None:
        """The classifier's view if it alone could lead to an automatic answer, else None: a rule
        decides, a risk is seen, or a person reads it in any case. With two topics the confidence is
        that of the less sure one, and the answer is right only if both are."""
        case = make_case(question, self.brands, self.knowledge.languages)
        if not case.served or self._assessor.rule(case.rule_text):
            return None
        seen = self._assessor.assess(case.text, case.subject)
        if seen.risky or self._barrier(case, seen) or self.knowledge.topics[seen.topic].hand_over:
            return None
        return replace(seen, confidence=seen.weakest)

    def asks_status(self, question: Question) -> bool:
        """Whether somebody who waits for a person asks how far it is, or how long it takes. Asks no
        classifier."""
        control = self._control(question)
        return control == "status" or (control in _OPEN and asks_how_long(question.text))

    def status(self, question: Question) -> Decision:
        """What to say to somebody who waits and asks so (`asks_status`); a rule may hear more in it: a
        wish for a call, a fraud."""
        topics = self.knowledge.topics.values()
        topic = next((one for one in topics if one.control == "status"), None)
        if topic is None or not asks_how_long(question.text):
            return self.decide(question, ())
        case = make_case(question, self.brands, self.knowledge.languages)
        return self._say.control(case, Heard(topic, ""), Assessment())

    def wishes_call(self, question: Question) -> bool:
        """Whether a rule hears the wish to be called. Asks no classifier."""
        return self._control(question) == "callback"

    def _control(self, question: Question) -> str:
        heard = self._assessor.rule(question.text)
        return heard.topic.control if heard else ""

    def language(self, question: Question) -> str:
        """The language of the knowledge base in which `question` would be answered."""
        return make_case(question, self.brands, self.knowledge.languages).language

    def notice(self, name: str, question: Question) -> str:
        """A notice by itself ('redacted' …), in the language, form and brand of `question`."""
        case = make_case(question, self.brands, self.knowledge.languages)
        return self._say.notice(case, name)

    def promise_passed(self, question: Question, topic: str, by: str) -> str:
        """What to write when a date that was named, as 2026-11-27, has passed."""
        case = make_case(question, self.brands, self.knowledge.languages)
        return self._say.promise_passed(case, topic, by)

    def over(self, question: Question, announcement: Announcement) -> tuple[str, str]:
        """What is said when an announcement is over, and its language."""
        case = make_case(question, self.brands, self.knowledge.languages)
        return self._say.over(case, announcement), case.language

    def with_wait(self, question: Question, text: str, told: Notice) -> tuple[str, Notice | None]:
        """`text`, which answers `question` for now, with what is known of the wait before its closing
        words; and what of that was said, None where there is no room for any of it."""
        case = make_case(question, self.brands, self.knowledge.languages)
        return self._say.with_wait(case, text, told)

    # ------------------------------------------------------------ the order of thought

    def _by_reply(
        self, case: Case, heard: Heard | None, certificates: Sequence[Certificate]
    ) -> Decision | None:
        """The customer replies to what we asked; None when it is no reply to it."""
        topic = self.knowledge.topics.get(str(case.question.dialogue.get("topic", "")))
        match case.question.dialogue.get("pending"):
            case "solved?" if topic is not None:
                solved = read_solved(case.text, self.knowledge, self._thanks)
                if solved is False:
                    return self._not_solved(case, topic, heard, certificates)
                # "Thanks, but I would like to talk to somebody" is a wish, not an end.
                if solved and (heard is None or heard.topic.control not in _WISHES):
                    return self._solved(case, topic, certificates)
            case "brand?" if topic is not None:
                options = case.names("options")
                brands = [self.brands[option] for option in options if option in self.brands]
                chosen = read_choice(
                    case.text, [[b.name, *b.names.values()] for b in brands], self.knowledge.choices
                )
                if chosen is not None:
                    seen = certain(topic, _confidence(case))
                    return self._settle(case.with_brand(brands[chosen]), seen, certificates)
            case "topic?" if heard is None:
                return self._by_choice(case, certificates)
        return None

    def _by_choice(self, case: Case, certificates: Sequence[Certificate]) -> Decision | None:
        """One of the topics that were offered, or none of them."""
        topics = self.knowledge.topics
        offered = [topics[option] for option in case.names("options") if option in topics]
        titles = [[*topic.titles.values()] for topic in offered]
        chosen = read_choice(case.text, titles, self.knowledge.choices)
        both = bool(case.question.dialogue.get("both")) and len(offered) > 1
        if chosen is None and both and self.knowledge.choices["both"].find(case.text):
            chosen = 0
        if chosen is not None:
            if both:
                case = case.remember(later=offered[1 - chosen].id)
            # The customer has said which matter it is: nothing is left to guess.
            return self._settle(case, certain(offered[chosen]), certificates)
        if not read_neither(case.text, self.knowledge.choices):
            return None
        seen = self._assessor.assess(case.text)
        if seen.risky:
            return None
        likely = seen if seen.confidence >= LIKELY else Assessment()
        return self._say.to_person(case, likely, "none of the options")

    def _solved(
        self, case: Case, topic: Topic, certificates: Sequence[Certificate]
    ) -> Decision | None:
        """Done, or on to the other matter that was to come later."""
        later = self.knowledge.topics.get(str(case.question.dialogue.get("later", "")))
        if later is None:
            return self._say.solved(case, topic)
        decision = self._settle(case.remember(later=""), certain(later), certificates)
        return replace(decision, evidence={**decision.evidence, "solved_topic": topic.id})

    def _not_solved(
        self, case: Case, topic: Topic, heard: Heard | None, certificates: Sequence[Certificate]
    ) -> Decision | None:
        """The next steps where there are any, else a person; None where it is no reply: it tells of
        a risk, or says that it comes to another matter."""
        reason = "customer says not solved"
        seen = self._assessor.assess(case.text)
        if seen.risky:
            return None
        other = seen.topic != topic.id and seen.confidence >= LIKELY
        if other and self.knowledge.choices["another"].find(case.text):
            return None
        # Past the promised day no step of the customer's helps any more.
        late = case.question.dialogue.get(MISSED)
        if heard or other or late or self.knowledge.choices["everything"].find(case.text):
            return self._say.not_solved(case, topic, reason, seen.topic if other else "")
        permit = self._permit(case, certificates)
        sure = certain(topic, _confidence(case))
        # The knowledge base may have changed since the first of them was sent.
        barred = topic.hand_over or self._barrier(case, sure)
        if permit is not None and sure.confidence >= permit.threshold and not barred:
            more = self._say.next_steps(case, topic, sure, permit)
            if more is not None:
                return more
        return self._say.not_solved(case, topic, reason)

    def _by_topic(self, case: Case, certificates: Sequence[Certificate]) -> Decision:
        seen = self._assessor.assess(case.text, case.subject)
        if seen.risky:
            seen = replace(seen, confidence=seen.risk)
            return self._say.escalate(case, self.knowledge.topics[seen.risky], seen, "high_risk")
        topic = self.knowledge.topics.get(seen.topic)
        if topic is not None and topic.steers and seen.confidence >= LIKELY:
            return self._say.control(case, Heard(topic, ""), seen)
        return self._settle(case, seen, certificates)

    def _settle(
        self, case: Case, seen: Assessment, certificates: Sequence[Certificate]
    ) -> Decision:
        """A matter with a confidence: answer it, ask, suggest it, or leave it to a person."""
        if barrier := self._barrier(case, seen):
            return self._say.to_person(case, seen, barrier)
        topics = [self.knowledge.topics[name] for name in (seen.topic, seen.also) if name]
        topic = topics[0]
        if topic.id in case.items("answered"):
            return self._say.not_solved(case, topic, "already_answered")
        permit = self._permit(case, certificates)
        if permit is None:
            return self._say.to_person(case, seen, "no_certificate")
        ask_brand = case.must_ask_brand and any(
            self._say.differ_by_brand(case, one) for one in topics
        )
        if seen.also:
            known = any(one.id in case.items("answered") for one in topics)
            if known or ask_brand or seen.weakest < permit.threshold:
                return self._say.to_person(case, seen, "two_topics", permit)
            return self._say.answer_both(
                case, topics, replace(seen, confidence=seen.weakest), permit
            )
        # A question that was not understood is not asked twice.
        asked = (
            case.question.dialogue.get("pending") in {"brand?", "topic?"} or case.question.public
        )
        if seen.confidence >= permit.threshold:
            if topic.hand_over:
                return self._say.hand_over(case, topic, seen)
            if not ask_brand:
                return self._say.answer(case, topic, seen, permit)
            if asked:
                return self._say.to_person(case, seen, "brand unknown")
            return self._say.ask_brand(case, seen)
        reason = f"threshold {permit.threshold:.3f} > {seen.confidence:.3f}"
        if not asked and self._close_pair(seen, permit):
            return self._say.ask_topic(case, seen, f"{reason}, two close topics")
        return self._say.to_person(case, seen, reason, permit)

    def _barrier(self, case: Case, seen: Assessment) -> str:
        """Why this may never be answered by itself, whatever the confidence; '' when it may."""
        topic = self.knowledge.topics.get(seen.topic)
        if topic is None:
            return "empty"
        if not case.served:
            return "language_not_served"
        if topic.high_risk or topic.steers:
            return "topic_for_people"
        if not seen.also:
            return ""
        other = self.knowledge.topics[seen.also]
        single = seen.apart and not (topic.hand_over or other.hand_over or other.steers)
        return "" if single and not other.high_risk else "two_topics"

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
        if len(pair) < 2 or any(t.high_risk or t.steers for t in pair):
            return False
        return seen.top[0][1] + seen.top[1][1] >= max(permit.threshold, LIKELY)


def in_scope(scope: str, brand: str, language: str, risk: str) -> bool:
    """Whether 'brand/language/risk' of a certificate covers these; '*' stands for any."""
    wanted = scope.split("/")
    have = (brand, language, risk)
    return len(wanted) == len(have) and all(
        part in ("*", value) for part, value in zip(wanted, have, strict=True)
    )


def _confidence(case: Case) -> float:
    """That of the topic the dialogue is about, as it was when it was found."""
    sure = case.question.dialogue.get("confidence")
    return float(sure) if isinstance(sure, int | float) else 0.0
