"""One worker process as the gateway sees it: how it is started, asked, killed and reaped.

Requests go through one pipe and answers come back through another, as frames of a kind, a length
and a payload. Large bytes among a task's arguments go ahead of it in frames of their own, so that
the loop never copies them.
"""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable

from gateway.compute.process import BUFFER, HEAD, OUT_OF_MEMORY, REQUEST
from gateway.domain.errors import GatewayError, WorkLost

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A worker is one processor's worth: the numeric libraries start no threads of their own."""
_ASIDE = 65_536
"""Bytes arguments of this length and more are sent as they lie in memory, not pickled."""
_CHUNK = 65_536
"""What one turn of the loop reads or writes: as much as the kernel keeps in a pipe."""


class TaskTimeout(GatewayError):
    """The task ran longer than it may; its worker was killed and replaced."""


class WorkerDied(WorkLost):
    """The worker was killed, ran out of memory or could not start; the task has no result."""


class Worker:
    """The gateway's end of one worker process. At most one request is under way."""

    def __init__(self, memory_limit: int, on_idle: "Callable[[Worker], None]") -> None:
        self.ready = False
        """The initializer has run."""
        self.lost = asyncio.Event()
        self.answer: asyncio.Future[tuple[int, memoryview]] | None = None
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._inbox = bytearray()
        self._outbox: deque[memoryview] = deque()
        self._writing = False
        self.process = _spawn(memory_limit)
        self._in, self._out = _pipes(self.process)
        self._loop.add_reader(self._in, self._readable)

    def ask(self, frames: list[memoryview], limit: float) -> asyncio.Future[tuple[int, memoryview]]:
        """Send a request; its answer is the kind and payload of the one frame that comes back."""
        answer = self.answer = self._loop.create_future()
        if self.lost.is_set():
            self.answer = None
            answer.set_exception(WorkerDied("the worker died before the task began"))
            return answer
        self._timer = self._loop.call_later(limit, self._overdue, limit)
        self._outbox.extend(frames)
        self._flush()
        return answer

    async def end(self) -> None:
        """Wait until the process is gone and reaped; fail the request that was under way."""
        await self.lost.wait()
        # The exit of a large process takes the kernel a while, so not on the loop.
        status = await asyncio.to_thread(_reap, self.process)
        if status == OUT_OF_MEMORY:
            why = "it needed more memory than its limit"
        elif status < 0:
            why = f"killed by {signal.Signals(-status).name}"
        else:
            why = f"it left with status {status}"
        self._settle(WorkerDied(f"the worker process died: {why}"))

    def _settle(self, outcome: tuple[int, memoryview] | GatewayError) -> None:
        """Answer the request under way, if there is one and somebody still listens."""
        answer, self.answer = self.answer, None
        if self._timer:
            self._timer.cancel()
        if answer is None or answer.done():
            return
        if isinstance(outcome, GatewayError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def _overdue(self, limit: float) -> None:
        self.process.kill()
        self._settle(TaskTimeout(f"the task ran longer than {limit:g} s"))

    def _flush(self) -> None:
        """Send one piece; the loop comes back for the next, so that it is never away for long."""
        try:
            data = self._outbox[0]
            sent = os.write(self._out, data[:_CHUNK])
            if sent < len(data):
                self._outbox[0] = data[sent:]
            else:
                self._outbox.popleft()
        except BlockingIOError:
            pass
        except OSError:
            # It is dead; the reader finds the end of the stream and knows what that means.
            self._outbox.clear()
        if bool(self._outbox) != self._writing:
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(self._out, self._flush)
            else:
                self._loop.remove_writer(self._out)

    def _readable(self) -> None:
        try:
            chunk = os.read(self._in, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._loop.remove_reader(self._in)
            self._loop.remove_writer(self._out)
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()
            self.lost.set()
            return
        self._inbox += chunk
        if len(self._inbox) < HEAD.size:
            return
        kind, length = HEAD.unpack_from(self._inbox)
        if len(self._inbox) < HEAD.size + length:
            return
        payload, self._inbox = memoryview(self._inbox)[HEAD.size :], bytearray()
        if self.answer:
            self._settle((kind, payload))
            self._on_idle(self)


def frames(function: Callable[..., object], args: tuple[object, ...]) -> list[memoryview]:
    """A request as it goes over the wire: large bytes first, by reference, then the pickle."""
    asides: list[pickle.PickleBuffer] = []
    slim = tuple(
        pickle.PickleBuffer(arg) if isinstance(arg, bytes) and len(arg) >= _ASIDE else arg
        for arg in args
    )
    request = pickle.dumps((function, slim), protocol=5, buffer_callback=asides.append)
    frames: list[memoryview] = []
    for aside in asides:
        data = aside.raw()
        frames += (memoryview(HEAD.pack(BUFFER, len(data))), data)
    frames.append(memoryview(HEAD.pack(REQUEST, len(request)) + request))
    return frames


def _spawn(memory_limit: int) -> "subprocess.Popen[bytes]":
    """A fresh interpreter (nothing is forked out of a process with threads) at `serve`."""
    start = f"from gateway.compute.process import serve; serve({os.getpid()}, {memory_limit})"
    environment = {
        **ONE_THREAD,
        **os.environ,
        # What can be imported here can be imported there.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-c", start],
        # Pipes cost half of what a socket pair does: see the decision.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=environment,
        # Ctrl-C in the terminal is for the gateway alone. Not a session of its own: Linux weighs
        # sessions against each other and niceness only inside one (autogroups).
        process_group=0,
    )


def _reap(process: "subprocess.Popen[bytes]") -> int:
    """The exit status of a process that has closed its pipes, and so should be ending."""
    try:
        return process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """Our ends: where its answers come from, where its requests go to."""
    if process.stdin is None or process.stdout is None:  # pragma: no cover - asked for above
        raise WorkerDied("a worker process without pipes")
    ends = process.stdout.fileno(), process.stdin.fileno()
    for end in ends:
        os.set_blocking(end, False)
    return ends
