"""Mails read, redacted and durably stored per second, against a listener that throws them away."""

import tempfile
from pathlib import Path

from benchmarks.processes import load, middle, server
from benchmarks.report import Figure, say
from benchmarks.servers import write_config

ROUNDS = 3


def mail_in(rounds: int = ROUNDS, seconds: float = 3.0) -> list[Figure]:
    """SMTP in, 250 after the commit; ten sessions."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        write_config(Path(folder))
        with server("sink") as sink, server("gateway", folder, "--mail") as port:
            runs, limits = [], []
            for number in range(rounds + 1):
                limit = load(sink, kind="mail_load", connections=10, seconds=seconds, most=6000)
                run = load(port, kind="mail_load", connections=10, seconds=seconds, most=6000)
                if number:  # the first round warms up
                    limits.append(limit)
                    runs.append(run)
                    say(
                        f"mail_in {number}/{rounds}: {run['rate']:.0f}/s, thrown away {limit['rate']:.0f}/s"
                    )
    ratios = sorted(a["rate"] / b["rate"] for a, b in zip(runs, limits, strict=True))
    return [
        Figure(
            "mail_in", middle(runs, "rate"), "1/s", middle(limits, "rate"), ratios[len(ratios) // 2]
        )
    ]
