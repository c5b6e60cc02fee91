"""Help: quick, with an example for every command, and a page that names them all."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from gateway import __version__
from gateway.cli import app


def commands() -> Iterator[list[str]]:
    """Every command that does something, as it is typed."""

    def walk(command: object, words: list[str]) -> Iterator[list[str]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield words
            return
        for name, one in inner.items():
            yield from walk(one, [*words, name])

    return walk(typer.main.get_command(app), [])


ALL = list(commands())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_the_help_of_every_command_has_an_example(words, capsys):
    with pytest.raises(SystemExit) as ended:
        app([*words, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "Example:" in shown
    assert f"gateway {' '.join(words)}" in shown.partition("Example:")[2]


def test_help_loads_nothing_heavy():
    heavy = ["aiohttp", "aiosql", "jinja2", "numpy", "pydantic", "rich", "sqlite3", "structlog"]
    code = f"import gateway.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_the_page_of_commands_names_every_command_and_no_other():
    page = Path(__file__).parents[2] / "docs/operate/commands.md"
    headings = re.findall(r"(?m)^### `gateway ([a-z -]+)`", page.read_text("utf-8"))
    assert sorted(headings) == sorted(" ".join(words) for words in ALL)


def test_the_version_is_printed(inside):
    assert inside("--version", check=True).stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    "words", [["serv"], ["inquiries", "show"], ["queues", "--jason"], ["quarantine", "replay"]]
)
def test_a_wrong_command_line_exits_with_2(inside, words):
    done = inside(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()
