"""How many SMS a text takes."""

#: The SMS alphabet (3GPP TS 23.038, basic table), and its second table, whose characters take two.
GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_TWICE = frozenset("^{}\\[~]|€\f")
#: Characters of one message alone, and of each where a text takes several: narrow and wide alphabet.
NARROW, WIDE = (160, 153), (70, 67)
#: What an automatic answer may take.
MOST_SEGMENTS = 2


def segments(text: str) -> int:
    """The number of SMS; 0 for an empty text. One character outside the SMS alphabet makes all of
    it wide."""
    if not strange(text):
        return _count(sum(2 if char in GSM7_TWICE else 1 for char in text), *NARROW)
    return _count(len(text.encode("utf-16-be", "surrogatepass")) // 2, *WIDE)


def strange(text: str) -> str:
    """The characters of a text that are not in the SMS alphabet, each once."""
    return "".join(sorted(set(text) - GSM7 - GSM7_TWICE))


def _count(length: int, alone: int, each: int) -> int:
    return -(-length // alone) if length <= alone else -(-length // each)
