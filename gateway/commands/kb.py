"""`gateway kb`: what the answering engine is worth on labelled texts."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.options import AsJson, example
from gateway.commands.screen import as_json, say, table, warn
from gateway.domain.errors import GatewayError, SettingsError

if TYPE_CHECKING:
    from gateway.answers.trial import Result

EVAL_EXAMPLE = example(
    "gateway kb eval --train questions.csv --shots 10 --seeds 5",
    "gateway kb eval --train train.jsonl --test test.jsonl --oos other.txt --engine accurate",
    "gateway kb eval --train questions.csv --folds 5 --svg curve.svg --json",
)

File = "FILE[#LIST,…]"


def evaluate(
    train: Annotated[
        str, typer.Option("--train", metavar=File, help="CSV, TSV, JSONL or JSON: text and label.")
    ],
    test: Annotated[
        str | None,
        typer.Option("--test", metavar=File, help="Else a part of --train is held out."),
    ] = None,
    oos: Annotated[
        str | None,
        typer.Option("--oos", metavar=File, help="Texts of no label: they should not be answered."),
    ] = None,
    shots: Annotated[
        int, typer.Option("--shots", min=0, help="Examples of each label to learn; 0: all.")
    ] = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Random splits.")] = 5,
    folds: Annotated[
        int, typer.Option("--folds", min=0, help="Cross-validation instead of random splits.")
    ] = 0,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="lexical, vectors, product, default or accurate; may be repeated.",
        ),
    ] = None,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Wrong answers a certificate permits.")
    ] = 0.05,
    delta: Annotated[
        float, typer.Option("--delta", help="Chance that a certificate is wrong.")
    ] = 0.1,
    splits: Annotated[
        int, typer.Option("--splits", min=1, help="Certificates that are made and checked.")
    ] = 200,
    text: Annotated[str, typer.Option("--text", help="Column of the text.")] = "",
    label: Annotated[str, typer.Option("--label", help="Column of the label.")] = "",
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw coverage against risk.")
    ] = None,
    json: AsJson = False,
) -> None:
    """How well the engines do on labelled texts. Learns nothing for good and stores nothing."""
    from gateway.answers.engines import ENGINES
    from gateway.answers.labelled import read_labelled
    from gateway.answers.trial import Plan, run

    engines = engine or ["default"]
    if unknown := [name for name in engines if name not in ENGINES]:
        raise SettingsError(f"there is no engine {unknown[0]!r}; there are {', '.join(ENGINES)}")
    if not (0 < alpha < 1 and 0 < delta < 1):
        raise SettingsError("--alpha and --delta lie between 0 and 1")
    if test and folds:
        raise SettingsError("--folds takes its test texts from --train: leave out --test")
    if folds == 1:
        raise SettingsError("--folds 1 would leave nothing to train on: at least 2")
    results = run(
        Plan(engines, shots, seeds, folds, alpha, delta, splits),
        read_labelled(train, text=text, label=label),
        read_labelled(test, text=text, label=label) if test else None,
        read_labelled(oos, text=text, label=label, labels_needed=False) if oos else None,
        told=warn,
    )
    if svg:
        try:
            svg.write_text(_picture(results, alpha), encoding="utf-8")
        except OSError as error:
            raise GatewayError(f"{svg} cannot be written: {error.strerror}") from error
    if json:
        as_json([result.summary() for result in results])
        return
    _show(results, alpha)


def _show(results: "list[Result]", alpha: float) -> None:
    columns = (
        "engine", "accuracy", "macro-F1", f"coverage at {alpha:.0%}", "broken promises",
        "OOS AUROC", "ms median", "ms p95", "training s",
    )  # fmt: skip
    rows = []
    for result in results:
        splits = sum(promise.splits for promise in result.promises)
        auroc = _spread(result.auroc, 3) if result.auroc else ""
        rows.append(
            (
                result.engine,
                _spread(result.accuracy),
                _spread(result.macro_f1),
                _spread(result.coverage),
                f"{result.broken} of {splits}",
                auroc,
                f"{result.median_ms:.1f}",
                f"{result.late_ms:.1f}",
                _spread(result.fit_seconds, 1, scale=1),
            )
        )
    table(columns, rows, "nothing was tried")
    runs = len(results[0].accuracy) if results else 0
    say(f"Means of {runs} runs ± standard deviation; %, AUROC from 0 to 1.")


def _spread(values: list[float], digits: int = 1, scale: float | None = None) -> str:
    from gateway.answers.trial import spread

    factor = scale if scale is not None else (100 if digits == 1 else 1)
    both = spread(values)
    return f"{both['mean'] * factor:.{digits}f} ± {both['sd'] * factor:.{digits}f}"


def _picture(results: "list[Result]", alpha: float) -> str:
    from gateway.answers.measure import risk_curve
    from gateway.answers.picture import draw
    from gateway.answers.trial import spread

    return draw(
        {result.engine: risk_curve(result.cases) for result in results},
        {result.engine: spread(result.coverage)["mean"] for result in results},
        alpha,
        "Wrong answers against texts answered",
    )
