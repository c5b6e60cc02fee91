"""`gateway init`, `check` and `health`: before the start, and from outside while it runs."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from gateway.commands.options import ConfigFile, DataDir, example, settings
from gateway.commands.screen import say, warn
from gateway.domain.errors import GatewayError, SettingsError

INIT_EXAMPLE = example("gateway init my-gateway")
CHECK_EXAMPLE = example("gateway check --data-dir my-gateway")
HEALTH_EXAMPLE = example("gateway health", "gateway health --url http://127.0.0.1:8080")

#: Seconds a healthy gateway never needs for this question.
PATIENCE = 2.0


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made when it is not there.")],
) -> None:
    """Write a first gateway.toml and a key. Every setting is explained in it."""
    from gateway.registry import Registry
    from gateway.sample import write_sample

    file, key = write_sample(directory, Registry.installed().sample())
    say(f"{file}  the settings: add an account")
    say(f"{key}  the key for everything that is sealed or signed: keep a copy elsewhere")
    say(f"then: gateway check --data-dir {directory} && gateway serve --data-dir {directory}")


def check(config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Say all that is wrong with the settings. Opens no port, stores nothing."""
    from datetime import UTC, datetime

    from gateway.answers.loading import load as load_knowledge
    from gateway.answers.promising import check_brands
    from gateway.answers.tables import compiled
    from gateway.calendars import unpublished
    from gateway.config import templates_dir
    from gateway.office import brands_of
    from gateway.offline import offline_world
    from gateway.problems import raise_for
    from gateway.registry import Registry, check_ours
    from gateway.staff import rules_file, rules_of, shifts_of
    from gateway.targets import unknown_topics
    from gateway.world import SystemClock

    check_ours()
    loaded = settings(config, data_dir)
    registry = Registry.installed()
    accounts = registry.accounts(loaded)
    registry.build(
        accounts,
        lambda account: offline_world(
            account.id, brand=account.brand, public_url=loaded.public_url, clock=SystemClock()
        ),
    )
    knowledge = load_knowledge(templates_dir(loaded.templates))
    brands = brands_of(loaded)
    compiled(knowledge.tables, brands)
    check_brands(knowledge.working_days, brands)
    rules = rules_of(loaded)
    raise_for(list(unknown_topics(loaded.sla, knowledge.topics)))
    say(f"settings  {loaded.file or 'the built-in ones: no gateway.toml'}")
    say(f"data      {loaded.data_dir}")
    say(f"database  {loaded.database_shown}")
    say(f"brands    {', '.join(loaded.brands)}")
    say(f"queues    {', '.join(loaded.queues)}")
    say(f"rules     {rules_file(loaded) or 'none'}, filters: {len(rules.filters)}")
    say(f"accounts  {', '.join(f'{a.id} ({a.kind})' for a in accounts.values()) or 'none yet'}")
    say(f"topics    {len(knowledge.topics)} in {', '.join(knowledge.languages)}")
    calendars = {f"brands.{name}": brand.calendar for name, brand in brands.items()}
    calendars |= {f"queues.{name}": own for name, own in loaded.queue_calendars().items()}
    today = datetime.now(UTC).date()
    shifts = {f"shifts.{name}": shift.hours for name, shift in shifts_of(loaded).items()}
    for line in (*unpublished(calendars, today), *unpublished(shifts, today, part="")):
        say(f"warning   {line}")
    say("ok")


def health(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    url: Annotated[
        str, typer.Option("--url", help="Where it listens; else as the settings say.")
    ] = "",
) -> None:
    """Ask a running gateway whether it works. Exit code 0 when it does."""
    import http.client

    host, port = _place(url) if url else _configured(config, data_dir)
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise GatewayError(f"no healthy gateway at {host}:{port}: {error}") from error
    finally:
        connection.close()
    if not isinstance(answer, dict) or not answer.get("ok"):
        why = answer.get("why") if isinstance(answer, dict) else "not a gateway's answer"
        raise GatewayError(f"the gateway at {host}:{port} is not healthy: {why}")
    say(f"ok, {answer['events_waiting']} event(s) waiting")
    for scope in answer.get("answers_stopped", ()):
        warn(
            f"automatic answers are stopped for {scope}: `gateway certificates list --all` says why"
        )
    if refused := answer.get("knowledge_refused"):
        warn(f"the knowledge base: {refused}")


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"{url!r} is no address: {error}", key="--url") from error
    if parts.scheme != "http" or not host:
        raise SettingsError("expects an address such as http://127.0.0.1:8080", key="--url")
    return host, port or 80


def _configured(config: Path | None, data_dir: Path | None) -> tuple[str, int]:
    server = settings(config, data_dir).server
    if not server.port:
        raise SettingsError("is 0, a free port; name the real one with --url", key="server.port")
    # What listens on every address listens on loopback.
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(  # noqa: S104 - nothing is bound here
        server.host, server.host
    ), server.port
