"""Sections that are programs of their own: their exit status is the proof."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from time import monotonic

from tests.crash.programs import ROOT
from tests.proof.outcome import Outcome, Say, Section


def program(*command: str) -> Section:
    """A section that holds when the command ends with 0. Its lines are passed on."""

    def run(say: Say) -> Outcome:
        started, outcome, last = monotonic(), Outcome(), ""
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = line.rstrip() or last
                say(line.rstrip())
        outcome.figures = {"last line": last, "seconds": round(monotonic() - started)}
        outcome.expect(f"{' '.join(command)} ends with 0", kept=process.returncode == 0)
        return outcome

    return run


def tests(*paths: str) -> Section:
    """A section that is a part of the test-suite."""
    return _marked("proof or not proof", *paths)


def long_tests(*paths: str) -> Section:
    """A section of what is too long for the test-suite."""
    return _marked("proof", *paths)


def _marked(marks: str, *paths: str) -> Section:
    return program(sys.executable, "-m", "pytest", "-q", "-m", marks, *paths)


def module(name: str, *arguments: str) -> Section:
    """A section that is a program of the tests."""
    return program(sys.executable, "-m", name, *arguments)


def gateway(*arguments: str) -> Section:
    """A section that is a command of the gateway."""
    return program(str(Path(sysconfig.get_path("scripts")) / "gateway"), *arguments)
