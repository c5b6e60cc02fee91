"""Texts that are longer than a channel takes, as several that fit: nothing is cut off, and nothing is cut
in the middle where it could be elsewhere. Pure.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

TextUnit = Literal["chars", "utf16", "bytes"]

#: Where a text may be divided, the best first: between paragraphs, lines, sentences, words.
_BREAKS = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?:[。！？；…]+[”’」』）】》]*|[.!?;]+[\"')\]]*(?=\s))\s*"),
    re.compile(r"[，、：]\s*|\s+"),
)
#: A division that would leave a part emptier than this is passed over for one of the next kind: each part
#: is a message of its own, and may count against a budget.
_LEAST_FILLED = 0.5

_JOINERS = ("\u200c", "\u200d")
_FLAGS = range(0x1F1E6, 0x1F200)
#: Skin tones, and what tells the flags of regions apart: part of the picture before them.
_MODIFIERS = (*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))
#: Hangul in letters: leading consonants, then vowels and final consonants; and in whole syllables.
_LEADING, _FOLLOWING, _SYLLABLES = (
    range(0x1100, 0x1160),
    range(0x1160, 0x1200),
    range(0xAC00, 0xD7A4),
)


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How long a text may be, as the provider counts."""

    size: int = 0
    """0: as long as it likes."""
    unit: TextUnit = "chars"
    """Code points, 16-bit units, or bytes of UTF-8."""

    def measure(self, text: str) -> int:
        """The length of `text` in the unit."""
        return sum(map(self._weight, text))

    def fits(self, text: str) -> bool:
        """Whether `text` can go out in one piece."""
        return not self.size or self.measure(text) <= self.size

    def _weight(self, char: str) -> int:
        code = ord(char)
        if self.unit == "chars":
            return 1
        if self.unit == "utf16":
            return 1 + (code > 0xFFFF)
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)

    def ends(self, text: str) -> list[int]:
        """How long the text is up to each of its characters, that one included."""
        return list(accumulate(map(self._weight, text)))


BOUNDLESS = TextLimit()


def split(text: str, limit: TextLimit) -> tuple[str, ...]:
    """`text` as parts that each fit: one as it is, several marked "(1/2) ".

    Divided at paragraphs, else lines, sentences (Chinese or Latin), words, and only where a single word
    is too long between two characters as a reader sees them. White space at a division is left out.

    Raises ValueError when the limit is too small for the mark and one character.
    """
    if limit.fits(text):
        return (text,)
    text = text.strip()
    if limit.fits(text):
        return (text,)
    # The mark grows with the number of parts, and may make one part more.
    for digits in range(1, 5):
        mark = "9" * digits
        room = limit.size - limit.measure(f"({mark}/{mark}) ")
        if room <= 0:
            break
        parts = tuple(_parts(text, limit, room))
        if len(parts) < 10**digits:
            total = len(parts)
            return tuple(f"({n}/{total}) {part}" for n, part in enumerate(parts, 1))
    msg = f"no text can be divided into parts of {limit.size} {limit.unit}"
    raise ValueError(msg)


def _parts(text: str, limit: TextLimit, room: int) -> Iterator[str]:
    ends, start = limit.ends(text), 0
    while start < len(text):
        before = ends[start - 1] if start else 0
        stop = bisect_right(ends, before + room, start)
        if stop == start:
            msg = f"a character is longer than {room} {limit.unit}"
            raise ValueError(msg)
        if stop < len(text):
            stop = _division(text, start, stop)
        if part := text[start:stop].strip():
            yield part
        start = stop


def _division(text: str, start: int, stop: int) -> int:
    """Where to divide at `stop` or before."""
    least = start + int((stop - start) * _LEAST_FILLED)
    for kind in _BREAKS:
        # One character more is looked at: white space at the very end needs no room.
        ends = [found.end() for found in kind.finditer(text, start, stop + 1)]
        fitting = [end for end in ends if least < end <= stop]
        if ends and ends[-1] == stop + 1 and text[stop].isspace():
            return stop + 1
        if fitting:
            return fitting[-1]
    return next((at for at in range(stop, start, -1) if _apart(text, at)), stop)


def _apart(text: str, at: int) -> bool:
    """Whether a reader sees two characters on both sides of `at`, after the gist of Unicode's rules for
    grapheme clusters (UAX 29): marks, joined pictures, flags, Hangul in letters."""
    left, right = text[at - 1], text[at]
    before, behind = ord(left), ord(right)
    if unicodedata.category(right).startswith("M") or left in _JOINERS or right in _JOINERS:
        return False
    if behind in _MODIFIERS or behind in _FOLLOWING or (left, right) == ("\r", "\n"):
        return False
    if before in _LEADING and (behind in _LEADING or behind in _SYLLABLES):
        return False
    if before in _FLAGS and behind in _FLAGS:
        # Flags are pairs of letters: how many of them stand in front?
        first = at
        while first and ord(text[first - 1]) in _FLAGS:
            first -= 1
        return (at - first) % 2 == 0
    return True
