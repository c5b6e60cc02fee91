"""Every code of Twilio's that is known: what a send makes of it, and what the page says of it."""

import re
from pathlib import Path

import pytest

from channels._twilio_errors import CODES
from channels._twilio_messages import read_status
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.errors import DeliveryError, Failure
from gateway.testing.builders import outbound
from gateway.testing.provider import Answer, FakeProvider
from gateway.testing.world import build_world

PAGE = Path(__file__).parents[3] / "docs/channels/sms.md"
#: What has to follow, code by code, written down apart from the code under test.
WANTED = {
    Failure.THROTTLED: [14107, 20429, 21611, 30001, 30022, 63017, 63018, 63038],
    Failure.RETRY: [20503, 30017, 30020, 30021],
    Failure.UNKNOWN: [30410],
    Failure.OPTED_OUT: [21610],
    Failure.WINDOW_CLOSED: [63016],
    Failure.REJECTED: [
        *(21211, 21214, 21216, 21217, 21219, 21408, 21421, 21602, 21604, 21608, 21612, 21614),
        *(21617, 21618, 21619, 21910, 30003, 30004, 30005, 30006, 30007, 30008, 30010, 30011),
        *(30018, 30019, 30023, 30024, 30027, 30032, 30034),
    ],
    Failure.MISCONFIGURED: [
        *(10001, 20003, 20005, 20006, 20008, 20010, 20403, 20404, 20426, 21210, 21212, 21407),
        *(21601, 21603, 21606, 21607, 21609, 21616, 21659, 21701, 21702, 21703, 21704, 21705),
        *(21709, 21712, 21715, 30002, 90010),
    ],
}
CASES = [(code, failure) for failure, codes in WANTED.items() for code in codes]
#: The heading of the page's table for each kind.
TOLD = {
    Failure.THROTTLED: "slow down",
    Failure.RETRY: "tried again",
    Failure.UNKNOWN: "unknown",
    Failure.OPTED_OUT: "opted out",
    Failure.WINDOW_CLOSED: "parked",
    Failure.REJECTED: "given up",
    Failure.MISCONFIGURED: "a person has to mend it",
}


async def sent_to(answer):
    async with FakeProvider(answer) as provider:
        settings = SmsSettings(
            account_sid="AC1", auth_token="t", from_number="+14155550100", base_url=provider.url
        )
        with pytest.raises(DeliveryError) as caught:
            await TwilioSms.from_account(settings, build_world()).send(outbound())
        assert len(provider.calls) == 1
    return caught.value


def test_no_code_is_known_that_is_not_here():
    assert dict(CASES) == {code: failure for code, (failure, _) in CODES.items()}


@pytest.mark.parametrize(("code", "failure"), CASES)
async def test_a_refusal_with_the_code(code, failure):
    error = await sent_to(Answer(400, {"code": code, "message": "To +8613800138000 …"}))
    assert (error.failure, error.provider_code) == (failure, str(code))
    assert error.detail == f"{CODES[code][1]} (HTTP 400, code {code})"


@pytest.mark.parametrize(("code", "failure"), CASES)
async def test_a_message_that_failed_as_it_was_made(code, failure):
    made = {"sid": "SM1", "status": "failed", "error_code": code}
    error = await sent_to(Answer(201, made))
    assert (error.failure, error.provider_code) == (failure, str(code))


@pytest.mark.parametrize("code", CODES)
def test_a_failed_message_says_why(code):
    (receipt,) = read_status(
        {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": str(code)}
    )
    assert receipt.code == str(code)
    assert receipt.detail == f"undelivered: {CODES[code][1]}"


@pytest.mark.parametrize(("failure", "codes"), WANTED.items())
def test_the_page_names_every_code_under_what_follows(failure, codes):
    rows = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    (row,) = [row for row in rows if row.startswith(f"| {TOLD[failure]} |")]
    assert sorted(codes) == sorted(map(int, re.findall(r"\b\d{5}\b", row)))
