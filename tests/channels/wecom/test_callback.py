"""WeCom's callback: who is let in, and what it says."""

import dataclasses
from urllib.parse import quote

import pytest
from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto

from channels.wecom import WeCom, WeComSettings
from gateway.domain.channel import Poller, Probe, Responder, Webhook
from gateway.domain.errors import BadSignature, SettingsError
from gateway.testing.builders import webhook
from gateway.testing.world import build_world
from tests.channels.wecom.fake import (
    CORP_ID,
    HINT,
    KEY,
    KFID,
    NOW,
    OTHER_KFID,
    TOKEN,
    URL,
    callback,
    signature,
)

OLD_KEY = "cmVjb3JkZWRQcmV2aW91c0Flc0tleTEyMzQ1Njc4OTA"


def account(**changes):
    values = {
        "corp_id": CORP_ID,
        "open_kfids": (KFID,),
        "secret": "s",
        "token": TOKEN,
        "encoding_aes_key": KEY,
    } | changes
    return WeCom.from_account(WeComSettings(**values), build_world())


def refused(channel, call):
    with pytest.raises(BadSignature):
        channel.verify(call)


def test_it_is_what_the_core_looks_for():
    channel = account(poll_interval=60.0)
    for protocol in (Webhook, Poller, Probe):
        assert isinstance(channel, protocol)
    assert not isinstance(channel, Responder)
    assert channel.poll_interval == 60.0


@pytest.mark.parametrize("token", ["current", "previous"])
def test_a_new_address_is_answered_with_the_decrypted_word(token):
    channel = account(token="current", token_previous="previous")
    crypto = WeChatCrypto(token, KEY, CORP_ID)
    for number in range(20):  # some of these have a plus sign, some a slash
        word = f"word {number} 字"
        echo = PrpCrypto(crypto.key).encrypt(word, CORP_ID).decode()
        signed = signature(token, str(NOW), "n", echo)
        for written in (quote(echo, safe=""), quote(echo, safe="+")):
            query = f"msg_signature={signed}&timestamp={NOW}&nonce=n&echostr={written}"
            call = webhook(b"", url=f"{URL}?{query}", method="GET")
            assert channel.verify(call).key_id == token
            parsed = channel.parse(call)
            assert (parsed.events, parsed.poll) == ((), None)
            assert parsed.reply.body == word.encode()
    refused(channel, webhook(b"", url=f"{URL}?echostr=AAAA", method="GET"))


def test_a_call_says_that_there_is_news_and_of_whom():
    call = callback()
    assert account().verify(call).scheme == "wecom-aes"
    parsed = account().parse(call)
    assert parsed.poll == f"{KFID}:{HINT}"
    assert (parsed.events, parsed.reply.status, parsed.reply.body) == ((), 200, b"")


def test_a_call_without_an_account_asks_for_all():
    assert account().parse(callback(kfid="")).poll == f":{HINT}"


@pytest.mark.parametrize("changes", [{"kfid": OTHER_KFID}, {"event": "kf_account_auth_change"}])
def test_other_accounts_and_other_events_lead_to_nothing(changes):
    parsed = account().parse(callback(**changes))
    assert (parsed.events, parsed.poll, parsed.reply.status) == ((), None, 200)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "another"},
        {"key": OLD_KEY},
        {"corp_id": "ww0000000000000002"},
        {"at": NOW - 301},
        {"at": NOW + 301},
    ],
)
def test_other_secrets_companies_and_times_are_refused(changes):
    refused(account(), callback(**changes))


def test_the_key_before_is_good_while_it_is_changed():
    channel = account(encoding_aes_key_previous=OLD_KEY)
    for key in (KEY, OLD_KEY):
        channel.verify(callback(key=key))
        assert channel.parse(callback(key=key)).poll


def test_each_bit_of_what_is_encrypted_is_signed_and_nothing_else_is_read():
    call = callback()
    start = call.body.index(b"<Encrypt>") + len("<Encrypt><![CDATA[")
    end = call.body.index(b"]]></Encrypt>")
    for place in range(start, end):
        changed = bytes([*call.body[:place], call.body[place] ^ 1, *call.body[place + 1 :]])
        refused(account(), dataclasses.replace(call, body=changed))
    beside = call.body.replace(CORP_ID.encode(), b"ww0000000000000002")
    assert account().parse(dataclasses.replace(call, body=beside)).poll == f"{KFID}:{HINT}"
    refused(account(), dataclasses.replace(call, body=b"<xml/>"))
    refused(account(), dataclasses.replace(call, body=b"{}"))


@pytest.mark.parametrize(
    "changes",
    [
        {"corp_id": ""},
        {"open_kfids": ()},
        {"secret": ""},
        {"token": ""},
        {"encoding_aes_key": ""},
        {"encoding_aes_key": "short"},
        {"encoding_aes_key_previous": "short"},
        {"poll_interval": 0.0},
    ],
)
def test_settings_that_cannot_work_are_told_by_name(changes):
    with pytest.raises(SettingsError, match=r"accounts\.main\."):
        account(**changes)
