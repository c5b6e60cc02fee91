"""A small Bot API over real HTTP, for one bot. What it takes it reads with the models of aiogram, and
aiogram's own client can talk to it as well: so it is not only what we believe of Telegram."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import (
    GetFile,
    GetMe,
    GetUpdates,
    GetWebhookInfo,
    SendMessage,
    TelegramMethod,
)
from aiogram.types import Update
from aiohttp import web

METHODS: Mapping[str, type[TelegramMethod[Any]]] = {
    method.__api_method__: method
    for method in (GetMe, GetUpdates, GetWebhookInfo, SendMessage, GetFile)
}
#: Fields that aiogram's client writes as JSON into its form, numbers among them.
_NESTED = frozenset({"allowed_updates", "reply_parameters", "link_preview_options", "chat_id"})


class FakeBotApi:
    """async with FakeBotApi(token) as api: ...; api.arrive({...}); api.asked[0].text"""

    def __init__(self, token: str) -> None:
        self.token = token
        self.url = ""
        self.asked: list[TelegramMethod[Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {
            "url": "", "has_custom_certificate": False, "pending_update_count": 0,
        }  # fmt: skip
        self.files: dict[str, tuple[str, bytes]] = {}
        self._news = asyncio.Event()
        self._sent = 100

    def arrive(self, *updates: dict[str, Any]) -> None:
        """Updates that wait; each has to be one in the eyes of aiogram."""
        for update in updates:
            Update.model_validate(update)
        self.updates += updates
        self._news.set()

    def bot(self) -> Bot:
        """aiogram's client, talking to this server. To be closed by `bot.session.close()`."""
        server = TelegramAPIServer.from_base(self.url)
        return Bot(self.token, session=AiohttpSession(api=server))

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(f"/bot{self.token}/{{method}}", self._call)
        app.router.add_get(f"/file/bot{self.token}/{{path:.*}}", self._download)
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
        await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        method = METHODS[request.match_info["method"]]
        if request.content_type == "application/json":
            # What is posted as JSON has to be of the right types, not merely readable.
            asked = method.model_validate_json(await request.read(), strict=True)
        else:
            form = {name: str(value) for name, value in (await request.post()).items()}
            asked = method.model_validate(
                {name: json.loads(text) if name in _NESTED else text for name, text in form.items()}
            )
        self.asked.append(asked)
        match asked:
            case SendMessage():
                return self._send(asked)
            case GetUpdates():
                return await self._updates(asked)
            case GetMe():
                bot = {"id": int(self.token.partition(":")[0]), "is_bot": True, "first_name": "Pay"}
                return _ok(bot)
            case GetFile():
                path, data = self.files[asked.file_id]
                return _ok(
                    {
                        "file_id": asked.file_id,
                        "file_unique_id": "u",
                        "file_size": len(data),
                        "file_path": path,
                    }
                )
            case _:
                return _ok(self.webhook)

    def _send(self, asked: SendMessage) -> web.Response:
        self._sent += 1
        kind = "private" if int(asked.chat_id) > 0 else "supergroup"
        chat = {"id": int(asked.chat_id), "type": kind}
        return _ok({"message_id": self._sent, "date": 1767225601, "chat": chat, "text": asked.text})

    async def _updates(self, asked: GetUpdates) -> web.Response:
        if self.webhook["url"]:
            why = "Conflict: can't use getUpdates method while webhook is active"
            return web.json_response(
                {"ok": False, "error_code": 409, "description": why}, status=409
            )
        # What lies before the offset is confirmed, and forgotten.
        self.updates = [u for u in self.updates if u["update_id"] >= (asked.offset or 0)]
        if not self.updates and asked.timeout:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), asked.timeout)
        return _ok(self.updates[: asked.limit or 100])

    async def _download(self, request: web.Request) -> web.Response:
        for path, data in self.files.values():
            if request.match_info["path"] == path:
                return web.Response(body=data)
        return web.json_response(
            {"ok": False, "error_code": 404, "description": "Not Found"}, status=404
        )


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})
