"""The web server of a running gateway."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from gateway.console.channels import ChannelHealth
from gateway.console.health import HealthRoutes
from gateway.domain.errors import SettingsError
from gateway.intake.webhook import Door, WebhookRoute

if TYPE_CHECKING:
    from gateway.app import Gateway


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
    health = HealthRoutes(gateway.store, gateway.intake, gateway.delivery, lambda: gateway.refused)
    application.add_routes(health.routes())
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
