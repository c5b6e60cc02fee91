"""A running `gateway serve`, and what the tests of the command line say to it."""

import asyncio
import hmac
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load
from gateway.office import Office, desk_only
from tests.learnt import SETTING

SECRET = "a secret of the tests' own"
COMMAND = [sys.executable, "-m", "gateway.cli"]

SETTINGS = f"""
[server]
port = 0

[workers]
processes = 1
poll_seconds = 0.1

[accounts.mail]
kind = "email"
address = "support@pay.example"
listen = "127.0.0.1:0"

[accounts.app]
kind = "http"
secret = "{SECRET}"
"""


def environment() -> dict[str, str]:
    """What a program is started with: nothing of the developer's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GATEWAY_", "COVERAGE_"))
    }
    return kept | SETTING


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Serving:
    """A running `gateway serve`."""

    def __init__(self, words: Sequence[str | Path], cwd: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=environment(), text=True,
        )  # fmt: skip
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.said: list[str] = []
        self.errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._listen_to_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.addresses: dict[str, str] = {}

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _listen_to_errors(self) -> None:
        self.errors.extend(self.process.stderr)

    def ready(self) -> "Serving":
        """Wait for the line that says so."""
        while (line := self.lines.get(timeout=60)) is not None:
            self.said.append(line)
            word, *pairs = line.split()
            if word == "ready":
                self.addresses = dict(pair.split("=", 1) for pair in pairs)
                return self
        self.process.wait(10)
        pytest.fail(f"it did not start: {''.join(self.errors)}")

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal; the seconds until the process was gone."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - started

    def post(self, account: str, body: bytes) -> tuple[int, str]:
        """One signed call, as another system makes it."""
        request = urllib.request.Request(
            f"{self.addresses['web']}/in/http/{account}",
            data=body,
            headers={"X-Gateway-Signature": signature(body, time.time())},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


def end(server: Serving) -> None:
    if server.process.poll() is None:
        server.process.kill()
    server.process.wait(10)
    for thread in server._threads:
        thread.join(10)
    server.process.stdout.close()
    server.process.stderr.close()


def signature(body: bytes, at: float) -> str:
    mac = hmac.digest(SECRET.encode(), f"{int(at)}.".encode() + body, "sha256").hex()
    return f"t={int(at)},v1={mac}"


def answers(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def until(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `look` finds once it finds something: for what another process does in its own time."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        if found := look():
            return found
        threading.Event().wait(0.1)
    pytest.fail("it did not happen")


def beside(home: Path, work: Callable[[Office], Awaitable[Any]]) -> Any:
    """Do something in an office of our own, beside whatever runs there."""

    async def run() -> Any:
        async with desk_only(load(None, home)) as office:
            return await work(office)

    return asyncio.run(run())


def with_callback(home: Path, url: str) -> None:
    """Let the account `app` answer to that address."""
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(f'callback_url = "{url}"\ncallback_secret = "theirs"\nallow_private = true\n')
