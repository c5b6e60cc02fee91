"""The channel of approved templates, against a gateway that checks what it gets by itself."""

import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from channels._sms_template_errors import CODES
from channels.sms_template import SmsTemplate, SmsTemplateSettings
from gateway.domain.channel import Inbound, Probe, Receipt, Webhook
from gateway.domain.errors import BadSignature, DeliveryError, Failure, ParseError, SettingsError
from gateway.domain.model import Visibility
from gateway.testing.builders import outbound, webhook
from gateway.testing.clock import NEW_YEAR
from gateway.testing.provider import Answer, FakeProvider, refused_url
from gateway.testing.world import build_world

PAGE = Path(__file__).parents[3] / "docs/channels/sms_template.md"
OK = Answer(200, {"code": "OK", "id": "gw-1", "parts": 1})
VALUES = {
    "account": "wallet-01",
    "secret": "send-secret",
    "webhook_secret": "webhook-new",
    "webhook_secret_previous": "webhook-old",
    "sign": "示例钱包",
    "templates": {"T1": "您的问题已登记，编号{number}。"},
}


def channel(url="https://sms.example/v1", **changes):
    settings = SmsTemplateSettings(**({"base_url": url} | VALUES | changes))
    return SmsTemplate.from_account(settings, build_world())


def mac(secret, stamp, nonce, body):
    """The signature in the words of the page."""
    return hmac.new(
        secret.encode(), f"{stamp}\n{nonce}\n".encode() + body, hashlib.sha256
    ).hexdigest()


def called(document, secret="webhook-new", *, age=0, nonce="nonce-0001", **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    stamp = str(int(NEW_YEAR) - age)
    signed = {
        "X-Timestamp": stamp,
        "X-Nonce": nonce,
        "X-Signature": mac(secret, stamp, nonce, body),
    }
    return webhook(body, headers=signed | headers)


async def failure_of(awaitable):
    with pytest.raises(DeliveryError) as caught:
        await awaitable
    return caught.value


# ---------------------------------------------------------------- out


async def test_a_text_goes_out_as_the_template_that_says_it():
    async with FakeProvider(OK) as provider:
        sent = await channel(f"{provider.url}/v1/").send(
            outbound(text="您的问题已登记，编号R-1001。", reply_to={"extension": "01"})
        )
    (call,) = provider.calls
    assert (sent.external_id, sent.parts) == ("gw-1", 1)
    assert (call.method, call.path) == ("POST", "/v1/messages")
    assert call.json() == {
        "id": outbound().id,
        "phone": "+8613800138000",
        "sign": "示例钱包",
        "template": "T1",
        "params": {"number": "R-1001"},
        "extension": "01",
    }
    assert "编号" not in call.body.decode()
    assert call.headers["x-account"] == "wallet-01"
    stamp, nonce = call.headers["x-timestamp"], call.headers["x-nonce"]
    assert abs(int(stamp) - NEW_YEAR) <= 1
    assert call.headers["x-signature"] == mac("send-secret", stamp, nonce, call.body)


async def test_every_call_has_a_nonce_of_its_own_and_every_try_one_id():
    message = outbound(text="您的问题已登记，编号1。")
    async with FakeProvider(default=OK) as provider:
        sender = channel(provider.url)
        await sender.send(message)
        await sender.send(message)
    one, other = provider.calls
    assert one.headers["x-nonce"] != other.headers["x-nonce"]
    assert one.json()["id"] == other.json()["id"]


async def test_a_text_that_no_template_says_is_refused_and_not_sent():
    async with FakeProvider() as provider:
        error = await failure_of(channel(provider.url).send(outbound(text="您好，请稍等。")))
        assert provider.calls == []
    assert error.failure is Failure.REJECTED
    assert "no approved template" in error.detail


async def test_with_a_free_template_any_text_goes_as_its_content():
    async with FakeProvider(OK) as provider:
        await channel(provider.url, free_template="F").send(outbound(text="您好，\n请稍等。"))
    form = provider.calls[0].json()
    assert (form["template"], form["params"]) == ("F", {"content": "您好，\n请稍等。"})


@pytest.mark.parametrize(
    "changes",
    [
        {"visibility": Visibility.PUBLIC},
        {"attachments": (object(),)},
        {"text": "长" * 21},
    ],
)
async def test_what_is_no_sms_is_refused(changes):
    async with FakeProvider() as provider:
        sender = channel(provider.url, free_template="F", text_limit=20)
        assert sender.capabilities.text_limit == 20
        error = await failure_of(sender.send(outbound(**({"text": "好"} | changes))))
        assert (error.failure, provider.calls) == (Failure.REJECTED, [])


async def test_parts_are_counted_with_the_sign_where_the_gateway_has_not():
    answer = Answer(200, {"code": "OK", "id": "gw-1"})
    async with FakeProvider(default=answer) as provider:
        sender = channel(provider.url, free_template="F")
        lengths = [(await sender.send(outbound(text="充" * n))).parts for n in (64, 65)]
    assert lengths == [1, 2]


WANTED = {
    Failure.THROTTLED: ["RATE_LIMITED"],
    Failure.RETRY: ["NUMBER_RATE_LIMITED", "UNAVAILABLE"],
    Failure.OPTED_OUT: ["UNSUBSCRIBED", "BLACKLISTED"],
    Failure.REJECTED: [
        *("NUMBER_INVALID", "NUMBER_SUSPENDED", "REGION_REFUSED", "CONTENT_REFUSED"),
        *("PARAMS_INVALID", "TEMPLATE_UNKNOWN", "TEMPLATE_PENDING"),
    ],
    Failure.MISCONFIGURED: [
        *("SIGN_UNKNOWN", "SIGN_PENDING", "SIGNATURE_INVALID", "TIMESTAMP_INVALID"),
        *("ADDRESS_REFUSED", "ACCOUNT_SUSPENDED", "BALANCE_EMPTY"),
    ],
}
TOLD = {
    Failure.THROTTLED: "slow down",
    Failure.RETRY: "tried again",
    Failure.OPTED_OUT: "opted out",
    Failure.REJECTED: "given up",
    Failure.MISCONFIGURED: "a person has to mend it",
}
CASES = [(code, failure) for failure, codes in WANTED.items() for code in codes]


def test_no_code_is_known_that_is_not_here():
    assert dict(CASES) == {code: failure for code, (failure, _) in CODES.items()}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("code", "failure"), CASES)
async def test_a_code_counts_under_any_status(code, failure, status):
    async with FakeProvider(Answer(status, {"code": code})) as provider:
        sender = channel(provider.url, free_template="F")
        error = await failure_of(sender.send(outbound()))
    assert (error.failure, error.provider_code) == (failure, code)
    assert CODES[code][1] in error.detail


@pytest.mark.parametrize(("failure", "codes"), WANTED.items())
def test_the_page_names_every_code_under_what_follows(failure, codes):
    rows = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    (row,) = [row for row in rows if row.startswith(f"| {TOLD[failure]} |")]
    assert sorted(codes) == sorted(re.findall(r"`([A-Z]+_?[A-Z_]*)`", row))


# ---------------------------------------------------------------- in


@pytest.mark.parametrize(
    ("secret", "name"), [("webhook-new", "current"), ("webhook-old", "previous")]
)
@pytest.mark.parametrize("age", [-300, 0, 300])
def test_either_live_secret_is_believed_for_five_minutes(secret, name, age):
    assert channel().verify(called({}, secret, age=age)).key_id == name


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "send-secret"},
        {"secret": ""},
        {"age": 301},
        {"age": -301},
        {"nonce": "short"},
        {"nonce": "with space"},
        {"nonce": "x" * 65},
        {"X-Nonce": "nonce-0002"},
        {"X-Timestamp": str(int(NEW_YEAR) + 1)},
        {"X-Timestamp": ""},
        {"X-Timestamp": "1e9"},
        {"X-Timestamp": "9" * 5000},
        {"X-Signature": ""},
        {"X-Signature": "é"},
    ],
)
def test_everything_else_is_refused(changes):
    with pytest.raises(BadSignature):
        channel().verify(called({"messages": []}, **changes))


def test_time_nonce_and_body_cannot_be_moved_against_each_other():
    """The line feeds keep them apart: without them these two would have one signature."""
    channel().verify(called(b"1{}", nonce="nonce-0001"))
    request = called(b"1{}", nonce="nonce-0001")
    moved = {**request.headers, "x-nonce": "nonce-00011"}
    with pytest.raises(BadSignature):
        channel().verify(webhook(b"{}", headers=moved))


def test_a_message_and_a_report():
    events = (
        channel()
        .parse(
            called(
                {
                    "messages": [{"id": "m", "phone": "13800138000", "text": "退订", "at": 5}],
                    "reports": [{"id": "gw-1", "status": "failed", "code": "NUMBER_SUSPENDED"}],
                }
            )
        )
        .events
    )
    message, report = events
    assert isinstance(message, Inbound)
    assert (message.sender, message.at, message.facts["opt"]) == ("+8613800138000", 5.0, "out")
    assert isinstance(report, Receipt)
    assert report.detail == "failed: the number is out of service"


@pytest.mark.parametrize(("words", "verdict"), [(("N",), "out"), ((), "")])
def test_which_further_words_opt_out_is_a_setting(words, verdict):
    document = {"messages": [{"id": "m", "phone": "13800138000", "text": " ｎ "}]}
    (event,) = channel(opt_out_words=words).parse(called(document)).events
    assert event.facts.get("opt", "") == verdict


@pytest.mark.parametrize(
    ("phone", "sender"),
    [
        ("13800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("+442071838750", "+442071838750"),
        ("10690001", "10690001"),
        ("2071838750", "2071838750"),
    ],
)
def test_numbers_become_international_where_they_surely_are(phone, sender):
    document = {"messages": [{"id": "m", "phone": phone, "text": "x"}]}
    (event,) = channel().parse(called(document)).events
    assert event.sender == sender


@pytest.mark.parametrize(
    ("document", "path", "says"),
    [
        ({"messages": [{}]}, "", r"messages\[0\]\.phone"),
        ({"reports": [{"status": "sent"}]}, "", r"reports\[0\]\.id"),
        ({"messages": 3}, "", "messages is not a list"),
        ({"messages": [{"id": "m", "phone": "1", "at": True}]}, "", "at is not in seconds"),
        ({"reports": [{"status": "x"}] * 501}, "", "more than 500"),
        ({}, "status", "no such webhook"),
    ],
)
def test_what_cannot_be_read_says_why(document, path, says):
    request = called(document)
    with pytest.raises(ParseError, match=says):
        channel().parse(webhook(request.body, headers=request.headers, path=path))


# ---------------------------------------------------------------- probe and settings


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        (Answer(200, {"code": "OK", "balance": 1200}), True, "1200 messages are left"),
        (Answer(200, {"code": "OK", "balance": 0}), False, "0 messages are left"),
        (Answer(200, {"code": "OK"}), True, "active"),
        (Answer(401, {"code": "SIGNATURE_INVALID"}), False, "refused"),
        (Answer(200, b"<html>"), False, "HTTP 200"),
        (Answer(disconnect="before"), False, "cannot be reached"),
    ],
)
async def test_health(answer, ok, detail):
    async with FakeProvider(answer) as provider:
        health = await channel(provider.url).health()
    (call,) = provider.calls
    assert (call.method, call.path, call.body) == ("GET", "/account", b"")
    signed = mac("send-secret", call.headers["x-timestamp"], call.headers["x-nonce"], b"")
    assert call.headers["x-signature"] == signed
    assert health.ok is ok
    assert detail in health.detail


async def test_health_of_nobody():
    with refused_url() as url:
        assert not (await channel(url).health()).ok


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        *(
            ({name: ""}, name)
            for name in ("base_url", "account", "secret", "webhook_secret", "sign")
        ),
        ({"webhook_secret": "send-secret"}, "webhook_secret"),
        ({"webhook_secret_previous": "send-secret"}, "webhook_secret"),
        ({"templates": {}}, "templates"),
        ({"templates": {"T1": "{a}"}}, "templates"),
        ({"text_limit": 0}, "text_limit"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, key):
    with pytest.raises(SettingsError) as caught:
        channel(**changes)
    assert caught.value.key == f"accounts.main.{key}"


def test_the_optional_protocols_are_there():
    assert isinstance(channel(), Webhook)
    assert isinstance(channel(), Probe)
