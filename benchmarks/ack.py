"""Durable acknowledgement of a signed webhook against bare aiohttp + HMAC."""

import tempfile
from pathlib import Path

from benchmarks.processes import load, middle, server
from benchmarks.report import Figure, say
from benchmarks.servers import write_config

PAIRS = 5


def webhook_ack(pairs: int = PAIRS, seconds: float = 3.0) -> list[Figure]:
    """verified → durable → 200, nothing else at work."""
    return _compare("webhook_ack", pairs, seconds, pipeline=False)


def webhook_ack_loaded(pairs: int = PAIRS, seconds: float = 3.0) -> list[Figure]:
    """The same while the pipeline works on a backlog that it cannot finish within the run."""
    return _compare("webhook_ack_loaded", pairs, seconds, pipeline=True)


def _compare(name: str, pairs: int, seconds: float, *, pipeline: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        write_config(Path(folder))
        options = ["--pipeline"] if pipeline else []
        with server("bare") as limit, server("gateway", folder, *options) as port:
            for warm in (limit, port):
                load(warm, seconds=1.5)
            bare_runs, runs = [], []
            for number in range(1, pairs + 1):
                bare_runs.append(load(limit, seconds=seconds))
                runs.append(load(port, seconds=seconds))
                say(
                    f"{name} {number}/{pairs}: {runs[-1]['rate']:.0f}/s, bare "
                    f"{bare_runs[-1]['rate']:.0f}/s, p99 {runs[-1]['p99_ms']:.0f} ms"
                )
    ratios = sorted(a["rate"] / b["rate"] for a, b in zip(runs, bare_runs, strict=True))
    p99 = Figure(
        f"{name}_p99", middle(runs, "p99_ms"), "ms", middle(bare_runs, "p99_ms"),
        middle(runs, "p99_ms") / middle(bare_runs, "p99_ms"),
    )  # fmt: skip
    rate = Figure(
        name, middle(runs, "rate"), "1/s", middle(bare_runs, "rate"), ratios[len(ratios) // 2]
    )
    return [rate, p99]
