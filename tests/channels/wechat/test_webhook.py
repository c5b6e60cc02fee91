"""Who is let in to an Official Account's webhook, and what a call becomes."""

import dataclasses

import pytest
import wechatpy

from channels.wechat import WeChat
from gateway.domain.channel import Doorkeeper, Inbound, Probe, Responder, Webhook
from gateway.domain.errors import BadSignature, ParseError, SettingsError
from gateway.testing.builders import webhook
from gateway.testing.world import build_world
from tests.channels.wechat.kit import (
    KEY,
    NOW,
    OLD_KEY,
    OPENID,
    ORIGINAL_ID,
    build,
    encrypted,
    encrypted_call,
    message,
    plain_call,
)


def refused(channel, call):
    with pytest.raises(BadSignature) as caught:
        channel.verify(call)
    return str(caught.value)


def test_it_is_what_the_core_looks_for():
    channel = build()
    for protocol in (Webhook, Doorkeeper, Responder, Probe):
        assert isinstance(channel, protocol)


# ---------------------------------------------------------------- set-up


def test_a_new_address_is_answered_with_wechats_word():
    call = plain_call("", method="GET", query={"echostr": "5927782489442352469"})
    for channel in (build(), encrypted()):
        channel.verify(call)
        parsed = channel.parse(call)
        assert (parsed.events, parsed.reply.body) == ((), b"5927782489442352469")
        assert parsed.reply.content_type.startswith("text/plain")


async def test_the_word_goes_back_by_respond_too():
    call = plain_call("", method="GET", query={"echostr": "592778"})
    assert (await build().respond(call, (), NOW + 3.5)).body == b"592778"


def test_a_new_address_without_a_word_or_signature_is_not_answered():
    with pytest.raises(ParseError, match="echostr"):
        build().parse(plain_call("", method="GET"))
    refused(build(), webhook(b"", url="https://gateway.example/?echostr=1", method="GET"))
    refused(build(), plain_call("", method="GET", token="another", query={"echostr": "1"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": ""},
        {"app_secret": ""},
        {"token": ""},
        {"token": "", "token_previous": "old"},
        {"encoding_aes_key": "tooshort"},
        {"encoding_aes_key_previous": KEY},
        {"encoding_aes_key": KEY, "encoding_aes_key_previous": "tooshort"},
    ],
)
def test_settings_that_cannot_work_are_told_by_name(changes):
    with pytest.raises(SettingsError, match=r"accounts\.main\."):
        build(**changes)


# ---------------------------------------------------------------- plain


def test_a_plain_call_is_read_as_wechatpy_reads_it():
    call = plain_call(message("提现三天了 <b>&amp;</b> 🙏"))
    assert build().verify(call).scheme == "wechat"
    (event,) = build().parse(call).events
    theirs = wechatpy.parse_message(call.body)
    assert isinstance(event, Inbound)
    assert (event.text, event.sender) == (theirs.content, theirs.source)
    assert event.external_id == f"{OPENID}:{theirs.id}"
    assert event.at == theirs.time


def test_the_token_before_is_good_while_it_is_changed():
    channel = build(token="new", token_previous="old")
    assert channel.verify(plain_call(message(), token="new")).key_id == "current"
    assert channel.verify(plain_call(message(), token="old")).key_id == "previous"
    refused(channel, plain_call(message(), token="older"))


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
def test_an_old_call_is_refused(at):
    assert "300 s away" in refused(build(), plain_call(message(), at=at))


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
def test_a_plain_call_needs_each_part_of_its_signature(name):
    call = plain_call(message())
    refused(build(), dataclasses.replace(call, url=call.url.replace(f"{name}=", "x=")))
    refused(build(), dataclasses.replace(call, url=f"{call.url}&{name}=1"))
    forged = call.url[: call.url.index(f"{name}=")] + f"{name}=0"
    refused(build(), dataclasses.replace(call, url=forged))


async def test_a_nonce_is_good_for_one_body_and_for_its_repetitions():
    world = build_world()
    call = plain_call(message("hello"))
    for _ in range(3):
        await build(world).admit(call)  # built anew: nothing is remembered in the process
    with pytest.raises(BadSignature, match="another body"):
        await build(world).admit(dataclasses.replace(call, body=message("send money").encode()))
    await build(world).admit(plain_call(message("next"), nonce="n2"))


async def test_nonces_are_remembered_for_as_long_as_they_are_good_and_no_longer():
    world = build_world()
    channel = build(world)
    for minute in range(60):
        at = NOW + 60 * minute
        call = plain_call(message(), at=at, nonce="n")
        await channel.admit(dataclasses.replace(call, received_at=float(at)))
        if minute >= 4:
            earlier = plain_call(message("another"), at=at - 240, nonce="n")
            with pytest.raises(BadSignature, match="another body"):
                await channel.admit(dataclasses.replace(earlier, received_at=float(at)))
    assert len(world.memos) == 12
    assert "n" not in str(world.memos.values()).split("'")


async def test_an_encrypted_call_needs_no_memory():
    world = build_world()
    channel = WeChat.from_account(encrypted()._settings, world)
    await channel.admit(encrypted_call(message()))
    await build(world).admit(plain_call("", method="GET", query={"echostr": "1"}))
    assert world.memos == {}


def test_an_encrypted_call_to_a_plain_account_says_what_is_missing():
    call = encrypted_call(message())
    build().verify(call)
    with pytest.raises(ParseError, match="encoding_aes_key is not set"):
        build().parse(call)


# ---------------------------------------------------------------- encrypted


def test_only_what_is_encrypted_is_read():
    call = encrypted_call(message("genuine"), plain=message("forged").replace("xml>", "x>"))
    (event,) = encrypted().parse(call).events
    assert event.text == "genuine"
    forged = call.body.replace(b"gh", b"xx")
    assert encrypted().verify(dataclasses.replace(call, body=forged)).scheme == "wechat-aes"


def test_a_plain_call_to_an_encrypted_account_is_refused():
    assert "not encrypted" in refused(encrypted(), plain_call(message()))
    # Also with the word that says otherwise.
    refused(encrypted(), plain_call(message(), query={"encrypt_type": "aes"}))
    refused(encrypted(), encrypted_call(message(), encrypt_type="raw"))


def test_each_bit_of_what_is_encrypted_is_signed():
    call = encrypted_call(message())
    start = call.body.index(b"<Encrypt>") + len("<Encrypt><![CDATA[")
    end = call.body.index(b"]]></Encrypt>")
    for place in range(start, end):
        changed = bytes([*call.body[:place], call.body[place] ^ 1, *call.body[place + 1 :]])
        refused(encrypted(), dataclasses.replace(call, body=changed))


def test_another_token_key_or_account_is_refused():
    refused(encrypted(), encrypted_call(message(), token="another"))
    refused(encrypted(), encrypted_call(message(), key=OLD_KEY))
    refused(encrypted(), encrypted_call(message(), app_id="wx0000000000000002"))
    refused(encrypted(), encrypted_call(message(), at=NOW - 301))
    refused(encrypted(), encrypted_call(message(), msg_signature=""))


def test_a_signature_of_a_plain_call_does_not_open_the_envelope():
    """`signature` is known to whoever sees one plain call; only msg_signature covers the text."""
    call = encrypted_call(message())
    shorter = call.url.replace("msg_signature=", "x=").replace("?signature=", "?msg_signature=")
    refused(encrypted(), dataclasses.replace(call, url=shorter))


def test_the_key_before_is_good_while_it_is_changed():
    channel = encrypted(encoding_aes_key=KEY, encoding_aes_key_previous=OLD_KEY)
    for key in (KEY, OLD_KEY):
        call = encrypted_call(message(), key=key)
        channel.verify(call)
        assert len(channel.parse(call).events) == 1


# ---------------------------------------------------------------- events


def test_calls_for_another_account_are_passed_over():
    channel = build(original_id=ORIGINAL_ID)
    assert len(channel.parse(plain_call(message())).events) == 1
    parsed = channel.parse(plain_call(message(ToUserName="gh_another")))
    assert (parsed.events, parsed.reply.body) == ((), b"success")


@pytest.mark.parametrize("event", ["subscribe", "unsubscribe", "SCAN", "LOCATION", "VIEW", "new"])
def test_an_event_that_is_no_message_is_taken_and_leads_to_nothing(event):
    text = message(MsgType="event", Event=event, EventKey="HUMAN")
    parsed = build(menu_texts={"HUMAN": "人工"}).parse(plain_call(text))
    assert (parsed.events, parsed.reply.body) == ((), b"success")


def test_two_customers_with_one_msgid_are_two_messages():
    one, other = (
        build().parse(plain_call(message(FromUserName=sender))).events[0]
        for sender in ("oFirst", "oSecond")
    )
    assert one.external_id != other.external_id


def test_clicks_at_two_times_are_two_messages_and_a_repeated_call_is_one():
    def click(at):
        text = message(MsgType="event", Event="CLICK", EventKey="HUMAN", CreateTime=at)
        return build(menu_texts={"HUMAN": "人工"}).parse(plain_call(text)).events[0].external_id

    assert click(NOW) == click(NOW) != click(NOW + 1)


def test_a_time_in_another_unit_is_no_time():
    (event,) = build().parse(plain_call(message(CreateTime="2026-01-01"))).events
    assert event.at is None
    click = message(MsgType="event", Event="CLICK", EventKey="A", CreateTime="soon")
    with pytest.raises(ParseError, match="CreateTime"):
        build(menu_texts={"A": "a"}).parse(plain_call(click))
