"""The two extremes of a brand: one that sets every fact, one that sets none."""

import tomllib
from dataclasses import replace

from gateway.config import templates_dir
from gateway.domain.model import Brand

_FACTS = tomllib.loads((templates_dir() / "knowledge.toml").read_text("utf-8"))["facts"]

#: A brand that sets every fact, with values as long as real ones get.
FULL = Brand(
    "full",
    "联合钱包",
    {name: fact["example"] for name, fact in _FACTS.items()}
    | {
        "hotline": "400-618-0081",
        "hours": {"zh-CN": "每天 9:00–21:00", "en": "daily 9:00-21:00"},
        "mailbox": "help@example.com",
        "help_url": "https://example.com/help",
        "chat": {"zh-CN": "“我的”→“在线客服”", "en": "Me > Online support"},
        "password_policy": {
            "zh-CN": "至少 8 位，含字母、数字和符号",
            "en": "at least 8 characters with letters, digits and symbols",
        },
        "password_interval": {"zh-CN": "每三个月", "en": "every three months"},
        "withdraw_days": "1–3",
        "topup_arrival": {"zh-CN": "几分钟", "en": "a few minutes"},
        "code_wait": {"zh-CN": "60 秒", "en": "60 seconds"},
        "closing_days": 7,
        "complaint_days": 15,
    },
    {"en": "Union Wallet"},
)
EMPTY = Brand("empty", "UPay钱包", {}, {"en": "UPay"})

#: A brand with rows in every table, as long as real ones get.
ROWS = replace(
    FULL,
    tables={
        "error_codes": {
            "E1001": {
                "zh-CN": "银行卡余额不足，请换一张卡或先充值",
                "en": "the card has too little money, please use another one",
            },
            "E-2002": {"zh-CN": "商户暂停收款，请联系商家", "en": "the shop takes no payments now"},
            "E3003": {"zh-CN": "超出当日限额，请明天再试", "en": "over the limit of the day"},
            "E4004": {"zh-CN": "请更新App", "en": "please update the app"},
            "51": {"zh-CN": "余额不足", "en": "not enough money"},
        },
        "countries": {
            "JP": {
                "names": {"zh-CN": ["日本"], "en": ["Japan"]},
                "payment": {"zh-CN": "支持，门店扫码付款", "en": "supported, by code in shops"},
            },
            "IN": {
                "names": {"zh-CN": ["印度"], "en": ["India"]},
                "payment": {"zh-CN": "暂不支持", "en": "not supported yet"},
            },
            "TH": {
                "names": {"zh-CN": ["泰国"], "zh-TW": ["泰國"], "en": ["Thailand"]},
                "payment": {"zh-CN": "支持信息", "zh-TW": "支持·在地", "en": "supported"},
            },
        },
        "fees": {
            "withdrawal": {
                "names": {"zh-CN": ["提现", "取现"], "en": ["withdraw", "cash out"]},
                "fee": {"zh-CN": "每笔 0.2%，最低 2 元", "en": "0.2 %, at least 2"},
            }
        },
        "banks": {
            "CMB": {
                "names": {"zh-CN": ["招商银行", "招行"], "en": ["China Merchants Bank"]},
                "withdraw": {"zh-CN": "通常 2 小时内到账", "en": "usually within 2 hours"},
                "topup": {"zh-CN": "通常几分钟到账", "en": "usually within minutes"},
                "limit": {"zh-CN": "单笔 1 万元", "en": "10,000 yuan at once"},
            },
            "ICBC": {"names": ["工商银行"], "withdraw": {"zh-CN": "次日到账"}},
        },
    },
)
