"""Reply addresses that lead an answer back to its inquiry: `support+a3k9…@pay.example`.

The tag holds the inquiry's number and a signature of it, in letters and digits that survive every
mail program and any change of case. A guessed or changed tag is no tag.
"""

import re
from collections.abc import Callable, Iterable
from hmac import compare_digest

#: The characters of base32 (RFC 4648 §6) in lower case.
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
#: 40 bits hold every number of twelve digits.
_NUMBER_CHARS = 8
#: 50 bits: nobody hits one of a million inquiries in a year of a thousand guesses a second, and
#: only a participant could use it then.
_SIGNATURE_CHARS = 10
_TAG = re.compile(rf"[a-z2-7]{{{_NUMBER_CHARS + _SIGNATURE_CHARS}}}")
_NUMBER = re.compile(r"(\d{6})-(\d{6})", re.ASCII)
_PURPOSE = "reply"
#: RFC 5321 §4.5.3.1.1.
_MAX_LOCAL = 64
_MOST_ADDRESSES = 100
#: Bytes of a mail's beginning that are looked at.
_HEAD = 64 * 1024
_TO = re.compile(rb"^(?:to|cc):([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_TAGGED = re.compile(rb"\+[a-z2-7]{18}@", re.IGNORECASE)

Sign = Callable[[str, str], str]
"""(purpose, text) → signature, as `World.sign`."""


def tagged(address: str, number: str, sign: Sign) -> str:
    """`address` with the tag of an inquiry; '' where the number or the address has no room for one."""
    found = _NUMBER.fullmatch(number)
    local, _, domain = address.rpartition("@")
    if found is None or not local:
        return ""
    value = int(found[1] + found[2])
    digits = "".join(_LETTERS[value >> shift & 31] for shift in range(35, -1, -5))
    whole = f"{local}+{digits}{_signature(number, sign)}"
    return f"{whole}@{domain}" if len(whole) <= _MAX_LOCAL else ""


def number_in(addresses: Iterable[str], sign: Sign) -> str:
    """The inquiry's number in the first address whose tag we have signed; '' where there is none."""
    for _, address in zip(range(_MOST_ADDRESSES), addresses, strict=False):
        tag = address.rpartition("@")[0].rpartition("+")[2].lower()
        if _TAG.fullmatch(tag) is None:
            continue
        value = 0
        for letter in tag[:_NUMBER_CHARS]:
            value = value << 5 | _LETTERS.index(letter)
        digits = f"{value:012d}"
        number = f"{digits[:6]}-{digits[6:]}"
        if len(digits) == 12 and compare_digest(tag[_NUMBER_CHARS:], _signature(number, sign)):
            return number
    return ""


def written_to(data: bytes) -> list[str]:
    """What may be tags of ours in the To and Cc of a mail, each as `+tag@`."""
    end = re.search(rb"\r?\n\r?\n", data[:_HEAD])
    lines = _TO.findall(data[: end.start() if end else _HEAD])
    return [found.decode() for line in lines for found in _TAGGED.findall(line)]


def _signature(number: str, sign: Sign) -> str:
    return sign(_PURPOSE, number)[:_SIGNATURE_CHARS]
