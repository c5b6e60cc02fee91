"""The three behind the gateway's own web route and in front of its outbox."""

import asyncio
import json
import random
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from channels.instagram import Instagram
from channels.messenger import Messenger
from channels.whatsapp import WhatsApp
from gateway.domain.decision import Verb
from gateway.domain.window import Rules
from gateway.intake.webhook import Door, WebhookRoute
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.meta.accounts import (
    ACCOUNT,
    COMMENT,
    IGSID,
    NUMBER,
    PAGE,
    PSID,
    account,
    call,
    graph_error,
)
from tests.delivery.at_work import delivering
from tests.store.engines import select, value
from tests.workers.rig import ACCOUNTS, decision

STAMP = 1767225598


@asynccontextmanager
async def site(rig, channel):
    """A web server with one account, behind which plans are made."""
    can = channel.capabilities
    view = replace(
        ACCOUNTS["app"],
        id="main",
        kind=channel.kind,
        space=can.address_space,
        form=can.form,
        rules=Rules.of(can),
        text=can.text,
    )
    rig.accounts = {**rig.accounts, "main": view}
    rig.answerer.usual = decision(Verb.ANSWER, reply="It arrives within a day.")
    route = WebhookRoute(
        {"main": Door.of(channel.kind, "main", channel)},
        rig.intake(),
        rig.clock,
        rig.log,
        public_url="https://gateway.example",
        body_limit=65536,
        in_flight=8,
    )
    application = web.Application()
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/in/{channel.kind}/main"
    async with aiohttp.ClientSession() as client:

        async def ask(request, query=""):
            async with client.request(
                request.method, url + query, data=request.body, headers=request.headers
            ) as answer:
                return answer.status, await answer.text()

        yield ask
    await runner.cleanup()


def comment(number=COMMENT):
    value = {
        "item": "comment", "verb": "add", "comment_id": number, "post_id": "p", "parent_id": "p",
        "message": "where is it", "from": {"id": PSID, "name": "W"}, "created_time": STAMP,
    }  # fmt: skip
    entry = {"id": PAGE, "time": STAMP, "changes": [{"field": "feed", "value": value}]}
    return call("page", entry)


def message(number=1, when=STAMP):
    said = {"mid": f"m_{number}", "text": "where is it"}
    event = {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": when * 1000}
    return call("page", {"id": PAGE, "time": when, "messaging": [event | {"message": said}]})


async def outbox(rig, state):
    async with asyncio.timeout(10):
        while True:
            rows = await select(rig.store, "SELECT state, failure FROM outbox ORDER BY id")
            if rows and {row["state"] for row in rows} == {state}:
                return rows
            await asyncio.sleep(0.005)


# ---------------------------------------------------------------- in


@pytest.mark.parametrize("channel", [WhatsApp, Messenger, Instagram])
async def test_a_new_address_is_tried_over_http(rig, channel):
    query = "?hub.mode=subscribe&hub.verify_token=a+word+of+ours&hub.challenge=1158201444"
    async with site(rig, account(channel)) as ask:
        request = replace(call("page"), method="GET", body=b"", headers={})
        assert await ask(request, query) == (200, "1158201444")
        status, told = await ask(request, query.replace("ours", "yours"))
    assert status == 403
    assert "1158201444" not in told


async def test_a_call_with_another_secret_leaves_nothing(rig):
    async with site(rig, account(Messenger)) as ask:
        forged = call("page", {"id": PAGE, "messaging": []}, secret="other")
        assert (await ask(forged))[0] == 403
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events") == 0


def hundred(channel):
    """A hundred calls, in which five messages come again and again."""
    calls = []
    for number in range(100):
        words = f"text {number % 5}"
        if channel is WhatsApp:
            said = {"id": f"wamid.{words}", "from": "1", "timestamp": str(STAMP), "type": "text"}
            found = {
                "metadata": {"phone_number_id": NUMBER},
                "messages": [said | {"text": {"body": words}}],
            }
            entry = {"changes": [{"field": "messages", "value": found}]}
            calls.append(call("whatsapp_business_account", entry))
            continue
        ours, who = (PAGE, PSID) if channel is Messenger else (ACCOUNT, IGSID)
        event = {"sender": {"id": who}, "recipient": {"id": ours}, "timestamp": STAMP * 1000}
        entry = {"id": ours, "messaging": [event | {"message": {"mid": words, "text": words}}]}
        calls.append(call("page" if channel is Messenger else "instagram", entry))
    random.Random(7).shuffle(calls)
    return calls


@pytest.mark.parametrize("channel", [WhatsApp, Messenger, Instagram])
async def test_a_hundred_redeliveries_in_any_order_are_one_message_each(rig, channel):
    async with site(rig, account(channel)) as ask:
        for request in hundred(channel):
            assert (await ask(request))[0] == 200
    assert await value(rig.store, "SELECT COUNT(*) FROM raw_events") == 5


async def test_receipts_move_a_message_forward_in_whatever_order_they_come(rig):
    def news(*states):
        known = {"id": "wamid.OURS", "timestamp": str(STAMP), "recipient_id": "8613800138000"}
        statuses = [known | {"status": state} for state in states]
        value = {"metadata": {"phone_number_id": NUMBER}, "statuses": statuses}
        return call(
            "whatsapp_business_account", {"changes": [{"field": "messages", "value": value}]}
        )

    sent = Answer(200, {"messages": [{"id": "wamid.OURS"}]})
    async with FakeProvider(sent) as provider:
        ours = account(WhatsApp, provider.url, replace(build_world(), clock=rig.clock))
        async with site(rig, ours) as ask:
            await rig.say("hi", sender="8613800138000", account="main")
            async with delivering(rig, {"main": ours}):
                await outbox(rig, "sent")
            for states, stands in ((["read", "delivered"], "read"), (["sent"], "read")):
                await ask(news(*states))
                await rig.drain()
                found = await select(
                    rig.store, "SELECT delivery FROM messages WHERE direction = 'out'"
                )
                assert [row["delivery"] for row in found] == [stands]


# ---------------------------------------------------------------- out


async def test_a_comment_is_answered_where_it_stands(rig):
    async with FakeProvider(Answer(200, {"id": "c_2"})) as provider:
        ours = account(Messenger, provider.url, replace(build_world(), clock=rig.clock))
        async with site(rig, ours) as ask:
            await ask(comment())
            await rig.drain()
            async with delivering(rig, {"main": ours}):
                await outbox(rig, "sent")
    (sent,) = provider.calls
    assert sent.path == f"/v25.0/{COMMENT}/comments"
    assert sent.json() == {"message": "It arrives within a day."}
    assert rig.answerer.asked[-1].public


async def test_what_meta_refuses_outside_the_window_goes_when_the_customer_writes(rig):
    closed = Answer(400, graph_error(10, 2018278))
    taken = Answer(200, {"recipient_id": PSID, "message_id": "m_ours"})
    async with FakeProvider(closed, default=taken) as provider:
        ours = account(Messenger, provider.url, replace(build_world(), clock=rig.clock))
        async with site(rig, ours) as ask:
            await ask(message(1))
            await rig.drain()
            async with delivering(rig, {"main": ours}):
                (row,) = await outbox(rig, "parked")
                assert row["failure"] == "window_closed"
                await ask(message(2))
                await rig.drain()
                await outbox(rig, "sent")
    texts = [json.loads(sent.body)["message"]["text"] for sent in provider.calls]
    assert len(texts) == 3
    assert texts[0] == texts[1]
