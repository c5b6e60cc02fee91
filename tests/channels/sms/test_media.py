"""Fetching pictures: the account's password goes to Twilio's API and nowhere else."""

import pytest

from channels._twilio_rest import TwilioRest
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.channel import Fetcher
from gateway.domain.errors import DeliveryError, Failure, HttpFailure, TooLarge
from gateway.domain.model import Attachment
from gateway.domain.world import HttpResponse
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world

PATH = "/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
API = f"https://api.twilio.com{PATH}"
STORE = "https://mms.twiliocdn.com/AC1/abc?Expires=1"


class Scripted:
    """Answers by address, and keeps who was told the password."""

    def __init__(self, **_):
        self.answers = {}
        self.calls = []

    async def request(self, method, url, *, headers=None, body=None, timeout=0, limit=None):
        self.calls.append((method, url, "Authorization" in (headers or {})))
        assert body is None
        assert timeout
        assert limit
        found = self.answers[url]
        if isinstance(found, Exception):
            raise found
        return found


def moved(to):
    return HttpResponse(307, {"location": to})


async def fetched(answers, url=API, base="https://api.twilio.com"):
    http = Scripted()
    http.answers = answers
    rest = TwilioRest(base, "AC1", "t", "", "", http)
    try:
        return await rest.file(url), http.calls
    except DeliveryError as error:
        return error.failure, http.calls


async def test_a_picture_is_fetched_with_the_accounts_password():
    async with FakeProvider(Answer(200, b"\xff\xd8jpeg")) as provider:
        settings = SmsSettings(
            account_sid="AC1",
            auth_token="t",
            api_key="SK1",
            api_secret="s",
            base_url=provider.url,
        )
        channel = TwilioSms.from_account(settings, build_world())
        assert isinstance(channel, Fetcher)
        picture = Attachment("media-0.jpg", "image/jpeg", 0, url=provider.url + PATH)
        assert await channel.fetch(picture) == b"\xff\xd8jpeg"
    (call,) = provider.calls
    assert (call.method, call.path) == ("GET", PATH)
    assert call.headers["authorization"] == "Basic U0sxOnM="


@pytest.mark.parametrize(
    "store", [STORE, "https://media.twiliocdn.com/x", "https://s3-external-1.amazonaws.com/b/x"]
)
async def test_what_the_api_redirects_to_is_not_told_the_password(store):
    found, calls = await fetched({API: moved(store), store: HttpResponse(200, {}, b"data")})
    assert found == b"data"
    assert calls == [("GET", API, True), ("GET", store, False)]


@pytest.mark.parametrize(
    "url",
    [
        f"https://api.dublin.ie1.twilio.com{PATH}",
        f"https://api.twilio.com{PATH}?x=1",
        f"http://127.0.0.1:1{PATH}",
    ],
)
async def test_the_api_is_known_in_every_region_and_as_it_is_configured(url):
    found, _ = await fetched({url: HttpResponse(200, {}, b"x")}, url, base="http://127.0.0.1:1")
    assert found == b"x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://evil.example/x",
        f"http://api.twilio.com{PATH}",
        f"https://api.twilio.com@evil.example{PATH}",
        f"https://user@api.twilio.com{PATH}",
        f"https://api.twilio.com.evil.example{PATH}",
        f"https://evilapi.twilio.com{PATH}",
        f"https://api.twilio.com:8443{PATH}",
        "https://api.twilio.com/other",
        STORE,
        "file:///etc/passwd",
        "http://[::1",
    ],
)
async def test_no_other_address_is_asked(url):
    assert await fetched({}, url) == (Failure.REJECTED, [])


@pytest.mark.parametrize(
    "location",
    [
        "",
        "https://evil.example/",
        "http://mms.twiliocdn.com/x",
        "http://169.254.169.254/",
        "http://[::1",
    ],
)
async def test_a_redirect_to_a_stranger_is_not_followed(location):
    found, calls = await fetched({API: moved(location)})
    assert (found, len(calls)) == (
        Failure.REJECTED if location else Failure.RETRY,
        1 if location else 3,
    )


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (HttpResponse(404), Failure.REJECTED),
        (HttpResponse(410), Failure.REJECTED),
        (HttpResponse(401), Failure.MISCONFIGURED),
        (HttpResponse(429, {"retry-after": "3"}), Failure.THROTTLED),
        (HttpResponse(500), Failure.RETRY),
        (HttpFailure("no answer", sent=True), Failure.RETRY),
        (TooLarge(16 << 20), Failure.REJECTED),
    ],
)
async def test_what_cannot_be_had_says_whether_to_ask_again(answer, failure):
    assert await fetched({API: answer}) == (failure, [("GET", API, True)])


async def test_a_stores_address_that_has_run_out_is_asked_for_anew():
    found, _ = await fetched({API: moved(STORE), STORE: HttpResponse(403)})
    assert found is Failure.RETRY
