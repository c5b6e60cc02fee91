"""Lookup tables of a brand: what an error code means, whether a country is supported, what a bank
takes in time. A message that names a row's key is answered with that row.

`knowledge.toml` declares the tables and their columns; the rows are the brand's own, from its
settings (`[brands.<brand>.tables.<table>]`) or from `brands/<brand>/tables/<table>.toml|csv` in the
templates folder. A row is a fact: the gateway states what it says and nothing beyond it.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.answers.faults import KnowledgeError
from gateway.answers.script import guarded, in_language
from gateway.answers.table_files import NAMES
from gateway.answers.text import normalise
from gateway.domain.asking import asks_for_secret
from gateway.domain.model import JSON, Brand

#: Rows that one answer states at most; the first ones named.
MOST = 3
#: What templates may ask of a row beside its columns.
OF_A_ROW = frozenset({"key", "name"})

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?|\*")
#: Up to so many Latin letters a name is taken for a word of the sentence ("in", "is", "may") unless
#: it is written in capitals.
_ABBREVIATION = re.compile(r"[a-z]{2,3}")
_CODE = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")
_JOINTS = re.compile(r"[-_ ]")
_EDGES = re.compile(r"^[-_ ]+|[-_ ]+$")
_CAPITALS = re.compile(r"[A-Z]{2,}")
#: A bare number is a key only after one of these: "51 yuan" is no error.
_HINT = r"(?:错误代?码|错误|代码|提示码|返回码|提示|报错|error code|error|err|code|no\.?|#)(?:\W|[是为]|is){0,4}"


@dataclass(frozen=True, slots=True)
class Declared:
    """A table that templates may use: its columns, the first of which a short row fills."""

    name: str
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Words that contain a row's name and mean something else: 印度洋, South Sudan."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the brand set it."""

    key: str
    names: Mapping[str, tuple[str, ...]]
    """Other names by language; '*' for those of any."""
    values: Mapping[str, JSON]

    def called(self) -> tuple[str, ...]:
        """Everything that a customer may write for it."""
        return (self.key, *(name for names in self.names.values() for name in names))

    def shown(self, language: str, script: str, columns: Iterable[str]) -> dict[str, JSON]:
        """What a template sees of the row."""
        name: JSON = self.key
        for tag in (script, language, "*"):
            if names := self.names.get(tag):
                name = guarded(names[0]) if tag == script else names[0]
                break
        texts = {c: in_language(self.values.get(c), language, script) for c in columns}
        return {**texts, "key": guarded(self.key) if script else self.key, "name": name}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table of one brand, ready to be found in a message."""

    rows: tuple[Row, ...]
    _named: Mapping[str, int] = field(repr=False)
    _words: re.Pattern[str] | None = field(repr=False)
    _capitals: re.Pattern[str] | None = field(repr=False)
    _numbers: re.Pattern[str] | None = field(repr=False)

    def find(self, text: str) -> list[tuple[Row, str]]:
        """The rows that a raw text names, in its order, each with the words that named it."""
        clean = normalise(text)
        found: list[tuple[int, str, str]] = []
        if self._words:
            found += [(m.start(), m[0], m[0]) for m in self._words.finditer(clean)]
        if self._numbers:
            found += [(m.start(), m[1], m[0]) for m in self._numbers.finditer(clean)]
        wide = unicodedata.normalize("NFKC", text)
        if self._capitals and not _shouts(wide):
            found += [(m.start(), m[0], m[0]) for m in self._capitals.finditer(wide)]
        rows: dict[int, str] = {}
        for _, name, said in sorted(found):
            row = self._named.get(_squash(name.lower()))
            if row is not None:
                rows.setdefault(row, said)
        return [(self.rows[row], said) for row, said in rows.items()]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of all brands."""

    by_brand: Mapping[str, Mapping[str, Table]] = field(default_factory=dict)

    def hits(
        self,
        brand: str,
        text: str,
        used: Iterable[tuple[str, str]],
        language: str,
        script: str = "",
        most: int = MOST,
    ) -> dict[str, list[dict[str, JSON]]]:
        """What templates see as `rows`, by table: the rows `text` names that have something to say.

        Args:
            brand: its id; '' for an unknown one, which has no rows.
            text: what the customer wrote, raw.
            used: the (table, column) pairs that the template uses; a row without any of these in
                the customer's language is left out.
            language: of the knowledge base.
            script: the way Chinese is written, where it is not the language's own.
            most: how many rows of a table at most.
        """
        columns: dict[str, list[str]] = {}
        for table, column in sorted(used):
            columns.setdefault(table, []).extend([column] if column else [])
        found: dict[str, list[dict[str, JSON]]] = {}
        for name, wanted in columns.items():
            table_of_brand = self.by_brand.get(brand, {}).get(name)
            rows = table_of_brand.find(text) if table_of_brand else []
            told_of = sorted(set(wanted) - OF_A_ROW)
            shown = [row.shown(language, script, told_of) for row, _ in rows]
            told = [row for row in shown if not told_of or any(row[c] for c in told_of)]
            found[name] = told[:most]
        return found

    def said(self, text: str, used: Iterable[tuple[str, str]]) -> list[str]:
        """The words of `text` that name a row of any brand in the tables used: what has to be
        remembered while the customer says which brand it is."""
        names = {table for table, _ in used}
        tables = [t for own in self.by_brand.values() for name, t in own.items() if name in names]
        found = dict.fromkeys(said for table in tables for _, said in table.find(text))
        return list(found)[:MOST]


def compiled(declared: Mapping[str, Declared], brands: Mapping[str, Brand]) -> Tables:
    """Check the tables of all brands and make them ready. Raises `KnowledgeError`."""
    ready: dict[str, dict[str, Table]] = {}
    for brand in brands.values():
        own = ready.setdefault(brand.id, {})
        for name, rows in brand.tables.items():
            where = f"brands.{brand.id}.tables.{name}"
            if name not in declared:
                raise KnowledgeError(where, f"there is no such table; {_advice(name, declared)}")
            own[name] = _table(where, declared[name], rows)
    return Tables(ready)


def declared_in(path: Path, raw: Mapping[str, Any]) -> dict[str, Declared]:
    """The `[tables]` of knowledge.toml, which lies at `path`. Raises `KnowledgeError`."""
    tables = {}
    for name, given in raw.items():
        at = f"{path}: tables.{name}"
        columns = given.get("columns") if isinstance(given, dict) else None
        if not isinstance(columns, dict) or not columns:
            raise KnowledgeError(
                at, "has no columns; add [tables.….columns.<column>] with its help"
            )
        for column in columns:
            if column == NAMES or column in OF_A_ROW or column in dir(dict):
                raise KnowledgeError(at, f"a column cannot be called {column!r}; rename it")
        others = given.get("others", [])
        if not isinstance(others, list):
            raise KnowledgeError(at, "others must be a list of words")
        tables[name] = Declared(name, tuple(columns), tuple(map(str, others)))
    return tables


# ---------------------------------------------------------------- rows


def _table(where: str, declared: Declared, raw: Mapping[str, JSON]) -> Table:
    rows = tuple(_row(f"{where}.{key}", declared, str(key), value) for key, value in raw.items())
    named: dict[str, int] = {}
    spelled = {_spelling(word) for word in declared.others}
    for index, row in enumerate(rows):
        for name in row.called():
            spelled.add(_spelling(name))
            squashed = _squash(normalise(name))
            if len(squashed) < 2 and not squashed.isdigit():
                raise KnowledgeError(
                    f"{where}.{row.key}", f"the name {name!r} is too short to be found in a text"
                )
            if named.setdefault(squashed, index) != index:
                raise KnowledgeError(
                    f"{where}.{row.key}",
                    f"the name {name!r} stands for two rows; take it out of one",
                )
    numbers = [name for name in named if name.isdigit()]
    capitals = [name for name in named if _ABBREVIATION.fullmatch(name)]
    words = [name for name in spelled - {""} if _squash(name) not in {*numbers, *capitals}]
    return Table(
        rows=rows,
        _named=named,
        _words=_words_of(words),
        _capitals=_alternatives(
            r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])", [name.upper() for name in capitals]
        ),
        _numbers=_alternatives(_HINT + r"({})(?![\d.,]*\d)", _longest_first(numbers)),
    )


def _row(where: str, declared: Declared, key: str, raw: JSON) -> Row:
    """A row, from any of the three ways to write it: a text, texts by language, or columns."""
    first = declared.columns[0]
    if isinstance(raw, str | int | float):
        cells: Mapping[str, JSON] = {first: raw}
    elif isinstance(raw, Mapping) and raw and all(map(_LANGUAGE.fullmatch, raw)):
        known = {NAMES, *declared.columns}
        cells = raw if raw.keys() <= known else {first: dict(raw)}
    elif isinstance(raw, Mapping):
        cells = raw
    else:
        raise KnowledgeError(where, "is neither a text nor a table; write { column = … }")
    for column, value in cells.items():
        if column != NAMES and column not in declared.columns:
            advice = _advice(column, [*declared.columns, NAMES])
            raise KnowledgeError(where, f"there is no column {column!r}; {advice}")
        for text in _texts(value):
            if asked := asks_for_secret(text):
                raise KnowledgeError(
                    f"{where}.{column}",
                    f"asks for a code, password or card number ({asked!r}); no text of ours may",
                )
    values = {column: _text(f"{where}.{column}", cells.get(column)) for column in declared.columns}
    return Row(key, _names(where, cells.get(NAMES)), values)


def _text(where: str, value: JSON) -> JSON:
    """A cell: a text, or texts by language."""
    match value:
        case None:
            return ""
        case str() | int() | float() if not isinstance(value, bool):
            return str(value)
        case dict() if all(isinstance(v, str) and _LANGUAGE.fullmatch(k) for k, v in value.items()):
            return value
    raise KnowledgeError(
        where, 'must be a text, or a table by language: { "zh-CN" = "…", en = "…" }'
    )


def _names(where: str, raw: JSON) -> dict[str, tuple[str, ...]]:
    by_language = raw if isinstance(raw, dict) else {"*": raw} if raw else {}
    names = {}
    for language, given in by_language.items():
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, list) or not all(isinstance(n, str) and n for n in listed):
            raise KnowledgeError(
                f"{where}.{NAMES}", 'must be names, or names by language: { en = ["Japan"] }'
            )
        names[language] = tuple(str(name) for name in listed)
    return names


def _texts(value: JSON) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)


def _squash(name: str) -> str:
    """As names are compared: "E-1001" is "e1001"."""
    return "".join(_JOINTS.split(name))


def _spelling(name: str) -> str:
    return _EDGES.sub("", normalise(name))


def _words_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for normalised names: at word bounds where they are Latin, with or without joints.

    The look ahead for a first character keeps a table of hundreds of rows from being tried at every
    place of a long mail (measured: 93 ms, with it 3 ms, for 500 rows and 6,800 characters).
    """
    groups = []
    for latin in (True, False):
        own = [name for name in _longest_first(names) if name[0].isascii() is latin]
        firsts = "".join(re.escape(first) for first in sorted({name[0] for name in own}))
        if own:
            start = r"(?<![a-z0-9])" if latin else ""
            groups.append(f"{start}(?=[{firsts}])(?:{'|'.join(map(_spelled, own))})")
    return re.compile("|".join(groups)) if groups else None


def _spelled(name: str) -> str:
    pieces = [re.escape(p) for joint in _JOINTS.split(name) for p in _CODE.split(joint) if p]
    end = r"(?![a-z0-9])" if name[-1].isascii() else ""
    return f"{'[-_ ]?'.join(pieces)}{end}"


def _longest_first(names: Iterable[str]) -> list[str]:
    """So that 印度尼西亚 is not taken for 印度."""
    return sorted(names, key=lambda name: (-len(name), name))


def _alternatives(form: str, patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile(form.replace("{}", "|".join(patterns))) if patterns else None


def _shouts(text: str) -> bool:
    """Everything is in capitals: they say nothing about a word any more."""
    return not any(char.islower() for char in text) and len(_CAPITALS.findall(text)) > 3


def _advice(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
