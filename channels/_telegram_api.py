"""Calls of Telegram's Bot API (core.telegram.org/bots/api#making-requests)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from channels._answer import json_object
from channels._fetching import not_fetched
from channels._telegram_errors import failure_of
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.model import JSON
from gateway.domain.world import Http, HttpResponse

#: core.telegram.org/bots/api#getfile: up to 20 MB; a server of one's own gives larger ones.
_FILE_SECONDS, _FILE_BYTES = 60.0, 2000 << 20


@dataclass(frozen=True, slots=True)
class BotApi:
    """One bot's API. The token is part of every address, so no address may be told to anybody."""

    base_url: str
    token: str = field(repr=False)
    http: Http

    async def call(
        self, method: str, query: Mapping[str, JSON], seconds: float = 20.0
    ) -> HttpResponse:
        """One exchange, whatever comes of it. Raises `HttpFailure`."""
        return await self.http.request(
            "POST",
            f"{self._root}/bot{self.token}/{method}",
            headers={"Content-Type": "application/json"},
            body=json.dumps(query).encode(),
            timeout=seconds,
        )

    async def ask(self, method: str, query: Mapping[str, JSON], seconds: float = 20.0) -> Any:
        """The result of a call that changes nothing for a customer, and so may be repeated as it is.
        Raises `DeliveryError`."""
        try:
            response = await self.call(method, query, seconds)
        except HttpFailure as error:
            raise DeliveryError(Failure.RETRY, "no answer from Telegram") from error
        answer = json_object(response)
        if response.status != 200 or answer.get("ok") is not True:
            raise failure_of(response)
        return answer.get("result")

    async def file(self, file_id: str) -> bytes:
        """The bytes of a file that a message named. Raises `DeliveryError`."""
        found = await self.ask("getFile", {"file_id": file_id})
        path = found.get("file_path") if isinstance(found, dict) else None
        # A server of one's own in local mode names a file of its disk, which is not ours to read.
        if not isinstance(path, str) or not path or path.startswith("/") or ".." in path:
            raise DeliveryError(Failure.REJECTED, "Telegram offers no link to the file")
        url = f"{self._root}/file/bot{self.token}/{quote(path)}"
        try:
            response = await self.http.request("GET", url, timeout=_FILE_SECONDS, limit=_FILE_BYTES)
        except HttpFailure as error:
            raise not_fetched(error, "Telegram") from error
        if response.status != 200:
            raise failure_of(response)
        return response.body

    @property
    def _root(self) -> str:
        return self.base_url.rstrip("/")
