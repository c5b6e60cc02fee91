"""From Telegram's updates to the gateway's events.

Fields: core.telegram.org/bots/api#update, #message. What is no customer's message (service messages,
channel posts, presses of buttons that we never send) is no event and no error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels._json_fields import inner, name, objects, size, text, whole
from gateway.domain.channel import ChannelEvent, Edited, Inbound
from gateway.domain.model import JSON, Attachment, ThreadRefs, Visibility

#: The kinds of update that we ask for: those that have a reader below.
WANTED: tuple[JSON, ...] = (
    "message", "edited_message", "business_message", "edited_business_message", "my_chat_member",
)  # fmt: skip
#: Attachments carry the file's id behind this; `Telegram.fetch` knows what to do with it. Telegram's
#: own link has the bot's token in it, and is good for an hour only.
FILE_SCHEME = "telegram:"

_GROUPS = frozenset({"group", "supergroup"})
_START = re.compile(r"/start(?:@\w+)?(?:\s.*)?", re.DOTALL)
_STOP = re.compile(r"/stop(?:@\w+)?\s*")
#: What a message may be besides text: (field, name of a file that has none, its type where none is
#: told). An animation comes as a document as well, so it stands first and the document is skipped.
_FILES = (
    ("animation", "animation.mp4", "video/mp4"),
    ("document", "document", "application/octet-stream"),
    ("video", "video.mp4", "video/mp4"),
    ("video_note", "video-note.mp4", "video/mp4"),
    ("audio", "audio.mp3", "audio/mpeg"),
    ("voice", "voice.ogg", "audio/ogg"),
)
#: A customer's messages that cannot be shown here; a person sees what it was.
_NAMED_ONLY = ("live_photo", "paid_media", "story", "checklist", "game", "invoice", "gift")


@dataclass(frozen=True, slots=True)
class MessageId:
    """Where a message stands. Telegram's number counts per chat, and in a chat that a business account
    has with the customer apart from the one that the bot itself has with them."""

    chat: int
    number: int
    business: str = ""
    """The business connection; '' for the bot's own chats."""

    def __str__(self) -> str:
        place = f"{self.chat}:{self.number}"
        return f"{self.business}:{place}" if self.business else place

    @classmethod
    def parse(cls, written: str) -> "MessageId | None":
        """What `str` wrote; None for anything else."""
        found = re.fullmatch(r"(?:([^:]+):)?(-?[0-9]{1,18}):([0-9]{1,18})", written)
        return cls(int(found[2]), int(found[3]), found[1] or "") if found else None


def read_update(update: Mapping[str, Any], *, groups: bool) -> ChannelEvent | None:
    """The event of one update; None where it is none for us. Raises `ParseError`.

    Args:
        update: one element of getUpdates, or the body of a webhook call.
        groups: whether messages in groups are taken.
    """
    number = whole(update, "update_id")
    for kind, read in _READERS.items():
        if kind in update:
            return read(inner(update, kind), number, groups)
    return None


def _message(message: Mapping[str, Any], _update: int, groups: bool) -> Inbound | None:
    chat, sender = inner(message, "chat"), inner(message, "from")
    kind = text(chat, "type", "chat.")
    in_group = kind in _GROUPS
    if not (kind == "private" or (in_group and groups)):
        return None
    # A channel or an anonymous administrator that speaks in a group is nobody to answer.
    if not sender or sender.get("is_bot") or "sender_chat" in message:
        return None
    at = MessageId(
        whole(chat, "id", "chat."),
        whole(message, "message_id"),
        text(message, "business_connection_id"),
    )
    author = whole(sender, "id", "from.")
    if at.business and author != at.chat:
        return None  # the business's owner, who answers by hand
    content = _content(message)
    if content is None:
        return None
    words, files = content
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    in_place: dict[str, JSON] = {"message": str(at)} if in_group or at.business else {}
    return Inbound(
        external_id=str(at),
        sender=str(author),
        text=words,
        name=_full_name(sender),
        at=float(whole(message, "date")),
        attachments=files,
        thread=ThreadRefs(message_ids=_quoted(message, at)),
        visibility=Visibility.PUBLIC if in_group else Visibility.PRIVATE,
        reply_to=in_place | ({"topic": topic} if isinstance(topic, int) else {}),
        facts=_facts(message, words, in_group),
    )


def _edit(message: Mapping[str, Any], update: int, groups: bool) -> Edited | None:
    """What a message says now. A place that is shared live is edited all the time, and says nothing."""
    now = None if "location" in message else _message(message, update, groups)
    if now is None:
        return None
    at = float(whole(message, "edit_date"))
    return Edited(now.external_id, now.sender, now.text, revision=update, at=at)


def _membership(change: Mapping[str, Any], update: int, _groups: bool) -> Inbound | None:
    """In a private chat: the customer has blocked the bot, or takes it back."""
    chat = inner(change, "chat")
    status = text(inner(change, "new_chat_member"), "status", "new_chat_member.")
    opt = {"kicked": "out", "member": "in"}.get(status, "")
    if text(chat, "type", "chat.") != "private" or not opt:
        return None
    customer = whole(chat, "id", "chat.")
    return Inbound(
        external_id=f"{customer}:update:{update}",
        sender=str(customer),
        text="",
        name=_full_name(inner(change, "from")),
        at=float(whole(change, "date")),
        facts={"opt": opt},
    )


_READERS: dict[str, Callable[[Mapping[str, Any], int, bool], ChannelEvent | None]] = {
    "message": _message,
    "edited_message": _edit,
    "business_message": _message,
    "edited_business_message": _edit,
    "my_chat_member": _membership,
}


def _facts(message: Mapping[str, Any], words: str, in_group: bool) -> dict[str, JSON]:
    facts: dict[str, JSON] = {}
    # Pictures sent together come as messages of their own; this ties them.
    if album := text(message, "media_group_id"):
        facts["media_group"] = album
    if not in_group and _START.fullmatch(words):
        facts["opt"] = "in"
    elif not in_group and _STOP.fullmatch(words):
        facts["opt"] = "out"
    return facts


def _quoted(message: Mapping[str, Any], at: MessageId) -> tuple[str, ...]:
    """The message that this one answers, in the same chat."""
    quoted = inner(message, "reply_to_message")
    if not quoted:
        return ()
    number = whole(quoted, "message_id", "reply_to_message.")
    return (str(MessageId(at.chat, number, at.business)),)


def _full_name(person: Mapping[str, Any]) -> str:
    parts = (text(person, "first_name", "from."), text(person, "last_name", "from."))
    return " ".join(part for part in parts if part)


# ---------------------------------------------------------------- what was said


def _content(message: Mapping[str, Any]) -> tuple[str, tuple[Attachment, ...]] | None:
    """Text and files; None for a service message (somebody joined, a title changed …)."""
    words = text(message, "text") or text(message, "caption")
    files = _files(message)
    if not words and not files:
        words = _in_words(message)
    return (words, files) if words or files else None


def _files(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    found = []
    if sizes := objects(message, "photo"):
        # The same picture in several sizes.
        largest = max(sizes, key=lambda one: size(one, "width") * size(one, "height"))
        found.append(_file(largest, "photo.jpg", "image/jpeg"))
    for field, default, kind in _FILES:
        if field in message and not (field == "document" and "animation" in message):
            found.append(_file(inner(message, field), default, kind))
    return tuple(found)


def _file(item: Mapping[str, Any], default: str, kind: str) -> Attachment:
    return Attachment(
        name=text(item, "file_name") or default,
        content_type=text(item, "mime_type") or kind,
        size=size(item, "file_size"),
        url=FILE_SCHEME + name(item, "file_id"),
    )


def _in_words(message: Mapping[str, Any]) -> str:
    """What has no text and no file that we would keep."""
    for field in ("sticker", "dice"):
        if field in message:
            return text(inner(message, field), "emoji", f"{field}.") or f"[{field}]"
    if contact := inner(message, "contact"):
        return f"{_full_name(contact)} {text(contact, 'phone_number', 'contact.')}".strip()
    if venue := inner(message, "venue"):
        place = (text(venue, "title"), text(venue, "address"), _place(inner(venue, "location")))
        return ", ".join(part for part in place if part)
    if location := inner(message, "location"):
        return _place(location)
    if poll := inner(message, "poll"):
        options = (text(option, "text") for option in objects(poll, "options"))
        return "\n".join([text(poll, "question"), *(f"- {option}" for option in options)])
    return next((f"[{field}]" for field in _NAMED_ONLY if field in message), "")


def _place(location: Mapping[str, Any]) -> str:
    """As RFC 5870 writes it."""
    numbers = [location.get("latitude"), location.get("longitude")]
    if not all(isinstance(number, int | float) for number in numbers):
        return ""
    return "geo:{},{}".format(*numbers)
