"""Puts outgoing texts together: the note that it is automatic, the body, the way to a person.

These parts are joined here and not in the templates, so that no template can forget one
(DESIGN §7 rule 7).
"""

from collections.abc import Mapping, Sequence
from datetime import date

from gateway.answers.case import Case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.promising import due_dates, due_on, in_words
from gateway.answers.rendering import Renderer, Source, brand_values, sms_plain
from gateway.domain.decision import Promise


class Wording:
    """Words for decisions, from one knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._renderer = Renderer()

    def answer(self, case: Case, topic: Topic) -> str:
        """An automatic answer with the question whether it helped."""
        return self._join(case, self._topic(case, topic), "solved_question", "way_to_person")

    def advice(self, case: Case, topic: Topic) -> str:
        """What to do now while a person takes over."""
        return self._join(case, self._topic(case, topic), "follow_up")

    def courtesy(self, case: Case, topic: Topic) -> str:
        """A friendly word that asks nothing."""
        return self._join(case, self._topic(case, topic), "way_to_person")

    def to_person(self, case: Case, notice: str) -> str:
        """A notice that a person takes over."""
        return self._join(case, self._source(case, notice), "follow_up")

    def ask(self, case: Case, notice: str, options: Sequence[str]) -> str:
        """A question back with numbered options."""
        return self._join(case, self._source(case, notice), "way_to_person", options=options)

    def draft(self, case: Case, topic: Topic) -> str:
        """The bare answer, for an agent to send or change; '' where it may not be public."""
        source = self._topic(case, topic)
        return "" if case.question.public and source.personal else self._render(case, source)

    def promises(self, case: Case, topic: Topic) -> tuple[Promise, ...]:
        """What `answer` and `advice` hold us to: the dates they name. None in public, where nobody is
        asked afterwards whether it was kept."""
        if case.question.public or case.brand is None:
            return ()
        calendar, dates = case.brand.calendar, due_on(case, self._topic(case, topic).dues)
        return tuple(
            Promise(topic.id, fact, day.isoformat(), calendar.opening_after(day))
            for fact, day in sorted(dates.items())
        )

    def promise_passed(self, case: Case, topic: Topic, by: str) -> str:
        """Asks whether it was done, when the date that was named has passed."""
        given = {
            "matter": topic.titles[case.language],
            "promised": in_words(case, date.fromisoformat(by)),
        }
        source = self._source(case, "promise_passed")
        return self._join(case, source, "solved_question", "way_to_person", given=given)

    def notice(self, case: Case, name: str) -> str:
        """A notice by itself."""
        return self._render(case, self._source(case, name))

    def _topic(self, case: Case, topic: Topic) -> Source:
        return self._knowledge.answer(topic.id, case.brand_id, case.language, case.question.form)

    def _source(self, case: Case, notice: str) -> Source:
        return self._knowledge.notice(notice, case.language, case.question.form)

    def _join(
        self,
        case: Case,
        body: Source,
        *tail: str,
        options: Sequence[str] = (),
        given: Mapping[str, object] | None = None,
    ) -> str:
        """In public: the body unless it is personal, and the invitation to a private channel.
        `given`: further variables of the body."""
        parts: list[Source] = []
        if case.question.first:
            parts.append(self._source(case, "automatic"))
        if not case.question.public:
            parts += [body, *(self._source(case, name) for name in tail)]
        else:
            parts += [] if body.personal else [body]
            parts.append(self._source(case, "public"))
        texts = [self._render(case, part, options, given) for part in parts]
        return self._separator(case).join(text for text in texts if text)

    def _render(
        self,
        case: Case,
        source: Source,
        options: Sequence[str] = (),
        given: Mapping[str, object] | None = None,
    ) -> str:
        values: dict[str, object] = {
            **(given or {}),
            "due": due_dates(case, source.dues),
            "brand": brand_values(case.brand, case.language, self._knowledge.facts),
            "options": list(options),
        }
        if not case.question.public:
            values["number"] = case.question.number
        text = self._renderer.render(source, values)
        # Chinese needs the wide SMS alphabet anyway; only other languages gain by plain marks.
        plain = case.question.form != "long" and not case.language.startswith("zh")
        return sms_plain(text) if plain else text

    def _separator(self, case: Case) -> str:
        if case.question.form == "long":
            return "\n\n"
        return "" if case.language.startswith("zh") else " "
