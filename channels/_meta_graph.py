"""Calls of Meta's Graph API (developers.facebook.com/docs/graph-api), each with the proof that whoever
has the access token has the app's secret as well (…/guides/secure-requests#appsecret_proof)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from channels._answer import json_object
from channels._fetching import not_fetched
from channels._meta_account import MetaSettings
from channels._meta_errors import Codes, failure_of
from channels._signing import digest
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.world import Http

#: Seconds for a file, and the largest: what of it is read the gateway's settings say.
_FILE_SECONDS, _FILE_BYTES = 60.0, 1 << 30
#: Where Meta keeps files. The token goes nowhere else, whatever address an answer names, and nothing is
#: fetched from elsewhere, whatever address a message names.
_FILE_HOSTS = (".fbsbx.com", ".fbcdn.net", ".cdninstagram.com", ".whatsapp.net")
#: Of a link that has run out.
_GONE = frozenset({403, 404, 410})
#: Code and subcode of "there is no such thing".
_NOTHING = "100/33"


class Graph:
    """The API with one account's token.

    Args:
        settings: the account's.
        http: to call it with.
        known: what the codes of its errors mean.
    """

    def __init__(self, settings: MetaSettings, http: Http, known: Codes) -> None:
        token = settings.access_token
        self._root = settings.base_url.rstrip("/")
        self._version = settings.api_version
        self._proof = digest(settings.app_secret.encode(), token.encode()).hex()
        self._signed_in = {"Authorization": f"Bearer {token}"}
        self._http = http
        self._known = known

    async def send(self, path: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Hand something over; the answer to it. Raises `DeliveryError`."""
        # Every text of UTF-8 as it is: Meta counts the bytes of some.
        body = json.dumps(form, ensure_ascii=False).encode("utf-8", "replace")
        return await self._call("POST", self._url(path), body)

    async def ask(self, path: str, fields: str = "") -> dict[str, Any]:
        """What Meta says of something. Raises `DeliveryError`, never UNKNOWN: nothing goes out."""
        try:
            return await self._call("GET", self._url(path, {"fields": fields} if fields else {}))
        except DeliveryError as error:
            raise _harmless(error) from error

    async def file(self, number: str) -> bytes:
        """The bytes of a file that a message named by its id. Its address is good for minutes and has to
        be asked for each time. Raises `DeliveryError`."""
        try:
            url = (await self.ask(quote(number, safe=""))).get("url")
        except DeliveryError as error:
            if error.provider_code != _NOTHING:
                raise
            raise DeliveryError(Failure.REJECTED, "the file is not kept any more") from error
        if not isinstance(url, str) or not self._is_metas(url):
            raise DeliveryError(Failure.REJECTED, f"{self._known.name} offers no link to the file")
        return await self._download(url, self._signed_in)

    async def linked(self, url: str) -> bytes:
        """The bytes behind a link that came with a message, which needs no token and lasts some days.
        Raises `DeliveryError`."""
        if not self._is_metas(url):
            raise DeliveryError(Failure.REJECTED, f"not a file of {self._known.name}'s")
        return await self._download(url, {})

    async def _download(self, url: str, headers: Mapping[str, str]) -> bytes:
        try:
            response = await self._http.request(
                "GET", url, headers=headers, timeout=_FILE_SECONDS, limit=_FILE_BYTES
            )
        except HttpFailure as error:
            raise not_fetched(error, self._known.name) from error
        if response.status in _GONE and not headers:
            raise DeliveryError(Failure.REJECTED, f"the link is dead (HTTP {response.status})")
        if response.status != 200:
            raise _harmless(failure_of(response, self._known))
        return response.body

    def _is_metas(self, url: str) -> bool:
        parts, ours = urlsplit(url), urlsplit(self._root)
        if parts[:2] == ours[:2]:
            return True
        return parts.scheme == "https" and (parts.hostname or "").endswith(_FILE_HOSTS)

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        known = urlencode({**(query or {}), "appsecret_proof": self._proof})
        return f"{self._root}/{self._version}/{path}?{known}"

    async def _call(self, method: str, url: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {**self._signed_in, **({"Content-Type": "application/json"} if body else {})}
        try:
            response = await self._http.request(method, url, headers=headers, body=body)
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, f"no answer from {self._known.name}") from error
        answer = json_object(response)
        if response.status != 200 or "error" in answer:
            raise failure_of(response, self._known)
        return answer


def _harmless(error: DeliveryError) -> DeliveryError:
    """A failure of what may be asked again whatever became of it."""
    if error.failure is not Failure.UNKNOWN:
        return error
    return DeliveryError(Failure.RETRY, error.detail, provider_code=error.provider_code)
