"""The JSON API, `/api/v1`: so far an agent's place on the floor, and why an inquiry is where it is.

Errors are problem documents (RFC 9457). What another agent was faster at, and whatever the state of an
inquiry forbids, is 409 with one sentence that says who has it.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from gateway.desk.floor import Floor
from gateway.desk.presence import offered
from gateway.desk.tokens import Caller, Scope, Tokens, Unknown
from gateway.desk.trail import trail
from gateway.domain.errors import Conflict, GatewayError, NotAllowed, NotFound, Overloaded
from gateway.domain.store import Store
from gateway.routing.model import Presence

Answer = Callable[[web.Request, Caller], Awaitable[Any]]

#: Bytes of a body: these calls say a word or two.
BODY_LIMIT = 16 * 1024
_BY_ERROR: tuple[tuple[type[GatewayError], HTTPStatus], ...] = (
    (Unknown, HTTPStatus.UNAUTHORIZED),
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotAllowed, HTTPStatus.CONFLICT),
    (Conflict, HTTPStatus.CONFLICT),
    (Overloaded, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Problem(Exception):
    """An answer that is none."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Api:
    """The routes. Every call names its agent by a bearer token (`gateway token create`)."""

    floor: Floor
    tokens: Tokens
    store: Store

    def routes(self) -> list[web.RouteDef]:
        """For `Application.add_routes`."""
        one = "/api/v1/inquiries/{reference}"
        agent, read = Scope.AGENT, Scope.READ
        return [
            web.get("/api/v1/offers", self._as(agent, self.offers)),
            web.put("/api/v1/presence", self._as(agent, self.be)),
            web.post("/api/v1/next", self._as(agent, self.next)),
            web.post(f"{one}/claim", self._as(agent, self.claim)),
            web.post(f"{one}/accept", self._as(agent, self.accept)),
            web.post(f"{one}/decline", self._as(agent, self.decline)),
            web.post(f"{one}/transfer", self._as(agent, self.transfer)),
            web.get(f"{one}/trail", self._as(read, self.trail)),
        ]

    # ------------------------------------------------------------ the floor

    async def offers(self, _request: web.Request, caller: Caller) -> Any:
        """What the agent is offered now; to be asked more often than the lease lasts, since whoever asks
        is heard of."""
        await self.floor.alive(caller.agent)
        found = await self.store.read(lambda reader: offered(reader, caller.agent))
        return {"offers": found, "lease_seconds": self.floor.lease}

    async def be(self, request: web.Request, caller: Caller) -> Any:
        """`{"presence": "online"}`, busy, away or offline."""
        word = _word(await _body(request), "presence")
        if word not in set(Presence) - {Presence.WRAP_UP}:
            raise Problem(HTTPStatus.BAD_REQUEST, "presence is online, busy, away or offline")
        await self.floor.be(caller.agent, Presence(word))
        return {"agent": caller.agent, "presence": word}

    async def next(self, _request: web.Request, caller: Caller) -> Any:
        """Take the first of what waits for the agent; null where nothing does."""
        await self.floor.alive(caller.agent)
        return {"number": await self.floor.next(caller.agent)}

    async def claim(self, request: web.Request, caller: Caller) -> Any:
        """Take a waiting inquiry."""
        await self.floor.alive(caller.agent)
        return {"number": await self.floor.take(_reference(request), caller.agent)}

    async def accept(self, request: web.Request, caller: Caller) -> Any:
        """Take what was offered."""
        await self.floor.alive(caller.agent)
        return {"number": await self.floor.accept(_reference(request), caller.agent)}

    async def decline(self, request: web.Request, caller: Caller) -> Any:
        """Do not: `{"reason": "…"}` if there is one to tell."""
        why = _word(await _body(request), "reason", "")
        return {"number": await self.floor.decline(_reference(request), caller.agent, why)}

    async def transfer(self, request: web.Request, caller: Caller) -> Any:
        """`{"queue": "cards"}`: hand it on."""
        queue = _word(await _body(request), "queue")
        return {"number": await self.floor.transfer(_reference(request), caller.agent, queue)}

    async def trail(self, request: web.Request, _caller: Caller) -> Any:
        """Why it is where it is; `?lang=zh-CN` for Chinese."""
        language = request.query.get("lang", "en")
        inquiry, entries = await self.store.read(
            lambda reader: trail(reader, _reference(request), language)
        )
        names = ("number", "state", "queue", "assigned_to")
        head = {name: inquiry[name] for name in names}
        return {**head, "trail": [entry.as_values() for entry in entries]}

    # ------------------------------------------------------------ how a call is answered

    def _as(
        self, scope: Scope, answer: Answer
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                caller = await self._caller(request, scope)
                return _json(HTTPStatus.OK, await answer(request, caller))
            except Problem as problem:
                return _problem(problem.status, problem.detail)
            except GatewayError as error:
                return _problem(_status_of(error), str(error))

        return handle

    async def _caller(self, request: web.Request, scope: Scope) -> Caller:
        """Raises `Unknown` without a token in force, `Problem` for one that is not good for this."""
        caller = await self.tokens.caller(_bearer(request))
        if scope not in caller.scopes:
            msg = f"this token is not good for {scope.value!r}"
            raise Problem(HTTPStatus.FORBIDDEN, msg)
        return caller


def _reference(request: web.Request) -> str:
    return request.match_info["reference"]


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unknown("send `Authorization: Bearer TOKEN`; `gateway token create` makes one")
    return token.strip()


async def _body(request: web.Request) -> dict[str, Any]:
    """The body as an object; without one, an empty one."""
    data = await request.content.read(BODY_LIMIT + 1)
    if len(data) > BODY_LIMIT:
        msg = f"the body is larger than {BODY_LIMIT} bytes"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, msg)
    try:
        found = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body has to be a JSON object")
    return found


def _word(body: dict[str, Any], name: str, default: str | None = None) -> str:
    found = body.get(name, default)
    if not isinstance(found, str):
        raise Problem(HTTPStatus.BAD_REQUEST, f"{name!r} has to be there, and a text")
    return found


def _status_of(error: GatewayError) -> HTTPStatus:
    for kind, status in _BY_ERROR:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _json(status: HTTPStatus, found: Any, kind: str = "application/json") -> web.Response:
    text = json.dumps(found, ensure_ascii=False)
    return web.Response(status=status, text=text, content_type=kind, charset="utf-8")


def _problem(status: HTTPStatus, detail: str) -> web.Response:
    about = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    response = _json(status, about, "application/problem+json")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    return response
