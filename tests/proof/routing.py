"""The simulated day in full: the section `routing`."""

import json
import os
import subprocess
import sys
from time import monotonic
from typing import Any

from tests.crash.programs import ROOT
from tests.proof.outcome import Outcome, Say

SIZE = {"inquiries": 50_000, "agents": 200, "queues": 20, "seed": 1}
#: Seconds that one run may take.
LIMIT = 60.0


def routing(say: Say) -> Outcome:
    """The day of 200 agents and 50,000 inquiries, twice, in two processes that order their hashes
    otherwise: the same to the byte, and each quick enough."""
    outcome = Outcome()
    runs = [_run(say, hashes) for hashes in ("1", "2")]
    (first, seconds), (second, again) = runs
    outcome.expect("the same day twice is the same to the byte", kept=first == second)
    outcome.expect(f"a day takes less than {LIMIT:.0f} s", kept=max(seconds, again) < LIMIT)
    report: dict[str, Any] = json.loads(first)
    outcome.figures = {
        "seconds, first run": round(seconds, 1),
        "seconds, second run": round(again, 1),
    }
    for name, one in {**report["queues"], "all queues": report["all"]}.items():
        outcome.figures[name] = (
            f"{one['n']} taken, wait {one['median']:g} s at the median, {one['p95']:g} s at 95 %, "
            f"{one['longest']:g} s the longest; {one['in_target']:.1%} in target"
        )
    counts = report["counts"]
    outcome.figures |= {
        "occupancy": f"{report['occupancy']:.1%}",
        "arrived, done, still waiting": f"{counts['arrived']}, {counts['done']}, "
        f"{report['still_waiting']}",
        "digest": report["digest"],
    }
    outcome.expect(
        "what arrived is done, waits or is with somebody",
        kept=counts["arrived"] == SIZE["inquiries"]
        and counts["arrived"] == counts["done"] + report["still_waiting"] + report["in_hand"],
    )
    return outcome


def _run(say: Say, hashes: str) -> tuple[bytes, float]:
    """What one run prints, and the seconds it took with the start of the program."""
    options = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "gateway.cli", "simulate", "--json", *options]
    started = monotonic()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONHASHSEED": hashes},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            say(line.decode().rstrip())
        printed = process.stdout.read()
    took = monotonic() - started
    assert process.returncode == 0, "gateway simulate ends with 0"
    return printed, took
