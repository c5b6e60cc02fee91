"""Twilio's list of messages: what on it could be ours, and what of it no webhook has told us."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlencode

from channels._text import clean
from channels._twilio_messages import read_message, read_status
from gateway.domain.channel import ChannelEvent, Inbound, Sent
from gateway.domain.model import JSON

#: Twilio's dates are whole seconds of its own clock.
CLOCK_SLACK = 60.0
#: Seconds in which a webhook may still come: a message younger than that is left to it, because it says
#: more (OptOutType, country) than the list does. Twilio waits 15 s for an answer, five times at most.
SETTLE = 120.0
#: Seconds that two looks overlap, for messages that Twilio lists late.
OVERLAP = 300.0
#: Seconds for which the fate of a message of ours is looked at again.
FATE = 3600.0
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Place:
    """How far the lists have been read. Every number has two: what came to it, and what left it."""

    until: float
    """Everything that came before is taken."""
    upto: float = 0.0
    """Until when the look under way goes; 0: none is."""
    step: int = 0
    """Which list: twice the number's place, and one more for what left it."""
    page: str = ""
    """Path of the next page of that list."""

    @classmethod
    def of(cls, cursor: JSON) -> Self | None:
        """From a stored cursor; None for one that is none of ours."""
        if not isinstance(cursor, Mapping) or not isinstance(cursor.get("until"), int | float):
            return None
        names = cls.__slots__
        return cls(**{name: cursor[name] for name in names if name in cursor})  # type: ignore[arg-type]  # as `stored` made it

    def stored(self) -> JSON:
        """As a cursor."""
        return asdict(self)

    @property
    def outgoing(self) -> bool:
        """Whether the list is of what left the number."""
        return self.step % 2 == 1

    @property
    def since(self) -> float:
        """From when on messages of the list are of interest."""
        return self.until - (FATE if self.outgoing else OVERLAP)

    def begun(self, settled: float, numbers: int) -> Self:
        """The look that is under way, else a new one up to `settled`. One at a list that is no more,
        because numbers were taken out of the settings, begins anew."""
        if self.upto and self.step < 2 * numbers:
            return self
        return replace(self, upto=max(settled, self.until), step=0, page="")

    def query(self, numbers: Sequence[str]) -> str:
        """Of the first page. Twilio's filter is a day in UTC or finer: what it lists beyond `since` is
        left out here."""
        after = datetime.fromtimestamp(self.since - CLOCK_SLACK, UTC)
        return urlencode(
            {
                "From" if self.outgoing else "To": numbers[self.step // 2],
                "DateSent>": f"{after:%Y-%m-%dT%H:%M:%SZ}",
                "PageSize": _PAGE_SIZE,
            }
        )

    def after(self, page: str, numbers: Sequence[str]) -> Self:
        """Where to go on: the next page, the next list, or the next look."""
        if page:
            return replace(self, page=page)
        if self.step + 1 < 2 * len(numbers):
            return replace(self, step=self.step + 1, page="")
        return type(self)(until=self.upto)

    def wants(self, message: Mapping[str, Any]) -> bool:
        """Whether a listed message is of interest now."""
        at = date_of(message)
        if not _text(message, "sid"):
            return False
        return at is None or (at >= self.since and (self.outgoing or at < self.upto))


def date_of(message: Mapping[str, Any]) -> float | None:
    """When it was sent, or made."""
    return date(message.get("date_sent")) or date(message.get("date_created"))


def read_listed(
    message: Mapping[str, Any],
    media: Sequence[Mapping[str, str]],
    opt_out_words: Iterable[str] = (),
) -> Inbound:
    """A customer's message, as its webhook would have told it. Raises `ParseError`.

    Args:
        message: the resource.
        media: `url` and `content_type` of each picture.
        opt_out_words: of the account, beside the usual ones.
    """
    form = {
        "MessageSid": _text(message, "sid"),
        "From": _text(message, "from"),
        "To": _text(message, "to"),
        "Body": _text(message, "body"),
        "NumMedia": str(len(media)),
    }
    for number, file in enumerate(media):
        form[f"MediaUrl{number}"] = file["url"]
        form[f"MediaContentType{number}"] = file["content_type"]
    return replace(read_message(form, opt_out_words), at=date_of(message))


def read_fate(message: Mapping[str, Any]) -> tuple[ChannelEvent, ...]:
    """What became of a message of ours, as its status callback would have told it; nothing while it is
    under way. Raises `ParseError`."""
    return read_status(
        {
            "MessageSid": _text(message, "sid"),
            "MessageStatus": _text(message, "status"),
            "ErrorCode": _code(message.get("error_code")),
            "To": _text(message, "to"),
        }
    )


def sent_of(message: Mapping[str, Any], parts: int = 1) -> Sent:
    """A message that Twilio has made. `parts`: where it has not counted them yet."""
    counted = str(message.get("num_segments") or "")
    if counted.isascii() and counted.isdigit() and int(counted) > 0:
        parts = int(counted)
    return Sent(
        external_id=str(message.get("sid", "")),
        at=date(message.get("date_created")),
        parts=parts,
        detail=str(message.get("status", "")),
    )


def could_be(message: Mapping[str, Any], text: str, since: float) -> bool:
    """Whether a listed message may be our text. In doubt it may: an account can have bodies hidden,
    a date can be missing."""
    if message.get("direction") != "outbound-api" or not message.get("sid"):
        return False
    created = date(message.get("date_created"))
    if created is not None and created < since - CLOCK_SLACK:
        return False
    body = _letters(str(message.get("body") or ""))
    # A trial account puts a sentence of its own before the text.
    return not body or body.endswith(_letters(text))


def date(value: object) -> float | None:
    """Twilio's dates are of RFC 2822, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def _text(message: Mapping[str, Any], field: str) -> str:
    found = message.get(field)
    return clean(found) if isinstance(found, str) else ""


def _code(found: object) -> str:
    return str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
