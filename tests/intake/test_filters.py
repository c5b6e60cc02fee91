"""Who may be spoken to: ordered filters, and none of them drops a message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.channel import Inbound
from gateway.domain.model import MailClass
from gateway.domain.snapshot import AccountView, HandleView, Snapshot
from gateway.intake.filters import FILTERS, Verdict, judge, judged_by

ACCOUNT = AccountView("box", "email", "demo", "email", "long")


def seen(flag: str = "") -> Snapshot:
    return Snapshot(0.0, ACCOUNT, handle=HandleView("h", "c", "claimed", flag, "", ""))


def message(**facts: Any) -> Inbound:
    return Inbound("x", "a@b.example", "hello", facts=facts)


def saying(text: str) -> Inbound:
    return Inbound("x", "a@b.example", text)


@pytest.mark.parametrize(
    ("facts", "flag", "verdict"),
    [
        ({}, "", Verdict.GO),
        ({"mail_class": "person"}, "", Verdict.GO),
        ({"mail_class": "auto_reply"}, "", Verdict.STORE_ONLY),
        ({"mail_class": "bounce"}, "", Verdict.STORE_ONLY),
        ({"mail_class": "loop"}, "", Verdict.STORE_ONLY),
        ({"mail_class": "receipt"}, "", Verdict.STORE_ONLY),
        ({"mail_class": "list"}, "", Verdict.SILENT),
        ({"mail_class": "complaint"}, "", Verdict.SILENT),
        ({"auto": "no address of ours"}, "", Verdict.SILENT),
        ({"opt": "out"}, "", Verdict.OPT_OUT),
        ({"opt": "in"}, "opted_out", Verdict.OPT_IN),
        ({"opt": "maybe"}, "", Verdict.GO),
        ({}, "opted_out", Verdict.SILENT),
        ({}, "bounced", Verdict.GO),
        # The first filter with an opinion wins.
        ({"opt": "out", "mail_class": "auto_reply"}, "", Verdict.OPT_OUT),
        ({"mail_class": "loop"}, "opted_out", Verdict.STORE_ONLY),
    ],
)
def test_each_kind_of_message_has_its_verdict(
    facts: dict[str, Any], flag: str, verdict: Verdict
) -> None:
    assert judge(message(**facts), seen(flag)) is verdict


def test_every_class_of_mail_but_a_persons_is_kept_from_automatic_answers() -> None:
    for kind in MailClass:
        verdict = judge(message(mail_class=kind.value), seen())
        assert (verdict is Verdict.GO) is (kind is MailClass.PERSON), kind


def test_a_stranger_is_judged_by_what_the_message_says() -> None:
    assert judge(message(), Snapshot(0.0, ACCOUNT)) is Verdict.GO


@given(
    facts=st.dictionaries(
        st.sampled_from(["opt", "mail_class", "auto", "other"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(), max_size=2),
    ),
    flag=st.sampled_from(["", "opted_out", "bounced", "failed"]),
)  # fmt: skip
def test_whatever_a_channel_says_there_is_a_verdict_with_a_name(
    facts: dict[str, Any], flag: str
) -> None:
    verdict = judge(message(**facts), seen(flag))
    assert verdict.reason


def test_the_order_is_the_documented_one() -> None:
    assert [look.__name__ for look in FILTERS] == [
        "opt_word", "automatic_mail", "bulk_mail", "unreachable",
    ]  # fmt: skip


def test_the_filter_that_decided_is_named() -> None:
    assert judged_by(message(mail_class="bounce"), seen()) == (Verdict.STORE_ONLY, "automatic_mail")
    assert judged_by(message(mail_class="list"), seen("opted_out")) == (Verdict.SILENT, "bulk_mail")
    assert judged_by(message(), seen()) == (Verdict.GO, "")


@pytest.mark.parametrize(
    "text",
    [
        "unsubscribe", "Please unsubscribe.", "UNSUBSCRIBE ME", "Stop sending me messages!",
        "Don’t message me again", "please do not contact me", "take me off your list",
        "退订", "我要退订", "不要再给我发消息", "请不要再给我发消息了！", "别再给我发短信", "不要再联系我",
        "取消訂閱", "不要再傳訊息給我了",
    ],
)  # fmt: skip
def test_who_wants_no_more_messages_is_understood_on_every_channel(text: str) -> None:
    assert judge(saying(text), seen()) is Verdict.OPT_OUT


@pytest.mark.parametrize(
    "text",
    [
        "stop sending me messages and give me my money back", "cancel", "stop", "取消", "停",
        "how do I unsubscribe from the bulletin?", "我要退订会员服务，怎么操作", "不要再扣我的钱",
        "不要再给我发验证码", "别再让我等了", "退款", "start", "subscribe",
    ],
)  # fmt: skip
def test_what_says_more_or_something_else_is_for_an_answer(text: str) -> None:
    assert judge(saying(text), seen()) is Verdict.GO


@pytest.mark.parametrize(
    "text", ["subscribe", "opt in", "可以给我发消息了", "恢复订阅", "恢復訂閱"]
)
def test_who_has_left_can_come_back(text: str) -> None:
    assert judge(saying(text), seen("opted_out")) is Verdict.OPT_IN


def test_a_newsletter_that_says_unsubscribe_is_no_order() -> None:
    letter = Inbound("x", "a@b.example", "unsubscribe", facts={"mail_class": "list"})
    assert judge(letter, seen()) is Verdict.SILENT
