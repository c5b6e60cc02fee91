"""One-time codes, passwords and CVVs: secrets that only the words around them give away."""

import re
from collections.abc import Iterator

from gateway.intake.redact import words
from gateway.intake.redact.sheet import BLOT, PLACEHOLDERS, Find

_DIGIT = re.compile(r"[0-9]")
_AHEAD, _BACK = 64, 40
"""How far from its name a value is looked for, in characters."""

# ---------------------------------------------------------------- numbers

_BEGIN = r"(?<![A-Za-z0-9_*])(?<![0-9][-./:, ])"
_END = (
    r"(?![A-Za-z0-9_*]|[-./:][0-9]| [0-9]{3}|,[0-9]{3}(?![0-9])|" + words.UNIT + ")"
)  # not in a longer number, a date, an amount, and not counting something
_CODE_NUMBER = (
    r"(?P<value>(?:g-)?(?:[0-9](?: [0-9]){3,7}|[0-9]{3}[ -][0-9]{3}|[0-9]{4} [0-9]{4}|"
    r"[0-9]{2}(?: [0-9]{2}){1,3}|[0-9]{4,8}))" + _END
)
_CVV_NUMBER = r"(?P<value>[0-9]{3,4})" + _END
_SIX = _BEGIN + r"(?P<value>[0-9]{6})" + _END
_CLAUSE = r"[^0-9\n。！？!?;；,，\0]{0,16}"

_CODE_AFTER = re.compile(words.LINK + _CODE_NUMBER)
_CODE_BEFORE = re.compile(_BEGIN + _CODE_NUMBER + words.BACK_LINK)
_SIX_AFTER = re.compile(rf"(?P<gap>{_CLAUSE})" + _SIX)
_SIX_BEFORE = re.compile(_SIX + rf"(?P<gap>{_CLAUSE})$")
_CVV_AFTER = re.compile(words.LINK + _CVV_NUMBER)
_CVV_BEFORE = re.compile(_BEGIN + _CVV_NUMBER + words.BACK_LINK)
_AND_ANOTHER = re.compile(r"\s?(?:[,，、/和跟与與及或]|and|or)\s?" + _CODE_NUMBER)
_CVV_AFTER_EXPIRY = re.compile(
    BLOT + r"[\s,，;/]{1,3}(?:exp[a-z]{0,10}[\s.:]{0,2}|有效期[\s:：至到]{0,2})?"
    r"[0-9]{2} ?/ ?(?:20)?[0-9]{2}[\s,，;/]{1,3}(?P<value>[0-9]{3,4})(?![0-9A-Za-z/.-])"
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

# ---------------------------------------------------------------- passwords

_TOKEN = re.compile(r"[!-~]{4,64}")
_CLOSING = ".,;:!?)]}>\"'"
_LETTER = re.compile(r"[a-z]")
_WORDS = re.compile(r"[a-z]+(?:[-'/_.][a-z]+)*")
_DIGITS = re.compile(r"[0-9]+(?:[-~.][0-9]+)*")
_FEW = re.compile(r"[0-9]{1,2}[-~][0-9]{1,2}")
_MASKED = re.compile(r"[*xX.#?_-]+")
_SENTENCE_END = re.compile(r"[\s\"'”’)]*(?:$|[.,;!?。，；！？\n])")
_COUNTED = re.compile(words.UNIT)
_PAYMENT = re.compile(r"\s?[\"'“「]?(?P<value>[0-9]{6})" + _END)
_PIN = re.compile(r"\s?(?P<value>[0-9]{4,6})" + _END)
_MIXED = re.compile(r"\s?[\"'“「]?(?P<value>(?=[!-~]{0,63}[a-z])(?=[!-~]{0,63}[0-9])[!-~]{6,64})")


def may_hold_password(text: str) -> bool:
    """Whether a text without digits has to be read at all."""
    if "密" in text or "口令" in text:
        return True
    if "p" not in text and "P" not in text:
        return False
    # Three look-ups in a lower-case copy take a third of the time of one pattern.
    low = text.lower()
    return "pass" in low or "pw" in low or "psw" in low


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
    if _DIGIT.search(low):
        name = "码" in low or "碼" in low
        secret = "secur" in low or "verif" in low
        if name or secret or "cv" in low or "csc" in low or "背" in low or "反面" in low:
            rules.append(_cvvs)
        if BLOT in low:
            rules.append(_cvvs_after_expiry)
        if name or "code" in low or "otp" in low or "2fa" in low or "口令" in low or "time" in low:
            rules.append(_codes)
    if "密" in low or "口令" in low or "pass" in low or "pw" in low or "pin" in low:
        rules.append(_passwords)
    for rule in rules:
        if found := _ordered(rule(low)):
            return found
    return _lone(low, asked_for) if asked_for else []


def _lower(sheet: str) -> str:
    """In lower case and of the same length: a few capitals become two characters."""
    low = sheet.lower()
    if len(low) != len(sheet):
        low = "".join(char.lower() if len(char.lower()) == 1 else char for char in sheet)
    return low


def _found(kind: str, start: int, end: int) -> Find:
    return Find(start, end, kind, PLACEHOLDERS[kind])


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
        if not words.OTHER_CODE.search(text, max(0, name.start() - _BACK), name.start()):
            yield name


def _codes(sheet: str) -> Iterator[Find]:
    for name in _code_names(sheet):
        end = name.end()
        if _DIGIT.search(sheet, end, end + _AHEAD):
            value = _CODE_AFTER.match(sheet, end)
            if value is None and (far := _SIX_AFTER.match(sheet, end)) and _means_it(sheet, far):
                value = far
            while value is not None:
                yield _found("code", *value.span("value"))
                value = _AND_ANOTHER.match(sheet, value.end("value"))
        yield from _before(sheet, name.start(), "code")


def _cvvs(sheet: str) -> Iterator[Find]:
    for name in words.named(words.CVV, sheet):
        if value := _CVV_AFTER.match(sheet, name.end()):
            yield _found("cvv", *value.span("value"))
        yield from _before(sheet, name.start(), "cvv")


def _before(sheet: str, end: int, kind: str) -> Iterator[Find]:
    """`123456 is the code`, `123456这个验证码`: the value before its name, which is at `end`."""
    begin = max(0, end - _BACK)
    if not _DIGIT.search(sheet, begin, end):
        return
    value = (_CODE_BEFORE if kind == "code" else _CVV_BEFORE).search(sheet, begin, end)
    if value is None and kind == "code":
        value = _SIX_BEFORE.search(sheet, begin, end)
        if value and words.DENIAL.search(value["gap"]):
            value = None
    if value and not _is_labelled(sheet, value.start("value")):
        yield _found(kind, *value.span("value"))


def _means_it(sheet: str, value: re.Match[str]) -> bool:
    """Whether six digits some words behind `code` are the code."""
    return not words.DENIAL.search(value["gap"]) and not _is_labelled(sheet, value.start("value"))


def _is_labelled(sheet: str, start: int) -> bool:
    """Whether the words right before a number name it as something harmless."""
    return words.LABEL_BEFORE.search(sheet, max(0, start - _BACK), start) is not None


def _cvvs_after_expiry(sheet: str) -> Iterator[Find]:
    for match in _CVV_AFTER_EXPIRY.finditer(sheet):
        yield _found("cvv", match.start("value"), match.end("value"))


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
    return [_found(kind, value.start("value"), value.end("value"))] if value else []


# ---------------------------------------------------------------- passwords


def _passwords(sheet: str) -> Iterator[Find]:
    for name in words.named(words.PASSWORD, sheet):
        end = name.end()
        if not _TOKEN.search(sheet, end, end + _AHEAD):
            continue
        clause = words.CLAUSE_END.search(sheet, end, end + 24)
        reach = clause.start() if clause else end + 24
        pin = name[0].lower().startswith("pin")
        value = _linked(sheet, end, reach, pin=pin)
        if value is None and not words.TO_RENEW.search(
            sheet, max(0, name.start() - _BACK), name.start()
        ):
            value = _unlinked(sheet, end, pin=pin)
        if value:
            yield _found("password", *value)


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
    if gap and words.OTHER_SUBJECT.search(gap):
        return False
    if _DIGITS.fullmatch(value):
        return not _COUNTED.match(sheet, stop) and (not gap or len(value) == 6)
    if not _WORDS.fullmatch(value):
        return not gap or (_LETTER.search(value) is not None and _DIGIT.search(value) is not None)
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
