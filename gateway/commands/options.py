"""The options all commands share, and what follows from them: the settings, the store beside them."""
# ruff: noqa: PLC0415 - heavy parts are imported by the command that needs them: --help stays fast

import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.domain.errors import SettingsError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.office import Office

T = TypeVar("T")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file. Else gateway.toml of the data directory, else of this folder.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Where everything is kept."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")]
Agent = Annotated[
    str,
    typer.Option(
        "--agent",
        metavar="NAME",
        envvar="GATEWAY_AGENT",
        show_envvar=True,
        help="Who does it. Else the name you are logged in with.",
    ),
]


def example(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def settings(config: Path | None, data_dir: Path | None) -> "Config":
    """Load and check. Raises `SettingsError`."""
    from gateway.config import load

    return load(config, data_dir)


def in_office(
    config: Path | None, data_dir: Path | None, work: Callable[["Office"], Awaitable[T]]
) -> T:
    """Run `work` beside whatever gateway runs on the data directory."""
    import asyncio

    from gateway.logs import configure_logging
    from gateway.office import desk_only

    loaded = settings(config, data_dir)
    configure_logging("error", json=loaded.log.as_json)

    async def run() -> T:
        async with desk_only(loaded) as office:
            return await work(office)

    return asyncio.run(run())


def who(agent: str) -> str:
    """The name under which something is done. Raises `SettingsError` when there is none."""
    try:
        return agent or getpass.getuser()
    except (KeyError, OSError) as error:
        raise SettingsError("nobody knows your name here; say it with --agent NAME") from error
