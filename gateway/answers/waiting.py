"""What is known of a wait, as words: the place, the time, when it opens. Pure.

In numerals to be read, in number words to be heard. Times of a wait are those of the ladder in
`gateway.routing.waiting`, from one minute to four hours; a time of the day is the brand's.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.answers.case import Case
from gateway.answers.promising import in_words
from gateway.answers.variants import TIME_ZONE
from gateway.domain.model import JSON
from gateway.domain.waiting import Notice

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_CHINESE = "零一二三四五六七八九"
#: Up to here, and not with it, numbers are spoken as words; longer ones any voice reads well.
_SPELT = 100


def wait_values(case: Case, told: Notice) -> dict[str, JSON]:
    """What the template of the notice `waiting` sees: kind, whether one is next, place, time, when it
    opens, what is offered; '' for what is not known."""
    return {
        "kind": told.kind,
        "first": told.position == 1,
        "place": _number(case, told.position) if told.position else "",
        "time": _time(case, told),
        "opens": "" if told.opens_at is None else _opens(case, told.opens_at, told.at),
        "offers": [*told.offers],
    }


def shortened(told: Notice) -> Iterator[Notice]:
    """What is told, all of it first, then less and less, the most useful to the end."""
    yield told
    if told.offers:
        told = replace(told, offers=())
        yield told
    if told.opens_at is not None and told.kind != "closed":
        told = replace(told, opens_at=None)
        yield told
    if told.kind == "busy" and (told.form or told.position):
        told = replace(told, kind="wait" if told.form else "position")
        yield told
    if told.form and told.position:
        yield replace(told, position=0)


# ---------------------------------------------------------------- how long


def _time(case: Case, told: Notice) -> str:
    """'about 10 minutes', '5 to 10 minutes', '约 10 分钟', ' 5 到 10 分钟' (Chinese text has a space
    before numerals)."""
    if told.form is None or told.low is None:
        return ""
    low = round(told.low / 60)
    high = low if told.high is None else round(told.high / 60)
    if told.form == "range":
        return f"{_gap(case)}{_range(case, low, high)}"
    words = {
        "about": ("大约" if _spoken(case) else "约", "about"),
        "under": ("不到", "less than"),
        "over": ("超过", "more than"),
    }[told.form]
    length = _length(case, high if told.form == "under" else low)
    return f"{words[0]}{_gap(case)}{length}" if _chinese(case) else f"{words[1]} {length}"


def _range(case: Case, low: int, high: int) -> str:
    """From so many minutes to so many; one unit for both where they have one."""
    gap = _gap(case)
    if low % 60 == high % 60 == 0:
        first, last = f"{_number(case, low // 60, counts=True)}{gap}", _length(case, high)
    elif high < 120:
        first = f"{_number(case, low, counts=True)}{gap}"
        last = _length(case, high, hours=False)
    else:
        first, last = _length(case, low), _length(case, high)
    return f"{first}到{gap}{last}" if _chinese(case) else f"{first} to {last}"


def _length(case: Case, minutes: int, *, hours: bool = True) -> str:
    """'10 minutes', '1 hour', '两小时'; whole hours as such unless told otherwise."""
    whole = hours and minutes % 60 == 0
    count = minutes // 60 if whole else minutes
    if _chinese(case):
        return f"{_number(case, count, counts=True)}{_gap(case)}{'小时' if whole else '分钟'}"
    unit = "hour" if whole else "minute"
    return f"{_number(case, count)} {unit}{'' if count == 1 else 's'}"


# ---------------------------------------------------------------- when


def _opens(case: Case, opens_at: float, now: float) -> str:
    """'today at 9:00 am', '明天 9:00 ', 'on Monday 23 November at 9:00 am', in the brand's time zone."""
    zone = ZoneInfo(case.brand.calendar.zone if case.brand else TIME_ZONE)
    opens = datetime.fromtimestamp(opens_at, zone)
    days = opens.date() - datetime.fromtimestamp(now, zone).date()
    near = days < timedelta(days=2)
    if _chinese(case):
        day = ("今天", "明天")[days.days] if near else in_words(case, opens.date())
        gap = _gap(case)
        return f"{day}{gap if near else ''}{_clock_in_chinese(case, opens)}{gap}"
    day = ("today", "tomorrow")[days.days] if near else f"on {in_words(case, opens.date())}"
    return f"{day} at {_clock_in_english(case, opens)}"


def _clock_in_chinese(case: Case, at: datetime) -> str:
    if not _spoken(case):
        return f"{at.hour}:{at.minute:02}"
    parts = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    part = next(name for until, name in parts if at.hour < until)
    hour = at.hour - 12 if at.hour > 12 else at.hour
    said = f"{part}{_number(case, hour, counts=True)}点"
    if at.minute == 30:
        return f"{said}半"
    return f"{said}{_number(case, at.minute)}分" if at.minute else said


def _clock_in_english(case: Case, at: datetime) -> str:
    hour = at.hour % 12 or 12
    if not _spoken(case):
        return f"{hour}:{at.minute:02} {'am' if at.hour < 12 else 'pm'}"
    parts = ((12, "in the morning"), (18, "in the afternoon"), (24, "in the evening"))
    part = next(name for until, name in parts if at.hour < until)
    minute = f" {'oh ' if at.minute < 10 else ''}{_number(case, at.minute)}" if at.minute else ""
    return f"{_number(case, hour)}{minute} {part}"


# ---------------------------------------------------------------- numbers


def _number(case: Case, value: int, *, counts: bool = False) -> str:
    """In numerals; spoken in words. `counts`: so many of something, for which Chinese has a word of
    its own for two."""
    if not _spoken(case) or value >= _SPELT:
        return str(value)
    tens, ones = divmod(value, 10)
    if _chinese(case):
        if counts and value == 2:
            return "两"
        ten = f"{_CHINESE[tens] if tens > 1 else ''}十" if tens else ""
        return f"{ten}{_CHINESE[ones] if ones or not tens else ''}"
    if value < len(_ONES):
        return _ONES[value]
    return f"{_TENS[tens]}-{_ONES[ones]}" if ones else _TENS[tens]


def _chinese(case: Case) -> bool:
    return case.language.startswith("zh")


def _spoken(case: Case) -> bool:
    return case.question.form == "voice"


def _gap(case: Case) -> str:
    """Between Chinese characters and numerals: a space where there is room for it."""
    return " " if _chinese(case) and case.question.form == "long" else ""
