"""`gateway kb train`, `status` and `rollback`: which version of the knowledge base answers."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.options import Agent, AsJson, ConfigFile, DataDir, example, settings, who
from gateway.commands.screen import as_json, moment, say, table, warn
from gateway.commands.working import working

if TYPE_CHECKING:
    from gateway.answers.versions import Entry, Versions
    from gateway.config import Config

TRAIN_EXAMPLE = example("gateway kb train", "gateway kb train --anyway --agent lin")
STATUS_EXAMPLE = example("gateway kb status", "gateway kb status --json")
ROLLBACK_EXAMPLE = example(
    "gateway kb rollback", "gateway kb rollback 7b34fa17a2efffc0 --agent lin"
)

_TAKES_OVER = "a running gateway takes it over within seconds"


def train(
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Take it though the gate refuses it, or it was rolled back."),
    ] = False,
    agent: Agent = "",
    as_data: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Learn the configured knowledge base, compare it with the one in force, put it in force.

    Exit code 1 when it is refused; then the one in force stays.
    """
    from gateway.answers import versions
    from gateway.answers.gate import judge
    from gateway.config import templates_dir
    from gateway.domain.errors import GatewayError
    from gateway.succession import conclude, refusal, standing, trial_of

    loaded, by = settings(config, data_dir), who(agent)
    kept, source = _versions(loaded), templates_dir(loaded.templates)
    held = standing(loaded, kept)
    if held is not None and held.event == versions.ROLLED_BACK and not anyway:
        raise GatewayError(refusal(held))
    with kept.lock("judging"), working(f"training {source}") as tell:
        trial = trial_of(loaded, kept)
        verdict = judge(trial, tell)
        unchanged = trial.current and versions.content(trial.current) == verdict.content
        if unchanged and verdict.measures is not None:
            kept.measured(verdict.version, verdict.basis, verdict.measures.plain())
            entry = None
        else:
            entry = conclude(kept, verdict, source, time.time(), by=by, force=anyway)
    measures = verdict.measures.plain() if verdict.measures else None
    taken = entry is None or entry.event == versions.IN_FORCE
    if as_data:
        as_json(
            {
                "version": verdict.version,
                "in_force": taken,
                "instead_of": entry.instead_of if entry else "",
                "why": entry.why if entry else "it is in force already",
                "fallen": list(verdict.fallen),
                "measures": measures,
                "before": verdict.before.plain() if verdict.before else None,
            }
        )
    else:
        _show_measures(measures, verdict.before.plain() if verdict.before else None)
        if taken:
            why = f"{entry.why}; {_TAKES_OVER}" if entry else "it was before"
            say(f"version {verdict.version} is in force: {why}")
    if not taken:
        for fallen in verdict.fallen:
            warn(f"refused: {fallen}")
        raise GatewayError(
            f"version {kept.current} stays in force" if kept.current else "nothing is in force"
        )


def status(as_data: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Which version answers, by which engine, under which certificates; what was refused and why."""
    loaded = settings(config, data_dir)
    found = _status(loaded)
    if as_data:
        as_json(found)
        return
    engine = found["engine"]
    since = f" since {moment(found['since'])}" if found["since"] else ""
    say(f"in force   {found['version'] or 'nothing yet: the first start puts it in force'}{since}")
    say(f"engine     {engine['runs']}" + (f" ({engine['weaker']})" if engine["weaker"] else ""))
    say(f"templates  {found['candidate']['folder']}: {found['candidate']['state']}")
    if found["candidate"]["why"]:
        say(f"           {found['candidate']['why']}")
    if found["measures"]:
        _show_measures(found["measures"], None)
    else:
        say("measures   none yet: `gateway kb train` makes them")
    table(
        ("certificate", "scope", "cases", "threshold", "alpha", "wrong/answered", "applies"),
        (
            (
                c["id"], c["scope"], c["origin"], f"{c['threshold']:.3f}", c["alpha"],
                f"{c['wrong']}/{c['answered']}", "yes" if c["applies"] else "another version's",
            )
            for c in found["certificates"]
        ),
        empty="no certificate is in force: nothing is answered by itself",
    )  # fmt: skip
    say("kept       " + (", ".join(found["kept"]) or "none"))


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(metavar="VERSION", help="Else the one before; `kb status` lists them."),
    ] = None,
    agent: Agent = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Go back to the version before, or to a named one. A running gateway follows by itself.

    The version that is left is not taken again until its files change.
    """
    from gateway.answers.versions import ROLLED_BACK, Entry
    from gateway.domain.errors import GatewayError

    by = who(agent)
    kept = _versions(settings(config, data_dir))
    current = kept.current
    if not current:
        raise GatewayError("nothing is in force yet, so there is nothing to go back from")
    target = version or kept.before(current)
    if not target:
        raise GatewayError(f"no version before {current} is kept")
    if target == current:
        raise GatewayError(f"version {current} is in force already")
    record = kept.record(current)
    with kept.lock():
        kept.roll_back(
            Entry(
                time.time(), ROLLED_BACK, target, current, "rolled back",
                record.content if record else "", by=by,
            )
        )  # fmt: skip
    say(f"version {target} is in force: {_TAKES_OVER}")
    say(f"version {current} is not taken again until its files change")


# ---------------------------------------------------------------- what is shown


def _versions(config: "Config") -> "Versions":
    from gateway.answers.versions import Versions
    from gateway.office import versions_dir

    return Versions(versions_dir(config))


def _status(config: "Config") -> dict[str, Any]:
    from gateway.answers.engines import best_engine
    from gateway.answers.versions import IN_FORCE, ROLLED_BACK
    from gateway.office import certificates_on_file

    kept = _versions(config)
    current, history = kept.current, kept.history()
    record = kept.record(current) if current else None
    classifier, weaker = best_engine(config.answers.engine)
    in_use = f"{current}.{classifier.version}"
    came = [e.at for e in history if e.version == current and e.event in {IN_FORCE, ROLLED_BACK}]
    return {
        "version": current,
        "since": came[-1] if came else None,
        "engine": {
            "wish": config.answers.engine,
            "runs": classifier.version,
            "weaker": weaker,
        },
        "candidate": _candidate(config, kept),
        "measures": next(iter(record.measures.values()), None) if record else None,
        "certificates": [
            {
                "id": one.id,
                "scope": one.scope,
                "origin": one.origin,
                "threshold": one.threshold,
                "alpha": one.alpha,
                "delta": one.delta,
                "answered": one.answered,
                "wrong": one.wrong,
                "knowledge": one.knowledge,
                "applies": one.knowledge == in_use,
            }
            for one in certificates_on_file(config)
        ],
        "kept": kept.kept(),
        "history": [_line(entry) for entry in history[-10:]],
    }


def _candidate(config: "Config", kept: "Versions") -> dict[str, Any]:
    """How the configured folder stands to the version in force."""
    from gateway.answers.versions import REFUSED, content
    from gateway.config import templates_dir
    from gateway.succession import refusal, standing

    folder = templates_dir(config.templates)
    record = kept.record(kept.current) if kept.current else None
    if record is not None and content(folder) == record.content:
        return {"folder": str(folder), "state": "in force", "why": ""}
    entry = standing(config, kept)
    if entry is None:
        why = "`gateway kb train` or the next start judges it"
        return {"folder": str(folder), "state": "changed, not judged yet", "why": why}
    state = "refused" if entry.event == REFUSED else "rolled back"
    return {"folder": str(folder), "state": state, "why": refusal(entry)}


def _line(entry: "Entry") -> dict[str, Any]:
    return {
        "at": entry.at,
        "event": entry.event,
        "version": entry.version,
        "instead_of": entry.instead_of,
        "why": entry.why,
        "by": entry.by,
    }


def _show_measures(now: dict[str, Any] | None, before: dict[str, Any] | None) -> None:
    if now is None:
        return
    old = before or {}

    def was(value: str) -> str:
        return f" (in force: {value})" if before is not None else ""

    say(f"examples   {now['examples']} of {now['topics']} topics")
    say(f"unseen     {now['accuracy']:.1%} recognised{was(_share(old.get('accuracy')))}")
    for language, share in now["certified"].items():
        earlier = was(_share(old.get("certified", {}).get(language)))
        asked = now["questions"].get(language, 0)
        say(f"coverage   {language}: {_share(share)}{earlier} of {asked} calibration questions")


def _share(value: float | None) -> str:
    return "no certificate" if value is None else f"{value:.1%}"
