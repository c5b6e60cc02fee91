"""The ways in of a running gateway: its web server and the listeners of its accounts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from gateway.console.channels import ChannelHealth
from gateway.console.health import HealthRoutes
from gateway.domain.channel import Listener
from gateway.domain.errors import SettingsError
from gateway.intake.accept import AccountSink
from gateway.intake.webhook import Door, WebhookRoute

if TYPE_CHECKING:
    from gateway.app import Gateway

#: Seconds the whole gateway takes at most to stop, open connections or not.
STOP_SECONDS = 4.0


@asynccontextmanager
async def web_server(
    gateway: "Gateway", extra_routes: Sequence[web.RouteDef], *, webhooks: bool
) -> AsyncIterator[str]:
    """Serve the health pages, and the webhooks of all accounts if wanted; the address.

    Raises:
        SettingsError: the port cannot be used.
    """
    config = gateway.config
    application = web.Application(client_max_size=config.limits.body_bytes)
    application.add_routes(HealthRoutes(gateway.store, gateway.intake, gateway.delivery).routes())
    application.add_routes(ChannelHealth(gateway.channels, gateway.clock).routes())
    application.add_routes(extra_routes)
    route = _webhooks(gateway) if webhooks else None
    if route is not None:
        application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    if route is not None and (server := runner.server) is not None:
        server.request_handler = route.shortcut(server.request_handler)
    site = web.TCPSite(runner, config.server.host, config.server.port)
    try:
        try:
            await site.start()
        except OSError as error:
            msg = (
                f"cannot listen on {config.server.host}:{config.server.port} ({error.strerror}); "
                "stop what uses it or set another port"
            )
            raise SettingsError(msg, key="server.port") from error
        host, port = runner.addresses[0][:2]
        address = f"http://{host}:{port}"
        yield address
    finally:
        await runner.cleanup()


def _webhooks(gateway: "Gateway") -> WebhookRoute:
    limits = gateway.config.limits
    doors = {
        name: Door.of(gateway.accounts[name].kind, name, channel)
        for name, channel in gateway.channels.items()
    }
    return WebhookRoute(
        doors, gateway.intake, gateway.clock, structlog.get_logger("gateway"),
        public_url=gateway.config.public_url,
        body_limit=limits.body_bytes,
        in_flight=limits.in_flight,
    )  # fmt: skip


async def listening(gateway: "Gateway") -> list[asyncio.Task[Any]]:
    """Start the listeners; returns once each is bound. Raises what the first of them raised."""
    loop = asyncio.get_running_loop()
    tasks = []
    for name, channel in gateway.channels.items():
        if not isinstance(channel, Listener):
            continue
        bound: asyncio.Future[str] = loop.create_future()
        task = asyncio.create_task(
            channel.serve(AccountSink(gateway.intake, name), bound.set_result),
            name=f"listener {name}",
        )
        either: list[asyncio.Future[Any]] = [task, bound]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if bound.done():
            gateway.addresses[name] = bound.result()
            task.add_done_callback(_ended)
            tasks.append(task)
        elif task.exception() is not None:
            await end(tasks)
            task.result()
    return tasks


def _ended(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger("gateway").error(
            "a listener ended", part=task.get_name(), why=str(error), exc_info=error
        )


async def end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel them and wait, but not for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
