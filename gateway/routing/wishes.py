"""What a customer says about being called: the number, where it is, and the time they wish.

Pure. Where it is not sure what is meant, nothing is guessed: the answer says what to ask.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType as Type
from phonenumbers import ValidationResult as Length
from phonenumbers.timezone import time_zones_for_number

from gateway.routing.callbacks import Window

# ---------------------------------------------------------------- the number that a customer gives


class BadNumber(StrEnum):
    """Why a number is not taken."""

    UNREADABLE = "unreadable"
    SEVERAL = "several"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNKNOWN = "unknown"
    """The length is right, but the country gives out no such number."""
    EXTENSION = "extension"
    COUNTRY = "country"
    """Not on the list of countries that are called."""
    PREMIUM = "premium"
    """Calling it costs more than a call."""
    SERVICE = "service"
    """A hotline, a pager, a mailbox: nobody's own telephone."""


Ask = Literal["again", "country_code", "direct_number", "other_number"]
ASKS: dict[BadNumber, Ask] = {
    BadNumber.UNREADABLE: "again",
    BadNumber.SEVERAL: "again",
    BadNumber.TOO_SHORT: "country_code",
    BadNumber.TOO_LONG: "country_code",
    BadNumber.UNKNOWN: "country_code",
    BadNumber.EXTENSION: "direct_number",
    BadNumber.COUNTRY: "other_number",
    BadNumber.PREMIUM: "other_number",
    BadNumber.SERVICE: "other_number",
}
"""What to ask for; 'country_code' is to write it again with the code of the country in front."""
QUESTIONS: dict[Ask, dict[str, str]] = {
    "again": {
        "zh-CN": "请只写一个您的电话号码。",
        "en": "Please write one telephone number of yours.",
    },
    "country_code": {
        "zh-CN": "请把电话号码连同国家或地区代码再写一遍。",
        "en": "Please write the number once more, with the code of its country in front.",
    },
    "direct_number": {
        "zh-CN": "请留一个不用转分机的电话号码。",
        "en": "Please give a number that reaches you without an extension.",
    },
    "other_number": {
        "zh-CN": "这个号码我们无法回拨，请换一个您自己的手机或座机号码。",
        "en": "We cannot call this number; please give another mobile or landline number of yours.",
    },
}
"""What the customer is asked then, by language; the agent's to send."""
AGREED = {
    "zh-CN": ("好的，我们会在{from_day}{from_clock}以后给您回电（按您当地时间）。",
              "好的，我们会在{from_day}{from_clock}到{until_clock}之间给您回电（按您当地时间）。",
              "好的，我们会尽快给您回电。"),
    "en": ("We will call you on {from_day}, from {from_clock} on (your time).",
           "We will call you on {from_day}, between {from_clock} and {until_clock} (your time).",
           "We will call you as soon as we can."),
}  # fmt: skip
"""What the customer is told who said when: from then on, between two hours of a day, or at once."""
NOT_THEN = {
    "zh-CN": "这个时间已经过了，或者太早、太晚，我们不打电话。请换一个时间，例如“明天下午三点”。",
    "en": "That time has passed, or it is too early or too late for a call. Please name another one, "
    "such as 'tomorrow 3pm'.",
}
"""What is asked of a customer who said when, and may not be called then."""
#: Before a number that is the customer's own, to be called: "call me on", "请打".
_MINE = re.compile(
    r"(?:\b(?:call|ring|phone|reach|contact)(?: me)?(?: back)? (?:on|at)"
    r"|\bmy (?:mobile |phone |cell |own )*(?:number|phone|mobile|cell)(?: is)?"
    r"|打给我|给我打(?:个?电话)?|请(?:您|你)?(?:拨打|打|拨|致电|回电)|回电(?:话|至|到)?|联系我"
    r"|我的?(?:联系)?(?:电话|手机)(?:号码|号)?[是为]?|我的号码[是为]?)[\s:：,，]*$",
    re.IGNORECASE,
)
_OWN = frozenset({Type.FIXED_LINE, Type.MOBILE, Type.FIXED_LINE_OR_MOBILE, Type.VOIP})
_SHORT = frozenset({Length.TOO_SHORT, Length.IS_POSSIBLE_LOCAL_ONLY})


def read_number(text: str, region: str, countries: frozenset[str]) -> str | BadNumber:
    """The one number in `text` as E.164, or why it is not taken (`ASKS` says what to ask).

    Args:
        text: as the customer wrote it.
        region: the country of a number without a country code: 'CN'.
        countries: the regions that may be called; of numbers with one code (+1) each by itself.
    """
    text = re.sub("转|分机", " ext. ", text)
    found = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.POSSIBLE)
    numbers = {str(match.number): match.number for match in found}
    if len(numbers) > 1:
        return BadNumber.SEVERAL
    if not numbers and re.search("[A-Za-z]", text):
        return BadNumber.UNREADABLE  # `parse` would take letters for the digits on their keys
    try:
        number = next(iter(numbers.values())) if numbers else phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        long = error.error_type == error.TOO_LONG
        return BadNumber.TOO_LONG if long else BadNumber.UNREADABLE
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _SHORT:
        return BadNumber.TOO_SHORT
    if length == Length.TOO_LONG:
        return BadNumber.TOO_LONG
    if not phonenumbers.is_valid_number(number):
        return BadNumber.UNKNOWN
    if number.extension:
        return BadNumber.EXTENSION
    kind = phonenumbers.number_type(number)
    if kind in (Type.PREMIUM_RATE, Type.PERSONAL_NUMBER):
        return BadNumber.PREMIUM
    if phonenumbers.region_code_for_number(number) not in countries:
        return BadNumber.COUNTRY
    if kind not in _OWN:
        return BadNumber.SERVICE
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def beside_number(text: str, region: str) -> tuple[str, bool] | None:
    """What stands beside the one number in `text`, and whether the words before it say that the customer
    is to be called on it: who only tells of a number has nobody called. None without a number, or with
    several."""
    found = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.POSSIBLE)
    matches = list(found)
    if len(matches) != 1:
        return None
    before, after = text[: matches[0].start], text[matches[0].end :]
    mine = _MINE.search(before)
    parts = (before[: mine.start()] if mine else before, after)
    return " ".join(filter(None, (part.strip(" ,，.。;；:：") for part in parts))), bool(mine)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose numbers are called."""

    region: str = "CN"
    """The country of a number without a country code."""
    countries: frozenset[str] = frozenset({"CN"})
    """Where may be called."""
    regions: Mapping[str, str] = field(default_factory=dict)
    """`region` of single brands."""

    def read(self, text: str, brand: str) -> str | BadNumber:
        """As `read_number`, for a customer of `brand`."""
        return read_number(text, self.region_of(brand), self.countries)

    def region_of(self, brand: str) -> str:
        """The country of a number without a country code that a customer of `brand` writes."""
        return self.regions.get(brand, self.region)


def zone_of(number: str, now: float) -> str | None:
    """The time zone of an E.164 number; None where it may be one of several whose clocks differ within
    the year after `now`: then the customer is asked."""
    names = time_zones_for_number(phonenumbers.parse(number))
    try:
        zones = [ZoneInfo(name) for name in names]
    except (ZoneInfoNotFoundError, ValueError):
        return None  # 'Etc/Unknown', or a name that this machine's table lacks
    months = [now + month * 30 * 86400 for month in range(13)]
    clocks = {tuple(datetime.fromtimestamp(at, z).utcoffset() for at in months) for z in zones}
    return names[0] if len(clocks) == 1 else None


# ---------------------------------------------------------------- the time that a customer wishes

AT_ONCE_FOR = 24 * 3600.0
"""How long a wish to be called now stands, in seconds: until its place comes, over a night too."""
AT_FOR = 3600.0
"""'At three' is three to four."""
LEAST_LEFT = 900.0
"""A window that has fewer seconds left is not meant."""

_NOW = re.compile(
    "now|asap|right now|right away|immediately|as soon as possible|现在|马上|立刻|立即|尽快|越快越好"
)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Chinese to the words of the one grammar, in this order.
_CHINESE: tuple[tuple[str, str], ...] = (
    ("后天", "overmorrow"), ("今晚", "today evening"), ("明晚", "tomorrow evening"),
    ("明早", "tomorrow morning"), ("今天|今日", "today"), ("明天|明日", "tomorrow"),
    ("早上|早晨|上午", "morning"), ("下午", "afternoon"), ("晚上", "evening"), ("中午", "noon"),
    ("(?:以|之)后", "after"), ("(?:以|之)前", "before"), ("到|至|~|–|—", "-"),
    ("点一刻", "点15分"), ("点三刻", "点45分"), ("点半", "点30分"),
)  # fmt: skip
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_FILLERS = re.compile(
    r"\b(?:please|can you|could you|you can|call(?: me)?(?: back)?|me|back|at|on|in the|around|about)\b"
    "|请|(?<!现)在|麻烦|给我|打给我|打电话|回电话|回电|回我|联系我|左右|[.,!。,!]$"
)
_TOKEN = re.compile(
    rf"(?P<d>today|tomorrow|overmorrow|\+?(?:{'|'.join(_WEEK)}))"
    r"|(?P<c>(?:(?:morning|afternoon|evening|noon)\ *)?\d{1,2}(?::\d{2}|h)?\ *(?:am\b|pm\b)?)"
    r"|(?P<p>morning|afternoon|evening|noon)"
    r"|(?P<a>after)|(?P<b>before)|(?P<f>from|between)|(?P<t>-|to|until|and)"
)
_PHRASE = re.compile(r"(?:d?p?|p?d)(?:c|ac|fc|ca|bc|cb|f?ctc)?(?:p?d?)")
#: The hours of a part of the day, and those that may be said of it by a clock of twelve.
_PARTS = {"morning": (8, 12), "noon": (12, 14), "afternoon": (12, 18), "evening": (18, 22)}
_SAID = {"morning": (5, 11), "noon": (11, 13), "afternoon": (12, 18), "evening": (17, 23)}


def window_of(wish: str, zone: str, now: float) -> Window | None:
    """The window that a simple wish in Chinese or English means: "now", "tomorrow 3pm", "明天下午三点",
    "after 18:00", "周五上午", "from 3 to 5 pm".

    Conservative: None where a word is not known, an hour may be morning or afternoon ("at 3", "3点"),
    the time has passed, a day is not sure ("Monday" on a Monday), or a change of clocks leaves the
    time out. Then the customer is asked with choices; their texts are read here too.

    Args:
        wish: what the customer wrote or chose.
        zone: where the customer is: IANA name.
        now: seconds since 1970.
    """
    text = (
        unicodedata.normalize("NFKC", wish).casefold().replace("a.m.", "am").replace("p.m.", "pm")
    )
    text = " ".join(_FILLERS.sub(" ", text).split())
    if _NOW.fullmatch(text):
        return Window(now, now + AT_ONCE_FOR, zone)
    tokens = _tokens(text)
    if not tokens:
        return None
    kinds = "".join(kind for kind, _ in tokens)
    if not _PHRASE.fullmatch(kinds) or kinds.count("d") > 1 or kinds.count("p") > 1:
        return None
    said = {kind: value for kind, value in tokens if kind in "dp"}
    clocks = [value for kind, value in tokens if kind == "c"]
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    day = _day(said.get("d", "today"), today)
    hours = _hours(kinds, clocks, said.get("p", ""))
    if day is None or hours is None:
        return None
    start, end = (_moment(day, minutes, zone) for minutes in hours)
    if start is None or end is None:
        return None
    if len(clocks) == 1 and not set(kinds) & set("abf"):
        end = start + AT_FOR
        return Window(start, end, zone) if start >= now else None
    start = max(start, now)
    return Window(start, end, zone) if end - start >= LEAST_LEFT else None


def _tokens(text: str) -> list[tuple[str, str]]:
    """The words of a wish as (kind, word), [] where one is not known."""
    for name, day in zip((*"一二三四五六", "[日天]"), _WEEK, strict=True):
        text = re.sub(f"下(?:周|星期|礼拜){name}", f"+{day} ", text)
        text = re.sub(f"(?:周|星期|礼拜){name}", f"{day} ", text)
    for chinese, word in _CHINESE:
        text = (
            re.sub(chinese, f" {word} ", text) if "点" not in word else text.replace(chinese, word)
        )
    text = re.sub("[零一二两三四五六七八九十]+(?=[点时分])", lambda m: str(_number(m[0])), text)
    text = re.sub(r"(\d+)[点时](\d{1,2})分?", lambda m: f"{m[1]}:{int(m[2]):02}", text)
    text = re.sub(r"(\d+)[点时]钟?", r"\1h", text).replace("tonight", "today evening")
    text = text.replace("the day after tomorrow", "overmorrow")
    text = text.replace("day after tomorrow", "overmorrow")
    tokens, at = [], 0
    for match in re.finditer(r"\S+", text):
        at = max(at, match.start())
        while at < match.end():
            if (token := _TOKEN.match(text, at)) is None:
                return []
            tokens.append((token.lastgroup or "", token[0].strip()))
            at = token.end()
    return tokens


def _number(chinese: str) -> int:
    """'二十三' → 23."""
    tens, ten, ones = chinese.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


def _day(word: str, today: date) -> date | None:
    if word in (near := ("today", "tomorrow", "overmorrow")):
        return today + timedelta(days=near.index(word))
    weekday = _WEEK.index(word.lstrip("+"))
    if word.startswith("+"):  # of the week after this one, which begins on a Monday
        return today + timedelta(days=7 - today.weekday() + weekday)
    ahead = (weekday - today.weekday()) % 7
    return today + timedelta(days=ahead) if ahead else None


def _hours(kinds: str, clocks: list[str], part: str) -> tuple[int, int] | None:
    """The start and the end in minutes of the day; None where they are not sure."""
    if not clocks:
        opens, shuts = _PARTS.get(part, (0, 24))
        return opens * 60, shuts * 60
    parts = [found[0] if (found := re.search("[a-z]{2,}", one)) else part for one in clocks]
    if len(clocks) == 2:  # "3 to 5 pm", "下午3点到5点"
        parts = [parts[0] or parts[1], parts[1] or parts[0]]
    first = _minutes(clocks[0], parts[0])
    last = _minutes(clocks[-1], parts[-1])
    if first is None or last is None:
        return None
    if len(clocks) == 2:
        return (first, last) if first < last else None
    return (0, first) if "b" in kinds else (first, 24 * 60)


def _minutes(clock: str, part: str) -> int | None:
    """A clock in minutes of the day; `part` is of the day, 'am', 'pm' or ''."""
    digits = re.findall(r"\d+", clock)
    hour, minute = int(digits[0]), int(digits[1]) if digits[1:] else 0
    if hour > 23 or minute > 59:
        return None
    if part in ("am", "pm"):
        return (hour % 12 + 12 * (part == "pm")) * 60 + minute if 1 <= hour <= 12 else None
    if part:
        first, last = _SAID[part]
        for meant in (hour, hour + 12):
            if first <= meant <= last:
                return meant * 60 + minute
        return None
    # By a clock of 24: nothing else has 13 hours, or writes 09:30.
    sure = hour > 12 or (len(digits) == 2 and len(digits[0]) == 2)
    return hour * 60 + minute if sure else None


def _moment(day: date, minutes: int, zone: str) -> float | None:
    """When it is that time there; None where the clocks are changed over it."""
    clock = datetime.combine(day, time.min) + timedelta(minutes=minutes)
    at = clock.replace(tzinfo=ZoneInfo(zone)).timestamp()
    return at if datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None) == clock else None


# ---------------------------------------------------------------- what the customer is told


def agreed(window: Window, first: float, now: float, language: str) -> str:
    """What a customer is told who said when: what was understood, by their own clock.

    Args:
        window: what they said.
        first: the first moment at which they may be called then.
        now: seconds since 1970.
        language: theirs.
    """
    chinese = language.startswith("zh")
    since, between, at_once = AGREED["zh-CN" if chinese else "en"]
    zone = ZoneInfo(window.zone)
    start, end = (datetime.fromtimestamp(at, zone) for at in (first, window.end))
    if first <= now and window.end - window.start >= AT_ONCE_FOR:
        return at_once
    values = {
        "from_day": f"{start.month}月{start.day}日" if chinese else f"{start.day} {start:%B}",
        "from_clock": f"{start:%H:%M}",
        "until_clock": f"{end:%H:%M}",
    }
    return (between if start.date() == end.date() else since).format(**values)
