"""The telephone hotline through Twilio Programmable Voice.

In: `POST /in/voice/{account}` when somebody calls, `/in/voice/{account}/{step}` for each step after it.
The steps are in `_voice_steps`; where a call stands is in the addresses, which Twilio signs. Out: what is
decided while the caller listens is spoken in the answer to the step; a call that is over takes no more.
docs/channels/voice.md says how to set an account up, and every way a call can go.
"""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from channels import _twilio
from channels._answer import json_object, retry_after
from channels._signing import LiveSecrets
from channels._twilio_errors import failure_of
from channels._twilio_rest import TwilioRest
from channels._voice_call import Call, read_call
from channels._voice_dial import PREFIX, Dialling, Leg, call_refused
from channels._voice_place import Place
from channels._voice_prompts import Prompts
from channels._voice_settings import VoiceSettings
from channels._voice_steps import Steps
from channels._voice_twiml import Voices
from gateway.domain.channel import (
    CallOrder,
    Capabilities,
    Health,
    HttpReply,
    HttpRequest,
    Outbound,
    Parsed,
    Sent,
    Verified,
)
from gateway.domain.errors import DeliveryError, Failure, HttpFailure
from gateway.domain.model import Attachment
from gateway.domain.world import World

#: Twilio waits 15 s for TwiML (twilio.com/docs/usage/webhooks/webhooks-connection-overrides), a caller less.
ANSWERS_WITHIN = 8.0
#: Characters of one answer: what one <Say> takes (twilio.com/docs/voice/twiml/say).
TEXT_LIMIT = 4096


_RECORDING = re.compile(r"https?://[^/?#]+/[^?#]*/Recordings/(RE[0-9a-zA-Z]{2,32})").fullmatch


class Voice:
    """The hotline of one account: `Channel`, `Webhook`, `Responder`, `Caller`, `Fetcher`, `Probe`."""

    kind: ClassVar[str] = "voice"
    Settings: ClassVar[type[Any]] = VoiceSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="phone",
        form="voice",
        text_limit=TEXT_LIMIT,
        answers_within=ANSWERS_WITHIN,
        secrets=("auth_token", "auth_token_previous", "shared_keys", "api_secret"),
    )

    def __init__(self, settings: VoiceSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._tokens = LiveSecrets.rotating(settings.auth_token, settings.auth_token_previous)
        self._shared_keys = LiveSecrets.named(settings.shared_keys)
        self._rest = TwilioRest(
            settings.base_url,
            settings.account_sid,
            settings.auth_token,
            settings.api_key,
            settings.api_secret,
            world.http,
        )
        public = (settings.public_url or world.public_url).rstrip("/")
        voices = Voices(
            f"{public}/in/{self.kind}/{world.account_id}",
            Prompts(settings.own_prompts),
            settings.voices,
            settings.speech_languages,
            settings.hints,
            settings.record_seconds,
        )
        self._steps = Steps(voices, settings.menus, settings.language, settings.region)
        self._dialling = Dialling(
            voices, settings.from_number, settings.ring_seconds, settings.machine_detection
        )

    @classmethod
    def from_account(cls, settings: VoiceSettings, world: World) -> Self:
        """Build from checked settings. Raises `SettingsError` for a combination that cannot work."""
        settings.check(f"accounts.{world.account_id}")
        return cls(settings, world)

    # ------------------------------------------------------------ in

    def verify(self, request: HttpRequest) -> Verified:
        """Both signature schemes, over the raw bytes and the whole address. Raises `BadSignature`."""
        url = _twilio.signed_url(request, self._world.public_url, self._settings.public_url)
        return _twilio.verify(request, url, self._tokens, self._shared_keys)

    def parse(self, request: HttpRequest) -> Parsed:
        """One step of a call. Raises `ParseError`."""
        if request.path.startswith(PREFIX):
            leg = Leg.of(request.path, dict(request.query()))
            return self._dialling.parse(read_call(request.body), leg)
        return self._steps.parse(*_read(request))

    async def respond(
        self,
        request: HttpRequest,
        outcome: Sequence[Outbound],
        deadline: float,  # noqa: ARG002 - the protocol's
    ) -> HttpReply:
        """What was decided, spoken; or that it takes a moment longer. The same for a step that Twilio
        repeats."""
        return self._steps.respond(*_read(request), outcome)

    # ------------------------------------------------------------ out

    async def send(self, outbound: Outbound) -> Sent:  # noqa: ARG002 - the protocol's
        """Raises `DeliveryError` always: what a caller hears goes into the answer to a step, and who
        has hung up hears nothing. A person is told, and calls back or writes elsewhere."""
        raise DeliveryError(Failure.REJECTED, "the call is over: nothing can be said to the caller")

    async def dial(self, order: CallOrder) -> Sent:
        """Call whoever is first of the two. Raises `DeliveryError`; never repeats by itself."""
        form = self._dialling.form(order)
        try:
            response = await self._rest.call("POST", self._rest.path("Calls.json"), form)
        except HttpFailure as error:
            failure = Failure.UNKNOWN if error.sent else Failure.RETRY
            raise DeliveryError(failure, "no answer from Twilio") from error
        answer = json_object(response)
        if not 200 <= response.status < 300:
            raise call_refused(response.status, answer.get("code"), retry_after(response))
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            raise DeliveryError(Failure.UNKNOWN, f"HTTP {response.status} without a call sid")
        return Sent(sid, detail=str(answer.get("status", "")))

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes of a recording that a call brought, by its `url`: WAV where the address has no ending
        (twilio.com/docs/voice/api/recording). From Twilio's API only, since the request carries the
        account's password. Raises `DeliveryError`."""
        recording = _RECORDING(attachment.url)
        if recording is None:
            raise DeliveryError(Failure.REJECTED, "not a recording of Twilio's")
        # The step behind a recording comes before its file: a 404 for the file alone says too little.
        try:
            path = self._rest.path(f"Recordings/{recording[1]}.json")
            response = await self._rest.call("GET", path)
        except HttpFailure as error:
            raise DeliveryError(Failure.RETRY, "no answer from Twilio") from error
        answer = json_object(response)
        if response.status != 200:
            raise failure_of(response.status, answer.get("code"), retry_after(response))
        match answer.get("status"):
            case "completed":
                return await self._rest.file(attachment.url)
            case "absent" | "failed" | "deleted" as status:
                raise DeliveryError(Failure.REJECTED, f"the recording is {status}")
            case _:
                raise DeliveryError(Failure.RETRY, "the recording is not ready")

    async def health(self) -> Health:
        """Fetch the account; with an API key, also try the key on the list of calls."""
        rest = self._rest
        try:
            response = await rest.call("GET", f"{rest.path().removesuffix('/')}.json", token=True)
            if response.status != 200:
                return Health(False, f"Twilio answers HTTP {response.status} for the account")
            status = str(json_object(response).get("status", "unknown"))
            if status != "active":
                return Health(False, f"the account is {status[:20]}")
            if rest.api_key:
                response = await rest.call("GET", rest.path("Calls.json?PageSize=1"))
                if response.status != 200:
                    return Health(False, f"the API key is refused: HTTP {response.status}")
        except HttpFailure as error:
            return Health(False, f"Twilio cannot be reached: {error}")
        return Health(True, "the account is active")


def _read(request: HttpRequest) -> tuple[Call, Place]:
    """The call and where it stands. Raises `ParseError`."""
    place = Place.of(request.path, dict(request.query()))
    return read_call(request.body, place.who), place
