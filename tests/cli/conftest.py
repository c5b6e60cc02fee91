"""The real command line, on data directories of its own."""

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.cli import main
from gateway.config import load
from gateway.sample import write_sample
from gateway.store.sqlite import SqliteStore
from tests.cli.processes import COMMAND, SETTINGS, Done, Serving, end, environment


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Done]:
    """Run one command to its end, in a process of its own."""

    def run(*words: str | Path, stdin: str | bytes = "", check: bool = False) -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            input=data, capture_output=True, cwd=tmp_path, env=environment(), timeout=60,
            check=False,
        )  # fmt: skip
        return _looked_at(Done(done.returncode, done.stdout.decode(), done.stderr.decode()), check)

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Callable[..., Done]]:
    """Run one command in this process: quicker, for whatever does not outlive its answer."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def run(*words: str | Path, stdin: str | bytes = "", check: bool = False) -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gateway", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return _looked_at(Done(code if isinstance(code, int) else 0, *capsys.readouterr()), check)

    yield run
    structlog.reset_defaults()


def _looked_at(done: Done, check: bool) -> Done:
    assert "Traceback" not in done.stderr, done.stderr
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data directory as `init` makes it, with two accounts."""
    folder = tmp_path / "home"
    write_sample(folder)
    (folder / "gateway.toml").write_text(SETTINGS, "utf-8")
    return folder


@pytest.fixture
async def made(home: Path) -> Path:
    """The same, as it is once a gateway has run on it."""
    store = SqliteStore(load(None, home).database_path)
    await store.open()
    await store.close()
    return home


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., Any]:
    """`with serving("--data-dir", home) as gateway`: started, ready, and gone afterwards."""

    @contextmanager
    def start(*words: str | Path) -> Iterator[Serving]:
        server = Serving(words, tmp_path)
        try:
            yield server.ready()
        finally:
            end(server)

    return start


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """As `serving`, without waiting for ready."""
    started: list[Serving] = []

    def start(*words: str | Path) -> Serving:
        started.append(Serving(words, tmp_path))
        return started[-1]

    yield start
    for server in started:
        end(server)
