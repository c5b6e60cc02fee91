"""A stand-in for Twilio over real HTTP: takes our REST calls, sends us signed webhooks.

Its signatures come from the official library and its answers have the official shapes (the tests let
the official client talk to it), so what works here is not only what we believe of Twilio. Standalone:

    python -m channels._sim_sms --port 8090 --log accepted.jsonl

writes one line per accepted message, synced to the disk before the answer: the crash tests count it.
"""

import argparse
import asyncio
import base64
import hmac
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator

from channels._sim_log import AcceptedLog, serve_until_stopped
from channels._sim_twilio import (
    VERSION,
    Fault,
    SimMessage,
    error,
    media_of,
    new_sid,
    page_of,
    problem_of,
    resource,
)
from gateway.domain.segments import segments

__all__ = ["Fault", "SmsPeer", "WebhookAnswer"]


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the gateway answered to one webhook."""

    sid: str
    status: int
    body: bytes


class SmsPeer:
    """One Twilio account.

    async with SmsPeer() as twilio:
        settings = twilio.account_settings()
        await twilio.send_sms(f"{gateway}/in/sms/main", "密码忘了怎么办", sender="+8613800138000")
        message = (await twilio.wait_for_messages(1))[0]
    """

    def __init__(
        self,
        *,
        account_sid: str = "AC00000000000000000000000000000001",
        auth_token: str = "sim-auth-token",  # noqa: S107 - guards nothing but this simulator
        number: str = "+14155550100",
        shared_key: tuple[str, str] | None = None,
        log: Path | None = None,
        delay: float = 0.0,
        receipts: bool = False,
    ) -> None:
        """`shared_key` is (key id, secret): webhooks are then signed by the newer scheme. With
        `receipts`, every message that names a callback is reported sent, then delivered."""
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.number = number
        self.shared_key = shared_key
        self.messages: list[SimMessage] = []
        self.received: list[SimMessage] = []
        self.refused: list[int] = []
        self.url = ""
        self._receipts = receipts
        self._delay = delay
        self._faults: deque[Fault] = deque()
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = AcceptedLog(log)
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        for line in self._log.lines():
            # What an earlier process accepted is still listed, as at the real one.
            self.messages.append(
                SimMessage(
                    line["sid"], line["to"], line["from"], line["body"], created=line["time"]
                )
            )

    def account_settings(self) -> dict[str, Any]:
        """Settings of an SMS account that uses this peer."""
        settings: dict[str, Any] = {
            "account_sid": self.account_sid,
            "auth_token": self.auth_token,
            "from_number": self.number,
            "base_url": self.url,
        }
        if self.shared_key:
            key_id, secret = self.shared_key
            settings["shared_keys"] = {key_id: secret}
        return settings

    def script(self, *faults: Fault) -> None:
        """What happens to the next requests for a message, one each."""
        self._faults.extend(faults)

    async def wait_for_messages(self, count: int, timeout: float = 10.0) -> list[SimMessage]:  # noqa: ASYNC109 - the caller's limit, in one place
        """Wait until `count` messages were accepted, and return them. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: len(self.messages) >= count)
        return self.messages[:count]

    async def start(self, port: int = 0) -> None:
        """Listen on this machine; `url` is set afterwards."""
        app = web.Application()
        account = f"/{VERSION}/Accounts/{{account}}"
        app.router.add_post(f"{account}/Messages.json", self._create)
        app.router.add_get(f"{account}/Messages.json", self._list)
        app.router.add_get(f"{account}/Messages/{{sid}}.json", self._fetch)
        app.router.add_get(f"{account}/Messages/{{sid}}/Media.json", self._media)
        app.router.add_get(f"{account}.json", self._account)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening and give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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

    async def send_sms(
        self,
        webhook: str,
        text: str,
        *,
        sender: str,
        sid: str = "",
        media: Sequence[tuple[str, str]] = (),
        signed_as: str = "",
        extra: dict[str, str] | None = None,
    ) -> WebhookAnswer:
        """A customer's message arrives. Pass the `sid` of an earlier answer to deliver it again.

        Args:
            webhook: the gateway's address for messages.
            text: what the customer wrote.
            sender: from which number.
            sid: the message's id; a new one when empty.
            media: (address, content type) of each picture.
            signed_as: the public address, where it differs from `webhook`.
            extra: more form fields.
        """
        sid = sid or new_sid()
        if all(message.sid != sid for message in self.received):
            kinds = tuple(content_type for _, content_type in media)
            self.receive(text, sender=sender, sid=sid, media=kinds)
        form = {
            "ToCountry": "US",
            "SmsMessageSid": sid,
            "NumMedia": str(len(media)),
            "SmsSid": sid,
            "SmsStatus": "received",
            "Body": text,
            "To": self.number,
            "NumSegments": str(segments(text).parts),
            "MessageSid": sid,
            "AccountSid": self.account_sid,
            "From": sender,
            "ApiVersion": VERSION,
        }
        for index, (url, content_type) in enumerate(media):
            form |= {f"MediaUrl{index}": url, f"MediaContentType{index}": content_type}
        return await self._post(webhook, form | (extra or {}), signed_as)

    def receive(
        self,
        text: str,
        *,
        sender: str,
        sid: str = "",
        media: tuple[str, ...] = (),
        at: float | None = None,
    ) -> SimMessage:
        """A customer's message arrives and is listed; nobody is told. `media`: content types."""
        message = SimMessage(
            sid or new_sid(),
            self.number,
            sender,
            text,
            created=time() if at is None else at,
            status="received",
            direction="inbound",
            media=media,
        )
        self.received.append(message)
        return message

    async def report(
        self, webhook: str, sid: str, status: str, *, error_code: str = "", signed_as: str = ""
    ) -> WebhookAnswer:
        """A status callback for a message we were given."""
        message = next((m for m in self.messages if m.sid == sid), None)
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message.to if message else "",
            "From": message.sender if message else self.number,
            "AccountSid": self.account_sid,
            "ApiVersion": VERSION,
        }
        if error_code:
            form["ErrorCode"] = error_code
        if message:
            message.status = status
        return await self._post(webhook, form, signed_as)

    def sign(self, url: str, form: dict[str, str]) -> dict[str, str]:
        """The headers Twilio would add."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        if self.shared_key:
            key_id, secret = self.shared_key
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={key_id},algorithm=HMAC_SHA256"
            signature = RequestValidator(secret).compute_signature(url, form, "HMAC_SHA256")
        else:
            signature = RequestValidator(self.auth_token).compute_signature(url, form)
        return headers | {"X-Twilio-Signature": signature}

    async def _post(self, webhook: str, form: dict[str, str], signed_as: str) -> WebhookAnswer:
        if self._client is None:
            msg = "the peer is not started"
            raise RuntimeError(msg)
        headers = self.sign(signed_as or webhook, form)
        body = urlencode(form).encode()
        async with self._client.post(webhook, data=body, headers=headers) as response:
            return WebhookAnswer(form["MessageSid"], response.status, await response.read())

    async def _deliver(self, message: SimMessage) -> None:
        for status in ("sent", "delivered"):
            try:
                await self.report(message.callback, message.sid, status)
            except aiohttp.ClientError:
                return  # nobody listens there; Twilio would write it into its debugger

    # ------------------------------------------------------------ the REST API

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        form = {name: str(value) for name, value in (await request.post()).items()}
        fault = self._faults.popleft() if self._faults else Fault()
        if fault.status:
            return self._refuse(fault.status, fault.code, "refused by script", fault.retry_after)
        if problem := problem_of(form):
            return self._refuse(400, *problem)
        message = SimMessage(
            new_sid(),
            form["To"],
            form.get("From") or self.number,
            form["Body"],
            form.get("MessagingServiceSid", ""),
            form.get("StatusCallback", ""),
        )
        self._log.add(
            sid=message.sid,
            to=message.to,
            body=message.body,
            time=message.created,
            **{"from": message.sender},
        )
        async with self._news:
            self.messages.append(message)
            self._news.notify_all()
        if delay := fault.delay or self._delay:
            await asyncio.sleep(delay)
        if self._receipts and message.callback:
            task = asyncio.create_task(self._deliver(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if fault.drop and request.transport is not None:
            request.transport.close()
        return web.json_response(resource(message, self.account_sid), status=201)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        return web.json_response(
            page_of(
                sorted(self.received + self.messages, key=lambda message: message.created),
                self.account_sid,
                request.path,
                request.query,
            )
        )

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        for message in self.messages:
            if message.sid == request.match_info["sid"]:
                return web.json_response(resource(message, self.account_sid))
        return self._refuse(404, 20404, "The requested resource was not found")

    async def _media(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        for message in self.received:
            if message.sid == request.match_info["sid"]:
                return web.json_response(media_of(message, self.account_sid))
        return self._refuse(404, 20404, "The requested resource was not found")

    async def _account(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        return web.json_response(
            {
                "sid": self.account_sid,
                "friendly_name": "Simulator",
                "status": "active",
                "type": "Full",
            }
        )

    def _denied(self, request: web.Request) -> web.Response | None:
        pair = f"{self.account_sid}:{self.auth_token}".encode()
        wanted = f"Basic {base64.b64encode(pair).decode()}".encode()
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(wanted, given):
            return self._refuse(401, 20003, "Authenticate")
        if request.match_info["account"] != self.account_sid:
            return self._refuse(404, 20404, "The requested resource was not found")
        return None

    def _refuse(
        self, status: int, code: int, sentence: str, retry_after: int | None = None
    ) -> web.Response:
        self.refused.append(code)
        return web.json_response(
            error(status, code, sentence),
            status=status,
            headers={} if retry_after is None else {"Retry-After": str(retry_after)},
        )


def main() -> None:
    """The stand-alone program."""
    options = argparse.ArgumentParser(description="A Twilio for tests.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path)
    options.add_argument("--delay-ms", type=float, default=0.0)
    options.add_argument("--account-sid", default="AC00000000000000000000000000000001")
    options.add_argument("--auth-token", default="sim-auth-token")
    options.add_argument("--receipts", action="store_true")
    given = options.parse_args()
    peer = SmsPeer(
        account_sid=given.account_sid,
        auth_token=given.auth_token,
        log=given.log,
        delay=given.delay_ms / 1000,
        receipts=given.receipts,
    )
    asyncio.run(serve_until_stopped(peer, given.port))


if __name__ == "__main__":
    main()
