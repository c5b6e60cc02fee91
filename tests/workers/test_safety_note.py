"""Whoever sent a secret hears once in a conversation and day what to do, machine or person on it."""

import pytest

from gateway.domain.model import InquiryState
from gateway.domain.plan import AddMessage, Send
from gateway.workers.snapshots import look
from tests.workers.plans import ANSWER, inquiry, message, ops, plan, seen
from tests.workers.rig import ACCOUNTS, SETTINGS, Rig

SECRET = {"redactions": ["code"]}
DAY = 86400.0


@pytest.mark.parametrize(
    "view",
    [
        inquiry(InquiryState.QUEUED),
        inquiry(InquiryState.ASSIGNED, assigned_to="lin"),
        inquiry(InquiryState.WAITING_CUSTOMER, assigned_to="lin"),
    ],
)
def test_the_note_goes_out_by_itself_when_a_person_has_the_inquiry(view):
    made = plan(message("[code]", facts=SECRET), seen(view), ANSWER)
    (sent,) = ops(made, Send)
    assert sent.payload["text"].startswith("[redacted")
    _, note = ops(made, AddMessage)
    assert note.automatic
    assert note.meta["safety"] is True


@pytest.mark.parametrize(
    "changes",
    [{"warned": True}, {"automatic_today": SETTINGS.automatic_per_day}],
)
def test_it_goes_out_once_and_within_the_budget_of_the_day(changes):
    view = inquiry(InquiryState.ASSIGNED, assigned_to="lin")
    assert not ops(plan(message("[code]", facts=SECRET), seen(view, **changes), ANSWER), Send)


def test_nobody_is_warned_of_nothing():
    view = inquiry(InquiryState.ASSIGNED, assigned_to="lin")
    assert not ops(plan(message("hello"), seen(view), ANSWER), Send)


@pytest.mark.parametrize("facts", [{"mail_class": "auto_reply"}, {"mail_class": "list"}])
def test_no_machine_is_warned(facts):
    made = plan(message("[code]", facts=SECRET | facts), seen(inquiry(InquiryState.QUEUED)), ANSWER)
    assert not ops(made, Send)


async def test_what_was_said_is_found_again_for_a_day(rig: Rig):
    rig.think()
    await rig.say("my code is [code]", facts=SECRET)
    again = message("[code]", facts=SECRET)
    now = rig.clock.now()

    async def warned(at: float) -> bool:
        return (await rig.store.read(lambda r: look(r, again, ACCOUNTS["app"], at, 1))).warned

    assert await warned(now + 600)
    assert not await warned(now + 3 * DAY)
