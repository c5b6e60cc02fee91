"""Makes decisions: the words for the customer, the draft for the agent, and what the dialogue keeps.

Which one is made is the answerer's matter (`answerer.py`); here is what each consists of. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

from gateway.answers.assess import LIKELY, THANKS_REST, Assessment, Heard
from gateway.answers.case import Case
from gateway.answers.checklist import said_done
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.rendering import brand_name
from gateway.answers.tables import compiled
from gateway.answers.text import bare
from gateway.answers.wording import Wording
from gateway.domain.announcement import Announcement
from gateway.domain.decision import Certificate, Decision, Verb
from gateway.domain.model import JSON, Brand
from gateway.domain.waiting import Notice

#: Why a matter goes to a person who only reads it: it was thanked for, and nobody waits.
HANDED_OVER = "handed over"


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

    def promise_passed(self, case: Case, topic: str, by: str) -> str:
        """Asks whether it was done, when the date that was named has passed."""
        return self._wording.promise_passed(case, self._knowledge.topics[topic], by)

    def over(self, case: Case, announcement: Announcement) -> str:
        """What is said when an announcement is over."""
        return self._wording.over(case, announcement)

    def with_wait(self, case: Case, text: str, told: Notice) -> tuple[str, Notice | None]:
        """A text that hands over, with the wait in it, and what was said of that."""
        return self._wording.with_wait(case, text, told)

    def differ_by_brand(self, case: Case, topic: Topic) -> bool:
        """Whether the answer depends on which brand the customer uses: by what the brands set, or
        by a row of theirs that is named."""
        return self._knowledge.differs_by_brand(topic.id) or bool(self._wording.named(case, topic))

    # ------------------------------------------------------------ answers

    def answer(self, case: Case, topic: Topic, seen: Assessment, permit: Certificate) -> Decision:
        """The answer, or where its steps can be ruled out one by one, those that are not done yet."""
        told = case.question.form != "long" and self._wording.states_row(case, topic)
        if not topic.stepwise or told:
            text = self._wording.answer(case, topic)
            # A row is no step: where it does not help, the steps come next.
            steps = () if topic.stepwise else topic.checklist
            return self._answered(case, [topic], steps, seen, permit, text)
        done = self._done(case, [topic], confirmed=False)
        left = [step for step in topic.checklist if step not in done]
        if not left:
            return self.not_solved(case, topic, "every step is done")
        if case.question.form == "long" or case.question.public:
            text, given = self._wording.answer_left(case, topic, left), left
        else:
            spared = [step for step in topic.checklist if step in done]
            text, given = self._wording.steps(case, topic, left, spared)
        if not text:
            text, given = self._wording.answer(case, topic), left
        return self._answered(case, [topic], given, seen, permit, text)

    def next_steps(
        self, case: Case, topic: Topic, seen: Assessment, permit: Certificate
    ) -> Decision | None:
        """The steps after those that did not help; None when there are no more."""
        done = self._done(case, [topic], confirmed=True)
        left = [step for step in topic.checklist if step not in done]
        if not topic.stepwise or not left:
            return None
        case = case.remember(done=list[JSON](done))
        if case.question.form == "long":
            text, given = self._wording.answer_left(case, topic, left), left
        else:
            text, given = self._wording.steps(case, topic, left)
        if not text:
            return None
        return self._answered(case, [topic], given, seen, permit, text, {"continued": True})

    def answer_both(
        self, case: Case, topics: Sequence[Topic], seen: Assessment, permit: Certificate
    ) -> Decision:
        """Both matters in one text; where there is no room for that, which comes first."""
        text = self._wording.answer_both(case, topics)
        if not text:
            return self._ask_first(case, topics, seen)
        given = [step for topic in topics for step in topic.checklist]
        evidence: dict[str, JSON] = {"also": topics[1].id}
        return self._answered(case, topics, given, seen, permit, text, evidence)

    def _answered(
        self,
        case: Case,
        topics: Sequence[Topic],
        given: Iterable[str],
        seen: Assessment,
        permit: Certificate,
        text: str,
        evidence: Mapping[str, JSON] | None = None,
    ) -> Decision:
        topic = topics[0]
        names = [one.id for one in topics]
        if text == self._wording.instead(case, topics):
            given = ()
        dialogue: dict[str, JSON] = {
            **case.kept(),
            "topic": topic.id,
            "answered": [*_union(case.names("answered"), names)],
            "given": [*_union(case.names("given"), given)],
            "done": [*self._done(case, topics, confirmed=False)],
            "confidence": seen.confidence,
        }
        if not case.question.public and topic.control != "contact":
            dialogue["pending"] = "solved?"
        if len(names) > 1:
            dialogue["also"] = names[1]
        return self._decision(
            case,
            Verb.ANSWER,
            topic,
            seen,
            f"threshold {permit.threshold:.3f} <= {seen.confidence:.3f}",
            text,
            dialogue=dialogue,
            evidence={**_evidence(permit), **(evidence or {})},
            promising=topics,
            news=topics,
        )

    def _done(self, case: Case, topics: Iterable[Topic], *, confirmed: bool) -> list[str]:
        """The steps that are done: by earlier word, by this message, and, where the customer says
        that what was sent has not helped (`confirmed`), those that were sent."""
        checklists = [step for topic in topics for step in topic.checklist]
        sent = set(case.names("given")) if confirmed else set()
        said = said_done(self._knowledge.steps, checklists, case.rule_text)
        return _union(case.names("done"), (s for s in checklists if s in sent), said)

    # ------------------------------------------------------------ persons

    def to_person(
        self, case: Case, seen: Assessment, reason: str, permit: Certificate | None = None
    ) -> Decision:
        """Acknowledge; the agent gets the draft when the topic is likely."""
        likely = self._knowledge.topics.get(seen.topic) if seen.confidence >= LIKELY else None
        topics = [likely] if likely else []
        news = self._with_also(topics, seen.also)
        return self._decision(
            case,
            Verb.SUGGEST if likely else Verb.ROUTE,
            likely,
            seen,
            reason if likely or not seen.topic else f"unlikely {seen.confidence:.3f}",
            self._wording.to_person(case, "acknowledge", likely, news),
            suggestion=self._wording.draft(case, likely) if likely else "",
            dialogue={**case.kept(), "done": [*self._done(case, topics, confirmed=False)]},
            evidence=_evidence(permit) if permit else None,
            note=self._note(case, topics, [seen.also]),
            news=news,
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
        others = [seen.topic if seen.top and seen.top[0][1] >= LIKELY else "", seen.also]
        return self._decision(
            case, Verb.ESCALATE, topic, seen, reason, text,
            evidence=evidence, note=self._note(case, [topic], others),
            promising=[topic], news=[topic],
        )  # fmt: skip

    def hand_over(self, case: Case, topic: Topic, seen: Assessment) -> Decision:
        """A word of thanks, and a person reads it."""
        text = self._wording.advice(case, topic)
        return self._decision(case, Verb.ROUTE, topic, seen, HANDED_OVER, text, news=[topic])

    def control(self, case: Case, heard: Heard, seen: Assessment) -> Decision:
        """A rule's own way; the classifier still says which queue knows the matter."""
        topic = heard.topic
        evidence: dict[str, JSON] = {"rule": topic.control, "phrase": heard.phrase}
        reason = f"rule {topic.control}"
        if topic.high_risk:
            return self.escalate(case, topic, seen, reason, evidence)
        matter = self._knowledge.topics.get(seen.risky or seen.topic)
        if matter is None or matter.steers or (seen.confidence < LIKELY and not seen.risky):
            matter = None
        alone = len(bare(case.text)) <= len(heard.phrase) + THANKS_REST
        only = alone or (matter in (None, topic) and not seen.also)
        # The status is told by a machine while a person has the matter in hand.
        in_hand = topic.control == "status" and any(c.with_people for c in case.question.cases)
        if topic.control == "thanks" or (only and (topic.control == "contact" or in_hand)):
            text = self._wording.courtesy(case, topic)
            return self._decision(
                case, Verb.ANSWER, topic, certain(topic), reason, text, evidence=evidence
            )
        news = self._with_also([matter or topic], seen.also)
        return self._decision(
            case,
            Verb.ROUTE,
            topic,
            seen,
            reason,
            self._wording.advice(case, topic, news),
            suggestion=self._wording.draft(case, matter) if matter else "",
            matter=matter,
            evidence=evidence,
            note=self._note(case, [matter] if matter else [], [seen.also]),
            news=news,
        )

    def _with_also(self, topics: Sequence[Topic], name: str) -> list[Topic]:
        """What is asked about, with the second matter where there are two."""
        also = self._knowledge.topics.get(name)
        return [*topics, also] if also and topics and also not in topics else [*topics]

    def solved(self, case: Case, topic: Topic) -> Decision:
        """The customer is helped."""
        thanks = self._thanks or topic
        text = self._wording.courtesy(case, self._thanks) if self._thanks else ""
        evidence: dict[str, JSON] = {"solved": True, "solved_topic": topic.id}
        return self._decision(
            case, Verb.ANSWER, thanks, certain(thanks), "customer says solved", text,
            dialogue={**case.kept(), "topic": topic.id}, evidence=evidence,
        )  # fmt: skip

    def not_solved(self, case: Case, topic: Topic, reason: str, other: str = "") -> Decision:
        """A person goes on where the answer left off; the dialogue says which steps are done.
        `other`: another topic that the reply is about."""
        also = self._knowledge.topics.get(str(case.question.dialogue.get("also", "")))
        topics = [topic, also] if also else [topic]
        case = case.remember(done=list[JSON](self._done(case, topics, confirmed=True)))
        news = self._with_also(topics, other)
        text = self._wording.to_person(case, "not_solved", news=news)
        return self._decision(
            case, Verb.ROUTE, topic, certain(topic), reason, text, evidence={"solved": False},
            note=self._note(case, topics, [also.id if also else "", other]), news=news,
        )  # fmt: skip

    def _note(self, case: Case, topics: Iterable[Topic], others: Iterable[str]) -> str:
        """What the agent should know: the steps done, and what else was asked."""
        topics = list(topics)
        about = {topic.id for topic in topics}
        lines = []
        if done := self._done(case, topics, confirmed=False):
            known = [step for step in done if step in self._knowledge.steps]
            lines.append(self._for_agent(case, "steps_done", self._wording.titles(case, known)))
        names = _union([*others, str(case.question.dialogue.get("later", ""))])
        also = [
            self._knowledge.topics[name].titles[case.language]
            for name in names
            if name in self._knowledge.topics and (name not in about or len(about) > 1)
        ]
        if also:
            lines.append(self._for_agent(case, "also_mentioned", also))
        return "\n".join(lines)

    def _for_agent(self, case: Case, notice: str, options: Sequence[str]) -> str:
        return self._wording.notice(case, notice, options)

    # ------------------------------------------------------------ questions back

    def ask_brand(self, case: Case, seen: Assessment) -> Decision:
        """Which brand the customer uses."""
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
        """Which of the two likeliest topics it is."""
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

    def _ask_first(self, case: Case, topics: Sequence[Topic], seen: Assessment) -> Decision:
        """Both matters are clear, but there is room for one answer."""
        dialogue: dict[str, JSON] = {
            "pending": "topic?",
            "options": [topic.id for topic in topics],
            "both": True,
        }
        text = self._wording.ask(case, "which_first", [t.titles[case.language] for t in topics])
        return self._decision(
            case, Verb.ASK, topics[0], seen, "two topics, no room for both", text,
            dialogue={**case.kept(), **dialogue},
        )  # fmt: skip

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
        note: str = "",
        promising: Sequence[Topic] = (),
        news: Sequence[Topic] = (),
    ) -> Decision:
        """`matter` is what it is about where `topic` is only how it was asked (a person, a call);
        the dates that `reply` names are promises of the topics `promising`, its announcements are
        those about `news`."""
        left = dict(dialogue) if dialogue is not None else case.kept()
        about = matter or topic
        if about is not None and (not about.steers or "topic" not in left):
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
            announced=self._wording.announced(case, news, reply),
            dialogue=left,
            promises=tuple(p for t in promising for p in self._wording.promises(case, t, reply)),
            evidence={
                "knowledge": self._version,
                "brand": case.brand_id,
                "segment": seen.segment,
                **(evidence or {}),
            },
            note=note,
        )


def certain(topic: Topic, confidence: float = 1.0) -> Assessment:
    """The view of a message whose topic is agreed."""
    return Assessment(topic.id, confidence, ((topic.id, confidence),))


def _union(*lists: Iterable[str]) -> list[str]:
    """All of them, each once, in order of first appearance."""
    return list(dict.fromkeys(item for one in lists for item in one if item))


def _evidence(permit: Certificate) -> dict[str, JSON]:
    return {
        "certificate": permit.id,
        "scope": permit.scope,
        "threshold": permit.threshold,
        "alpha": permit.alpha,
        "delta": permit.delta,
        "origin": permit.origin,
    }
