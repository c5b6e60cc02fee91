"""`python -m benchmarks [NAME …] [--json] [--quick]`: run, compare, print ratios."""

import argparse
import json
import os
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks.ack import webhook_ack, webhook_ack_loaded
from benchmarks.claim import claim
from benchmarks.deciding import deciding
from benchmarks.group_commit import group_commit
from benchmarks.mail_in import mail_in
from benchmarks.mail_reading import mail_reading
from benchmarks.picking import picking
from benchmarks.pipeline import pipeline
from benchmarks.report import Figure, machine, say
from benchmarks.two_workers import two_workers

#: name → (benchmark, arguments of a quick run, what the limit is)
ALL: dict[str, tuple[Callable[..., list[Figure]], tuple[float, ...], str]] = {
    "webhook_ack": (webhook_ack, (2, 1.5), "bare aiohttp + HMAC"),
    "webhook_ack_loaded": (webhook_ack_loaded, (2, 1.5), "bare aiohttp + HMAC, idle"),
    "group_commit": (group_commit, (2, 1.0), "one commit after another"),
    "pipeline": (pipeline, (1, 500), "planning alone"),
    "claim": (claim, (1,), "units that change one row"),
    "picking": (picking, (20_000,), "the same among a thousand"),
    "two_workers": (two_workers, (1, 600), "twice one worker process"),
    "mail_in": (mail_in, (1, 1.5), "a listener that throws mail away"),
    "deciding": (deciding, (1, 200), "the sentence encoder alone"),
    "mail_reading": (mail_reading, (1, 0.5), "the standard library's policy.default"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], help="all when none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object: name → figures")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, for a look")
    args = parser.parse_args()
    figures: list[tuple[Figure, str]] = []
    for name in args.names or ALL:
        run, quick, limit = ALL[name]
        say(f"{name} …")
        figures += [(figure, limit) for figure in (run(*quick) if args.quick else run())]
    if args.json:
        print(json.dumps({figure.name: figure.as_json() for figure, _ in figures}))
        return
    table = Table(title=machine(), title_justify="left")
    for column in ("benchmark", "value", "limit", "ratio", "the limit is"):
        table.add_column(
            column, justify="right" if column in ("value", "limit", "ratio") else "left"
        )
    for figure, limit in figures:
        value, bound = f"{figure.value:,.1f} {figure.unit}", f"{figure.limit:,.1f} {figure.unit}"
        table.add_row(figure.name, value, bound, f"{figure.ratio:.2f}", limit)
    Console(width=max(100, int(os.environ.get("COLUMNS", "0") or 0))).print(table)


if __name__ == "__main__":
    main()
