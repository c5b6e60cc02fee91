"""Callbacks that the telephony puts through: who rings first, what each hears, and what is told of it."""

from urllib.parse import parse_qs

import pytest

from channels._voice_prompts import PROMPTS
from gateway.domain.channel import Caller, CallOrder
from gateway.domain.errors import DeliveryError, Failure
from gateway.testing.builders import webhook
from gateway.testing.phone import HangUp, Keys, Phone, Silent
from gateway.testing.provider import Answer, FakeProvider
from tests.channels.voice.kit import BASE, CALLER, HOTLINE, SID, TOKEN, build

AGENT = "+8613900139000"
EN, ZH = PROMPTS["en"], PROMPTS["zh-CN"]
ORDER = CallOrder("cb01", 2, CALLER, AGENT, language="en", number="260131-004217")
SPOKEN = "Your number is: 2 6 0 1 3 1 0 0 4 2 1 7."


async def placed(order=ORDER, **settings):
    """The call that Twilio is asked for."""
    async with FakeProvider(Answer(201, {"sid": "CA01", "status": "queued"})) as provider:
        sent = await build(base_url=provider.url, **settings).dial(order)
        (asked,) = provider.calls
    assert (sent.external_id, sent.detail) == ("CA01", "queued")
    return asked


class Line:
    """Twilio's side of a callback: executes its documents and keeps the news."""

    def __init__(self, **settings):
        self.channel = build(**settings)
        self.news = []

    async def post(self, url, headers, body):
        request = webhook(
            body, headers=headers, url=url, path=url.partition("/main/")[2].partition("?")[0]
        )
        self.channel.verify(request)
        parsed = self.channel.parse(request)
        self.news += [
            (event.external_id, event.status.value, event.code) for event in parsed.events
        ]
        return parsed.reply.status, parsed.reply.body

    async def ring(self, form, *acts, **changes):
        phone = Phone(
            form["Url"][0], TOKEN, form["To"][0], form["From"][0], account_sid=SID, post=self.post,
            direction="outbound-api", **changes,
        )  # fmt: skip
        return await phone.call(*acts)

    async def not_reached(self, form, status):
        phone = Phone(form["StatusCallback"][0], TOKEN, form["To"][0], form["From"][0], post=self.post,
                      direction="outbound-api", fields={"CallStatus": status})  # fmt: skip
        with pytest.raises(AssertionError):  # news are answered with nothing
            await phone.call()

    @property
    def told(self):
        return [(status, code) for _, status, code in self.news]


async def asked_for(order=ORDER, **settings):
    return parse_qs((await placed(order, **settings)).body.decode())


async def test_one_request_asks_for_the_agents_telephone_first():
    call = await placed()
    assert (call.method, call.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Calls.json")
    form = parse_qs(call.body.decode())
    assert (form["To"], form["From"], form["Timeout"]) == ([AGENT], [HOTLINE], ["25"])
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert form["MachineDetection"] == ["Enable"]
    assert form["Url"][0].startswith(f"{BASE}/dial/agent?")
    assert "MachineDetection" not in await asked_for(machine_detection=False)


async def test_an_agent_who_presses_one_is_put_through():
    line = Line()
    call = await line.ring(await asked_for(), Keys("1"))
    assert call.spoken == [EN["connect"], SPOKEN]
    assert call.dialled == [CALLER]
    assert line.told == [
        ("sent", "ringing"), ("sent", "ringing"), ("delivered", "answered"), ("read", "finished"),
    ]  # fmt: skip
    assert {reference for reference, _, _ in line.news} == {ORDER.reference} == {"callback:cb01:2"}


@pytest.mark.parametrize("act", [Keys("2"), Silent()])
async def test_an_agent_who_does_not_press_one_is_not(act):
    line = Line()
    call = await line.ring(await asked_for(), act)
    assert call.dialled == []
    assert line.told == [("failed", "agent_no_answer")]


async def test_an_agents_mailbox_is_never_connected():
    line = Line()
    call = await line.ring(await asked_for(), HangUp(), fields={"AnsweredBy": "machine_start"})
    assert (call.spoken, call.dialled) == ([], [])


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "wrong_number")],
)
async def test_a_customer_who_is_not_reached(status, outcome):
    line = Line()
    call = await line.ring(await asked_for(), Keys("1"), callees={CALLER: status})
    assert call.spoken[-1] == EN["not_reached"]
    assert line.told[-1] == ("failed", outcome)


async def test_a_customers_machine_is_told():
    line = Line()
    await line.ring(await asked_for(), Keys("1"), machines=frozenset({CALLER}))
    assert ("failed", "voicemail") in line.told


FIRST = CallOrder("cb02", 1, CALLER, AGENT, "customer", "zh-CN", "260131-004217")


async def test_the_customer_may_be_called_first():
    line = Line()
    form = await asked_for(FIRST)
    assert form["To"] == [CALLER]
    call = await line.ring(form, whispered={AGENT: (Keys("1"),)})
    assert call.spoken[:2] == [ZH["calling_back"], ZH["connect"]]
    assert call.dialled == [AGENT]
    assert line.told == [("delivered", "answered"), ("read", "finished")]


@pytest.mark.parametrize("act", [Keys("3"), Silent(), HangUp()])
async def test_a_customer_whom_no_agent_takes_is_told_so_and_called_again(act):
    line = Line()
    call = await line.ring(await asked_for(FIRST), whispered={AGENT: (act,)})
    assert call.spoken[-2:] == [ZH["no_agent"], ZH["goodbye"]]
    assert line.told == [("delivered", "answered"), ("failed", "dropped")]


async def test_a_machine_that_answers_for_the_customer_hears_nothing():
    line = Line()
    call = await line.ring(await asked_for(FIRST), fields={"AnsweredBy": "machine_end_beep"})
    assert (call.spoken, call.dialled) == ([], [])
    assert line.told == [("failed", "voicemail")]


@pytest.mark.parametrize(
    ("order", "status", "outcome"),
    [
        (FIRST, "busy", "busy"),
        (FIRST, "no-answer", "no_answer"),
        (FIRST, "failed", "wrong_number"),
        (ORDER, "no-answer", "agent_no_answer"),
        (ORDER, "busy", "agent_no_answer"),
    ],
)
async def test_who_is_first_and_not_reached(order, status, outcome):
    line = Line()
    await line.not_reached(await asked_for(order), status)
    assert line.told == [("failed", outcome)]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(429, {"code": 20429}), Failure.THROTTLED),
        (Answer(400, {"code": 10004}), Failure.THROTTLED),
        (Answer(400, {"code": 21215}), Failure.REJECTED),
        (Answer(400, {"code": 21217}), Failure.REJECTED),
        (Answer(400, {"code": 21210}), Failure.MISCONFIGURED),
        (Answer(401, {"code": 20003}), Failure.MISCONFIGURED),
        (Answer(503), Failure.RETRY),
        (Answer(500), Failure.UNKNOWN),
        (Answer(201, b"<html>"), Failure.UNKNOWN),
        (Answer(disconnect="before"), Failure.UNKNOWN),
    ],
)
async def test_what_an_answer_of_twilio_leads_to(answer, failure):
    async with FakeProvider(answer) as provider:
        with pytest.raises(DeliveryError) as caught:
            await build(base_url=provider.url).dial(ORDER)
        assert len(provider.calls) == 1
    assert caught.value.failure is failure
    assert CALLER not in str(caught.value)


async def test_no_call_is_asked_for_without_numbers():
    with pytest.raises(DeliveryError, match="from_number"):
        await build(from_number="").dial(ORDER)
    with pytest.raises(DeliveryError, match=r"E\.164"):
        await build().dial(CallOrder("cb", 1, "withheld:CA1", AGENT))


def test_the_channel_is_a_caller():
    assert isinstance(build(), Caller)
