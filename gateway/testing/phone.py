"""A telephone, and Twilio between it and the gateway: it executes TwiML as Twilio does.

    phone = Phone(url=f"{gateway}/in/voice/main", token="…")
    call = await phone.call(Keys("1"), Says("my top-up is missing"), Keys("1"))
    assert "It arrives within a day." in call.heard

The caller does one thing at each point where the hotline listens, and hangs up where nothing more is said.
Each request is signed by the official library. A document that Twilio would refuse ends in the fallback
address, and in `TwimlRefused` where there is none.

Sources: twilio.com/docs/voice/twiml and its pages gather, say, record, redirect, dial, number and hangup.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import ProxyHandler, Request, build_opener
from xml.etree import ElementTree as ET

from twilio.request_validator import RequestValidator

#: Seconds that Twilio waits for a document.
TIMEOUT = 15.0
#: Characters of one <Say>, and bytes of one document.
SAY_LIMIT, DOCUMENT_LIMIT = 4096, 64 * 1024
#: Documents in one call: more is a circle.
MOST_DOCUMENTS = 200

_NUMBERS = itertools.count(1)


class TwimlRefused(AssertionError):
    """What came back is nothing that Twilio executes: the caller hears an error and is cut off."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys pressed at once."""

    keys: str
    gone: bool = False
    """The caller hangs up right behind it, before the answer."""


@dataclass(frozen=True, slots=True)
class Says:
    """Words, at a question or after the tone."""

    words: str
    gone: bool = False
    seconds: int = 7


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing, until the hotline goes on."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The end."""


Act = Keys | Says | Silent | HangUp
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Address, headers and body of a request → status and body."""


@dataclass(slots=True)
class PhoneCall:
    """What happened in a call."""

    sid: str
    spoken: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    """Address, form and status of each, in order."""
    dialled: list[str] = field(default_factory=list)
    ended_by: str = ""
    """'caller', 'hotline' or 'error'."""
    recordings: list[str] = field(default_factory=list)

    @property
    def heard(self) -> str:
        """All that was spoken."""
        return "\n".join(self.spoken)


@dataclass(slots=True)
class Phone:
    """One telephone, and the number it calls.

    Args:
        url: what is configured for the number, "A call comes in".
        token: the account's auth token.
        status_url: "Call status changes"; '' for none.
        fallback_url: "Primary handler fails"; '' for none.
        post: sends one request; without it over HTTP.
        callees: what becomes of a <Dial>, by number: 'completed', 'busy', 'no-answer', 'failed'.
        whispered: what a called party does at the questions of its own document (<Number url>).
        machines: the called parties that are answering machines.
    """

    url: str
    token: str
    number: str = "+8613800138000"
    hotline: str = "+14155550100"
    country: str = "CN"
    account_sid: str = "AC5e000000000000000000000000000001"
    status_url: str = ""
    fallback_url: str = ""
    post: Post | None = None
    callees: Mapping[str, str] = field(default_factory=dict)
    whispered: Mapping[str, tuple[Act, ...]] = field(default_factory=dict)
    machines: frozenset[str] = frozenset()
    recordings_url: str = "https://api.twilio.com"
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further fields of every request: AnsweredBy and the like."""
    direction: str = "inbound"

    async def call(self, *acts: Act, sid: str = "") -> PhoneCall:
        """Call, and do these one after the other; then hang up. Raises `TwimlRefused`."""
        line = _Line(self, PhoneCall(sid or f"CA{next(_NUMBERS):032x}"), list(acts))
        await line.run()
        return line.call


class _Over(Exception):
    """The call has ended."""


class _Line:
    """One call on its way through documents."""

    def __init__(self, phone: Phone, call: PhoneCall, acts: list[Act]) -> None:
        self.phone, self.call, self.acts = phone, call, acts
        self.status = "in-progress"
        self.through = False
        """A document came to its end, without a hang-up: of a called party, who is put through then."""
        self._gone = False
        self._documents = 0
        self._validator = RequestValidator(phone.token)

    async def run(self) -> None:
        try:
            await self._document(self.phone.url, {})
        except _Over as over:
            self.call.ended_by = str(over)
        else:
            self.call.ended_by = "hotline"
        if self.phone.status_url:
            ended = {"CallStatus": "completed", "CallDuration": "42"}
            await self._request(self.phone.status_url, ended)

    # ------------------------------------------------------------ requests

    async def _request(self, url: str, more: Mapping[str, str]) -> tuple[int, bytes]:
        phone = self.phone
        if "RecordingStatus" in more:  # these news do not say who called
            whose = {"AccountSid": phone.account_sid, "CallSid": self.call.sid}
            return await self._posted(url, {**whose, "RecordingSource": "RecordVerb", **more})
        theirs, ours = ("From", "To") if phone.direction == "inbound" else ("To", "From")
        form = {
            "AccountSid": phone.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.call.sid,
            "CallStatus": self.status,
            "Direction": phone.direction,
            theirs: phone.number,
            ours: phone.hotline,
            f"{theirs}Country": phone.country,
            **phone.fields,
            **more,
        }
        return await self._posted(url, form)

    async def _posted(self, url: str, form: dict[str, str]) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": self._validator.compute_signature(url, form),
        }
        send = self.phone.post or _post
        try:
            async with asyncio.timeout(TIMEOUT):
                status, body = await send(url, headers, urlencode(form).encode())
        except (TimeoutError, OSError, HTTPException):
            status, body = 0, b""
        self.call.requests.append((url, form, status))
        return status, body

    async def _document(self, url: str, more: Mapping[str, str]) -> None:
        """Fetch a document and execute it; raises `_Over` when the call ends in it."""
        self._documents += 1
        if self._documents > MOST_DOCUMENTS:
            raise TwimlRefused("the call goes round in a circle")
        status, body = await self._request(url, more)
        if self._gone:
            raise _Over("caller")  # nobody is there to hear the answer
        try:
            verbs = _read(status, body)
        except TwimlRefused as refused:
            if not self.phone.fallback_url or "ErrorUrl" in more:
                self.call.ended_by = "error"
                raise
            told = {"ErrorCode": "11200", "ErrorUrl": url, "ErrorMessage": str(refused)}
            await self._document(self.phone.fallback_url, told)
            raise _Over("hotline") from refused
        for verb in verbs:
            await self._verb(verb, url)
        self.through = True
        raise _Over("hotline")

    # ------------------------------------------------------------ verbs

    async def _verb(self, verb: ET.Element, url: str) -> None:
        match verb.tag:
            case "Say" | "Play" | "Pause":
                self._speak(verb)
            case "Gather":
                await self._gather(verb, url)
            case "Record":
                await self._record(verb, url)
            case "Redirect":
                await self._document(urljoin(url, (verb.text or "").strip()), {})
            case "Dial":
                await self._dial(verb, url)
            case "Hangup" | "Reject":
                raise _Over("hotline")
            case other:
                raise TwimlRefused(f"this telephone does not know <{other}>")

    def _speak(self, verb: ET.Element) -> None:
        text = (verb.text or "").strip()
        if verb.tag == "Say":
            if not text or len(text) > SAY_LIMIT:
                raise TwimlRefused(f"a <Say> of {len(text)} characters")
            language = verb.get("language", "en-US")
            if "-" not in language:
                raise TwimlRefused(f"a <Say> in {language!r}, which names no region")
            self.call.spoken.append(text)

    def _next(self) -> Act:
        return self.acts.pop(0) if self.acts else HangUp()

    async def _gather(self, verb: ET.Element, url: str) -> None:
        for inside in verb:
            if inside.tag not in ("Say", "Play", "Pause"):
                raise TwimlRefused(f"<{inside.tag}> within <Gather>")
            self._speak(inside)
        inputs = verb.get("input", "dtmf").split()
        if not set(inputs) <= {"dtmf", "speech"}:
            raise TwimlRefused(f"a <Gather> of {inputs}")
        if "speech" in inputs and "-" not in verb.get("language", "en-US"):
            raise TwimlRefused("a <Gather> whose language names no region (13512)")
        act, told = self._next(), {}
        if isinstance(act, HangUp):
            raise _Over("caller")
        if isinstance(act, Keys) and "dtmf" in inputs:
            keys, finish = act.keys, verb.get("finishOnKey", "#")
            ends = [at for at, key in enumerate(keys) if key in finish] if finish else []
            keys = keys[: min(ends)] if ends else keys
            told = {"Digits": keys[: int(verb.get("numDigits", "64"))]}
        elif isinstance(act, Says) and "speech" in inputs:
            told = {"SpeechResult": act.words, "Confidence": "0.91"}
        empty = not any(told.values())
        if empty and verb.get("actionOnEmptyResult", "false") != "true":
            return
        self._gone = isinstance(act, Keys | Says) and act.gone
        await self._document(urljoin(url, verb.get("action", url)), told or {"Digits": ""})

    async def _record(self, verb: ET.Element, url: str) -> None:
        act = self._next()
        sid = f"RE{next(_NUMBERS):032x}"
        where = f"{self.phone.recordings_url}/2010-04-01/Accounts/{self.phone.account_sid}"
        news = verb.get("recordingStatusCallback", "")
        events = verb.get("recordingStatusCallbackEvent", "completed").split()
        told = {"RecordingSid": sid}
        if not isinstance(act, Says):
            if isinstance(act, HangUp):
                self.status = "completed"
            if news and "absent" in events:
                await self._request(urljoin(url, news), {**told, "RecordingStatus": "absent"})
            if isinstance(act, HangUp):
                raise _Over("caller")
            return  # without a sound Twilio goes on with the next verb
        seconds = min(act.seconds, int(verb.get("maxLength", "3600")))
        told |= {"RecordingUrl": f"{where}/Recordings/{sid}", "RecordingDuration": str(seconds)}
        self.call.recordings.append(told["RecordingUrl"])
        if act.gone:
            # Told of a call that is over already.
            self._gone, self.status = True, "completed"
        try:
            digits = {"Digits": "hangup" if act.gone else "#"}
            await self._document(urljoin(url, verb.get("action", url)), {**told, **digits})
        finally:
            if news and "completed" in events:
                await self._request(urljoin(url, news), {**told, "RecordingStatus": "completed"})

    async def _dial(self, verb: ET.Element, url: str) -> None:
        number = verb.find("Number")
        called = ((verb.text if number is None else number.text) or "").strip()
        self.call.dialled.append(called)
        status, bridged = self.phone.callees.get(called, "completed"), True
        sid = f"CA{next(_NUMBERS):032x}"
        if number is not None:
            await self._progress(number, url, sid, called, status)
        if status == "completed" and number is not None and number.get("url"):
            bridged = await self._whisper(urljoin(url, number.get("url", "")), called, sid)
        told = {"DialCallStatus": status, "DialCallSid": sid}
        if status == "completed":
            told |= {"DialCallDuration": "60", "DialBridged": str(bridged).lower()}
        if verb.get("action"):
            await self._document(urljoin(url, verb.get("action", "")), told)

    async def _progress(
        self, number: ET.Element, url: str, sid: str, called: str, status: str
    ) -> None:
        """The news of the called party that the document asks for."""
        child = {"CallSid": sid, "ParentCallSid": self.call.sid, "Direction": "outbound-dial"}
        child |= {"From": self.phone.hotline, "To": called}
        seen = [
            "initiated",
            "ringing",
            *(["answered"] if status == "completed" else []),
            "completed",
        ]
        named = {"answered": "in-progress", "completed": status}
        wanted = number.get("statusCallbackEvent", "completed").split()
        if news := number.get("statusCallback", ""):
            for event in filter(wanted.__contains__, seen):
                await self._request(
                    urljoin(url, news), {**child, "CallStatus": named.get(event, event)}
                )
        if status == "completed" and (found := number.get("amdStatusCallback", "")):
            by = "machine_start" if called in self.phone.machines else "human"
            await self._request(urljoin(url, found), {**child, "AnsweredBy": by})

    async def _whisper(self, url: str, called: str, sid: str) -> bool:
        """The document that the called party hears first; whether the two are put through."""
        own = replace(self.phone, url=url, number=called, direction="outbound-dial", status_url="")
        line = _Line(own, PhoneCall(sid), list(self.phone.whispered.get(called, ())))
        await line.run()
        self.call.spoken += line.call.spoken
        self.call.requests += line.call.requests
        return line.through


def _read(status: int, body: bytes) -> list[ET.Element]:
    """The verbs of a document. Raises `TwimlRefused`."""
    if not 200 <= status < 300:
        raise TwimlRefused(f"HTTP {status} instead of a document")
    if len(body) > DOCUMENT_LIMIT:
        raise TwimlRefused(f"a document of {len(body)} bytes")
    try:
        root = ET.fromstring(body)  # noqa: S314 - what the code under test wrote
    except ET.ParseError as error:
        raise TwimlRefused(f"no XML: {error}") from error
    if root.tag != "Response":
        raise TwimlRefused(f"a document of <{root.tag}>")
    return list(root)


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    return await asyncio.to_thread(_posted, url, headers, body)


def _posted(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    # Not aiohttp's client: it spells addresses anew, and these are signed letter by letter.
    request = Request(url, body, dict(headers), method="POST")  # noqa: S310 - the test's own address
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()
