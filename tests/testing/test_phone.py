"""The telephone executes documents as Twilio does, and refuses what Twilio refuses."""

import asyncio
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

from gateway.testing import phone as phones
from gateway.testing.phone import HangUp, Keys, Phone, Says, Silent, TwimlRefused

URL, TOKEN = "https://hotline.example/start", "a-token"


class Documents:
    """Plays documents by address, and keeps what it was asked."""

    def __init__(self, **documents):
        self.documents = documents
        self.asked = []

    async def post(self, url, headers, body):
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        assert RequestValidator(TOKEN).validate(url, form, headers["X-Twilio-Signature"])
        step = url.partition("?")[0].rpartition("/")[2]
        self.asked.append((step, form))
        found = self.documents.get(step, 404)
        return (found, b"") if isinstance(found, int) else (200, str(found).encode())

    def phone(self, **changes):
        return Phone(URL, TOKEN, post=self.post, **changes)

    @property
    def steps(self):
        return [step for step, _ in self.asked]


def said(*texts, **more):
    response = VoiceResponse()
    for text in texts:
        response.say(text, language="en-US")
    return response


def asking(**gather):
    response = VoiceResponse()
    response.gather(action="/next?a=1", **gather).say("Well?", language="en-US")
    response.say("Nothing came.", language="en-US")
    return response


async def test_a_document_is_spoken_to_its_end():
    call = await Documents(start=said("one", "two")).phone().call()
    assert (call.spoken, call.ended_by) == (["one", "two"], "hotline")


@pytest.mark.parametrize(
    ("gather", "act", "told"),
    [
        ({"num_digits": 1}, Keys("123"), {"Digits": "1"}),
        ({"num_digits": 3}, Keys("12#3"), {"Digits": "12"}),
        ({"finish_on_key": ""}, Keys("1#"), {"Digits": "1#"}),
        ({"input": "dtmf speech"}, Says("hello"), {"SpeechResult": "hello", "Confidence": "0.91"}),
        ({"action_on_empty_result": True}, Silent(), {"Digits": ""}),
        ({"action_on_empty_result": True}, Says("unheard"), {"Digits": ""}),
    ],
)
async def test_what_is_keyed_or_said_goes_to_the_action(gather, act, told):
    documents = Documents(start=asking(**gather), next=said("thanks"))
    call = await documents.phone().call(act)
    assert call.spoken == ["Well?", "thanks"]
    assert told.items() <= documents.asked[-1][1].items()
    assert call.requests[-1][0] == "https://hotline.example/next?a=1"


@pytest.mark.parametrize("act", [Silent(), Says("no speech here")])
async def test_without_an_answer_the_next_verb_follows(act):
    documents = Documents(start=asking())
    assert (await documents.phone().call(act)).spoken == ["Well?", "Nothing came."]
    assert documents.steps == ["start"]


async def test_who_hangs_up_is_told_of_by_the_status_callback_alone():
    documents = Documents(start=asking(), ended=said())
    call = await documents.phone(status_url="https://hotline.example/ended").call(HangUp())
    assert (call.ended_by, documents.steps) == ("caller", ["start", "ended"])
    assert documents.asked[-1][1]["CallStatus"] == "completed"


async def test_an_answer_that_nobody_waits_for_is_asked_for_and_not_heard():
    documents = Documents(start=asking(), next=said("too late"))
    call = await documents.phone().call(Keys("1", gone=True))
    assert (call.ended_by, call.spoken, documents.steps) == ("caller", ["Well?"], ["start", "next"])


def recording():
    response = VoiceResponse()
    response.record(
        action="done", max_length=5, recording_status_callback="news",
        recording_status_callback_event="completed absent",
    )  # fmt: skip
    response.redirect("none")
    return response


async def test_a_recording_is_told_of_twice():
    documents = Documents(start=recording(), done=said("thanks"), news=said())
    call = await documents.phone().call(Says("words", seconds=9))
    assert documents.steps == ["start", "done", "news"]
    done, news = (form for _, form in documents.asked[1:])
    assert (done["RecordingDuration"], done["RecordingUrl"]) == ("5", call.recordings[0])
    assert news["RecordingStatus"] == "completed"
    assert "From" not in news


async def test_an_empty_recording_goes_on_with_the_next_verb():
    documents = Documents(start=recording(), none=said("nothing"), news=said())
    call = await documents.phone().call(Silent())
    assert (documents.steps, call.spoken) == (["start", "news", "none"], ["nothing"])
    documents = Documents(start=recording(), news=said())
    assert (await documents.phone().call(HangUp())).ended_by == "caller"
    assert documents.asked[-1][1]["RecordingStatus"] == "absent"


@pytest.mark.parametrize(
    "document",
    [
        500,
        "no XML",
        "<Other/>",
        "<Response><Sing/></Response>",
        "<Response><Say>" + "x" * 4097 + "</Say></Response>",
        "<Response><Say language='en'>hello</Say></Response>",
        "<Response><Say/></Response>",
        "<Response><Gather><Hangup/></Gather></Response>",
        "<Response><Gather input='speech' language='en'/></Response>",
        "<Response><Gather input='mind'/></Response>",
        "<Response>" + " " * 70_000 + "</Response>",
        "<Response><Redirect>start</Redirect></Response>",
    ],
)
async def test_what_twilio_refuses_is_refused(document):
    with pytest.raises(TwimlRefused):
        await Documents(start=document).phone().call()


async def test_the_fallback_is_asked_once_with_what_was_wrong():
    documents = Documents(start=503, spare=said("sorry"))
    call = await documents.phone(fallback_url="https://hotline.example/spare").call()
    assert call.spoken == ["sorry"]
    assert documents.asked[-1][1]["ErrorUrl"] == URL
    documents = Documents(start=503, spare=503)
    with pytest.raises(TwimlRefused):
        await documents.phone(fallback_url="https://hotline.example/spare").call()
    assert documents.steps == ["start", "spare"]


async def test_a_document_that_takes_too_long_is_none(monkeypatch):
    monkeypatch.setattr(phones, "TIMEOUT", 0.05)

    async def never(*_):
        await asyncio.Event().wait()

    with pytest.raises(TwimlRefused, match="HTTP 0"):
        await Phone(URL, TOKEN, post=never).call()


def dialling():
    response = VoiceResponse()
    response.dial(action="after").number(
        "+14155550101", url="whisper", status_callback="news",
        status_callback_event="ringing answered completed", amd_status_callback="machine",
    )  # fmt: skip
    return response


async def test_a_called_party_hears_its_own_document_first():
    whisper = VoiceResponse()
    whisper.gather(action="taken", num_digits=1).say("Press one.", language="en-US")
    whisper.hangup()
    documents = Documents(
        start=dialling(),
        whisper=whisper,
        taken=said(),
        news=said(),
        machine=said(),
        after=said("bye"),
    )
    acts = {"+14155550101": (Keys("1"),)}
    call = await documents.phone(whispered=acts).call()
    assert call.dialled == ["+14155550101"]
    assert call.spoken == ["Press one.", "bye"]
    assert documents.asked[-1][1]["DialBridged"] == "true"
    states = [form["CallStatus"] for step, form in documents.asked if step == "news"]
    assert states == ["ringing", "in-progress", "completed"]
    call = await documents.phone(whispered={"+14155550101": (Silent(),)}).call()
    assert documents.asked[-1][1]["DialBridged"] == "false"


async def test_a_busy_number_is_told_to_the_action():
    documents = Documents(start=dialling(), news=said(), after=said("busy"))
    call = await documents.phone(callees={"+14155550101": "busy"}).call()
    assert (call.spoken, documents.asked[-1][1]["DialCallStatus"]) == (["busy"], "busy")
    assert "machine" not in documents.steps


async def test_over_http_an_address_arrives_as_it_was_signed():
    seen = []

    async def handle(request):
        form = dict(await request.post())
        seen.append(RequestValidator(TOKEN).validate(
            f"http://{request.host}{request.raw_path}", form, request.headers["X-Twilio-Signature"]
        ))  # fmt: skip
        return web.Response(text=str(said("hello")), content_type="text/xml")

    application = web.Application()
    application.router.add_post("/start", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/start?a=b%3Ac"
    call = await Phone(url, TOKEN).call()
    await runner.cleanup()
    assert (call.spoken, seen) == (["hello"], [True])
