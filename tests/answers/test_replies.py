"""Replies to what the gateway asked: whether it helped, and which of several it is."""

import itertools

import pytest

from gateway.answers.dialogue import read_choice, read_neither, read_solved
from tests.answers.replies import NEITHER, NO, YES

WITHDRAW = ["提现未到账", "Withdrawal has not arrived"]
TOP_UP = ["充值未到账", "Top-up has not arrived"]
BRANDS = [["u钱包", "U Wallet"], ["UPay钱包", "UPay"], ["壹钱包", "One Wallet"]]


@pytest.fixture(scope="module")
def thanks(knowledge):
    return next(t.phrases for t in knowledge.topics.values() if t.control == "thanks")


def test_the_table_is_as_wide_as_customers_are():
    assert min(len(YES), len(NO)) >= 90
    assert len(NEITHER) >= 50
    assert len({*YES, *NO, *NEITHER}) == len(YES) + len(NO) + len(NEITHER)


@pytest.mark.parametrize(
    ("reply", "solved"),
    [
        *zip(YES, itertools.repeat(True), strict=False),
        *zip(NO, itertools.repeat(False), strict=False),
        *zip(NEITHER, itertools.repeat(None), strict=False),
    ],
)
def test_a_reply_is_a_yes_a_no_or_neither(knowledge, thanks, reply, solved):
    assert read_solved(reply, knowledge, thanks) is solved


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ("1", 0),
        ("２", 1),
        ("(2)", 1),
        ("②", 1),
        ("2.", 1),
        ("回复2", 1),
        ("选1", 0),
        ("2 please", 1),
        ("3", None),
        ("0", None),
        ("12", None),
        ("2000元", None),
        ("the first one", 0),
        ("First", 0),
        ("the second one please", 1),
        ("the latter", 1),
        ("the last one", 1),
        ("第一个", 0),
        ("第二个", 1),
        ("第二種", 1),
        ("是第二个", 1),
        ("前面那个", 0),
        ("后面那个", 1),
        ("後面那個", 1),
        ("最后一个", 1),
        ("二", 1),
        ("B", 1),
        ("充值未到账", 0),
        ("提现未到账", 1),
        ("提現未到帳", 1),
        ("Withdrawal has not arrived", 1),
        ("提现", 1),
        ("是提现的", 1),
        ("提現那個", 1),
        ("充值", 0),
        ("the withdrawal", 1),
        ("withdraw", 1),
        ("top-up", 0),
        ("the top up one", 0),
        ("未到账", None),
        ("it has not arrived", None),
        ("充值和提现", None),
        ("first or second", None),
        ("不是充值", None),
        ("not the withdrawal", None),
        ("都不是", None),
        ("neither", None),
        ("none of these", None),
        ("whatever", None),
        ("", None),
        (
            "我上周三从银行卡充值了五百块到钱包里到现在都没有看到钱去了哪里而且提现也不行请帮我看看",
            None,
        ),
    ],
)
def test_an_option_is_chosen_by_number_place_or_name(knowledge, reply, chosen):
    assert read_choice(reply, [TOP_UP, WITHDRAW], knowledge.choices) == chosen


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ("第三个", 2),
        ("third", 2),
        ("最后一个", 2),
        ("4", None),
        ("UPay", 1),
        ("我用的是壹钱包", 2),
        ("One Wallet", 2),
        ("钱包", None),
    ],
)
def test_brands_are_chosen_alike(knowledge, reply, chosen):
    assert read_choice(reply, BRANDS, knowledge.choices) == chosen


@pytest.mark.parametrize(
    "reply",
    [
        "都不是",
        "都不对",
        "兩個都不是",
        "neither",
        "None of these",
        "something else",
        "其他",
        "不是",
        "no",
    ],
)
def test_none_of_the_options_is_understood(knowledge, reply):
    assert read_neither(reply, knowledge.choices)


@pytest.mark.parametrize("reply", ["1", "第二个", "提现", "the first", "both", "两个都要"])
def test_a_choice_is_not_taken_for_none(knowledge, reply):
    assert not read_neither(reply, knowledge.choices)
