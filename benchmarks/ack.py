"""Durable acknowledgement of a signed webhook against bare aiohttp + HMAC."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.databases import databases
from benchmarks.processes import Served, load, middle, server
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
    options = ["--pipeline"] if pipeline else []
    with ExitStack() as stack:
        limit = stack.enter_context(server("bare"))
        ports = {}
        for suffix, database in stack.enter_context(databases()).items():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
            write_config(Path(folder), database)
            ports[name + suffix] = stack.enter_context(server("gateway", folder, *options))
        for warm in (limit, *ports.values()):
            _alone(warm, [*ports.values()], 1.5)
        bare_runs = []
        runs: dict[str, list[dict[str, float]]] = {each: [] for each in ports}
        for number in range(1, int(pairs) + 1):
            bare_runs.append(_alone(limit, [*ports.values()], seconds))
            for each, port in ports.items():
                runs[each].append(_alone(port, [*ports.values()], seconds))
                say(
                    f"{each} {number}/{pairs}: {runs[each][-1]['rate']:.0f}/s, bare "
                    f"{bare_runs[-1]['rate']:.0f}/s, p99 {runs[each][-1]['p99_ms']:.0f} ms"
                )
    return [figure for each in ports for figure in _figures(each, runs[each], bare_runs)]


def _alone(port: Served, gateways: list[Served], seconds: float) -> dict[str, float]:
    """One run while the other gateways, each with a backlog of its own, stand still."""
    with ExitStack() as still:
        for other in gateways:
            if other != port:
                still.enter_context(other.stopped())
        return load(port, seconds=seconds)


def _figures(
    name: str, runs: list[dict[str, float]], bare_runs: list[dict[str, float]]
) -> list[Figure]:
    ratios = sorted(a["rate"] / b["rate"] for a, b in zip(runs, bare_runs, strict=True))
    return [
        Figure(
            name, middle(runs, "rate"), "1/s", middle(bare_runs, "rate"), ratios[len(ratios) // 2]
        ),
        Figure(
            f"{name}_p99", middle(runs, "p99_ms"), "ms", middle(bare_runs, "p99_ms"),
            middle(runs, "p99_ms") / middle(bare_runs, "p99_ms"),
        ),
    ]  # fmt: skip
