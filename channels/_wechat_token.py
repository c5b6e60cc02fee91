"""The access token of a WeChat or WeCom account: fetched, kept in the account's memory until it ends,
forgotten when the provider refuses it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from channels._answer import json_object
from channels._wechat_errors import NO_TOKEN, call_failed, refusal
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.world import HttpResponse, World

_MEMO = "access_token"
#: Seconds before its end at which a token counts as spent. WeChat hands out a new one five minutes
#: before (developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken), so this is enough.
_MARGIN = 60.0
#: Where the answer names no lifetime; both providers' pages say 7200.
_LIFETIME = 600.0


class AccessToken:
    """The token of one account.

    Args:
        world: whose memory keeps it.
        fetch: one request for a token.
        of: what the token depends on, the app's id and secret: a token kept for others is not used.
    """

    def __init__(
        self, world: World, fetch: Callable[[], Awaitable[HttpResponse]], of: tuple[str, ...]
    ) -> None:
        self._world = world
        self._fetch = fetch
        self._of = hashlib.sha256("\0".join(of).encode()).hexdigest()[:16]
        # Several sends begin at once, and WeCom blocks who asks too often.
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> str:
        """A token that is valid now. Raises DeliveryError; no message has left then."""
        async with self._one_at_a_time:
            kept = await self._world.memo(_MEMO)
            if isinstance(kept, dict) and kept.get("of") == self._of:
                until, token = kept.get("until"), kept.get("token")
                now = self._world.clock.now()
                if isinstance(token, str) and isinstance(until, int | float) and now < until:
                    return token
            return await self._make()

    async def forget(self, token: str) -> None:
        """The provider refused it. Only this one: another process may have a newer one already."""
        async with self._one_at_a_time:
            kept = await self._world.memo(_MEMO)
            if isinstance(kept, dict) and kept.get("token") == token:
                await self._world.remember(_MEMO, None)

    async def _make(self) -> str:
        try:
            response = await self._fetch()
        except HttpFailure as error:
            # Whatever became of it: no message was in it.
            raise DeliveryError(Failure.RETRY, "no answer to the request for a token") from error
        answer = json_object(response)
        token = answer.get("access_token")
        if response.status != 200 or not isinstance(token, str) or not token:
            refused = refusal(response, NO_TOKEN, otherwise=Failure.MISCONFIGURED)
            raise refused or call_failed(response, "no access token in the answer")
        lifetime = answer.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) else _LIFETIME
        until = self._world.clock.now() + seconds - _MARGIN
        await self._world.remember(_MEMO, {"token": token, "until": until, "of": self._of})
        return token
