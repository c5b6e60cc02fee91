"""A hotline at another operator, as its calls are told by webhook: a 400 number, a call centre of one's own.

In: `POST /in/hotline_events/{account}`. A missed call is a wish to be called back, a voice message a message with
its recording; what was answered needs nobody. Out: a text after the call (挂机短信), where the operator sends
one; nothing can be said on the line. docs/channels/hotline_events.md is the protocol.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from channels import _signed_call
from channels._answer import json_object, retry_after
from channels._fetching import not_fetched
from channels._hotline_calls import CHINESE, ENGLISH, Calls
from channels._json_fields import objects, read_object
from channels._secret import secret_field
from channels._signing import LiveSecrets
from gateway.domain.channel import (
    Capabilities,
    HttpReply,
    HttpRequest,
    Inbound,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import DeliveryError, Failure, HttpFailure, ParseError, SettingsError
from gateway.domain.model import JSON, Attachment, Visibility
from gateway.domain.world import World

_JSON = "application/json"
_BATCH_LIMIT = 500
#: Events of a call that nobody has to do anything about.
_NO_MATTER = frozenset({"ringing", "answered", "ended"})
#: An hour of speech at 64 kbit/s.
_RECORDING_SECONDS, _RECORDING_BYTES = 60.0, 32 << 20


@dataclass(frozen=True)
class HotlineEventsSettings:
    """One hotline at an operator."""

    secret: str = field(
        repr=False,
        metadata={
            "help": "Secret with which the operator signs its calls; 32 random characters are good",
            "example": "env:HOTLINE_SECRET",
            "secret": True,
        },
    )
    secret_previous: str = secret_field(
        "The secret before it, accepted while secrets are rotated", "env:HOTLINE_SECRET_OLD"
    )
    language: str = field(
        default="",
        metadata={
            "help": "Language of every caller, zh-CN or en; empty: by the country of the number",
            "example": "zh-CN",
        },
    )
    text_url: str = field(
        default="",
        metadata={
            "help": "Where texts to callers are posted, where the operator sends them as SMS",
            "example": "https://hotline.operator.example/texts",
        },
    )
    text_secret: str = secret_field(
        "Secret with which we sign these; not the same as `secret`", "env:HOTLINE_TEXT_SECRET"
    )
    recording_hosts: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Hosts from which recordings are fetched; without any they stay at the operator",
            "example": ["recordings.operator.example"],
        },
    )
    recording_token: str = secret_field(
        "Bearer token for the recordings, where the operator wants one",
        "env:HOTLINE_RECORDING_TOKEN",
    )


class HotlineEvents:
    """The channel of one hotline."""

    kind: ClassVar[str] = "hotline_events"
    Settings: ClassVar[type[Any]] = HotlineEventsSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="phone",
        form="short",
        text_limit=500,
        send_safety="key",
        secrets=("secret", "secret_previous", "text_secret", "recording_token"),
    )

    def __init__(self, settings: HotlineEventsSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._secrets = LiveSecrets.rotating(settings.secret, settings.secret_previous)
        self._calls = Calls(settings.language, written_to=bool(settings.text_url))
        if not settings.text_url:
            # Nobody is offered a way to write that leads nowhere.
            self.capabilities = replace(  # type: ignore[misc]  # shadows the ClassVar on purpose
                type(self).capabilities, form="voice"
            )

    @classmethod
    def from_account(cls, settings: HotlineEventsSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError` for a combination that cannot work."""
        at = f"accounts.{world.account_id}"
        if not settings.secret:
            raise SettingsError("must not be empty", key=f"{at}.secret")
        if bool(settings.text_url) != bool(settings.text_secret):
            raise SettingsError("text_url and text_secret go together", key=f"{at}.text_url")
        if settings.text_secret and settings.text_secret in (
            settings.secret,
            settings.secret_previous,
        ):
            # Whoever sees one of our calls could send it back to us as theirs.
            raise SettingsError("must not be the same as `secret`", key=f"{at}.text_secret")
        if settings.language not in {"", CHINESE, ENGLISH}:
            raise SettingsError(f"must be {CHINESE}, {ENGLISH} or empty", key=f"{at}.language")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """The signature over time, nonce and body. Raises `BadSignature`."""
        return _signed_call.verify(request, self._secrets)

    def parse(self, request: HttpRequest) -> Parsed:
        """The events of one call of theirs, one or a list of them. Raises `ParseError`."""
        if request.path:
            raise ParseError(f"no such webhook of a hotline account: {request.path[:40]!r}")
        body = read_object(request.body)
        entries = objects(body, "events") if "events" in body else [body]
        if len(entries) > _BATCH_LIMIT:
            raise ParseError(f"more than {_BATCH_LIMIT} events in one call")
        found: list[Inbound] = []
        skipped: Counter[str] = Counter()
        for number, entry in enumerate(entries):
            event = self._calls.read(entry, f"events[{number}]." if "events" in body else "")
            if event is None:
                kind = str(entry.get("event"))
                skipped[kind if kind in _NO_MATTER or kind == "missed" else "unknown"] += 1
            elif all(event.external_id != other.external_id for other in found):
                found.append(event)
        if skipped:
            self._world.log.info("events skipped", kinds=dict(skipped))
        return Parsed(tuple(found), HttpReply(200, b'{"code":"OK"}', _JSON))

    async def fetch(self, attachment: Attachment) -> bytes:
        """A recording, from the configured hosts alone. Raises `DeliveryError`."""
        if not self._is_recording(attachment.url):
            raise DeliveryError(Failure.REJECTED, "the recording's host is not in recording_hosts")
        token = self._settings.recording_token
        try:
            response = await self._world.http.request(
                "GET",
                attachment.url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=_RECORDING_SECONDS,
                limit=_RECORDING_BYTES,
            )
        except HttpFailure as error:
            raise not_fetched(error, "the operator") from error
        if response.status == 200:
            return response.body
        detail = f"no recording from the operator: HTTP {response.status}"
        if response.status in {404, 410}:
            raise DeliveryError(Failure.REJECTED, detail)
        refused = response.status in {401, 403}
        raise DeliveryError(Failure.MISCONFIGURED if refused else Failure.RETRY, detail)

    def _is_recording(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme == "https" and parts.netloc in self._settings.recording_hosts

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Have the operator send a text to the caller. Raises `DeliveryError`."""
        settings = self._settings
        if not settings.text_url:
            raise DeliveryError(
                Failure.REJECTED, "the call is over, and this account has no text_url"
            )
        length = self.capabilities.text.measure(outbound.text)
        if length > self.capabilities.text_limit:
            why = f"{length} characters, a text takes {self.capabilities.text_limit}"
            raise DeliveryError(Failure.REJECTED, why)
        if outbound.attachments or outbound.visibility is Visibility.PUBLIC:
            raise DeliveryError(Failure.REJECTED, "only a private text can be sent to a caller")
        form: dict[str, JSON] = {"id": outbound.id, "to": outbound.to, "text": outbound.text}
        if called := outbound.reply_to.get("called"):
            form["called"] = called
        try:
            return await self._post(form)
        except HttpFailure as error:
            # Safe to repeat under its id; the difference is for whoever reads the log.
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from text_url") from error

    async def _post(self, form: Mapping[str, JSON]) -> Sent:
        body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()
        key, world = self._settings.text_secret.encode(), self._world
        headers = _signed_call.signed(key, body, world.clock.now(), world.ids.new())
        response = await world.http.request(
            "POST", self._settings.text_url, headers={**headers, "Content-Type": _JSON}, body=body
        )
        if 200 <= response.status < 300 or response.status == 409:
            # 409: it had this id before, so an earlier try went through.
            theirs = json_object(response).get("id")
            return Sent(theirs if isinstance(theirs, str) and theirs else str(form["id"]))
        raise DeliveryError(
            _failure_of(response.status),
            f"text_url answers HTTP {response.status}",
            retry_after=retry_after(response),
            provider_code=str(response.status),
        )


def _failure_of(status: int) -> Failure:
    if status == 429:
        return Failure.THROTTLED
    if status in {401, 403, 404, 405} or status < 400:
        # A redirect is not followed: the body would go, signed, to somebody else.
        return Failure.MISCONFIGURED
    if status >= 500 or status in {408, 425}:
        # Even if the message was taken, the id makes a second one harmless.
        return Failure.RETRY
    return Failure.REJECTED
