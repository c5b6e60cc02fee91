"""Binds a signature that covers no body to the first body that came with it."""

import asyncio
from hashlib import sha256

from channels._wechat_crypto import WINDOW, Stamp
from gateway.domain.errors import BadSignature
from gateway.domain.model import JSON
from gateway.domain.world import World

#: Signatures are remembered by the minute of their time, in a ring: bounded, and kept in the
#: database, so that a restart forgets nothing.
_MINUTE = 60
_SLOTS = 2 * int(WINDOW) // _MINUTE + 2


class Nonces:
    """The signed times and nonces of one account that are still good, with their bodies' digests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._one_at_a_time = asyncio.Lock()

    async def bind(self, stamp: Stamp, body: bytes) -> None:
        """Remember that `stamp` came with `body`; the same call again is admitted. Raises BadSignature
        when it came with another one before."""
        minute = int(stamp.timestamp) // _MINUTE
        nonce = self._world.sign("wechat", f"{stamp.timestamp}\n{stamp.nonce}")
        carried = self._world.sign("wechat", sha256(body).hexdigest())
        slot = f"nonces:{minute % _SLOTS}"
        async with self._one_at_a_time:
            kept = await self._world.memo(slot)
            nonces: dict[str, JSON] = {}
            if isinstance(kept, dict) and kept.get("minute") == minute:
                nonces.update(kept["nonces"] if isinstance(kept["nonces"], dict) else {})
            if nonces.setdefault(nonce, carried) != carried:
                raise BadSignature("the nonce came with another body before")
            await self._world.remember(slot, {"minute": minute, "nonces": nonces})
