"""What a running gateway gives its channels: the time, new ids, and one account's view of the rest."""

import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.domain.model import JSON
from gateway.domain.world import Clock, Http, Ids, Log

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_BITS = 72
_STEP_BITS = 40  # the gap to the next id of the same millisecond: unguessable, never runs out


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class MonotonicIds:
    """24 characters: 48 bits of milliseconds, 72 random bits. Each is greater than the one before,
    also from several threads and when the clock is set back."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._last = 0

    def new(self) -> str:
        """The next id."""
        milliseconds = int(self._clock.now() * 1000)
        value = milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            if value <= self._last or milliseconds == self._last >> _RANDOM_BITS:
                value = self._last + 1 + secrets.randbits(_STEP_BITS)
            self._last = value
        # Two characters a look-up: twelve groups of ten bits.
        return "".join([_PAIRS[value >> shift & 1023] for shift in range(110, -1, -10)])


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
