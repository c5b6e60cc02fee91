"""What the tests let worker processes do: importable by name, as every task must be."""

import gc
import os
import signal
import sys
import time
from pathlib import Path

_prepared = []


def same(value):
    return value


def size(data, *, at_least=0):
    assert len(data) >= at_least
    return len(data), type(data).__name__


def blank(length):
    return bytes(length)


def pid(_=None):
    return os.getpid()


def niceness():
    return os.nice(0)


def threads_of_libraries():
    return os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]


def garbage():
    return gc.isenabled(), gc.get_freeze_count()


def chatter():
    print("said to standard output")
    sys.stdout.flush()
    os.write(1, b"written to descriptor 1")
    return "answer"


def divide(a, b):
    return a / b


class Stubborn(Exception):
    """Cannot be made again from its `args`, like many exceptions that take two arguments."""

    def __init__(self, code, detail):
        super().__init__(f"{code}: {detail}")


def be_stubborn():
    raise Stubborn(7, "no way back")


def spin(marker=None):
    """Busy for ever, in Python, so that a watching thread gets its turn."""
    if marker:
        Path(marker).touch()
    while True:
        pass


def hold(gate, marker=None):
    """Wait until a file appears."""
    if marker:
        Path(marker).touch()
    while not Path(gate).exists():
        time.sleep(0.002)
    return os.getpid()


def hold_then_append(gate, log, word):
    hold(gate)
    with Path(log).open("a") as out:
        out.write(word + "\n")


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt_self():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    return "still here"


def leave():
    sys.exit(3)


def eat(megabytes):
    return len(bytearray(os.urandom(1024) * 1024 * megabytes))


def prepare(word):
    _prepared.append(word)


def prepared():
    return _prepared[-1]


def refuse_to_start(reason):
    raise ValueError(reason)


def refuse_unless(path):
    if not Path(path).exists():
        raise RuntimeError("not yet")


def die_at_start():
    os.kill(os.getpid(), signal.SIGKILL)
