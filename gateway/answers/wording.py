"""Puts outgoing texts together: the note that it is automatic, the announcements in force, the body,
the way to a person.

These parts are joined here and not in the templates, so that no template can forget one
(DESIGN §7 rule 7).
"""

from collections.abc import Mapping, Sequence
from datetime import date

from gateway.answers.case import Case
from gateway.answers.checklist import keep, numbered
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.length import fits
from gateway.answers.promising import due_dates, due_on, in_words
from gateway.answers.rendering import Renderer, Source, brand_values, sms_plain
from gateway.answers.script import Scribe, guarded, in_language
from gateway.answers.slots import missing
from gateway.answers.tables import MOST, Tables
from gateway.answers.variants import TIME_ZONE, chosen
from gateway.answers.waiting import shortened, wait_values
from gateway.domain.announcement import Announcement
from gateway.domain.decision import Promise
from gateway.domain.waiting import Notice

#: Steps that a short channel gets at a time.
STEPS_AT_ONCE = 2
#: After an answer: whether it helped, and how to reach a person.
_CLOSING = ("solved_question", "way_to_person")
#: What a text to somebody who waits ends with.
_ENDINGS = ("follow_up", "way_to_person")


class Wording:
    """Words for decisions, from one knowledge base."""

    def __init__(self, knowledge: Knowledge, tables: Tables | None = None) -> None:
        self._knowledge = knowledge
        self._tables = tables or Tables()
        self._renderer = Renderer()
        self._scribe = Scribe(knowledge.words)

    def answer(self, case: Case, topic: Topic) -> str:
        """An automatic answer with the question whether it helped."""
        text = self._join(case, self._topic(case, topic), *_CLOSING, about=[topic])
        return text if _has_room(case, text) else self.instead(case, [topic]) or text

    def instead(self, case: Case, topics: Sequence[Topic]) -> str:
        """What stands in place of an SMS answer that leaves no room for the announcements about
        `topics`: while these last, its steps help nobody. '' where nothing is announced."""
        news = self._news(case, topics)
        return self._frame(case, [], *_CLOSING, about=topics) if news else ""

    def answer_left(self, case: Case, topic: Topic, left: Sequence[str]) -> str:
        """The answer with only the steps that are `left`, and a word about the others."""
        body = self._render(case, self._topic(case, topic))
        indexes = [i for i, step in enumerate(topic.checklist) if step in left]
        if len(indexes) == len(topic.checklist) or len(numbered(body)) != len(topic.checklist):
            return self.answer(case, topic)
        done = [step for step in topic.checklist if step not in left]
        parts = [keep(body, indexes), self._left_out(case, done)]
        text = self._frame(case, parts, *_CLOSING, about=[topic])
        return text if _has_room(case, text) else self.instead(case, [topic]) or text

    def steps(
        self, case: Case, topic: Topic, left: Sequence[str], done: Sequence[str] = ()
    ) -> tuple[str, list[str]]:
        """The next steps for a short channel, and which they are: two where they fit, else one.
        `done` is told to be left out where there is room to say so. ('', []) where the long form
        does not have its steps in numbered lines (a brand's own may not); no steps beside an
        announcement that leaves no room for one."""
        long = self._knowledge.answer(topic.id, case.brand_id, case.language, "long")
        lines = numbered(self._render(case, long))
        if len(lines) != len(topic.checklist):
            return "", []
        if case.script:  # they are rendered once more, in a notice
            lines = [guarded(line) for line in lines]
        sentences = dict(zip(topic.checklist, lines, strict=True))
        source = self._source(case, "try_steps")
        text = ""
        for count in range(min(STEPS_AT_ONCE, len(left)), 0, -1):
            given = list(left[:count])
            steps = self._render(case, source, [sentences[step] for step in given])
            for parts in ([self._left_out(case, done), steps], [steps]):
                text = self._frame(case, parts, *_CLOSING, about=[topic])
                if _has_room(case, text):
                    return text, given
        news = self.instead(case, [topic])
        return (news, []) if news else (text, list(left[:1]))

    def answer_both(self, case: Case, topics: Sequence[Topic]) -> str:
        """The answers to two matters under their titles; '' where a short channel has no room."""
        parts = []
        for topic in topics:
            body = self._render(case, self._topic(case, topic))
            title = self._scribe.write(topic.titles[case.language], case.script)
            parts.append(
                f"■ {title}\n{body}" if case.question.form == "long" else f"{title}: {body}"
            )
        text = self._frame(case, parts, *_CLOSING, about=topics)
        return text if case.question.form == "long" or fits(text) else ""

    def advice(self, case: Case, topic: Topic, news: Sequence[Topic] = ()) -> str:
        """What to do now while a person takes over. `news`: whose announcements stand in it, where
        `topic` is only how it was asked or not all that was."""
        return self._join(case, self._topic(case, topic), "follow_up", about=news or [topic])

    def courtesy(self, case: Case, topic: Topic) -> str:
        """A friendly word that asks nothing."""
        return self._join(case, self._topic(case, topic), "way_to_person")

    def to_person(
        self, case: Case, notice: str, about: Topic | None = None, news: Sequence[Topic] = ()
    ) -> str:
        """A notice that a person takes over; of a known matter with what that person will need: mail
        gets a list, other channels the first thing missing where there is room for it. `news`: whose
        announcements stand in it."""
        slots = [self._knowledge.slots[name] for name in about.slots] if about else []
        titles = [slot.titles[case.language] for slot in missing(slots, case.rule_text)]
        if titles and not case.question.public:
            wanted = titles if case.question.form == "long" else titles[:1]
            body = [self.notice(case, notice), self.notice(case, "missing", wanted)]
            text = self._frame(case, body, "follow_up", about=news)
            if _has_room(case, text):
                return text
        return self._join(case, self._source(case, notice), "follow_up", about=news)

    def ask(self, case: Case, notice: str, options: Sequence[str]) -> str:
        """A question back with numbered options."""
        return self._join(case, self._source(case, notice), "way_to_person", options=options)

    def draft(self, case: Case, topic: Topic) -> str:
        """The bare answer, for an agent to send or change; '' where it may not be public."""
        source = self._topic(case, topic)
        if case.question.public and source.personal:
            return ""
        news = self._news(case, [topic]).values()
        return self._separator(case).join([*news, self._render(case, source)])

    def over(self, case: Case, announcement: Announcement) -> str:
        """What an announcement spoke of is over: its own words for it, or ours."""
        own = self._written(case, announcement.over(case.language))
        body = own or self.notice(case, "announcement_over")
        return self._frame(case, [body], *_CLOSING)

    def announced(self, case: Case, topics: Sequence[Topic], text: str) -> tuple[str, ...]:
        """The ids of the announcements about `topics` that stand in `text`."""
        return tuple(name for name, said in self._news(case, topics).items() if said in text)

    def promises(self, case: Case, topic: Topic, text: str) -> tuple[Promise, ...]:
        """What `text` holds us to: the dates it names. None in public, where nobody is asked
        afterwards whether it was kept."""
        if case.question.public or case.brand is None:
            return ()
        calendar, dates = case.brand.calendar, due_on(case, self._topic(case, topic).dues)
        return tuple(
            Promise(topic.id, fact, day.isoformat(), calendar.opening_after(day))
            for fact, day in sorted(dates.items())
            if self._scribe.write(in_words(case, day), case.script) in text
        )

    def promise_passed(self, case: Case, topic: Topic, by: str) -> str:
        """Asks whether it was done, when the date that was named has passed."""
        given = {
            "matter": topic.titles[case.language],
            "promised": in_words(case, date.fromisoformat(by)),
        }
        body = self._render(case, self._source(case, "promise_passed"), given=given)
        return self._frame(case, [body], *_CLOSING)

    def with_wait(self, case: Case, text: str, told: Notice) -> tuple[str, Notice | None]:
        """`text` with what is known of the wait, before its closing words; and what of that was said:
        a short form leaves out what it has no room for."""
        closing = next(
            (end for name in _ENDINGS if (end := self.notice(case, name)) and text.endswith(end)),
            "",
        )
        separator = self._separator(case)
        head = text.removesuffix(closing).removesuffix(separator)
        for less in shortened(told):
            values = wait_values(case, less)
            said = self._render(case, self._source(case, "waiting"), given=values)
            whole = separator.join(part for part in (head, said, closing) if part)
            if _has_room(case, whole):
                return whole, less
        return text, None

    def notice(self, case: Case, name: str, options: Sequence[str] = ()) -> str:
        """A notice by itself."""
        return self._render(case, self._source(case, name), options)

    def titles(self, case: Case, steps: Sequence[str]) -> list[str]:
        """What steps are called."""
        return [self._knowledge.steps[step].titles[case.language] for step in steps]

    def _left_out(self, case: Case, done: Sequence[str]) -> str:
        return self.notice(case, "left_out", self.titles(case, done)) if done else ""

    def named(self, case: Case, topic: Topic) -> list[str]:
        """The words by which the customer names rows of any brand's tables that the answer uses:
        the answer then differs by brand, and they are kept while the brand is asked for."""
        used = (cell for source in topic.answers.values() for cell in source.cells)
        return self._tables.said(case.looked_up, used)

    def states_row(self, case: Case, topic: Topic) -> bool:
        """Whether the answer states a row of the brand's tables that the customer names."""
        return any(self._rows(case, self._topic(case, topic)).values())

    def _rows(self, case: Case, source: Source, most: int = MOST) -> Mapping[str, Sequence[object]]:
        return self._tables.hits(
            case.brand_id, case.looked_up, source.cells, case.language, case.script, most
        )

    def _topic(self, case: Case, topic: Topic) -> Source:
        asked = case.question
        zone = case.brand.calendar.zone if case.brand else TIME_ZONE
        variant = chosen(topic.variants, asked.asked_at, case.app, zone)
        return self._knowledge.answer(topic.id, case.brand_id, case.language, asked.form, variant)

    def _source(self, case: Case, notice: str) -> Source:
        return self._knowledge.notice(notice, case.language, case.question.form)

    def _join(
        self,
        case: Case,
        body: Source,
        *tail: str,
        options: Sequence[str] = (),
        about: Sequence[Topic] = (),
    ) -> str:
        """In public, a personal body is left out. A short form states as many rows of a table as fit,
        and what is announced about a second matter only where there is room for it."""
        personal = case.question.public and body.personal
        tries = [(most, about) for most in range(MOST if body.cells else 0, -1, -1)]
        tries += [(0, about[:1])] if len(about) > 1 else []
        text = ""
        for most, topics in tries:
            parts = [] if personal else [self._render(case, body, options, most)]
            text = self._frame(case, parts, *tail, about=topics)
            if _has_room(case, text):
                break
        return text

    def _frame(
        self, case: Case, body: Sequence[str], *tail: str, about: Sequence[Topic] = ()
    ) -> str:
        """What goes before and after: the announcements about `about`, and in public the invitation to
        a private channel, not `tail`."""
        first = ["automatic"] if case.question.first else []
        names = ["public"] if case.question.public else tail
        texts = [self.notice(case, name) for name in first]
        texts += self._news(case, about).values()
        texts += body
        texts += [self.notice(case, name) for name in names]
        return self._separator(case).join(text for text in texts if text)

    def _news(self, case: Case, topics: Sequence[Topic]) -> dict[str, str]:
        """By id, the announcements that a text about these topics carries, as they are said here: in
        force, for the brand, not told to this customer before, and in public only those meant for it."""
        asked = case.question
        found = {
            one.id: self._written(case, one.text(case.language, asked.form))
            for one in asked.announcements
            if any(one.covers(topic.id, case.brand_id) for topic in topics)
            and (one.public or not asked.public)
        }
        return {name: said for name, said in found.items() if said}

    def _written(self, case: Case, text: str) -> str:
        """The words of staff, in the script and the marks of this channel."""
        return self._finish(case, str(in_language(text, case.language, case.script)))

    def _render(
        self,
        case: Case,
        source: Source,
        options: Sequence[str] = (),
        most: int = MOST,
        given: Mapping[str, object] | None = None,
    ) -> str:
        """`most`: how many rows of a table it may state; `given`: further variables."""
        values: dict[str, object] = {
            **(given or {}),
            "due": due_dates(case, source.dues),
            "brand": brand_values(case.brand, case.language, source.facts, case.script),
            "options": list(options),
        }
        if source.cells:
            values["rows"] = self._rows(case, source, most)
        if not case.question.public:
            values["number"] = case.question.number
            values["cases"] = [view.as_values() for view in case.question.cases]
        return self._finish(case, self._renderer.render(source, values))

    def _finish(self, case: Case, text: str) -> str:
        text = self._scribe.write(text, case.script)
        # Chinese needs the wide SMS alphabet anyway; only other languages gain by plain marks.
        plain = case.question.form != "long" and not case.language.startswith("zh")
        return sms_plain(text) if plain else text

    def _separator(self, case: Case) -> str:
        if case.question.form == "long":
            return "\n\n"
        return "" if case.language.startswith("zh") else " "


def _has_room(case: Case, text: str) -> bool:
    """Whether the channel takes a text of this length."""
    return case.question.form != "short" or fits(text)
