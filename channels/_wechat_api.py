"""One call of WeChat's or WeCom's API with the account's access token, and what its answer means."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from channels._answer import json_object
from channels._text import clean
from channels._wechat_errors import TOKEN_REFUSED, Codes, call_failed, code_of, refusal
from channels._wechat_token import AccessToken
from gateway.domain.channel import Outbound
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.world import World

JSON_TYPE = {"Content-Type": "application/json; charset=utf-8"}


class Api:
    """The API of one account.

    Args:
        world: for HTTP.
        base_url: where it is.
        token: the account's access token.
        codes: what each code of an answer leads to.
        name: of the provider, for a person.
    """

    def __init__(
        self, world: World, base_url: str, token: AccessToken, codes: Codes, name: str
    ) -> None:
        self._world = world
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._codes = codes
        self._name = name

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One question; its answer, an object. Raises DeliveryError, never UNKNOWN: nothing went out."""
        return await self._call(method, path, body, sends=False)

    async def send(self, path: str, message: Mapping[str, Any]) -> Any:
        """Hand one message over; the answer, an object. Raises DeliveryError."""
        return await self._call("POST", path, message, sends=True)

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, sends: bool
    ) -> dict[str, Any]:
        token = await self._token.get()
        url = f"{self._base_url}{path}?{urlencode({'access_token': token})}"
        # Not in \uXXXX: WeChat shows the customer just that, and WeCom refuses it with 40033.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        unsure = Failure.UNKNOWN if sends else Failure.RETRY
        try:
            response = await self._world.http.request(method, url, headers=JSON_TYPE, body=data)
        except HttpFailure as error:
            failure = unsure if error.sent else Failure.RETRY
            raise DeliveryError(failure, f"no answer from {self._name}") from error
        code, answer = code_of(response), json_object(response)
        if code in TOKEN_REFUSED:
            await self._token.forget(token)
            what = f"the access token is refused (code {code}); the next try makes a new one"
            raise DeliveryError(Failure.RETRY, what, provider_code=str(code))
        if refused := refusal(response, self._codes):
            raise refused
        # What only asks is answered without a code, where it succeeds.
        if not 200 <= response.status < 300 or (code is None and (sends or not answer)):
            raise call_failed(response, f"no answer of {self._name}'s", open_end=unsure)
        return answer


def text_of(outbound: Outbound, limit: int, name: str) -> str:
    """The text as it may be sent.

    Args:
        outbound: the message.
        limit: bytes in UTF-8.
        name: of the provider, for a person.

    Raises DeliveryError for one that is too long, and for attachments.
    """
    text = clean(outbound.text)
    if (size := len(text.encode())) > limit:
        raise DeliveryError(
            Failure.REJECTED, f"{size} bytes, {name} takes {limit}", provider_code="45002"
        )
    if outbound.attachments:
        raise DeliveryError(Failure.REJECTED, f"attachments cannot be sent to {name}")
    return text
