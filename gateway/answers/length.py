"""How long a text is as SMS: short forms stay within two segments, whatever they are put together of."""

#: Segments that a short form may take.
MOST_SEGMENTS = 2
# 3GPP TS 23.038: the basic table, and the extension table whose characters count twice.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
#: Characters in a text of two segments: septets, or 16-bit units as soon as one character needs them.
_GSM_ROOM = 153 * MOST_SEGMENTS
_UCS_ROOM = 67 * MOST_SEGMENTS


def fits(text: str) -> bool:
    """Whether `text` goes into two segments."""
    if all(char in _BASIC or char in _EXTENDED for char in text):
        return sum(2 if char in _EXTENDED else 1 for char in text) <= _GSM_ROOM
    return len(text.encode("utf-16-be", "surrogatepass")) // 2 <= _UCS_ROOM
