"""Whether an announcement may be made: what is wrong with it is said before anybody reads it."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gateway.answers.case import Case, make_case
from gateway.answers.knowledge import Knowledge, Topic
from gateway.answers.length import MOST_SEGMENTS
from gateway.answers.script import CONVERSIONS
from gateway.answers.wording import Wording
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.announcement import Announcement, Words
from gateway.domain.asking import asks_for_secret
from gateway.domain.decision import Question
from gateway.domain.model import Brand
from gateway.domain.segments import segments

#: Characters of the longer text: a mail that is mostly announcement is not read.
LONGEST = 1200
#: A number as long as all are, to measure with.
_NUMBER = "000000-000000"
#: Units of one part of an SMS of several, by its alphabet.
_ROOM = {"GSM-7": 153, "UCS-2": 67}
_ENDS = tuple(".!?…。！？）)”\"'")


def tidy(language: str, words: Words) -> Words:
    """The words with their last full stop: in Chinese nothing else stands between them and what
    follows. The short one is one line."""
    stop = "。" if language.startswith("zh") else "."

    def ended(text: str) -> str:
        return text if not text or text.endswith(_ENDS) else text + stop

    short = ended(" ".join(words.short.split()))
    return Words(short, ended(words.long.strip()), ended(" ".join(words.over.split())))


def problems(
    one: Announcement,
    knowledge: Knowledge,
    brands: Mapping[str, Brand],
    allowed: Mapping[str, Sequence[Allowed]],
    others: Sequence[Announcement] = (),
) -> list[str]:
    """Everything that is wrong with an announcement, each as a sentence that says what to do.

    Args:
        one: the announcement, its words tidied.
        knowledge: the topics and texts it goes with.
        brands: all brands, by id.
        allowed: what texts of a brand may name, for each account it writes by; by brand.
        others: what else is in force; it is measured with those that it overlaps.
    """
    found = [*_unknown("brand", one.brands, brands), *_topics(one, knowledge)]
    found += [
        f"{language} has no short text; give one with --short '{language}=…'"
        for language in knowledge.languages
        if not one.words.get(language, Words("")).short
    ]
    found += _unknown("language", one.words, knowledge.languages)
    if one.ends_at <= one.starts_at:
        found.append("it ends before it begins; give another --until")
    mine = [brand for name, brand in brands.items() if not one.brands or name in one.brands]
    found += _wording(one, [limits for brand in mine for limits in allowed.get(brand.id, ())])
    if not found:
        together = [other for other in others if _overlap(one, other)]
        found += _measured(one, together, knowledge, mine or [Brand("", "")])
    return list(dict.fromkeys(found))


def _unknown(what: str, given: Iterable[str], known: Collection[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
            yield f"{what} {name!r} is not known; {hint}"


def _topics(one: Announcement, knowledge: Knowledge) -> Iterator[str]:
    if not one.topics:
        yield "it belongs to no topic; name one with --topic"
    matters = [name for name, topic in knowledge.topics.items() if not topic.control]
    yield from _unknown("topic", one.topics, matters)


def _wording(one: Announcement, allowed: Sequence[Allowed]) -> Iterator[str]:
    for language, words in one.words.items():
        for form, text in (("short", words.short), ("long", words.long), ("over", words.over)):
            if not text:
                continue
            at = f"the {form} text in {language}"
            if asked := asks_for_secret(text):
                yield f"{at} asks for a code, password or card number ({asked!r}); take it out"
            for limits in allowed or [Allowed()]:
                if why := refusal(text, limits):
                    yield f"{at}: {why}"
        if len(words.long) > LONGEST:
            over = len(words.long) - LONGEST
            yield f"the long text in {language} is {over} characters too long; {LONGEST} at most"


def _overlap(one: Announcement, other: Announcement) -> bool:
    """Whether some customer may be told both at once."""
    return (
        one.id != other.id
        and not (one.ends_at <= other.starts_at or other.ends_at <= one.starts_at)
        and not set(one.topics).isdisjoint(other.topics)
        and (not one.brands or not other.brands or not set(one.brands).isdisjoint(other.brands))
    )


def _measured(
    one: Announcement, others: Sequence[Announcement], knowledge: Knowledge, brands: Sequence[Brand]
) -> Iterator[str]:
    """The longest SMS with each text of it, against what may be sent."""
    wording = Wording(knowledge)
    for language in knowledge.languages:
        excess = {"short": 0, "over": 0}
        for brand in brands:
            for bare in _cases(language, brand, knowledge, one.starts_at):
                over = wording.over(bare, one)
                excess["over"] = max(
                    excess["over"], _excess(over, wording.over(bare, _silent(one)))
                )
                question = replace(bare.question, announcements=(*others, one))
                full = replace(bare, question=question)
                for name in one.topics:
                    topic = knowledge.topics[name]
                    texts = zip(
                        _said(wording, full, topic), _said(wording, bare, topic), strict=True
                    )
                    excess["short"] = max(excess["short"], *(_excess(*both) for both in texts))
        for form, units in excess.items():
            if units:
                beside = ", beside the others in force," if others and form == "short" else ""
                yield (
                    f"the {form} text in {language}{beside} makes an SMS of more than {MOST_SEGMENTS} "
                    f"parts; make it {units} characters shorter"
                )


def _cases(language: str, brand: Brand, knowledge: Knowledge, at: float) -> Iterator[Case]:
    """An SMS in that language, in each script in which it is written."""
    question = Question(
        "", language=language, brand=brand.id, form="short", number=_NUMBER, asked_at=at
    )
    case = make_case(question, {brand.id: brand}, knowledge.languages)
    for script in ("", *CONVERSIONS) if language.startswith("zh") else ("",):
        yield replace(case, script=script)


def _said(wording: Wording, case: Case, topic: Topic) -> tuple[str, ...]:
    """What goes out about a topic without a person's doing."""
    received = wording.to_person(case, "acknowledge", topic, [topic])
    return received, wording.advice(case, topic) if topic.high_risk else wording.answer(case, topic)


def _silent(one: Announcement) -> Announcement:
    """Without its own words for the end."""
    words = {language: replace(words, over="") for language, words in one.words.items()}
    return replace(one, words=words)


def _excess(text: str, without: str) -> int:
    """Units beyond the parts that an SMS may have, or has without the announcement."""
    size, parts = segments(text), max(MOST_SEGMENTS, segments(without).parts)
    if size.parts <= parts:
        return 0
    # A character of two units may leave one unused at the end of a part.
    return max(1, size.units - parts * _ROOM[size.encoding])
