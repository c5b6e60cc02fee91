"""What a running gateway gives its channels: the time, new ids, and one account's view of the rest."""

import random
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.domain.model import JSON
from gateway.domain.world import Clock, Http, Ids, Log

_RANDOM_BITS = 48
_STEP_BITS = 24  # the gap to the next id of the same millisecond: never runs out


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class MonotonicIds:
    """24 hexadecimal digits: 48 bits of milliseconds, 48 random bits. Each is greater than the one
    before, also from several threads and when the clock is set back. Ids are names, not secrets."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._bits = random.Random(secrets.randbits(128)).getrandbits  # noqa: S311 - see the class
        self._last = 0

    def new(self) -> str:
        """The next id."""
        milliseconds = int(self._clock.now() * 1000)
        with self._lock:
            value = milliseconds << _RANDOM_BITS | self._bits(_RANDOM_BITS)
            if value <= self._last or milliseconds == self._last >> _RANDOM_BITS:
                value = self._last + 1 + self._bits(_STEP_BITS)
            self._last = value
        return f"{value:024x}"


@dataclass(frozen=True, slots=True)
class AccountWorld:
    """The `World` of one account. What needs the database or the key is handed in as a function,
    so that this stays free of both."""

    account_id: str
    brand_id: str
    public_url: str
    clock: Clock
    ids: Ids
    http: Http
    log: Log
    signer: Callable[[str, str], str]
    """(purpose, text) → signature, as `Keys.sign`."""
    blob: Callable[[str], Awaitable[bytes]]
    """Address → bytes, decrypted; raises `NotFound`."""
    load_memo: Callable[[str, str], Awaitable[JSON]]
    """(account, key) → value, or None."""
    save_memo: Callable[[str, str, JSON], Awaitable[None]]
    """(account, key, value); returns once it is durable."""

    def sign(self, purpose: str, text: str) -> str:
        """20 characters [a-z2-7], the same for all accounts: a reply that reaches us at another
        address of ours still finds its inquiry."""
        return self.signer(purpose, text)

    async def read_blob(self, address: str) -> bytes:
        """The bytes stored under `address`. Raises `NotFound`."""
        return await self.blob(address)

    async def memo(self, key: str) -> JSON:
        """A small durable value of this account, or None."""
        return await self.load_memo(self.account_id, key)

    async def remember(self, key: str, value: JSON) -> None:
        """Keep a small value of this account; durable on return."""
        await self.save_memo(self.account_id, key, value)
