"""Promises in working days: the date that follows from one, and how it is written. Pure.

"1-3 working days" is kept on the third. It counts from the day on which the customer wrote, in the
brand's time zone and by its calendar.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from gateway.answers.case import Case
from gateway.answers.rendering import Source
from gateway.domain.errors import SettingsError
from gateway.domain.model import JSON, Brand

#: What a fact is marked with in knowledge.toml: `promise = "working days"`.
WORKING_DAYS = "working days"
#: More of them is no promise but a mistake.
MOST_DAYS = 250

_RANGE = re.compile(r"\s*(?:\d{1,3}\s*[-–—~～至到]\s*)?(\d{1,3})\s*")
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_CHINESE_DAYS = "一二三四五六日"


def days_of(value: JSON) -> int | None:
    """How many working days a fact promises at most; None when it is no number and no range."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    found = _RANGE.fullmatch(str(value))
    days = int(found[1]) if found else 0
    return days if 1 <= days <= MOST_DAYS else None


def due_on(case: Case, facts: Iterable[str]) -> dict[str, date]:
    """The last day of each promise; without those that the brand does not make."""
    brand, asked_at = case.brand, case.question.asked_at
    if brand is None or not asked_at:
        return {}
    promised = {fact: days_of(brand.facts.get(fact)) for fact in facts}
    start = brand.calendar.day_of(asked_at) if promised else None
    return {
        fact: brand.calendar.add_business_days(start, days)
        for fact, days in promised.items()
        if start is not None and days is not None
    }


def due_dates(case: Case, facts: Collection[str]) -> dict[str, str]:
    """What templates see as `due`: the dates in words, '' where the brand promises nothing."""
    return dict.fromkeys(facts, "") | {
        fact: in_words(case, day) for fact, day in due_on(case, facts).items()
    }


def in_words(case: Case, day: date) -> str:
    """A date in the language and form of the case: '11月27日（周五）', 'Friday 27 November', short
    '11月27日' and '27 Nov'. The year only where it is another one than today's."""
    asked_at = case.question.asked_at
    year = case.brand.calendar.day_of(asked_at).year if case.brand and asked_at else day.year
    short = case.question.form == "short"
    other_year = day.year != year and not short
    base = case.language.partition("-")[0]
    if base == "zh":
        words = f"{f'{day.year}年' if other_year else ''}{day.month}月{day.day}日"
        name = _CHINESE_DAYS[day.weekday()]
        match case.question.form:
            case "short":
                return words
            case "voice":
                return f"{words}星期{name}"
            case _:
                return f"{words}（周{name}）"
    if base == "en":
        month = _ENGLISH_MONTHS[day.month - 1]
        if short:
            return f"{day.day} {month[:3]}"
        words = f"{_ENGLISH_DAYS[day.weekday()]} {day.day} {month}"
        return f"{words} {day.year}" if other_year else words
    return day.isoformat()


# ---------------------------------------------------------------- what may be promised


def wrong_dates(
    source: Source, promises: Collection[str], working_days: frozenset[str]
) -> list[str]:
    """What is wrong with the promises of a template, each as a sentence that says what to do.

    Args:
        source: the template.
        promises: those of its topic.
        working_days: the facts that promise something in working days.
    """
    stated = working_days & set(promises)
    problems = [
        f"names due.{fact}, which is no promise of this topic in working days; add it to promises "
        f"in topic.toml, with 'promise = \"{WORKING_DAYS}\"' at the fact in knowledge.toml"
        for fact in sorted(source.dues - stated)
    ]
    problems += [
        f"promises brand.{fact} in working days; add {fact!r} to promises in topic.toml"
        for fact in sorted((source.facts & working_days) - stated)
    ]
    problems += [
        f"promises brand.{fact} without its date; say {{{{ due.{fact} }}}} beside it"
        for fact in sorted((source.facts & stated) - source.dues)
    ]
    return problems


def check_brands(working_days: Iterable[str], brands: Mapping[str, Brand]) -> None:
    """Raises `SettingsError` for a promise of a brand from which no date follows."""
    for brand in brands.values():
        for fact in sorted(working_days):
            value = brand.facts.get(fact)
            if value not in (None, "") and days_of(value) is None:
                raise SettingsError(
                    "is a promise in working days: expects a number or a range such as '1-3', up to "
                    f"{MOST_DAYS}",
                    key=f"brands.{brand.id}.facts.{fact}",
                )
