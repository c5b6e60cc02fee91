"""What stand-alone simulators share: the count of what they accepted, and how they run."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class AcceptedLog:
    """One JSON line for each accepted message, on the disk before the sender hears of it: whoever
    counts the lines after a crash counts everything that went out. Without a path it keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = -1
        if path is not None:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def lines(self) -> Iterator[dict[str, Any]]:
        """What earlier processes wrote. A last line without its end was never acknowledged."""
        if self._path is None:
            return
        for line in self._path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)

    def add(self, **values: Any) -> None:
        """Append and sync; returns once it is durable."""
        if self._file < 0:
            return
        os.write(self._file, json.dumps(values, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Peer(Protocol):
    """A simulator that can run by itself."""

    url: str

    async def start(self, port: int = 0) -> None: ...
    async def close(self) -> None: ...


async def serve_until_stopped(peer: Peer, port: int) -> None:
    """Run until SIGINT or SIGTERM. The first line on standard output is `ready <address>`."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await peer.start(port)
    sys.stdout.write(f"ready {peer.url}\n")
    sys.stdout.flush()
    try:
        await stopped.wait()
    finally:
        await peer.close()
