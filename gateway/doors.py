"""The web server of a running gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from gateway.console.api import Api
from gateway.console.channels import ChannelHealth
from gateway.console.health import HealthRoutes
from gateway.delivery.in_place import InPlace
from gateway.desk.timeline import AccountTimeline
from gateway.desk.tokens import Tokens
from gateway.domain.errors import SettingsError
from gateway.domain.frontage import Frontage
from gateway.intake.accept import AccountSink
from gateway.intake.webhook import Door, Hinted, WebhookRoute

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
    health = HealthRoutes(
        gateway.store, gateway.intake, gateway.delivery, lambda: gateway.refused,
        lambda: gateway.news.failed,
    )  # fmt: skip
    application.add_routes(health.routes())
    application.add_routes(ChannelHealth(gateway.channels, gateway.clock).routes())
    tokens = Tokens(gateway.store, gateway.clock, gateway.ids)
    application.add_routes(Api(gateway.floor, tokens, gateway.store).routes())
    application.add_routes(extra_routes)
    for name, channel in fronted(gateway).items() if webhooks else ():
        application.add_routes(_pages(gateway, name, channel))
        application.on_shutdown.append(_leaving(channel))
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


def fronted(gateway: "Gateway") -> dict[str, Frontage]:
    """The channels that have pages of their own, by account."""
    return {
        name: channel for name, channel in gateway.channels.items() if isinstance(channel, Frontage)
    }


def _leaving(channel: Frontage) -> Callable[[web.Application], Awaitable[None]]:
    async def leave(_: web.Application) -> None:
        await channel.leave()

    return leave


def _pages(gateway: "Gateway", name: str, channel: Frontage) -> list[web.RouteDef]:
    account = gateway.accounts[name]
    sink = AccountSink(gateway.intake, name, account.kind)
    timeline = AccountTimeline(gateway.store, name, account.space, gateway.news.said)
    return [
        web.route(method, f"/{account.kind}/{name}{path}", handler)
        for method, path, handler in channel.pages(sink, timeline)
    ]


def _webhooks(gateway: "Gateway") -> WebhookRoute:
    limits = gateway.config.limits
    doors = {
        name: Door.of(gateway.accounts[name].kind, name, channel, _hinted(gateway, name))
        for name, channel in gateway.channels.items()
    }
    return WebhookRoute(
        doors, gateway.intake, gateway.clock, structlog.get_logger("gateway"),
        public_url=gateway.config.public_url,
        body_limit=limits.body_bytes,
        in_flight=limits.in_flight,
        answers=InPlace(
            gateway.store, gateway.clock, gateway.ids, structlog.get_logger("gateway"),
            gateway.owner, gateway.delivery.allowed,
        ),
    )  # fmt: skip


def _hinted(gateway: "Gateway", name: str) -> Hinted | None:
    polling = gateway.news.polls.get(name)
    return None if polling is None else polling.hinted
