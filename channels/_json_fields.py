"""The JSON of a provider's events, field by field: what is there has to be of its kind, what is
missing is empty. Every mistake is a `ParseError` that names the field and quotes nothing."""

import json
from collections.abc import Mapping
from typing import Any

from channels._text import clean
from gateway.domain.errors import ParseError

#: No provider's id has more digits; `int` and the database take them without ado.
_LARGEST = 10**18


def read_object(body: bytes) -> dict[str, Any]:
    """The body of a call, which has to be a JSON object."""
    try:
        found = json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise ParseError("the body is not UTF-8") from error
    except RecursionError as error:
        raise ParseError("the body is nested too deeply") from error
    except ValueError as error:
        raise ParseError("the body is not JSON") from error
    if not isinstance(found, dict):
        raise ParseError("the body is not a JSON object")
    return found


def objects(item: Mapping[str, Any], field: str, at: str = "") -> list[dict[str, Any]]:
    """A list of objects; an empty one where there is none."""
    found = item.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ParseError(f"{at}{field} is not a list of objects")
    return found


def inner(item: Mapping[str, Any], field: str, at: str = "") -> dict[str, Any]:
    """An object; an empty one where there is none."""
    found = item.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ParseError(f"{at}{field} is not an object")
    return found


def text(item: Mapping[str, Any], field: str, at: str = "") -> str:
    """A text fit for the database; '' where there is none."""
    found = item.get(field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ParseError(f"{at}{field} is not a text")
    return clean(found)


def name(item: Mapping[str, Any], field: str, at: str = "") -> str:
    """An identifier, which must be there."""
    found = text(item, field, at)
    if not found or len(found) > 200 or not found.isprintable():
        raise ParseError(f"{at}{field} needs 1 to 200 printable characters")
    return found


def whole(item: Mapping[str, Any], field: str, at: str = "") -> int:
    """A whole number, which must be there."""
    found = item.get(field)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) >= _LARGEST:
        raise ParseError(f"{at}{field} is not a whole number")
    return found


def size(item: Mapping[str, Any], field: str) -> int:
    """A number of bytes; 0 where it is not told, or is no such number: nothing hangs on it."""
    found = item.get(field)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < _LARGEST:
        return 0
    return found
