"""Outgoing HTTP: one exchange at a time, bounded, counted, and kept away from private addresses."""

import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import structlog

from gateway import __version__
from gateway.domain.errors import HttpFailure, TooLarge
from gateway.domain.world import HttpResponse

#: Largest response body that is read. Providers answer with a few kilobytes.
RESPONSE_BYTES = 4 << 20
#: The same where the caller fetches a file and the operator has set nothing else.
FILE_BYTES = 25 << 20
# Shorter than any provider's own idle limit that we know of (gunicorn's is 2 s only behind a
# proxy, Node's 5 s): a POST on a connection that the other side is just closing ends as "may have
# been sent", and a person has to look at it.
_KEEPALIVE_SECONDS = 3.0
_CONNECT_SECONDS = 10.0
_REFUSED = "refused: a private address (allow_private is off)"
_UNSAFE = frozenset("\r\n\0")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_log = structlog.get_logger("gateway.outgoing")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is counted of a call; nothing of its content."""

    host: str
    outcome: str
    """'2xx' … '5xx', 'unsent' or 'unanswered'."""
    seconds: float


class AiohttpHttp:
    """The `Http` of a running gateway. Use as an asynchronous context manager.

    Never follows a redirect (it could lead anywhere, with the credentials), keeps no cookies, reads
    no proxy settings, and repeats nothing by itself.

    Args:
        allow_private: let calls reach loopback, private and link-local addresses. The address is
            checked where the connection is made, so a name that resolves to one is caught as well.
        limit: largest response body in bytes.
        file_limit: the most that a caller may ask for instead, in bytes.
        observe: called after every exchange.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        limit: int = RESPONSE_BYTES,
        file_limit: int = FILE_BYTES,
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._limit = limit
        self._file_limit = file_limit
        self._observe = observe or (lambda _: None)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_mark_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                keepalive_timeout=_KEEPALIVE_SECONDS,
                socket_factory=None if self._allow_private else _guarded_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"contact-routing-gateway/{__version__}"},
            trace_configs=[trace],
        )
        # aiohttp repeats GET, PUT and DELETE once when a kept connection was closed; the contract
        # is one exchange, and what may be repeated is the outbox's decision.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections; calls under way fail."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 20.0,  # noqa: ASYNC109 - the contract's word, handed to the client
        limit: int | None = None,
    ) -> HttpResponse:
        """One exchange. Raises `HttpFailure`; `sent` is False only when no byte has left."""
        if self._session is None:
            raise RuntimeError("the HTTP client has not been opened")
        if any(_UNSAFE & set(name + value) for name, value in (headers or {}).items()):
            raise HttpFailure("a header holds a line break", sent=False)
        started = time.monotonic()
        state = SimpleNamespace(sent=False)
        outcome = "unsent"
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=timeout, sock_connect=min(timeout, _CONNECT_SECONDS)
                ),
                trace_request_ctx=state,
            ) as response:
                most = self._limit if limit is None else min(limit, self._file_limit)
                answer = await _read(response, most)
            outcome = f"{answer.status // 100}xx"
        except TooLarge:
            outcome = "unanswered"
            raise
        # A wrong address is a ValueError; nothing has left then.
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            outcome = "unanswered" if state.sent else "unsent"
            raise HttpFailure(_said(error), sent=state.sent) from error
        else:
            return answer
        finally:
            exchange = Exchange(_host(url), outcome, time.monotonic() - started)
            self._observe(exchange)
            _log.debug("http", method=method, host=exchange.host, outcome=outcome)


async def _read(response: aiohttp.ClientResponse, limit: int) -> HttpResponse:
    # What says its length is not fetched first.
    if (response.content_length or 0) > limit:
        raise TooLarge(limit)
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > limit:
            raise TooLarge(limit)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpResponse(response.status, headers, bytes(body))


def is_private(address: str) -> bool:
    """Whether an IP address is one that the internet does not route: loopback, private, link-local
    (where clouds keep their metadata), multicast; also when wrapped into IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
    return not ip.is_global or ip.is_multicast


def _guarded_socket(address: tuple[Any, ...]) -> socket.socket:
    """Called by the connector for every address it is about to connect to."""
    family, kind, protocol, _, target = address
    if is_private(target[0]):
        raise PermissionError(errno.EACCES, _REFUSED)
    return socket.socket(family, kind, protocol)


async def _mark_sent(_session: object, context: SimpleNamespace, _event: object) -> None:
    """From here on the request may have reached the other side, whatever happens next."""
    context.trace_request_ctx.sent = True


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _said(error: Exception) -> str:
    """One line without the address: its query may hold a token."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorError() if _REFUSED in str(error.os_error):
            return _REFUSED
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {error.os_error.strerror or 'refused'}"
        case aiohttp.ServerDisconnectedError():
            return "the other side closed the connection without an answer"
        case aiohttp.InvalidURL():
            return "this is no web address"
        case _:
            return type(error).__name__
