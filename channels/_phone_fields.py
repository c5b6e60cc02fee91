"""Telephone numbers and times in the JSON of gateways in mainland China."""

import re
from collections.abc import Mapping
from typing import Any

from channels._json_fields import text
from gateway.domain.errors import ParseError

_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{4,14}").fullmatch
_MAINLAND_MOBILE = re.compile(r"(?:0?086|86)?(1[3-9][0-9]{9})").fullmatch
#: Any time in seconds is below this until the year 5138; a time in milliseconds is above it.
_TIME_LIMIT = 1e11


def phone(item: Mapping[str, Any], field: str, at: str = "") -> str:
    """A number in E.164; a mobile number of the mainland may lack its +86. '' where there is none, or
    none that one could call: withheld, 'anonymous', a short code. Raises `ParseError`."""
    found = re.sub(r"[\s()-]", "", text(item, field, at))
    if _INTERNATIONAL(found):
        return found
    mobile = _MAINLAND_MOBILE(found)
    return f"+86{mobile[1]}" if mobile else ""


def moment(item: Mapping[str, Any], field: str, at: str = "") -> float | None:
    """Seconds since 1970; None where it is not told. Raises `ParseError`."""
    found = item.get(field)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ParseError(f"{at}{field} is not in seconds since 1970")
    # Not a number and infinity fail this as well.
    if not 0 <= found < _TIME_LIMIT:
        raise ParseError(f"{at}{field} is not in seconds since 1970")
    return float(found)
