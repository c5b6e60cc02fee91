"""What the hotline believes, keeps to itself, and fetches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from channels._voice_call import WITHHELD, e164, keyed_number
from channels._voice_place import Place
from channels._voice_prompts import LANGUAGES, PROMPTS, Prompts, spoken
from channels._voice_twiml import SAY_LIMIT, Script, Voices
from gateway.domain.channel import Fetcher, Probe, Responder
from gateway.domain.errors import (
    BadSignature,
    DeliveryError,
    Failure,
    ParseError,
    SettingsError,
)
from gateway.domain.model import Attachment
from gateway.testing.builders import outbound, webhook
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world
from tests.channels.voice.kit import BASE, CALLER, SID, TOKEN, build

RECORDING = f"/2010-04-01/Accounts/{SID}/Recordings/RE01"


def signed(url, *, token=TOKEN, signed_url=""):
    form = {"CallSid": "CA1", "From": CALLER, "To": "+14155550100", "Direction": "inbound"}
    body = "&".join(f"{key}={value.replace('+', '%2B')}" for key, value in form.items()).encode()
    headers = {
        "X-Twilio-Signature": RequestValidator(token).compute_signature(signed_url or url, form)
    }
    return webhook(
        body, headers=headers, url=url, path=url.partition("/main/")[2].partition("?")[0]
    )


def test_the_place_of_a_call_is_signed_with_it():
    place = f"{BASE}/person?lang=en&had=queue"
    assert build().verify(signed(place)).scheme == "twilio-token-sha1"
    with pytest.raises(BadSignature):
        build().verify(signed(place, signed_url=f"{BASE}/person?lang=en"))
    with pytest.raises(BadSignature):
        build().verify(signed(place, token="another"))


def test_behind_a_proxy_the_address_is_the_one_twilio_knows():
    channel = build(
        build_world(public_url="https://inside"), public_url="https://voice.pay.example/"
    )
    known = "https://voice.pay.example/in/voice/main/topic?lang=en"
    request = signed("https://inside/in/voice/main/topic?lang=en", signed_url=known)
    channel.verify(request)
    reply = channel.parse(request).reply.body.decode()
    assert 'action="https://voice.pay.example/in/voice/main/topic?lang=en&amp;miss=1"' in reply


@given(
    st.builds(
        Place,
        step=st.just("topic"),
        lang=st.sampled_from(["", *LANGUAGES]),
        miss=st.integers(0, 9),
        turn=st.integers(1, 999),
        wait=st.integers(0, 9),
        told=st.integers(0, 999),
        no=st.sampled_from(["", "260131-004217"]),
        had=st.sampled_from(["", "answer", "queue"]),
        who=st.sampled_from(["", "8613800138000"]),
    )
)
def test_a_place_survives_its_address_which_nobody_need_escape(place):
    url = place.url(BASE)
    assert "%" not in url
    assert "+" not in url
    assert Place.of_url(url) == Place(**{**_fields(place), "step": ""})


def _fields(place):
    return {name: getattr(place, name) for name in Place.__slots__}


@pytest.mark.parametrize("query", ["miss=x", "turn=99999", "had=all", "lang=fr", "turn=-1"])
def test_an_address_that_is_none_of_ours_cannot_be_read(query):
    with pytest.raises(ParseError):
        build().parse(signed(f"{BASE}/topic?{query}"))
    assert Place.of_url(f"{BASE}/topic?{query}") == Place()


@pytest.mark.parametrize("given", [*WITHHELD, "sip:x@example.com", "client:anna", "10086", "+1"])
def test_what_is_no_number_is_withheld(given):
    assert e164(given.upper()) == ""


@pytest.mark.parametrize(
    ("digits", "country", "number"),
    [
        ("13800138000", "CN", "+8613800138000"),
        ("13800138000", "", "+8613800138000"),
        ("008613800138000#", "GB", "+8613800138000"),
        ("*442079460958", "CN", "+442079460958"),
        ("110", "CN", ""),
        ("", "CN", ""),
        ("0" * 400, "CN", ""),
        ("13800138000", "XX", ""),
    ],
)
def test_a_number_that_is_keyed_in(digits, country, number):
    assert keyed_number(digits, country, "CN") == number


def test_both_languages_have_every_text_and_the_same_values():
    def holes(text):
        return {word.partition("}")[0] for word in text.split("{")[1:]}

    assert {name: holes(text) for name, text in PROMPTS["en"].items()} == {
        name: holes(text) for name, text in PROMPTS["zh-CN"].items()
    }
    assert Prompts({"en": {"greeting": ""}})("en", "greeting") == PROMPTS["en"]["greeting"]
    assert spoken("260131-004217") == "2 6 0 1 3 1 0 0 4 2 1 7"


@given(st.text(max_size=200) | st.text("好。 word\x00\x1f\ufffe", max_size=20_000))
def test_every_text_can_be_spoken(text):
    script = Script(Voices(BASE, Prompts()), "zh-CN")
    script.say(text)
    document = script.reply.body.decode()
    pieces = document.split("</Say>")[:-1]
    assert all(len(piece.partition(">")[2]) <= SAY_LIMIT * 6 for piece in pieces)
    assert not set(document) & {chr(code) for code in range(32) if chr(code) not in "\t\n\r"}


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"auth_token": ""}, "auth_token"),
        ({"api_key": "SK1"}, "api_key"),
        ({"from_number": "10086"}, "from_number"),
        ({"language": "fr"}, "language"),
        ({"record_seconds": 1}, "record_seconds"),
        ({"ring_seconds": 0}, "ring_seconds"),
        ({"menu_en": {"0": "a person"}}, "menu_en"),
        ({"prompts_zh": {"gruss": "你好"}}, "prompts_zh"),
        ({"voices": {"de": "Hans"}}, "voices"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, where):
    with pytest.raises(SettingsError) as caught:
        build(**settings)
    assert caught.value.key == f"accounts.main.{where}"


async def test_nothing_is_sent_to_a_call_that_is_over():
    with pytest.raises(DeliveryError, match="the call is over") as caught:
        await build().send(outbound())
    assert caught.value.failure is Failure.REJECTED


@pytest.mark.parametrize(
    ("status", "failure"),
    [("completed", None), ("processing", Failure.RETRY), ("absent", Failure.REJECTED)],
)
async def test_a_recording_is_fetched_when_it_is_complete(status, failure):
    ready = [Answer(200, {"status": status}), Answer(200, b"RIFF")]
    async with FakeProvider(*ready) as provider:
        channel = build(base_url=provider.url, api_key="SK1", api_secret="secret")
        sound = Attachment("message.wav", "audio/x-wav", 0, url=provider.url + RECORDING)
        if failure is None:
            assert await channel.fetch(sound) == b"RIFF"
            assert [call.path for call in provider.calls] == [f"{RECORDING}.json", RECORDING]
            assert all(
                call.headers["authorization"].startswith("Basic ") for call in provider.calls
            )
        else:
            with pytest.raises(DeliveryError) as caught:
                await channel.fetch(sound)
            assert caught.value.failure is failure
            assert len(provider.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"https://elsewhere.example{RECORDING}",
        "http://169.254.169.254/latest/meta-data",
        f"https://api.twilio.com{RECORDING}/../../Keys",
        f"https://api.twilio.com@elsewhere.example{RECORDING}",
        "file:///etc/passwd",
    ],
)
async def test_nothing_else_is_fetched(url):
    async with FakeProvider(default=Answer(200, {"status": "completed"})) as provider:
        channel = build(base_url=provider.url)
        with pytest.raises(DeliveryError) as caught:
            await channel.fetch(Attachment("x", "audio/x-wav", 0, url=url))
        assert caught.value.failure is Failure.REJECTED
        assert all(call.path == f"{RECORDING}.json" for call in provider.calls)


async def test_a_probe_asks_for_the_account_and_tries_the_key():
    active = Answer(200, {"status": "active"})
    async with FakeProvider(active, Answer(200), active, Answer(401)) as provider:
        channel = build(base_url=provider.url, api_key="SK1", api_secret="secret")
        assert (await channel.health()).ok
        assert (await channel.health()).detail == "the API key is refused: HTTP 401"
    async with FakeProvider(Answer(200, {"status": "suspended"}), Answer(404)) as provider:
        channel = build(base_url=provider.url)
        assert (await channel.health()).detail == "the account is suspended"
        assert not (await channel.health()).ok


def test_the_protocols_it_keeps():
    assert all(isinstance(build(), protocol) for protocol in (Responder, Fetcher, Probe))
