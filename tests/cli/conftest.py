"""The real command line in processes of its own, on data directories of their own."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import COMMAND, SETTINGS, Serving, end, environment


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command to its end."""

    def run(
        *words: str | Path, stdin: str | bytes = "", check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            input=data, capture_output=True, cwd=tmp_path, env=environment(), timeout=60,
            check=False,
        )  # fmt: skip
        ended = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        if check:
            assert ended.returncode == 0, ended.stderr
        return ended

    return run


@pytest.fixture
def home(tmp_path: Path, cli: Callable[..., Any]) -> Path:
    """A data directory as `init` makes it, with two accounts."""
    folder = tmp_path / "home"
    cli("init", folder, check=True)
    (folder / "gateway.toml").write_text(SETTINGS, "utf-8")
    return folder


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
