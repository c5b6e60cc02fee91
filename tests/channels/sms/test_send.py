"""Sending, looking up and probing, against the simulator and against the official client."""

import asyncio
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from channels._sim_sms import Fault, SmsPeer
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.errors import DeliveryError, Failure
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world


def sms_at(url, **changes):
    values = {"account_sid": "AC1", "auth_token": "t", "from_number": "+14155550100"} | changes
    return TwilioSms.from_account(SmsSettings(base_url=url, **values), build_world("zh"))


async def failure_of(awaitable):
    with pytest.raises(DeliveryError) as caught:
        await awaitable
    return caught.value


@pytest.fixture
async def twilio():
    async with SmsPeer() as peer:
        yield peer


@pytest.fixture
def sms(twilio):
    return TwilioSms.from_account(SmsSettings(**twilio.account_settings()), build_world("main"))


class RedirectedClient(TwilioHttpClient):
    """The official client's transport, with its requests sent to a server of ours."""

    def __init__(self, url):
        super().__init__()
        self._url = url

    def request(self, method, url, *rest, **options):
        return super().request(
            method, url.replace("https://api.twilio.com", self._url), *rest, **options
        )

    def close(self):
        self.session.close()


async def official(url, account, token, work):
    """Run `work(client)` with the official, blocking client against `url`."""

    def run():
        transport = RedirectedClient(url)
        try:
            return work(Client(account, token, http_client=transport))
        finally:
            transport.close()

    return await asyncio.to_thread(run)


# ---------------------------------------------------------------- the request


async def test_our_request_is_the_one_the_official_client_makes():
    async with FakeProvider(default=Answer(201, {"sid": "SM1", "status": "queued"})) as provider:
        await sms_at(provider.url).send(outbound(text="您好 & “bye” +1\n"))
        await official(
            provider.url,
            "AC1",
            "t",
            lambda client: client.messages.create(
                to="+8613800138000",
                from_="+14155550100",
                body="您好 & “bye” +1\n",
                status_callback="https://gateway.example/in/sms/zh/status",
            ),
        )
    ours, theirs = provider.calls
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.form() == theirs.form()
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert ours.headers["content-type"] == theirs.headers["content-type"]


@pytest.mark.parametrize(
    ("settings", "reply_to", "field", "value"),
    [
        ({}, {}, "From", "+14155550100"),
        ({}, {"to": "+4420"}, "From", "+4420"),
        ({"from_number": "", "messaging_service_sid": "MG1"}, {}, "MessagingServiceSid", "MG1"),
        ({"from_number": "", "messaging_service_sid": "MG1"}, {"to": "+4420"}, "From", "+4420"),
    ],
)
async def test_answers_come_from_the_number_that_was_written_to(settings, reply_to, field, value):
    async with FakeProvider(default=Answer(201, {"sid": "SM1"})) as provider:
        await sms_at(provider.url, **settings).send(outbound(reply_to=reply_to))
    form = provider.calls[0].form()
    assert form[field] == value
    assert len({"From", "MessagingServiceSid"} & form.keys()) == 1


async def test_without_any_number_the_account_is_misconfigured():
    async with FakeProvider() as provider:
        error = await failure_of(sms_at(provider.url, from_number="").send(outbound()))
        assert error.failure is Failure.MISCONFIGURED
        assert provider.calls == []


async def test_status_callbacks_can_be_off_and_have_a_public_address():
    async with FakeProvider(default=Answer(201, {"sid": "SM1"})) as provider:
        await sms_at(provider.url, status_callback=False).send(outbound())
        await sms_at(provider.url, public_url="https://sms.pay.example/").send(outbound())
    assert "StatusCallback" not in provider.calls[0].form()
    callback = provider.calls[1].form()["StatusCallback"]
    assert callback == "https://sms.pay.example/in/sms/zh/status"


async def test_an_api_key_signs_in_instead_of_the_token():
    async with FakeProvider(default=Answer(201, {"sid": "SM1"})) as provider:
        await sms_at(provider.url, api_key="SK1", api_secret="s").send(outbound())
    assert provider.calls[0].headers["authorization"] == "Basic U0sxOnM="
    assert provider.calls[0].path == "/2010-04-01/Accounts/AC1/Messages.json"


@pytest.mark.parametrize(("length", "goes"), [(1600, True), (1601, False)])
async def test_a_text_over_the_limit_is_refused_and_never_cut(twilio, sms, length, goes):
    if goes:
        sent = await sms.send(outbound(text="充" * length))
        assert sent.parts == 24
        assert twilio.messages[0].body == "充" * length
    else:
        error = await failure_of(sms.send(outbound(text="充" * length)))
        assert (error.failure, error.provider_code) == (Failure.REJECTED, "21617")
        assert twilio.messages == []


async def test_parts_are_counted_here_while_twilio_has_not():
    async with FakeProvider(default=Answer(201, {"sid": "SM1", "num_segments": "0"})) as provider:
        sent = await sms_at(provider.url).send(outbound(text="充" * 71))
    assert sent.parts == 2


# ---------------------------------------------------------------- the simulator's trouble


async def test_a_dropped_connection_after_acceptance_is_unknown_and_found(twilio, sms):
    twilio.script(Fault(drop=True))
    message = outbound(text="您的编号是 R-1001。")
    before = datetime.now(UTC).timestamp()
    error = await failure_of(sms.send(message))
    assert error.failure is Failure.UNKNOWN
    found = await sms.find_sent(message, since=before)
    assert [sent.external_id for sent in found] == [twilio.messages[0].sid]


async def test_a_refused_send_is_not_found(twilio, sms):
    twilio.script(Fault(500), Fault(429, 20429, retry_after=3), Fault(400, 21610))
    kinds = [(await failure_of(sms.send(outbound()))).failure for _ in range(3)]
    assert kinds == [Failure.UNKNOWN, Failure.THROTTLED, Failure.OPTED_OUT]
    assert await sms.find_sent(outbound(), since=0) == []
    assert twilio.refused == [20500, 20429, 21610]


async def test_wrong_credentials_are_misconfigured(twilio):
    settings = twilio.account_settings() | {"auth_token": "another"}
    sms = TwilioSms.from_account(SmsSettings(**settings), build_world())
    assert (await failure_of(sms.send(outbound()))).failure is Failure.MISCONFIGURED
    assert (await failure_of(sms.find_sent(outbound(), 0))).failure is Failure.MISCONFIGURED
    assert not (await sms.health()).ok


# ---------------------------------------------------------------- look-up


def listed(**changes):
    message = {
        "sid": "SM1",
        "direction": "outbound-api",
        "body": "Your request has been received.",
        "date_created": formatdate(1_767_225_600),
        "status": "queued",
        "num_segments": "1",
    }
    return message | changes


async def found_in(pages, text="Your request has been received.", since=1_767_225_600.5):
    async with FakeProvider(*[Answer(200, page) for page in pages]) as provider:
        found = await sms_at(provider.url).find_sent(outbound(text=text), since)
    return [sent.external_id for sent in found], provider.calls


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"body": "Sent from your Twilio trial account - Your request has been received."},
        {"body": "Your request has been received"},
        {"body": ""},
        {"body": None},
        {"date_created": None},
        {"date_created": "not a date"},
        {"date_created": formatdate(1_767_225_600 - 30)},
        {"status": "failed"},
    ],
)
async def test_whatever_could_be_ours_is_a_candidate(changes):
    found, _ = await found_in([{"messages": [listed(**changes)]}])
    assert found == ["SM1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": "inbound"},
        {"direction": "outbound-reply"},
        {"body": "Your request has been closed."},
        {"date_created": formatdate(1_767_225_600 - 120)},
        {"sid": ""},
    ],
)
async def test_what_cannot_be_ours_is_none(changes):
    found, _ = await found_in([{"messages": [listed(**changes)]}])
    assert found == []


async def test_replaced_characters_still_match():
    found, _ = await found_in(
        [{"messages": [listed(body='It\'s "done" - OK...')]}], text="It’s “done” – OK…"
    )
    assert found == ["SM1"]


async def test_every_page_is_read_and_every_candidate_returned():
    path = "/2010-04-01/Accounts/AC1/Messages.json?To=%2B8613800138000&Page=1&PageToken=PA1"
    found, calls = await found_in(
        [
            {"messages": [listed(sid="SM1"), listed(sid="SM0", body="x")], "next_page_uri": path},
            {"messages": [listed(sid="SM2")], "next_page_uri": None},
        ]
    )
    assert found == ["SM1", "SM2"]
    assert dict(calls[0].query) == {"To": "+8613800138000", "PageSize": "1000"}
    assert dict(calls[1].query)["PageToken"] == "PA1"


async def test_the_next_page_is_asked_for_at_the_same_server_only():
    async with FakeProvider(
        Answer(200, {"messages": [], "next_page_uri": "https://evil.invalid/x"}),
        Answer(200, {"messages": []}),
    ) as provider:
        await sms_at(provider.url).find_sent(outbound(), 0)
    assert provider.calls[1].path.startswith("/https")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(500), Failure.RETRY),
        (Answer(400, {"code": 21211}), Failure.RETRY),
        (Answer(200, {"hello": 1}), Failure.RETRY),
        (Answer(200, {"messages": ["x"]}), Failure.RETRY),
        (Answer(200, b"<html>"), Failure.RETRY),
        (Answer(disconnect="before"), Failure.RETRY),
        (Answer(429, {"code": 20429}), Failure.THROTTLED),
        (Answer(401, {"code": 20003}), Failure.MISCONFIGURED),
    ],
)
async def test_a_list_that_cannot_be_had_proves_nothing(answer, failure):
    async with FakeProvider(answer) as provider:
        error = await failure_of(sms_at(provider.url).find_sent(outbound(), 0))
    assert error.failure is failure


async def test_a_list_without_end_proves_nothing():
    endless = Answer(200, {"messages": [], "next_page_uri": "/more"})
    async with FakeProvider(default=endless) as provider:
        error = await failure_of(sms_at(provider.url).find_sent(outbound(), 0))
    assert error.failure is Failure.RETRY
    assert len(provider.calls) == 20


# ---------------------------------------------------------------- probe


async def test_health_of_an_active_account(sms):
    health = await sms.health()
    assert (health.ok, health.detail) == (True, "the account is active")


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        ([Answer(200, {"status": "suspended"})], "suspended"),
        ([Answer(503)], "503"),
        ([Answer(200, b"garbage")], "unknown"),
        ([Answer(200, {"status": "active"}), Answer(401)], "API key"),
        ([Answer(disconnect="before")], "cannot be reached"),
    ],
)
async def test_health_says_what_is_wrong(answers, detail):
    async with FakeProvider(*answers) as provider:
        health = await sms_at(provider.url, api_key="SK1", api_secret="s").health()
        assert provider.unused == []
    assert not health.ok
    assert detail in health.detail


async def test_health_of_nobody():
    with refused_url() as url:
        assert not (await sms_at(url).health()).ok


# ---------------------------------------------------------------- the simulator itself


async def test_the_official_client_can_talk_to_the_simulator(twilio):
    def work(client):
        made = client.messages.create(to="+8613800138000", from_=twilio.number, body="充值")
        fetched = client.messages(made.sid).fetch()
        for _ in range(2):
            client.messages.create(to="+442071838750", from_=twilio.number, body="other")
        return (
            made,
            fetched,
            client.messages.list(to="+442071838750", page_size=1),
            (client.api.accounts(client.account_sid).fetch()),
        )

    made, fetched, listed_, account = await official(
        twilio.url, twilio.account_sid, twilio.auth_token, work
    )
    assert made.sid == fetched.sid == twilio.messages[0].sid
    assert (made.body, made.status, made.direction) == ("充值", "queued", "outbound-api")
    assert made.date_created is not None
    assert made.date_sent is None
    assert [message.body for message in listed_] == ["other", "other"]
    assert account.status == "active"


async def test_the_official_client_understands_the_simulators_refusals(twilio):
    with pytest.raises(TwilioRestException) as caught:
        await official(
            twilio.url,
            twilio.account_sid,
            twilio.auth_token,
            lambda client: client.messages.create(to="+1", from_="+2", body="x" * 1601),
        )
    assert (caught.value.code, caught.value.status) == (21617, 400)


async def test_the_simulator_lists_only_what_was_sent_after_a_date(twilio):
    sms = TwilioSms.from_account(SmsSettings(**twilio.account_settings()), build_world())
    await sms.send(outbound(text="one"))
    await sms.send(outbound(text="two"))
    twilio.messages[0].status = "delivered"
    day = datetime.fromtimestamp(twilio.messages[0].created, UTC)

    def dated(client):
        return [m.body for m in client.messages.list(date_sent_after=day.replace(hour=0, minute=0))]

    assert await official(twilio.url, twilio.account_sid, twilio.auth_token, dated) == ["one"]
