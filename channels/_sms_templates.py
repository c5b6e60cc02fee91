"""Which approved template a text is: found backwards, from the text to the values that make it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_PLACE = re.compile(r"\{([A-Za-z][A-Za-z0-9_]{0,31})\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its values: what the provider is sent in place of a text."""

    template: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """One text as the provider has approved it, with `{name}` where a value goes."""

    id: str
    names: tuple[str, ...]
    literals: tuple[str, ...]
    """What stands around the values: one more than these."""

    @classmethod
    def of(cls, number: str, text: str) -> Self:
        """Raises ValueError for a text whose values could not be told apart."""
        pieces = _PLACE.split(text)
        literals, names = tuple(pieces[::2]), tuple(pieces[1::2])
        if any("{" in part or "}" in part for part in literals):
            msg = "a brace that is no {name}"
            raise ValueError(msg)
        if len(set(names)) != len(names):
            msg = "a {name} stands in it twice"
            raise ValueError(msg)
        if not any(literals) or not all(literals[1:-1]):
            msg = "there must be text, and some between two {names}"
            raise ValueError(msg)
        return cls(number, names, literals)

    def filled(self, text: str) -> Filled | None:
        """The values with which it is exactly `text`, none of them empty; None where there are none.

        Each piece is looked for at its first place behind the one before it. If the text can be made at
        all, it can be made so: an earlier place never leaves less room for the rest.
        """
        first, *middle = self.literals[:-1] if self.names else self.literals
        if not self.names:
            return Filled(self.id, {}) if text == first else None
        last = self.literals[-1]
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return None
        values, start = [], len(first)
        for literal in middle:
            found = text.find(literal, start + 1, end)
            if found < 0:
                return None
            values.append(text[start:found])
            start = found + len(literal)
        if start >= end:
            return None
        values.append(text[start:end])
        return Filled(self.id, dict(zip(self.names, values, strict=True)))

    @property
    def said(self) -> int:
        """How much of it is fixed."""
        return sum(map(len, self.literals))


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of an account."""

    known: tuple[Template, ...]
    free: str = ""
    """The id of one that takes any text, as its value `content`."""

    @classmethod
    def of(cls, texts: Mapping[str, str], free: str = "") -> Self:
        """The one that fixes most comes first. Raises ValueError that names the template."""
        found = []
        for number, text in texts.items():
            try:
                found.append(Template.of(number, text))
            except ValueError as error:
                msg = f"template {number}: {error}"
                raise ValueError(msg) from error
        return cls(tuple(sorted(found, key=lambda one: (-one.said, one.id))), free)

    def filled(self, text: str) -> Filled | None:
        """What to send for `text`; None where no template says it."""
        for template in self.known:
            if found := template.filled(text):
                return found
        return Filled(self.free, {"content": text}) if self.free and text.strip() else None
