"""What a plan keeps of who wrote: how sure that is, and the language, which stays with the contact."""

from dataclasses import replace

import pytest

from gateway.domain.channel import Inbound
from gateway.domain.plan import (
    AddMessage,
    CreateContact,
    CreateInquiry,
    UpdateContact,
    VerifyHandle,
)
from gateway.domain.snapshot import Snapshot
from tests.store.engines import select
from tests.workers.plans import ANSWER, HANDLE, inquiry, message, ops, plan, seen
from tests.workers.rig import Rig, ScriptedAnswerer


def speaking(language: str) -> Snapshot:
    """Of a customer whose contact wrote this language before."""
    return seen(inquiry(), handle=replace(HANDLE, language=language))


# ---------------------------------------------------------------- trust


def test_a_handle_that_was_claimed_becomes_verified_by_proof_and_stays_so() -> None:
    made = plan(message(verified=True), seen(inquiry()))
    assert ops(made, VerifyHandle) == [VerifyHandle("h1")]
    known = seen(inquiry(), handle=replace(HANDLE, trust="verified"))
    assert not ops(plan(message(verified=True), known), VerifyHandle)
    assert not ops(plan(message(), known), VerifyHandle | CreateContact)


def test_each_message_says_for_itself_whether_its_sender_is_proved() -> None:
    known = seen(inquiry(), handle=replace(HANDLE, trust="verified"))
    for verified in (True, False):
        (came,) = [
            m
            for m in ops(plan(message(verified=verified), known), AddMessage)
            if m.direction == "in"
        ]
        assert came.meta.get("verified", False) is verified


async def test_a_proved_handle_stands_so_in_the_database(rig: Rig) -> None:
    rig.think()
    await rig.say("hello there", sender="user-1")
    await rig.say("hello again", sender="user-1", verified=True)
    await rig.say("hello once more", sender="user-1")
    assert await select(rig.store, "SELECT trust FROM handles") == [{"trust": "verified"}]


# ---------------------------------------------------------------- language


@pytest.mark.parametrize(
    ("spoken", "text", "answered_in"),
    [
        ("zh-CN", "我的充值没有到账", "zh-CN"),
        ("zh-CN", "ok", "zh-CN"),
        ("zh-CN", "password reset", "zh-CN"),
        ("zh-CN", "12345", "zh-CN"),
        ("zh-TW", "充值", "zh-TW"),
        ("de", "Danke", "de"),
        ("", "ok", "en"),
        ("zh-CN", "Hello, I forgot my password and cannot sign in any more.", "en"),
        ("en", "我的充值没有到账", "zh-CN"),
        ("en", "チャージが届きません", "ja"),
    ],
)
def test_the_answer_has_the_language_of_the_text_and_where_it_does_not_tell_of_the_contact(
    spoken: str, text: str, answered_in: str
) -> None:
    answerer = ScriptedAnswerer(usual=ANSWER.usual)
    made = plan(message(text), speaking(spoken), answerer)
    assert [question.language for question in answerer.asked] == [answered_in]
    kept = ops(made, UpdateContact)
    assert kept == ([] if spoken == answered_in else [UpdateContact("c1", answered_in)])


def test_the_channels_word_on_the_language_comes_first() -> None:
    made = plan(message("ok", facts={"language": "fr"}), speaking("en"))
    assert ops(made, UpdateContact) == [UpdateContact("c1", "fr")]


def test_a_contact_of_no_known_language_does_not_lose_it_to_silence() -> None:
    answerer = ScriptedAnswerer(usual=ANSWER.usual)
    made = plan(message("123"), speaking("zh-CN"), answerer)
    assert not ops(made, UpdateContact)
    fresh = plan(Inbound("x", "user-1", "123"), seen(handle=replace(HANDLE, language="zh-CN")))
    assert ops(fresh, CreateInquiry)[0].language == "zh-CN"


async def test_what_a_contact_speaks_holds_in_the_next_inquiry_and_on_every_channel(
    rig: Rig,
) -> None:
    rig.think()
    await rig.say("我的充值没有到账", sender="13800138000", account="sms")
    await rig.say("ok", sender="13800138000", account="sms")
    assert {question.language for question in rig.answerer.asked} == {"zh-CN"}
    assert await select(rig.store, "SELECT language FROM contacts") == [{"language": "zh-CN"}]
