"""The real command line, on data directories of its own."""

import http.server
import io
import json
import logging
import queue
import subprocess
import sys
import threading
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
from tests.postgres import drop_database


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
def database(postgres: Any) -> Iterator[str]:
    """The address of a new, empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    drop_database(url)


@pytest.fixture
def shared(home: Path, database: str) -> Path:
    """The data directory of `home`, with its database on a server."""
    file = home / "gateway.toml"
    file.write_text(f'database = "{database}"\n{SETTINGS}', "utf-8")
    return home


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


@pytest.fixture
def callback() -> Iterator[tuple[str, queue.Queue[dict[str, Any]]]]:
    """The other system: its address, and what the gateway posted to it."""
    taken: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            taken.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answers", taken
        server.shutdown()
        thread.join()
