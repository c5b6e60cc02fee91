"""What a running gateway gives its channels: the time, new ids, and one account's view of the rest."""

import itertools
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.domain.model import JSON
from gateway.domain.world import Clock, Http, Ids, Log


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class MonotonicIds:
    """24 hexadecimal digits: 12 of milliseconds, 4 of this process, 8 that count. Each is greater
    than the one before, also when the clock is set back. Ids are names, not secrets."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._process = secrets.randbits(16)
        # Begins low enough never to run out, and not at the same place in every process.
        self._count = itertools.count(secrets.randbits(28))
        self._latest = 0

    def new(self) -> str:
        """The next id."""
        milliseconds = int(self._clock.now() * 1000)
        self._latest = max(self._latest, milliseconds)
        return f"{self._latest:012x}{self._process:04x}{next(self._count):08x}"


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
