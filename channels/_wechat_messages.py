"""From the XML fields of an Official Account's webhook to the gateway's events.

Source: developers.weixin.qq.com/doc/service/en/guide/product/message/Receiving_standard_messages.html,
and Receiving_event_pushes beside it.
"""

from collections.abc import Mapping

from channels._text import clean
from gateway.domain.channel import Inbound
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment

#: MsgType → name and content type of what MediaId stands for.
_MEDIA: Mapping[str, tuple[str, str]] = {
    "image": ("image.jpg", "image/jpeg"),
    "voice": ("voice.amr", "audio/amr"),
    "video": ("video.mp4", "video/mp4"),
    "shortvideo": ("video.mp4", "video/mp4"),
}


def read_message(fields: Mapping[str, str], menu_texts: Mapping[str, str]) -> Inbound | None:
    """The customer's message, or None for an event that is none.

    A message of a kind that is not known becomes its kind in brackets: a person should see that the
    customer sent something.

    Args:
        fields: of the XML.
        menu_texts: what a customer says by choosing an entry of the account's menu, by its key.

    Raises ParseError when it does not say who wrote, or what kind it is.
    """
    sender, kind = clean(fields.get("FromUserName", "")), fields.get("MsgType", "").strip().lower()
    if not sender or not kind:
        raise ParseError(f"{'FromUserName' if not sender else 'MsgType'} is missing")
    stamp = fields.get("CreateTime", "").strip()
    # Seconds, although one well-known gateway reads them as milliseconds.
    at = float(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 else None
    if kind == "event":
        return _chosen(fields, sender, at, menu_texts)
    number = clean(fields.get("MsgId", "")).strip()
    if not number:
        raise ParseError("MsgId is missing")
    facts: dict[str, JSON] = {}
    for name, fact in (("MediaId", "media_id"), ("bizmsgmenuid", "menu_id")):
        if fields.get(name):
            facts[fact] = clean(fields[name])
    files = _files(fields, kind)
    text = clean(_text(fields, kind)) or ("" if files else f"[{clean(kind)[:40]}]")
    return Inbound(
        # MsgId alone should do; a public report has it repeated between customers
        # (github.com/binarywang/WxJava/issues/333), and a message lost is worse than a longer key.
        external_id=f"{sender}:{number}",
        sender=sender,
        text=text,
        at=at,
        attachments=files,
        facts=facts,
    )


def _chosen(
    fields: Mapping[str, str], sender: str, at: float | None, menu_texts: Mapping[str, str]
) -> Inbound | None:
    """A click on the account's menu, where the account says what it means; every other event (who
    follows, who left, where somebody is) is no message."""
    event, key = fields.get("Event", "").strip(), clean(fields.get("EventKey", "")).strip()
    if event.upper() != "CLICK" or key not in menu_texts:
        return None
    if at is None:
        raise ParseError("CreateTime is no time in seconds")
    return Inbound(
        # Events have no MsgId; the provider's page names these fields instead.
        external_id=f"{sender}:{at:.0f}:{event}",
        sender=sender,
        text=menu_texts[key],
        at=at,
        facts={"menu_key": key},
    )


def _text(fields: Mapping[str, str], kind: str) -> str:
    match kind:
        case "text":
            return fields.get("Content", "")
        case "voice":
            # There only when the account has speech recognition switched on.
            return fields.get("Recognition", "")
        case "location":
            place = f"{fields.get('Location_X', '')}, {fields.get('Location_Y', '')}"
            return f"{fields.get('Label', '')} ({place})".strip()
        case "link":
            lines = (fields.get(name, "") for name in ("Title", "Description", "Url"))
            return "\n".join(filter(None, lines))
        case _:
            return ""


def _files(fields: Mapping[str, str], kind: str) -> tuple[Attachment, ...]:
    """A picture has an address of its own; the rest is fetched with MediaId and the access token."""
    if kind not in _MEDIA:
        return ()
    name, content_type = _MEDIA[kind]
    url = clean(fields.get("PicUrl", "")) if kind == "image" else ""
    return (Attachment(name, content_type, size=0, url=url),)
