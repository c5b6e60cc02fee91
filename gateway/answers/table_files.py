"""Reads the lookup tables that lie in files, `brands/<brand>/tables/<table>.toml` or `.csv`.

They are the brand's facts as its settings are, so they do not count for the version of the knowledge
base: a new error code changes what an answer says, not which one it is, and voids no certificate.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.answers.faults import KnowledgeError
from gateway.domain.model import JSON, Brand

#: What a row may be called in addition to its key.
NAMES = "names"


def with_files(brands: Mapping[str, Brand], templates: Path) -> dict[str, Brand]:
    """The brands with the rows of their files; a row of the settings is stronger than a file's.

    Raises `KnowledgeError`.
    """
    complete = {}
    for brand in brands.values():
        tables = {name: dict(rows) for name, rows in _files(templates, brand.id)}
        for name, rows in brand.tables.items():
            tables[name] = {**tables.get(name, {}), **rows}
        complete[brand.id] = replace(brand, tables=tables)
    return complete


def _files(templates: Path, brand: str) -> Iterator[tuple[str, dict[str, JSON]]]:
    """The tables of a brand that lie in files, as (name, rows)."""
    folder = templates / "brands" / brand / "tables"
    seen: dict[str, Path] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.suffix not in {".toml", ".csv"}:
            continue
        other = seen.setdefault(path.stem, path)
        if other != path:
            raise KnowledgeError(str(path), f"{other.name} is there too; keep one of them")
        try:
            text = path.read_text(encoding="utf-8-sig")
            rows = tomllib.loads(text) if path.suffix == ".toml" else _csv_rows(path, text)
        except UnicodeDecodeError as error:
            raise KnowledgeError(str(path), "is not UTF-8; save it as UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            raise KnowledgeError(str(path), f"is not valid TOML: {error}") from error
        yield path.stem, rows


def _csv_rows(path: Path, text: str) -> dict[str, JSON]:
    """Rows of a CSV file: `key`, then `<column>` or `<column>.<language>`; names are parted by |."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    if "key" not in (reader.fieldnames or ()):
        raise KnowledgeError(str(path), "has no column 'key'; its first line names the columns")
    rows: dict[str, JSON] = {}
    try:
        for line in reader:
            row = _csv_row(f"{path}:{reader.line_num}", line)
            key = str(row.pop("key", ""))
            if not key or key in rows:
                what = f"the key {key!r} stands there twice" if key else "there is no key"
                raise KnowledgeError(
                    f"{path}:{reader.line_num}", f"{what}; every row needs its own"
                )
            rows[key] = row
    except csv.Error as error:
        raise KnowledgeError(f"{path}:{reader.line_num}", f"is not valid CSV: {error}") from error
    return rows


def _csv_row(where: str, line: Mapping[str | None, Any]) -> dict[str, JSON]:
    row: dict[str, JSON] = {}
    for head, value in line.items():
        if head is None:
            raise KnowledgeError(
                where, "has more cells than the first line; quote cells with commas"
            )
        cell = (value or "").strip()
        column, _, language = head.strip().partition(".")
        if not cell:
            continue
        parts: JSON = [*cell.split("|")] if column == NAMES else cell
        if not language:
            row[column] = parts
            continue
        inner = row.setdefault(column, {})
        if not isinstance(inner, dict):
            raise KnowledgeError(
                where, f"{column} stands there with and without a language; use one"
            )
        inner[language] = parts
    return row
