"""Takes card numbers, ID-card numbers, one-time codes, passwords and CVVs out of a text.

What counts as a secret, what does not, and what the patterns cannot see: docs/redaction.md.

It works on a *sheet*: the text folded character by character to plain digits and letters, in which
everything taken out, and every placeholder that stood there already, is blotted out. The sheet is
as long as the text, so a place in one is a place in the other; rules read the sheet until none
finds anything more. That is why redacting a redacted text changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Redaction
from gateway.intake.redact import context as spoken
from gateway.intake.redact import numbers
from gateway.intake.redact.sheet import BLOT, DIGIT, Find, fold
from gateway.intake.redact.words import keyed_kind

__all__ = ["Redacted", "redact", "redact_json", "redact_name"]

_DEEPEST = 100
"""Levels of JSON that are looked through; no provider sends nearly as many."""
_LONG_NUMBER = 10**12
"""The least number of 13 digits: a JSON number from here on may be a card."""
_LONGEST_SUFFIX = 5


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that may be stored, and what was taken out of it."""

    text: str
    redactions: tuple[Redaction, ...] = ()
    """In order; `start` and `end` are code points of the text that was given."""


def redact(text: str, context: str = "") -> Redacted:
    """Replace secrets by placeholders: `[card ****1234]`, `[id-card]`, `[code]`, `[password]`,
    `[cvv]`.

    Args:
        text: what the customer wrote.
        context: the last outgoing message of the conversation. After a code was asked for, a lone
            number is a code.

    Linear in the length of the text; 3 to 30 µs for an ordinary message.
    """
    sheet = fold(text)
    asked = spoken.asked(context) if context else ""
    if DIGIT.search(sheet) is None and not spoken.may_hold_password(sheet):
        return Redacted(text)
    finds: list[Find] = []
    while fresh := _look(sheet, asked):
        finds += fresh
        for find in fresh:
            sheet = sheet[: find.start] + BLOT * (find.end - find.start) + sheet[find.end :]
    if not finds:
        return Redacted(text)
    finds.sort(key=lambda find: find.start)
    pieces: list[str] = []
    at = 0
    for find in finds:
        pieces += (text[at : find.start], find.placeholder)
        at = find.end
    pieces.append(text[at:])
    return Redacted("".join(pieces), tuple(Redaction(f.kind, f.start, f.end) for f in finds))
