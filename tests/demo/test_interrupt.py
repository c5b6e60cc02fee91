"""Ctrl-C at any time: gone within five seconds, nothing left behind."""

import os
import pty
import select
import signal
import struct
import termios
import time
from fcntl import ioctl

import psutil
import pytest

#: It learns its examples before it plays: on a busy machine for a while.
START_SECONDS = 100.0

STARTING = b"The gateway is starting"
PLAYING = "▶1".encode()


def _read_until(terminal: int, wanted: bytes, seconds: float) -> bytes:
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < deadline, seen[-2000:]
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    return seen


def _drain(terminal: int) -> bytes:
    seen = b""
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # the other end of a pseudo-terminal is gone
        pass
    return seen


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (STARTING, signal.SIGINT),
        pytest.param(PLAYING, signal.SIGINT, marks=pytest.mark.proof),
        (PLAYING, signal.SIGTERM),
    ],
    ids=["ctrl-c while it starts", "ctrl-c in a scene", "sigterm in a scene"],
)
def test_it_stops_within_five_seconds_and_leaves_nothing(start_demo, tmp_path, moment, number):
    terminal, inside = pty.openpty()
    ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    demo = start_demo(
        headless=False, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    )
    os.close(inside)
    try:
        shown = _read_until(terminal, moment, START_SECONDS)
        workers = psutil.Process(demo.pid).children(recursive=True)
        started = time.monotonic()
        os.killpg(demo.pid, number)  # as a terminal does: to the worker processes too
        shown += _drain(terminal)
        assert demo.wait(10) == 130
        assert time.monotonic() - started < 5
        psutil.wait_procs(workers, timeout=2)
        assert [worker for worker in workers if worker.is_running()] == []
        assert list((tmp_path / "tmp").iterdir()) == []
        assert b"Traceback" not in shown
        if moment is PLAYING:
            assert b"/demo" in shown  # the page's address
            assert b"\x1b[?1049l" in shown  # the terminal is as it was
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
        os.close(terminal)
