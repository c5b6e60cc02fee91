"""The world of a channel that may understand but reach nobody: `try`, `check`, replay and the desk."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from gateway.domain.errors import HttpFailure, NotFound
from gateway.domain.model import JSON
from gateway.domain.world import Clock, HttpResponse, World
from gateway.world import AccountWorld, MonotonicIds

_SIGNATURE_CHARS = 20


@dataclass(frozen=True, slots=True)
class FixedClock:
    """Always the same moment."""

    moment: float

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self.moment


class NoHttp:
    """Calls nobody."""

    async def request(
        self,
        method: str,  # noqa: ARG002 - the protocol's signature
        url: str,  # noqa: ARG002
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        body: bytes | None = None,  # noqa: ARG002
        timeout: float = 20.0,  # noqa: ARG002, ASYNC109
        limit: int | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Raises `HttpFailure`, always."""
        raise HttpFailure("nothing is sent from here", sent=False)


def offline_world(
    account: str,
    *,
    brand: str,
    public_url: str,
    clock: Clock,
    sign: Callable[[str, str], str] | None = None,
) -> World:
    """A world without network, blobs and memory.

    Args:
        account: its id.
        brand: whose account it is.
        public_url: what providers call us, as they sign it.
        clock: the time.
        sign: as `Keys.sign`; None where there is no installation key: then signatures hold within
            this version of the gateway and prove nothing.
    """
    return AccountWorld(
        account_id=account,
        brand_id=brand,
        public_url=public_url,
        clock=clock,
        ids=MonotonicIds(clock),
        http=NoHttp(),
        log=structlog.get_logger("channel").bind(account=account),
        signer=sign or _unkeyed,
        blob=_no_blob,
        load_memo=_no_memo,
        save_memo=_forget,
    )


def _unkeyed(purpose: str, text: str) -> str:
    digest = hashlib.sha256(f"{purpose}\0{text}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_SIGNATURE_CHARS]


async def _no_blob(address: str) -> bytes:
    raise NotFound(f"no blob {address[:12]}… here")


async def _no_memo(account: str, key: str) -> JSON:  # noqa: ARG001 - the world's signature
    return None


async def _forget(account: str, key: str, value: JSON) -> None:
    """Nothing outlives this world."""
