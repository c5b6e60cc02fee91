"""Every text that the gateway can send of itself, as it is sent: for checks."""

from collections.abc import Iterator, Sequence

from gateway.answers.case import Case, make_case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.wording import Wording
from gateway.domain.decision import Question
from gateway.domain.model import Brand

#: As long as a real one (`gateway.domain.numbers`).
NUMBER = "260101-000000"


def case_of(
    knowledge: Knowledge, language: str, form: str, brand: Brand, *, public: bool = False
) -> Case:
    """The first message of somebody who asks this brand."""
    question = Question(
        text="x", language=language, form=form, number=NUMBER, brand=brand.id, public=public
    )
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
    yield path_of("redacted"), wording.notice(at, "redacted")


def _of_topic(wording: Wording, at: Case, topic: Topic) -> str:
    if topic.control == "thanks":
        return wording.courtesy(at, topic)
    if topic.high_risk or topic.control:
        return wording.advice(at, topic)
    return wording.answer(at, topic)
