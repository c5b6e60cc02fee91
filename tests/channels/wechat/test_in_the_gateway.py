"""The channel behind the gateway's own webhook route, with wechatpy on the other side."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import deserialize_reply

from channels._wechat_crypto import read_xml
from channels.wechat import ANSWERS_WITHIN, WeChat
from gateway.delivery.in_place import InPlace
from gateway.domain.allowlist import Allowed
from gateway.domain.decision import Verb
from gateway.intake.webhook import Door, WebhookRoute
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.wechat.kit import (
    APP_ID,
    KEY,
    OPENID,
    TOKEN,
    encrypted,
    encrypted_call,
    message,
)
from tests.store.engines import select
from tests.workers.rig import ACCOUNTS, decision

GOOD = Answer(body={"errcode": 0, "access_token": "AT", "expires_in": 7200})


@asynccontextmanager
async def site(rig, channel):
    """A web server with one account."""
    view = replace(
        ACCOUNTS["sms"], id="main", kind="wechat", space="wechat", hold=ANSWERS_WITHIN + 1
    )
    rig.accounts = {**rig.accounts, "main": view}
    rig.answerer.usual = decision(Verb.ANSWER, reply="It arrives within a day.")
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    route = WebhookRoute(
        {"main": Door.of("wechat", "main", channel)},
        rig.intake(),
        rig.clock,
        rig.log,
        public_url=url,
        body_limit=65536,
        in_flight=8,
        answers=InPlace(rig.store, rig.clock, rig.ids, rig.log, "w1", {"main": Allowed()}),
    )
    application = web.Application()
    application.add_routes(route.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, door).start()
    async with aiohttp.ClientSession() as client:

        async def call(request):
            address = f"{url}/in/wechat/main?{urlsplit(request.url).query}"
            async with client.request(request.method, address, data=request.body) as answer:
                return answer.status, await answer.read()

        yield call
    await runner.cleanup()


@asynccontextmanager
async def planning(rig):
    task = asyncio.create_task(rig.pipeline(poll=0.005).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def opened(body):
    """What the customer sees, as wechatpy decrypts it."""
    fields = read_xml(body)
    text = WeChatCrypto(TOKEN, KEY, APP_ID).decrypt_message(
        body.decode(), fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    return deserialize_reply(text)


async def outbox(rig, state):
    async with asyncio.timeout(10):
        while True:
            rows = await select(rig.store, "SELECT state FROM outbox")
            if rows and {row["state"] for row in rows} == {state}:
                return len(rows)
            await asyncio.sleep(0.005)


async def test_an_answer_in_time_is_in_the_reply_and_the_same_for_each_repetition(rig):
    call = encrypted_call(message("充值没到账"))
    async with site(rig, encrypted()) as wechat, planning(rig):
        answers = [await wechat(call) for _ in range(3)]
        fresh = encrypted_call(message("充值没到账"), nonce="n2")
        other = await wechat(fresh)
        assert await outbox(rig, "sent") == 1
    assert len(set(answers)) == 1
    status, body = answers[0]
    assert status == 200
    reply = opened(body)
    assert reply.target == OPENID
    assert "It arrives within a day." in reply.content
    assert opened(other[1]).content == reply.content
    assert len(await select(rig.store, "SELECT id FROM raw_events")) == 1


async def test_an_answer_that_is_late_is_a_customer_service_message(rig):
    async with FakeProvider(default=GOOD) as provider:
        channel = WeChat.from_account(
            replace(encrypted()._settings, base_url=provider.url), build_world()
        )
        async with site(rig, channel) as wechat:
            asking = asyncio.create_task(wechat(encrypted_call(message("充值没到账"))))
            async with asyncio.timeout(10):
                while not await select(rig.store, "SELECT id FROM raw_events"):
                    await asyncio.sleep(0.005)
            rig.clock.advance(ANSWERS_WITHIN + 0.1)
            assert await asking == (200, b"success")
            await rig.drain()
            rig.clock.advance(ANSWERS_WITHIN + 2)
            delivering = asyncio.create_task(rig.delivery({"main": channel}).run())
            assert await outbox(rig, "sent") == 1
            delivering.cancel()
            await asyncio.wait([delivering])
    assert [call.path for call in provider.calls] == [
        "/cgi-bin/stable_token",
        "/cgi-bin/message/custom/send",
    ]
    sent = provider.calls[1].json()
    assert sent["touser"] == OPENID
    assert "It arrives within a day." in sent["text"]["content"]


async def test_a_forged_call_is_403_and_leaves_nothing(rig):
    call = encrypted_call(message(), token="another")
    async with site(rig, encrypted()) as wechat:
        assert (await wechat(call))[0] == 403
    assert await select(rig.store, "SELECT id FROM raw_events") == []


async def test_an_event_that_is_no_message_is_taken_at_once(rig):
    call = encrypted_call(message(MsgType="event", Event="subscribe", MsgId=""))
    async with site(rig, encrypted()) as wechat:
        assert await wechat(call) == (200, b"success")


async def test_a_signed_call_that_cannot_be_read_is_kept(rig):
    call = encrypted_call("this is no XML")
    async with site(rig, encrypted()) as wechat:
        assert (await wechat(call))[0] == 400
    assert len(await select(rig.store, "SELECT id FROM quarantine")) == 1
