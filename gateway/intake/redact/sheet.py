"""The sheet that redaction reads: a text folded to plain characters, place by place."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from gateway.intake.redact import words

BLOT = "\0"
"""Stands for every character of what was taken out. No rule looks across it."""

PLACEHOLDERS = {
    "id_card": "[id-card]",
    "code": "[code]",
    "password": "[password]",
    "cvv": "[cvv]",
    "phone": "[phone]",
    "mail": "[mail]",
}
"""The same in every language; a card's also keeps its last four digits."""

_PLACEHOLDER = re.compile(r"\[(?:card (?:\*{4})?\d{4}|id-card|code|password|cvv|phone|mail)\]")

# Letters, marks and punctuation of the scripts customers write in: they neither are digits nor
# fold to anything a rule looks at. Everything else that is not ASCII is looked up.
_ORDINARY = (
    "\u00c0-\u024f"  # Latin with accents
    "\u0400-\u04ff"  # Cyrillic
    "\u0e00-\u0e4f"  # Thai, without its digits
    "\u1e00-\u1eff"  # Vietnamese
    "\u2018-\u201d\u2026"  # ‘’“” …
    "\u3001-\u30fa\u30fd-\u30ff"  # 、。「」 and kana, without its dot and dash
    "\u4e00-\u9fff"  # Han
    "\uac00-\ud7a3"  # Hangul
    "\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"  # ！（），：；？
)
_UNUSUAL = re.compile(f"[^\\x00-\\x7f{_ORDINARY}]")
_DIGIT_OR_UNUSUAL = re.compile(f"[^\\x00-/:-\\x7f{_ORDINARY}]")

_SPACES = (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x20E3, 0xFE0E, 0xFE0F)
"""Invisible in a text, or the frame of a keycap: they part two digits as a space does."""
_DASHES = (0x2043, 0x2212, 0x30FC, 0xFE58, 0xFE63, 0xFF0D)
"""Look like a hyphen without being of its category."""
_DOTS = (0x00B7, 0x2022, 0x2024, 0x2027, 0x22C5, 0x30FB, 0xFF0E)


DIGIT = re.compile(r"[0-9]")
AHEAD, BACK = 64, 40
"""How far from its name a value is looked for, in characters."""

NUMBER_END = (
    r"(?![A-Za-z0-9_*]|[-./:][0-9]| [0-9]{3}|,[0-9]{3}(?![0-9])|" + words.UNIT + ")"
)  # not in a longer number, a date, an amount, and not counting something


class Find(NamedTuple):
    """A secret on the sheet."""

    start: int
    end: int
    kind: str
    placeholder: str


def secret(kind: str, start: int, end: int) -> Find:
    """A find with the placeholder of its kind."""
    return Find(start, end, kind, PLACEHOLDERS[kind])


def is_plain(text: str) -> bool:
    """No digit of any script, and nothing that might fold to one."""
    return _DIGIT_OR_UNUSUAL.search(text) is None


def fold(text: str) -> str:
    """The sheet of a text, of the same length: digits of all scripts as 0-9, full-width letters as
    ASCII, spaces, dashes and dots of all kinds as one of each, placeholders blotted out."""
    sheet = text if text.isascii() else _UNUSUAL.sub(_folded, text)
    if "[" in sheet:
        sheet = _PLACEHOLDER.sub(lambda match: BLOT * len(match[0]), sheet)
    return sheet


def blot(sheet: str, finds: Sequence[Find]) -> str:
    """The sheet without these finds, which do not overlap."""
    pieces: list[str] = []
    at = 0
    for found in sorted(finds):
        pieces += (sheet[at : found.start], BLOT * (found.end - found.start))
        at = found.end
    pieces.append(sheet[at:])
    return "".join(pieces)


def _folded(match: re.Match[str]) -> str:
    """One character for one character, so that places stay."""
    char = match[0]
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    code, category = ord(char), unicodedata.category(char)
    if category in {"Zs", "Zl", "Zp"} or code in _SPACES:
        return " "
    if category == "Pd" or code in _DASHES:
        return "-"
    if code in _DOTS:
        return "."
    if category == "Lo":
        return char  # ª and º: ordinal signs, no letters
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 else char
