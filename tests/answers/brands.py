"""The two extremes of a brand: one that sets every fact, one that sets none."""

import tomllib

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
