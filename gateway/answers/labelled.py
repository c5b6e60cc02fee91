"""Reads labelled texts from a file in one of the usual forms, and says which line is wrong."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.domain.errors import GatewayError

#: Names under which files keep them; the first that is there is taken.
TEXT_NAMES = ("text", "question", "utterance", "query", "sentence")
LABEL_NAMES = ("label", "topic", "category", "intent", "class")


class DataError(GatewayError):
    """A file of labelled texts cannot be used; the text names the place and the cure."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts and their labels, side by side; '' where a text has none."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def pick(self, rows: Sequence[int]) -> tuple[list[str], list[str]]:
        """Texts and labels of these rows."""
        return [self.texts[i] for i in rows], [self.labels[i] for i in rows]

    def __len__(self) -> int:
        return len(self.texts)


def read_labelled(
    source: str, *, text: str = "", label: str = "", labels_needed: bool = True
) -> Labelled:
    """Read a file of labelled texts.

    CSV or TSV with a header, JSONL of objects, JSON (a list of objects or of [text, label] pairs, or an
    object of such lists, of which `FILE#name,name` takes some), or plain text, a text a line and no
    labels. `text` and `label` name the columns where they are not among the usual names.

    Raises `DataError`: the file cannot be read, or a row has no text, or no label and needs one.
    """
    name, _, parts = source.partition("#")
    path = Path(name)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8; save it as UTF-8") from error
    columns = (text, label)
    rows = list(_rows(path, content, [part for part in parts.split(",") if part], columns))
    for place, one, its_label in rows:
        if not one.strip():
            raise DataError(f"{path}, {place}: there is no text")
        if labels_needed and not its_label:
            raise DataError(f"{path}, {place}: there is no label")
    if not rows:
        raise DataError(f"{path} has no texts")
    return Labelled(tuple(one for _, one, _ in rows), tuple(its_label for *_, its_label in rows))


Row = tuple[str, str, str]
"""Where it stands, the text, the label."""


def _rows(
    path: Path, content: str, parts: Sequence[str], columns: tuple[str, str]
) -> Iterator[Row]:
    match path.suffix.lower():
        case ".csv" | ".tsv":
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            table = csv.DictReader(content.splitlines(keepends=True), delimiter=delimiter)
            for number, row in enumerate(table, 2):
                yield (f"row {number}", *_of_object(path, f"row {number}", row, columns))
        case ".jsonl":
            for number, line in enumerate(content.splitlines(), 1):
                if line.strip():
                    place = f"line {number}"
                    yield (place, *_of_any(path, place, _parsed(path, place, line), columns))
        case ".json":
            for place, value in _lists(path, _parsed(path, "the file", content), parts):
                yield (place, *_of_any(path, place, value, columns))
        case ".txt":
            for number, line in enumerate(content.splitlines(), 1):
                if line.strip():
                    yield f"line {number}", line.strip(), ""
        case other:
            raise DataError(
                f"{path}: {other or 'no ending'!r} is none of csv, tsv, jsonl, json, txt"
            )


def _parsed(path: Path, place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, {place}: is not JSON: {error}") from error


def _lists(path: Path, value: Any, parts: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON file with their places."""
    if isinstance(value, list):
        value, parts = {"entry": value}, ("entry",)
    lists = value if isinstance(value, dict) else {}
    names = [name for name, part in lists.items() if isinstance(part, list)]
    unknown = [part for part in parts if part not in names]
    if unknown or not parts:
        raise DataError(f"{path}: say which lists of it are meant: {path.name}#{','.join(names)}")
    for part in parts:
        for number, entry in enumerate(lists[part], 1):
            yield f"{part} {number}", entry


def _of_any(path: Path, place: str, value: Any, columns: tuple[str, str]) -> tuple[str, str]:
    match value:
        case {}:
            return _of_object(path, place, value, columns)
        case [str(text), str(label), *_]:
            return text, label
        case str(text):
            return text, ""
        case _:
            raise DataError(f"{path}, {place}: is neither an object nor a pair of text and label")


def _of_object(
    path: Path, place: str, row: Mapping[str, Any], columns: tuple[str, str]
) -> tuple[str, str]:
    text, label = columns
    names = (text,) if text else TEXT_NAMES
    if not any(name in row for name in names):
        has = ", ".join(map(str, row))
        raise DataError(f"{path}, {place}: none of {', '.join(names)} is there; it has {has}")
    if label and label not in row:
        raise DataError(f"{path}, {place}: {label} is not there; it has {', '.join(map(str, row))}")
    found = _first(row, names), _first(row, (label,) if label else LABEL_NAMES)
    if not all(isinstance(value, str) for value in found):
        raise DataError(f"{path}, {place}: text and label must be texts")
    return found


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name)), "")
