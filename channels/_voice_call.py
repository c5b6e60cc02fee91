"""From the form fields of Twilio's voice webhooks to one value.

Sources: twilio.com/docs/voice/twiml (the fields of every call), …/gather (Digits, SpeechResult,
Confidence), …/record (RecordingUrl, RecordingDuration) and …/dial (DialCallStatus, DialCallSid).
"""

from dataclasses import dataclass

import phonenumbers

from channels._text import clean
from channels._twilio import TooManyFields, form_bytes
from gateway.domain.errors import ParseError

#: What stands in From when the caller shows no number: a word, or the word on the keys of a telephone
#: (ANONYMOUS, UNAVAILABLE, UNKNOWN, BLOCKED, RESTRICTED). As E.164 some of these look flawless.
WITHHELD = frozenset(
    {"", "anonymous", "unavailable", "unknown", "blocked", "restricted", "private", "withheld"}
    | {"+266696687", "+86282452253", "+8656696", "+2562533", "+7378742833"}
)
#: A call to us; every other direction is a call that we made.
INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class Call:
    """What Twilio tells at one step of a call."""

    sid: str
    number: str
    """The other side in E.164; '' where it is withheld."""
    ours: str
    country: str
    inbound: bool
    status: str
    """Of the call: 'in-progress', 'completed' …"""
    digits: str = ""
    speech: str = ""
    confidence: str = ""
    recording: str = ""
    """Where the recording is."""
    recorded: str = ""
    """What became of it: 'completed', 'absent' …; '' at the step itself."""
    seconds: str = ""
    dialled: str = ""
    """DialCallStatus of a call that we put through."""
    bridged: bool = True
    """Of a call that we put through and that was picked up: the two heard each other."""
    answered_by: str = ""
    failed_url: str = ""

    @property
    def handle(self) -> str:
        """Who calls. Calls without a number are strangers to each other."""
        return self.number or f"withheld:{self.sid}"


def read_call(body: bytes, who: str = "") -> Call:
    """The fields of a voice webhook. Raises `ParseError`.

    `who`: the caller's digits, for news that come without the caller.
    """
    try:
        form = {name.decode(): clean(value.decode()) for name, value in form_bytes(body)}
    except UnicodeDecodeError as error:
        raise ParseError("the form is not UTF-8") from error
    except TooManyFields as error:
        raise ParseError(str(error)) from error
    sid = form.get("CallSid", "")
    if not sid:
        raise ParseError("CallSid is missing")
    inbound = form.get("Direction", INBOUND) == INBOUND
    theirs, ours = ("From", "To") if inbound else ("To", "From")
    return Call(
        sid=sid[:64],
        number=e164(form.get(theirs) or f"+{who}"),
        ours=form.get(ours, "")[:64],
        country=form.get(f"{theirs}Country", "")[:2].upper(),
        inbound=inbound,
        status=form.get("CallStatus", ""),
        digits=form.get("Digits", ""),
        speech=form.get("SpeechResult", "").strip(),
        confidence=form.get("Confidence", "")[:12],
        recording=form.get("RecordingUrl", ""),
        recorded=form.get("RecordingStatus", ""),
        seconds=form.get("RecordingDuration", "")[:6],
        dialled=form.get("DialCallStatus", ""),
        bridged=form.get("DialBridged", "true") != "false",
        answered_by=form.get("AnsweredBy", ""),
        failed_url=form.get("ErrorUrl", ""),
    )


def e164(given: str) -> str:
    """The caller's number, '' where there is none: withheld, a SIP address, a word."""
    number = given.strip()
    if number.casefold() in WITHHELD:
        return ""
    plain = number.removeprefix("+")
    if number == plain or not (plain.isascii() and plain.isdigit() and 5 <= len(plain) <= 15):
        return ""
    return number


def keyed_number(digits: str, country: str, region: str) -> str:
    """A number that was keyed in, as E.164; '' where it is none.

    Args:
        digits: without the closing '#'.
        country: of the caller, as Twilio tells it; '' where it does not.
        region: the country of a number without a country code, where the caller's is not known.
    """
    plain = digits.strip().rstrip("#").replace("*", "+", 1)
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    try:
        number = phonenumbers.parse(plain, country or region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
