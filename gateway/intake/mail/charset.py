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

from gateway.intake.mail.detect import PLAUSIBLE, guess, last_resort, plausibility

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

#: A plausibility that needs no second opinion: whole sentences have it, names may not.
_CERTAIN = 0.8

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOLD = re.compile(rb"[ \t]*[\r\n]+[ \t]*")
#: An encoded word as it comes: blanks and question marks in it, and no end where it was cut.
_WORD = re.compile(
    rb"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?"
    rb"(?:([bB])\?([A-Za-z0-9+/=_\s-]*)(?:\?=|\?{0,1}\Z)"
    rb"|([qQ])\?((?:[^?=]|=(?!\?)|\?(?!=)){0,1500})(?:\?=|\?{0,1}\Z))"
)


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
    if raw.isascii() and b"\x1b" not in raw and b"~{" not in raw:
        codec = canonical(declared) if declared else ""
        if not codec or not _STATEFUL.fullmatch(codec):
            return clean(raw.decode("ascii"))
    else:
        codec = canonical(declared)
    return clean(_decoded(raw, codec))


def _decoded(raw: bytes, codec: str) -> str:
    if not codec and raw.isascii():
        return _undeclared_escapes(raw)
    utf8 = _strict(raw, "utf-8")
    if not codec or _SINGLE_BYTE.fullmatch(codec):
        # Text in a charset of one byte a character is never valid UTF-8 by chance.
        return utf8 if utf8 is not None else _guessed(raw, codec)
    if codec == "utf-8":
        return utf8 if utf8 is not None else _guessed(raw, codec)
    for name in _FAMILIES.get(codec, (codec,)):
        text = _strict(raw, name)
        if text is not None:
            if codec.startswith("utf-"):  # 7, 16, 32: nearly any bytes are valid UTF-16
                better, score = guess(raw)
                return raw.decode(better, "replace") if score > 0.9 else text
            return _unless_mislabelled(text, raw, codec, utf8)
    return utf8 if utf8 is not None else _guessed(raw, codec)


def _unless_mislabelled(text: str, raw: bytes, codec: str, utf8: str | None) -> str:
    """`text` as declared, unless another reading gives what people write and this one does not:
    most bytes are valid in GB 18030 and Big5, whatever they mean."""
    believed = plausibility(text, codec)
    if believed >= _CERTAIN:
        return text
    if utf8 is not None and any(c > "\x7f" for c in utf8):
        return utf8  # UTF-8 of any length is never an accident
    better, score = guess(raw)
    return _strict(raw, better) or text if score > believed + 0.2 else text


def _guessed(raw: bytes, codec: str) -> str:
    """What does not decode as declared. A single-byte declaration is only a hint."""
    declared = _FAMILIES.get(codec, (codec,))[0]
    single = bool(codec) and _SINGLE_BYTE.fullmatch(codec) is not None
    if codec and not single:
        # One torn character (a body cut at a limit) does not make the declaration wrong.
        text = raw.decode(codec, "replace")
        if text.count("\ufffd") <= max(1, len(text) // 50):
            return text
    better, score = guess(raw)
    if single and codec != "ascii" and score < PLAUSIBLE:
        return raw.decode(declared, "replace")
    if single and declared not in {"ascii", "cp1252"} and better.startswith("cp125"):
        return raw.decode(declared, "replace")  # of alphabets the sender knows best which it is
    if score < PLAUSIBLE:
        better = last_resort(raw)
    return raw.decode(better, "replace")


def _undeclared_escapes(raw: bytes) -> str:
    """ASCII bytes that may be ISO-2022-JP, ISO-2022-KR or HZ, which nobody declared."""
    for mark, name in ((b"\x1b$", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"), (b"~{", "hz")):
        text = _strict(raw, name) if mark in raw else None
        if text is not None and not text.isascii():
            return text
    return raw.decode("ascii")


def decode_header(raw: bytes) -> str:
    """A header's value as one line of clean text: unfolded, encoded words (RFC 2047) decoded.

    Words of one charset that stand together are decoded together: senders split them in the middle
    of a character, and some in the middle of four characters of base64.
    """
    raw = _FOLD.sub(b" ", raw).strip()
    if b"=?" not in raw:
        return _one_line(decode_text(raw))
    pieces: list[str] = []
    words: list[tuple[bytes, bytes]] = []
    charset, last = "", 0
    for word in _WORD.finditer(raw):
        gap = raw[last : word.start()]
        name = word[1].decode("ascii", "replace").lower()
        if words and (gap.strip() or name != charset):
            pieces.append(decode_text(_word_bytes(words), charset))
            words.clear()
        if gap.strip() or last == 0:
            pieces.append(decode_text(gap))
        charset, last = name, word.end()
        words.append((b"b", word[3]) if word[2] else (b"q", word[5]))
    pieces.append(decode_text(_word_bytes(words), charset))
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


def _word_bytes(words: list[tuple[bytes, bytes]]) -> bytes:
    """The bytes of words that belong together."""
    content, torn = b"", b""
    for encoding, text in words:
        if encoding == b"q":
            content += a2b_qp(text, header=True)
            continue
        text = torn + b"".join(text.split())  # noqa: PLW2901 - what the last word began
        torn = text if len(text) % 4 and not text.endswith(b"=") else b""
        content += b"" if torn else decode_base64(text)
    return content + decode_base64(torn)


def _one_line(text: str) -> str:
    return text.replace("\n", " ").strip() if "\n" in text else text.strip()


@lru_cache(maxsize=256)
def canonical(declared: str) -> str:
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
