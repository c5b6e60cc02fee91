"""Codes, passwords and CVVs are recognised by the words around them, in three languages."""

import pytest

from gateway.intake.redact import redact
from tests.intake.marked import UNION_19, VISA, check

CODES = [
    "验证码是⟦123456⟧",
    "验证码：⟦123456⟧",
    "验证码:⟦1234⟧",
    "验证码⟦123456⟧",
    "验证码 ⟦123456⟧ 一直提示错误",
    "我的验证码是 ⟦482913⟧，但是输入不了",
    "我收到的验证码是⟦482913⟧，提示失效",
    "收到验证码了，是⟦482913⟧",
    "验证码我已经收到了，是⟦482913⟧",
    "你们发来的验证码为【⟦482913⟧】",
    "短信验证码「⟦482913⟧」输入后没反应",
    "校验码 ⟦5566⟧",
    "动态码：⟦88776655⟧",
    "动态密码是⟦778899⟧",
    "动态口令⟦778899⟧",
    "短信码⟦123456⟧",
    "确认码：⟦9911⟧",
    "认证码为⟦20311⟧",
    "一次性密码：⟦202611⟧",
    "安全码：⟦482913⟧",
    "验证码\n⟦482913⟧",
    "验证码：⟦１２３４５６⟧",
    "验证码：⟦123 456⟧",
    "验证码：⟦123-456⟧",
    "验证码：⟦1 2 3 4 5 6⟧",
    "⟦482913⟧是我的验证码",
    "⟦482913⟧（验证码）",
    "⟦482913⟧ 这个验证码不对",
    "我输入了⟦482913⟧这个验证码",
    "【钱包】验证码⟦482913⟧，5分钟内有效，请勿告诉他人。",
    "两个验证码：⟦482913⟧和⟦593817⟧都不行",
    "驗證碼是⟦482913⟧",
    "我的驗證碼：⟦482913⟧",
    "收到的簡訊驗證碼為⟦482913⟧",
    "動態密碼⟦482913⟧",
    "校驗碼 ⟦4829⟧",
    "⟦482913⟧是驗證碼",
    "my code is ⟦482913⟧",
    "Code: ⟦482913⟧",
    "CODE ⟦482913⟧",
    "the code I got is ⟦482913⟧",
    "The verification code you sent me: ⟦482913⟧",
    "Your verification code is ⟦482913⟧. Do not share it.",
    "OTP ⟦4829⟧",
    "otp: ⟦482913⟧",
    "the OTP was ⟦482913⟧ but it says invalid",
    "one-time password ⟦48291377⟧",
    "one time code is ⟦482913⟧",
    "login code ⟦482 913⟧",
    "security code ⟦482913⟧",
    "SMS code: ⟦4829⟧",
    "2FA code ⟦482913⟧",
    "passcode ⟦482913⟧",
    "⟦482913⟧ is my verification code",
    "⟦482913⟧ is the code",
    "I entered ⟦482913⟧ as the code and it failed",
    "⟦G-482913⟧ is your verification code",
    "codes: ⟦482913⟧, ⟦593817⟧",
    "验证码code：⟦482913⟧",
    "没收到第二个，但第一个验证码是⟦482913⟧",
]

PASSWORDS = [
    "密码是⟦abc12345⟧",
    "我的密码是 ⟦Zhang@2020⟧ 登录不上",
    "密码：⟦123456⟧",
    "密码:⟦hunter2!x⟧",
    "登录密码为⟦qwerty99⟧",
    "支付密码⟦123456⟧",
    "支付密码是⟦654321⟧",
    "支付密码 ⟦654321⟧ 不对",
    "我的支付密码改成了⟦112233⟧",
    "密码我设置为⟦abcd1234⟧了",
    "密码⟦abc123⟧",
    "密码 ⟦Abc_12345⟧",
    "密码是“⟦abc12345⟧”",
    "账号 zhangsan 密码 ⟦zs19900307⟧",
    "用户名：zhangsan，密码：⟦qwertyui⟧",
    "密碼是⟦abc12345⟧",
    "支付密碼：⟦123456⟧",
    "登錄密碼為⟦qwerty99⟧",
    "密码：⟦ａｂｃ１２３４５⟧",
    "口令是⟦open1234⟧",
    "my password is ⟦hunter2⟧",
    "my password is ⟦sunshine⟧.",
    "my password is ⟦Tr0ub4dor&3⟧ and it fails",
    "Password: ⟦hunter2⟧",
    "password=⟦hunter2⟧",
    "PASSWORD : ⟦Secret99⟧",
    "pwd: ⟦qwerty⟧",
    "pwd ⟦abc123⟧",
    "pass: ⟦hunter22⟧",
    "pw: ⟦hunter22⟧",
    "passwd is ⟦x9y8z7⟧",
    "payment password ⟦123456⟧",
    "the password was ⟦letmein1⟧",
    "password for my account is ⟦abc123xyz⟧",
    "username: bob password: ⟦correcthorse⟧",
    "My PIN is ⟦4821⟧",
    "pin code: ⟦482193⟧",
    "I changed my password to ⟦Winter2026⟧ yesterday",
    'password "⟦abc123⟧"',
    "https://x.invalid/login?user=a&password=⟦abc123⟧",
]

CVVS = [
    "CVV ⟦123⟧",
    "cvv：⟦123⟧",
    "cvv2 是 ⟦987⟧",
    "CVC: ⟦4567⟧",
    "cvv⟦123⟧",
    "CVV code is ⟦123⟧",
    "安全码⟦123⟧",
    "安全码是⟦0123⟧",
    "安全碼：⟦123⟧",
    "卡背面三位数字是⟦123⟧",
    "背面后3位：⟦123⟧",
    "security code: ⟦123⟧",
    "the card verification code is ⟦4321⟧",
    "⟦123⟧ is the cvv",
    "⟦123⟧（cvv）",
    "有效期12/28，CVV⟦１２３⟧",
]


@pytest.mark.parametrize("marked", CODES)
def test_a_code_is_taken_out(marked):
    check(marked, "code")


@pytest.mark.parametrize("marked", PASSWORDS)
def test_a_password_is_taken_out(marked):
    check(marked, "password")


@pytest.mark.parametrize("marked", CVVS)
def test_a_cvv_is_taken_out(marked):
    check(marked, "cvv")


@pytest.mark.parametrize(
    ("context", "marked", "kind"),
    [
        ("请回复您收到的短信验证码。", "⟦482913⟧", "code"),
        ("请回复您收到的短信验证码。", "⟦4829⟧", "code"),
        ("请回复您收到的短信验证码。", " ⟦482913⟧。 ", "code"),
        ("请回复您收到的短信验证码。", "是⟦482913⟧", "code"),
        ("请回复您收到的短信验证码。", "好的，⟦482913⟧，谢谢", "code"),
        ("请回复您收到的短信验证码。", "⟦４８２９１３⟧", "code"),
        ("请回复您收到的短信验证码。", "⟦482 913⟧", "code"),
        ("请回复您收到的短信验证码。", "手机上显示的是⟦482913⟧你看看", "code"),
        ("請輸入驗證碼", "⟦482913⟧", "code"),
        ("What is the verification code?", "it is ⟦482913⟧", "code"),
        ("What is the verification code?", "ok ⟦482913⟧ thanks", "code"),
        ("Please never send the OTP.", "⟦482913⟧", "code"),
        ("请提供订单号，不要发送验证码。", "⟦482913⟧", "code"),
        ("请输入支付密码", "⟦482913⟧", "password"),
        ("What is the CVV on the back?", "⟦123⟧", "cvv"),
    ],
)
def test_a_lone_number_after_a_question_is_what_was_asked_for(context, marked, kind):
    check(marked, kind, context)


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ("", "482913"),
        ("您好，请问有什么可以帮您？", "482913"),
        ("请提供订单号，不要发送验证码。", "12345678"),
        ("请回复您收到的短信验证码。", "充值482913元没到"),
        ("请回复您收到的短信验证码。", "订单482913"),
        ("请回复您收到的短信验证码。", "没收到，我的编号是482913"),
        ("请回复您收到的短信验证码。", "13800138000"),
        ("请回复您收到的短信验证码。", "261122-483920"),
        ("请回复您收到的短信验证码。", "2"),
        ("What is the verification code?", "I did not get it, my order is 482913"),
        ("Which error code do you see?", "482913"),
    ],
)
def test_a_number_that_was_not_asked_for_stays(context, text):
    assert redact(text, context).text == text


def test_everything_copied_from_a_card_goes():
    result = redact(f"卡号 {VISA} 有效期 12/28 123 密码 654321")
    assert result.text == "卡号 [card ****1111] 有效期 12/28 [cvv] 密码 [password]"
    assert redact(f"{VISA} 12/2028 123").text == "[card ****1111] 12/2028 [cvv]"


def test_several_secrets_in_one_message_are_each_named():
    result = redact(f"卡号{UNION_19}，CVV 123，验证码 482913，密码是abc12345")
    assert [r.kind for r in result.redactions] == ["card", "cvv", "code", "password"]
    assert result.text == (
        f"卡号[card ****{UNION_19[-4:]}]，CVV [cvv]，验证码 [code]，密码是[password]"
    )
