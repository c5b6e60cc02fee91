"""`gateway kb certify`: permission to answer from an installation's own reviewed traffic."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.options import Agent, AsJson, ConfigFile, DataDir, example, in_office, who
from gateway.commands.screen import as_json, say, table, warn
from gateway.domain.errors import SettingsError

if TYPE_CHECKING:
    from gateway.answers.answerer import Answerer
    from gateway.answers.own import Outcome, Sample
    from gateway.config import Config
    from gateway.office import Office

EXAMPLE = example(
    "gateway kb certify --dry-run",
    "gateway kb certify --alpha 0.03 --agent lin",
    "gateway kb certify --from reviewed.jsonl --scope wallet/zh-CN/normal",
)


def certify(
    file: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Judged questions, JSON Lines; else `reviews`."
        ),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", help="Wrong answers permitted; else as set.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option("--delta", help="Chance of a mistake; else as set.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="BRAND/LANGUAGE/normal", help="Else every brand and language."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
    ] = False,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Put certificates in force that your own reviewed questions permit. Exit code 1 when none is."""
    name, given = who(agent), _read(file) if file else None

    async def work(office: "Office") -> "tuple[Sample, list[Outcome], list[str]]":
        return await _work(office, given, _rates(office.config, alpha, delta), scope, dry_run, name)

    sample, outcomes, replaced = in_office(config, data_dir, work)
    if as_data:
        as_json(
            {
                "cases": len(sample.cases),
                "passed_over": sample.passed_over,
                "unnamed": sample.unnamed,
                "dry_run": dry_run,
                "replaced": replaced,
                "scopes": [asdict(outcome) for outcome in outcomes],
            }
        )
    else:
        _show(sample, outcomes, replaced, dry_run=dry_run)
    if not any(outcome.certificate for outcome in outcomes):
        raise typer.Exit(1)


async def _work(
    office: "Office",
    sample: "Sample | None",
    rates: tuple[float, float],
    scope: list[str] | None,
    dry_run: bool,
    agent: str,
) -> "tuple[Sample, list[Outcome], list[str]]":
    from gateway.answers.loading import load
    from gateway.answers.own import certified, sampled, scopes_of
    from gateway.config import templates_dir
    from gateway.desk.certifying import put_in_force

    if sample is None:
        rows = await office.store.read(lambda r: r.all("reviews.cases", source="audit"))
        sample = sampled(rows)
    # Before the engine is loaded or trained: the one takes seconds, the other a quarter of a minute.
    languages = load(templates_dir(office.config.templates)).languages
    brands = list(office.config.brands)
    for one in scope or ():
        _check(one, brands, languages)
    chosen = scope or scopes_of(brands, languages)
    answerer = _answerer(office.config)
    outcomes = certified(answerer, sample.cases, chosen, *rates)
    made = [outcome.certificate for outcome in outcomes if outcome.certificate]
    replaced: list[str] = []
    if made and not dry_run:
        replaced = await put_in_force(office.store, office.clock, office.ids, made, agent)
    return sample, outcomes, replaced


def _read(file: Path) -> "Sample":
    from gateway.answers.own import Sample
    from gateway.answers.review import load_reviewed

    if not file.is_file():
        raise SettingsError(f"there is no file {file}", key="--from")
    return Sample(tuple(load_reviewed(file)))


def _answerer(config: "Config") -> "Answerer":
    """The engine that answers now."""
    from gateway.answers.answerer import build_answerer
    from gateway.office import brands_of, models_dir, templates_in_force

    return build_answerer(
        templates_in_force(config),
        brands_of(config),
        engine=config.answers.engine,
        models=models_dir(config),
    )


def _rates(config: "Config", alpha: float | None, delta: float | None) -> tuple[float, float]:
    chosen = (
        config.answers.alpha if alpha is None else alpha,
        config.answers.delta if delta is None else delta,
    )
    if not all(0.0 < one < 1.0 for one in chosen):
        raise SettingsError("--alpha and --delta lie between 0 and 1")
    return chosen


def _check(scope: str, brands: Sequence[str], languages: Sequence[str]) -> None:
    parts = scope.split("/")
    if (
        len(parts) != 3
        or parts[0] not in (*brands, "*")
        or parts[1] not in (*languages, "*")
        or parts[2] != "normal"
    ):
        raise SettingsError(
            f"{scope!r} is no scope: a brand ({', '.join(brands)} or *), a language "
            f"({', '.join(languages)} or *) and 'normal'; what is of high risk never gets one",
            key="--scope",
        )


def _show(
    sample: "Sample", outcomes: "Sequence[Outcome]", replaced: Sequence[str], *, dry_run: bool
) -> None:
    say(
        f"{len(sample.cases)} reviewed question(s), {outcomes[0].learnt} of them learnt by the engine"
    )
    if sample.passed_over:
        warn(
            f"{sample.passed_over} were passed over while later ones were judged: they count as "
            "wrong; `gateway reviews list --pending` shows them"
        )
    if sample.unnamed:
        warn(f"{sample.unnamed} were wrong without a topic: they count as wrong for every topic")
    table(
        ("scope", "questions", "certificate", "threshold", "wrong/answered", "missing"),
        (
            (
                one.scope, one.cases,
                *(
                    (
                        one.certificate.id, f"{one.certificate.threshold:.3f}",
                        f"{one.certificate.wrong}/{one.certificate.answered}", "",
                    )
                    if one.certificate
                    else ("refused", "", "", f"{one.missing} more, if all turn out right")
                ),
            )
            for one in outcomes
        ),
        empty="no scopes",
    )  # fmt: skip
    for old in replaced:
        say(f"{old} is replaced")
    if dry_run:
        say("a dry run: nothing was put in force")
