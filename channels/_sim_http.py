"""A stand-in for a system on the other side of the generic HTTP channel.

It signs webhooks and checks callbacks with code of its own, written from docs/channels/http.md, so
that a mistake in the channel does not cancel itself out. Standalone:

    python -m channels._sim_http --port 8091 --log accepted.jsonl
"""

import argparse
import asyncio
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
from aiohttp import web

from channels._sim_log import AcceptedLog, serve_until_stopped


@dataclass(frozen=True, slots=True)
class CallbackFault:
    """What happens to one coming callback."""

    status: int = 0
    """Refuse with this; 0 accepts."""
    retry_after: int | None = None
    drop: bool = False
    """Accept, then drop the connection instead of answering."""
    delay: float = 0.0
    """Seconds before the answer, after the callback was accepted."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What the gateway answered to one webhook."""

    id: str
    status: int
    body: bytes


class HttpPeer:
    """A system that has customers of its own and lets the gateway talk to them.

    async with HttpPeer() as app:
        settings = app.account_settings()
        await app.post_message(f"{gateway}/in/http/app", "密码忘了怎么办", sender="user-1")
        answer = (await app.wait_for_answers(1))[0]
    """

    def __init__(
        self,
        *,
        secret: str = "sim-webhook-secret",  # noqa: S107 - guards nothing but this simulator
        callback_secret: str = "sim-callback-secret",  # noqa: S107 - likewise
        log: Path | None = None,
        delay: float = 0.0,
    ) -> None:
        self.secret = secret
        self.callback_secret = callback_secret
        self.answers: list[dict[str, Any]] = []
        """Each callback once, however often it came."""
        self.repeated = 0
        """Callbacks whose Idempotency-Key had been seen before."""
        self.refused = 0
        """Callbacks without a valid signature."""
        self.url = ""
        self._delay = delay
        self._faults: deque[CallbackFault] = deque()
        self._news = asyncio.Condition()
        self._log = AcceptedLog(log)
        self._seen = {str(line["id"]) for line in self._log.lines()}
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    def account_settings(self) -> dict[str, Any]:
        """Settings of an account that uses this peer."""
        return {
            "secret": self.secret,
            "callback_url": f"{self.url}/callback",
            "callback_secret": self.callback_secret,
        }

    def script(self, *faults: CallbackFault) -> None:
        """What happens to the next callbacks, one each."""
        self._faults.extend(faults)

    async def wait_for_answers(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:  # noqa: ASYNC109 - the caller's limit, in one place
        """Wait until `count` different callbacks came, and return them. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: len(self.answers) >= count)
        return self.answers[:count]

    async def start(self, port: int = 0) -> None:
        """Listen on this machine; `url` is set afterwards."""
        app = web.Application()
        app.router.add_post("/callback", self._callback)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()
        self._log.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ------------------------------------------------------------ webhooks to the gateway

    async def post_message(
        self,
        webhook: str,
        text: str,
        *,
        sender: str,
        id: str = "",  # noqa: A002 - the field's name in the protocol
        **fields: Any,
    ) -> Posted:
        """A customer's message arrives. Pass the `id` of an earlier one to deliver it again."""
        message = {"id": id or f"m-{uuid4().hex}", "sender": sender, "text": text, **fields}
        status, body = await self.post(webhook, message)
        return Posted(str(message["id"]), status, body)

    async def post_receipt(self, webhook: str, id: str, status: str, **fields: Any) -> Posted:  # noqa: A002 - as above
        """News of an answer we were given."""
        code, body = await self.post(
            webhook, {"receipts": [{"id": id, "status": status, **fields}]}
        )
        return Posted(id, code, body)

    async def post(self, webhook: str, document: Any) -> tuple[int, bytes]:
        """Post any document, signed; the gateway's status and body."""
        if self._client is None:
            msg = "the peer is not started"
            raise RuntimeError(msg)
        body = json.dumps(document, ensure_ascii=False).encode()
        async with self._client.post(webhook, data=body, headers=self.sign(body)) as response:
            return response.status, await response.read()

    def sign(self, body: bytes, at: float | None = None) -> dict[str, str]:
        """The headers of a webhook with this body."""
        return {
            "Content-Type": "application/json",
            "X-Gateway-Signature": signature(self.secret, body, time() if at is None else at),
        }

    # ------------------------------------------------------------ callbacks from the gateway

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not signed(self.callback_secret, body, request.headers.get("X-Gateway-Signature", "")):
            self.refused += 1
            return web.json_response({"error": "signature"}, status=401)
        fault = self._faults.popleft() if self._faults else CallbackFault()
        if fault.status:
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return web.json_response({"error": "scripted"}, status=fault.status, headers=wait)
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return web.json_response({"error": "no Idempotency-Key"}, status=400)
        if key in self._seen:
            self.repeated += 1
        else:
            answer = json.loads(body)
            self._log.add(id=key, to=answer["to"], body=answer["text"], time=time())
            self._seen.add(key)
            async with self._news:
                self.answers.append(answer)
                self._news.notify_all()
        if delay := fault.delay or self._delay:
            await asyncio.sleep(delay)
        if fault.drop and request.transport is not None:
            request.transport.close()
        return web.json_response({"id": f"cb-{key}"})


def signature(secret: str, body: bytes, at: float) -> str:
    """The value of X-Gateway-Signature."""
    stamp = f"{at:.0f}"
    mac = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    mac.update(stamp.encode())
    mac.update(b".")
    mac.update(body)
    return f"t={stamp},v1={mac.hexdigest()}"


def signed(secret: str, body: bytes, header: str, *, now: float | None = None) -> bool:
    """Whether `header` signs `body` and is not older or newer than five minutes. Without `now` the
    age is not looked at: a test's gateway may live in another year."""
    fields = dict(part.strip().partition("=")[::2] for part in header.split(","))
    stamp = fields.get("t", "")
    if not stamp.isdigit() or (now is not None and abs(now - int(stamp)) > 300):
        return False
    return hmac.compare_digest(signature(secret, body, int(stamp)), header)


def main() -> None:
    """The stand-alone program."""
    options = argparse.ArgumentParser(description="A system behind the generic HTTP channel.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path)
    options.add_argument("--delay-ms", type=float, default=0.0)
    options.add_argument("--secret", default="sim-webhook-secret")
    options.add_argument("--callback-secret", default="sim-callback-secret")
    given = options.parse_args()
    peer = HttpPeer(
        secret=given.secret,
        callback_secret=given.callback_secret,
        log=given.log,
        delay=given.delay_ms / 1000,
    )
    asyncio.run(serve_until_stopped(peer, given.port))


if __name__ == "__main__":
    main()
