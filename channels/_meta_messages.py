"""From the messages of Messenger and Instagram to the gateway's events: the same events for both, under
`entry[].messaging[]`.

Fields: developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
and developers.facebook.com/documentation/instagram-platform/webhooks/examples.
"""

from collections.abc import Mapping
from typing import Any

from channels._json_fields import inner, name, objects, text, whole
from channels._meta_webhook import Taken, seconds
from channels._text import clean
from gateway.domain.channel import ChannelEvent, Edited, Inbound, Receipt, Unsent
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState, ThreadRefs

#: Kinds of attachment that are files, or pictures of something at the network: the name of a file that has
#: none, and its type. All come with an address that needs no token and does not last.
_FILES = {
    "image": ("image.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.mp4", "audio/mp4"),
    "file": ("file", "application/octet-stream"),
    "share": ("shared", "application/octet-stream"),
    "story_mention": ("story", "application/octet-stream"),
    "reel": ("reel.mp4", "video/mp4"),
    "ig_reel": ("reel.mp4", "video/mp4"),
    "ig_post": ("post", "application/octet-stream"),
}
#: The events that say something; all others are passed over.
_KINDS = ("message", "message_edit", "postback", "delivery", "read")


def take_messages(entry: Mapping[str, Any], ours: str, at: str, taken: Taken) -> None:
    """Add what the messaging events of one entry hold. Raises `ParseError`.

    Args:
        entry: of our account.
        ours: its id, which is also whom the account's own messages are from.
        at: where the entry stands, for errors.
        taken: what they are added to.
    """
    for number, event in enumerate(objects(entry, "messaging", at)):
        within = f"{at}messaging[{number}]."
        kind = next((kind for kind in _KINDS if kind in event), "")
        found = _read(event, kind, ours, within)
        if found:
            taken.events += found
        else:
            taken.skipped[_told(event, kind)] += 1


def _read(event: Mapping[str, Any], kind: str, ours: str, at: str) -> list[ChannelEvent]:
    """What one event says; nothing, where that is none of the gateway's business."""
    if not kind:
        return []
    content, within = inner(event, kind, at), f"{at}{kind}."
    if kind == "message_edit":
        return _edited(event, content, ours, at)
    sender = name(inner(event, "sender", at), "id", f"{at}sender.")
    if kind == "delivery":
        return _delivered(content, sender, within)
    if kind == "read":
        # Messenger tells only up to when everything was read.
        return _receipts(
            [text(content, "mid", within)], DeliveryState.READ, _moment(event, at), sender
        )
    if sender == ours or content.get("is_echo"):
        return []
    if content.get("is_deleted"):
        return [Unsent(_mid(content, within), sender, _moment(event, at))]
    return [_message(event, content, kind, sender, at)]


def _told(event: Mapping[str, Any], kind: str) -> str:
    """What an event that was passed over is called in the log."""
    if kind:
        return kind
    known = ("sender", "recipient", "timestamp")
    return next((field[:20] for field in sorted(event) if field not in known), "event")


# ---------------------------------------------------------------- messages


def _message(
    event: Mapping[str, Any], content: Mapping[str, Any], kind: str, sender: str, at: str
) -> Inbound:
    within = f"{at}{kind}."
    files, words = _attachments(content, within)
    said = text(content, "title" if kind == "postback" else "text", within)
    source = content if kind == "postback" else inner(content, "quick_reply", within)
    choice = text(source, "payload", within)
    # A reply to a story has the story's address instead.
    quoted = text(inner(content, "reply_to", within), "mid", f"{within}reply_to.")
    facts: dict[str, JSON] = {"choice": choice} if choice else {}
    return Inbound(
        # A postback of old has none; the gateway then knows it by its contents.
        external_id=_mid(content, within) if kind == "message" else text(content, "mid", within),
        sender=sender,
        text=said or words or ("" if files else "[unsupported]"),
        at=_moment(event, at),
        attachments=tuple(files),
        thread=ThreadRefs(message_ids=(quoted,) if quoted else ()),
        facts=facts,
    )


def _edited(
    event: Mapping[str, Any], content: Mapping[str, Any], ours: str, at: str
) -> list[ChannelEvent]:
    """What a message says now. It can be changed five times, and each is counted; Instagram also tells of
    new messages so, without a word or a writer, and those come once more as what they are."""
    within = f"{at}message_edit."
    sender = text(inner(event, "sender", at), "id", f"{at}sender.")
    count, words = content.get("num_edit"), text(content, "text", within)
    revision = int(count) if isinstance(count, int | str) and str(count).isdecimal() else 0
    if not (sender and revision and words) or sender == ours:
        return []
    when = _moment(event, at)
    return [Edited(_mid(content, within), sender, words, revision=revision, at=when)]


def _mid(content: Mapping[str, Any], at: str) -> str:
    """The message's id, which has no length that Meta promises."""
    if not (found := text(content, "mid", at)):
        raise ParseError(f"{at}mid is missing")
    return found


def _attachments(content: Mapping[str, Any], at: str) -> tuple[list[Attachment], str]:
    """Files, and in words what is none."""
    files, words = [], []
    for number, item in enumerate(objects(content, "attachments", at)):
        within = f"{at}attachments[{number}]."
        kind, told = text(item, "type", within), item.get("payload")
        payload = told if isinstance(told, dict) else {}
        # Of a link that is shown with a picture, the address stands beside the payload.
        url, place = payload.get("url") or item.get("url"), payload.get("coordinates")
        link = clean(url) if isinstance(url, str) and url.startswith("https://") else ""
        if "sticker_id" in payload:
            words.append("[sticker]")
        elif kind in _FILES and link:
            default, content_type = _FILES[kind]
            files.append(Attachment(default, content_type, size=0, url=link))
        elif isinstance(place, dict):
            # As RFC 5870 writes it.
            words.append(f"geo:{place.get('lat')},{place.get('long')}")
        else:
            words.append(link or f"[{kind[:20]}]")
    return files, "\n".join(words)


# ---------------------------------------------------------------- receipts


def _delivered(content: Mapping[str, Any], sender: str, at: str) -> list[ChannelEvent]:
    """One for each message that is named: older apps name none."""
    mids = content.get("mids") or []
    if not isinstance(mids, list) or not all(isinstance(mid, str) for mid in mids):
        raise ParseError(f"{at}mids is not a list of texts")
    when = seconds(whole(content, "watermark", at)) if mids else 0.0
    return _receipts(mids, DeliveryState.DELIVERED, when, sender)


def _receipts(
    mids: list[str], state: DeliveryState, when: float, sender: str
) -> list[ChannelEvent]:
    # Cleaned as any text: what no database takes is no id of ours.
    return [
        Receipt(mid, state, at=when, recipient=sender) for mid in mids if mid.isprintable() and mid
    ]


def _moment(event: Mapping[str, Any], at: str) -> float:
    return seconds(whole(event, "timestamp", at))
