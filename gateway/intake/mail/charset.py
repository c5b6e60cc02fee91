"""Bytes of a mail to text, whatever the sender's program claims about them.

The standard library decodes strictly by the declared name, and ordinary Chinese mail breaks that:
`gb2312` that carries GBK characters, `utf-8` that is GBK, no name at all. Nothing here raises, and
no string that leaves here holds a lone surrogate or a control character.
"""

import codecs
import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from functools import lru_cache

from charset_normalizer import from_bytes

#: Every name a GB sender uses means the superset; a program that says gb2312 writes GBK.
_GB_NAMES = frozenset(
    {
        "gb2312",
        "gb_2312-80",
        "gb2312-80",
        "csgb2312",
        "csiso58gb231280",
        "euc-cn",
        "euccn",
        "eucgb2312-cn",
        "chinese",
        "gbk",
        "x-gbk",
        "cp936",
        "ms936",
        "windows-936",
        "gb18030",
        "gb18030-2000",
    }
)
_ALIASES = {
    "hz-gb-2312": "hz",
    "x-big5": "big5",
    "cn-big5": "big5",
    "x-euc-jp": "euc_jp",
    "x-sjis": "shift_jis",
    "ks_c_5601-1987": "euc_kr",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
}
#: What to try for a declared name: programs mean the vendor's superset of the standard.
_FAMILIES = {
    "big5": ("big5", "cp950", "big5hkscs"),
    "shift_jis": ("cp932", "shift_jisx0213"),
    "euc_kr": ("cp949",),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "iso2022_jp": ("iso2022_jp", "iso2022_jp_ext"),
    "iso8859-1": ("cp1252", "latin-1"),
    "iso8859-9": ("cp1254", "iso8859-9"),
}
#: Only text encodings: `idna` and `punycode` are codecs too, and quadratic.
_TEXT_CODEC = re.compile(
    r"utf-?(7|8|16|32).*|ascii|iso8859-\d+|cp\d+|koi8-\w|gb\w+|big5\w*|euc_\w+|shift_jis\w*"
    r"|iso2022_\w+|hz|johab|tis-620|mac-\w+"
)
#: ASCII bytes that are not ASCII text.
_STATEFUL = re.compile(r"utf-?(7|16|32).*|iso2022_\w+|hz")
#: One byte a character: decoding never fails, so success proves nothing.
_SINGLE_BYTE = re.compile(r"ascii|iso8859-\d+|cp12\d\d|cp(437|850|852|866)|koi8-\w|mac-\w+")

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOLD = re.compile(rb"[ \t]*[\r\n]+[ \t]*")
_WORD = re.compile(rb"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*)\?=")

#: The detector reads no more than this: its answer does not improve, its time grows.
_SAMPLE = 16 * 1024
#: The encodings the detector may choose from; the rest are names nobody sends mail in.
_GUESSES = [
    *("gb18030", "big5", "cp932", "euc_jp", "cp949", "utf_16", "koi8_r"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
]


def clean(text: str) -> str:
    """`text` fit to be stored and shown: line ends are LF, no control characters but tab and line
    end (a NUL is refused by PostgreSQL, an escape sequence takes over a terminal), no surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    return text


def decode_text(raw: bytes, declared: str = "") -> str:
    """`raw` as clean text: the declared charset if it holds, else UTF-8, else a guess."""
    codec = _canonical(declared)
    if raw.isascii() and not _STATEFUL.fullmatch(codec or "ascii") and b"\x1b$" not in raw:
        return clean(raw.decode("ascii"))
    text = _by_declaration(raw, codec)
    if text is None:
        text = _strict(raw, "utf-8")
    if text is None:
        text = _by_guess(raw, codec)
    return clean(text)


def _by_declaration(raw: bytes, codec: str) -> str | None:
    if not codec:
        return _strict(raw, "iso2022_jp") if b"\x1b$" in raw else None
    utf8 = _strict(raw, "utf-8") if codec == "gb18030" or _SINGLE_BYTE.fullmatch(codec) else None
    if utf8 is not None and _SINGLE_BYTE.fullmatch(codec):
        return utf8  # accented Latin text is never valid UTF-8 by chance
    if utf8 is None and _SINGLE_BYTE.fullmatch(codec):
        chinese = _plausible_chinese(raw)
        if chinese is not None:
            return chinese
    for name in _FAMILIES.get(codec, (codec,)):
        text = _strict(raw, name)
        if text is not None:
            # UTF-8 under the name gb2312 decodes as GB too, into characters nobody writes.
            mislabelled = utf8 is not None and _common_share(utf8) > _common_share(text)
            return utf8 if mislabelled else text
    return None


def _by_guess(raw: bytes, codec: str) -> str:
    if codec and not _SINGLE_BYTE.fullmatch(codec):
        # One torn character (a body cut at a limit) does not make the declaration wrong.
        text = raw.decode(codec, "replace")
        if text.count("\ufffd") <= max(1, len(text) // 50):
            return text
    chinese = _plausible_chinese(raw)
    if chinese is not None:
        return chinese
    best = from_bytes(raw[:_SAMPLE], cp_isolation=_GUESSES, steps=3).best()
    return raw.decode(best.encoding if best else "gb18030", "replace")


def decode_header(raw: bytes) -> str:
    """A header's value as one line of clean text: unfolded, encoded words (RFC 2047) decoded.

    Words of one charset that stand together are decoded together: senders split them in the middle
    of a character.
    """
    raw = _FOLD.sub(b" ", raw).strip()
    if b"=?" not in raw:
        return _one_line(decode_text(raw))
    pieces: list[str] = []
    charset, pending, last = "", bytearray(), 0
    for word in _WORD.finditer(raw):
        gap = raw[last : word.start()]
        name = word[1].decode("ascii", "replace").lower()
        if pending and (gap.strip() or name != charset):
            pieces.append(decode_text(bytes(pending), charset))
            pending.clear()
        if gap.strip() or last == 0:
            pieces.append(decode_text(gap))
        charset, last = name, word.end()
        pending += _word_bytes(word[2], word[3])
    pieces.append(decode_text(bytes(pending), charset))
    pieces.append(decode_text(raw[last:]))
    return _one_line("".join(pieces))


def decode_base64(raw: bytes) -> bytes:
    """Base64 as mail programs write it: stray characters skipped, missing padding mended."""
    try:
        return a2b_base64(raw)
    except BinasciiError:
        kept = re.sub(rb"[^A-Za-z0-9+/]+", b"", raw)
        kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return a2b_base64(kept + b"=" * (-len(kept) % 4))


def _word_bytes(encoding: bytes, text: bytes) -> bytes:
    return decode_base64(text) if encoding in b"bB" else a2b_qp(text, header=True)


def _one_line(text: str) -> str:
    return text.replace("\n", " ").strip() if "\n" in text else text.strip()


@lru_cache(maxsize=256)
def _canonical(declared: str) -> str:
    """The codec for a declared name; '' when there is none that mail may use."""
    name = declared.strip(" \t'\"").lower()
    if name in _GB_NAMES:
        return "gb18030"
    try:
        codec = codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return ""
    return codec if _TEXT_CODEC.fullmatch(codec) else ""


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeError:
        return None


def _plausible_chinese(raw: bytes) -> str | None:
    """`raw` as GB 18030 if that gives text of everyday characters, else None."""
    text = _strict(raw, "gb18030")
    return text if text is not None and _common_share(text) >= 0.8 else None


def _common_share(text: str) -> float:
    """How much of what is not ASCII is everyday Chinese, 0 to 1, judged by the first part."""
    foreign = [c for c in text[:2000] if c > "\x7f"]
    common = _common_characters()
    return sum(c in common for c in foreign) / len(foreign) if foreign else 0.0


@lru_cache(maxsize=1)
def _common_characters() -> frozenset[str]:
    """Punctuation and the 3,755 characters of level one of GB 2312 (rows 16 to 55): 99.7 % of
    running text."""
    rows = [0xA1, 0xA3, *range(0xB0, 0xD8)]
    cells = bytes(b for row in rows for cell in range(0xA1, 0xFF) for b in (row, cell))
    return frozenset(cells.decode("gb2312", "ignore"))
