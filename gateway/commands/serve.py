"""`gateway serve`: run until told to stop."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import asyncio
import os
import signal
import threading
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.options import ConfigFile, DataDir, example, settings
from gateway.commands.screen import say, warn

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.config import Config

EXAMPLE = example(
    "gateway serve --data-dir /var/lib/gateway",
    "gateway serve --role worker --role timers",
)

#: Seconds after the signal at which the process ends in any case. Every part has its own, shorter
#: bound; this one is for the case that one of them does not keep it.
LAST_MOMENT = 4.7


def serve(
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="web, worker, delivery, timers, console or all; several by repeating it or with "
            "commas. Some of them only on PostgreSQL.",
            show_default="all",
        ),
    ] = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    The last line of the start is 'ready' with every address that is listened on.
    """
    from gateway.roles import only_together, roles_named

    roles = roles_named(role or ["all"])
    loaded = settings(config, data_dir)
    only_together(roles, shared=loaded.shared)
    try:
        asyncio.run(_serve(loaded, roles))
    except asyncio.CancelledError:
        # Told to stop before it was ready; whatever was open is closed.
        raise typer.Exit(0) from None


async def _serve(config: "Config", roles: AbstractSet[str]) -> None:
    from gateway.app import assemble, lock_data, running
    from gateway.logs import configure_logging, masking
    from gateway.registry import Registry

    stop = _Stop()
    registry = Registry.installed()
    secrets = [s for account in registry.accounts(config).values() for s in account.secrets]
    secrets += config.secrets
    configure_logging(config.log.level, json=config.log.as_json, scrub=masking(secrets))
    with lock_data(config.data_dir, shared=config.shared):
        await asyncio.to_thread(_advise, config)
        async with assemble(config, registry, roles=roles) as gateway, running(gateway):
            certified = await gateway.store.read(lambda r: r.all("certificates.in_force"))
            _announce(gateway, certified=bool(certified))
            await stop.wait()


def _advise(config: "Config") -> None:
    """Before a database with data is changed, how to keep a copy of it as it is."""
    import structlog

    from gateway.store.look import backup_hint, look, pending

    with look(config.database, config.data_dir) as seen:
        if seen is None or not (missing := pending(seen.schema())) or not seen.filled():
            return
        structlog.get_logger("gateway").warning(
            "the database is brought up to date now; for a backup of the time before, run this "
            "before a new release is started",
            migrations=missing,
            backup=backup_hint(config.database, config.data_dir, seen.schema()),
        )


class _Stop:
    """Waits for SIGTERM or Ctrl-C. One of them during the start cancels the start."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._waiting = False
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask)

    async def wait(self) -> None:
        """Until it is asked for."""
        self._waiting = True
        await self._asked.wait()

    def _ask(self) -> None:
        if self._asked.is_set():
            return
        self._asked.set()
        last = threading.Timer(LAST_MOMENT, _give_up)
        last.daemon = True
        last.start()
        if not self._waiting and self._task is not None:
            self._task.cancel()


def _give_up() -> None:
    """What was acknowledged is durable, and what was begun is known: ending hard loses nothing."""
    warn(f"gateway: still busy after {LAST_MOMENT} s; ended hard, nothing acknowledged is lost")
    os._exit(1)


def _announce(gateway: "Gateway", *, certified: bool) -> None:
    config, roles = gateway.config, gateway.roles
    say(f"settings  {config.file or 'the built-in ones: no gateway.toml'}")
    say(f"data      {config.data_dir}")
    if config.shared:
        say(f"database  {config.database_shown}")
        say(f"roles     {', '.join(sorted(roles))}")
    for name, address in gateway.addresses.items():
        if address:
            what = "webhooks, /healthz, /metrics" if name == "web" else gateway.accounts[name].kind
            say(f"{name:<9} {address}  ({what})")
    if not gateway.accounts:
        warn("no account is configured: nothing can come in; see [accounts] in gateway.toml")
    if not certified:
        say("answers   suggested to people, none sent by itself: no certificate is in force")
    bound = [f"{name}={address}" for name, address in gateway.addresses.items() if address]
    if not bound:
        # Programs that wait for it read name=value pairs.
        bound = [f"role={','.join(sorted(roles))}"]
    typer.echo(" ".join(["ready", *bound]))
    # Also when standard output is a pipe: somebody waits for this line.
    typer.get_text_stream("stdout").flush()
