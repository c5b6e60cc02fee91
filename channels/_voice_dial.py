"""Callbacks over the telephone: two calls that become one, and the news of them.

Whoever is first is called by the REST API, whoever is second by `<Dial>` from within that call. An agent
presses a key before the customer is put through, so that no agent's mailbox is ever connected; a machine
that answers for the customer is found by Twilio's detection. As in `_voice_steps`, where a call stands is in
the addresses.

Sources: twilio.com/docs/voice/api/call-resource (parameters, CallStatus, AnsweredBy),
twilio.com/docs/voice/twiml/dial (DialCallStatus) and …/number (machineDetection, url).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, Self
from urllib.parse import urlencode

from channels._twilio_errors import failure_of
from channels._voice_call import Call, e164
from channels._voice_prompts import CHINESE, ENGLISH, spoken
from channels._voice_twiml import PATIENCE, TAGS, Script, Voices
from gateway.domain.channel import CallOrder, HttpReply, Parsed, Receipt
from gateway.domain.errors import DeliveryError, Failure, ParseError
from gateway.domain.model import DeliveryState

#: Steps of these calls begin with it.
PREFIX = "dial/"
_EVENTS = ("initiated", "ringing", "answered", "completed")
#: CallStatus and DialCallStatus of a call that nobody talked in → what the try led to. 'failed' is, in
#: Twilio's words, most likely a number that does not exist.
_ENDS = {
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "wrong_number",
    "canceled": "no_answer",
}
_RINGS = frozenset({"initiated", "ringing"})
#: twilio.com/docs/api/errors: what the Calls resource answers beside what messages know.
_CODES: Mapping[int, tuple[Failure, str]] = {
    10004: (Failure.THROTTLED, "too many calls at once"),
    20429: (Failure.THROTTLED, "too many requests"),
    21211: (Failure.REJECTED, "not a valid phone number"),
    21214: (Failure.REJECTED, "the number cannot be reached"),
    21215: (Failure.REJECTED, "calls to this country are not enabled in the Twilio console"),
    21216: (Failure.REJECTED, "Twilio blocks calls to this number"),
    21217: (Failure.REJECTED, "not a valid phone number"),
    21219: (Failure.REJECTED, "a trial account calls confirmed numbers only"),
    21210: (Failure.MISCONFIGURED, "from_number is not ours and not confirmed"),
    21212: (Failure.MISCONFIGURED, "from_number is not valid"),
    21205: (Failure.MISCONFIGURED, "the address of the call is not valid"),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """Where such a call stands. Every value is of letters, digits and hyphens."""

    step: str
    cb: str = ""
    attempt: str = ""
    who: str = ""
    """Digits of who is called second."""
    first: Literal["agent", "customer"] = "agent"
    lang: str = ENGLISH
    no: str = ""

    @classmethod
    def of(cls, step: str, query: Mapping[str, str]) -> Self:
        """Read what `url` wrote. Raises `ParseError`."""
        given = {one.name: query[one.name][:100] for one in fields(cls)[1:] if one.name in query}
        leg = cls(step.removeprefix(PREFIX), **given)  # type: ignore[arg-type]  # checked below
        known = leg.first in ("agent", "customer") and leg.lang in TAGS
        if not (leg.cb and leg.attempt and known and e164(f"+{leg.who}")):
            raise ParseError("the address of the step names no callback")
        return leg

    def url(self, base: str) -> str:
        """The address of this step below `base`."""
        values = {one.name: getattr(self, one.name) for one in fields(self)[1:]}
        return f"{base}/{PREFIX}{self.step}?{urlencode(values)}"


@dataclass(frozen=True, slots=True)
class Dialling:
    """The callbacks of one account."""

    voices: Voices
    from_number: str
    ring: int
    detect: bool

    def form(self, order: CallOrder) -> bytes:
        """What the Calls resource is posted. Raises `DeliveryError`."""
        if not self.from_number:
            raise DeliveryError(Failure.MISCONFIGURED, "no from_number to call from")
        if not (e164(order.customer) and e164(order.agent)):
            raise DeliveryError(Failure.REJECTED, "not two numbers in E.164")
        agent_first = order.first == "agent"
        first, second = order.agent, order.customer
        if not agent_first:
            first, second = second, first
        leg = Leg(
            "agent" if agent_first else "customer",
            order.id,
            str(order.attempt),
            second.removeprefix("+"),
            order.first,
            CHINESE if order.language.startswith("zh") else ENGLISH,
            order.number,
        )
        values = [
            ("To", first),
            ("From", self.from_number),
            ("Url", leg.url(self.voices.base)),
            ("Method", "POST"),
            ("Timeout", str(self.ring)),
            ("StatusCallback", replace(leg, step="progress").url(self.voices.base)),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", event) for event in _EVENTS),
        ]
        if self.detect:
            values.append(("MachineDetection", "Enable"))
        return urlencode(values).encode()

    def parse(self, call: Call, leg: Leg) -> Parsed:
        """A step of a callback, or news of it. Raises `ParseError`."""
        machine = call.answered_by.startswith(("machine", "fax"))
        match leg.step:
            case "agent":
                return Parsed((), self._hung_up() if machine else self._announced(leg))
            case "connect":
                if call.digits[:1] != "1":
                    return Parsed((_news(leg, "agent_no_answer"),), self._hung_up())
                return Parsed((), self._through(leg))
            case "customer":
                if machine:
                    return Parsed((_news(leg, "voicemail"),), self._hung_up())
                return Parsed((_news(leg, "answered"),), self._through(leg))
            case "whisper":
                return Parsed((), self._announced(leg))
            case "accepted":
                # An empty document puts the two through.
                taken = call.digits[:1] == "1"
                return Parsed((), Script(self.voices, leg.lang).reply if taken else self._hung_up())
            case "dialled":
                return self._dialled(call, leg)
            case "progress":
                return self._progress(call, leg)
            case "second":
                return self._second(call, leg)
            case "machine":
                return Parsed((_news(leg, "voicemail"),) if machine else ())
            case step:
                raise ParseError(f"no such step of a callback: {step[:40]!r}")

    def _announced(self, leg: Leg) -> HttpReply:
        """The agent hears what it is about, and presses a key; a mailbox does not."""
        script = Script(self.voices, leg.lang)
        step = "connect" if leg.first == "agent" else "accepted"
        heard = script.response.gather(
            input="dtmf",
            num_digits=1,
            timeout=PATIENCE,
            action=replace(leg, step=step).url(self.voices.base),
            method="POST",
            action_on_empty_result=True,
        )
        script.prompt("connect", inside=heard)
        if leg.no:
            script.prompt("number", inside=heard, number=spoken(leg.no))
        return script.reply

    def _through(self, leg: Leg) -> HttpReply:
        """Dial the second one."""
        script, base = Script(self.voices, leg.lang), self.voices.base
        customer = leg.first == "agent"
        if not customer:
            script.prompt("calling_back")
        dial = script.response.dial(
            caller_id=self.from_number,
            timeout=self.ring,
            action=replace(leg, step="dialled").url(base),
            method="POST",
            answer_on_bridge=True,
        )
        told: dict[str, str] = {}
        if customer:
            told["status_callback"] = replace(leg, step="second").url(base)
            told["status_callback_event"] = " ".join(_EVENTS)
            if self.detect:
                told["machine_detection"] = "Enable"
                told["amd_status_callback"] = replace(leg, step="machine").url(base)
        else:
            told["url"] = replace(leg, step="whisper").url(base)
        dial.number(f"+{leg.who}", **told)
        return script.reply

    def _dialled(self, call: Call, leg: Leg) -> Parsed:
        """The second one hung up, or was not reached."""
        script = Script(self.voices, leg.lang)
        if call.dialled in ("completed", "answered") and call.bridged:
            return Parsed((_news(leg, "finished"),), script.end().reply)
        if leg.first == "agent":
            outcome = _ENDS.get(call.dialled, "no_answer")
            return Parsed((_news(leg, outcome),), script.end("not_reached").reply)
        return Parsed((_news(leg, "dropped"),), script.end("no_agent", "goodbye").reply)

    def _progress(self, call: Call, leg: Leg) -> Parsed:
        """News of the first call."""
        if call.status in _RINGS and leg.first == "customer":
            return Parsed((_news(leg, "ringing"),))
        if call.status not in _ENDS:
            return Parsed(())
        outcome = "agent_no_answer" if leg.first == "agent" else _ENDS[call.status]
        return Parsed((_news(leg, outcome),))

    def _second(self, call: Call, leg: Leg) -> Parsed:
        """News of the customer's telephone, where the agent was first; its end is told by the step."""
        if call.status in _RINGS:
            return Parsed((_news(leg, "ringing"),))
        return Parsed(
            (_news(leg, "answered"),) if call.status in ("in-progress", "answered") else ()
        )

    def _hung_up(self) -> HttpReply:
        return Script(self.voices, ENGLISH).end().reply


def _news(leg: Leg, outcome: str) -> Receipt:
    states = {
        "ringing": DeliveryState.SENT,
        "answered": DeliveryState.DELIVERED,
        "finished": DeliveryState.READ,
    }
    state = states.get(outcome, DeliveryState.FAILED)
    return Receipt(f"callback:{leg.cb}:{leg.attempt}", state, code=outcome, detail=outcome)


def call_refused(status: int, code: object, retry_after: float | None) -> DeliveryError:
    """The error for an answer of the Calls resource that is no success."""
    known = _CODES.get(code) if isinstance(code, int) else None
    if known is None:
        return failure_of(status, code, retry_after)
    detail = f"{known[1]} (HTTP {status}, code {code})"
    return DeliveryError(known[0], detail, retry_after=retry_after, provider_code=str(code))
