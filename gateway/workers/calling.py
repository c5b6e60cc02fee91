"""A customer who asks for a call gets one, and says when: on the telephone they write from, or on the number
they write.
"""

from collections.abc import Mapping
from contextlib import suppress

from gateway.desk.asked import PHONE
from gateway.domain.channel import Inbound
from gateway.domain.errors import NotAllowed
from gateway.domain.model import JSON, Visibility
from gateway.domain.plan import MoveCallback, RequestCallback
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.routing.callbacks import TRANSITIONS, Callback, Policy, Window, schedule
from gateway.routing.wishes import (
    AT_ONCE_FOR,
    NOT_THEN,
    BadNumber,
    Reach,
    agreed,
    beside_number,
    window_of,
    zone_of,
)
from gateway.workers.draft import Draft

#: In the dialogue: a call is wished for, and no number is known.
AWAITED: Mapping[str, JSON] = {"call": "number?"}


def wished(
    draft: Draft,
    event: Inbound,
    seen: Snapshot,
    inquiry: InquiryView,
    reach: Reach,
    policy: Policy,
    *,
    believed: bool = True,
) -> RequestCallback | None:
    """The callback that a message asks for: at the time that it says, where that is sure, else as soon as
    it may be, because an agent reads what was written before dialling and may move it. Where the time
    zone is not known, or no call is allowed then, a person asks. None without a number that is called;
    the inquiry is in its queue in any case.

    `believed`: a number in the text counts. Who only claims to write, or writes in public, has nobody
    called.
    """
    number, words = _number(draft, event, seen, inquiry, reach, believed=believed)
    if not number:
        return None
    return _requested(draft, seen, inquiry, number, words, policy)


def number_follows(
    draft: Draft, event: Inbound, seen: Snapshot, inquiry: InquiryView, reach: Reach, policy: Policy
) -> RequestCallback | None:
    """The callback of a customer who had asked for one, was called on no number, and now writes one."""
    awaited = AWAITED.items() <= inquiry.dialogue.items() and seen.callback is None
    beside = beside_number(event.text, reach.region_of(inquiry.brand))
    number = reach.read(event.text, inquiry.brand)
    if not awaited or beside is None or isinstance(number, BadNumber):
        return None
    words, mine = beside
    zone = zone_of(number, draft.received_at)
    only = not words or (zone and window_of(words, zone, draft.received_at))
    if event.visibility is Visibility.PUBLIC or not (mine or only):
        return None
    return _requested(draft, seen, inquiry, number, words, policy)


def said_when(
    draft: Draft, event: Inbound, seen: Snapshot, policy: Policy, language: str
) -> tuple[str, bool]:
    """The customer says when they may be called, and nothing else: the callback that stands is moved.

    What is not sure is left to whoever reads it. The day counts from when the message was received.

    Returns what to tell the customer, '' where the message says no time, and whether the call was moved.
    """
    if seen.callback is None or event.visibility is Visibility.PUBLIC:
        return "", False
    one = Callback.of_json(seen.callback)
    zone = one.window.zone if one.window else zone_of(one.number, draft.received_at)
    if (one.state, "schedule") not in TRANSITIONS or zone is None:
        return "", False
    window = window_of(event.text, zone, draft.received_at)
    if window is None:
        return "", False
    try:
        moved = schedule(one, window, seen.now, policy)
    except NotAllowed as error:
        draft.log("callback.not_moved", callback=one.id, why=str(error))
        return NOT_THEN["zh-CN" if language.startswith("zh") else "en"], False
    was = (one.state.value, one.moment)
    draft.add(MoveCallback(one.id, was, moved.state.value, moved.moment, moved.to_json()))
    draft.log(
        "callback.scheduled",
        callback=one.id, state=moved.state.value, at=moved.moment,
        attempts=len(moved.attempts), why="", by="customer",
    )  # fmt: skip
    return agreed(window, moved.moment, seen.now, language), True


def _number(
    draft: Draft,
    event: Inbound,
    seen: Snapshot,
    inquiry: InquiryView,
    reach: Reach,
    *,
    believed: bool,
) -> tuple[str, str]:
    """The number that the text says to call, else the telephone that they write from, and the rest of the
    text; '' where none is called."""
    beside = beside_number(event.text, reach.region_of(inquiry.brand)) if believed else None
    if beside is not None and beside[1]:
        words, number = beside[0], reach.read(event.text, inquiry.brand)
    elif seen.account.space == PHONE:
        words, number = event.text, reach.read(event.sender, inquiry.brand)
    else:
        return "", ""
    if isinstance(number, BadNumber):
        draft.log("callback.refused", reason=number.value)
        return "", ""
    return number, words


def _requested(
    draft: Draft, seen: Snapshot, inquiry: InquiryView, number: str, words: str, policy: Policy
) -> RequestCallback:
    one = Callback(
        id=draft.id("cb"),
        inquiry_id=inquiry.id,
        number=number,
        brand=inquiry.brand,
        channel=seen.account.kind,
        waiting_since=seen.now,
        rank=seen.now,
        moment=seen.now + policy.patience,
    )
    if (zone := zone_of(number, draft.received_at)) is not None:
        at_once = Window(seen.now, seen.now + AT_ONCE_FOR, zone)
        wished = window_of(words, zone, draft.received_at) or at_once
        with suppress(NotAllowed):
            one = schedule(one, wished, seen.now, policy)
    return RequestCallback(one.id, inquiry.id, number, one.state.value, one.moment, one.to_json())
