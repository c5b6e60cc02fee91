"""Calls of Twilio's REST API of 2010-04-01 (twilio.com/docs/usage/requests-to-twilio)."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from channels._answer import json_object, retry_after
from channels._fetching import not_fetched
from channels._twilio_errors import failure_of
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.world import Http, HttpResponse

_ROOT = "/2010-04-01/Accounts/"
#: api.twilio.com, and the hosts of regions (twilio.com/docs/global-infrastructure).
_API_HOST = re.compile(r"api(\.[a-z0-9-]+){0,2}\.twilio\.com").fullmatch
#: Where a file really lies, as the API redirects (support.twilio.com article 223183748): the second where
#: media are not protected by a password.
_STORES = re.compile(r"[a-z0-9-]+\.twiliocdn\.com|s3-external-1\.amazonaws\.com").fullmatch
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 3
#: twilio.com/docs/messaging/api/media-resource: a message with more than 5 MB is not accepted; other
#: networks than SMS carry 16.
_FILE_SECONDS, _FILE_BYTES = 60.0, 16 << 20


@dataclass(frozen=True, slots=True)
class TwilioRest:
    """One account's API."""

    base_url: str
    account_sid: str
    token: str = field(repr=False)
    api_key: str
    api_secret: str = field(repr=False)
    http: Http

    def path(self, name: str = "") -> str:
        """That of a resource of the account."""
        return f"{_ROOT}{self.account_sid}/{name}"

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, token: bool = False
    ) -> HttpResponse:
        """One exchange, whatever comes of it. `token`: sign in with the auth token even where there is
        an API key. Raises `HttpFailure`."""
        headers = {**self._signed_in(token=token), "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = self.base_url.rstrip("/") + path
        return await self.http.request(method, url, headers=headers, body=body)

    async def page(self, path: str, entries: str = "messages") -> tuple[list[dict[str, Any]], str]:
        """One page of a list, and the path of the next one, '' behind the last.

        Raises `DeliveryError`: RETRY, THROTTLED or MISCONFIGURED, since the other kinds speak of a
        message and here only a question failed.
        """
        try:
            response = await self.call("GET", path)
        except HttpFailure as error:
            raise DeliveryError(Failure.RETRY, "no answer from Twilio") from error
        answer = json_object(response)
        if response.status != 200:
            refusal = failure_of(response.status, answer.get("code"), retry_after(response))
            if refusal.failure in {Failure.THROTTLED, Failure.MISCONFIGURED}:
                raise refusal
            raise DeliveryError(Failure.RETRY, f"no list from Twilio: HTTP {response.status}")
        found = answer.get(entries)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            # An unreadable list proves nothing, least of all that a message is not on it.
            raise DeliveryError(Failure.RETRY, "Twilio's list cannot be read")
        after = answer.get("next_page_uri")
        # Only a path on the same server: these requests carry the account's password.
        return found, "/" + str(after).lstrip("/") if after else ""

    async def file(self, url: str) -> bytes:
        """What a picture's address leads to. The account's password goes to the API alone, and what the
        API redirects to is asked for without it. Raises `DeliveryError`."""
        if not self._is_api(url):
            raise DeliveryError(Failure.REJECTED, "not a file at Twilio")
        for _ in range(_HOPS):
            headers: Mapping[str, str] = self._signed_in() if self._is_api(url) else {}
            try:
                response = await self.http.request(
                    "GET", url, headers=headers, timeout=_FILE_SECONDS, limit=_FILE_BYTES
                )
            except HttpFailure as error:
                raise not_fetched(error, "Twilio") from error
            if response.status not in _REDIRECTS:
                return _content(response, signed_in=bool(headers))
            url = _joined(url, response.headers.get("location", ""))
            if not (self._is_api(url) or _is_store(url)):
                raise DeliveryError(
                    Failure.REJECTED, "the file lies at a host that is not Twilio's"
                )
        raise DeliveryError(Failure.RETRY, "Twilio redirects without end")

    def _is_api(self, url: str) -> bool:
        """Whether the account's password may go there."""
        scheme, host, path = _place(url)
        base = urlsplit(self.base_url)
        own = (scheme, host) == (base.scheme, base.netloc)
        return path.startswith(_ROOT) and (own or (scheme == "https" and bool(_API_HOST(host))))

    def _signed_in(self, *, token: bool = False) -> dict[str, str]:
        user, password = self.api_key, self.api_secret
        if token or not user:
            user, password = self.account_sid, self.token
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {basic}"}


def _place(url: str) -> tuple[str, str, str]:
    """Scheme, host as it is written (so that a port or a user in it fits nothing), and path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    return parts.scheme, parts.netloc, parts.path


def _is_store(url: str) -> bool:
    scheme, host, _ = _place(url)
    return scheme == "https" and bool(_STORES(host))


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _content(response: HttpResponse, *, signed_in: bool) -> bytes:
    match response.status:
        case 200:
            return response.body
        case 404 | 410:
            raise DeliveryError(Failure.REJECTED, "Twilio no longer has the file")
        case 401 | 403 if signed_in:
            raise DeliveryError(Failure.MISCONFIGURED, "the credentials are refused for a file")
        case 429:
            wait = retry_after(response)
            raise DeliveryError(Failure.THROTTLED, "too many requests", retry_after=wait)
        case status:
            # A 403 of the store's: its address has run out, and the next try gets another one.
            raise DeliveryError(Failure.RETRY, f"no file from Twilio: HTTP {status}")
