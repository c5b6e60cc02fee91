"""The customer's answer to "when may we call?", and to "on which number?": the call is moved or made."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.desk.callbacks import Callbacks
from gateway.domain.allowlist import Allowed, stopped
from gateway.domain.decision import Verb
from gateway.domain.model import Visibility
from gateway.routing.callbacks import Callback, Policy, State
from gateway.routing.wishes import NOT_THEN, Reach
from gateway.store.apply import apply
from gateway.workers.timers import Timers
from tests.store.engines import select, value
from tests.workers.rig import CLOSE_AFTER, SETTINGS, Rig, SameProcess, decision

WISH = "please call me"
NUMBER = "+8613800138000"
HOUR, DAY = 3600.0, 24 * 3600.0
#: NEW_YEAR is eight in the morning in China.
THREE_PM = 7 * HOUR


def callbacks_on(rig: Rig) -> Callbacks:
    return Callbacks(rig.store, Policy(), Reach(), "general", apply, rig.clock, rig.ids)


def timers(rig: Rig) -> Timers:
    return Timers(
        rig.store, apply, rig.clock, rig.ids, rig.log, CLOSE_AFTER, callbacks=callbacks_on(rig)
    )


async def callback(rig: Rig) -> Callback:
    (row,) = await select(rig.store, "SELECT body, state, moment FROM callbacks")
    one = Callback.of_json(json.loads(row["body"]))
    assert (one.state, one.moment) == (State(row["state"]), row["moment"])
    return one


async def state(rig: Rig) -> str:
    return str(await value(rig.store, "SELECT state FROM inquiries"))


async def texts(rig: Rig) -> list[str]:
    rows = await select(
        rig.store, "SELECT text FROM messages WHERE direction = 'out' ORDER BY at, id"
    )
    return [row["text"] for row in rows]


async def wish(rig: Rig, words: str = WISH, **more: Any) -> None:
    """Ask for a call from a telephone, at nine in the morning."""
    rig.clock.advance(HOUR)
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words, sender=NUMBER, account="sms", **more)
    await timers(rig).once()
    rig.clock.advance(60.0)


async def says(rig: Rig, words: str, language: str = "", **more: Any) -> None:
    facts = {"language": language} if language else {}
    await rig.say(words, sender=NUMBER, account="sms", facts=facts, **more)


@pytest.mark.parametrize(
    ("words", "start", "end", "told"),
    [
        ("明天下午三点", DAY, DAY + HOUR, "1月2日15:00到16:00之间"),
        ("tomorrow 3pm", DAY, DAY + HOUR, "on 2 January, between 15:00 and 16:00 (your time)"),
        ("tomorrow afternoon", DAY - 3 * HOUR, DAY + 3 * HOUR, "between 12:00 and 18:00"),
        ("下午3点以后", 0.0, 9 * HOUR, "1月1日15:00以后"),
    ],
)
async def test_the_time_is_applied_to_the_call_that_stands_and_confirmed(
    rig: Rig, words: str, start: float, end: float, told: str
) -> None:
    began = rig.clock.now()
    await wish(rig)
    first = await callback(rig)
    assert (first.state, await state(rig)) == (State.DUE, "queued")
    await says(rig, words, "en" if words.isascii() else "zh-CN")
    moved = await callback(rig)
    assert (moved.id, moved.state) == (first.id, State.SCHEDULED)
    assert moved.window is not None
    three = began + THREE_PM
    assert (moved.window.start, moved.window.end) == (three + start, three + end)
    assert (moved.rank, moved.waiting_since) == (first.rank, first.waiting_since)
    assert told in (await texts(rig))[-1]
    (event,) = await rig.events("callback.scheduled")
    assert (event["callback"], event["by"], event["at"]) == (first.id, "customer", three + start)

    assert await timers(rig).once() == 1
    assert await state(rig) == "snoozed", "nobody is offered it before"
    assert (await callback(rig)).moment == three + start
    rig.clock.advance(three + start - rig.clock.now())
    assert await timers(rig).once() == 1
    assert ((await callback(rig)).state, await state(rig)) == (State.DUE, "queued")
    assert len(await rig.events("callback.scheduled")) == 1


async def test_it_can_be_said_again_and_at_once(rig: Rig) -> None:
    await wish(rig)
    await says(rig, "明天下午三点", "zh-CN")
    await timers(rig).once()
    await says(rig, "马上", "zh-CN")
    assert (await texts(rig))[-1] == "好的，我们会尽快给您回电。"
    assert await timers(rig).once() == 1
    assert ((await callback(rig)).state, await state(rig)) == (State.DUE, "queued")


async def test_the_day_counts_from_the_receipt_however_late_it_is_taken_up(rig: Rig) -> None:
    began = rig.clock.now()
    await wish(rig)
    await rig.message("tomorrow 3pm", sender=NUMBER, account="sms")
    rig.clock.advance(20 * HOUR)  # it is the next day
    await rig.drain()
    assert (await callback(rig)).moment == began + DAY + THREE_PM


async def test_a_time_that_cannot_be_is_not_taken_and_another_is_asked_for(rig: Rig) -> None:
    await wish(rig)
    before = await callback(rig)
    for words, language in (("tonight at 10pm", "en"), ("今晚十点", "zh-CN")):
        await says(rig, words, language)
        assert (await texts(rig))[-1] == NOT_THEN[language]
    assert await callback(rig) == before
    (first, _) = await rig.events("callback.not_moved")
    assert "quiet hours" in first["why"]
    assert await state(rig) == "queued"


async def test_what_is_not_sure_is_left_to_whoever_reads_it(rig: Rig) -> None:
    await wish(rig)
    before, said = await callback(rig), await texts(rig)
    for words in ("at 3", "after work", "tomorrow 3pm my card was stolen"):
        await says(rig, words)
    assert await callback(rig) == before
    assert await texts(rig) == said
    assert (await rig.log_kinds()).count("inquiry.customer_wrote") == 3


async def test_while_the_telephone_rings_nothing_is_moved(rig: Rig) -> None:
    await wish(rig)
    await callbacks_on(rig).begin((await callback(rig)).id, "ann")
    await says(rig, "tomorrow 3pm")
    assert (await callback(rig)).state is State.DIALLING
    assert await rig.events("callback.scheduled") == []


class Ringing(SameProcess):
    """Between the look and the plan somebody dials."""

    def __init__(self, calls: Callbacks, reference: str) -> None:
        super().__init__()
        self.calls_, self.reference = calls, reference

    async def run(self, function: Any, *args: object, timeout: float) -> Any:
        if not self.calls:
            await self.calls_.begin(self.reference, "ann")
        return await super().run(function, *args, timeout=timeout)


async def test_one_that_begins_to_ring_meanwhile_is_seen_and_not_overwritten(rig: Rig) -> None:
    """Nothing else of the inquiry changes by it: ann has it already."""
    await wish(rig)
    number = str(await value(rig.store, "SELECT number FROM inquiries"))
    await rig.desk().claim(number, "ann")
    one = await callback(rig)
    version = await value(rig.store, "SELECT version FROM inquiries")
    pipeline = rig.pipeline(workers=Ringing(callbacks_on(rig), one.id))
    await rig.message("tomorrow 3pm", sender=NUMBER, account="sms")
    await rig.drain(pipeline)
    assert (await callback(rig)).state is State.DIALLING
    assert pipeline.counts["replanned"] == 1
    assert await value(rig.store, "SELECT version FROM inquiries") == version + 1
    assert await rig.events("callback.scheduled") == []


async def test_of_another_inquiry_or_in_public_it_moves_nothing(rig: Rig) -> None:
    await wish(rig)
    before = await callback(rig)
    await rig.say("tomorrow 3pm", sender="+8613800138001", account="sms")
    await says(rig, "tomorrow 3pm", visibility=Visibility.PUBLIC)
    assert await callback(rig) == before


async def test_without_texts_left_for_today_it_is_moved_in_silence(rig: Rig) -> None:
    rig.settings = replace(SETTINGS, automatic_per_day=1)
    rig.think()
    await wish(rig)
    said = await texts(rig)
    assert len(said) == 1
    await says(rig, "tomorrow 3pm")
    assert (await callback(rig)).state is State.SCHEDULED
    assert await texts(rig) == said


async def test_what_a_machine_sends_first_says_that_it_is_one(rig: Rig) -> None:
    """As to a customer for whom an agent has asked for a call."""
    rig.clock.advance(HOUR)
    rig.answerer.usual = decision(Verb.ROUTE, "")
    await rig.say("my card", sender=NUMBER, account="sms")
    number = str(await value(rig.store, "SELECT number FROM inquiries"))
    await callbacks_on(rig).request(number, "ann")
    await says(rig, "tomorrow 3pm", "en")
    (text,) = await texts(rig)
    assert text.startswith("[automatic in en] We will call you on 2 January")


async def test_no_text_of_these_is_stopped_on_its_way_out(rig: Rig) -> None:
    await wish(rig)
    for words, language in (("明天下午三点", "zh-CN"), ("tomorrow 3pm", "en"), ("10pm", "en")):
        await says(rig, words, language)
    said = (await texts(rig))[1:]
    assert len(said) == 2  # the limit of a day is three
    assert [stopped(text, Allowed()) for text in (*said, *NOT_THEN.values())] == [None] * 4


# ---------------------------------------------------------------- from any channel


@pytest.mark.parametrize(
    ("words", "state_", "hour"),
    [
        ("please call me on 138 0013 8000", State.DUE, 0.25),
        ("请打13800138000 明天下午三点", State.SCHEDULED, 30),
        ("明天下午三点给我打电话，13800138000", State.SCHEDULED, 30),
        ("I have lost my card. My number is 138-0013-8000.", State.DUE, 0.25),
    ],
)
async def test_who_writes_elsewhere_and_says_which_number_is_called_on_it(
    rig: Rig, words: str, state_: State, hour: float
) -> None:
    rig.clock.advance(HOUR)
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words)
    assert await timers(rig).once() == 1
    made = await callback(rig)
    assert (made.number, made.channel, made.state) == (NUMBER, "http", state_)
    assert made.moment == rig.clock.now() + hour * HOUR


@pytest.mark.parametrize(
    "words",
    [
        "I sent money to 13800138000 by mistake, call me",
        "对方电话13800138000，请回电",
        "call me on 13800138000 or 13800138001",
        "call me",
    ],
)
async def test_nobody_is_called_on_a_number_that_is_only_told_of(rig: Rig, words: str) -> None:
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words)
    assert await select(rig.store, "SELECT * FROM callbacks") == []
    assert await state(rig) == "queued"


async def test_who_writes_from_a_telephone_may_name_another(rig: Rig) -> None:
    await wish(rig, "please call me on 13900139000")
    assert (await callback(rig)).number == "+8613900139000"
    await rig.meddle("DELETE FROM callbacks")
    other = "I sent money to 13700137000, call me back"
    rig.answerer.answers[other] = decision(evidence={"rule": "callback"})
    await rig.meddle("UPDATE inquiries SET state = 'answered'")
    await says(rig, other)
    assert (await callback(rig)).number == NUMBER


async def test_a_named_number_that_is_not_called_makes_no_call(rig: Rig) -> None:
    words = "call me on +1 202 555 0123"
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words)
    assert await select(rig.store, "SELECT * FROM callbacks") == []
    assert await rig.events("callback.refused") == [{"reason": "country"}]


@pytest.mark.parametrize(
    "more",
    [
        {"facts": {"mail_class": "list"}},
        {"facts": {"authentication": "dmarc=fail"}},
        {"visibility": Visibility.PUBLIC},
    ],
)
async def test_nobody_is_called_for_a_machine_a_forger_or_by_what_all_can_read(
    rig: Rig, more: dict[str, Any]
) -> None:
    words = "please call me on 13800138000"
    rig.answerer.answers[words] = decision(evidence={"rule": "callback"})
    await rig.say(words, account="box", sender="li@example.org", **more)
    assert await state(rig) == "queued"
    assert await select(rig.store, "SELECT * FROM callbacks") == []


@pytest.mark.parametrize(
    ("reply", "made"),
    [
        ("13800138000", True),
        ("13800138000 tomorrow 3pm", True),
        ("my phone is 13800138000, at home", True),
        ("I sent it to 13800138000", False),
        ("any time", False),
    ],
)
async def test_the_number_may_follow_when_it_was_asked_for(
    rig: Rig, reply: str, made: bool
) -> None:
    rig.clock.advance(HOUR)
    rig.answerer.answers[WISH] = decision(evidence={"rule": "callback"})
    await rig.say(WISH)
    await rig.say(reply)
    found = await select(rig.store, "SELECT number FROM callbacks")
    assert found == ([{"number": NUMBER}] if made else [])


async def test_a_number_without_a_wish_for_a_call_is_only_read(rig: Rig) -> None:
    await rig.say("hello")
    await rig.say("13800138000")
    assert await select(rig.store, "SELECT * FROM callbacks") == []
