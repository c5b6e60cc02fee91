"""The pages of the chat over HTTP (docs/channels/chat.md is their reference)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import ClientError, web

from channels._chat_door import Doorman
from channels._chat_files import Uploads, fields_of, small_body
from channels._chat_frames import page, revision
from channels._chat_refusal import Refusal, answered
from channels._chat_sessions import Sessions
from channels._chat_streams import AT_ONCE, Streams
from channels._chat_talk import Talk
from gateway.domain.errors import GatewayError
from gateway.domain.frontage import Page
from gateway.domain.world import Log

#: Seconds that an answer may be waited for: less than proxies wait.
LONGEST_WAIT = 25.0

Cors = Mapping[str, str]
Answer = Callable[[web.Request, Cors], Awaitable[web.StreamResponse]]


class Pages:
    """What one account answers.

    Args:
        cookie: name and path of the cookie for a token.
        secure: whether browsers reach us by https.
    """

    def __init__(
        self,
        doorman: Doorman,
        sessions: Sessions,
        talk: Talk,
        streams: Streams,
        uploads: Uploads,
        log: Log,
        *,
        cookie: tuple[str, str],
        secure: bool,
    ) -> None:
        self._doorman = doorman
        self._sessions = sessions
        self._talk = talk
        self._streams = streams
        self._uploads = uploads
        self._log = log
        self._cookie = cookie
        self._secure = secure

    def routes(self) -> list[Page]:
        """For `Frontage.pages`."""
        found: list[Page] = []
        for method, path, answer in (
            ("POST", "/session", self.session),
            ("DELETE", "/session", self.forget),
            ("POST", "/messages", self.say),
            ("GET", "/messages", self.messages),
            ("GET", "/events", self._streams.events),
            ("GET", "/socket", self._streams.socket),
            ("POST", "/receipts", self.receipts),
            ("POST", "/typing", self.typing),
        ):
            found.append((method, path, self._page(answer)))
            if method == "POST" or path in ("/events", "/socket"):
                found.append(("OPTIONS", path, self._page(self.preflight)))
        return found

    def _page(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Every call: its origin and its number are looked at first, and it always gets an answer."""

        async def called(request: web.Request) -> web.StreamResponse:
            cors: Cors = {}
            try:
                cors = self._doorman.cors(request)
                self._doorman.count(request)
                response = await answer(request, cors)
            except Refusal as refusal:
                response = refusal.response()
            except (ClientError, ConnectionError):
                # The body broke off: nobody is there to read this, and nothing was taken.
                response = Refusal(400, "broken_off", "the body broke off").response()
            except GatewayError as error:
                self._log.warning("chat call failed", why=type(error).__name__)
                response = Refusal(503, "busy", "try again", retry_after=5).response()
            if not response.prepared:
                response.headers.update(cors)
            return response

        return called

    # ------------------------------------------------------------ sessions

    async def preflight(self, _request: web.Request, _cors: Cors) -> web.Response:
        """OPTIONS: may this page call?"""
        return self._doorman.preflight()

    async def session(self, request: web.Request, _cors: Cors) -> web.Response:
        """A token: for a visitor, for a user of the app, or renewed."""
        self._doorman.begins(request)
        data = await small_body(request)
        body = fields_of(_json(data)) if data else {}
        present = None
        try:
            present = self._doorman.caller(request).visitor
        except Refusal as refusal:
            # A token that is over is no reason to refuse a new one to whom the app vouches for.
            if refusal.error == "bad_token" and not ({"jwt", "signature"} & set(body)):
                raise
            if refusal.error not in ("bad_token", "no_token"):
                raise
        visitor = self._sessions.begun(body, present)
        values = self._sessions.answer(visitor)
        if body.get("cookie") is not True:
            return answered(values)
        token, life = str(values.pop("token")), visitor.expires - int(self._sessions.now())
        response, (name, path) = answered(values), self._cookie
        response.set_cookie(
            name, token, path=path, max_age=life, httponly=True, samesite="Lax", secure=self._secure
        )
        return response

    async def forget(self, _request: web.Request, _cors: Cors) -> web.Response:
        """The cookie is taken back: the user signs out of a page."""
        response, (name, path) = answered({"status": "forgotten"}), self._cookie
        response.del_cookie(name, path=path)
        return response

    # ------------------------------------------------------------ messages

    async def say(self, request: web.Request, _cors: Cors) -> web.Response:
        """Take one message, as JSON or as a form with files."""
        visitor = self._doorman.caller(request).visitor
        fields: Mapping[str, Any]
        if request.content_type == "multipart/form-data":
            upload = await self._uploads.read(request)
            fields, files = upload.fields, upload.files
        else:
            fields, files = await _fields(request), []
        client_msg_id = fields.get("client_msg_id") or request.headers.get("Idempotency-Key")
        done = await self._talk.say(
            visitor, client_msg_id, fields.get("text", ""), files, fields.get("reply_to", "")
        )
        return answered(done, 202)

    async def messages(self, request: web.Request, _cors: Cors) -> web.Response:
        """What was said after a cursor; with `wait`, as soon as there is something."""
        visitor = self._doorman.caller(request).visitor
        after = revision(request.query.get("after", ""))
        wait = request.query.get("wait", "0")
        if not (wait.isascii() and wait.isdigit() and len(wait) < 4):
            raise Refusal(400, "bad_wait", "wait is a number of seconds")
        found = await self._streams.waited(visitor, after, min(LONGEST_WAIT, int(wait)))
        return answered(page(found, visitor.handle, after, more=len(found) == AT_ONCE))

    async def receipts(self, request: web.Request, _cors: Cors) -> web.Response:
        """Messages of ours arrived, or were read."""
        visitor = self._doorman.caller(request).visitor
        fields = await _fields(request)
        done = await self._talk.receipts(visitor, fields.get("status"), fields.get("ids"))
        return answered(done, 202)

    async def typing(self, request: web.Request, _cors: Cors) -> web.Response:
        """The customer types."""
        visitor = self._doorman.caller(request).visitor
        await small_body(request)
        return answered(self._talk.typing(visitor), 202)


async def _fields(request: web.Request) -> Mapping[str, Any]:
    # A form of a foreign page is sent without asking first; JSON is not.
    if request.content_type != "application/json":
        raise Refusal(415, "content_type", "send application/json, or multipart/form-data")
    return fields_of(_json(await small_body(request)))


def _json(data: bytes) -> object:
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "bad_json", "the body is no JSON") from error
    return found
