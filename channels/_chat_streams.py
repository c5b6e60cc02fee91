"""Brings what is new to who is connected: as Server-Sent Events, on a WebSocket, or as an answer that waits.

Every way shows the same frames and goes on from a cursor, so who was cut off and comes back has in the end
what a fresh look would show.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import ClientError, WSCloseCode, WSMsgType, web

from channels._chat_door import Doorman
from channels._chat_frames import frame, revision, written
from channels._chat_hub import Hub, Listener
from channels._chat_refusal import Refusal
from channels._chat_talk import Talk
from channels._chat_tokens import Visitor
from gateway.domain.errors import GatewayError
from gateway.domain.frontage import Said, Timeline
from gateway.domain.world import Clock

#: Seconds between two signs of life: proxies cut a connection that is silent for 30 to 60.
HEARTBEAT = 15.0
#: Messages that are read at once.
AT_ONCE = 100
#: Bytes of one frame of a customer.
FRAME_BYTES = 65_536
#: Seconds a new WebSocket has to say whose it is.
HELLO_SECONDS = 10.0
#: Seconds that a frame may wait for a reader who does not read.
WRITE_SECONDS = 20.0
#: Seconds a WebSocket has to agree to its end: less than the server takes to stop.
CLOSE_SECONDS = 0.5
#: RFC 6455 §7.4.2 leaves 4000 to 4999 to applications; this one is HTTP's 401.
EXPIRED = 4401

#: How a refusal ends a WebSocket, by its status of HTTP.
_CODES = {
    401: EXPIRED, 429: WSCloseCode.TRY_AGAIN_LATER, 503: WSCloseCode.TRY_AGAIN_LATER,
}  # fmt: skip
_EXPIRED = {"type": "expired"}

#: How a frame reaches who is connected; None is a sign of life.
Write = Callable[[dict[str, Any] | None], Awaitable[None]]


class Streams:
    """The open connections of one account."""

    def __init__(
        self, doorman: Doorman, talk: Talk, timeline: Timeline, hub: Hub, clock: Clock
    ) -> None:
        self._doorman = doorman
        self._talk = talk
        self._timeline = timeline
        self._hub = hub
        self._clock = clock

    async def waited(self, visitor: Visitor, after: int, seconds: float) -> Sequence[Said]:
        """What is new after a revision; with nothing, what comes within so many seconds."""
        found = await self._timeline.since(visitor.handle, after, AT_ONCE)
        if found or seconds <= 0:
            return found
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        with self._hub.listening(visitor.handle) as listener:
            while not self._hub.closed:
                listener.news.clear()
                if found := await self._timeline.since(visitor.handle, after, AT_ONCE):
                    return found
                if not await listener.wait(max(0.0, until - loop.time())):
                    break
        return ()

    # ------------------------------------------------------------ Server-Sent Events

    async def events(self, request: web.Request, cors: Mapping[str, str]) -> web.StreamResponse:
        """Server-Sent Events, as html.spec.whatwg.org/multipage/server-sent-events.html has them."""
        visitor = self._doorman.caller(request).visitor
        after = revision(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
        with self._hub.listening(visitor.handle) as listener:
            response = web.StreamResponse(
                headers={
                    **cors,
                    "Content-Type": "text/event-stream; charset=utf-8",
                    "Cache-Control": "no-store",
                    # nginx holds an answer back until its buffer is full, unless told not to.
                    "X-Accel-Buffering": "no",
                }
            )
            await response.prepare(request)
            try:
                await response.write(b"retry: 2000\n\n")
                await self._feed(visitor, after, listener, lambda one: _event(response, one))
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
            except (ConnectionError, ClientError, GatewayError):
                pass  # gone, or to come again: it has its cursor
            return response

    async def _feed(self, visitor: Visitor, after: int, listener: Listener, write: Write) -> None:
        """Write what is new until the server stops or the token is over."""
        while not self._hub.closed:
            listener.news.clear()
            found = await self._timeline.since(visitor.handle, after, AT_ONCE)
            for said in found:
                await _written(write, frame(said, visitor.handle))
                after = said.revision
            while listener.passing:
                await _written(write, listener.passing.popleft())
            if len(found) == AT_ONCE:
                continue
            left = visitor.expires - self._clock.now()
            if left <= 0:
                await _written(write, _EXPIRED)
                return
            if not await listener.wait(min(HEARTBEAT, left)):
                await _written(write, None)

    # ------------------------------------------------------------ WebSocket

    async def socket(self, request: web.Request, cors: Mapping[str, str]) -> web.StreamResponse:
        """RFC 6455. Who has no header and no cookie says in the first frame who it is."""
        try:
            visitor: Visitor | None = self._doorman.caller(request).visitor
        except Refusal as refusal:
            if refusal.error != "no_token":
                raise
            visitor = None
        after = revision(request.query.get("after", ""))
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS, heartbeat=HEARTBEAT, max_msg_size=FRAME_BYTES
        )
        socket.headers.update(cors)
        await socket.prepare(request)
        try:
            if visitor is None:
                visitor, after = await self._hello(socket)
            with self._hub.listening(visitor.handle) as listener:
                await self._both_ways(socket, visitor, after, listener)
        except Refusal as refusal:
            await socket.send_json(refusal.frame, dumps=written)
            await socket.close(
                code=_CODES.get(refusal.status, WSCloseCode.POLICY_VIOLATION),
                message=refusal.error.encode(),
            )
        except (ConnectionError, ClientError):
            pass  # gone
        return socket

    async def _hello(self, socket: web.WebSocketResponse) -> tuple[Visitor, int]:
        first = asyncio.ensure_future(socket.receive())
        stop = asyncio.ensure_future(self._hub.leaving.wait())
        try:
            await asyncio.wait(
                [first, stop], timeout=HELLO_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if self._hub.closed:
                raise Refusal(503, "stopping", "the server stops; connect again")
            if not first.done():
                raise Refusal(401, "no_token", "the first frame did not come")
            message = first.result()
        finally:
            for task in (first, stop):
                task.cancel()
            await asyncio.gather(first, stop, return_exceptions=True)
        said = _object(message.data) if message.type is WSMsgType.TEXT else {}
        if said.get("type") != "hello":
            raise Refusal(401, "no_token", "the first frame says hello and brings the token")
        return self._doorman.read(str(said.get("token"))), revision(str(said.get("after", "")))

    async def _both_ways(
        self, socket: web.WebSocketResponse, visitor: Visitor, after: int, listener: Listener
    ) -> None:
        async def write(one: dict[str, Any] | None) -> None:
            if one is not None:  # signs of life are the protocol's own
                await socket.send_json(one, dumps=written)

        async def hear() -> None:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = await self._heard(visitor, message.data, listener)
                    await socket.send_json(answer, dumps=written)

        tasks = [
            asyncio.ensure_future(hear()),
            asyncio.ensure_future(self._feed(visitor, after, listener, write)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        failed = [error for task in done if (error := task.exception()) is not None]
        over = visitor.expires <= self._clock.now()
        code = EXPIRED if over else WSCloseCode.GOING_AWAY
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER if failed else code)
        for error in failed:
            if not isinstance(error, OSError | ClientError | GatewayError):
                raise error

    async def _heard(self, visitor: Visitor, data: str, listener: Listener) -> dict[str, Any]:
        """What a customer's frame leads to: the answer, marked with the frame's own `ref`."""
        said = _object(data)
        mark = {"ref": said["ref"]} if isinstance(said.get("ref"), str | int) else {}
        try:
            self._doorman.frame(visitor)
            match said.get("type"):
                case "message":
                    done = await self._talk.say(
                        visitor, said.get("client_msg_id"), said.get("text", ""),
                        reply_to=said.get("reply_to", ""),
                    )  # fmt: skip
                case "receipts":
                    done = await self._talk.receipts(visitor, said.get("status"), said.get("ids"))
                case "typing":
                    done = self._talk.typing(visitor, listener)
                case "ping":
                    return {"type": "pong", **mark}
                case _:
                    refusal = Refusal(400, "bad_frame", "no such type of frame")
                    return {**refusal.frame, **mark}
        except Refusal as refusal:
            return {**refusal.frame, **mark}
        return {"type": "accepted", **done, **mark}


async def _written(write: Write, one: dict[str, Any] | None) -> None:
    """Raises TimeoutError for who does not read: a place among the connections is not kept for that."""
    async with asyncio.timeout(WRITE_SECONDS):
        await write(one)


async def _event(response: web.StreamResponse, one: dict[str, Any] | None) -> None:
    if one is None:
        await response.write(b": alive\n\n")
        return
    mark = f"id: {one['cursor']}\n" if "cursor" in one else ""
    await response.write(f"{mark}event: {one['type']}\ndata: {written(one)}\n\n".encode())


def _object(data: str) -> dict[str, Any]:
    """A frame; an empty one when it is no JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
