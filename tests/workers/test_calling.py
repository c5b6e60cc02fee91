"""Who asks for a call and writes from a telephone is called back there, once for each inquiry."""

import json
from typing import Any

import pytest

from gateway.desk.callbacks import Callbacks
from gateway.domain.decision import Verb
from gateway.domain.model import InquiryState
from gateway.routing.callbacks import Callback, Policy, State
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from gateway.workers.timers import Timers
from tests.store.engines import select
from tests.workers.rig import CLOSE_AFTER, Rig, decision

WISH = "please call me"
NUMBER = "+8613800138000"


def wishes(rig: Rig, **changes: Any) -> None:
    rig.answerer.answers[WISH] = decision(evidence={"rule": "callback"}, **changes)


async def callbacks(rig: Rig) -> list[Callback]:
    rows = await select(rig.store, "SELECT body FROM callbacks ORDER BY created_at, id")
    return [Callback.of_json(json.loads(row["body"])) for row in rows]


def timers(rig: Rig) -> Timers:
    calls = Callbacks(rig.store, Policy(), Reach(), "general", apply, rig.clock, rig.ids)
    return Timers(rig.store, apply, rig.clock, rig.ids, rig.log, CLOSE_AFTER, callbacks=calls)


async def test_it_is_asked_for_at_the_place_of_the_inquiry_and_due_within_the_day(
    rig: Rig,
) -> None:
    rig.clock.advance(3600)  # nine in China
    wishes(rig)
    await rig.say(WISH, sender=NUMBER, account="sms")
    (inquiry,) = await select(rig.store, "SELECT id, state, rank, waiting_since FROM inquiries")
    (asked,) = await callbacks(rig)
    assert (asked.number, asked.inquiry_id, asked.channel) == (NUMBER, inquiry["id"], "sms")
    assert (asked.rank, asked.waiting_since) == (inquiry["rank"], inquiry["waiting_since"])
    assert inquiry["state"] == "queued"
    (event,) = await rig.events("callback.requested")
    assert (event["callback"], event["by"]) == (asked.id, "customer")
    assert await timers(rig).once() == 1
    assert (await callbacks(rig))[0].state is State.DUE
    assert (await select(rig.store, "SELECT state FROM inquiries"))[0]["state"] == "queued"


async def test_at_night_it_waits_for_the_morning_with_its_inquiry(rig: Rig) -> None:
    wishes(rig)
    await rig.say(WISH, sender=NUMBER, account="sms")
    assert await timers(rig).once() == 1
    (asked,) = await callbacks(rig)
    assert (asked.state, asked.moment) == (State.SCHEDULED, rig.clock.now() + 3600)
    assert (await select(rig.store, "SELECT state FROM inquiries"))[0]["state"] == "snoozed"
    rig.clock.advance(3600)
    assert await timers(rig).once() == 1
    (inquiry,) = await select(rig.store, "SELECT state, rank, waiting_since FROM inquiries")
    assert (inquiry["state"], inquiry["rank"], inquiry["waiting_since"]) == (
        "queued", asked.rank, asked.waiting_since,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "state", "hour"),
    [
        ("请明天下午三点给我打电话", State.SCHEDULED, 31),
        ("今晚十点半打给我", State.REQUESTED, 24),  # quiet: a person asks
        ("周三 3 点左右方便的话打给我", State.SCHEDULED, 1),  # not sure: as soon as may be
    ],
)
async def test_the_time_that_the_message_says_counts_where_it_is_sure(
    rig: Rig, words: str, state: State, hour: int
) -> None:
    """NEW_YEAR is eight in the morning in China."""
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words, sender=NUMBER, account="sms")
    assert await timers(rig).once() == 1
    (asked,) = await callbacks(rig)
    assert (asked.state, asked.moment) == (state, rig.clock.now() + hour * 3600)
    (inquiry,) = await select(rig.store, "SELECT state FROM inquiries")
    assert inquiry["state"] == ("queued" if state is State.REQUESTED else "snoozed")


async def test_once_for_each_inquiry(rig: Rig) -> None:
    wishes(rig)
    await rig.say(WISH, sender=NUMBER, account="sms")
    # Brought back to the machine, as by an answer to it.
    await rig.meddle(f"UPDATE inquiries SET state = '{InquiryState.ANSWERED}'")
    await rig.say(WISH, sender=NUMBER, account="sms")
    assert (await rig.log_kinds()).count("inquiry.queued") == 2
    assert len(await callbacks(rig)) == 1
    assert (await rig.log_kinds()).count("callback.requested") == 1
    assert len(await select(rig.store, "SELECT * FROM timers WHERE kind = 'callback'")) == 1


async def test_from_elsewhere_and_without_the_wish_it_is_only_routed(rig: Rig) -> None:
    wishes(rig)
    await rig.say(WISH, sender="user-1", account="app")
    await rig.say("hello", sender=NUMBER, account="sms")
    assert (await rig.log_kinds()).count("inquiry.queued") == 2
    assert await callbacks(rig) == []


async def test_a_number_that_is_not_called_is_only_routed_and_the_log_says_why(rig: Rig) -> None:
    wishes(rig)
    await rig.say(WISH, sender="+12025550123", account="sms")
    assert await callbacks(rig) == []
    assert await rig.events("callback.refused") == [{"reason": "country"}]
    assert (await select(rig.store, "SELECT state FROM inquiries"))[0]["state"] == "queued"


async def test_an_answer_that_goes_out_by_itself_asks_for_no_call(rig: Rig) -> None:
    wishes(rig, verb=Verb.ASK)
    await rig.say(WISH, sender=NUMBER, account="sms")
    assert await callbacks(rig) == []
