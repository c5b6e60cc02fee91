"""From the calls of WhatsApp's webhook to the gateway's events.

Fields: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages,
…/messages/status, and …/whatsapp/business-scoped-user-ids for who wrote. A customer with a username has
no number any more: `from` is missing then, and `from_user_id` is all there is.
"""

from collections.abc import Mapping
from typing import Any

from channels._json_fields import inner, name, objects, text
from channels._meta_webhook import Taken, changes, entries, seconds
from channels._whatsapp_errors import WHATSAPP
from gateway.domain.channel import Edited, HttpRequest, Inbound, Receipt, Unsent
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState, ThreadRefs

#: Attachments carry the file's id behind this: `WhatsApp.fetch` gets them with the access token.
FILE_SCHEME = "whatsapp:"

_FILES = {
    "image": ("image.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.ogg", "audio/ogg"),
    "document": ("document", "application/octet-stream"),
}
_SPOKEN = frozenset({"text", "button", "interactive", "location"})
#: What is no message of a customer's: signs, news of WhatsApp itself.
_NO_MESSAGES = frozenset({"reaction", "system", "request_welcome"})
_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "played": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
}


def read_call(request: HttpRequest, ours: str) -> Taken:
    """What one call holds for the number whose `phone_number_id` is `ours`. Raises `ParseError`."""
    taken = Taken()
    for at, entry in entries(request, "whatsapp_business_account", taken):
        for within, value in changes(entry, "messages", at, taken):
            _take(value, ours, within, taken)
    return taken


def _take(value: Mapping[str, Any], ours: str, at: str, taken: Taken) -> None:
    messages, statuses = objects(value, "messages", at), objects(value, "statuses", at)
    whose = text(inner(value, "metadata", at), "phone_number_id", f"{at}metadata.")
    if whose != ours:
        taken.elsewhere += len(messages) + len(statuses)
        return
    people = objects(value, "contacts", at)
    for number, message in enumerate(messages):
        within = f"{at}messages[{number}]."
        kind = text(message, "type", within)
        if kind in _NO_MESSAGES or text(message, "group_id", within):
            taken.skipped[kind[:20] if kind in _NO_MESSAGES else "group"] += 1
            continue
        taken.events.append(_said(message, kind, people, within))
    for number, status in enumerate(statuses):
        within = f"{at}statuses[{number}]."
        taken.add(_receipt(status, within), "status")
    if errors := objects(value, "errors", at):
        # The account's own trouble, such as a message that WhatsApp could not hand over.
        taken.skipped["error"] += len(errors)


# ---------------------------------------------------------------- messages


def _said(
    message: Mapping[str, Any], kind: str, people: list[dict[str, Any]], at: str
) -> Inbound | Edited | Unsent:
    """A message, or a change of one."""
    if kind == "revoke":
        gone = inner(message, kind, at)
        number = name(gone, "original_message_id", f"{at}{kind}.")
        return Unsent(number, _sender(message, at), _moment(message, at))
    if kind == "edit":
        changed, within = inner(message, kind, at), f"{at}{kind}."
        now, when = inner(changed, "message", within), _moment(message, at)
        words, _ = _words(now, text(now, "type", f"{within}message."), f"{within}message.")
        number = name(changed, "original_message_id", within)
        return Edited(number, _sender(message, at), words, revision=int(when * 1000), at=when)
    return _message(message, kind, people, at)


def _message(
    message: Mapping[str, Any], kind: str, people: list[dict[str, Any]], at: str
) -> Inbound:
    number, user = text(message, "from", at), text(message, "from_user_id", at)
    who = _contact(people, number, user)
    known = {
        "wa_id": number,
        "user_id": user or text(who, "user_id", "contacts."),
        "parent_user_id": text(message, "from_parent_user_id", at),
        "username": text(inner(who, "profile", "contacts."), "username", "contacts.profile."),
    }
    facts: dict[str, JSON] = {field: found for field, found in known.items() if found}
    words, choice = _words(message, kind, at)
    if choice:
        facts["choice"] = choice
    quoted = text(inner(message, "context", at), "id", f"{at}context.")
    return Inbound(
        external_id=name(message, "id", at),
        sender=_sender(message, at),
        text=words,
        name=text(inner(who, "profile", "contacts."), "name", "contacts.profile."),
        at=_moment(message, at),
        attachments=_files(message, kind, at),
        thread=ThreadRefs(message_ids=(quoted,) if quoted else ()),
        facts=facts,
    )


def _sender(message: Mapping[str, Any], at: str) -> str:
    """The number, or the user id of who has none."""
    if found := text(message, "from", at) or text(message, "from_user_id", at):
        return found
    raise ParseError(f"{at}from and from_user_id are missing")


def _contact(people: list[dict[str, Any]], number: str, user: str) -> dict[str, Any]:
    """The profile that belongs to a message; several may share a call."""
    for person in people:
        if (number and person.get("wa_id") == number) or (user and person.get("user_id") == user):
            return person
    return {}


def _words(message: Mapping[str, Any], kind: str, at: str) -> tuple[str, str]:
    """What was said, and what stands behind a button that was pressed."""
    within = f"{at}{kind}."
    if kind == "contacts":
        return "\n".join(_card(card, within) for card in objects(message, kind, at)), ""
    if kind in _FILES:
        return text(inner(message, kind, at), "caption", within), ""
    if kind not in _SPOKEN:
        # Stickers, orders, and what nobody has heard of yet: a person sees what it was.
        return f"[{kind[:20]}]", ""
    said = inner(message, kind, at)
    if kind == "button":
        return text(said, "text", within), text(said, "payload", within)
    if kind == "interactive":
        return _chosen(said, within)
    return (_place(said, within) if kind == "location" else text(said, "body", within)), ""


def _chosen(said: Mapping[str, Any], at: str) -> tuple[str, str]:
    for field in ("button_reply", "list_reply"):
        if reply := inner(said, field, at):
            return text(reply, "title", f"{at}{field}."), text(reply, "id", f"{at}{field}.")
    if form := inner(said, "nfm_reply", at):
        within = f"{at}nfm_reply."
        return text(form, "response_json", within) or text(form, "body", within), ""
    return f"[{text(said, 'type', at)[:20] or 'interactive'}]", ""


def _place(said: Mapping[str, Any], at: str) -> str:
    numbers = [said.get("latitude"), said.get("longitude")]
    known = all(isinstance(number, int | float) for number in numbers)
    # As RFC 5870 writes it.
    geo = "geo:{},{}".format(*numbers) if known else ""
    return ", ".join(
        part for part in (text(said, "name", at), text(said, "address", at), geo) if part
    )


def _card(card: Mapping[str, Any], at: str) -> str:
    who = text(inner(card, "name", at), "formatted_name", f"{at}name.")
    numbers = (text(phone, "phone", f"{at}phones.") for phone in objects(card, "phones", at))
    return " ".join(part for part in (who, *numbers) if part)


def _files(message: Mapping[str, Any], kind: str, at: str) -> tuple[Attachment, ...]:
    if kind not in _FILES:
        return ()
    item, within = inner(message, kind, at), f"{at}{kind}."
    default, content_type = _FILES[kind]
    # A voice message is 'audio/ogg; codecs=opus'.
    told = text(item, "mime_type", within).partition(";")[0].strip()
    return (
        Attachment(
            name=text(item, "filename", within) or default,
            content_type=told or content_type,
            size=0,
            url=FILE_SCHEME + name(item, "id", within),
        ),
    )


# ---------------------------------------------------------------- receipts


def _receipt(status: Mapping[str, Any], at: str) -> Receipt | None:
    """News of a message we sent, in any order; None for what says nothing of that."""
    state = _STATES.get(text(status, "status", at))
    if state is None or status.get("recipient_type") == "group":
        return None
    trouble = next(iter(objects(status, "errors", at)), {})
    told = trouble.get("code")
    code = told if isinstance(told, int) and not isinstance(told, bool) else None
    meaning = WHATSAPP.meaning(code)
    return Receipt(
        external_id=name(status, "id", at),
        status=state,
        at=_moment(status, at),
        code="" if code is None else str(code),
        detail=meaning.reason if meaning else "",
        recipient=text(status, "recipient_id", at) or text(status, "recipient_user_id", at),
    )


def _moment(item: Mapping[str, Any], at: str) -> float:
    """Seconds since 1970, which WhatsApp writes as a text."""
    found = item.get("timestamp")
    digits = found if isinstance(found, str) else str(found) if isinstance(found, int) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ParseError(f"{at}timestamp is not a number of seconds")
    return seconds(float(digits))
