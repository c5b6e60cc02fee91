"""From the form fields of Twilio's message webhooks to the gateway's events."""

from collections.abc import Iterable, Mapping

from channels._opt_words import opt_word
from channels._text import clean
from channels._twilio import TooManyFields, form_bytes
from channels._twilio_errors import CODES
from gateway.domain.channel import ChannelEvent, Inbound, Receipt
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState

#: twilio.com/docs/messaging/guides/accepted-mime-types: at most ten media in a message.
MEDIA_LIMIT = 10
_OPT_TYPES = {"STOP": "out", "START": "in"}

#: twilio.com/docs/messaging/api/message-resource#message-status-values
_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "undelivered": DeliveryState.FAILED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}
#: On the way, and no news for anybody.
_UNDER_WAY = frozenset({"accepted", "scheduled", "queued", "sending", "partially_delivered"})

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "audio/amr": ".amr",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "application/pdf": ".pdf",
}


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a message webhook. Raises `ParseError`."""
    try:
        form = {name.decode(): clean(value.decode()) for name, value in form_bytes(body)}
    except UnicodeDecodeError as error:
        raise ParseError("the form is not UTF-8") from error
    except TooManyFields as error:
        raise ParseError(str(error)) from error
    if not form.get("MessageSid"):
        raise ParseError("MessageSid is missing")
    return form


def read_message(form: Mapping[str, str], opt_out_words: Iterable[str] = ()) -> Inbound:
    """A message from a customer; `opt_out_words`: of the account, beside the usual ones. Raises
    `ParseError`."""
    sender, to = form.get("From", ""), form.get("To", "")
    if not sender:
        raise ParseError("From is missing")
    if ":" in sender:
        # Twilio's other networks ('whatsapp:+1…') are no phone numbers: windows and rules differ.
        raise ParseError(
            f"From is an address of another network: {sender.partition(':')[0][:20]!r}"
        )
    text = form.get("Body", "")
    facts: dict[str, JSON] = {}
    if opt := _OPT_TYPES.get(form.get("OptOutType", "").upper()) or opt_word(text, opt_out_words):
        facts["opt"] = opt
    for name, fact in (("OptOutType", "opt_out_type"), ("FromCountry", "country")):
        if form.get(name):
            facts[fact] = form[name]
    return Inbound(
        external_id=form["MessageSid"],
        sender=sender,
        text=text,
        attachments=_media(form),
        reply_to={"to": to} if to else {},
        facts=facts,
    )


def _media(form: Mapping[str, str]) -> tuple[Attachment, ...]:
    count = form.get("NumMedia") or "0"
    if not (count.isascii() and count.isdigit() and len(count) <= 3 and int(count) <= MEDIA_LIMIT):
        raise ParseError(f"NumMedia is not a number from 0 to {MEDIA_LIMIT}")
    media = []
    for index in range(int(count)):
        url = form.get(f"MediaUrl{index}", "")
        if not url:
            raise ParseError(f"MediaUrl{index} is missing")
        content_type = form.get(f"MediaContentType{index}") or "application/octet-stream"
        name = f"media-{index}{_EXTENSIONS.get(content_type, '')}"
        media.append(Attachment(name, content_type, size=0, url=url))
    return tuple(media)


def read_status(form: Mapping[str, str]) -> tuple[ChannelEvent, ...]:
    """A status callback: a receipt, or nothing while the message is on its way. Raises `ParseError`."""
    status = form.get("MessageStatus") or form.get("SmsStatus", "")
    if status in _UNDER_WAY:
        return ()
    if status not in _STATES:
        raise ParseError(f"MessageStatus is not known: {status[:20]!r}")
    code = form.get("ErrorCode", "")
    _, reason = CODES.get(int(code) if code.isascii() and code.isdigit() else 0, (None, ""))
    return (
        Receipt(
            external_id=form["MessageSid"],
            status=_STATES[status],
            code=code,
            detail=f"{status}: {reason}" if reason else status,
            recipient=form.get("To", ""),
        ),
    )
