"""LINE, through the Messaging API of an official account.

In: `POST /in/line/{account}`. Out: a *reply* while the customer's message is fresh, which is free, else
a *push*, which counts against the month's quota. A push carries a retry key, under which LINE takes it
once, however often it comes; a reply has none. So a push is repeated until LINE says that it has it,
and a reply whose outcome is unknown waits for a person: to push the same text could send it twice.
docs/channels/line.md says how to set an account up and what each answer of LINE leads to.
"""

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from channels._answer import json_object
from channels._json_fields import objects, read_object, text
from channels._line_api import MessagingApi
from channels._line_errors import failure_of
from channels._line_events import FILE_SCHEME, read_event
from channels._secret import secret_field
from channels._signing import LiveSecrets, as_bytes, digest
from gateway.domain.channel import (
    Capabilities,
    Health,
    HttpRequest,
    Inbound,
    Outbound,
    Parsed,
    Sent,
    Unsent,
    Verified,
)
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    HttpFailure,
    ParseError,
    SettingsError,
)
from gateway.domain.model import Attachment, Visibility
from gateway.domain.world import HttpResponse, World

#: developers.line.biz/en/reference/messaging-api/#text-message; counted in UTF-16, says
#: developers.line.biz/en/docs/messaging-api/text-character-count.
TEXT_LIMIT = 5000
#: developers.line.biz/en/docs/messaging-api/retrying-api-request: a retry key is good for 24 hours
#: after its first request; an hour is left for clocks and for the request itself.
KEY_SECONDS = 23 * 3600.0
#: Of the retry keys: one message, one key, in every process.
_NAMESPACE = UUID("5b0f3c52-7a0e-4d0c-9f0e-3f4f6f1c2a77")
_HEADER = "X-Line-Signature"
#: Refusals after which the next try may be days away.
_LASTING = frozenset({Failure.WINDOW_CLOSED, Failure.MISCONFIGURED})


@dataclass(frozen=True)
class LineSettings:
    """One official account's Messaging API channel."""

    channel_secret: str = field(
        repr=False,
        metadata={
            "help": "Channel secret, from the LINE Developers console; signs webhooks",
            "example": "env:LINE_CHANNEL_SECRET",
            "secret": True,
        },
    )
    access_token: str = field(
        repr=False,
        metadata={
            "help": "Long-lived channel access token, for sending",
            "example": "env:LINE_ACCESS_TOKEN",
            "secret": True,
        },
    )
    channel_secret_previous: str = secret_field(
        "The channel secret before it, accepted while secrets are rotated",
        "env:LINE_CHANNEL_SECRET_OLD",
    )
    bot_user_id: str = field(
        default="",
        metadata={
            "help": "The account's own user id; calls for another one are not taken",
            "example": "U0123456789abcdef0123456789abcdef",
        },
    )
    base_url: str = field(
        default="https://api.line.me",
        metadata={"help": "Address of the API", "example": "https://api.line.me"},
    )
    data_url: str = field(
        default="https://api-data.line.me",
        metadata={
            "help": "Address from which pictures and files are fetched",
            "example": "https://api-data.line.me",
        },
    )


class Line:
    """The channel of one official account."""

    kind: ClassVar[str] = "line"
    Settings: ClassVar[type[Any]] = LineSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="line",
        form="short",
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        # For replies. A push is never in doubt: it is repeated under its key, and only a reply is
        # marked `begun`, so that what a crash leaves of a push is repeated as well.
        send_safety="blind",
        begins_itself=True,
        threading="reply",
        secrets=("channel_secret", "channel_secret_previous", "access_token"),
    )

    def __init__(self, settings: LineSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._api = MessagingApi(
            settings.base_url, settings.data_url, settings.access_token, world.http
        )
        self._secrets = LiveSecrets.rotating(
            settings.channel_secret, settings.channel_secret_previous
        )

    @classmethod
    def from_account(cls, settings: LineSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError`."""
        for name in ("channel_secret", "access_token"):
            if not getattr(settings, name):
                raise SettingsError("must not be empty", key=f"accounts.{world.account_id}.{name}")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Base64 of the HMAC-SHA256 of the body with the channel secret
        (developers.line.biz/en/docs/messaging-api/verify-webhook-signature). Raises `BadSignature`."""
        given = as_bytes(request.headers.get(_HEADER.lower(), ""))
        name = self._secrets.matching(
            [given], lambda secret: (base64.b64encode(digest(secret, request.body)),)
        )
        if not name:
            raise BadSignature(f"{_HEADER} does not fit the body" if given else f"no {_HEADER}")
        return Verified("line-hmac-sha256", name)

    def parse(self, request: HttpRequest) -> Parsed:
        """The events of one call; none where LINE only tries the address. Raises `ParseError`."""
        if request.path:
            raise ParseError(f"no such webhook of a LINE account: {request.path[:40]!r}")
        body = read_object(request.body)
        entries = objects(body, "events")
        ours = self._settings.bot_user_id
        if ours and text(body, "destination") != ours:
            self._world.log.warning("events of another account skipped", count=len(entries))
            return Parsed(())
        found: list[Inbound | Unsent] = []
        skipped: Counter[str] = Counter()
        for number, entry in enumerate(entries):
            event = read_event(entry, request.received_at, f"events[{number}].")
            if event is None:
                skipped[str(entry.get("type"))[:20]] += 1
            else:
                found.append(event)
        if skipped:
            self._world.log.info("events skipped", kinds=dict(skipped))
        return Parsed(tuple(found))

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Reply, or push. Raises `DeliveryError`; never repeats by itself."""
        length = self.capabilities.text.measure(outbound.text)
        if length > TEXT_LIMIT:
            why = f"{length} UTF-16 units, a message takes {TEXT_LIMIT}"
            raise DeliveryError(Failure.REJECTED, why)
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent to LINE yet")
        if outbound.visibility is Visibility.PUBLIC:
            raise DeliveryError(Failure.REJECTED, "LINE has no public conversations")
        messages = [{"type": "text", "text": outbound.text}]
        if token := self._fresh_token(outbound):
            await outbound.begin()
            return await self._reply({"replyToken": token, "messages": messages})
        unsent = await self._surely_unsent(outbound)
        try:
            return await self._push(outbound, {"to": outbound.to, "messages": messages})
        except DeliveryError as error:
            if unsent and error.failure in _LASTING:
                await self._world.remember(_note(outbound), outbound.id)
            raise

    def _fresh_token(self, outbound: Outbound) -> str:
        """The reply token, at the first try and while it is surely good. A later try is a push: the
        token may be what was wrong with the first."""
        token, until = outbound.reply_to.get("token"), outbound.reply_to.get("until")
        if outbound.attempt > 1 or not isinstance(token, str):
            return ""
        good = isinstance(until, int | float) and self._world.clock.now() < until
        return token if good else ""

    async def _reply(self, form: Mapping[str, Any]) -> Sent:
        try:
            response = await self._api.post("/v2/bot/message/reply", form)
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from LINE to a reply") from error
        if response.status == 200 and (number := _message_id(response)):
            return Sent(number)
        raise failure_of(response)

    async def _push(self, outbound: Outbound, form: Mapping[str, Any]) -> Sent:
        headers = {"X-Line-Retry-Key": str(uuid5(_NAMESPACE, outbound.id))}
        try:
            response = await self._api.post("/v2/bot/message/push", form, headers)
        except HttpFailure as error:
            # Whether it was taken or not, the same key makes it one message.
            raise DeliveryError(Failure.RETRY, "no answer from LINE to a push") from error
        # 409: an earlier try went through, and LINE says once more as what.
        if response.status in {200, 409} and (number := _message_id(response)):
            return Sent(number)
        refusal = failure_of(response)
        if refusal.failure is Failure.UNKNOWN:
            code = refusal.provider_code
            raise DeliveryError(Failure.RETRY, refusal.detail, provider_code=code)
        raise refusal

    async def _surely_unsent(self, outbound: Outbound) -> bool:
        """Whether no earlier try can be out. Where one can, a push is safe while its key is kept, and
        later a person has to say that it may go: they have said so when it comes here once more.

        A note under the recipient says that a message may go whatever its age. It is taken away
        before the push, so that a crash leaves none. Raises `DeliveryError` (UNKNOWN).
        """
        if outbound.attempt == 1:
            return True
        if await self._world.memo(_note(outbound)) == outbound.id:
            await self._world.remember(_note(outbound), "")
            return True
        if self._world.clock.now() - outbound.created_at >= KEY_SECONDS:
            await self._world.remember(_note(outbound), outbound.id)
            raise DeliveryError(
                Failure.UNKNOWN, "tried before, and too old for its retry key: it may be out"
            )
        return False

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of an attachment that a message brought, by its `url`. LINE keeps them for a
        while only, and does not say how long. Raises `DeliveryError`."""
        if not attachment.url.startswith(FILE_SCHEME):
            raise DeliveryError(Failure.REJECTED, "not a file at LINE")
        return await self._api.file(attachment.url.removeprefix(FILE_SCHEME))

    async def health(self) -> Health:
        """Ask for the webhook's address and what is left of the month's pushes."""
        try:
            webhook = await self._api.ask("/v2/bot/channel/webhook/endpoint")
            quota = await self._api.ask("/v2/bot/message/quota")
            used = (await self._api.ask("/v2/bot/message/quota/consumption")).get("totalUsage")
        except DeliveryError as error:
            return Health(False, error.detail)
        ours = f"{self._world.public_url.rstrip('/')}/in/{self.kind}/{self._world.account_id}"
        if webhook.get("endpoint") != ours:
            return Health(False, f"the webhook is not {ours}")
        if webhook.get("active") is not True:
            return Health(False, "the webhook is switched off in the LINE Developers console")
        limit = quota.get("value") if quota.get("type") == "limited" else None
        if isinstance(limit, int) and isinstance(used, int) and used >= limit:
            return Health(False, f"all {limit} push messages of this month are used up")
        return Health(True, f"{used} push messages this month, of {limit or 'any number'}")


def _note(outbound: Outbound) -> str:
    """One for each recipient is enough: only one message of a conversation is under way at a time."""
    return f"unkeyed:{outbound.to}"


def _message_id(response: HttpResponse) -> str:
    """LINE's id of our message, which an answer to it quotes. Where the body does not tell it, the id
    of the request that was taken: LINE puts one into every answer. '': it is none of LINE's."""
    match json_object(response).get("sentMessages"):
        case [{"id": str(found)}, *_] if found:
            return found
    for header in ("x-line-accepted-request-id", "x-line-request-id"):
        if found := response.headers.get(header, ""):
            return found
    return ""
