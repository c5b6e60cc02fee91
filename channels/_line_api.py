"""Calls of LINE's Messaging API (developers.line.biz/en/reference/messaging-api)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from channels._answer import json_object
from channels._fetching import not_fetched
from channels._line_errors import failure_of
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.world import Http, HttpResponse

#: Seconds for a picture or a file, and the largest: what of it is read the gateway's settings say.
_FILE_SECONDS, _FILE_BYTES = 60.0, 1 << 30


@dataclass(frozen=True, slots=True)
class MessagingApi:
    """One account's API."""

    base_url: str
    data_url: str
    token: str = field(repr=False)
    http: Http

    async def post(
        self, path: str, form: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """One exchange, whatever comes of it. Raises `HttpFailure`."""
        return await self.http.request(
            "POST",
            self.base_url.rstrip("/") + path,
            headers={**self._signed_in, "Content-Type": "application/json", **(headers or {})},
            body=json.dumps(form).encode(),
        )

    async def ask(self, path: str) -> dict[str, Any]:
        """What LINE says of the account. Raises `DeliveryError`."""
        return json_object(await self._get(self.base_url.rstrip("/") + path))

    async def file(self, message_id: str) -> bytes:
        """What the customer's message holds besides text. Raises `DeliveryError`."""
        path = f"/v2/bot/message/{quote(message_id, safe='')}/content"
        response = await self._get(self.data_url.rstrip("/") + path, _FILE_SECONDS, file=True)
        return response.body

    async def _get(self, url: str, seconds: float = 20.0, *, file: bool = False) -> HttpResponse:
        """The answer, if it is a success. `file`: it may be large, and a 404 is about it."""
        try:
            response = await self.http.request(
                "GET",
                url,
                headers=self._signed_in,
                timeout=seconds,
                limit=_FILE_BYTES if file else None,
            )
        except HttpFailure as error:
            raise not_fetched(error, "LINE") from error
        if response.status == 202:
            raise DeliveryError(Failure.RETRY, "LINE still prepares the file", provider_code="202")
        if file and response.status in {404, 410}:
            raise DeliveryError(Failure.REJECTED, "LINE no longer has the file")
        if response.status != 200:
            raise failure_of(response)
        return response

    @property
    def _signed_in(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
