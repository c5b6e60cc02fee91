"""`gateway try`: what would be made of an input, as JSON. Stores nothing, needs no data directory."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import base64
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.options import ConfigFile, DataDir, example, settings
from gateway.commands.screen import warn
from gateway.domain.errors import NotFound, ParseError, SettingsError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.intake.accept import MailIdentity
    from gateway.workers.trial import Answer, TextTrial, Trial

TEXT_EXAMPLE = example(
    "gateway try text 'I forgot my password'",
    "gateway try text --channel sms '提现还没到账'",
    """echo '{"id": 1, "text": "hello"}' | gateway try text --jsonl""",
)
MAIL_EXAMPLE = example(
    "gateway try mail letter.eml",
    """echo '{"id": 1, "raw_base64": "…"}' | gateway try mail --jsonl""",
)
WEBHOOK_EXAMPLE = example("gateway try webhook call.json", "gateway try webhook --jsonl < calls")

Batch = Annotated[
    bool,
    typer.Option("--jsonl", help="A batch on standard input: one JSON object a line, in and out."),
]
File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Standard input when it is left out.")
]


def try_text(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="Standard input when it is left out.")
    ] = None,
    channel: Annotated[
        str, typer.Option("--channel", help="As if it came this way: email, sms, http …")
    ] = "",
    brand: Annotated[str, typer.Option("--brand", help="Whose customer wrote it.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="The subject of a mail.")] = "",
    language: Annotated[str, typer.Option("--language", help="Else it is found out.")] = "",
    batch: Batch = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """The plan for a text: decision, topic, queue and reply, with secrets taken out.

    Without a data directory no certificate is in force, so nothing is answered by itself.
    """
    trial = _text_trial(settings(config, data_dir))
    if batch:
        _answer_lines(trial)
        return
    given = text if text not in (None, "-") else _input(None).decode("utf-8", "replace")
    request = {
        "text": given, "channel": channel, "brand": brand, "subject": subject,
        "language": language,
    }  # fmt: skip
    _print({"id": None, **trial(request, time.time())})


def try_mail(
    file: File = None, batch: Batch = False, config: ConfigFile = None, data_dir: DataDir = None
) -> None:
    """What a mail says, and what kind of mail it is."""
    from gateway.workers.trial import MailTrial

    trial = MailTrial(_identity(settings(config, data_dir)))
    if batch:
        _answer_lines(trial)
        return
    request = {"raw_base64": base64.b64encode(_input(file)).decode()}
    _print({"id": None, **trial(request, time.time())})


def try_webhook(file: File = None, batch: Batch = False) -> None:
    """What the webhook route would answer to a call, and the events it would take from it."""
    from gateway.registry import Registry
    from gateway.workers.trial import WebhookTrial

    trial = WebhookTrial(Registry.installed())
    if batch:
        _answer_lines(trial)
        return
    try:
        request = json.loads(_input(file))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the input is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ParseError("the input is not a JSON object")
    answer, why = trial.tell(request, time.time())
    _print({"id": request.get("id"), **answer})
    if why:
        warn(why)


# ---------------------------------------------------------------- in and out


def _answer_lines(trial: "Trial") -> None:
    from gateway.workers.trial import answers

    for answer in answers(sys.stdin.buffer, trial, time.time):
        _write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))


def _print(answer: "Answer") -> None:
    _write(json.dumps(answer, ensure_ascii=False, indent=2))


def _write(text: str) -> None:
    # Whatever the terminal's encoding, JSON is UTF-8.
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _input(file: Path | None) -> bytes:
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error


# ---------------------------------------------------------------- what a trial needs


def _text_trial(config: "Config") -> "TextTrial":
    from gateway.answers.answerer import build_answerer
    from gateway.office import (
        announcements_on_file,
        brands_of,
        certificates_on_file,
        models_dir,
        templates_in_force,
    )
    from gateway.planning import planning_of
    from gateway.registry import Registry
    from gateway.staff import places_of
    from gateway.workers.planner import Planner
    from gateway.workers.trial import TextTrial

    brands = brands_of(config)
    planner = Planner(
        build_answerer(
            templates_in_force(config),
            brands,
            engine=config.answers.engine,
            models=models_dir(config),
            keep=False,
        ),
        planning_of(config, places_of(config)),
    )
    return TextTrial(
        planner,
        brands,
        Registry.installed(),
        certificates_on_file(config),
        announcements_on_file(config, time.time()),
    )


def _identity(config: "Config") -> "MailIdentity":
    """How our own letters are known, as far as the settings and the key tell."""
    from gateway.keys import Keys
    from gateway.office import mail_identity
    from gateway.offline import offline_world
    from gateway.registry import Registry
    from gateway.world import SystemClock

    try:
        sign = Keys.load(config.data_dir).sign
    except SettingsError:
        sign = None
    registry = Registry.installed()
    channels = registry.build(
        registry.accounts(config),
        lambda account: offline_world(
            account.id,
            brand=account.brand,
            public_url=config.public_url,
            clock=SystemClock(),
            sign=sign,
        ),
    )
    return mail_identity(channels.values())
