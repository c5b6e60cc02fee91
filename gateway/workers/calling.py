"""A customer who asks for a call, and writes from a telephone, is called back there."""

from contextlib import suppress

from gateway.desk.asked import PHONE
from gateway.domain.channel import Inbound
from gateway.domain.errors import NotAllowed
from gateway.domain.plan import RequestCallback
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.routing.callbacks import Callback, Policy, Window, schedule
from gateway.routing.wishes import AT_ONCE_FOR, BadNumber, Reach, window_of, zone_of
from gateway.workers.draft import Draft


def call_back(
    draft: Draft,
    event: Inbound,
    seen: Snapshot,
    inquiry: InquiryView,
    reach: Reach,
    policy: Policy,
) -> None:
    """Plan the callback: at the time that the message says, where that is sure, else as soon as it may
    be, because an agent reads what was written before dialling and may move it. Where the time zone is
    not known, or no call is allowed then, a person asks. A number that is not called makes no
    callback; the inquiry is in its queue in any case."""
    if seen.account.space != PHONE:
        return
    number = reach.read(event.sender, inquiry.brand)
    if isinstance(number, BadNumber):
        draft.log("callback.refused", reason=number.value)
        return
    zone = zone_of(number, seen.now)
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
    if zone is not None:
        at_once = Window(seen.now, seen.now + AT_ONCE_FOR, zone)
        wished = window_of(event.text, zone, seen.now) or at_once
        with suppress(NotAllowed):
            one = schedule(one, wished, seen.now, policy)
    draft.add(
        RequestCallback(one.id, inquiry.id, number, one.state.value, one.moment, one.to_json())
    )
