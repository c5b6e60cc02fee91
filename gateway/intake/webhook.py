"""The one generic webhook route: `/in/{kind}/{account}[/…]`. Verify → parse → commit → acknowledge."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from aiohttp import web

from gateway.domain.channel import (
    Channel,
    Doorkeeper,
    HttpRequest,
    Inbound,
    Outbound,
    Parsed,
    RawMail,
    Responder,
    Webhook,
)
from gateway.domain.errors import BadSignature, GatewayError, Overloaded, ParseError
from gateway.domain.world import Clock, Log
from gateway.intake.accept import Accept
from gateway.intake.prompt import acknowledge

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Hinted = Callable[[str], Awaitable[None]]

#: Told to a caller that must come again: long enough for a full disk or queue to change.
RETRY_AFTER = "5"
#: Seconds a body may take to arrive. Whoever is slower holds one of a bounded number of places.
BODY_SECONDS = 10.0
#: Bodies larger than the gateway's own limit at once; only mail channels take them, and whether one
#: is genuine is known only when all of it is in memory.
LARGE_AT_ONCE = 4
#: Seconds more that the rest of such a body may take.
LARGE_SECONDS = 50.0
#: Seconds a caller waits for its mails to be read and stored; the providers of mail hang up after 20
#: to 60. The work goes on, and the retry finds it done.
MAIL_PATIENCE = 18.0


class Outcome(Protocol):
    """What events led to, as far as it goes into a reply."""

    @property
    def messages(self) -> tuple[Outbound, ...]: ...


class Answers(Protocol):
    """Finds what goes into a reply, and records it; `gateway.delivery.in_place` is it."""

    async def outcome(self, account: str, keys: Sequence[str], deadline: float) -> Outcome: ...
    async def settle(self, outcome: Any, *, written: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Door:
    """One account that providers may call."""

    kind: str
    account: str
    webhook: Webhook | None
    """The channel, where it takes webhooks."""
    bad_signature_status: int = 403
    body_limit: int = 0
    """Bytes of a body, where the channel needs more than the gateway's limit."""
    keeper: Doorkeeper | None = None
    """The channel, where it has to remember calls."""
    responder: Responder | None = None
    """The channel, where its replies say something."""
    answers_within: float | None = None
    """Seconds that a reply waits for what it may say."""
    hinted: Hinted | None = None
    """Told that the account has news, where it is polled."""

    @classmethod
    def of(cls, kind: str, account: str, channel: Channel, hinted: Hinted | None = None) -> Self:
        """Looked at once: asking a protocol whether an object fits costs as much as a signature."""
        webhook: object = channel
        return cls(
            kind,
            account,
            webhook if isinstance(webhook, Webhook) else None,
            channel.capabilities.bad_signature_status,
            channel.capabilities.body_limit,
            webhook if isinstance(webhook, Doorkeeper) else None,
            webhook if isinstance(webhook, Responder) else None,
            channel.capabilities.answers_within,
            hinted,
        )


class WebhookRoute:
    """Answers provider calls.

    Args:
        doors: by account id.
        public_url: what providers call us; a signature covers it, never the Host header.
        body_limit: bytes of a body, unless its channel allows more; beyond it is 413.
        in_flight: calls under way; one more is 503 at once.
        answers: what goes into the replies of a `Responder`; None: nothing does.
    """

    def __init__(
        self,
        doors: Mapping[str, Door],
        intake: Accept,
        clock: Clock,
        log: Log,
        *,
        public_url: str,
        body_limit: int,
        in_flight: int,
        answers: Answers | None = None,
    ) -> None:
        self._doors = doors
        self._intake = intake
        self._clock = clock
        self._log = log
        self._public_url = public_url
        self._body_limit = body_limit
        self._in_flight = in_flight
        self._answers = answers
        self._large = 0

    def routes(self) -> list[web.RouteDef]:
        """For `Application.add_routes`."""
        return [web.route("*", "/in/{kind}/{account}{path:(/.*)?}", self.route)]

    async def route(self, request: web.Request) -> web.StreamResponse:
        """Find the account by the address."""
        found = request.match_info
        kind, account = found["kind"], found["account"]
        door = self._doors.get(account)
        if door is None or door.kind != kind:
            self._intake.counts["", "unknown_account"] += 1
            return _reply(
                404, f"no {kind} account {account!r} here; see [accounts] in gateway.toml"
            )
        return await self.handle(door, request, found["path"].lstrip("/"))

    def shortcut(self, rest: Handler) -> Handler:
        """A handler for the whole server: the plain address of an account goes to its door at once,
        everything else to `rest`, the application. Looking for a route is a sixth of what aiohttp
        does for a call (benchmarks/ack.py)."""
        addresses = {f"/in/{d.kind}/{d.account}": d for d in self._doors.values()}

        def choose(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            door = addresses.get(request.raw_path)
            # "Expect: 100-continue" has to be answered first; the application does that.
            if door is None or "Expect" in request.headers:
                return rest(request)
            return self.handle(door, request)

        return choose

    async def handle(
        self, door: Door, request: web.BaseRequest, path: str = ""
    ) -> web.StreamResponse:
        """One call, bounded in number, size and outcome."""
        intake = self._intake
        if intake.calls >= self._in_flight:
            intake.counts["", "overloaded"] += 1
            return _reply(503, "too many calls at once; try again")
        intake.calls += 1
        try:
            # Small bodies come with their headers; only for the others is a clock worth its price.
            content = request.content
            if content.is_eof():
                body = content.read_nowait()
            elif door.body_limit > self._body_limit:
                body = await self._large_body(request, door.body_limit)
            else:
                body = await _in_time(request)
            if len(body) > self._body_limit and len(body) > door.body_limit:
                return self._too_large(door)
            call = HttpRequest(
                method=request.method,
                url=self._public_url + request.raw_path,
                headers=request.headers,
                body=body,
                received_at=self._clock.now(),
                path=path,
            )
            return await self._take(door, call, request)
        except web.HTTPRequestEntityTooLarge:
            return self._too_large(door)
        except Overloaded as error:
            intake.counts["", "overloaded"] += 1
            return _reply(503, f"{error}; try again")
        except web.HTTPRequestTimeout:
            return _reply(408, f"the body did not arrive within {BODY_SECONDS:.0f} s")
        finally:
            intake.calls -= 1

    def _too_large(self, door: Door) -> web.Response:
        return _reply(
            413, f"the body is larger than {max(self._body_limit, door.body_limit)} bytes"
        )

    async def _large_body(self, request: web.BaseRequest, limit: int) -> bytes:
        """A body that may be as large as a mail. Beyond the ordinary size it needs one of a few
        places, so that nobody fills the memory with what cannot be verified before its end.

        Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout, Overloaded.
        """
        body, placed = bytearray(), False
        try:
            async with asyncio.timeout(BODY_SECONDS) as patience:
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > limit:
                        raise web.HTTPRequestEntityTooLarge(limit, len(body))
                    if len(body) > self._body_limit and not placed:
                        if self._large >= LARGE_AT_ONCE:
                            raise Overloaded("too many large bodies at once")
                        self._large, placed = self._large + 1, True
                        now = asyncio.get_running_loop().time()
                        patience.reschedule(now + LARGE_SECONDS)
        except TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        finally:
            self._large -= placed
        return bytes(body)

    async def _take(
        self, door: Door, call: HttpRequest, request: web.BaseRequest
    ) -> web.StreamResponse:
        channel = door.webhook
        if channel is None:
            return _reply(405, f"{door.kind} accounts take no webhooks")
        try:
            proof = channel.verify(call)
            if door.keeper is not None:
                await door.keeper.admit(call)
        except BadSignature as error:
            # Metadata only: the body of a stranger is not kept.
            self._intake.counts[door.account, "refused"] += 1
            self._log.warning("webhook refused", account=door.account, why=str(error))
            return _reply(door.bad_signature_status, f"refused: {error}")
        except GatewayError as error:
            return _reply(503, f"not looked at, try again: {error}")
        try:
            parsed = self._parsed(door, channel, call)
            verified = f"{proof.scheme}:{proof.key_id}"
            if parsed.mails:
                await self._mails(door.account, parsed.mails, verified)
            await self._intake.events(door.account, parsed.events, verified, call.received_at)
            if parsed.poll is not None and door.hinted is not None:
                await door.hinted(parsed.poll)
            if door.responder is not None and (keys := self._keys(parsed)):
                return await self._respond(door, door.responder, call, keys, request)
        except ParseError as error:
            return await self._keep(door, call, str(error))
        except Overloaded as error:
            return _reply(503, f"not stored, try again: {error}")
        except GatewayError as error:
            self._log.error("webhook not stored", account=door.account, why=str(error))
            return _reply(503, "not stored, try again")
        return acknowledge(request, parsed.reply)

    async def _respond(
        self,
        door: Door,
        responder: Responder,
        call: HttpRequest,
        keys: list[str],
        request: web.BaseRequest,
    ) -> web.StreamResponse:
        """The reply that the channel makes of what the events led to. Shielded: who hangs up does not
        leave a message begun."""
        if door.answers_within is None or self._answers is None:
            reply = await responder.respond(call, (), call.received_at)
            return acknowledge(request, reply)
        deadline = call.received_at + door.answers_within
        work = self._in_place(door.account, responder, call, keys, deadline, request, self._answers)
        return await asyncio.shield(asyncio.ensure_future(work))

    def _keys(self, parsed: Parsed) -> list[str]:
        """Dedup keys of the messages that the reply waits for."""
        if parsed.awaits is not None:
            return [f"m:{reference}" for reference in parsed.awaits]
        return [self._intake.dedup_key(e) for e in parsed.events if isinstance(e, Inbound)]

    async def _in_place(
        self,
        account: str,
        responder: Responder,
        call: HttpRequest,
        keys: list[str],
        deadline: float,
        request: web.BaseRequest,
        answers: Answers,
    ) -> web.StreamResponse:
        outcome, written = await answers.outcome(account, keys, deadline), False
        try:
            reply = await responder.respond(call, outcome.messages, deadline)
            response = acknowledge(request, reply)
            if (transport := request.transport) is not None and not transport.is_closing():
                await response.prepare(request)
                await response.write_eof()
                written = True
        finally:
            await answers.settle(outcome, written=written)
        return response

    async def _mails(self, account: str, mails: tuple[RawMail, ...], verified: str) -> None:
        """Read and store them; all or some are stored when `Overloaded` is raised, which the retry
        finds out."""
        work = asyncio.gather(*(self._intake.mail(account, mail, verified) for mail in mails))
        work.add_done_callback(_looked_at)
        try:
            async with asyncio.timeout(MAIL_PATIENCE):
                await asyncio.shield(work)
        except TimeoutError as error:
            raise Overloaded("the mail could not be read in time") from error

    def _parsed(self, door: Door, channel: Webhook, call: HttpRequest) -> Parsed:
        try:
            return channel.parse(call)
        except ParseError:
            raise
        except Exception as error:
            # A fault of the channel, met by a genuine call: kept like one that cannot be read, so
            # that it can be replayed once the channel is mended. Its text may quote the call.
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__} at {where.name}:{where.lineno}"
            self._log.error("channel failed to parse", account=door.account, why=why)
            raise ParseError(f"a fault of the channel, {why}") from error

    async def _keep(self, door: Door, call: HttpRequest, reason: str) -> web.Response:
        """Genuine but unreadable: encrypted in quarantine, and the caller is told what is wrong."""
        meta = {"method": call.method, "at": call.received_at}
        # Some providers put the message into the address.
        sealed = {"url": call.url, "path": call.path}
        try:
            await asyncio.shield(
                self._intake.quarantine(door.account, call.body, f"webhook: {reason}", meta, sealed)
            )
        except GatewayError as error:
            return _reply(503, f"not stored, try again: {error}")
        return _reply(400, f"cannot be read: {reason}")


async def _in_time(request: web.BaseRequest) -> bytes:
    """The body. Raises HTTPRequestTimeout."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error


def _looked_at(work: "asyncio.Future[list[None]]") -> None:
    """Nobody may be waiting for it any more: then its failure is the retry's to tell."""
    if not work.cancelled():
        work.exception()


def _reply(status: int, text: str) -> web.Response:
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else None
    return web.Response(status=status, text=text + "\n", headers=headers)
