"""Twilio's two signature schemes, against the official library."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from channels._twilio import MAX_FIELDS
from channels.sms import SmsSettings, TwilioSms
from gateway.domain.errors import BadSignature
from gateway.testing.builders import webhook
from gateway.testing.world import build_world

SID = "AC00000000000000000000000000000001"
TOKEN, OLD_TOKEN = "token-in-use", "token-before"
KEYS = {"webhooks_sharedkey_a": "shared-a", "webhooks_sharedkey_b": "shared-b"}
URL = "https://gateway.example/in/sms/main"
FORM = {"MessageSid": "SM1", "From": "+8613800138000", "Body": " 你好 & bye ", "FromCity": ""}


def sms(**settings):
    values = {"account_sid": SID, "auth_token": TOKEN, "shared_keys": KEYS} | settings
    return TwilioSms.from_account(SmsSettings(**values), build_world())


def signed(form, secret=TOKEN, *, url=URL, algorithm=None, key="", body=None, **changes):
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": RequestValidator(secret).compute_signature(url, form, algorithm),
    }
    if key:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={key},algorithm={algorithm}"
    return webhook(
        urlencode(list(form.items())).encode() if body is None else body,
        headers=headers,
        **({"url": url} | changes),
    )


@pytest.mark.parametrize(("secret", "name"), [(TOKEN, "current"), (OLD_TOKEN, "previous")])
def test_accepts_what_the_official_library_signs_with_either_live_token(secret, name):
    verdict = sms(auth_token_previous=OLD_TOKEN).verify(signed(FORM, secret))
    assert (verdict.scheme, verdict.key_id) == ("twilio-token-sha1", name)


@pytest.mark.parametrize("algorithm", ["HMAC_SHA256", "HMAC_SHA1"])
@pytest.mark.parametrize("key", KEYS)
def test_accepts_every_live_shared_key(key, algorithm):
    verdict = sms().verify(signed(FORM, KEYS[key], algorithm=algorithm, key=key))
    assert verdict.key_id == key
    assert verdict.scheme == f"twilio-shared-key-{algorithm[5:].lower()}"


def test_a_shared_key_is_rotated_without_losing_a_call():
    def by(key):
        return signed(FORM, KEYS[key], algorithm="HMAC_SHA256", key=key)

    old, new = KEYS
    before, during, after = (sms(shared_keys={k: KEYS[k] for k in live}) for live in
                             ([old], [old, new], [new]))  # fmt: skip
    for channel, key in [(before, old), (during, old), (during, new), (after, new)]:
        assert channel.verify(by(key)).key_id == key
    for channel, key in [(before, new), (after, old)]:
        with pytest.raises(BadSignature):
            channel.verify(by(key))


@pytest.mark.parametrize(
    "settings",
    [
        "key=unheard-of,algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_b,algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_a,algorithm=HMAC_SHA1",
        "key=webhooks_sharedkey_a,algorithm=HMAC_MD5",
        "key=webhooks_sharedkey_a,algorithm=",
        "key=webhooks_sharedkey_a",
        "algorithm=HMAC_SHA256",
        "key=,algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_a,algorithm=HMAC_SHA256,key=webhooks_sharedkey_a",
        "nonsense",
        ",",
    ],
)
def test_refuses_settings_that_do_not_name_the_key_and_algorithm_used(settings):
    request = signed(FORM, KEYS["webhooks_sharedkey_a"], algorithm="HMAC_SHA256", key="x")
    headers = {**request.headers, "x-twilio-webhooks-signature-settings": settings}
    with pytest.raises(BadSignature):
        sms().verify(webhook(request.body, headers=headers, url=URL))


def test_a_shared_key_request_does_not_pass_with_the_auth_token():
    request = signed(FORM, TOKEN, algorithm="HMAC_SHA256", key="webhooks_sharedkey_a")
    with pytest.raises(BadSignature):
        sms().verify(request)


def test_an_empty_previous_token_signs_nothing():
    with pytest.raises(BadSignature):
        sms(shared_keys={"empty": ""}).verify(signed(FORM, ""))
    with pytest.raises(BadSignature):
        sms(shared_keys={"empty": ""}).verify(
            signed(FORM, "", algorithm="HMAC_SHA256", key="empty")
        )


def test_one_changed_byte_is_refused():
    request = signed(FORM)
    channel = sms()
    channel.verify(request)
    for place in range(len(request.body)):
        body = bytearray(request.body)
        body[place] ^= 1
        with pytest.raises(BadSignature):
            channel.verify(webhook(bytes(body), headers=request.headers, url=URL))


@pytest.mark.parametrize("called", [URL + "?a=1", URL + "/status", URL.replace("gateway", "evil")])
def test_another_address_than_the_signed_one_is_refused(called):
    request = signed(FORM)
    with pytest.raises(BadSignature):
        sms().verify(webhook(request.body, headers=request.headers, url=called))


@pytest.mark.parametrize(
    ("signed_as", "called"),
    [
        ("https://gateway.example/in/sms/main", "https://gateway.example:443/in/sms/main"),
        ("https://gateway.example:443/in/sms/main", "https://gateway.example/in/sms/main"),
        ("http://gateway.example:80/in/sms/main", "http://gateway.example/in/sms/main"),
        ("https://gateway.example/in/sms/main", "https://gateway.example:8443/in/sms/main"),
        (
            "https://gateway.example/in/sms/main?a=1&b=",
            "https://gateway.example/in/sms/main?a=1&b=",
        ),
    ],
)
def test_the_port_may_be_signed_or_not(signed_as, called):
    request = signed(FORM, url=signed_as)
    sms().verify(webhook(request.body, headers=request.headers, url=called))
    assert RequestValidator(TOKEN).validate(called, FORM, request.headers["x-twilio-signature"])


def test_a_public_address_of_its_own_replaces_the_gateways():
    request = signed(FORM, url="https://sms.pay.example/hooks/in/sms/main/status?x=%20")
    called = webhook(
        request.body,
        headers=request.headers,
        url="https://gateway.example/in/sms/main/status?x=%20",
    )
    sms(public_url="https://sms.pay.example/hooks/").verify(called)
    with pytest.raises(BadSignature):
        sms().verify(called)


def test_a_body_that_is_no_form_is_covered_by_its_hash_in_the_signed_address():
    body = json.dumps({"a": "好"}).encode()
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(url, {}),
    }
    sms().verify(webhook(body, headers=headers, url=url))
    with pytest.raises(BadSignature):
        sms().verify(webhook(body + b" ", headers=headers, url=url))
    # A form is always covered itself, whatever the query says.
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    with pytest.raises(BadSignature):
        sms().verify(webhook(body, headers=headers, url=url))


def test_a_genuine_body_in_a_broken_encoding_verifies_so_that_it_can_be_quarantined():
    channel = sms()
    body = b"Body=%b3%e4%d6%b5&MessageSid=SM1"
    text = URL.encode() + b"Body\xb3\xe4\xd6\xb5MessageSidSM1"
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text, "sha1").digest()).decode()
    channel.verify(webhook(body, headers={"X-Twilio-Signature": signature}, url=URL))


def test_a_form_of_endless_fields_is_refused_before_it_is_sorted():
    with pytest.raises(BadSignature, match="fields"):
        sms().verify(signed({}, body=b"&a" * (MAX_FIELDS + 1)))


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=12), st.sampled_from([None, "HMAC_SHA256"]))
def test_agrees_with_the_official_library_on_any_form(pairs, algorithm):
    # A field without a name cannot be told from an empty one by either side.
    pairs = [(name, value) for name, value in pairs if name]
    key = "webhooks_sharedkey_a" if algorithm else ""
    secret = KEYS[key] if key else TOKEN
    request = signed(
        MultiDict(pairs), secret, algorithm=algorithm, key=key, body=urlencode(pairs).encode()
    )
    assert sms().verify(request)
