"""Advice that would harm whoever follows it, in Chinese and English.

Whoever reads our answers learns from them what is usual: a text of ours that tells to move money or
to switch a protection off does a swindler's work. Warnings of such things are no such advice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.asking import asks_for_secret


@dataclass(frozen=True, slots=True)
class Harm:
    """One kind of advice."""

    what: str
    cure: str
    chinese: str
    english: str
    doubtful: bool = False
    """An editor decides."""


_HARMS = (
    Harm(
        "asks for an ID number",
        "identity is checked in the app only; take the request out",
        r"(?:提供|发送|发给|发来|回复|告知|告诉|报一下|报给|填写在回复)[^，。]{0,12}(?:身份证|护照|证件)号"
        r"|(?:身份证|护照|证件)号码?[^，。]{0,8}(?:发给|发来|发到|告诉我|提供给|回复)",
        r"\b(?:send|give|tell|reply with|provide|text|e-?mail)\b[^.]{0,40}"
        r"\b(?:(?:national )?id (?:card )?(?:number|no)|passport number|social security)",
    ),
    Harm(
        "tells to switch security off",
        "no answer may weaken the customer's protection; take it out",
        r"(?:关闭|关掉|停用|禁用|卸载|取消)[^，。]{0,8}"
        r"(?:杀毒|防火墙|安全软件|安全防护|安全验证|手机管家|锁屏|两步验证|双重验证|指纹|人脸|支付密码|短信提醒)",
        r"\b(?:(?:turn|switch)(?:ing)? off|disabl\w+|deactivat\w+|uninstall\w*|remov\w+)\b[^.]{0,24}"
        r"\b(?:anti-?virus|firewall|two-?(?:step|factor)|2fa|security|screen lock|fingerprint"
        r"|face id|payment password|protection)",
    ),
    Harm(
        "tells to move money to a safe account",
        "only swindlers have a safe account; take it out",
        r"(?:转|汇|存|打)(?:账|款|钱|入|到|至|进)?[^，。]{0,14}"
        r"(?:安全|监管|指定|验资|保险)(?:账户|账号|帐户|帐号)",
        r"\b(?:transfer|move|send|pay|deposit|put)\b[^.]{0,40}"
        r"\b(?:safe|secure|protected|designated) account",
    ),
    Harm(
        "lets a stranger into the customer's device",
        "no answer may ask for a look at the customer's screen; take it out",
        r"(?:安装|下载|打开|开启|共享|同意)[^，。]{0,8}"
        r"(?:远程控制|远程协助|屏幕共享|共享屏幕|向日葵|todesk|anydesk|teamviewer)"
        r"|共享(?:您的|你的)?屏幕",
        r"\b(?:install|open|run|start|accept|share)\b[^.]{0,24}"
        r"\b(?:remote (?:control|access|support)|anydesk|teamviewer|your screen|screen sharing)",
    ),
    Harm(
        "tells to copy and paste a password",
        "other apps can read what is copied: better 'show the password and type it again'",
        r"(?:复制|粘贴|拷贝)[^，。]{0,10}密码|密码[^，。]{0,10}(?:复制|粘贴|拷贝)",
        r"\b(?:copy|paste)\b[^.]{0,24}\bpassword|\bpassword[^.]{0,24}\b(?:copy|paste)",
        doubtful=True,
    ),
    Harm(
        "tells to write a secret down",
        "what is written down is found; take it out",
        r"(?:写下|记在|抄下|抄写|拍下|截图保存)[^，。]{0,10}(?:密码|验证码)",
        r"\b(?:write down|note down|save a screenshot of)\b[^.]{0,16}\b(?:password|pin|code)\b",
        doubtful=True,
    ),
)
_SECRET = Harm(
    "asks for a code, password or card number",
    "no message of ours may do that; take it out",
    "",
    "",
)
_SENTENCE = re.compile(r"[^。！？!?\n;；.]+")
_COMMA = re.compile(r"[，,]")
_DENIED = re.compile(
    r"[不勿别莫没未]|拒绝|禁止|警惕"
    r"|(?<![a-z])(?:never|not|no|nobody|no one|don['’]t|refuse|beware|without)(?![a-z])",
    re.IGNORECASE,
)
_FRAUD = re.compile(r"骗|fraud|scam|swindl", re.IGNORECASE)
_SECRET_WORDS = {"password", "code", "cvv", "cvc", "pin", "otp", "secret", "passcode"}
#: Codes that are no secret: of an error, a country.
_OPEN_CODES = {"error", "status", "country", "currency", "bank"}


def unsafe(line: str) -> Iterator[tuple[Harm, str]]:
    """The harmful advice in one line of a text, with the words that give it."""
    if asked := asks_for_secret(line):
        yield _SECRET, asked
    for harm in _HARMS:
        if advised := _advised(harm, line):
            yield harm, advised


def is_secret_slot(slot: str) -> bool:
    """Whether the name of a slot says that a customer is asked for a secret."""
    words = set(re.split(r"[_?]", slot.lower()))
    if "code" in words and words & _OPEN_CODES:
        return False
    return bool(words & _SECRET_WORDS) or {"card", "number"} <= words or {"id", "number"} <= words


def _advised(harm: Harm, line: str) -> str:
    for sentence in _SENTENCE.findall(line):
        for pattern in (harm.chinese, harm.english):
            for found in re.finditer(pattern, sentence, re.IGNORECASE):
                clause = _COMMA.split(sentence[: found.start()])[-1]
                if not _DENIED.search(clause + found[0]) and not _FRAUD.search(sentence):
                    return found[0].strip()
    return ""
