"""Conditions in CEL: checked before they are used, then asked often. Pure.

Measured (common-expression-language 0.10): an evaluation takes under 1 µs; turning Python values
into CEL ones takes 3 µs a field. So a `Scope` turns each table once, and only one that is asked for.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import cel

from gateway.routing.facts import PRIVATE, WITH_QUEUE, Values, names, samples

MOST_CHARACTERS = 4000
"""The engine walks a chain of operators on the machine's stack and dies where that ends: at about
500 characters on 256 kB. What this allows needs a quarter of the usual 8 MB."""

_FAILURES = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>[rRbB]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition came to. One that failed does not hold."""

    holds: bool
    error: str = ""


class NotBool(TypeError):
    """A condition that gives something else than true or false."""


class Scope:
    """Values that conditions are asked about. For one thread."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._context = cel.Context()
        self._added: set[str] = set()

    def ask(self, source: str) -> Outcome:
        """Whether the condition holds. Never raises: an error is in the outcome."""
        try:
            return Outcome(self.run(source))
        except _FAILURES as error:
            return Outcome(holds=False, error=_said(error))

    def run(self, source: str) -> bool:
        """Whether the condition holds. Raises what the engine raises, and `NotBool`."""
        program, tables = _compiled(source)
        for table in tables:
            if table not in self._added and table in self._values:
                self._context.add_variable(table, self._values[table])
                self._added.add(table)
        result = program.execute(self._context)
        if not isinstance(result, bool):
            raise NotBool(f"gives {_kind(result)}, not true or false")
        return result

    def why_not(self, source: str) -> str:
        """Which part of a condition that does not hold is to blame, with the values it asks for.
        What a customer wrote is not repeated."""
        parts = _split(source, "&&")
        blamed = next((part for part in parts if not self.ask(part).holds), source)
        shown = (
            f"{table}.{name} = {_literal(self._values[table][name])}"
            for table, name in _fields(blamed)
            if f"{table}.{name}" not in PRIVATE and name in self._values.get(table, ())
        )
        values = ", ".join(shown)
        blamed = " ".join(blamed.split())
        return f"{blamed} ({values})" if values else blamed


def check(source: str, tables: Mapping[str, type]) -> list[str]:
    """What is wrong with a condition; nothing where it can be used.

    CEL finds an unknown field only when it comes to it, and `a || b` hides an error of `b` where
    `a` is true. So the names are read from the text, each part of a chain of && and || is run by
    itself against the full sample, and the whole against samples with empty values too: there a
    division by the number of agents online fails, for instance.

    Args:
        source: the condition.
        tables: what it may name: table → dataclass.
    """
    if len(source) > MOST_CHARACTERS:
        return [f"is longer than {MOST_CHARACTERS} characters"]
    try:
        program, _ = _compiled(source)
    except ValueError as error:
        return [_said(error)]
    if wrong := _unknown(source, program, tables):
        return wrong
    given = {kind: {t: row[t] for t in tables} for kind, row in samples().items()}
    full = Scope(next(iter(given.values())))
    if wrong := [f"{part!r} {said}" for part in _parts(source) if (said := _never(full, part))]:
        return wrong
    for kind, values in given.items():
        if said := Scope(values).ask(source).error:
            return [f"{said}, {kind}"]
    return []


def nearest(word: str, known: Iterable[str]) -> str:
    """' (did you mean …?)' with the known word most like `word`; '' where none is."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


@lru_cache(maxsize=2048)
def _compiled(source: str) -> tuple[cel.Program, tuple[str, ...]]:
    """A program cannot be pickled: each process compiles what it asks, once."""
    program = cel.compile(source)
    return program, tuple(program.variables())


def _unknown(source: str, program: cel.Program, tables: Mapping[str, type]) -> list[str]:
    tokens = _tokens(source)
    bound = {
        tokens[at + 1][1]
        for at, (_, word) in enumerate(tokens[:-2])
        if word == "(" and tokens[at - 1][1] in _MACROS and tokens[at + 2][1] == ","
    }
    wrong = [
        f"there is no {name!r} here{nearest(name, tables)}"
        for name in program.variables()
        if name not in tables and name not in bound
    ]
    for table, name in _fields(source):
        if table in tables and name not in (known := names(tables[table])):
            wrong.append(f"there is no '{table}.{name}'{nearest(name, known)}")
    return list(dict.fromkeys(wrong))


def _never(full: Scope, part: str) -> str:
    """Why a part can never be asked; '' where it can, or where it depends on the values: another
    part may stand before it as its guard."""
    try:
        full.run(part)
    except TypeError as error:
        return _said(error)
    except RuntimeError as error:
        lasting = "Undefined" in str(error) or "valid regex" in str(error)
        return _said(error) if lasting else ""
    except (ArithmeticError, LookupError, ValueError):
        return ""
    return ""


def _tokens(source: str) -> list[tuple[str, str]]:
    """Kind and text of each token but blanks and remarks."""
    return [(str(m.lastgroup), m[0]) for m in _TOKEN.finditer(source) if m.lastgroup != "space"]


@lru_cache(maxsize=2048)
def _fields(source: str) -> tuple[tuple[str, str], ...]:
    """Table and field of each `table.field` and `table["field"]` in the text, each once."""
    tokens = [("", ""), *_tokens(source), ("", ""), ("", ""), ("", "")]
    found = []
    for at in range(1, len(tokens) - 3):
        (_, before), (kind, word), (_, sign) = tokens[at - 1 : at + 2]
        (next_kind, name), (_, after) = tokens[at + 2 : at + 4]
        if kind != "name" or word not in WITH_QUEUE or before == ".":
            continue
        if sign == "." and next_kind == "name" and after != "(":
            found.append((word, name))
        elif sign == "[" and next_kind == "text" and after == "]":
            found.append((word, name.strip("rRbB").strip("\"'")))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=2048)
def _split(source: str, *signs: str) -> tuple[str, ...]:
    """The text cut at `signs` outside of brackets; whole where a weaker sign stands there."""
    depth, start, pieces = 0, 0, []
    for token in _TOKEN.finditer(source):
        if token.lastgroup != "sign":
            continue
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
        elif depth == 0 and token[0] in signs:
            pieces.append(source[start : token.start()].strip())
            start = token.end()
        elif depth == 0 and token[0] in {"?", "||"}:
            return (source,)
    return (*pieces, source[start:].strip())


def _parts(source: str) -> list[str]:
    """The parts of a chain of && and ||, also of one in brackets, that are true or false each."""
    pieces = _split(source.strip(), "&&", "||")
    if len(pieces) > 1:
        return [part for piece in pieces for part in _parts(piece)]
    inner = source.strip().lstrip("! \n\t")
    if _enclosed(inner):
        return _parts(inner[1:-1])
    return [source.strip()]


def _enclosed(source: str) -> bool:
    """Whether its first bracket is closed by its last character."""
    depth = 0
    for token in _TOKEN.finditer(source):
        if token.lastgroup == "sign":
            depth += (token[0] == "(") - (token[0] == ")")
        if depth == 0:
            return token[0] == ")" and token.end() == len(source)
    return False


def _said(error: Exception) -> str:
    """An error of the engine as one short line."""
    text = str(error)
    if found := _PLACE.search(text):
        line, column, what = found.groups()
        where = f"column {column}" if line == "1" else f"its line {line}, column {column}"
        return f"cannot be read at {where}: {_short(what)}"
    if isinstance(error, NotBool):
        return text
    if isinstance(error, KeyError):
        return f"fails: there is no {text}"
    return f"fails: {_short(text)}"


def _short(text: str) -> str:
    first = text.split(". ", 1)[0].split(" expecting {", 1)[0]
    return " ".join(first.split())[:160]


def _kind(value: object) -> str:
    known = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return known.get(type(value), type(value).__name__)


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)
