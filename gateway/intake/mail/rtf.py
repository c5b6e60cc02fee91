"""The text of a rich-text body as Outlook puts it into winmail.dat.

Compression: [MS-OXRTFCP]. HTML inside RTF: [MS-OXRTFEX]. Only as much of RTF is understood as it takes
to get at the words.
"""

import re
import struct
from dataclasses import dataclass, field

from gateway.intake.mail.charset import decode_text

#: Bytes after decompression, and characters read of them.
MAX_RTF = 500_000

_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
#: What the compressor's window holds at first ([MS-OXRTFCP] §2.1.3.1).
_WINDOW = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)"
)
#: Groups whose text nobody sees.
_UNSEEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr "
    b"generator listtable listoverridetable themedata datastore".split()
)
_SIGNS: dict[bytes, bytes | str] = {
    b"par": b"\n",
    b"line": b"\n",
    b"row": b"\n",
    b"tab": b"\t",
    b"cell": b"\t",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
}


def decompress(data: bytes, most: int = MAX_RTF) -> bytes:
    """RTF out of PidTagRtfCompressed; b'' when it is none. Never more than `most` bytes."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<4xI4s", data)
    size = min(size, most)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _COMPRESSED:
        return b""
    window = bytearray(_WINDOW.ljust(4096, b" "))
    out, write, at = bytearray(), len(_WINDOW), 16
    while at < len(data) and len(out) < size:
        flags = data[at]
        at += 1
        for bit in range(8):
            if not flags >> bit & 1:
                run = data[at : at + 1]
                at += 1
            else:
                if at + 2 > len(data):
                    return bytes(out)
                place, length = data[at] << 4 | data[at + 1] >> 4, (data[at + 1] & 15) + 2
                at += 2
                if place == write:
                    return bytes(out)  # the mark of the end
                run = _copied(window, place, length, write)
            for byte in run:
                window[write] = byte
                write = (write + 1) % 4096
            out += run
    return bytes(out[:size])


def _copied(window: bytearray, place: int, length: int, write: int) -> bytes:
    """`length` bytes from `place` on; what is being written repeats itself."""
    ahead = (write - place) % 4096
    run = bytes(window[(place + step) % 4096] for step in range(min(length, ahead)))
    return (run * (length // len(run) + 1))[:length]


@dataclass
class _Group:
    """What holds inside one pair of braces."""

    unseen: bool = False
    skip: int = 1
    """Characters that stand in for a \\u before them."""
    tag: bool = False
    """Inside \\*\\htmltag: HTML source."""
    not_html: bool = False
    """Between \\htmlrtf and \\htmlrtf0: what only rich text has."""


@dataclass
class _Text:
    """What was read so far."""

    charset: str = "cp1252"
    pieces: list[str] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)
    """Bytes of a character set that may go on in the next token."""

    def put(self, what: bytes | str) -> None:
        if isinstance(what, bytes):
            self.pending += what
            return
        self.flush()
        self.pieces.append(what)

    def flush(self) -> None:
        if self.pending:
            self.pieces.append(decode_text(bytes(self.pending), self.charset))
            self.pending.clear()


def rtf_text(rtf: bytes) -> tuple[str, bool]:
    """The words of `rtf`, and whether they are HTML source."""
    rtf = rtf[:MAX_RTF]
    html = b"\\fromhtml" in rtf[:1000]
    out, groups, skip, star = _Text(), [_Group()], 0, False
    for token in _TOKEN.finditer(rtf):
        word, number, code, sign, brace, plain = token.groups()
        now = groups[-1]
        if brace:
            skip = 0
            if brace == b"{":
                if len(groups) < 1000:
                    groups.append(_Group(now.unseen, now.skip, now.tag, now.not_html))
            elif len(groups) > 1:
                groups.pop()
            continue
        if word:
            star = _word(word, number, now, out, html=html, star=star)
            if word == b"u" and number and not now.unseen and not now.not_html:
                skip = now.skip
            continue
        if sign == b"*":
            star = True
            continue
        text = bytes([int(code, 16)]) if code else _sign(sign) if sign else plain
        if skip:
            text, skip = text[skip:], max(0, skip - len(text))
        if not (now.unseen or (html and now.not_html)):
            out.put(text)
    out.flush()
    # Outlook writes an emoji as two \\u, each half of it.
    words = "".join(out.pieces).encode("utf-16-le", "surrogatepass")
    return words.decode("utf-16-le", "replace"), html


def _sign(sign: bytes) -> bytes:
    return {b"~": b" ", b"_": b"-", b"\n": b"\n", b"\r": b"\n"}.get(
        sign, sign if sign in b"\\{}" else b""
    )


def _word(
    word: bytes, number: bytes | None, now: _Group, out: _Text, *, html: bool, star: bool
) -> bool:
    """What a control word does. Returns whether the next one begins an optional destination."""
    if star and word == b"htmltag":
        now.tag, now.unseen = True, False
    elif star or word in _UNSEEN:
        now.unseen = True
    elif word == b"htmlrtf":
        now.not_html = number != b"0"
    elif word == b"ansicpg" and number:
        out.charset = "utf-8" if number == b"65001" else f"cp{number.decode()}"
    elif word == b"uc" and number:
        now.skip = max(0, min(int(number), 10))
    elif now.unseen or (html and now.not_html):
        pass
    elif word == b"u" and number:
        out.put(chr(int(number) % 65536))
    elif word in _SIGNS and not (html and now.tag):
        out.put(_SIGNS[word])
    return False
