"""The JSON that other systems post: read strictly, with errors that name the field."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any, NoReturn

from channels._text import clean
from gateway.domain.channel import ChannelEvent, Inbound, Receipt
from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState

#: More is no webhook but an import, and would hold up everybody else's.
_BATCH_LIMIT = 500
_ATTACHMENT_LIMIT = 20
_LEAST_FIELDS = 3
"""id, sender, text: what most systems post, and nothing else to look at."""
_ID_LIMIT = 200
_ADDRESS_LIMIT = 320
#: Any time in seconds is below this until the year 5138; a time in milliseconds is above it.
_TIME_LIMIT = 1e11

_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
    "bounced": DeliveryState.BOUNCED,
}


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


#: Made once: json.loads would make one on every call that differs from its defaults.
_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def read_body(body: bytes) -> tuple[ChannelEvent, ...]:
    """The events of one call. Raises `ParseError`."""
    try:
        data = _decode(body.decode())
    except UnicodeDecodeError as error:
        raise ParseError("the body is not UTF-8") from error
    except RecursionError as error:
        raise ParseError("the body is nested too deeply") from error
    except ValueError as error:
        raise ParseError(f"the body is not JSON: {str(error)[:100]}") from error
    if not isinstance(data, dict):
        raise ParseError("the body is not a JSON object")
    if "messages" not in data and "receipts" not in data:
        return (_message(data, ""),)
    messages, receipts = _list(data, "messages"), _list(data, "receipts")
    return (
        *(_message(item, f"messages[{n}].") for n, item in enumerate(messages)),
        *(_receipt(item, f"receipts[{n}].") for n, item in enumerate(receipts)),
    )


def _message(item: dict[str, Any], at: str) -> Inbound:
    external_id = _name(item, "id", at, _ID_LIMIT)
    sender = _name(item, "sender", at, _ADDRESS_LIMIT)
    text = _text(item, "text", at)
    if len(item) == _LEAST_FIELDS and text:
        return Inbound(external_id, sender, text)
    subject = _text(item, "subject", at)
    attachments = tuple(
        _attachment(one, f"{at}attachments[{n}].")
        for n, one in enumerate(_list(item, "attachments", at, _ATTACHMENT_LIMIT))
    )
    if not (text or subject or attachments):
        raise ParseError(f"{at}text is empty, and there is no subject and no attachment")
    told = {key: _text(item, key, at) for key in ("language", "app_version")}
    facts: dict[str, JSON] = {key: value for key, value in told.items() if value}
    verified = item.get("verified_user", False)
    if not isinstance(verified, bool):
        raise ParseError(f"{at}verified_user is not true or false")
    return Inbound(
        external_id=external_id,
        sender=sender,
        text=text,
        subject=subject,
        name=_text(item, "name", at),
        at=_time(item, at),
        attachments=attachments,
        verified=verified,
        facts=facts,
    )


def _receipt(item: dict[str, Any], at: str) -> Receipt:
    status = _text(item, "status", at)
    if status not in _STATES:
        raise ParseError(f"{at}status is not one of {', '.join(_STATES)}")
    return Receipt(
        external_id=_name(item, "id", at, _ID_LIMIT),
        status=_STATES[status],
        at=_time(item, at),
        code=_text(item, "code", at),
        detail=_text(item, "detail", at),
        recipient=_text(item, "recipient", at),
    )


def _attachment(item: dict[str, Any], at: str) -> Attachment:
    name = _text(item, "name", at) or "attachment"
    content_type = _text(item, "content_type", at) or "application/octet-stream"
    url, encoded = _text(item, "url", at), item.get("data_base64")
    if bool(url) == (encoded is not None):
        raise ParseError(f"{at}url or {at}data_base64 must be given, and not both")
    if encoded is None:
        if not url.startswith(("https://", "http://")):
            raise ParseError(f"{at}url is not an http address")
        return Attachment(name, content_type, size=0, url=url)
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ParseError(f"{at}data_base64 is not base64") from error
    return Attachment(name, content_type, size=len(data), data=data)


# ---------------------------------------------------------------- fields


def _list(
    item: dict[str, Any], field: str, at: str = "", limit: int = _BATCH_LIMIT
) -> list[dict[str, Any]]:
    found = item.get(field)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ParseError(f"{at}{field} is not a list")
    if len(found) > limit:
        raise ParseError(f"{at}{field} has {len(found)} entries, more than {limit}")
    for number, entry in enumerate(found):
        if not isinstance(entry, dict):
            raise ParseError(f"{at}{field}[{number}] is not an object")
    return found


def _text(item: dict[str, Any], field: str, at: str) -> str:
    found = item.get(field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ParseError(f"{at}{field} is not a text")
    return clean(found)


def _name(item: dict[str, Any], field: str, at: str, limit: int) -> str:
    """An identifier: required, short, and taken as it is, since two that differ must stay so."""
    found = item.get(field)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**18:
        return str(found)
    if found is None:
        raise ParseError(f"{at}{field} is missing")
    if not isinstance(found, str):
        raise ParseError(f"{at}{field} is not a text")
    if not found.strip() or len(found) > limit:
        raise ParseError(f"{at}{field} needs 1 to {limit} characters")
    if not found.isprintable():
        raise ParseError(f"{at}{field} holds characters that cannot be printed")
    return found


def _time(item: dict[str, Any], at: str) -> float | None:
    """Seconds since 1970, or a date of ISO 8601 with its zone."""
    found = item.get("at")
    if found is None:
        return None
    if isinstance(found, str):
        try:
            moment = datetime.fromisoformat(found)
        except ValueError as error:
            raise ParseError(f"{at}at is not a date of ISO 8601") from error
        if moment.tzinfo is None:
            raise ParseError(f"{at}at has no time zone")
        found = moment.timestamp()
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ParseError(f"{at}at is neither seconds nor a date")
    # Not a number and infinity fail this as well.
    if not 0 <= found < _TIME_LIMIT:
        raise ParseError(f"{at}at is not in seconds since 1970")
    return float(found)
