"""`make` and `.ci/run`: the targets are there, and a run cannot look green when it is not."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CLOSING = "======= 3 passed, 1 skipped in 0.12s ======="


def test_every_promised_target_is_there(repository):
    text = (repository / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?m)^([a-z]+):", text))
    assert {"install", "demo", "test", "proof", "lint", "bench", "clean", "tools"} <= targets
    assert targets <= set(re.search(r"\.PHONY: (.*)", text)[1].split())


@pytest.mark.parametrize("target", ["install", "demo", "test", "proof", "lint", "bench"])
def test_make_can_say_what_it_would_do(repository, target):
    run = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert ".venv" in run.stdout


def test_an_old_python_is_refused_with_what_to_do(repository, tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    run = subprocess.run(
        ["make", "install", "PYTHON="], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed" in run.stdout + run.stderr


def test_the_last_thing_of_make_test_is_pytest(repository):
    run = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "test"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    steps = run.stdout.splitlines()
    assert "-m pytest" in steps[-1]
    for check in ("ruff check", "ruff format --check", "mypy", "lint-imports"):
        assert any(check in step for step in steps), check


# ---------------------------------------------------------------- .ci/run with a make of our own


def ci(repository: Path, tmp_path: Path, output: str, status: int) -> tuple[int, list[str]]:
    """Run a copy of .ci/run in a folder where `make test` prints this and ends with this status."""
    (tmp_path / "repo" / ".ci").mkdir(parents=True)
    script = tmp_path / "repo" / ".ci" / "run"
    script.write_bytes((repository / ".ci/run").read_bytes())
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "make"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = test ] || exit 0\ncat <<"END"\n{output}\nEND\nexit {status}\n'
    )
    fake.chmod(0o755)
    run = subprocess.run(
        ["bash", str(script)],
        env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout.splitlines()


def test_a_green_run_is_green_and_ends_with_pytests_closing_line(repository, tmp_path):
    status, lines = ci(repository, tmp_path, f"tests...\n{CLOSING}", 0)
    assert (status, lines[-1]) == (0, CLOSING)


def test_a_test_skipped_for_a_missing_tool_fails_the_run(repository, tmp_path):
    output = f"SKIPPED [1] tests/x.py:3: missing tool: strace (try `make tools`)\n{CLOSING}"
    status, lines = ci(repository, tmp_path, output, 0)
    assert (status, lines[-1]) == (1, CLOSING)


@pytest.mark.parametrize("status", [1, 2])
def test_a_failing_run_fails_and_still_ends_with_the_closing_line(repository, tmp_path, status):
    closing = "======= 1 failed, 2 passed in 61.20s (0:01:01) ======="
    got, lines = ci(repository, tmp_path, f"{closing}\nmake: *** [test] Error 1", status)
    assert (got, lines[-1]) == (status, closing)


def test_a_run_in_which_pytest_never_closed_is_not_green(repository, tmp_path):
    status, lines = ci(repository, tmp_path, "nothing at all", 0)
    assert (status, lines[-1]) == (1, "pytest did not come to its end")


def test_the_script_can_be_executed(repository):
    assert os.access(repository / ".ci/run", os.X_OK)
