"""Passwords: what follows the word for one, and what looks like nothing else beside it."""

import re
from collections.abc import Iterator

from gateway.intake.redact import words
from gateway.intake.redact.sheet import AHEAD, BACK, BLOT, DIGIT, NUMBER_END, Find, secret

_TOKEN = re.compile(r"[!-~]{4,64}")
_CLOSING = ".,;:!?)]}>\"'"
_LETTER = re.compile(r"[a-z]")
_WORDS = re.compile(r"[a-z]+(?:[-'/_.][a-z]+)*")
_DIGITS = re.compile(r"[0-9]+(?:[-~.][0-9]+)*")
_FEW = re.compile(r"[0-9]{1,2}[-~][0-9]{1,2}")
_MASKED = re.compile(r"[*xX.#?_-]+")
_SENTENCE_END = re.compile(r"[\s\"'”’)]*(?:$|[.,;!?。，；！？\n])")
_COUNTED = re.compile(words.UNIT)
_PAYMENT = re.compile(r"\s?[\"'“「]?(?P<value>[0-9]{6})" + NUMBER_END)
_PIN = re.compile(words.LINK + r"(?P<value>[0-9]{4,8})" + NUMBER_END)
_MIXED = re.compile(r"\s?[\"'“「]?(?P<value>(?=[!-~]{0,63}[a-z])(?=[!-~]{0,63}[0-9])[!-~]{6,64})")


_STRONG = re.compile(r"(?<![!-~])[!-~]{6,64}|(?<=[\"'(\[<{:=/])[!-~]{6,64}")
_HARMLESS = re.compile(
    r"[^@]+@[^@]+\.[a-z]+|.*://.*|v?[0-9]+(?:[.-][0-9]+)+|[0-9]{1,4}[-+x*]?[a-z]+|[a-z]+-[0-9]+|"
    r"[\w-]+(?:\.[\w-]+)*\.(?:[a-z]{2,4}|html|jpeg)|(?:www\.|/).*|"
    r"(?:iphone|ipad|ios|android|win(?:dows)?|mate|redmi|oppo|vivo|galaxy|pixel|chrome|firefox|"
    r"safari|lastpass|1password|harmonyos|covid|wifi|build|version|ver|step|error|case|order|no|level|vip)[-_.#]?[0-9].*",
    re.IGNORECASE,
)
"""Letters and digits that people write beside the word password without being one."""
_NEAR_GAP = re.compile(r"[\n!;；！]?[^\n。！？!?;；\0]{0,40}")
_SERIAL = re.compile(r"[A-Z]{0,3}[-#]?[0-9][0-9-]{3,}[A-Z]{0,3}[0-9-]*")
"""`SF1234567890`: few capitals at the ends of many digits."""
_WHOSE = re.compile(
    r"(?:user(?:name)?|login|log|account|acct|id|name|e-?mail|as|用户名?|用戶名?|账号|帳號|账户|帳戶|邮箱|郵箱|"
    r"昵称|暱稱|微信号?|微信號?)[\s:：=是为為/\"'“「(]{0,4}(?:is|was)?\s?$"
)
"""Right before a token: it is a name, not a password."""
_TOWARDS = re.compile(
    r"[\s\"'”’」』】)）,，.!?;:]{0,3}(?:就是|便是|是|为|為|当|當|作为|作為|做|[这這那]个?個?|(?<![a-z])(?:is|was|as|being|for)(?![a-z])|="
    r"|[(（-])(?:[\s我你的这那个個原旧舊新登录錄支付账帳号號户戶老]|"
    r"(?<![a-z])(?:the|a|my|our|its|account|login|old|new|current|right|correct|email|wifi|app|payment)(?![a-z]))*$"
)
_PAIR = re.compile(
    r"(?:credentials|login (?:details|data|info(?:rmation)?)|(?:账号|帳號|帐号|账户|用户名?)(?:和|与|及|、|/)?密[码碼]|登录信息)"
    r"(?: (?:are|is|below|here))?[\s:：=是为為]{1,4}[!-~]{2,64}?"
    r"(?:\s?/\s?(?P<value>[!-~]{4,64})|\s?[,，、| \n]\s?(?P<other>(?=[a-z!-/:-@]{0,63}[0-9])[!-~]{4,64}))"
)
"""`credentials: name / password`."""


def may_hold_password(text: str) -> bool:
    """Whether a text without digits has to be read at all."""
    if "密" in text or "口令" in text:
        return True
    if "p" not in text and "P" not in text:
        return False
    # Three look-ups in a lower-case copy take a third of the time of one pattern.
    low = text.lower()
    return "pass" in low or "pw" in low or "psw" in low or "credential" in low or "login " in low


def named_passwords(sheet: str) -> Iterator[Find]:
    for name in words.named(words.PASSWORD, sheet):
        end = name.end()
        if not _TOKEN.search(sheet, end, end + AHEAD):
            continue
        clause = words.CLAUSE_END.search(sheet, end, end + 24)
        reach = clause.start() if clause else end + 24
        pin = name[0].lower().startswith("pin")
        value = _linked(sheet, end, reach, pin=pin)
        if value is None and not words.TO_RENEW.search(
            sheet, max(0, name.start() - BACK), name.start()
        ):
            value = _unlinked(sheet, end, pin=pin)
        if value:
            yield secret("password", *value)


def passwords_near(original: str, sheet: str) -> Iterator[Find]:
    """What looks like nothing but a password, in the clause that speaks of one."""
    for name in words.named(words.PASSWORD_NEAR, sheet):
        gap = _NEAR_GAP.match(sheet, name.end())
        reach = gap.end() if gap else name.end()
        for token in _STRONG.finditer(sheet, name.end(), reach + AHEAD):
            if token.start() > reach:
                break
            if found := _strong(original, sheet, token.start(), name.end()):
                yield found
                break
        yield from _password_before(original, sheet, name.start())


def _password_before(original: str, sheet: str, end: int) -> Iterator[Find]:
    """`Hunter22 is my password`, `用Hunter22这个密码`: the password before its name, at `end`."""
    begin = max(0, end - BACK - 24)
    if not DIGIT.search(sheet, begin, end):
        return
    for token in _STRONG.finditer(sheet, begin, end):
        found = _strong(original, sheet, token.start(), token.start())
        if found and found.end <= end and _TOWARDS.fullmatch(sheet, found.end, end):
            yield found
            return


def _strong(original: str, sheet: str, start: int, name_end: int) -> Find | None:
    """The token at `start` when letters, digits and signs are mixed in it as in a password."""
    token = _TOKEN.match(sheet, start)
    if token is None:
        return None
    value = token[0].rstrip(_CLOSING)
    written = original[start : start + len(value)]
    if (
        len(value) < 6
        or _SERIAL.fullmatch(written)
        or not _LETTER.search(value)
        or not DIGIT.search(value)
        or BLOT in value
        or _HARMLESS.fullmatch(value)
        or _WHOSE.search(sheet, max(0, start - BACK), start)
        or words.OTHER_NOUN.search(sheet, name_end, start)
        or words.NUMBER_LABEL.search(sheet, max(0, start - BACK), start)
    ):
        return None
    return secret("password", start, start + len(value))


def pairs(sheet: str) -> Iterator[Find]:
    for match in _PAIR.finditer(sheet):
        named = "value" if match["value"] else "other"
        value = match[named].rstrip(_CLOSING)
        if len(value) >= 4 and value not in words.ORDINARY_WORDS and "://" not in value:
            start = match.start(named)
            yield secret("password", start, start + len(value))


def _linked(sheet: str, end: int, reach: int, *, pin: bool) -> tuple[int, int] | None:
    """The value behind `is`, `:` or 是, which come soon after the name."""
    for link in words.PASSWORD_LINK.finditer(sheet, end, reach + 4):
        if link.start() > reach:
            return None
        token = _TOKEN.match(sheet, link.end())
        if token is None:
            continue
        value = token[0].rstrip(_CLOSING)
        stop = token.start() + len(value)
        gap = sheet[end : link.start()].strip() or link["weak"] or ""
        if pin and not value.isdigit():
            return None
        if _is_password(value, sheet, stop, gap, link):
            return token.start(), stop
        return None
    return None


def _is_password(value: str, sheet: str, stop: int, gap: str, link: re.Match[str]) -> bool:
    if len(value) < 4 or "://" in value or _MASKED.fullmatch(value) or _FEW.fullmatch(value):
        return False
    if gap and (words.OTHER_SUBJECT.search(gap) or _HARMLESS.fullmatch(value)):
        return False
    if _DIGITS.fullmatch(value):
        return not _COUNTED.match(sheet, stop) and (not gap or len(value) == 6)
    if not _WORDS.fullmatch(value):
        return not gap or (_LETTER.search(value) is not None and DIGIT.search(value) is not None)
    if gap or any(part in words.ORDINARY_WORDS for part in re.split(r"[-'/_.]", value.lower())):
        return False
    # `my password is hunter` is one; `my password is somehow wrong` is not.
    return not link["english"] or _SENTENCE_END.match(sheet, stop) is not None


def _unlinked(sheet: str, end: int, *, pin: bool) -> tuple[int, int] | None:
    """`支付密码123456`, `pwd abc123`: the value right behind the name."""
    if pin:
        value = _PIN.match(sheet, end)
        return value.span("value") if value else None
    if value := _PAYMENT.match(sheet, end):
        return value.span("value")
    if value := _MIXED.match(sheet, end):
        text = value["value"].rstrip(_CLOSING)
        start = value.start("value")
        if "://" not in text and not _COUNTED.match(sheet, start + len(text)):
            return start, start + len(text)
    return None
