"""The figures that a text states, whatever language it is in: to see whether two texts agree."""

import re
import unicodedata
from collections import Counter

_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
    "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
}  # fmt: skip
"""'One' is left out: it is a word in both languages before it is a number."""
_LARGE = {"千": 1e3, "万": 1e4, "亿": 1e8, "thousand": 1e3, "million": 1e6}
_FIGURE = re.compile(
    r"(?P<time>\d{1,2}[:：]\d{2})(?!\d)\s*(?P<half>[ap]\.?m\b)?"
    r"|(?P<hour>\d{1,2})\s*(?P<half2>[ap]\.?m\b)"
    r"|(?P<number>\d+(?:[ ,]\d{3})*(?:\.\d+)?)\s*(?P<large>千|万|亿|thousand\b|million\b)?"
    r"|(?<![a-z])(?P<word>[a-z]+)(?![a-z])|(?P<han>[两二三四五六七八九十])",
    re.IGNORECASE,
)
_ALL_DAY = re.compile(
    r"24\s*[×x*/]\s*7|7\s*[×x*/]\s*24|24[- ]?hours?|24\s*小时|全天|随时|at any time|around the clock",
    re.IGNORECASE,
)
DAY = 24 * 60


def figures(text: str) -> Counter[str]:
    """Numbers and times of day, each as often as it stands there."""
    plain = unicodedata.normalize("NFKC", text).lower()
    found: Counter[str] = Counter()
    for match in _FIGURE.finditer(plain):
        if match["time"] or match["hour"]:
            found[
                f"at {minutes(match['time'] or match['hour'], match['half'] or match['half2'])}"
            ] += 1
        elif match["number"]:
            value = float(re.sub(r"[ ,]", "", match["number"]))
            found[f"{value * _LARGE.get(match['large'] or '', 1):g}"] += 1
        elif value_of := _WORDS.get(match["word"] or match["han"] or ""):
            found[f"{value_of:g}"] += 1
    return found


def minutes(clock: str, half: str | None = None) -> int:
    """A time of day in minutes; more than a day, or -1, where it is none."""
    hour, _, minute = clock.replace("：", ":").partition(":")
    if int(minute or 0) > 59:
        return -1
    shift = 12 if half and half.startswith("p") and int(hour) < 12 else 0
    return (int(hour) + shift) * 60 + int(minute or 0)


def opening(text: str) -> Counter[str] | None:
    """The times at which something opens and closes, or 'all day'; None where the text names none."""
    if _ALL_DAY.search(text):
        return Counter(["all day"])
    times = Counter({key: n for key, n in figures(text).items() if key.startswith("at ")})
    return times or None
