"""What runs inside a worker process: read a request, perform it, answer; never outlive the gateway.

It has no database and no network: bytes and snapshots come in, plans and figures go out.
"""

import ctypes
import gc
import os
import pickle
import resource
import signal
import struct
import sys
import threading
import time
import traceback
from typing import BinaryIO, NoReturn

from gateway.domain.errors import GatewayError

HEAD = struct.Struct("!BQ")
"""Before each frame: its kind and the length of its payload."""
BUFFER, REQUEST, RESULT, RAISED = range(4)
OUT_OF_MEMORY = 70
"""Exit status of a worker that met its memory limit."""

_NICE = 10
"""Workers take what the acknowledging process leaves of the processor."""
_PR_SET_PDEATHSIG = 1


class TaskFailed(GatewayError):
    """The task raised an exception that cannot travel between processes; the text names it."""


def serve(parent: int, memory_limit: int) -> None:
    """The life of a worker: read a request, answer it, until the gateway hangs up."""
    # A service manager signals every process of the service; the gateway decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with(parent)
    os.nice(_NICE)
    if memory_limit:
        # Data rather than address space: libraries reserve much of the latter and use little.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit, memory_limit))
    # The first task loads what stays: looking for garbage among it takes longer every time.
    gc.disable()
    # What a task prints goes to the error output, not into the answers.
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(requests, "rb") as stream, os.fdopen(answers, "wb", buffering=0) as out:
        try:
            while answer := _answer(stream):
                view = memoryview(answer)
                while view:
                    view = view[out.write(view) :]
                del answer, view
                if not gc.isenabled():
                    gc.freeze()
                    gc.enable()
        except MemoryError:
            # Whatever is left cannot be trusted to have room to work in.
            os._exit(OUT_OF_MEMORY)
        except BrokenPipeError:
            os._exit(0)


def _answer(stream: BinaryIO) -> bytes:
    """Read one request and perform it. b'' at the end of the stream."""
    asides: list[bytes] = []
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        kind, length = HEAD.unpack(head)
        payload = stream.read(length)
        if kind == BUFFER:
            asides.append(payload)
            continue
        try:
            function, args = pickle.loads(payload, buffers=asides)  # noqa: S301 - from the gateway
            del payload
            reply, kind = pickle.dumps(function(*args), protocol=5), RESULT
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the task raises belongs to its caller
            reply, kind = _portable(error), RAISED
        return HEAD.pack(kind, len(reply)) + reply
    return b""


def _portable(error: Exception) -> bytes:
    """The exception, pickled, with the place it came from; `TaskFailed` when it does not survive
    the way (many exceptions cannot be made again from their `args`)."""
    error.add_note("in the worker process:\n" + "".join(traceback.format_tb(error.__traceback__)))
    try:
        data = pickle.dumps(error, protocol=5)
        pickle.loads(data)  # noqa: S301 - written in the line above
    except Exception:  # noqa: BLE001 - its own pickling code may raise anything
        data = pickle.dumps(TaskFailed(f"{type(error).__name__}: {error}"), protocol=5)
    return data


def _die_with(parent: int) -> None:
    """See to it that this process never outlives the gateway, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # It ended before we asked the kernel to tell us.
            os._exit(0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> NoReturn:
    """Where the kernel does not tell: look once a second whether we were handed to init."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def nothing() -> None:
    """The initializer of a pool that has none."""
