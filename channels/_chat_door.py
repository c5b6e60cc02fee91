"""Who may come in: the origin of a page, the address and the token of a caller, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from channels._chat_rates import Rate
from channels._chat_refusal import Refusal
from channels._chat_tokens import Tokens, Visitor
from gateway.domain.errors import BadSignature
from gateway.domain.world import Clock

#: Calls of one address, and of one token, in a minute.
PER_ADDRESS, PER_TOKEN = 1200.0, 300.0
#: New sessions of one address in a minute.
SESSIONS = 60.0
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as a browser names an origin; '' for no web address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token is good."""

    visitor: Visitor
    by_cookie: bool


class Doorman:
    """Looks at each call of one account.

    Args:
        tokens: reads them.
        clock: for what expires.
        origins: of the pages that may talk to us, beside our own.
        public_url: our own.
        cookie: the name of the cookie that may carry a token.
        proxies: how many proxies of ours stand before the gateway; each adds the address that it was
            called from to X-Forwarded-For, and what stands left of those anybody can have written.
    """

    def __init__(
        self,
        tokens: Tokens,
        clock: Clock,
        *,
        origins: Sequence[str],
        public_url: str,
        cookie: str,
        proxies: int,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._origins = {*origins, origin_of(public_url)} - {""}
        self._cookie = cookie
        self._proxies = proxies
        self._addresses = Rate(PER_ADDRESS)
        self._callers = Rate(PER_TOKEN)
        self._sessions = Rate(SESSIONS)

    def cors(self, request: web.Request) -> Mapping[str, str]:
        """Headers for the page that calls; none for an app, which is no page. Raises `Refusal` for a
        page that is not ours."""
        origin = request.headers.get("Origin", "")
        if not origin:
            return {}
        if origin not in self._origins:
            raise Refusal(403, "origin", "pages of this origin may not use the chat")
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "Retry-After",
            "Vary": "Origin",
        }

    def preflight(self) -> web.Response:
        """What a browser asks before it calls."""
        return web.Response(status=204, headers=_PREFLIGHT)

    def count(self, request: web.Request) -> None:
        """Raises `Refusal` when the address calls too often."""
        _allow(self._addresses.take(self._address(request), self._clock.now()))

    def begins(self, request: web.Request) -> None:
        """A session is asked for. Raises `Refusal` when the address did so too often."""
        _allow(self._sessions.take(self._address(request), self._clock.now()))

    def caller(self, request: web.Request) -> Caller:
        """Whose token the call carries, in its header or in a cookie. Raises `Refusal`."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return Caller(self.read(token.strip()), by_cookie=False)
        token = request.cookies.get(self._cookie, "")
        if not token:
            raise Refusal(401, "no_token", "get a token from POST session first")
        # The browser adds a cookie whoever wrote the page: only an origin says who did.
        changes = request.method != "GET" or "Upgrade" in request.headers
        if changes and not request.headers.get("Origin"):
            raise Refusal(403, "origin", "with a cookie, a call has to name its origin")
        return Caller(self.read(token), by_cookie=True)

    def read(self, token: str) -> Visitor:
        """Whose token it is. Raises `Refusal`."""
        try:
            visitor = self._tokens.read(token, self._clock.now())
        except BadSignature as error:
            raise Refusal(401, "bad_token", str(error)) from error
        self.frame(visitor)
        return visitor

    def frame(self, visitor: Visitor) -> None:
        """Somebody calls, or sends a frame. Raises `Refusal` when it was too often."""
        _allow(self._callers.take(visitor.handle, self._clock.now()))

    def _address(self, request: web.Request) -> str:
        if self._proxies:
            named = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
            if len(named) >= self._proxies:
                return named[-self._proxies].strip()[:64]
        return request.remote or ""


def _allow(wait: float) -> None:
    if wait:
        raise Refusal(429, "too_many", "slow down", retry_after=wait)
