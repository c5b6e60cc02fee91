"""Who is in the story, what they write, and the shop they write to. Everybody is invented.

Addresses lie under `.example` and telephone numbers in ranges kept for fiction or of simulators, so
that nothing could reach a real person even if it left the machine.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in the two languages of the demo."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The sentence in 'zh-CN' or 'en'; English for any other language."""
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with the address they write from and the texts they send."""

    name: str
    address: str
    text: str
    subject: str = ""


MAILBOX = "support@demo-wallet.example"
AGENT = "li.min"

#: The only source of numbers and promises in the demo's answers, as `[brands.demo]` would be.
BRAND: dict[str, Any] = {
    "name": "Demo Wallet",
    "names": {"zh-CN": "演示钱包"},
    "facts": {
        "hotline": "400-000-0000",
        "hours": {"zh-CN": "每天 9:00–21:00", "en": "daily 9:00-21:00"},
        "password_policy": {
            "zh-CN": "至少 8 位，包含字母和数字",
            "en": "at least 8 characters with letters and digits",
        },
        "topup_arrival": {"zh-CN": "几分钟", "en": "a few minutes"},
        "withdraw_days": "1-3",
        "code_wait": {"zh-CN": "60 秒", "en": "60 seconds"},
        "closing_days": "7",
    },
    "tables": {
        "error_codes": {
            "E1001": {
                "zh-CN": "银行卡余额不足，请换一张卡",
                "en": "the card has too little money, please use another one",
            },
        },
        "countries": {
            "JP": {
                "names": {"zh-CN": ["日本"], "en": ["Japan"]},
                "payment": {"zh-CN": "支持，门店扫码付款", "en": "supported, by code in shops"},
            },
        },
    },
}

PASSWORD = Person(
    "王芳",
    "wang.fang@mail.example",
    "您好，我的登录密码忘了，怎么重新设置？",
    "忘记密码",
)
TOPUP = Person("陈强", "+8613800138000", "昨天充值的200元还没到账，怎么回事")
CODE = Person("Emma Clark", "+14155550123", "I do not receive the verification code")
CARD_BINDING = Person(
    "James Lee",
    "james.lee@mail.example",
    "Hello, how do I add a bank card to my wallet?",
    "Adding a card",
)
GIFT = Person(
    "Olivia Brown",
    "olivia.brown@mail.example",
    "Hi, do you also sell printed gift vouchers for companies? We would need about forty.",
    "Gift vouchers",
)
HOLIDAY = Person(
    "刘洋",
    "liu.yang@mail.example",
    "提现三天了还没到账，请帮忙查一下。",
    "提现未到账",
)
#: The number every payment provider prints in its test pages; it belongs to no account.
CARD_NUMBER = "4111111111111111"
CARD_BY_MAIL = Person(
    "赵敏",
    "zhao.min@mail.example",
    "绑定银行卡一直失败，我的卡号是 4111 1111 1111 1111，麻烦看看怎么绑定银行卡。",
    "绑卡失败",
)
CARD_IN_APP = Person(
    "赵敏",
    "user-1042",
    "怎么绑定银行卡？卡号 4111-1111-1111-1111，一直失败",
)
FRAUD = Person(
    "孙丽",
    "sun.li@mail.example",
    "我账户里有一笔不是我本人操作的交易，1280元，请马上帮我处理！",
    "陌生交易",
)
CLOSING = Person(
    "Noah Smith",
    "noah.smith@mail.example",
    "Please close my account.",
    "Close account",
)
APP_USER = Person("周杰", "user-77", "付款一直失败，提示支付异常")
#: 堃 is in GBK but not in GB2312, which the mail claims to be written in, as many do.
OLD_MAILER = Person(
    "黄堃",
    "huang.kun@mail.example",
    "你好，我叫黄堃，想问一下怎么保护账户安全？",
    "账户安全",
)
