"""The calls of a hotline at another operator."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from channels._hotline_calls import LEFT_A_MESSAGE, MISSED
from channels.hotline_events import HotlineEvents, HotlineEventsSettings
from gateway.answers.assess import Rules
from gateway.answers.loading import load
from gateway.config import templates_dir
from gateway.domain.channel import Fetcher, Webhook
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    HttpFailure,
    ParseError,
    SettingsError,
    TooLarge,
)
from gateway.domain.model import Attachment
from gateway.domain.world import HttpResponse
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.store.engines import select, value
from tests.workers.rig import ACCOUNTS, decision

CALLER = "+8613800138000"
RECORDING = "https://recordings.operator.example/c-1.mp3"


def hotline(**changes):
    settings = HotlineEventsSettings(**({"secret": "new", "secret_previous": "old"} | changes))
    return HotlineEvents.from_account(settings, build_world())


def with_texts(**changes):
    return hotline(**({"text_url": "https://x.example/texts", "text_secret": "ts"} | changes))


def mac(secret, stamp, nonce, body):
    """The signature in the words of the page."""
    return hmac.new(
        secret.encode(), f"{stamp}\n{nonce}\n".encode() + body, hashlib.sha256
    ).hexdigest()


def called(document, secret="new"):
    body, stamp, nonce = json.dumps(document).encode(), str(int(NEW_YEAR)), "nonce-0001"
    signature = mac(secret, stamp, nonce, body)
    return webhook(body, headers={"X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": signature})


def missed(call="c-1", **more):
    return {"event": "missed", "call": call, "caller": "13800138000"} | more


def voicemail(call="c-1", **more):
    recording = {"url": RECORDING, "content_type": "audio/mpeg", "size": 48000}
    return missed(call, event="voicemail", recording=recording) | more


def read(document, channel=None):
    return (channel or with_texts()).parse(called(document)).events


# ---------------------------------------------------------------- in


def test_the_optional_protocols_are_there():
    assert isinstance(hotline(), Webhook)
    assert isinstance(hotline(), Fetcher)


@pytest.mark.parametrize(("secret", "name"), [("new", "current"), ("old", "previous")])
def test_either_live_secret_is_believed(secret, name):
    assert hotline().verify(called(missed(), secret)).key_id == name


@pytest.mark.parametrize("secret", ["", "ts", "NEW"])
def test_no_other_secret_is(secret):
    with pytest.raises(BadSignature):
        with_texts().verify(called(missed(), secret))


def test_a_missed_call_is_a_wish_to_be_called():
    (event,) = read(missed(called="4006180081", at=NEW_YEAR - 5))
    assert (event.sender, event.text) == (CALLER, MISSED["zh-CN"])
    assert (event.at, event.reply_to) == (NEW_YEAR - 5, {"called": "4006180081"})
    assert event.facts == {"call": "missed", "language": "zh-CN"}


@pytest.mark.parametrize(
    ("language", "caller", "spoken"),
    [
        ("", "+8613800138000", "zh-CN"),
        ("", "+85261234567", "zh-CN"),
        ("", "+442071838750", "en"),
        ("en", "+8613800138000", "en"),
        ("zh-CN", "+442071838750", "zh-CN"),
    ],
)
def test_it_is_in_the_callers_language(language, caller, spoken):
    channel = with_texts(language=language)
    (event,) = read(missed(caller=caller), channel)
    assert (event.text, event.facts["language"]) == (MISSED[spoken], spoken)


@pytest.fixture(scope="module")
def rules():
    return Rules(load(templates_dir()))


@pytest.mark.parametrize("text", [*MISSED.values(), *LEFT_A_MESSAGE.values()])
def test_the_words_are_ones_that_the_gateway_hears_as_that_wish(text, rules):
    heard = rules.hear(text)
    assert heard is not None
    assert heard.topic.control == "callback"


def test_a_voice_message_comes_with_its_recording():
    (event,) = read(voicemail())
    (sound,) = event.attachments
    assert (sound.url, sound.content_type, sound.size) == (RECORDING, "audio/mpeg", 48000)
    assert event.text == LEFT_A_MESSAGE["zh-CN"]
    (event,) = read(voicemail(transcript=" 密码忘了 "))
    assert event.text == "密码忘了"


def test_a_caller_who_withholds_the_number_is_heard_and_never_called():
    assert read(missed(caller="anonymous")) == ()
    (event,) = read(voicemail(caller="anonymous"))
    assert event.sender == "withheld:c-1"
    assert event.facts["auto"] is True


def test_without_a_way_to_write_nothing_automatic_is_said():
    (event,) = read(missed(), hotline())
    assert event.facts["auto"] is True
    assert (hotline().capabilities.form, with_texts().capabilities.form) == ("voice", "short")


def test_one_call_is_one_message_of_a_kind_however_often_it_is_told():
    events = read({"events": [missed(at=1.0), missed(at=2.0), voicemail(), missed("c-2")]})
    assert [e.external_id for e in events] == ["c-1:missed", "c-1:voicemail", "c-2:missed"]


@pytest.mark.parametrize("kind", ["ringing", "answered", "ended", "transferred", "x" * 300])
def test_what_nobody_has_to_do_anything_about_is_skipped(kind):
    channel = with_texts()
    parsed = channel.parse(called({"event": kind, "call": "c", "caller": CALLER}))
    assert (parsed.events, parsed.reply.status, parsed.reply.body) == ((), 200, b'{"code":"OK"}')
    lines = "".join(channel._world.log.lines)
    assert "events skipped" in lines
    assert CALLER not in lines
    assert "x" * 30 not in lines


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "event is missing"),
        ({"events": [{}]}, r"events\[0\]\.event is missing"),
        ({"events": [missed(""), missed()]}, r"events\[0\]\.call"),
        (voicemail(recording={}), r"recording\.url"),
        (voicemail(recording={"url": "http://x/"}), "no https address"),
        (missed(at="now"), "at is not in seconds"),
        ({"events": [missed()] * 501}, "more than 500"),
    ],
)
def test_what_cannot_be_read_says_why(document, says):
    with pytest.raises(ParseError, match=says):
        read(document)


# ---------------------------------------------------------------- recordings


class Scripted:
    def __init__(self, answer):
        self.answer = answer
        self.calls = []

    async def request(self, method, url, *, headers=None, body=None, timeout=0, limit=None):
        self.calls.append((method, url, dict(headers or {})))
        assert body is None
        assert timeout
        assert limit
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def fetched(answer, url=RECORDING, **changes):
    http = Scripted(answer)
    values = {"secret": "new", "recording_hosts": ("recordings.operator.example",)} | changes
    channel = HotlineEvents.from_account(HotlineEventsSettings(**values), build_world(http=http))
    try:
        return await channel.fetch(Attachment("a.mp3", "audio/mpeg", 0, url=url)), http.calls
    except DeliveryError as error:
        return error.failure, http.calls


async def test_a_recording_is_fetched_with_the_operators_token():
    found, calls = await fetched(HttpResponse(200, {}, b"sound"), recording_token="rt")
    assert (found, calls) == (b"sound", [("GET", RECORDING, {"Authorization": "Bearer rt"})])
    _, calls = await fetched(HttpResponse(200, {}, b"sound"))
    assert calls == [("GET", RECORDING, {})]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://evil.example/c-1.mp3",
        "http://recordings.operator.example/c-1.mp3",
        "https://recordings.operator.example:8443/c-1.mp3",
        "https://recordings.operator.example@evil.example/",
        "https://user@recordings.operator.example/",
        "https://x.recordings.operator.example/",
        "https://[::1",
    ],
)
async def test_from_no_other_host(url):
    found = await fetched(HttpResponse(200, {}, b"x"), url, recording_token="rt")
    assert found == (Failure.REJECTED, [])


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (HttpResponse(404), Failure.REJECTED),
        (HttpResponse(403), Failure.MISCONFIGURED),
        (HttpResponse(302, {"location": "https://evil.example"}), Failure.RETRY),
        (HttpResponse(500), Failure.RETRY),
        (HttpFailure("no answer", sent=True), Failure.RETRY),
        (TooLarge(5), Failure.REJECTED),
    ],
)
async def test_what_cannot_be_had_says_whether_to_ask_again(answer, failure):
    found, calls = await fetched(answer)
    assert (found, len(calls)) == (failure, 1)


# ---------------------------------------------------------------- out


async def test_a_text_to_the_caller_is_signed():
    async with FakeProvider(Answer(202, {"id": "t-1"})) as provider:
        channel = with_texts(text_url=f"{provider.url}/texts")
        sent = await channel.send(outbound(text="已登记", reply_to={"called": "4006180081"}))
    (call,) = provider.calls
    assert sent.external_id == "t-1"
    assert call.json() == {
        "id": outbound().id,
        "to": CALLER,
        "text": "已登记",
        "called": "4006180081",
    }
    signed = mac("ts", call.headers["x-timestamp"], call.headers["x-nonce"], call.body)
    assert call.headers["x-signature"] == signed


async def test_where_no_text_can_be_sent_none_is():
    with pytest.raises(DeliveryError) as caught:
        await hotline().send(outbound())
    assert caught.value.failure is Failure.REJECTED


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"secret": ""}, "secret"),
        ({"text_url": "https://x"}, "text_url"),
        ({"text_secret": "ts"}, "text_url"),
        ({"text_url": "https://x", "text_secret": "new"}, "text_secret"),
        ({"text_url": "https://x", "text_secret": "old"}, "text_secret"),
        ({"language": "de"}, "language"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, key):
    with pytest.raises(SettingsError) as caught:
        hotline(**changes)
    assert caught.value.key == f"accounts.main.{key}"


# ---------------------------------------------------------------- in the gateway


@pytest.mark.parametrize("texts", [True, False])
async def test_a_missed_call_is_a_callback_in_the_gateway(rig, texts):
    """With a way to write the caller is told; without one the callback is noted all the same."""
    view = replace(ACCOUNTS["sms"], id="hot", kind="hotline_events")
    rig.accounts = {**rig.accounts, "hot": view}
    rig.answerer.usual = decision(reply="We will call you.", evidence={"rule": "callback"})
    channel = with_texts() if texts else hotline()
    for _ in range(2):
        await rig.intake().events("hot", channel.parse(called(missed())).events, "test")
        await rig.drain()
    numbers = [row["number"] for row in await select(rig.store, "SELECT number FROM callbacks")]
    assert numbers == [CALLER]
    assert await value(rig.store, "SELECT COUNT(*) FROM inquiries") == 1
    assert await value(rig.store, "SELECT COUNT(*) FROM outbox") == int(texts)
