"""Starts what a benchmark compares, each in a process of its own, and stops it by its process id."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any


@contextmanager
def server(*arguments: str) -> Iterator[int]:
    """A server of `benchmarks.servers`; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.servers", *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().split()
        if line[:1] != ["ready"]:
            raise RuntimeError(f"the server of {arguments} did not start")
        yield int(line[1])
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
