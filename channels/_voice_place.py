"""Where a call stands. It travels in the addresses that Twilio calls next, so the hotline keeps nothing:
any process can take the next step, and a step that Twilio repeats is the same step.

Nobody else can make such an address up: Twilio signs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from channels._voice_prompts import ENGLISH, LANGUAGES
from gateway.domain.errors import ParseError

#: What a caller has had so far: nothing, an answer, or a place with the people.
Had = Literal["", "answer", "queue"]
#: Numbers in an address have at most so many digits.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A step of a call and what was said before it."""

    step: str = ""
    lang: str = ""
    miss: int = 0
    """How often nothing was understood since the last thing that was."""
    turn: int = 1
    """Which message of this call is the next one; the first is 1. Every value here is of letters, digits
    and hyphens: an address that somebody on the way spells otherwise would not fit its signature."""
    wait: int = 0
    """How often the caller was asked to hold the line."""
    told: int = 0
    """The message whose outcome the caller has heard, or waits for; 0: none."""
    no: str = ""
    """Number of the inquiry, once it is with the people."""
    had: Had = ""
    who: str = ""
    """The caller's digits, in the one address that Twilio calls without saying who called."""

    @classmethod
    def of(cls, step: str, query: Mapping[str, str]) -> Self:
        """Read what `url` wrote. Raises `ParseError`."""
        values: dict[str, str | int] = {"step": step}
        for one in fields(cls)[1:]:
            given = query.get(one.name, "")
            if not given:
                continue
            if isinstance(one.default, int):
                if not (given.isascii() and given.isdigit() and len(given) <= _DIGITS):
                    raise ParseError(f"{one.name} is no number in the address of the step")
                values[one.name] = int(given)
            else:
                values[one.name] = given[:100]
        if values.get("had", "") not in ("", "answer", "queue"):
            raise ParseError("had is not known in the address of the step")
        if values.get("lang", ENGLISH) not in LANGUAGES:
            raise ParseError("lang is not known in the address of the step")
        return cls(**values)  # type: ignore[arg-type]  # each was read as its field's type

    @classmethod
    def of_url(cls, url: str) -> Self:
        """The place in an address that Twilio tells of; the beginning where it is none of ours."""
        parts = urlsplit(url)
        try:
            return cls.of("", dict(parse_qsl(parts.query)))
        except ParseError:
            return cls()

    def url(self, base: str) -> str:
        """The address of this step below `base`."""
        given = {
            one.name: value
            for one in fields(self)[1:]
            if (value := getattr(self, one.name)) != one.default
        }
        return f"{base}/{self.step}" + (f"?{urlencode(given)}" if given else "")
