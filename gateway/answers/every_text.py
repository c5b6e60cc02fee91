"""Every text that the gateway can send of itself, as it is sent: for checks."""

from collections.abc import Iterator, Sequence
from datetime import date, time

from gateway.answers.case import Case, make_case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.wording import Wording
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Question
from gateway.domain.model import Brand
from gateway.domain.waiting import Notice

#: As long as a real one (`gateway.domain.numbers`).
NUMBER = "260101-000000"
#: A Monday from which every promise falls on a date that is long to write: in late September and after.
ASKED_AT = Calendar().moment(date(2026, 9, 21), time(10))
#: A day that was promised, as long to write.
PROMISED = "2026-10-28"
#: Waits that are long to tell: closed over a holiday, and a full line with a call offered.
WAITS = (
    Notice("closed", opens_at=ASKED_AT + 9.5 * 86400, offers=("callback",), at=ASKED_AT),
    Notice("busy", 188, "range", 2700.0, 7200.0, offers=("callback",), at=ASKED_AT),
)


def case_of(
    knowledge: Knowledge, language: str, form: str, brand: Brand, *, public: bool = False
) -> Case:
    """The first message of somebody who asks this brand."""
    question = Question(
        text="x", language=language, form=form, number=NUMBER, brand=brand.id, public=public,
        asked_at=ASKED_AT,
    )  # fmt: skip
    return make_case(question, {brand.id: brand}, knowledge.languages)


def every_text(
    knowledge: Knowledge,
    wording: Wording,
    brand: Brand,
    language: str,
    form: str,
    *,
    names: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """(path of the template that it is made of, text), with all that is added before and after it.

    Args:
        knowledge: what it knows.
        wording: of that knowledge.
        brand: whose facts are filled in.
        language: one of the knowledge base.
        form: long, short or voice.
        names: of the brands, for the question which of them it is.
    """
    at = case_of(knowledge, language, form, brand)
    for topic in knowledge.topics.values():
        path = knowledge.answer(topic.id, brand.id, language, form).path
        yield path, _of_topic(wording, at, topic)

    def path_of(notice: str) -> str:
        return knowledge.notice(notice, language, form).path

    for notice in ("acknowledge", "not_solved"):
        yield path_of(notice), wording.to_person(at, notice)
    yield path_of("which_brand"), wording.ask(at, "which_brand", names)
    titles = sorted((t.titles[language] for t in knowledge.topics.values()), key=len)[-2:]
    yield path_of("which_topic"), wording.ask(at, "which_topic", titles)
    yield path_of("which_first"), wording.ask(at, "which_first", titles)
    yield path_of("redacted"), wording.notice(at, "redacted")
    received = wording.to_person(at, "acknowledge")
    for told in WAITS:
        yield path_of("waiting"), wording.with_wait(at, received, told)[0]
    longest = max(knowledge.topics.values(), key=lambda topic: len(topic.titles[language]))
    yield path_of("promise_passed"), wording.promise_passed(at, longest, PROMISED)


def _of_topic(wording: Wording, at: Case, topic: Topic) -> str:
    if topic.control == "thanks":
        return wording.courtesy(at, topic)
    if topic.high_risk or topic.control:
        return wording.advice(at, topic)
    return wording.answer(at, topic)
