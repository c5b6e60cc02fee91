"""The processes of a crash run: the simulators that stay, and the gateway that is killed.

Every process is stopped by its own id, and none outlives the block that started it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from tests.crash.settings import CALLBACK_SECRET, HTTP_SECRET, SMS_ACCOUNT_SID, SMS_TOKEN, Outside

ROOT = Path(__file__).parents[2]
#: Seconds a program may take until its `ready`: a gateway trains its classifier in each worker.
START_SECONDS = 90.0


class StartFailed(Exception):
    """A program ended, or kept silent, instead of saying `ready`."""


def environment(**more: str) -> dict[str, str]:
    """Ours without settings of the gateway, which come from the file alone."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**ours, "PYTHONUNBUFFERED": "1", **more}


def addresses_of(ready: str) -> dict[str, str]:
    """What `gateway serve` says: name=address, one after the other."""
    return dict(pair.partition("=")[::2] for pair in ready.split())


@dataclass(frozen=True, slots=True)
class Simulators:
    """The outside world of one run, and where each writes what it accepted."""

    outside: Outside
    mail_log: Path
    sms_log: Path
    http_log: Path


@asynccontextmanager
async def simulators(folder: Path, delay_ms: int = 20) -> AsyncIterator[Simulators]:
    """Start the SMTP sink, the Twilio fake and the callback's receiver as processes of their own.

    Between taking a message and saying so each waits for `delay_ms`, so that kills fall there.
    """
    logs = {name: folder / f"{name}.jsonl" for name in ("mail", "sms", "http")}
    delay = ["--delay-ms", str(delay_ms)]
    arguments = {
        "mail": ["-m", "channels._sim_email", "--log", str(logs["mail"]), *delay],
        "sms": [
            "-m", "channels._sim_sms", "--log", str(logs["sms"]), "--receipts", *delay,
            "--account-sid", SMS_ACCOUNT_SID, "--auth-token", SMS_TOKEN,
        ],
        "http": [
            "-m", "channels._sim_http", "--log", str(logs["http"]), *delay,
            "--secret", HTTP_SECRET, "--callback-secret", CALLBACK_SECRET,
        ],
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        programs = [
            await stack.enter_async_context(program(*arguments[name], log=folder / f"{name}.err"))
            for name in arguments
        ]
        mail, sms, http = [await one.ready() for one in programs]
        yield Simulators(
            Outside(int(mail.rpartition(":")[2]), sms, http),
            mail_log=logs["mail"],
            sms_log=logs["sms"],
            http_log=logs["http"],
        )


@dataclass(slots=True)
class Program:
    """One Python program, from its start to its end."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    @property
    def children(self) -> list[int]:
        """Its worker processes."""
        try:
            return [child.pid for child in psutil.Process(self.process.pid).children()]
        except psutil.NoSuchProcess:
            return []

    async def ready(self, seconds: float = START_SECONDS) -> str:
        """What follows `ready` on standard output. Raises `StartFailed`."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                while line := (await self.process.stdout.readline()).decode():
                    word, _, rest = line.rstrip("\n").partition(" ")
                    if word == "ready":
                        return rest
                    self.said.append(line)
        except TimeoutError as error:
            msg = f"process {self.process.pid} was not ready after {seconds:.0f} s"
            raise StartFailed(msg) from error
        code = await self.process.wait()
        msg = f"process {self.process.pid} ended with {code} before it was ready"
        raise StartFailed(msg)

    async def addresses(self) -> dict[str, str]:
        """Where a gateway listens, once it does. Raises `StartFailed`."""
        found: dict[str, str] = json.loads(await self.ready())
        return found

    async def died(self, seconds: float) -> bool:
        """Wait for its end; False when it is still alive then."""
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.alive:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self, seconds: float = 10.0) -> float:
        """SIGTERM; how many seconds it took. Raises TimeoutError."""
        started = asyncio.get_running_loop().time()
        self.signal(signal.SIGTERM)
        if not await self.died(seconds):
            msg = f"process {self.process.pid} ignored SIGTERM for {seconds:.0f} s"
            raise TimeoutError(msg)
        return asyncio.get_running_loop().time() - started

    @classmethod
    async def start(cls, *arguments: str, log: Path, **variables: str) -> Self:
        """Start `python …`; what it says on standard error is appended to `log`."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *([] if arguments[0].startswith("/") else [sys.executable]),
                *arguments,
                cwd=ROOT,
                env=environment(**variables),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        return cls(process)

    async def close(self) -> None:
        """Read the rest of its output: the pipe's end is then closed with it."""
        if self.process.stdout is not None:
            await self.process.stdout.read()


@asynccontextmanager
async def program(*arguments: str, log: Path, **variables: str) -> AsyncIterator[Program]:
    """A program that ends with the block."""
    started = await Program.start(*arguments, log=log, **variables)
    try:
        yield started
    finally:
        started.signal(signal.SIGTERM)
        if not await started.died(8.0):
            await started.kill()
        await started.close()


@asynccontextmanager
async def gateway(
    config: Path, *, kill_at: str = "", fault: str = "", settle: float = 2.0, prefix: Any = ()
) -> AsyncIterator[Program]:
    """A gateway that is killed at the end of the block if it still lives.

    Args:
        config: its settings file; its log goes beside it.
        kill_at: 'step:n', where it kills itself.
        fault: one of `tests.crash.planted.FAULTS`.
        settle: seconds until a provider's list is believed.
        prefix: a program to run it under, as `strace -f …`; its full path first.
    """
    variables = {"GATEWAY_KILL_AT": kill_at} if kill_at else {}
    more = ["--fault", fault] if fault else []
    server = ["-m", "tests.crash.server", str(config), "--settle", str(settle), *more]
    arguments = [*prefix, sys.executable, *server] if prefix else server
    started = await Program.start(*arguments, log=config.parent / "gateway.log", **variables)
    try:
        yield started
    finally:
        await started.kill()
        await started.close()
