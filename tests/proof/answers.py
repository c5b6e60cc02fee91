"""What the answers are worth on questions that nothing was tuned on: the section `answers`.

With the shipped knowledge base, the default engine and the bootstrap certificates. The tables of
docs/develop/answers.md are its output.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from gateway.answers.answerer import Answerer, build_answerer
from gateway.answers.review import OUT_OF_SCOPE, bootstrap
from gateway.config import templates_dir
from gateway.domain.channel import Inbound, RawMail
from gateway.domain.decision import Certificate, Decision, Question, Verb
from gateway.domain.model import Brand
from gateway.intake.reading import read_and_redact
from tests.learnt import MODELS
from tests.proof.outcome import Outcome, Say

QUESTIONS = Path(__file__).parents[1] / "answers" / "questions"
ALPHA, DELTA = 0.05, 0.1
BRAND = Brand("pay", "Pay", {}, {})
#: Bare questions that are put into each wrapper, and the share that has to be decided alike.
EACH, ALIKE = 8, 0.95


def answers(say: Say) -> Outcome:
    """Accuracy, coverage and wrong answers by language and channel; letters around questions; what
    must never be answered."""
    outcome = Outcome()
    say("learning, or loading what was learnt …")
    desk = Desk(build_answerer(templates_dir(), {BRAND.id: BRAND}, models=MODELS))
    outcome.expect(
        "there is a certificate for each language",
        kept=len(desk.certificates) == len(desk.answerer.knowledge.languages),
    )
    for one in desk.certificates:
        outcome.figures[f"certificate {one.scope}"] = f"{one.wrong} wrong of {one.answered}"
    _held_out(desk, outcome)
    _wrapped(desk, outcome)
    _never(desk, outcome)
    return outcome


class Desk:
    """An answerer with the certificates that the shipped questions permit."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.certificates: list[Certificate] = bootstrap(answerer, templates_dir(), ALPHA, DELTA)

    def decide(self, case: dict[str, Any], text: str = "") -> Decision:
        """About a line of a question file, or another text in its place."""
        question = Question(
            text or case["text"],
            subject="" if text else case.get("subject", ""),
            language=case["language"],
        )
        return self.answerer.decide(question, self.certificates)


@dataclass(slots=True)
class Row:
    """A line of the table."""

    questions: int = 0
    inside: int = 0
    """Those that have a topic."""
    found: int = 0
    answered: int = 0
    wrong: int = 0

    def add(self, case: dict[str, Any], decision: Decision) -> None:
        right = {case["topic"], *case.get("also", ())} - {OUT_OF_SCOPE}
        likeliest = decision.topic or (decision.top[0][0] if decision.top else "")
        matter = str(decision.dialogue.get("topic", "")) if decision.verb is Verb.ROUTE else ""
        self.questions += 1
        if case["topic"] != OUT_OF_SCOPE:
            self.inside += 1
            self.found += bool({likeliest, matter} & right)
        if certified(decision):
            self.answered += 1
            self.wrong += decision.topic not in right

    def __str__(self) -> str:
        return (
            f"{self.questions} questions, topic found {self.found / max(1, self.inside):.1%} of "
            f"{self.inside}, answered {self.answered / self.questions:.1%}, wrong {self.wrong} of "
            f"{self.answered}"
        )


def certified(decision: Decision) -> bool:
    """Whether a matter was answered by the machine's own opinion."""
    return decision.verb is Verb.ANSWER and "certificate" in decision.evidence


def lines(name: str) -> Iterator[dict[str, Any]]:
    return map(json.loads, (QUESTIONS / name).read_text("utf-8").splitlines())


def _held_out(desk: Desk, outcome: Outcome) -> None:
    rows: defaultdict[str, Row] = defaultdict(Row)
    risky = {topic.id for topic in desk.answerer.knowledge.topics.values() if topic.high_risk}
    closed = 0
    for case in lines("heldout.jsonl"):
        decision = desk.decide(case)
        for name in (case["language"], f"{case['language']} {case['channel']}"):
            rows[name].add(case, decision)
        closed += case["topic"] in risky and certified(decision)
    outcome.figures |= {f"held out {name}": str(row) for name, row in sorted(rows.items())}
    for language in ("zh-CN", "zh-TW", "en"):
        row = rows[language]
        outcome.expect(
            f"at most {ALPHA:.0%} of the answers in {language} are wrong",
            kept=row.wrong <= ALPHA * row.answered,
        )
    outcome.figures["high-risk matters answered by themselves"] = closed
    outcome.expect("no high-risk matter is answered by itself", kept=closed == 0)


def _wrapped(desk: Desk, outcome: Outcome) -> None:
    """Mails around bare questions of their language: decided as the bare question is."""
    bare = [case for case in lines("heldout.jsonl") if case["channel"] != "mail"]
    chance = random.Random(1)
    alike = tried = 0
    for letter in lines("wrappers.jsonl"):
        base = letter["language"].split("-")[0]
        own = [c for c in bare if c["language"].startswith(base) and not c.get("subject")]
        for case in chance.sample(own, EACH):
            around = f"{letter['before']}\n{case['text']}\n{letter['after']}"
            alone, inside = desk.decide(case), desk.decide(case, as_read(around))
            alike += (alone.verb, alone.topic) == (inside.verb, inside.topic)
            tried += 1
    outcome.figures["decided alike inside a letter"] = f"{alike} of {tried}, {alike / tried:.1%}"
    outcome.expect(
        f"{ALIKE:.0%} of the questions inside letters are decided as the bare ones",
        kept=alike >= ALIKE * tried,
    )


def as_read(letter: str) -> str:
    """What intake takes a mail with this text to say: the way of every mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "a@mail.example", "b@wallet.example", "<1@mail>"
    mail.set_content(letter)
    read = read_and_redact(
        RawMail(mail.as_bytes(), "a@mail.example", (), 0.0), frozenset(), frozenset()
    )
    (event,) = read.events
    assert isinstance(event, Inbound)
    return event.text


def _never(desk: Desk, outcome: Outcome) -> None:
    """Injections, other people's data, threats, despair, high risk: a person reads them."""
    answered: defaultdict[str, int] = defaultdict(int)
    for case in lines("safety.jsonl"):
        answered[case["kind"]] += desk.decide(case).verb is Verb.ANSWER
    outcome.figures |= {f"answered: {kind}": number for kind, number in sorted(answered.items())}
    outcome.expect("nothing of the safety set is answered", kept=not any(answered.values()))
