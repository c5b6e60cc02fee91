"""Phrase lists: what a rule listens for, kept in files that a support team can edit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gateway.answers.text import bare, normalise

_GAP = r"[^\n。.!?]{0,16}"
_STARTS_LATIN = re.compile(r"^[a-z0-9]")
_ENDS_LATIN = re.compile(r"[a-z0-9]$")


@dataclass(frozen=True)
class Phrases:
    """A list, compiled when it is first used. A line is a phrase that may occur anywhere (Latin ones at
    word bounds); `=phrase` must be the whole message; `!phrase` is taken out of the text before
    looking. `*` stands for up to 16 characters within a sentence.
    """

    plain: tuple[str, ...]
    whole: frozenset[str]
    excepted: tuple[str, ...]

    @cached_property
    def anywhere(self) -> re.Pattern[str] | None:
        """What may occur anywhere."""
        return _pattern(self.plain)

    @cached_property
    def exceptions(self) -> re.Pattern[str] | None:
        """What is taken out first."""
        return _pattern(self.excepted)

    @classmethod
    def of(cls, lines: Iterable[str]) -> "Phrases":
        """Lines are normalised like the text they are looked for in."""
        plain: list[str] = []
        whole: list[str] = []
        exceptions: list[str] = []
        for line in lines:
            if line.startswith("="):
                whole.append(bare(line[1:]))
            elif line.startswith("!"):
                exceptions.append(normalise(line[1:]))
            else:
                plain.append(normalise(line))
        return cls(tuple(plain), frozenset(whole), tuple(exceptions))

    def find(self, text: str) -> str:
        """The phrase that `text` (raw) contains or is, or ''."""
        clean = normalise(text)
        if (only := bare(clean)) in self.whole:
            return only
        return found.group(0) if (found := self._search(clean)) else ""

    def fill(self, text: str, rest: int) -> bool:
        """Whether `text` is one or more of these phrases and at most `rest` other characters."""
        only = bare(text)
        if only in self.whole:
            return True
        left, found = self.anywhere.subn(" ", only) if self.anywhere else (only, 0)
        return bool(found) and len(bare(left)) <= rest

    def starts(self, clean: str) -> list[int]:
        """Where in a normalised text the phrases begin; [0] where the whole text is one."""
        if bare(clean) in self.whole:
            return [0]
        if self.anywhere is None:
            return []
        return [found.start() for found in self.anywhere.finditer(clean)]

    def _search(self, clean: str) -> re.Match[str] | None:
        if self.anywhere is None:
            return None
        if self.exceptions is not None:
            clean = self.exceptions.sub(" ", clean)
        return self.anywhere.search(clean)


def _pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """One alternation, longest first, so that the fuller phrase is the one reported.

    Phrases that begin with the same character stand together: where a text has another one, the
    whole group is passed over, which makes lists of thousands of phrases affordable.
    """
    if not phrases:
        return None
    groups: dict[str, list[str]] = {}
    for phrase in sorted(set(phrases), key=lambda p: (-len(p), p)):
        end = r"(?![a-z0-9])" if _ENDS_LATIN.search(phrase) else ""
        inner = _GAP.join(re.escape(piece) for piece in phrase[1:].split("*"))
        groups.setdefault(phrase[:1], []).append(inner + end)
    latin: list[str] = []
    other: list[str] = []
    for first, rests in groups.items():
        head = _GAP if first == "*" else re.escape(first)
        group = f"{head}(?:{'|'.join(rests)})"
        (latin if _STARTS_LATIN.search(first) else other).append(group)
    if latin:
        other.append(rf"(?<![a-z0-9])(?:{'|'.join(latin)})")
    return re.compile("|".join(other))
