"""The benchmarks as a section: their ratios stand in the table, and none of them is a verdict."""

import json
import subprocess
import sys

from tests.crash.programs import ROOT
from tests.proof.outcome import Outcome, Say


def benchmarks(say: Say) -> Outcome:
    """Run every benchmark. Holds when all came to their end: machines are noisy, people judge."""
    outcome = Outcome()
    command = (sys.executable, "-m", "benchmarks", "--json")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            say(line.rstrip())
        printed = process.stdout.read()
    outcome.expect("python -m benchmarks ends with 0", kept=process.returncode == 0)
    for name, figure in (json.loads(printed) if printed.strip() else {}).items():
        outcome.figures[name] = (
            f"{figure['value']:,.1f} {figure['unit']}, limit {figure['limit']:,.1f}, "
            f"ratio {figure['ratio']:.2f}"
        )
    return outcome
