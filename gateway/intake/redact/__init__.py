"""Takes card numbers, ID-card numbers, one-time codes, passwords and CVVs out of a text.

What counts as a secret, what does not, and what the rules cannot see: docs/redaction.md.

The rules read a *sheet*: the text folded character by character to plain digits and letters, with
everything already taken out, and every placeholder that stood there before, blotted out. A place
on the sheet is the same place in the text. They read it until none finds anything more, which is
why redacting a redacted text changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Redaction
from gateway.intake.redact import numbers, passwords, personal, phrases
from gateway.intake.redact.policy import STANDARD, Policy
from gateway.intake.redact.sheet import PLACEHOLDERS, Find, blot, fold, is_plain

__all__ = [
    "PLACEHOLDERS",
    "STANDARD",
    "Policy",
    "Redacted",
    "kind_of_key",
    "redact",
    "redact_json",
    "redact_name",
]

kind_of_key = phrases.kind_of_key
Keep = Callable[[str, str], bool]

_DEEPEST = 100
"""Levels of JSON that are looked through; no provider sends nearly as many."""
_LONG_NUMBER = 10**12
"""The least number of 13 digits: a JSON number from here on may be a card."""
_TOO_LONG = 10**19
_LONGEST_SUFFIX = 5
"""Letters of a file type: .jpg, .jpeg, .xhtml."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that may be stored, and what was taken out of it."""

    text: str
    redactions: tuple[Redaction, ...] = ()
    """In order; `start` and `end` are code points of the text that was given."""


def redact(
    text: str, context: str = "", policy: Policy = STANDARD, *, alone: bool = False
) -> Redacted:
    """Replace secrets by `[card ****1234]`, `[id-card]`, `[code]`, `[password]` and `[cvv]`.

    Args:
        text: what the customer wrote.
        context: the last outgoing message of the conversation: where that asked for a code, a
            lone number is a code.
        policy: what else this installation takes out.
        alone: it is a whole message: nothing but six digits is a code by itself.

    Takes time linear in the length of the text.
    """
    found = find(text, context, policy, alone=alone)
    return without(text, found) if found else Redacted(text)


def find(
    text: str, context: str = "", policy: Policy = STANDARD, *, alone: bool = False
) -> list[Find]:
    """What `redact` takes out, in order."""
    if is_plain(text) and not (
        passwords.may_hold_password(text) or (policy.mail_addresses and "@" in text)
    ):
        return []
    sheet = fold(text)
    asked = phrases.asked(context, text) if context else ""
    if alone and not asked and policy.lone_codes:
        asked = "lone"
    finds: list[Find] = []
    while fresh := numbers.find(sheet) or phrases.find(sheet, asked):
        finds += fresh
        sheet = blot(sheet, fresh)
    if policy.phones or policy.mail_addresses:
        finds += personal.find(sheet, policy)
    finds.sort()
    return finds


def without(text: str, finds: Sequence[Find]) -> Redacted:
    """The text with a placeholder for each find; they are in order and do not overlap."""
    pieces: list[str] = []
    at = 0
    for found in finds:
        pieces += (text[at : found.start], found.placeholder)
        at = found.end
    pieces.append(text[at:])
    return Redacted(
        "".join(pieces),
        tuple(Redaction(found.kind, found.start, found.end) for found in finds if found.kind),
    )


def redact_json(
    value: JSON, context: str = "", keep: Keep | None = None, policy: Policy = STANDARD
) -> JSON:
    """The same value with every string, key and card-like number in it redacted, and whatever a
    key such as `password` or `cvv` names.

    Args:
        value: anything JSON can say.
        context: as in `redact`.
        keep: (key, text) → whether this text is left as it is; the key is the nearest one around
            it, '' where there is none.
        policy: as in `redact`.

    Raises:
        ParseError: it is nested deeper than anything a provider sends.
    """
    return _Structure(context, keep or _nothing, policy).redact(value, "", 0)


def redact_name(filename: str, policy: Policy = STANDARD) -> str:
    """A file name without the numbers people put into it; the file type stays."""
    stem, dot, suffix = filename.rpartition(".")
    if not stem or not suffix.isalnum() or len(suffix) > _LONGEST_SUFFIX or suffix.isdecimal():
        stem, dot, suffix = filename, "", ""
    # An asterisk must not stand in the name of a file on every system.
    return redact(stem, policy=policy).text.replace("[card ****", "[card ") + dot + suffix


def _nothing(_key: str, _text: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Structure:
    """One walk through JSON."""

    context: str
    keep: Keep
    policy: Policy

    def redact(self, value: JSON, at: str, depth: int) -> JSON:
        if depth > _DEEPEST:
            raise ParseError(f"JSON nested deeper than {_DEEPEST} levels")
        if isinstance(value, str):
            return value if self.keep(at, value) else self._text(value)
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, list):
            return [self.redact(item, at, depth + 1) for item in value]
        if isinstance(value, dict):
            return self._table(value, depth)
        return value

    def _table(self, table: dict[str, JSON], depth: int) -> dict[str, JSON]:
        clean: dict[str, JSON] = {}
        for key, item in table.items():
            name = self._text(key)
            while name in clean:
                name += "'"
            secret = phrases.kind_of_key(key)
            if secret and isinstance(item, str | int | float) and item not in ("", True, False):
                clean[name] = PLACEHOLDERS[secret]
            else:
                clean[name] = self.redact(item, key, depth + 1)
        return clean

    def _text(self, text: str) -> str:
        return redact(text, self.context, self.policy).text

    def _number(self, value: float) -> JSON:
        """A number that is a card when written out is replaced by its placeholder."""
        long = _LONG_NUMBER <= abs(value) < _TOO_LONG  # False for NaN and infinity as well
        if not long or value != int(value):
            return value
        written = str(int(value))
        clean = self._text(written)
        return value if clean == written else clean
