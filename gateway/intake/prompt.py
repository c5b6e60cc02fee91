"""The acknowledgement of a webhook, written in one go.

aiohttp builds each response anew: a header dictionary, its defaults, its text, three coroutines. An
acknowledgement is the same few bytes every time, so they are put together here; whatever is not
plain (HTTP/1.0, a connection to be closed, a reader that does not read) goes aiohttp's own way.
"""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web

from gateway.domain.channel import HttpReply

#: Bytes that may wait for a client that does not read its answers.
_BACKLOG = 4096


def acknowledge(request: web.BaseRequest, reply: HttpReply) -> web.StreamResponse:
    """The response to a call that was taken in."""
    transport = request.transport
    if (
        transport is None
        or request.version != HttpVersion11
        or not request.keep_alive
        or request.method == hdrs.METH_HEAD
        or transport.get_write_buffer_size() > _BACKLOG
    ):
        return web.Response(
            status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type}
        )
    return PromptResponse(reply)


class PromptResponse(web.StreamResponse):
    """A whole response to an HTTP/1.1 call on a connection that stays open."""

    def __init__(self, reply: HttpReply) -> None:
        # Not the parent's: what it sets up is what is saved here.
        self._reply = reply

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def keep_alive(self) -> bool | None:
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it. A client that has gone meanwhile is aiohttp's to notice."""
        if (transport := request.transport) is not None:
            reply = self._reply
            head = _head(reply.status, reply.content_type, len(reply.body), int(time.time()))
            transport.write(head + reply.body)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


@lru_cache(64)
def _head(status: int, content_type: str, length: int, second: int) -> bytes:
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n"
        f"Date: {formatdate(second, usegmt=True)}\r\n\r\n"
    ).encode("ascii")
