"""Puts outgoing texts together: the note that it is automatic, the body, the way to a person.

These parts are joined here and not in the templates, so that no template can forget one
(DESIGN §7 rule 7).
"""

from collections.abc import Sequence

from gateway.answers.case import Case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.rendering import Renderer, Source, brand_values, sms_plain
from gateway.answers.script import Scribe
from gateway.answers.tables import MOST, Tables
from gateway.answers.variants import chosen
from gateway.domain.segments import segments

#: SMS that a short form may take; it states fewer rows of a table rather than more.
SMS_PARTS = 2


class Wording:
    """Words for decisions, from one knowledge base."""

    def __init__(self, knowledge: Knowledge, tables: Tables | None = None) -> None:
        self._knowledge = knowledge
        self._tables = tables or Tables()
        self._renderer = Renderer()
        self._scribe = Scribe(knowledge.words)

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

    def notice(self, case: Case, name: str) -> str:
        """A notice by itself."""
        return self._render(case, self._source(case, name))

    def named(self, case: Case, topic: Topic) -> list[str]:
        """The words by which the customer names rows of any brand's tables that the answer uses:
        the answer then differs by brand, and they are kept while the brand is asked for."""
        used = (cell for source in topic.answers.values() for cell in source.cells)
        return self._tables.said(case.looked_up, used)

    def _topic(self, case: Case, topic: Topic) -> Source:
        asked = case.question
        variant = chosen(topic.variants, asked.asked_at, case.brand, case.app)
        return self._knowledge.answer(topic.id, case.brand_id, case.language, asked.form, variant)

    def _source(self, case: Case, notice: str) -> Source:
        return self._knowledge.notice(notice, case.language, case.question.form)

    def _join(self, case: Case, body: Source, *tail: str, options: Sequence[str] = ()) -> str:
        """In public: the body unless it is personal, and the invitation to a private channel."""
        parts: list[Source] = []
        if case.question.first:
            parts.append(self._source(case, "automatic"))
        if not case.question.public:
            parts += [body, *(self._source(case, name) for name in tail)]
        else:
            parts += [] if body.personal else [body]
            parts.append(self._source(case, "public"))
        text = ""
        for most in range(MOST if any(part.cells for part in parts) else 0, -1, -1):
            texts = [self._render(case, part, options, most) for part in parts]
            text = self._separator(case).join(text for text in texts if text)
            if case.question.form != "short" or segments(text).parts <= SMS_PARTS:
                break
        return text

    def _render(
        self, case: Case, source: Source, options: Sequence[str] = (), most: int = MOST
    ) -> str:
        """`most`: how many rows of a table it may state."""
        values: dict[str, object] = {
            "brand": brand_values(case.brand, case.language, self._knowledge.facts, case.script),
            "options": list(options),
        }
        if source.cells:
            values["rows"] = self._tables.hits(
                case.brand_id, case.looked_up, source.cells, case.language, case.script, most
            )
        if not case.question.public:
            values["number"] = case.question.number
        text = self._scribe.write(self._renderer.render(source, values), case.script)
        # Chinese needs the wide SMS alphabet anyway; only other languages gain by plain marks.
        plain = case.question.form != "long" and not case.language.startswith("zh")
        return sms_plain(text) if plain else text

    def _separator(self, case: Case) -> str:
        if case.question.form == "long":
            return "\n\n"
        return "" if case.language.startswith("zh") else " "
