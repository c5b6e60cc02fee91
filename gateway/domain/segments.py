"""How many parts an SMS is sent, and paid, as."""

from dataclasses import dataclass
from typing import Literal

#: 3GPP TS 23.038, basic character set: one septet each.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: The extension table: an escape and a septet.
_EXTENDED = frozenset("\f^{}\\[~]|€")

#: Units in a message of one part, and in each part of a longer one, whose header takes the rest.
_ROOM = {"GSM-7": (160, 153), "UCS-2": (70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of a text as SMS."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    """Septets in GSM-7, 16-bit units in UCS-2."""
    parts: int


def segments(text: str) -> Segments:
    """Count the parts of `text`. One character outside GSM-7 makes the whole text UCS-2.

    A character of two units is never cut in half, so a part may end one unit early. An empty text
    is one part.
    """
    gsm = all(char in _BASIC or char in _EXTENDED for char in text)
    if gsm:
        encoding: Literal["GSM-7", "UCS-2"] = "GSM-7"
        sizes = [1 + (char in _EXTENDED) for char in text]
    else:
        encoding = "UCS-2"
        sizes = [1 + (ord(char) > 0xFFFF) for char in text]
    single, each = _ROOM[encoding]
    units = sum(sizes)
    if units <= single:
        return Segments(encoding, units, 1)
    parts, used = 1, 0
    for size in sizes:
        if used + size > each:
            parts, used = parts + 1, 0
        used += size
    return Segments(encoding, units, parts)


def strange(text: str) -> str:
    """The characters of a text that are not in GSM-7, each once: one of them makes all of it UCS-2."""
    return "".join(sorted(set(text) - _BASIC - _EXTENDED))
