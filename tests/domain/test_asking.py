"""Our own texts never ask for a secret, and may speak of one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.asking import asks_for_secret

ASKS = [
    "请把验证码发给我们",
    "请提供您的验证码",
    "请回复短信验证码",
    "麻烦您告诉我收到的验证码",
    "您的密码是多少？",
    "请问您的支付密码是什么",
    "为了核实身份，请告知登录密码。",
    "请发送您的银行卡号",
    "请提供完整卡号和有效期",
    "卡号发我一下",
    "密码发来我帮您登录",
    "把卡背面的CVV告诉我们",
    "請提供您的驗證碼",
    "请把您收到的6位验证码回复给我们",
    "您好，麻烦报一下验证码",
    "验证码收到了吗？收到后请发给我，验证码发我即可",
    "需要您的验证码",
    "请确认您的支付密码",
    "请不要忘记把验证码发给我们",
    "不好意思，请提供验证码",
    "请提供 OTP",
    "Please send us the verification code.",
    "Please tell me your password",
    "Could you send the code you received?",
    "What is your password?",
    "What's the code on your phone?",
    "We need your full card number to continue.",
    "Reply with the 6-digit code.",
    "Please reply with your card number and expiry date",
    "Send me the OTP",
    "Let us know your PIN",
    "Please confirm your password.",
    "Kindly provide the security code on the back",
    "Provide your credit card number",
    "Do not hesitate to send us your password",
    "To verify you, please share the one-time code",
    "We will also need the CVV",
    "Could you give me your card no.?",
    "Hello Anna. Please text us the code. Thanks.",
    "PLEASE SEND YOUR PASSWORD",
    "Please enter your password in your reply",
]

INNOCENT = [
    "我们绝不会索要密码或验证码。",
    "请不要把验证码告诉任何人，也不要发给我们。",
    "请勿把卡号发给我们",
    "请立即修改密码并告诉我们",
    "请告诉我们忘记密码后页面的提示",
    "请告诉我们验证码收不到的时间",
    "请在页面上输入收到的验证码",
    "验证码只填在 App 页面里，请不要告诉任何人。",
    "请提供订单号，不要提供验证码",
    "请提供银行卡尾号",
    "请提供卡号后四位",
    "请回复交易单号、时间和金额",
    "凡以退款为由要验证码的都是诈骗",
    "可以在App里重置密码",
    "您可以用验证码登录，或点“忘记密码”",
    "请重新获取验证码",
    "验证码是什么时候收到的？",
    "您的密码已经重置",
    "来电的工作人员绝不会向您索要密码或验证码",
    "请提供错误提示的截图",
    "密码错误几次后会锁定",
    "We never ask for your password.",
    "Please do not send codes or passwords in a message.",
    "Never tell anyone your code, not even us.",
    "Please change your password in the app.",
    "Please tell us when you requested the code.",
    "Tell us whether the code arrived.",
    "Please send us the error code you see.",
    "Please reply with the order number and the amount.",
    "We sent you a code; enter it in the app.",
    "Please enter the code in the app.",
    "Enter the phone number your bank has on file, and the code you receive, on the page.",
    "Please send us your postal code.",
    "Anyone asking for codes is a fraud.",
    "Our staff will never ask for your password or a code.",
    'If the password is wrong, tap "Forgot password" on the login page.',
    "Log in with a text message code instead.",
    "Please tell us about the password reset problem.",
    "What is a verification code?",
    "Confirm your identity with a code, entered in the app only.",
    "Please give us the last four digits of the card.",
    "You can share your promo code with friends.",
    "Tell us your order number, never your password.",
    "Thank you, your case is closed.",
    "",
]


@pytest.mark.parametrize("text", ASKS)
def test_a_request_for_a_secret_is_found_and_quoted(text):
    quoted = asks_for_secret(text)
    assert quoted
    assert quoted in text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_warns_advises_or_speaks_of_something_else_passes(text):
    assert asks_for_secret(text) is None


def test_none_of_the_templates_asks():
    texts = [
        path
        for path in (Path(__file__).parents[2] / "templates").rglob("*")
        if path.is_file() and "example" not in path.name and path.suffix in {".txt", ".md", ".j2"}
    ]
    assert len(texts) > 100
    # Examples and background lines are what customers and strangers write.
    ours = [p for p in texts if not p.name.startswith("examples") and p.parent.name != "background"]
    found = {str(path): asks_for_secret(path.read_text("utf-8")) for path in ours}
    assert {name: part for name, part in found.items() if part} == {}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(ASKS))
def test_any_text_is_bearable_and_a_request_on_a_line_of_its_own_is_found(text, request_):
    asks_for_secret(text)
    assert asks_for_secret(f"{text}\n{request_}")
