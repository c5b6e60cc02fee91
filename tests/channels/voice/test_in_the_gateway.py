"""The hotline behind the gateway's own webhook route, store and planner, over HTTP."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from channels._voice_prompts import PROMPTS
from channels.voice import ANSWERS_WITHIN
from gateway.delivery.in_place import InPlace
from gateway.domain.allowlist import Allowed
from gateway.domain.decision import Verb
from gateway.intake.webhook import Door, WebhookRoute
from gateway.testing import phone as phones
from gateway.testing.phone import HangUp, Keys, Phone, Says, Silent
from gateway.testing.world import build_world
from tests.channels.voice.kit import CALLER, HOTLINE, SID, TOKEN, build
from tests.store.engines import select
from tests.workers.rig import ACCOUNTS, decision

EN = PROMPTS["en"]
ANSWERED = decision(Verb.ANSWER, reply="It arrives within a day. Did this solve it?")
ASKED = decision(Verb.ASK, reply="Which one is it?")
QUEUED = decision(Verb.ROUTE, reply="A person takes over.", queue="payments")
SOLVED = decision(Verb.ANSWER, reply="We are glad.", evidence={"solved": True})
CALLBACK = decision(Verb.ROUTE, reply="We will call you.", evidence={"rule": "callback"})
DECISIONS = {
    "my top-up is missing": ANSWERED,
    "my card": ASKED,
    EN["words_yes"]: SOLVED,
    EN["words_person"]: QUEUED,
    EN["words_callback"]: CALLBACK,
    EN["words_callback_to"].replace("{telephone}", "+8613900139000"): CALLBACK,
}


@asynccontextmanager
async def hotline(rig, *, planning=True):
    view = replace(ACCOUNTS["sms"], id="main", kind="voice", form="voice", hold=ANSWERS_WITHIN + 1)
    rig.accounts = {**rig.accounts, "main": view}
    rig.answerer.usual = QUEUED
    rig.answerer.answers = dict(DECISIONS)
    rig.answerer.wishes_call = lambda question: "call me" in question.text
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    world = build_world(public_url=url)
    channel = build(world, language="en")
    route = WebhookRoute(
        {"main": Door.of("voice", "main", channel)}, rig.intake(), rig.clock, rig.log,
        public_url=url, body_limit=65536, in_flight=8,
        answers=InPlace(rig.store, rig.clock, rig.ids, rig.log, "w1", {"main": Allowed()}),
    )  # fmt: skip
    application = web.Application()
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, door).start()
    task = asyncio.create_task(rig.pipeline(poll=0.005).run()) if planning else None
    base = f"{url}/in/voice/main"
    try:
        yield channel, Phone(
            base, TOKEN, CALLER, HOTLINE, account_sid=SID,
            status_url=f"{base}/ended", fallback_url=f"{base}/fallback",
        )  # fmt: skip
    finally:
        if task:
            task.cancel()
            await asyncio.wait([task])
        await runner.cleanup()


async def settled(rig):
    """Every event planned."""
    async with asyncio.timeout(10):
        while await select(rig.store, "SELECT id FROM raw_events WHERE state = 'pending'"):
            await asyncio.sleep(0.01)


async def inquiries(rig):
    return [row["state"] for row in await select(rig.store, "SELECT state FROM inquiries")]


async def test_a_call_is_one_inquiry_that_is_answered_and_solved(rig):
    async with hotline(rig) as (_, phone):
        call = await phone.call(Says("my top-up is missing"), Keys("1"))
        await settled(rig)
    assert "It arrives within a day. Did this solve it?" in call.spoken
    assert call.spoken[-2:] == ["We are glad.", EN["goodbye"]]
    assert await inquiries(rig) == ["resolved"]
    rows = await select(rig.store, "SELECT state, external_id FROM outbox")
    assert [row["state"] for row in rows] == ["sent", "sent"]
    assert all(row["external_id"].startswith("here:") for row in rows)


async def test_star_says_the_answer_again_and_sends_nothing(rig):
    async with hotline(rig) as (_, phone):
        call = await phone.call(Says("my top-up is missing"), Keys("*"), Keys("*"), Keys("1"))
        await settled(rig)
    assert call.spoken.count("It arrives within a day. Did this solve it?") == 3
    rows = await select(rig.store, "SELECT state FROM outbox")
    assert [row["state"] for row in rows] == ["sent", "sent"]


async def test_a_question_of_the_gateways_is_answered_in_the_same_call(rig):
    async with hotline(rig) as (_, phone):
        call = await phone.call(Says("my card"), Says("my top-up is missing"), Keys("1"))
        await settled(rig)
    assert call.spoken.count("Which one is it?") == 1
    assert await inquiries(rig) == ["resolved"]


async def test_a_person_and_a_callback(rig):
    async with hotline(rig) as (_, phone):
        call = await phone.call(Keys("0"), Keys("1"))
        await settled(rig)
    number = (await select(rig.store, "SELECT number FROM inquiries"))[0]["number"]
    assert f"Your number is: {' '.join(number.replace('-', ''))}." in call.spoken
    assert call.ended_by == "hotline"
    assert await inquiries(rig) == ["queued"]


async def test_silence_and_hang_ups_leave_an_inquiry_for_people(rig):
    async with hotline(rig) as (_, phone):
        await phone.call(HangUp())
        await replace(phone, number="+8613800138001").call(*[Silent()] * 5)
        shy = replace(phone, number="+8613800138002")
        await shy.call(Silent(), Silent(), Keys("3"), Says("help", gone=True))
        await settled(rig)
    assert await inquiries(rig) == ["queued", "queued", "queued"]
    assert await select(rig.store, "SELECT id FROM outbox") == []


PATHS = (
    (Says("my top-up is missing"), Keys("*"), Keys("1")),
    (Says("something odd"), Silent(), Keys("1")),
    (Keys("0"), Keys("2"), Keys("13900139000")),
    (Silent(), Silent(), Keys("3"), Says("my own words")),
    (Silent(), Keys("9"), Silent(), Silent(), Silent()),
)
#: By path: whom its last caller wants called.
CALLED = {1: ["+8613800139003"], 2: ["+8613900139000"]}


@pytest.mark.parametrize("path", PATHS)
async def test_who_hangs_up_at_any_step_is_answered_or_with_people(rig, path):
    """Each caller hangs up one step later than the one before."""
    async with hotline(rig) as (_, phone):
        for steps in range(len(path) + 1):
            caller = replace(phone, number=f"+861380013900{steps}")
            await caller.call(*path[:steps])
        await settled(rig)
    found = await inquiries(rig)
    assert len(found) == len(path) + 1
    assert set(found) <= {"answered", "resolved", "queued"}
    called = await select(rig.store, "SELECT number FROM callbacks")
    assert [row["number"] for row in called] == CALLED.get(PATHS.index(path), [])


async def test_a_question_that_nobody_waits_for_an_answer_of_comes_to_a_person(rig):
    """The caller hangs up before the decision: it cannot be said, and a person is told so."""
    async with hotline(rig, planning=False) as (channel, phone):
        calling = asyncio.create_task(phone.call(Says("my top-up is missing", gone=True)))
        async with asyncio.timeout(10):
            while not await select(rig.store, "SELECT id FROM raw_events"):
                await asyncio.sleep(0.01)
        rig.clock.advance(ANSWERS_WITHIN + 0.1)
        call = await calling
        assert call.ended_by == "caller"
        await rig.drain()
        assert await inquiries(rig) == ["answered"]
        rig.clock.advance(ANSWERS_WITHIN + 2)
        delivering = asyncio.create_task(rig.delivery({"main": channel}).run())
        async with asyncio.timeout(10):
            while not await select(rig.store, "SELECT id FROM outbox WHERE state = 'dropped'"):
                await asyncio.sleep(0.01)
        delivering.cancel()
        await asyncio.wait([delivering])
        await rig.drain()
    assert await inquiries(rig) == ["queued"]


async def test_a_decision_that_comes_while_the_caller_holds_the_line_is_heard(rig):
    holding = asyncio.Event()

    async def post(url, headers, body):
        if "/wait?" in url:
            holding.set()
        return await phones._post(url, headers, body)

    async with hotline(rig, planning=False) as (_, phone):
        caller = replace(phone, post=post)
        calling = asyncio.create_task(caller.call(Says("my top-up is missing"), HangUp()))
        async with asyncio.timeout(10):
            while not await select(rig.store, "SELECT id FROM raw_events"):
                await asyncio.sleep(0.01)
            rig.clock.advance(ANSWERS_WITHIN + 0.1)
            await holding.wait()
        await rig.drain()
        call = await calling
    assert call.spoken[-2:] == [EN["moment"], "It arrives within a day. Did this solve it?"]


async def test_a_forged_step_is_refused(rig):
    async with hotline(rig) as (_, phone):
        with pytest.raises(AssertionError, match="HTTP 403"):
            await replace(phone, token="another", fallback_url="").call()
    assert await select(rig.store, "SELECT id FROM raw_events") == []
