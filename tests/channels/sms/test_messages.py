"""What Twilio's form fields become."""

from urllib.parse import urlencode

import pytest

from channels._opt_words import opt_word
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.channel import Inbound, Lookup, Probe, Receipt, Webhook
from gateway.domain.errors import ParseError, SettingsError
from gateway.domain.model import DeliveryState
from gateway.testing.builders import webhook
from gateway.testing.world import build_world

MESSAGE = {"MessageSid": "SM1", "From": "+8613800138000", "To": "+14155550100", "Body": "hi"}


def parse(form, path=""):
    settings = SmsSettings(account_sid="AC1", auth_token="t")
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return TwilioSms.from_account(settings, build_world()).parse(webhook(body, path=path)).events


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop\n",
        "StopAll",
        "TD",
        "td ",
        "T",
        "ｔ",
        "退订",
        "\u3000退订\u3000",
        "退訂",
        "取消订阅",
    ],
)
def test_these_words_opt_out(text):
    assert opt_word(text) == "out"


@pytest.mark.parametrize("text", ["START", "ＳＴＡＲＴ", "unstop", "订阅", "恢复订阅"])
def test_these_words_opt_in(text):
    assert opt_word(text) == "in"


@pytest.mark.parametrize(
    "text", ["", "please stop", "stop it", "TDD", "我要退订", "怎么退订", "yes", "help", "T T", "?"]
)
def test_these_do_neither(text):
    assert opt_word(text) == ""


def test_twilios_word_counts_where_the_text_is_none():
    (event,) = parse(MESSAGE | {"Body": "arrêt", "OptOutType": "STOP"})
    assert event.facts["opt"] == "out"
    (event,) = parse(MESSAGE | {"Body": "HELP", "OptOutType": "HELP"})
    assert "opt" not in event.facts


def test_blanks_and_line_ends_of_the_text_are_kept():
    (event,) = parse(MESSAGE | {"Body": "  a\r\nb  "})
    assert event.text == "  a\r\nb  "


def test_nul_becomes_a_replacement_character():
    (event,) = parse(b"MessageSid=SM1&From=%2B1&Body=a%00b")
    assert event.text == "a\ufffdb"


@pytest.mark.parametrize("sender", ["12345", "ALIPAY", "+442071838750"])
def test_short_codes_and_sender_names_are_senders(sender):
    (event,) = parse(MESSAGE | {"From": sender})
    assert isinstance(event, Inbound)
    assert event.sender == sender


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (MESSAGE | {"MessageSid": ""}, "MessageSid is missing"),
        (MESSAGE | {"From": ""}, "From is missing"),
        (MESSAGE | {"From": "messenger:123"}, "another network: 'messenger'"),
        (MESSAGE | {"NumMedia": "x"}, "NumMedia"),
        (MESSAGE | {"NumMedia": "11"}, "NumMedia"),
        (MESSAGE | {"NumMedia": "-1"}, "NumMedia"),
        (MESSAGE | {"NumMedia": "９"}, "NumMedia"),
        (MESSAGE | {"NumMedia": "1"}, "MediaUrl0 is missing"),
        (b"MessageSid=SM1&From=%2B1&Body=%b3%e4", "not UTF-8"),
        (b"MessageSid=SM1&Body=\xb3\xe4", "not UTF-8"),
        (b"&a" * 1000, "more than 500 fields"),
        (b"", "MessageSid is missing"),
        (b'{"MessageSid":"SM1"}', "MessageSid is missing"),
    ],
)
def test_what_cannot_be_read_says_why(form, says):
    with pytest.raises(ParseError, match=says):
        parse(form)


def test_an_unknown_webhook_path_says_so():
    with pytest.raises(ParseError, match="no such webhook"):
        parse(MESSAGE, path="voice")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("sent", DeliveryState.SENT),
        ("delivered", DeliveryState.DELIVERED),
        ("read", DeliveryState.READ),
        ("undelivered", DeliveryState.FAILED),
        ("failed", DeliveryState.FAILED),
        ("canceled", DeliveryState.FAILED),
    ],
)
def test_a_status_becomes_a_receipt_for_our_message(status, state):
    (event,) = parse({"MessageSid": "SM9", "MessageStatus": status, "To": "+86"}, path="status")
    assert isinstance(event, Receipt)
    assert (event.external_id, event.status, event.recipient) == ("SM9", state, "+86")
    assert event.lane == "receipt:SM9"


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending"])
def test_what_is_under_way_is_no_event(status):
    assert parse({"MessageSid": "SM9", "MessageStatus": status}, path="status") == ()


def test_an_error_code_is_explained():
    form = {"MessageSid": "SM9", "MessageStatus": "failed", "ErrorCode": "30007"}
    (event,) = parse(form, path="status")
    assert event.code == "30007"
    assert "filtered" in event.detail


def test_an_error_code_that_is_no_number_is_kept():
    form = {"MessageSid": "SM9", "MessageStatus": "failed", "ErrorCode": "³"}
    assert parse(form, path="status")[0].code == "³"


def test_the_optional_protocols_are_there():
    channel = TwilioSms.from_account(SmsSettings(account_sid="A", auth_token="t"), build_world())
    assert isinstance(channel, Webhook)
    assert isinstance(channel, Lookup)
    assert isinstance(channel, Probe)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"auth_token": ""}, "accounts.main.auth_token"),
        ({"from_number": "+1", "messaging_service_sid": "MG1"}, "accounts.main.from_number"),
        ({"api_key": "SK1"}, "accounts.main.api_key"),
    ],
)
def test_settings_that_cannot_work_are_refused(values, key):
    settings = SmsSettings(**({"account_sid": "A", "auth_token": "t"} | values))
    with pytest.raises(SettingsError) as caught:
        TwilioSms.from_account(settings, build_world())
    assert caught.value.key == key
