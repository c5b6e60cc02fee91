"""One-time codes and CVVs: secrets that only the words around them give away."""

import re
from collections.abc import Iterator
from functools import partial

from gateway.intake.redact import passwords, words
from gateway.intake.redact.sheet import AHEAD, BACK, BLOT, DIGIT, NUMBER_END, Find, secret

# ---------------------------------------------------------------- numbers

_CODE_SIGNS = (
    "码", "碼", "code", "otp", "2fa", "口令", "令牌", "验证", "驗證", "认证", "認證", "短信", "簡訊",
    "one-time", "one time", "onetime", "token", "authenticator", " tan", "tan:", "tan=", "mtan", "verif", "digits",
    "ity key", "ion key", "in key", "sms", "text it", "text sa", "text re", "text was", "text message",
)  # fmt: skip
"""What one of `words.CODE` may begin with: eight look-ups take a µs, the pattern fifty."""
_CVV_SIGNS = (
    "码", "碼", "背", "cv", "csc", "security", "verif", "the back", "the re", "signature", "card code",
    "card value", "the front", "反面", "卡后", "卡後", "卡末", "卡片后", "卡片後", "签名", "簽名",
)  # fmt: skip
_PAIR_SIGNS = ("credential", "login ", "登录信息", "密码", "密碼")
_EXPIRY_SIGNS = (BLOT, "exp", "valid", "有效", "到期")
_PURPOSE_SIGNS = (
    "to verif", "to confirm", "to log", "to sign", "to authentic", "to complete", "to activat",
    "to unlock", "verification", "login", "authentic", "confirmation",
)  # fmt: skip

_BEGIN = r"(?<![A-Za-z0-9_*])(?<![0-9][-./:, ])"
_CODE_NUMBER = (
    r"(?P<value>(?:g-)?(?:[0-9](?: [0-9]){3,7}|[0-9]{3}[ -][0-9]{3}|[0-9]{4} [0-9]{4}|"
    r"[0-9]{2}(?: [0-9]{2}){1,3}|[0-9]{4,8}))" + NUMBER_END
)
_CVV_NUMBER = r"(?P<value>[0-9]{3,4})" + NUMBER_END
_SIX = _BEGIN + r"(?P<value>[0-9]{6})" + NUMBER_END
_CLAUSE = r"[^0-9\n。！？!?;；\0]{0,30}"
_NEAR = r"[^0-9\n。！？!?;；\0]{0,28}?"
_MARK = r"(?:[:：=（(“\"「【]|是|为|為|显示|顯示|(?<![a-z])(?:is|was|says|shows|reads|as)(?![a-z]))"
_SPACE = r"[\s:：“\"'「【]{0,3}"

_CODE_AFTER = re.compile(words.LINK + _CODE_NUMBER)
_CODE_BEFORE = re.compile(_BEGIN + _CODE_NUMBER + words.BACK_LINK)
_SIX_AFTER = re.compile(rf"(?P<gap>{_CLAUSE})" + _SIX)
_SIX_BEFORE = re.compile(_SIX + rf"(?P<gap>{_CLAUSE})$")
_MARKED_AFTER = re.compile(rf"(?P<gap>{_NEAR}){_MARK}{_SPACE}{_CODE_NUMBER}")
_USED = re.compile(
    _BEGIN
    + _CODE_NUMBER
    + r"[\"'”)]{0,2} (?:to (?:verif|confirm|log|sign|authentic|complete|activat|unlock)|"
    r"(?:for|as) (?:your |my |the )?(?:verif|login|authentic|confirmation))"
)
_GIVEN = re.compile(
    r"(?:^|[\n.!:(]\s?|(?<![a-z])(?:use|using|enter|entered|type|typed|input|me|got|received)\s)[\"'“(]{0,2}$"
)
"""`Use 482913 to verify …`: the sentence has no other name for it."""
_CVV_NEAR = re.compile(rf"(?P<gap>[^0-9\n。！？!?;；\0]{{0,20}}){_CVV_NUMBER}")
_CVV_AFTER = re.compile(words.LINK + _CVV_NUMBER)
_CVV_BEFORE = re.compile(_BEGIN + _CVV_NUMBER + rf"(?:{words.BACK_LINK}|\s?(?:for )?$)")
_AND_ANOTHER = re.compile(r"\s?(?:[,，、/和跟与與及或]|and|or)\s?" + _CODE_NUMBER)
_CVV_AFTER_EXPIRY = re.compile(
    rf"(?:{BLOT}[\s,，;/]{{1,3}}(?:exp[a-z]{{0,10}}[\s.:]{{0,2}}|有效期[\s:：至到]{{0,2}})?|"
    r"exp(?:ir[a-z]{1,6})?(?: date)?[\s.:]{0,3}|valid (?:thru|until|till|to)[\s:]{0,2}|(?:有效期限?|到期日?)[\s:：至到为為是]{0,3})"
    r"[0-9]{2} ?/ ?(?:20)?[0-9]{2}[\s,，;/]{1,3}"
    r"(?:(?:code|后三位|後三位|后3位|末三位|三位数?|背面|安全码|security)[\s:：是为為]{0,3})?"
    r"(?P<value>[0-9]{3,4})(?![0-9A-Za-z/.-])"
)
"""What people copy from a card in one go: number, expiry, the three digits of the back."""

_FILLER = (
    r"(?:[\s,，、:：.。!！~'\"“”「」【】()（）\[\]=#*-]|好的?|嗯|哦|对|對|是的?|在这里?|在這裡?|给你|給你|发你|發你|谢谢|謝謝|"
    r"收到了?|了|吧|啊|呢|哈|(?<![a-z])(?:ok|okay|yes|sure|hi|hello|here|it|it's|it is|is|this|you|go|"
    r"thanks?|thx|please|got|i|the|my|code|one)(?![a-z]))*"
)
_LONE = {
    "code": re.compile(_FILLER + _CODE_NUMBER + _FILLER),
    "six": re.compile(
        _FILLER + r"(?P<value>[0-9]{6}|[0-9]{3}[ -][0-9]{3})" + _FILLER, re.IGNORECASE
    ),
    "cvv": re.compile(_FILLER + _CVV_NUMBER + _FILLER),
}
_LONGEST_LONE = 80
_SIX_ALONE = re.compile(_SIX)


def asked(context: str, reply: str) -> str:
    """What our last message makes of the number that the reply may consist of: 'code', 'six' (only
    six digits are a code: another number was asked for as well), 'password', 'cvv' or ''."""
    if len(reply) > _LONGEST_LONE:
        return ""
    low = context.lower()
    if any(_code_names(low)):
        return "six" if words.ASKED_NUMBER.search(low) else "code"
    if any(words.named(words.CVV, low)):
        return "cvv"
    return "password" if any(words.named(words.PASSWORD, low)) else ""


def kind_of_key(key: str) -> str:
    """The kind of secret a field of structured input is named after, or ''."""
    return words.KEYS.get(re.sub(r"[\s_-]", "", key).lower(), "")


def find(sheet: str, asked_for: str) -> list[Find]:
    """The secrets that one kind of rule finds on the sheet, in order, none overlapping another.
    Called again until there are none, so that a stronger rule has the first word."""
    low = _lower(sheet)
    rules = []
    if DIGIT.search(low):
        if _holds(low, _CVV_SIGNS):
            rules.append(_cvvs)
        if _holds(low, _EXPIRY_SIGNS):
            rules.append(_cvvs_after_expiry)
        if _holds(low, _CODE_SIGNS):
            rules.append(_codes)
        if _holds(low, _PURPOSE_SIGNS):
            rules.append(_used)
    if "密" in low or "口令" in low or "pass" in low or "pw" in low or "psw" in low or "pin" in low:
        rules += (passwords.named_passwords, partial(passwords.passwords_near, sheet))
    if _holds(low, _PAIR_SIGNS):
        rules.insert(0, passwords.pairs)
    for rule in rules:
        if found := _ordered(rule(low)):
            return found
    if asked_for == "lone":
        return _alone(low)
    return _lone(low, asked_for) if asked_for else []


def _holds(low: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # noqa: SIM110 - twice as fast as any() on the way to the acknowledgement
        if sign in low:
            return True
    return False


def _lower(sheet: str) -> str:
    """In lower case and of the same length: a few capitals become two characters."""
    low = sheet.lower()
    if len(low) != len(sheet):
        low = "".join(char.lower() if len(char.lower()) == 1 else char for char in sheet)
    return low


def _ordered(finds: Iterator[Find]) -> list[Find]:
    """Sorted, without what overlaps an earlier one."""
    kept: list[Find] = []
    for found in sorted(finds):
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
    return kept


# ---------------------------------------------------------------- codes and CVVs


def _code_names(text: str) -> Iterator[re.Match[str]]:
    """Where a one-time code is named: not an error code, a post code, a QR code."""
    for name in words.named(words.CODE, text):
        if not words.OTHER_CODE.search(text, max(0, name.start() - BACK), name.start()):
            yield name


def _codes(sheet: str) -> Iterator[Find]:
    for name in _code_names(sheet):
        end = name.end()
        if DIGIT.search(sheet, end, end + AHEAD):
            value = _CODE_AFTER.match(sheet, end)
            for form in (_SIX_AFTER, _MARKED_AFTER) if value is None else ():
                far = form.match(sheet, end)
                if far and _means_it(sheet, far):
                    value = far
                    break
            while value is not None:
                yield secret("code", *value.span("value"))
                value = _AND_ANOTHER.match(sheet, value.end("value"))
        yield from _before(sheet, name.start(), "code")


def _used(sheet: str) -> Iterator[Find]:
    for match in _USED.finditer(sheet):
        if _GIVEN.search(sheet, max(0, match.start() - 12), match.start()):
            yield secret("code", *match.span("value"))


def _cvvs(sheet: str) -> Iterator[Find]:
    for name in words.named(words.CVV, sheet):
        value = _CVV_AFTER.match(sheet, name.end())
        if value is None and (far := _CVV_NEAR.match(sheet, name.end())) and _means_it(sheet, far):
            value = far
        if value:
            yield secret("cvv", *value.span("value"))
        yield from _before(sheet, name.start(), "cvv")


def _before(sheet: str, end: int, kind: str) -> Iterator[Find]:
    """`123456 is the code`, `123456这个验证码`: the value before its name, which is at `end`."""
    begin = max(0, end - BACK)
    if not DIGIT.search(sheet, begin, end):
        return
    value = (_CODE_BEFORE if kind == "code" else _CVV_BEFORE).search(sheet, begin, end)
    if value is None and kind == "code":
        value = _SIX_BEFORE.search(sheet, begin, end)
        if value and _is_elsewhere(value["gap"]):
            value = None
    if value and not _is_labelled(sheet, value.start("value")):
        yield secret(kind, *value.span("value"))


def _means_it(sheet: str, value: re.Match[str]) -> bool:
    """Whether digits some words behind `code` are the code."""
    return not _is_elsewhere(value["gap"]) and not _is_labelled(sheet, value.start("value"))


def _is_elsewhere(gap: str) -> bool:
    """Whether the words between a name and a number deny it, or name the number otherwise."""
    return bool(words.DENIAL.search(gap) or words.OTHER_NOUN.search(gap))


def _is_labelled(sheet: str, start: int) -> bool:
    """Whether the words right before a number name it as something harmless."""
    return words.LABEL_BEFORE.search(sheet, max(0, start - BACK), start) is not None


def _cvvs_after_expiry(sheet: str) -> Iterator[Find]:
    for match in _CVV_AFTER_EXPIRY.finditer(sheet):
        yield secret("cvv", match.start("value"), match.end("value"))


def _alone(sheet: str) -> list[Find]:
    """Six digits that are a whole message, whatever came before it. A round number is an amount."""
    if len(sheet) > _LONGEST_LONE or BLOT in sheet:
        return []
    value = _LONE["six"].fullmatch(sheet)
    if value is None or value["value"].endswith("000"):
        return []
    return [secret("code", *value.span("value"))]


def _lone(sheet: str, asked_for: str) -> list[Find]:
    """The number that a short reply to our question consists of."""
    if len(sheet) > _LONGEST_LONE or BLOT in sheet:
        return []
    kind = "code" if asked_for == "six" else asked_for
    value = _LONE["six" if kind == "password" else asked_for].fullmatch(sheet)
    if value is None and kind == "code":
        value = _SIX_ALONE.search(sheet)
        if value and (_is_labelled(sheet, value.start()) or words.DENIAL.search(sheet)):
            value = None
    return [secret(kind, value.start("value"), value.end("value"))] if value else []
