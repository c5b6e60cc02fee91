"""Says what is wrong with settings: from pydantic's findings to sentences for a person.

Every problem found is shown, each on its own line with the full path of its key. The value itself
is never repeated: it may be a password.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.domain.errors import SettingsError

#: What pydantic calls the expectation that was not met → what a person reads.
_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "string_pattern_mismatch": "lower-case letters, digits, '-' and '_', beginning with a letter",
    "path_type": "a path in quotes",
    "list_type": "a list in square brackets",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table of its own keys",
    "model_type": "a table of its own keys",
    "dataclass_type": "a table of its own keys",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting: its full key, what is wrong, and the valid key that looks most like it."""

    key: str
    detail: str
    nearest: str = ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or ''. Case and dashes do not count as a difference."""
    spelled = {name.lower().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), spelled, n=1, cutoff=0.5)
    return spelled[found[0]] if found else ""


def explain(
    error: ValidationError, key: str, known: Callable[[Sequence[str | int]], Iterable[str]]
) -> list[Problem]:
    """Every finding of `error` as a problem.

    Args:
        error: what pydantic found.
        key: the path of the validated value itself; '' for the whole file.
        known: the valid keys of the table at a path below it.
    """
    return [_problem(line, key, known) for line in error.errors(include_url=False)]


def raise_for(problems: Sequence[Problem]) -> None:
    """Raise one `SettingsError` that shows all `problems`; nothing when there are none."""
    if not problems:
        return
    errors = [SettingsError(p.detail, key=p.key, nearest=p.nearest) for p in problems]
    if len(errors) == 1:
        raise errors[0]
    lines = "\n".join(f"  {error}" for error in errors)
    raise SettingsError(f"{len(errors)} settings are wrong:\n{lines}")


def _problem(
    line: ErrorDetails, key: str, known: Callable[[Sequence[str | int]], Iterable[str]]
) -> Problem:
    where = line["loc"]
    path = _dotted(key, where)
    match line["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            close = nearest(str(where[-1]), known(where[:-1]))
            return Problem(path, "there is no such setting", _dotted(key, [*where[:-1], close]))
        case "missing":
            return Problem(path, "is missing")
        case "value_error":
            return Problem(path, line["msg"].removeprefix("Value error, "))
        case kind if kind in _EXPECTED:
            return Problem(path, f"expects {_EXPECTED[kind]}")
        case _:
            return Problem(path, line["msg"][0].lower() + line["msg"][1:])


def _dotted(key: str, where: Sequence[str | int]) -> str:
    """'accounts.shop' and ('port',) → 'accounts.shop.port'; '' when the last part is unknown.

    Pydantic marks a wrong key of a mapping with the part '[key]', which no person wrote.
    """
    if where and where[-1] == "":
        return ""
    return ".".join([*filter(None, [key]), *(str(part) for part in where if part != "[key]")])
