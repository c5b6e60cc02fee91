"""Answers in the reply to the call, as wechatpy reads them."""

import dataclasses

import pytest
import wechatpy
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply, deserialize_reply

from channels._wechat_crypto import read_xml
from gateway.domain.errors import DeliveryError, Failure
from gateway.testing.builders import outbound
from tests.channels.wechat.kit import (
    APP_ID,
    KEY,
    NOW,
    OLD_KEY,
    OPENID,
    ORIGINAL_ID,
    TOKEN,
    build,
    encrypted,
    encrypted_call,
    message,
    plain_call,
)

DEADLINE = NOW + 3.5
ANSWER = "您好，充值一般两小时内到账。\n<b>1 & 2</b> ]]> 🙏"


def read(body):
    reply = deserialize_reply(body.decode())
    assert isinstance(reply, TextReply)
    return reply


async def test_without_an_outcome_the_call_is_taken():
    for channel, call in (
        (build(), plain_call(message())),
        (encrypted(), encrypted_call(message())),
    ):
        reply = await channel.respond(call, (), DEADLINE)
        assert (reply.status, reply.body) == (200, b"success")


async def test_a_plain_answer_is_what_wechatpy_would_write():
    call = plain_call(message())
    reply = await build().respond(call, [outbound(text=ANSWER)], DEADLINE)
    assert reply.content_type.startswith("text/xml")
    found = read(reply.body)
    assert (found.source, found.target, found.content) == (ORIGINAL_ID, OPENID, ANSWER)
    theirs = TextReply(message=wechatpy.parse_message(call.body), content="你好").render()
    ours = (await build().respond(call, [outbound(text="你好")], DEADLINE)).body
    different = {"CreateTime"}
    assert {k: v for k, v in read_xml(ours).items() if k not in different} == {
        k: v for k, v in read_xml(theirs.encode()).items() if k not in different
    }


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
async def test_an_encrypted_answer_is_opened_by_wechatpy_with_the_key_of_the_call(key):
    channel = encrypted(encoding_aes_key_previous=OLD_KEY)
    call = encrypted_call(message(), key=key, nonce="314159")
    reply = await channel.respond(call, [outbound(text=ANSWER)], DEADLINE)
    fields = read_xml(reply.body)
    assert fields["Nonce"] == "314159"
    opened = WeChatCrypto(TOKEN, key, APP_ID).decrypt_message(
        reply.body.decode(), fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    assert read(opened.encode()).content == ANSWER


async def test_several_messages_are_one_text():
    sent = [outbound(text="我是智能客服。"), outbound(text="充值两小时内到账。")]
    reply = await build().respond(plain_call(message()), sent, DEADLINE)
    assert read(reply.body).content == "我是智能客服。\n\n充值两小时内到账。"


@pytest.mark.parametrize(
    ("account", "call"),
    [(build, plain_call(message())), (encrypted, encrypted_call(message()))],
    ids=["plain", "encrypted"],
)
async def test_a_repeated_call_gets_the_same_answer_in_every_byte(account, call):
    first = await account().respond(call, [outbound(text=ANSWER)], DEADLINE)
    again = dataclasses.replace(call, received_at=call.received_at + 5)
    assert await account().respond(again, [outbound(text=ANSWER)], DEADLINE + 5) == first


async def test_a_text_that_fits_to_the_byte_is_sent_and_one_more_is_not_cut():
    fits = "汉" * 682 + "ab"
    assert len(fits.encode()) == 2048
    call = plain_call(message())
    assert read((await build().respond(call, [outbound(text=fits)], DEADLINE)).body).content == fits
    with pytest.raises(DeliveryError) as caught:
        await build().respond(call, [outbound(text=fits + "c")], DEADLINE)
    assert caught.value.failure is Failure.REJECTED
    assert "汉" not in str(caught.value)


async def test_characters_that_xml_does_not_take_are_replaced():
    reply = await build().respond(plain_call(message()), [outbound(text="a\x08b\ud83dc")], DEADLINE)
    assert read(reply.body).content == "a\ufffdb\ufffdc"
