"""From the events of LINE's webhook to the gateway's.

Fields: developers.line.biz/en/reference/messaging-api/#webhook-event-objects (the same as in
github.com/line/line-openapi, webhook.yml).
"""

from collections.abc import Mapping
from typing import Any

from channels._json_fields import inner, name, size, text, whole
from gateway.domain.channel import Inbound, Unsent
from gateway.domain.model import JSON, Attachment, ThreadRefs

#: Attachments carry the message's id behind this: `Line.fetch` gets them with the access token.
FILE_SCHEME = "line:"
#: Seconds after the receipt in which a reply token is used. LINE promises a minute; until 2022 it was
#: found to be half of one (qiita.com/kyamamoto9120/items/f38966bbc86600665bb7).
TOKEN_SECONDS = 25.0

_FILES = {
    "image": ("image.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.m4a", "audio/mp4"),
    "file": ("file", "application/octet-stream"),
}
#: Events by which a customer says whether they want messages here at all.
_OPTS = {"follow": "in", "unfollow": "out"}


def read_event(event: Mapping[str, Any], received_at: float, at: str) -> Inbound | Unsent | None:
    """One event; None where it is none for us: of a group, while another bot has the chat (standby),
    or of a kind that says nothing. Raises `ParseError`.

    Args:
        event: one element of `events`.
        received_at: when the call came, seconds since 1970.
        at: where it stands in the body, for errors.
    """
    source = inner(event, "source", at)
    kind = text(event, "type", at)
    if source.get("type") != "user":
        return None
    if kind == "unsend":
        # Whoever has the chat now: what was taken in before has to go
        # (developers.line.biz/en/reference/messaging-api/#unsend-event).
        taken_back = name(inner(event, "unsend", at), "messageId", f"{at}unsend.")
        return Unsent(taken_back, name(source, "userId", f"{at}source."), _time(event, at))
    if event.get("mode") != "active":
        return None
    if kind == "message":
        return _message(event, received_at, at)
    if kind in _OPTS:
        return Inbound(
            external_id=name(event, "webhookEventId", at),
            sender=name(source, "userId", f"{at}source."),
            text="",
            at=_time(event, at),
            facts={"opt": _OPTS[kind]},
        )
    return None


def _message(event: Mapping[str, Any], received_at: float, at: str) -> Inbound:
    message, within = inner(event, "message", at), f"{at}message."
    number = name(message, "id", within)
    files = _files(message, number, within)
    quoted = text(message, "quotedMessageId", within)
    token = text(event, "replyToken", at)
    # Pictures sent together come as messages of their own; this ties them.
    album = text(inner(message, "imageSet", within), "id", within)
    return Inbound(
        # One webhookEventId has one message, and a redelivery has both again; replies and unsends
        # name the message.
        external_id=number,
        sender=name(inner(event, "source", at), "userId", f"{at}source."),
        text=text(message, "text", within) or ("" if files else _in_words(message, within)),
        at=_time(event, at),
        attachments=files,
        thread=ThreadRefs(message_ids=(quoted,) if quoted else ()),
        reply_to=_token(token, received_at),
        facts={"media_group": album} if album else {},
    )


def _token(token: str, received_at: float) -> dict[str, JSON]:
    return {"token": token, "until": received_at + TOKEN_SECONDS} if token else {}


def _time(event: Mapping[str, Any], at: str) -> float:
    return whole(event, "timestamp", at) / 1000


def _files(message: Mapping[str, Any], number: str, at: str) -> tuple[Attachment, ...]:
    kind = text(message, "type", at)
    if kind not in _FILES:
        return ()
    default, content_type = _FILES[kind]
    # What another system put into the chat for the customer (LIFF) lies there and not at LINE.
    provider = inner(message, "contentProvider", at)
    elsewhere = text(provider, "originalContentUrl", at)
    return (
        Attachment(
            name=text(message, "fileName", at) or default,
            content_type=content_type,
            size=size(message, "fileSize"),
            url=elsewhere if elsewhere.startswith("https://") else FILE_SCHEME + number,
        ),
    )


def _in_words(message: Mapping[str, Any], at: str) -> str:
    """What has no text and no file."""
    kind = text(message, "type", at)
    if kind == "location":
        numbers = [message.get("latitude"), message.get("longitude")]
        known = all(isinstance(number, int | float) for number in numbers)
        # As RFC 5870 writes it.
        place = "geo:{},{}".format(*numbers) if known else ""
        parts = (text(message, "title", at), text(message, "address", at), place)
        return ", ".join(part for part in parts if part)
    if kind == "sticker":
        # LINE's own words for what it shows, the most fitting one first; experimental.
        words = message.get("keywords")
        known = isinstance(words, list) and bool(words) and isinstance(words[0], str)
        return f"[sticker: {words[0]}]" if known and words else "[sticker]"
    return f"[{kind[:20]}]"
