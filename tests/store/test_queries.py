"""SQL and the code that names it belong together: nothing misspelt, nothing left behind."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.store.catalog import QUERIES, SqliteAdapter, load

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"^[a-z]+\.[a-z_]+$")
#: Folders whose Python speaks to the store.
CODE = [*ROOT.glob("gateway/**/*.py")]


def catalog() -> dict[str, object]:
    return dict(load(SqliteAdapter))


def strings(path: Path) -> Iterator[tuple[str, bool]]:
    """Every text constant of a module, and whether it stands where a query's name must."""
    asked = {"one", "all", "value", "run", "insert"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if (
                node.func.attr in asked
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
                and NAME.match(first.value)
            ):
                yield first.value, True
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, False


def test_every_query_file_loads() -> None:
    loaded = {name.partition(".")[0] for name in catalog()}
    assert loaded == {path.stem for path in QUERIES.glob("*.sql")}


def test_every_query_that_code_names_exists() -> None:
    known = catalog()
    wrong = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in CODE
        for text, certain in strings(path)
        if certain and text not in known
    }
    assert not wrong


def test_every_query_of_the_files_is_used() -> None:
    used = {text for path in CODE for text, _ in strings(path)}
    used |= {f"{text}_cursor" for text in used}
    assert not sorted(set(catalog()) - used)


def test_parameters_of_each_query_are_declared() -> None:
    for path in QUERIES.glob("*.sql"):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("-- name:"):
                assert re.match(r"^-- name: [a-z_]+\([a-z_, ]*\)[*!^$]*$", line), f"{path}: {line}"


def test_queries_hold_no_dialect_of_one_engine() -> None:
    """What only one engine understands stands in a file of its own, with the engine's name."""
    of_one = re.compile(
        r"\b(AUTOINCREMENT|INSERT OR|GLOB|strftime|julianday|rowid|ILIKE|jsonb|::)\b", re.IGNORECASE
    )
    for path in QUERIES.glob("*.sql"):
        assert not of_one.findall(path.read_text("utf-8")), path
