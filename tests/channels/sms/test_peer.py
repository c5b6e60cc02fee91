"""The Twilio simulator's webhooks, and its life as a program of its own."""

import asyncio
import base64
import json
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from channels._sim_sms import Fault, SmsPeer
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.channel import HttpRequest
from gateway.domain.errors import BadSignature
from gateway.testing.builders import outbound
from gateway.testing.world import build_world


@asynccontextmanager
async def gateway(peer):
    """The part of a gateway that a webhook sees: verify, parse, answer."""
    events = []
    news = asyncio.Condition()

    async def handle(request: web.Request) -> web.Response:
        call = HttpRequest(
            request.method,
            str(request.url),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
            0.0,
            request.match_info["tail"].lstrip("/"),
        )
        try:
            channel.verify(call)
        except BadSignature:
            return web.Response(status=403)
        parsed = channel.parse(call)
        async with news:
            events.extend(parsed.events)
            news.notify_all()
        reply = parsed.reply
        return web.Response(
            body=reply.body, status=reply.status, headers={"Content-Type": reply.content_type}
        )

    app = web.Application()
    app.router.add_post("/in/sms/main{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        channel = TwilioSms.from_account(
            SmsSettings(**peer.account_settings()), build_world("main", public_url=url)
        )

        async def wait_for(count):
            async with asyncio.timeout(5), news:
                await news.wait_for(lambda: len(events) >= count)
            return events

        yield url, channel, wait_for
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("shared_key", [None, ("key_1", "shared-secret")])
async def test_its_messages_are_accepted_and_repeated_under_one_id(shared_key):
    async with SmsPeer(shared_key=shared_key) as twilio, gateway(twilio) as (url, _, events):
        first = await twilio.send_sms(
            f"{url}/in/sms/main", "密码忘了 & +1", sender="+8613800138000"
        )
        again = await twilio.send_sms(
            f"{url}/in/sms/main", "密码忘了 & +1", sender="+8613800138000", sid=first.sid
        )
        assert (first.status, again.status) == (200, 200)
        assert b"<Response/>" in first.body
        one, other = await events(2)
        assert one == other
        assert (one.text, one.external_id) == ("密码忘了 & +1", first.sid)


async def test_a_message_signed_for_another_address_is_refused():
    async with SmsPeer() as twilio, gateway(twilio) as (url, _, _):
        answer = await twilio.send_sms(
            f"{url}/in/sms/main", "hi", sender="+1", signed_as="https://elsewhere.example/"
        )
    assert answer.status == 403


async def test_pictures_come_as_links():
    async with SmsPeer() as twilio, gateway(twilio) as (url, _, events):
        link = "https://media.example/1.jpg"
        await twilio.send_sms(f"{url}/in/sms/main", "", sender="+1", media=[(link, "image/jpeg")])
        (event,) = await events(1)
    assert [(file.name, file.url) for file in event.attachments] == [("media-0.jpg", link)]


async def test_it_reports_delivery_to_the_callback_of_the_message():
    async with SmsPeer(receipts=True) as twilio, gateway(twilio) as (_, channel, events):
        sent = await channel.send(outbound())
        found = await events(2)
        assert [(event.external_id, event.status) for event in found] == [
            (sent.external_id, "sent"),
            (sent.external_id, "delivered"),
        ]
        assert twilio.messages[0].status == "delivered"


async def test_it_survives_a_callback_that_nobody_takes():
    async with SmsPeer(receipts=True) as twilio:
        settings = twilio.account_settings() | {"public_url": "http://127.0.0.1:1"}
        channel = TwilioSms.from_account(SmsSettings(**settings), build_world())
        await channel.send(outbound())
        await channel.send(outbound())
        assert len(await twilio.wait_for_messages(2)) == 2


async def test_the_delay_comes_after_acceptance():
    async with SmsPeer() as twilio:
        twilio.script(Fault(delay=30))
        channel = TwilioSms.from_account(SmsSettings(**twilio.account_settings()), build_world())
        sending = asyncio.create_task(channel.send(outbound()))
        await twilio.wait_for_messages(1)
        assert not sending.done()
        sending.cancel()


async def test_it_cannot_send_before_it_is_started():
    with pytest.raises(RuntimeError, match="not started"):
        await SmsPeer().send_sms("http://127.0.0.1:1/", "x", sender="+1")


@asynccontextmanager
async def program(*options):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "channels._sim_sms", *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        ready = (await process.stdout.readline()).decode().split()
        assert ready[0] == "ready"
        yield ready[1], process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_as_a_program_it_logs_before_it_answers_and_remembers(tmp_path):
    log = tmp_path / "accepted.jsonl"
    async with program("--port", "0", "--log", str(log)) as (url, process):
        settings = SmsPeer().account_settings() | {"base_url": url}
        channel = TwilioSms.from_account(SmsSettings(**settings), build_world())
        sent = await channel.send(outbound(text="第一条"))
        (line,) = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        assert line.keys() == {"sid", "to", "from", "body", "time"}
        assert (line["sid"], line["to"], line["body"]) == (
            sent.external_id,
            "+8613800138000",
            "第一条",
        )
        process.terminate()
        assert await process.wait() == 0
    async with program("--log", str(log)) as (url, _):
        channel = TwilioSms.from_account(
            SmsSettings(**(settings | {"base_url": url})), build_world()
        )
        found = await channel.find_sent(outbound(text="第一条"), since=0)
        assert [one.external_id for one in found] == [sent.external_id]


async def test_as_a_program_it_keeps_what_it_accepted_when_killed(tmp_path):
    log = tmp_path / "accepted.jsonl"
    async with program("--log", str(log), "--delay-ms", "60000") as (url, process):
        settings = SmsPeer().account_settings() | {"base_url": url}
        channel = TwilioSms.from_account(SmsSettings(**settings), build_world())
        sending = asyncio.create_task(channel.send(outbound()))
        async with asyncio.timeout(10):
            while not log.exists() or not log.read_bytes().endswith(b"\n"):
                await asyncio.sleep(0.02)
        process.kill()
        with pytest.raises(Exception, match="unknown"):
            await sending
    assert len(log.read_text("utf-8").splitlines()) == 1


async def test_a_form_without_what_twilio_needs_is_refused():
    async with SmsPeer() as twilio, aiohttp.ClientSession() as client:
        pair = f"{twilio.account_sid}:{twilio.auth_token}".encode()
        login = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        url = f"{twilio.url}/2010-04-01/Accounts/{twilio.account_sid}/Messages.json"
        codes = []
        for form in ({}, {"To": "138"}, {"To": "+1"}, {"To": "+1", "From": "+2"}):
            async with client.post(url, data=form, headers=login) as answer:
                codes.append((await answer.json())["code"])
        assert codes == [21604, 21211, 21603, 21602]
        async with client.get(f"{twilio.url}/2010-04-01/Accounts/AC9.json") as answer:
            assert answer.status == 401
