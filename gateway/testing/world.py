"""The `World` of a test: real HTTP on this machine, everything else in memory."""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from gateway.domain.errors import HttpFailure, NotFound, TooLarge
from gateway.domain.model import JSON
from gateway.domain.world import Http, HttpResponse
from gateway.testing.clock import FakeClock

_SIGNING_KEY = b"an installation key that only tests use"


class SequentialIds:
    """Ids that ascend and are the same in every run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self) -> str:
        """24 characters, like the real ones."""
        return f"id{next(self._numbers):022d}"


class LogLines:
    """A `Log` that keeps what it is told, as the lines a reader of the log would see."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, event: str, **values: Any) -> None:
        self._add("debug", event, values)

    def info(self, event: str, **values: Any) -> None:
        self._add("info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        self._add("warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        self._add("error", event, values)

    def _add(self, level: str, event: str, values: Mapping[str, Any]) -> None:
        self.lines.append(" ".join([level, event, *(f"{k}={v!r}" for k, v in values.items())]))


class MemoryBlobs:
    """`Blobs` in a dictionary: the same bytes have the same address, as in the real store."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        address = hashlib.sha256(data).hexdigest()
        self._blobs[address] = data
        return address

    async def get(self, address: str) -> bytes:
        try:
            return self._blobs[address]
        except KeyError:
            msg = f"no blob {address!r}"
            raise NotFound(msg) from None

    async def remove(self, address: str) -> bool:
        """Always gone: nothing is too young here."""
        self._blobs.pop(address, None)
        return True


class LoopbackHttp:
    """An `Http` over a real client that reaches nothing but this machine.

    One connection per request: there is no kept-alive one whose end could be mistaken for an answer.
    """

    def __init__(self, log: LogLines | None = None, *, patience: float | None = None) -> None:
        """`patience` shortens every caller's time limit, in seconds: a test of a time-out cannot
        wait as long as production does."""
        self._log = log or LogLines()
        self._patience = patience

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 20.0,  # noqa: ASYNC109 - as the protocol has it
        limit: int | None = None,
    ) -> HttpResponse:
        """One exchange. Raises `HttpFailure`; AssertionError for an address elsewhere, which is a
        fault of the test and must not look like a provider's."""
        _refuse_elsewhere(url)
        seconds = timeout if self._patience is None else min(timeout, self._patience)
        # As in production: a query may hold a customer's number, a path a token (Telegram's does).
        where = urlsplit(url).netloc
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_mark_sent)
        progress = SimpleNamespace(sent=False)
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=seconds),
                trace_configs=[trace],
            ) as session:
                # aiohttp repeats a GET whose connection broke; the contract is one exchange.
                session._retry_connection = False  # noqa: SLF001 - there is no public switch
                answer = await _exchange(
                    session,
                    method,
                    url,
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    trace_request_ctx=progress,
                )
        except (TimeoutError, aiohttp.ClientError) as error:
            self._log.info("http.failed", method=method, host=where, error=type(error).__name__)
            msg = f"{type(error).__name__} from {where}"
            raise HttpFailure(msg, sent=progress.sent) from error
        self._log.info("http.done", method=method, host=where, status=answer.status)
        if limit is not None and len(answer.body) > limit:
            raise TooLarge(limit)
        return answer


async def _exchange(session: aiohttp.ClientSession, *what: Any, **how: Any) -> HttpResponse:
    async with session.request(*what, **how) as response:
        return HttpResponse(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=await response.read(),
        )


async def _mark_sent(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    context.trace_request_ctx.sent = True


def _refuse_elsewhere(url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        msg = f"a test wanted to reach {host!r}; only this machine is allowed"
        raise AssertionError(msg)


@dataclass
class TestWorld:
    """Implements `World`; its parts are there to be looked at and moved."""

    __test__ = False  # pytest: this is no test class, whatever its name begins with

    account_id: str = "main"
    brand_id: str = "demo"
    public_url: str = "https://gateway.example"
    clock: FakeClock = field(default_factory=FakeClock)
    ids: SequentialIds = field(default_factory=SequentialIds)
    log: LogLines = field(default_factory=LogLines)
    http: Http = field(default_factory=LoopbackHttp)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    memos: dict[str, JSON] = field(default_factory=dict)

    def sign(self, purpose: str, text: str) -> str:
        """20 characters of [a-z2-7], as the real one gives."""
        digest = hmac.digest(_SIGNING_KEY, f"{purpose}\0{text}".encode(), "sha256")
        return base64.b32encode(digest).decode().lower()[:20]

    async def read_blob(self, address: str) -> bytes:
        return await self.blobs.get(address)

    async def memo(self, key: str) -> JSON:
        return self.memos.get(key)

    async def remember(self, key: str, value: JSON) -> None:
        self.memos[key] = value


def build_world(
    account_id: str = "main",
    *,
    http: Http | None = None,
    clock: FakeClock | None = None,
    public_url: str = "https://gateway.example",
) -> TestWorld:
    """A world for one account. Without `http`: a real client whose calls are in `world.log.lines`."""
    log = LogLines()
    return TestWorld(
        account_id=account_id,
        public_url=public_url,
        clock=clock or FakeClock(),
        log=log,
        http=http or LoopbackHttp(log),
    )
