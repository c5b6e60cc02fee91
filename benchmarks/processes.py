"""Starts what a benchmark compares, each in a process of its own, and stops it by its process id."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any


class Served(int):
    """The port of a server, which can be made to stand still with all its processes."""

    group = 0

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nothing of it runs: a backlog it is at takes the processor from nobody."""
        os.killpg(self.group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.group, signal.SIGCONT)


@contextmanager
def server(*arguments: str) -> Iterator[Served]:
    """A server of `benchmarks.servers`; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.servers", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().split()
        if line[:1] != ["ready"]:
            raise RuntimeError(f"the server of {arguments} did not start")
        served = Served(line[1])
        served.group = process.pid
        yield served
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load(
    port: int,
    *,
    kind: str = "load",
    connections: int = 64,
    seconds: float = 3.0,
    most: int = 30_000,
) -> dict[str, Any]:
    """One run of a load generator: `benchmarks.load` or `benchmarks.mail_load`."""
    done = subprocess.run(
        [
            sys.executable, "-m", f"benchmarks.{kind}", "--port", str(port),
            "--connections", str(connections), "--seconds", str(seconds), "--most", str(most),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def middle(runs: list[dict[str, Any]], figure: str) -> float:
    """The median of one figure."""
    return float(median(run[figure] for run in runs))
