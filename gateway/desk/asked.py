"""What is asked for with a callback: which number is called, and when. What is not sure is refused, with
what to ask the customer.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.errors import NotAllowed
from gateway.domain.store import Reader, Row
from gateway.routing.callbacks import Callback, Window
from gateway.routing.wishes import (
    ASKS,
    AT_ONCE_FOR,
    QUESTIONS,
    BadNumber,
    Reach,
    window_of,
    zone_of,
)

PHONE = "phone"
"""The address space of handles that can be called."""


class NumberRefused(NotAllowed):
    """A number that is not called: `reason` says why, `question` what to ask the customer, in their
    language."""

    def __init__(self, reason: BadNumber, language: str) -> None:
        self.reason = reason
        self.question = QUESTIONS[ASKS[reason]]["zh-CN" if language.startswith("zh") else "en"]
        why = reason.value.replace("_", " ")
        super().__init__(f"the number is not taken ({why}); ask the customer: {self.question}")


def number_of(
    reader: Reader, inquiry: Row, given: str, before: Callback | None, reach: Reach
) -> str:
    """The number that is called, as E.164.

    Args:
        reader: the database.
        inquiry: about which.
        given: as the customer wrote it; '': the telephone they write from.
        before: the callback that stands; its number does not change.
        reach: whose numbers are called.

    Raises:
        NumberRefused: it is not called.
        NotAllowed: there is none, or another one stands.
    """
    if before is not None and not given:
        return before.number
    text = given
    if not text:
        handle = reader.one("contacts.handle_of_conversation", id=inquiry["conversation_id"])
        if handle is None or handle["space"] != PHONE:
            raise NotAllowed("the customer writes from no telephone; say which number to call")
        text = handle["address"]
    number = reach.read(text, inquiry["brand"])
    if isinstance(number, BadNumber):
        raise NumberRefused(number, inquiry["language"])
    if before is not None and number != before.number:
        raise NotAllowed(f"callback {before.id} to another number stands; cancel it first")
    return number


def window_meant(number: str, when: str, zone: str, now: float) -> Window | None:
    """When the customer wants to be called; None where it is not known where they are, and nothing was
    said. Raises `NotAllowed` for what is not sure."""
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise NotAllowed(
                f"there is no time zone {zone!r}; write it as Asia/Shanghai"
            ) from error
    there = zone or zone_of(number, now)
    if there is None:
        if not when:
            return None
        raise NotAllowed("the number may be in several time zones; say in which the customer is")
    if not when:
        return Window(now, now + AT_ONCE_FOR, there)
    if (window := window_of(when, there, now)) is None:
        msg = (
            f"it is not sure what {when!r} means; ask for a day and an hour, "
            "as 'tomorrow 3pm' or '明天下午三点'"
        )
        raise NotAllowed(msg)
    return window
