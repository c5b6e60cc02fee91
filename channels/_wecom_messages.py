"""From an item of WeCom's `kf/sync_msg` to the gateway's events.

Source: developer.work.weixin.qq.com/document/path/94670.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels._text import clean
from gateway.domain.channel import Inbound, Receipt
from gateway.domain.model import JSON, Attachment, DeliveryState

#: Who an item is from: 3 the customer, 4 WeCom itself, 5 a colleague who answers in WeCom's own client.
FROM_CUSTOMER = 3
#: msgtype → name and content type of what media_id stands for.
_MEDIA: Mapping[str, tuple[str, str]] = {
    "image": ("image.jpg", "image/jpeg"),
    "voice": ("voice.amr", "audio/amr"),
    "video": ("video.mp4", "video/mp4"),
    "file": ("file", "application/octet-stream"),
}
#: msgtype → the fields that a person would read, and what stands between them.
_TEXTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "text": (("content",), ""),
    "link": (("title", "desc", "url"), "\n"),
    "location": (("name", "address", "latitude", "longitude"), " "),
    "miniprogram": (("title",), ""),
}
#: Why a message that WeCom had taken did not reach the customer.
_FAIL_TYPES: Mapping[int, str] = {
    0: "no reason given",
    1: "the customer service account is deleted",
    2: "the app is switched off",
    4: "48 hours are over",
    5: "the session is closed",
    6: "more than five messages",
    8: "the company is not verified",
    10: "the customer refuses messages",
    11: "nobody of the company has signed in to WeCom",
    12: "a kind of message that is not allowed",
    13: "held back for safety",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """A customer opened the chat, perhaps by a link of the app's."""

    sender: str
    scene_param: str
    at: float


def read_item(item: Mapping[str, Any]) -> Inbound | Receipt | Entered | None:
    """What an item is to us; None for what is no news: a colleague's answer in WeCom's client, a change
    of the session, a customer who takes a message back.

    Raises ValueError, with the name of what is missing, for an item that cannot be read.
    """
    at = _time(item)
    if item.get("msgtype") == "event":
        return _event(item.get("event"), at)
    if item.get("origin") != FROM_CUSTOMER:
        return None
    kind = _word(item, "msgtype")
    content = item.get(kind)
    content = content if isinstance(content, dict) else {}
    facts: dict[str, JSON] = {}
    for name in ("media_id", "menu_id"):
        if isinstance(content.get(name), str) and content[name]:
            facts[name] = clean(content[name])
    files = (Attachment(*_MEDIA[kind], size=0),) if kind in _MEDIA else ()
    return Inbound(
        external_id=_word(item, "msgid"),
        sender=_word(item, "external_userid"),
        # A kind that is not known is told in brackets: a person should see that something came.
        text=_text(content, kind) or ("" if files else f"[{kind[:40]}]"),
        at=at,
        attachments=files,
        reply_to={"open_kfid": _word(item, "open_kfid")},
        facts=facts,
    )


def account_of(item: Mapping[str, Any]) -> str:
    """The customer service account an item belongs to; events carry it inside."""
    event = item.get("event")
    inside = event.get("open_kfid") if isinstance(event, dict) else None
    found = item.get("open_kfid") or inside
    return found if isinstance(found, str) else ""


def _event(event: Any, at: float) -> Receipt | Entered | None:
    if not isinstance(event, dict):
        raise ValueError("event")  # noqa: TRY004 - the item cannot be read, whatever it holds
    match event.get("event_type"):
        case "msg_send_fail":
            fail_type = event.get("fail_type")
            code = fail_type if isinstance(fail_type, int) else 0
            return Receipt(
                external_id=_word(event, "fail_msgid"),
                status=DeliveryState.FAILED,
                at=at,
                code=str(code),
                detail=_FAIL_TYPES.get(code, "a reason that is not known"),
                recipient=_word(event, "external_userid"),
            )
        case "enter_session":
            scene_param = event.get("scene_param")
            word = clean(scene_param) if isinstance(scene_param, str) else ""
            return Entered(_word(event, "external_userid"), word, at)
        # `user_recall_msg` (recall_msgid) becomes an unsent message here once there is such an event.
        case _:
            return None


def _text(content: Mapping[str, Any], kind: str) -> str:
    names, between = _TEXTS.get(kind, ((), ""))
    parts = (content.get(name) for name in names)
    return clean(between.join(str(part) for part in parts if isinstance(part, str | int | float)))


def _word(item: Mapping[str, Any], name: str) -> str:
    found = item.get(name)
    if not isinstance(found, str) or not found.strip():
        raise ValueError(name)
    return clean(found)


def _time(item: Mapping[str, Any]) -> float:
    found = item.get("send_time")
    # Below the year 5138; a bool is an int to Python.
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1e11:
        raise ValueError("send_time")
    return float(found)
