"""`/healthz/channels`: whether the accounts work, asked of the providers themselves."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from gateway.domain.channel import Channel, Health, Probe
from gateway.domain.errors import GatewayError
from gateway.domain.world import Clock

#: Seconds one account may take to answer.
PATIENCE = 20.0
#: Seconds an answer is kept: whoever may ask us must not make us sign in at a provider each time.
KEEP = 60.0


class ChannelHealth:
    """Asks every account that can be asked, at most once a minute.

    Args:
        channels: by account.
    """

    def __init__(self, channels: Mapping[str, Channel], clock: Clock) -> None:
        # A protocol's isinstance looks at every member; once is enough.
        self._probes = {name: one for name, one in channels.items() if isinstance(one, Probe)}
        self._clock = clock
        self._found: dict[str, Health] = {}
        self._until = 0.0
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """For `Application.add_routes`."""
        return [web.get("/healthz/channels", self.show)]

    async def show(self, _request: web.Request) -> web.Response:
        """200 when all of them work, else 503; one line for a person of each."""
        async with self._one_at_a_time:
            if self._clock.now() >= self._until:
                found = await asyncio.gather(*(_ask(probe) for probe in self._probes.values()))
                self._found = dict(zip(self._probes, found, strict=True))
                self._until = self._clock.now() + KEEP
        lines = {name: {"ok": one.ok, "detail": one.detail} for name, one in self._found.items()}
        well = all(one.ok for one in self._found.values())
        return web.json_response({"ok": well, "channels": lines}, status=200 if well else 503)


async def _ask(probe: Probe) -> Health:
    try:
        async with asyncio.timeout(PATIENCE):
            return await probe.health()
    except TimeoutError:
        return Health(ok=False, detail=f"no answer within {PATIENCE:g} s")
    except GatewayError as error:
        return Health(ok=False, detail=str(error))
    except Exception as error:  # noqa: BLE001 - one broken channel must not hide the others
        return Health(ok=False, detail=f"a fault of the channel: {type(error).__name__}")
