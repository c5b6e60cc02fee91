"""`gateway kb check`: everything that is wrong with a knowledge base."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.options import AsJson, ConfigFile, DataDir, example, settings
from gateway.commands.screen import as_json, say
from gateway.commands.working import working

if TYPE_CHECKING:
    from gateway.answers.lint_reading import Finding
    from gateway.config import Config

CHECK_EXAMPLE = example(
    "gateway kb check",
    "gateway kb check --templates my-templates --data-dir my-gateway",
    "gateway kb check --json",
)

Templates = Annotated[
    Path | None,
    typer.Option("--templates", metavar="DIR", help="This folder instead of the configured one."),
]


def check(
    templates: Templates = None,
    json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List all that is wrong with the knowledge base, and with the facts of the brands.

    Errors make the exit code 1; warnings are for an editor to look at. Stores nothing.
    """
    from gateway.answers.engine import TrainingError
    from gateway.answers.lint import check, confusions, in_order, open_material
    from gateway.answers.lint_reading import Severity, Unreadable
    from gateway.config import templates_dir
    from gateway.office import brands_of, models_dir

    loaded = settings(config, data_dir)
    folder = templates_dir(templates or loaded.templates)
    engine, why, accuracy = loaded.answers.engine, "", None
    found: list[Finding] = []
    try:
        with working(f"reading {folder}"):
            material = open_material(folder, brands_of(loaded), _settings_text(loaded))
            found = check(material)
        with working(f"asking the {engine} engine about examples it has not learnt"):
            overlaps, accuracy = confusions(material, engine, models_dir(loaded))
            found = [*in_order(found), *overlaps]
    except Unreadable as error:
        found, why = in_order(error.found), str(error)
    except TrainingError as error:
        why = f"the engine cannot be asked: {error}"
    errors = sum(one.severity is Severity.ERROR for one in found) + bool(why)
    if json:
        as_json(
            {
                "ok": not errors,
                "engine": engine,
                "unfinished": why,
                "held_out_accuracy": accuracy,
                "findings": [_plain(one) for one in found],
            }
        )
    else:
        _show(found)
        if why:
            say(f"error: {why}")
        elif accuracy is not None:
            say(f"the {engine} engine recognises {accuracy:.1%} of the examples it has not learnt")
        say(f"{errors} errors, {len(found) + bool(why) - errors} warnings")
    if errors:
        raise typer.Exit(1)


def _settings_text(config: "Config") -> tuple[str, str]:
    """The settings file for people and its text."""
    if config.file is None:
        return "settings", ""
    return str(config.file), config.file.read_text("utf-8")


def _show(found: "list[Finding]") -> None:
    for one in found:
        say(f"{one.place}: {one.severity.value} [{one.rule}] {one.text}\n    → {one.cure}")


def _plain(one: "Finding") -> dict[str, object]:
    return {
        "file": one.path,
        "line": one.line,
        "severity": one.severity.value,
        "rule": one.rule,
        "finding": one.text,
        "do": one.cure,
    }
