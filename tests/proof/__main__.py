"""`python -m tests.proof [SECTION …]`: the full figures, with the commit; exits 1 when one fails.

A section is a function from `say` (told the progress) to an `Outcome`. Others join by a line in
`SECTIONS`.
"""

import argparse
import os
import platform
import subprocess
import sys
from time import monotonic

from rich.console import Console
from rich.table import Table

from tests.crash.programs import ROOT
from tests.proof.answers import answers
from tests.proof.cluster import cluster
from tests.proof.crash import crash, crash_on_postgres
from tests.proof.figures import benchmarks
from tests.proof.outcome import Outcome, Sections
from tests.proof.programs import gateway, long_tests, module, tests
from tests.proof.routing import routing

SECTIONS: Sections = {
    "benchmarks": benchmarks,
    "answers": answers,
    "routing": routing,
    "floor": long_tests("tests/routing", "tests/desk"),
    "demo": gateway("demo", "--headless", "--check"),
    "planted": tests("tests/crash/test_planted_faults.py"),
    "faults": tests("tests/faults"),
    "programs": tests("tests/cli", "tests/demo", "tests/workers/test_announcing_crashes.py"),
    "mails": module("tests.fuzz", "mails", "--count", "5000"),
    "scan": tests("tests/scan"),
    "crash": crash,
    "crash-postgres": crash_on_postgres,
    "cluster": cluster,
}
#: Sections that one engine has alone; `--engine` chooses among them.
ENGINES = {"sqlite": {"crash"}, "postgres": {"crash-postgres", "cluster"}}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    options.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all by default")
    options.add_argument("--engine", choices=ENGINES, help="only on this one; both by default")
    given = options.parse_args()
    wanted = given.sections or list(SECTIONS)
    if unknown := [name for name in wanted if name not in SECTIONS]:
        options.error(f"there is no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    if given.engine:
        wanted = on_engine(wanted, given.engine)
    head = f"commit {commit()} · Python {platform.python_version()} · {os.cpu_count()} processors"
    started = monotonic()
    print(head, flush=True)

    def say(line: str) -> None:
        print(f"{monotonic() - started:7.1f}  {line}", flush=True)

    outcomes = {}
    for name in wanted:
        say(f"{name} …")
        outcomes[name] = SECTIONS[name](say)
        say(f"{name}: {'holds' if outcomes[name].holds else 'DOES NOT HOLD'}")
    Console(width=110).print(summary(head, outcomes))
    sys.exit(0 if all(outcome.holds for outcome in outcomes.values()) else 1)


def on_engine(wanted: list[str], engine: str) -> list[str]:
    """The sections on this engine: `crash` is then that of the engine."""
    others = set().union(*(names for name, names in ENGINES.items() if name != engine))
    ours = (f"{name}-{engine}" if f"{name}-{engine}" in SECTIONS else name for name in wanted)
    return [name for name in dict.fromkeys(ours) if name not in others]


def summary(title: str, outcomes: dict[str, Outcome]) -> Table:
    """Every figure, and every promise that was not kept."""
    table = Table("section", "figure", "value", title=title, title_justify="left")
    for name, outcome in outcomes.items():
        table.add_section()
        table.add_row(name, "", "[green]holds[/]" if outcome.holds else "[red]does not hold[/]")
        for figure, value in outcome.figures.items():
            table.add_row("", figure, f"{value:,}" if isinstance(value, int) else str(value))
        for problem in outcome.problems:
            table.add_row("", "[red]not kept[/]", problem)
    return table


def commit() -> str:
    """The commit that is proved, with a mark when files differ from it."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with changes" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
