"""Only the brand's numbers, links and addresses leave the house."""

import pytest

from gateway.domain.allowlist import Allowed, stopped

BRAND = Allowed.of(
    [
        "400-820-1234",
        "+86 21 6180 0000",
        "95599",
        "help@wallet.example",
        "https://www.wallet.example/help",
        "daily 9:00-21:00",
        "官方微信 walletcare2024",
        "1-3",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "请拨打客服热线 400-820-1234。",
        "请拨打400 820 1234",
        "Call 4008201234 now",
        "call +86 400 820 1234 from abroad",
        "邮箱help@wallet.example。请勿相信网上的其他号码。解决回1",
        "网址wallet.example，请勿相信其他",
        "电话 021-61800000",
        "拨打95599",
        "see https://www.wallet.example/help/topup?id=3",
        "see wallet.example/app or m.wallet.example",
        "请看https://www.wallet.example/help/13912345678。",
        "write to help@wallet.example.",
        "您好，编号 261122-000123，已转给客服。",
        "Your number is 261122-000123.",
        "交易单号 2026112212345678901234，金额 1,250.00 元",
        "at 2026-11-22 10:30 you paid 12000.50",
        "between 2024-2026, on 22/11/2026 and 20261122",
        "1. Log out. 2. Log in. 3.5 minutes",
        "e.g. this one, i.e. that one. See point 3.Then restart",
        "订单号 1234567890123",
        "每天 9:00–21:00，1-3 个工作日",
        "The rate is 0.1234567 and the total 3,000,000",
        "Node.js and App.Settings are no links",
        "客服微信公众号搜索“我的钱包”",
        "微信: walletcare2024",
        "尾号 6789 的卡，限额 50000",
        "call us within 24 hours, 7 days a week",
    ],
)
def test_what_is_the_brands_own_or_no_number_at_all_passes(text: str) -> None:
    assert stopped(text, BRAND) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请拨打 400-999-8888", "number"),
        ("https://www.wallet.example/help请拨打热线4009998888", "number"),
        ("见wallet.example/app?x=1请加客服13900001111", "number"),
        ("请拨打４００－９９９－８８８８", "number"),
        ("请拨打四〇〇九九九八八八八", "number"),
        ("拨打 4 0 0 9 9 9 8 8 8 8", "number"),
        ("联系我 13812345678", "number"),
        ("my mobile 138-1234-5678", "number"),
        ("+44 20 7946 0000", "number"),
        ("call 95588", "number"),
        ("热线：12378", "number"),
        ("dial (020) 7946-0000", "number"),
        ("1-800-555-0199 any time", "number"),
        ("客服电话为 010-88886666", "number"),
        ("call 400\u200b-999\u200b-8888", "number"),
        ("open https://wallet-example.top/login", "link"),
        ("open wallet.example.evil.com/a", "link"),
        ("https://wallet.example@evil.example/", "link"),
        ("http://203.0.113.9/reset", "link"),
        ("登录www.wa11et.com领取", "link"),
        ("打开 bit.ly/3abc", "link"),
        ("打开 evil。com 看看", "link"),
        ("evil[.]com", "link"),
        ("evil dot com", "link"),
        ("app://evil/transfer", "link"),
        ("weixin://dl/business", "link"),
        ("go to pay-safe.xyz", "link"),
        ("打开我的钱包.com领取", "link"),
        ("打开我的钱包。com领取", "link"),
        ("write to help@wallet.example.com", "address"),
        ("help@wa1let.example", "address"),
        ("加微信 kefu_8888", "id"),
        ("QQ：1234567", "id"),
        ("whatsapp +44 20 7946 0000", "number"),
    ],
)
def test_what_is_somebody_elses_is_stopped(text: str, kind: str) -> None:
    found = stopped(text, BRAND)
    assert found is not None, text
    assert found[0] == kind, found


def test_the_customers_own_address_may_be_repeated() -> None:
    text = "We wrote to ann@mail.example and will ring 138 1234 5678."
    assert stopped("We wrote to ann@mail.example", BRAND, "ann@mail.example") is None
    assert stopped("我们会拨打13812345678", BRAND, "+8613812345678") is None
    assert stopped(text, BRAND, "ann@mail.example") == ("number", "138 1234 5678")


def test_what_is_stopped_is_shown_as_it_was_written() -> None:
    assert stopped("请拨打 400-999-8888。", BRAND) == ("number", "400-999-8888")


def test_a_brand_without_facts_names_nothing() -> None:
    assert stopped("请拨打 400-820-1234", Allowed()) == ("number", "400-820-1234")
    assert stopped("请在 App 里查看", Allowed()) is None
