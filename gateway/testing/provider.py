"""A provider's API that a test scripts: a real HTTP server on a free port of this machine."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.domain.model import JSON

#: Large enough for a mail with attachments, so that the fake is never what refuses.
_MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the provider received it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def form(self) -> dict[str, str]:
        """The body as a posted form; the last value of a repeated field."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider does with one request."""

    status: int = 200
    body: bytes | JSON = b""
    """Bytes go out as they are; anything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds between the request and the answer."""
    hold: bool = False
    """Take the request and never answer: what a client sees as a time-out."""
    disconnect: Literal["", "before", "within"] = ""
    """Take the request, then drop the connection: before any answer, or in the middle of it."""

    @property
    def payload(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FakeProvider:
    """Records every request and plays the scripted answers in order, then the default one.

    async with FakeProvider() as provider:
        provider.play(Answer(429, headers={"Retry-After": "7"}))
        ...
        assert provider.unused == []
    """

    def __init__(self, *answers: Answer, default: Answer | None = None) -> None:
        self.calls: list[Call] = []
        self.url = ""
        self.default = default or Answer()
        self._script = deque(answers)
        self._news = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def play(self, *answers: Answer) -> None:
        """Append to the script: one answer for each coming request."""
        self._script.extend(answers)

    @property
    def unused(self) -> list[Answer]:
        """Scripted answers nobody asked for."""
        return list(self._script)

    async def wait_for_calls(self, count: int, timeout: float = 5.0) -> list[Call]:  # noqa: ASYNC109 - the test's limit, in one place
        """Wait until `count` requests have come, and return them. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: len(self.calls) >= count)
        return self.calls[:count]

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(
            method=request.method,
            path=request.path,
            query=tuple(request.query.items()),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        answer = self._script.popleft() if self._script else self.default
        async with self._news:
            self.calls.append(call)
            self._news.notify_all()
        if answer.hold:
            await self._closing.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.disconnect:
            return await self._break_off(request, answer)
        return web.Response(status=answer.status, body=answer.payload, headers=answer.headers)

    async def _break_off(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        if answer.disconnect == "within":
            # One byte more is promised than will ever come.
            response.content_length = len(answer.payload) + 1
            await response.prepare(request)
            await response.write(answer.payload)
        if request.transport is not None:
            request.transport.abort() if not answer.payload else request.transport.close()
        return response


@contextmanager
def refused_url() -> Iterator[str]:
    """An address of this machine that refuses connections for as long as the block runs: the port
    is bound, so nobody else gets it, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
