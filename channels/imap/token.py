"""OAuth access tokens for signing in: given, or made from a refresh token (RFC 6749 §6)."""

import asyncio
import json
from urllib.parse import urlencode

from channels._answer import json_object
from channels.imap.settings import ImapSettings
from channels.imap.wire import ImapError, Refused
from gateway.domain.errors import HttpFailure
from gateway.domain.world import World

#: Seconds before its end at which a token counts as spent.
_MARGIN = 60.0
#: RFC 6749 §5.1 lets a server leave the lifetime out; Google and Microsoft give an hour.
_LIFETIME = 600.0


class AccessToken:
    """The token of the moment. Nothing of it is written anywhere."""

    def __init__(self, settings: ImapSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._refresh = settings.refresh_token
        self._token = ""
        self._until = 0.0
        # Folders sign in at once, and a refresh token that is used twice may be taken back.
        self._one_at_a_time = asyncio.Lock()

    def forget(self) -> None:
        """The server did not like it: ask for another one next time."""
        self._until = 0.0

    async def get(self) -> str:
        """A token that is valid now. Raises Refused when the endpoint says no, else ImapError."""
        if not self._refresh:
            return self._settings.access_token
        async with self._one_at_a_time:
            now = self._world.clock.now()
            if now >= self._until - _MARGIN:
                await self._make(now)
            return self._token

    async def _make(self, now: float) -> None:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._refresh,
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        try:
            response = await self._world.http.request(
                "POST",
                self._settings.token_url,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode({name: text for name, text in form.items() if text}).encode(),
            )
        except HttpFailure as error:
            raise ImapError("the token endpoint cannot be reached") from error
        answer = json_object(response)
        token = answer.get("access_token")
        if response.status in {400, 401, 403}:
            why = json.dumps(answer.get("error", response.status))[:60]
            raise Refused("the refresh token", why, "AUTHENTICATIONFAILED")
        if response.status != 200 or not isinstance(token, str) or not token:
            raise ImapError(f"the token endpoint answers HTTP {response.status} without a token")
        lifetime = answer.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) else _LIFETIME
        self._token, self._until = token, now + seconds
        # Some providers hand out a new one each time; the one in the settings stays valid for weeks.
        if isinstance(answer.get("refresh_token"), str):
            self._refresh = answer["refresh_token"] or self._refresh
