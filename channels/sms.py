"""SMS and MMS through Twilio Programmable Messaging.

In: `POST /in/sms/{account}` for messages, `/in/sms/{account}/status` for status callbacks. Twilio gives
a webhook up quickly, so every few minutes its list of messages is compared with what came (`poll`).
Out: the Messages resource of the REST API of 2010-04-01. Twilio offers no idempotency key, so a send
whose outcome is unknown is looked up (`find_sent`) before anything is repeated.
docs/channels/sms.md says how to set an account up and what each answer of Twilio leads to.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlencode

from channels import _twilio
from channels._answer import json_object, retry_after
from channels._signing import LiveSecrets
from channels._sms_settings import SmsSettings
from channels._twilio_errors import failure_of
from channels._twilio_history import SETTLE, Place, could_be, read_fate, read_listed, sent_of
from channels._twilio_messages import MEDIA_LIMIT, read_form, read_message, read_status
from channels._twilio_rest import TwilioRest
from gateway.domain.channel import (
    Batch,
    Capabilities,
    ChannelEvent,
    Health,
    HttpReply,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import (
    DeliveryError,
    Failure,
    HttpFailure,
    ParseError,
    SettingsError,
)
from gateway.domain.model import JSON, Attachment
from gateway.domain.segments import segments
from gateway.domain.world import World

__all__ = ["SmsSettings", "TwilioSms"]

#: twilio.com/docs/messaging/api/message-resource: longer bodies are refused with 21617.
TEXT_LIMIT = 1600
#: twilio.com/docs/usage/twilios-response: the largest page of a list.
_PAGE_SIZE = 1000
#: Twenty thousand messages to one number since the send: more is no customer, and no proof either.
_PAGE_LIMIT = 20
#: Seconds between two looks at the list, at least: it costs a request for each number and direction.
_LEAST_PAUSE = 30.0

_NO_ANSWER = HttpReply(
    200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8"
)


class TwilioSms:
    """The channel of one Twilio account."""

    kind: ClassVar[str] = "sms"
    Settings: ClassVar[type[Any]] = SmsSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="phone",
        form="short",
        text_limit=TEXT_LIMIT,
        send_safety="listable",
        receipts=True,
        secrets=("auth_token", "auth_token_previous", "shared_keys", "api_secret"),
    )

    def __init__(self, settings: SmsSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._tokens = LiveSecrets.rotating(settings.auth_token, settings.auth_token_previous)
        self._shared_keys = LiveSecrets.named(settings.shared_keys)
        self._api = TwilioRest(
            settings.base_url,
            settings.account_sid,
            settings.auth_token,
            settings.api_key,
            settings.api_secret,
            world.http,
        )
        self._numbers = settings.numbers or tuple(filter(None, [settings.from_number]))
        #: Below 0: never.
        self.poll_interval = (
            settings.reconcile_seconds if self._numbers and settings.reconcile_seconds else -1.0
        )

    @classmethod
    def from_account(cls, settings: SmsSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError` for a combination that cannot work."""
        at = f"accounts.{world.account_id}"
        if not settings.auth_token:
            raise SettingsError("must not be empty", key=f"{at}.auth_token")
        if settings.from_number and settings.messaging_service_sid:
            raise SettingsError("set this or messaging_service_sid", key=f"{at}.from_number")
        if bool(settings.api_key) != bool(settings.api_secret):
            raise SettingsError("api_key and api_secret go together", key=f"{at}.api_key")
        if settings.reconcile_seconds and not settings.reconcile_seconds >= _LEAST_PAUSE:
            least = f"must be 0, or {_LEAST_PAUSE:.0f} and more"
            raise SettingsError(least, key=f"{at}.reconcile_seconds")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Both signature schemes, over the raw bytes. Raises `BadSignature`."""
        url = _twilio.signed_url(request, self._world.public_url, self._settings.public_url)
        return _twilio.verify(request, url, self._tokens, self._shared_keys)

    def parse(self, request: HttpRequest) -> Parsed:
        """A message or a status callback. Raises `ParseError`."""
        form = read_form(request.body)
        match request.path:
            case "":
                words = self._settings.opt_out_words
                return Parsed((read_message(form, words),), _NO_ANSWER)
            case "status":
                return Parsed(read_status(form), _NO_ANSWER)
            case path:
                raise ParseError(f"no such webhook of an SMS account: {path[:40]!r}")

    def _public_url(self) -> str:
        return (self._settings.public_url or self._world.public_url).rstrip("/")

    # ------------------------------------------------------------ in, where no webhook came

    async def poll(self, cursor: JSON, hint: str = "") -> Batch:  # noqa: ARG002 - part of the contract
        """One page of Twilio's list: customers' messages to our numbers, and what became of ours. What a
        webhook has told already is the same event and is stored once. The first time nothing is taken:
        what came before this account was set up is somebody else's. Raises `DeliveryError`."""
        if self.poll_interval < 0:
            return Batch((), cursor)
        settled = self._world.clock.now() - SETTLE
        place = Place.of(cursor)
        if place is None:
            return Batch((), Place(settled).stored())
        place = place.begun(settled, len(self._numbers))
        path = place.page or f"{self._api.path('Messages.json')}?{place.query(self._numbers)}"
        listed, page = await self._api.page(path)
        events: list[ChannelEvent] = []
        for message in filter(place.wants, listed):
            try:
                events += await self._listed(message)
            except ParseError as error:
                # One that cannot be read must not hold up all that come after it.
                self._world.log.warning("listed message skipped", why=str(error))
        after = place.after(page, self._numbers)
        return Batch(tuple(events), after.stored(), more=bool(after.upto))

    async def _listed(self, message: Mapping[str, Any]) -> Sequence[ChannelEvent]:
        if message.get("direction") == "outbound-api":
            return read_fate(message)
        if message.get("direction") != "inbound" or message.get("status") != "received":
            return ()
        media: list[dict[str, str]] = []
        if str(message.get("num_media") or "0") != "0":
            path = self._api.path(f"Messages/{quote(str(message.get('sid')), safe='')}/Media.json")
            files, _ = await self._api.page(path, "media_list")
            for file in files[:MEDIA_LIMIT]:
                url = str(file.get("uri", "")).removesuffix(".json")
                content_type = str(file.get("content_type") or "")
                media.append(
                    {"url": self._api.base_url.rstrip("/") + url, "content_type": content_type}
                )
        return (read_listed(message, media, self._settings.opt_out_words),)

    async def fetch(self, attachment: Attachment) -> bytes:
        """A picture that a customer sent, by its `url`. Raises `DeliveryError`."""
        return await self._api.file(attachment.url)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:
        """Create one message. Raises `DeliveryError`; never repeats by itself."""
        if len(outbound.text) > TEXT_LIMIT:
            raise DeliveryError(
                Failure.REJECTED,
                f"{len(outbound.text)} characters, an SMS takes {TEXT_LIMIT}",
                provider_code="21617",
            )
        if outbound.attachments:
            raise DeliveryError(Failure.REJECTED, "attachments cannot be sent as SMS")
        try:
            response = await self._api.call(
                "POST", self._api.path("Messages.json"), self._form(outbound)
            )
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from Twilio") from error
        answer = json_object(response)
        if not 200 <= response.status < 300:
            raise failure_of(response.status, answer.get("code"), retry_after(response))
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            # Something took the request and answered 2xx; whether a message came of it is open.
            raise DeliveryError(Failure.UNKNOWN, f"HTTP {response.status} without a message sid")
        if str(answer.get("status")) in {"failed", "undelivered", "canceled"}:
            raise failure_of(400, answer.get("error_code"), None)
        return sent_of(answer, parts=segments(outbound.text).parts)

    async def find_sent(self, outbound: Outbound, since: float) -> Sequence[Sent]:
        """Every message Twilio made through the API for this recipient since then whose body could
        be ours.

        The whole list to the recipient is read, without Twilio's DateSent filter: a message that is
        still queued has no such date, and to miss it here would send it twice. Bodies are compared
        without punctuation and case, since a messaging service may replace characters.

        Raises `DeliveryError` when Twilio cannot be asked, or when there are too many to read.
        """
        found: list[Sent] = []
        query = urlencode({"To": outbound.to, "PageSize": _PAGE_SIZE})
        path = f"{self._api.path('Messages.json')}?{query}"
        for _ in range(_PAGE_LIMIT):
            listed, path = await self._api.page(path)
            found += [sent_of(one) for one in listed if could_be(one, outbound.text, since)]
            if not path:
                return found
        raise DeliveryError(Failure.RETRY, "too many messages to this number to look through")

    async def health(self) -> Health:
        """Fetch the account; with an API key, also try the key on the list of messages."""
        try:
            account = f"{self._api.path().removesuffix('/')}.json"
            response = await self._api.call("GET", account, token=True)
            if response.status != 200:
                return Health(False, f"Twilio answers HTTP {response.status} for the account")
            status = str(json_object(response).get("status", "unknown"))
            if status != "active":
                return Health(False, f"the account is {status[:20]}")
            if self._settings.api_key:
                response = await self._api.call("GET", self._api.path("Messages.json?PageSize=1"))
                if response.status != 200:
                    return Health(False, f"the API key is refused: HTTP {response.status}")
        except HttpFailure as error:
            return Health(False, f"Twilio cannot be reached: {error}")
        return Health(True, "the account is active")

    def _form(self, outbound: Outbound) -> bytes:
        fields = {"To": outbound.to, "Body": outbound.text}
        # Who wrote to one of our numbers is answered from that number.
        if sender := outbound.reply_to.get("to") or self._settings.from_number:
            fields["From"] = str(sender)
        elif self._settings.messaging_service_sid:
            fields["MessagingServiceSid"] = self._settings.messaging_service_sid
        else:
            raise DeliveryError(Failure.MISCONFIGURED, "no from_number, no messaging_service_sid")
        if self._settings.status_callback:
            fields["StatusCallback"] = (
                f"{self._public_url()}/in/{self.kind}/{self._world.account_id}/status"
            )
        return urlencode(fields).encode()
