"""Puts outgoing texts together: the note that it is automatic, the announcements in force, the body,
the way to a person.

These parts are joined here and not in the templates, so that no template can forget one
(DESIGN §7 rule 7).
"""

from collections.abc import Sequence

from gateway.answers.case import Case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.rendering import Renderer, Source, brand_values, sms_plain
from gateway.domain.announcement import Announcement
from gateway.domain.segments import segments

#: Parts of an SMS that an answer may take.
SMS_PARTS = 2


class Wording:
    """Words for decisions, from one knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._renderer = Renderer()

    def answer(self, case: Case, topic: Topic) -> str:
        """An automatic answer with the question whether it helped. In an SMS an announcement stands in
        place of the answer where there is no room for both: while it lasts, its steps help nobody."""
        tail = ("solved_question", "way_to_person")
        text = self._join(case, self._topic(case, topic), *tail, about=topic)
        tight = case.question.form == "short" and announced(case, topic)
        if tight and segments(text).parts > SMS_PARTS:
            return self._join(case, None, *tail, about=topic)
        return text

    def advice(self, case: Case, topic: Topic, matter: Topic | None = None) -> str:
        """What to do now while a person takes over. `matter`: what it is about, where `topic` is only
        how it was asked."""
        return self._join(case, self._topic(case, topic), "follow_up", about=matter or topic)

    def courtesy(self, case: Case, topic: Topic) -> str:
        """A friendly word that asks nothing."""
        return self._join(case, self._topic(case, topic), "way_to_person")

    def to_person(self, case: Case, notice: str, about: Topic | None = None) -> str:
        """A notice that a person takes over."""
        return self._join(case, self._source(case, notice), "follow_up", about=about)

    def ask(self, case: Case, notice: str, options: Sequence[str]) -> str:
        """A question back with numbered options."""
        return self._join(case, self._source(case, notice), "way_to_person", options=options)

    def draft(self, case: Case, topic: Topic) -> str:
        """The bare answer, for an agent to send or change; '' where it may not be public."""
        source = self._topic(case, topic)
        if case.question.public and source.personal:
            return ""
        return self._separator(case).join([*self._news(case, topic), self._render(case, source)])

    def over(self, case: Case, announcement: Announcement) -> str:
        """What an announcement spoke of is over: its own words for it, or ours."""
        own = announcement.over(case.language)
        body = self._finish(case, own) if own else self._source(case, "announcement_over")
        return self._join(case, body, "solved_question", "way_to_person")

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
        body: Source | str | None,
        *tail: str,
        options: Sequence[str] = (),
        about: Topic | None = None,
    ) -> str:
        """In public: the body unless it is personal, and the invitation to a private channel. `about`:
        whose announcements come first."""
        parts: list[Source | str | None] = []
        if case.question.first:
            parts.append(self._source(case, "automatic"))
        parts += self._news(case, about)
        if not case.question.public:
            parts += [body, *(self._source(case, name) for name in tail)]
        else:
            parts += [] if isinstance(body, Source) and body.personal else [body]
            parts.append(self._source(case, "public"))
        texts = [
            self._render(case, part, options) if isinstance(part, Source) else part
            for part in parts
        ]
        return self._separator(case).join(text for text in texts if text)

    def _news(self, case: Case, topic: Topic | None) -> list[str]:
        """The announcements about a topic, as they are said here."""
        form = case.question.form
        return [self._finish(case, a.text(case.language, form)) for a in announced(case, topic)]

    def _render(self, case: Case, source: Source, options: Sequence[str] = ()) -> str:
        values: dict[str, object] = {
            "brand": brand_values(case.brand, case.language, self._knowledge.facts),
            "options": list(options),
        }
        if not case.question.public:
            values["number"] = case.question.number
        return self._finish(case, self._renderer.render(source, values))

    def _finish(self, case: Case, text: str) -> str:
        # Chinese needs the wide SMS alphabet anyway; only other languages gain by plain marks.
        plain = case.question.form != "long" and not case.language.startswith("zh")
        return sms_plain(text) if plain else text

    def _separator(self, case: Case) -> str:
        if case.question.form == "long":
            return "\n\n"
        return "" if case.language.startswith("zh") else " "


def announced(case: Case, topic: Topic | None) -> list[Announcement]:
    """The announcements that a text about this topic carries: in force, for the brand, not told to this
    customer before, and in public only those that are meant for it."""
    if topic is None:
        return []
    return [
        one
        for one in case.question.announcements
        if one.covers(topic.id, case.brand_id)
        and (one.public or not case.question.public)
        and one.text(case.language, case.question.form)
    ]
