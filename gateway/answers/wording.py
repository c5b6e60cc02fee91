"""Puts outgoing texts together: the note that it is automatic, the body, the way to a person.

These parts are joined here and not in the templates, so that no template can forget one
(DESIGN §7 rule 7).
"""

from collections.abc import Sequence

from gateway.answers.case import Case
from gateway.answers.checklist import keep, numbered
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.length import fits
from gateway.answers.rendering import Renderer, Source, brand_values, sms_plain

#: Steps that a short channel gets at a time.
STEPS_AT_ONCE = 2


class Wording:
    """Words for decisions, from one knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._renderer = Renderer()

    def answer(self, case: Case, topic: Topic) -> str:
        """An automatic answer with the question whether it helped."""
        return self._join(case, self._topic(case, topic), "solved_question", "way_to_person")

    def answer_left(self, case: Case, topic: Topic, left: Sequence[str]) -> str:
        """The answer with only the steps that are `left`, and a word about the others."""
        body = self._render(case, self._topic(case, topic))
        indexes = [i for i, step in enumerate(topic.checklist) if step in left]
        if len(indexes) == len(topic.checklist) or len(numbered(body)) != len(topic.checklist):
            return self.answer(case, topic)
        done = [step for step in topic.checklist if step not in left]
        parts = [keep(body, indexes), self._left_out(case, done)]
        return self._frame(case, parts, "solved_question", "way_to_person")

    def steps(
        self, case: Case, topic: Topic, left: Sequence[str], done: Sequence[str] = ()
    ) -> tuple[str, list[str]]:
        """The next steps for a short channel, and which they are: two where they fit, else one.
        `done` is told to be left out where there is room to say so. ('', []) where the long form
        does not have its steps in numbered lines (a brand's own may not)."""
        long = self._knowledge.answer(topic.id, case.brand_id, case.language, "long")
        lines = numbered(self._render(case, long))
        if len(lines) != len(topic.checklist):
            return "", []
        sentences = dict(zip(topic.checklist, lines, strict=True))
        source = self._source(case, "try_steps")
        text = ""
        for count in range(min(STEPS_AT_ONCE, len(left)), 0, -1):
            given = list(left[:count])
            steps = self._render(case, source, [sentences[step] for step in given])
            for parts in ([self._left_out(case, done), steps], [steps]):
                text = self._frame(case, parts, "solved_question", "way_to_person")
                if case.question.form != "short" or fits(text):
                    return text, given
        return text, list(left[:1])

    def answer_both(self, case: Case, topics: Sequence[Topic]) -> str:
        """The answers to two matters under their titles; '' where a short channel has no room."""
        parts = []
        for topic in topics:
            body = self._render(case, self._topic(case, topic))
            title = topic.titles[case.language]
            parts.append(
                f"■ {title}\n{body}" if case.question.form == "long" else f"{title}: {body}"
            )
        text = self._frame(case, parts, "solved_question", "way_to_person")
        return text if case.question.form == "long" or fits(text) else ""

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

    def notice(self, case: Case, name: str, options: Sequence[str] = ()) -> str:
        """A notice by itself."""
        return self._render(case, self._source(case, name), options)

    def titles(self, case: Case, steps: Sequence[str]) -> list[str]:
        """What steps are called."""
        return [self._knowledge.steps[step].titles[case.language] for step in steps]

    def _left_out(self, case: Case, done: Sequence[str]) -> str:
        return self.notice(case, "left_out", self.titles(case, done)) if done else ""

    def _topic(self, case: Case, topic: Topic) -> Source:
        return self._knowledge.answer(topic.id, case.brand_id, case.language, case.question.form)

    def _source(self, case: Case, notice: str) -> Source:
        return self._knowledge.notice(notice, case.language, case.question.form)

    def _join(self, case: Case, body: Source, *tail: str, options: Sequence[str] = ()) -> str:
        """In public, a personal body is left out."""
        personal = case.question.public and body.personal
        return self._frame(case, [] if personal else [self._render(case, body, options)], *tail)

    def _frame(self, case: Case, body: Sequence[str], *tail: str) -> str:
        """What goes before and after: in public the invitation to a private channel, not `tail`."""
        first = ["automatic"] if case.question.first else []
        names = ["public"] if case.question.public else tail
        texts = [self.notice(case, name) for name in first]
        texts += body
        texts += [self.notice(case, name) for name in names]
        return self._separator(case).join(text for text in texts if text)

    def _render(self, case: Case, source: Source, options: Sequence[str] = ()) -> str:
        values: dict[str, object] = {
            "brand": brand_values(case.brand, case.language, self._knowledge.facts),
            "options": list(options),
        }
        if not case.question.public:
            values["number"] = case.question.number
            values["cases"] = [view.as_values() for view in case.question.cases]
        text = self._renderer.render(source, values)
        # Chinese needs the wide SMS alphabet anyway; only other languages gain by plain marks.
        plain = case.question.form != "long" and not case.language.startswith("zh")
        return sms_plain(text) if plain else text

    def _separator(self, case: Case) -> str:
        if case.question.form == "long":
            return "\n\n"
        return "" if case.language.startswith("zh") else " "
