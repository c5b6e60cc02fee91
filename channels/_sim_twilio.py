"""The shapes of Twilio's Messages resource, for the simulator: pure, apart from new ids.

Source: twilio.com/docs/messaging/api/message-resource; the official client reads them in the tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from time import time
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from gateway.domain.segments import segments

VERSION = "2010-04-01"
_PAGE_SIZE = 50
_LARGEST_PAGE = 1000


@dataclass(slots=True)
class SimMessage:
    """A message this Twilio knows."""

    sid: str
    to: str
    sender: str
    body: str
    service: str = ""
    callback: str = ""
    created: float = field(default_factory=time)
    status: str = "queued"
    direction: str = "outbound-api"
    media: tuple[str, ...] = ()
    """Content type of each picture."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one coming request for a message."""

    status: int = 0
    """Refuse with this; 0 accepts."""
    code: int = 20500
    retry_after: int | None = None
    drop: bool = False
    """Accept, then drop the connection instead of answering."""
    delay: float = 0.0
    """Seconds before the answer, after the message was accepted."""


def new_sid() -> str:
    """A message id; never the same in two processes, since the gateway knows messages by it."""
    return f"SM{uuid4().hex}"


def problem_of(form: Mapping[str, str]) -> tuple[int, str] | None:
    """Why Twilio makes no message of this request: its code and sentence; None when it does."""
    if not form.get("To"):
        return 21604, "A 'To' phone number is required."
    if not form["To"].startswith("+"):
        return 21211, "Invalid 'To' Phone Number"
    if not (form.get("From") or form.get("MessagingServiceSid")):
        return 21603, "A 'From' phone number is required."
    if not form.get("Body"):
        return 21602, "Message body is required."
    if len(form["Body"]) > 1600:
        return 21617, "The concatenated message body exceeds the 1600 character limit"
    return None


def error(status: int, code: int, sentence: str) -> dict[str, Any]:
    """The body of a refusal."""
    return {
        "code": code,
        "message": sentence,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def resource(message: SimMessage, account_sid: str) -> dict[str, Any]:
    """One message."""
    created = formatdate(message.created)
    path = f"/{VERSION}/Accounts/{account_sid}/Messages/{message.sid}"
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "messaging_service_sid": message.service or None,
        "to": message.to,
        "from": message.sender,
        "body": message.body,
        "status": message.status,
        "direction": message.direction,
        "num_segments": str(segments(message.body).parts),
        "num_media": str(len(message.media)),
        "date_created": created,
        "date_updated": created,
        "date_sent": None if message.status == "queued" else created,
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "api_version": VERSION,
        "uri": f"{path}.json",
        "subresource_uris": {"media": f"{path}/Media.json"},
    }


def media_of(message: SimMessage, account_sid: str) -> dict[str, Any]:
    """The list of a message's pictures."""
    path = f"/{VERSION}/Accounts/{account_sid}/Messages/{message.sid}/Media"
    return {
        "media_list": [
            {
                "sid": f"ME{number}",
                "content_type": content_type,
                "uri": f"{path}/ME{number}.json",
            }
            for number, content_type in enumerate(message.media)
        ],
        "next_page_uri": None,
    }


def page_of(
    messages: Sequence[SimMessage], account_sid: str, path: str, query: Mapping[str, str]
) -> dict[str, Any]:
    """One page of the list, newest first.

    Args:
        messages: everything the account has, oldest first.
        account_sid: whose.
        path: of the list, for the addresses of its pages.
        query: `To`, `From`, `DateSent>`, `PageSize`, `Page`.
    """
    wanted = [
        message
        for message in reversed(messages)
        if query.get("To", message.to) == message.to
        and query.get("From", message.sender) == message.sender
        and _in_dates(message, query.get("DateSent>", ""))
    ]
    size = min(int(query.get("PageSize", _PAGE_SIZE)), _LARGEST_PAGE)
    page = int(query.get("Page", 0))
    shown = wanted[page * size : (page + 1) * size]
    filters = {name: value for name, value in query.items() if name != "Page"}

    def address(number: int) -> str:
        return f"{path}?{urlencode(filters | {'Page': str(number)})}"

    return {
        "messages": [resource(message, account_sid) for message in shown],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": address(page),
        "first_page_uri": address(0),
        "previous_page_uri": address(page - 1) if page else None,
        "next_page_uri": address(page + 1) if len(wanted) > (page + 1) * size else None,
    }


def _in_dates(message: SimMessage, after: str) -> bool:
    """Twilio's `DateSent>=`: a day or an instant, in UTC. What is not sent yet has no such date."""
    if not after:
        return True
    moment = datetime.fromisoformat(after)
    start = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return message.status != "queued" and message.created >= start.timestamp()
