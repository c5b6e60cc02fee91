"""On the outbox: however a process dies while LINE has its request, the customer gets it once."""

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from channels.line import Line, LineSettings
from gateway.testing.builders import webhook
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.delivery.at_work import FIRST, STATE, delivering, row, waiting
from tests.store.engines import value
from tests.workers.rig import Rig

TAKEN_BEFORE = Answer(409, {"message": "already accepted", "sentMessages": [{"id": "4612"}]})
TAKEN = Answer(200, {"sentMessages": [{"id": "4612"}]})


def line(rig: Rig, provider: FakeProvider) -> Line:
    settings = LineSettings(channel_secret="s", access_token="t", base_url=provider.url)
    return Line.from_account(settings, replace(build_world(), clock=rig.clock))


async def with_token(rig: Rig) -> None:
    """The message answers one that has just come."""
    found = await row(rig)
    payload = json.loads(found["payload"])
    payload["reply_to"] = {"token": "0f37", "until": rig.clock.now() + 20.0}
    text = json.dumps(payload)
    await rig.meddle(f"UPDATE outbox SET payload = '{text}'")


async def dies_while_line_has_it(rig: Rig, provider: FakeProvider) -> None:
    """The process is gone after its request was taken and before it heard so."""
    dead = rig.delivery({"app": line(rig, provider)}, owner="dead")
    (found,) = await dead._lease("app", 1)
    sending = asyncio.create_task(dead._deliver(found, dead.channels["app"]))
    await provider.wait_for_calls(1)
    sending.cancel()
    await asyncio.wait([sending])


async def until(rig: Rig, state: str) -> None:
    async with asyncio.timeout(10):
        while await value(rig.store, STATE) != state:
            await asyncio.sleep(0.005)


async def test_a_push_is_repeated_under_its_key_and_found_to_be_out(rig: Rig) -> None:
    await waiting(rig)
    async with FakeProvider(Answer(hold=True), TAKEN_BEFORE) as provider:
        await dies_while_line_has_it(rig, provider)
        alive = rig.delivery({"app": line(rig, provider)}, owner="alive")
        await alive.recover(alone=True)
        assert await value(rig.store, STATE) == "ready"
        async with delivering(rig, {"app": line(rig, provider)}, owner="alive"):
            await until(rig, "sent")
        first, second = provider.calls
    assert first.path == second.path == "/v2/bot/message/push"
    assert first.headers["x-line-retry-key"] == second.headers["x-line-retry-key"]
    assert (await row(rig))["external_id"] == "4612"


async def test_a_reply_waits_for_a_person_whose_word_makes_it_a_push(rig: Rig) -> None:
    await waiting(rig)
    await with_token(rig)
    async with FakeProvider(Answer(hold=True), TAKEN) as provider:
        await dies_while_line_has_it(rig, provider)
        alive = rig.delivery({"app": line(rig, provider)}, owner="alive")
        await alive.recover(alone=True)
        found = await row(rig)
        assert (found["state"], found["failure"]) == ("parked", "unknown")
        assert [call.path for call in provider.calls] == ["/v2/bot/message/reply"]
        await rig.work(lambda tx: tx.run("outbox.release", id=FIRST, due_at=rig.clock.now()))
        async with delivering(rig, {"app": line(rig, provider)}, owner="alive"):
            await until(rig, "sent")
        assert provider.calls[1].path == "/v2/bot/message/push"


@pytest.mark.parametrize(
    ("answer", "token", "state"),
    [
        (Answer(500), False, "sent"),
        (Answer(disconnect="before"), False, "sent"),
        (Answer(400, {"message": "Invalid reply token"}), True, "sent"),
        (Answer(500), True, "parked"),
        (Answer(disconnect="before"), True, "parked"),
        (Answer(429, {"message": "You have reached your monthly limit."}), False, "parked"),
    ],
)
async def test_what_becomes_of_a_message_after_one_trouble(
    rig: Rig, answer: Answer, token: Any, state: str
) -> None:
    await waiting(rig)
    if token:
        await with_token(rig)
    async with FakeProvider(answer, TAKEN) as provider:
        async with delivering(rig, {"app": line(rig, provider)}):
            await provider.wait_for_calls(1)
            await until(rig, "ready" if state == "sent" else state)
            rig.clock.advance(60.0)
            await until(rig, state)
        asked = [call.path.rpartition("/")[2] for call in provider.calls]
    first = "reply" if token else "push"
    assert asked == ([first, "push"] if state == "sent" else [first])


async def test_a_hundred_redeliveries_in_any_order_are_one_message_each(rig: Rig) -> None:
    async with FakeProvider() as provider:
        ours = line(rig, provider)
    intake, calls = rig.intake(), []
    for number in range(500):
        event = {
            "type": "message",
            "mode": "active",
            "timestamp": 1767225598123,
            "webhookEventId": f"01K{number % 5}",
            "deliveryContext": {"isRedelivery": number >= 5},
            "source": {"type": "user", "userId": "U1"},
            "replyToken": "0f37",
            "message": {"type": "text", "id": f"4445{number % 5}", "text": "hi"},
        }
        calls.append(json.dumps({"destination": "U2", "events": [event]}).encode())
    random.Random(7).shuffle(calls)
    for body in calls:
        parsed = ours.parse(webhook(body))
        await intake.events("app", parsed.events, "line-hmac-sha256:current")
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events") == 5
