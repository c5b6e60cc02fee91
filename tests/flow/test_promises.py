"""A promised day passes: the gateway asks by itself, and a "no" reaches the right people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from channels._sim_email import MailPeer
from channels._sim_http import HttpPeer
from channels._sim_sms import SmsPeer
from gateway.app import assemble, running
from gateway.config import Config
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Certificate
from tests.flow.play import MAILBOX, Play, Town
from tests.learnt import MODELS
from tests.store.engines import select, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAYS = 3
QUESTION = {"zh-CN": "我的提现还没有到账，怎么办", "en": "my withdrawal has not arrived"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A gateway whose brand promises withdrawals, with a clock that a test may move."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(HttpPeer())
        sms = await stack.enter_async_context(SmsPeer())
        mail = await stack.enter_async_context(MailPeer())
        config = Config.model_validate(
            {
                "database": database,
                "data_dir": tmp_path_factory.mktemp("town"),
                "server": {"port": 0, "allow_private": True},
                "answers": {"bootstrap": False, "close_after_hours": 24, "models": MODELS},
                "workers": {"processes": 1, "poll_seconds": 0.02},
                "brands": {"demo": {"name": "Demo", "facts": {"withdraw_days": f"1-{DAYS}"}}},
                "accounts": {
                    "sms": {"kind": "sms", **sms.account_settings()},
                    "box": {"kind": "email", **mail.account_settings(MAILBOX)},
                },
            }
        )
        gateway = await stack.enter_async_context(assemble(config))
        await stack.enter_async_context(running(gateway))
        permit = Certificate("cert-1", "*/*/normal", 0.05, 0.1, 0.3, 100, 0, gateway.knowledge)
        await gateway.certify(permit)
        yield Town(gateway, app, sms, mail)


def calendar_of(town: Town) -> Calendar:
    return town.gateway.config.domain_brands()["demo"].calendar


def move_clock(town: Town, to: float) -> None:
    """From now on it is `to`, and goes on from there."""
    clock: Any = town.gateway.clock
    ahead = to - clock.now()
    before = clock.now
    clock.now = lambda: before() + ahead
    town.gateway.timers.changed.set()


async def heard(town: Town, play: Play, account: str, number: int) -> Any:
    """The message of that number that reached the customer, once it has."""
    async with asyncio.timeout(20):
        while len(found := play._reached()[account]) < number:
            await asyncio.sleep(0.01)
    await town.quiet()
    assert len(found) == number
    return found[-1]


async def the_inquiry(play: Play) -> dict[str, Any]:
    (row,) = await play._inquiries()
    return row


async def test_an_sms_customer_is_asked_and_a_no_goes_to_payments(town: Town) -> None:
    calendar, play = calendar_of(town), Play(town, "+8613800001111")
    now = town.gateway.clock.now()
    due = calendar.add_business_days(calendar.day_of(now), DAYS)
    await play._sms(QUESTION["zh-CN"])
    answer = await heard(town, play, "sms", 1)
    assert f"最晚 {due.month}月{due.day}日" in answer.body

    move_clock(town, calendar.moment(due) + 23 * 3600)
    closing = "SELECT due_at FROM timers WHERE kind = 'close'"
    async with asyncio.timeout(20):
        while await value(town.gateway.store, closing) != calendar.opening_after(due) + 86400:
            await asyncio.sleep(0.01)
    assert (await the_inquiry(play))["state"] == "answered"
    assert len(play._reached()["sms"]) == 1

    move_clock(town, calendar.opening_after(due))
    asked = await heard(town, play, "sms", 2)
    assert f"最晚{due.month}月{due.day}日会有结果" in asked.body
    assert "没解决回2" in asked.body
    await play._sms("2")
    await heard(town, play, "sms", 3)
    inquiry = await the_inquiry(play)
    assert (inquiry["state"], inquiry["queue"]) == ("queued", "payments")
    rows = await select(
        town.gateway.store,
        "SELECT c.data FROM events e JOIN event_contents c ON c.event_id = e.id"
        f" WHERE e.kind = 'inquiry.queued' AND e.inquiry_id = '{inquiry['id']}'",
    )
    assert f"promise missed: withdraw_days by {due}" in rows[-1]["data"]


async def test_a_mail_customer_is_asked_in_the_thread_and_a_yes_is_the_end(town: Town) -> None:
    calendar, play = calendar_of(town), Play(town, "lee@mail.example")
    due = calendar.add_business_days(calendar.day_of(town.gateway.clock.now()), DAYS)
    await play._mail(QUESTION["en"], "Withdrawal")
    answer = await heard(town, play, "box", 1)
    assert f"{due:%A} {due.day} {due:%B}" in answer.text
    move_clock(town, calendar.opening_after(due))
    asked = await heard(town, play, "box", 2)
    assert f"would be settled by {due:%A} {due.day} {due:%B}" in asked.text
    assert asked.headers["auto-submitted"] == "auto-replied"
    assert asked.in_reply_to
    await play._mail("1", answers=1)
    await heard(town, play, "box", 3)
    inquiry = await the_inquiry(play)
    assert inquiry["state"] == "resolved"
    waiting = f"SELECT COUNT(*) FROM timers WHERE kind = 'promise' AND subject = '{inquiry['id']}'"
    assert await value(town.gateway.store, waiting) == 0
