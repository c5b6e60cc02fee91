"""What a channel may touch of the outside: given to it, never imported, replaceable in tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.domain.model import JSON


class Clock(Protocol):
    """Seconds since 1970 in UTC. Nothing else in the gateway asks what time it is."""

    def now(self) -> float: ...


class Ids(Protocol):
    """New identifiers: 24 characters [0-9a-z], ascending within one process."""

    def new(self) -> str: ...


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Http(Protocol):
    """Outgoing HTTP: traced, time-limited, and guarded against private addresses in production."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 20.0,  # noqa: ASYNC109 - the client's own limit, not a cancellation scope
        limit: int | None = None,
    ) -> HttpResponse:
        """One exchange, never repeated here. Raises `HttpFailure`, whose `sent` says whether any
        byte of the request may have left.

        `limit`: bytes of the largest answer, where it is a file and may be larger than what providers
        usually say; never more than the operator allows for files. Raises `TooLarge` beyond it.
        """
        ...


class Log(Protocol):
    """A structured logger; key-value pairs, no customer text, no secret."""

    def debug(self, event: str, **values: Any) -> Any: ...
    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...
    def error(self, event: str, **values: Any) -> Any: ...


class World(Protocol):
    """Everything a channel gets from the gateway, for one account."""

    @property
    def account_id(self) -> str: ...
    @property
    def brand_id(self) -> str: ...
    @property
    def public_url(self) -> str:
        """The address under which providers reach us, without a closing slash."""
        ...

    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def http(self) -> Http: ...
    @property
    def log(self) -> Log: ...

    def sign(self, purpose: str, text: str) -> str:
        """A 20-character [a-z2-7] HMAC with the installation key: for reply tokens and the like."""
        ...

    async def read_blob(self, address: str) -> bytes:
        """The bytes stored under `address`, decrypted. Raises `NotFound`."""
        ...

    async def memo(self, key: str) -> JSON:
        """A small durable value of this account (a token, a cursor), or None."""
        ...

    async def remember(self, key: str, value: JSON) -> None: ...
