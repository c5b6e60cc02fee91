"""winmail.dat: the envelope Outlook and Exchange put files and formatted text into.

Format: [MS-OXTNEF]; properties: [MS-OXPROPS]. Reads what a person wrote and attached, nothing else.
The one package for it has not been released since 2021, and raises as it likes on broken input.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.intake.mail.charset import canonical, decode_text
from gateway.intake.mail.rtf import MAX_RTF, decompress, rtf_text

_SIGNATURE = b"\x78\x9f\x3e\x22"
_MAX_ATTRIBUTES = 2000
_MAX_PROPERTIES = 2000
_MAX_FILES = 200
_MAX_DEPTH = 3
#: Of attached messages: how many have their rich text read, and how many bytes of it.
_MAX_BODIES = 3
_INNER_RTF = 50_000

_BODY, _SUBJECT, _CODE_PAGE, _MESSAGE = 0x2800C, 0x18004, 0x69007, 0x69003
_NEW_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x69002, 0x18010, 0x6800F, 0x69005

_P_SUBJECT, _P_BODY, _P_RTF, _P_HTML, _P_CODE_PAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_P_DATA, _P_NAME, _P_LONG_NAME, _P_TYPE, _P_SHOWN_NAME = 0x3701, 0x3704, 0x3707, 0x370E, 0x3001
_STRING8, _UNICODE, _OBJECT, _BINARY, _MANY = 0x1E, 0x1F, 0x0D, 0x102, 0x1000
#: Bytes of a value by its type; others are counted and padded.
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}


@dataclass
class TnefFile:
    """A file inside it."""

    name: str = ""
    content_type: str = ""
    data: bytes = b""


@dataclass
class Tnef:
    """What was inside. HTML is as it came: not to be shown."""

    subject: str = ""
    text: str = ""
    html: str = ""
    rtf: bytes = b""
    """Compressed, as it stands there; `read_body` makes text of it."""
    files: list[TnefFile] = field(default_factory=list)
    charset: str = "cp1252"
    whole: bool = True
    """False when it ended in the middle of something."""


def is_tnef(data: bytes) -> bool:
    """Whether it begins as one."""
    return data.startswith(_SIGNATURE)


def read_tnef(data: bytes, depth: int = 0) -> Tnef:
    """What is in `data`, as far as it can be read. Never raises."""
    found = Tnef()
    attributes = list(_attributes(data, found))
    page = next((value for kind, value in attributes if kind == _CODE_PAGE), b"")
    if len(page) >= 4:
        found.charset = _code_page(struct.unpack_from("<I", page)[0])
    for kind, value in attributes:
        if kind == _SUBJECT:
            found.subject = found.subject or _text(value, found)
        elif kind == _BODY:
            found.text = _text(value, found)
        elif kind == _MESSAGE:
            _read_message(value, found)
        elif kind == _NEW_FILE and len(found.files) < _MAX_FILES:
            found.files.append(TnefFile())
        elif found.files and kind == _FILE_TITLE:
            found.files[-1].name = found.files[-1].name or _text(value, found)
        elif found.files and kind == _FILE_DATA:
            found.files[-1].data = value
        elif found.files and kind == _FILE_PROPERTIES:
            _read_file(value, found, depth)
    found.files = [file for file in found.files if file.data or file.name]
    return found


def read_body(found: Tnef, most: int = MAX_RTF) -> None:
    """Take text or HTML out of the rich text, if that is all there is: the costly step."""
    if found.text.strip() or found.html.strip() or not found.rtf:
        return
    text, is_html = rtf_text(decompress(found.rtf, most))
    if is_html:
        found.html = text
    else:
        found.text = text


def _attributes(data: bytes, found: Tnef) -> Iterator[tuple[int, bytes]]:
    """(id, value), as many as are whole."""
    at = 6
    for _ in range(_MAX_ATTRIBUTES):
        if at + 9 > len(data):
            found.whole = found.whole and at == len(data)
            return
        kind, size = struct.unpack_from("<xII", data, at)
        if at + 9 + size > len(data):
            found.whole = False
            return
        yield kind, data[at + 9 : at + 9 + size]
        at += 11 + size  # a checksum of two bytes follows


def _read_message(value: bytes, found: Tnef) -> None:
    values = dict(_properties(value, found))
    page = values.get(_P_CODE_PAGE)
    if page and len(page) == 4:
        found.charset = _code_page(struct.unpack("<I", page)[0])
    found.subject = _property_text(values, _P_SUBJECT, found) or found.subject
    found.text = _property_text(values, _P_BODY, found) or found.text
    if _P_HTML in values:
        found.html = decode_text(values[_P_HTML], found.charset)
    found.rtf = values.get(_P_RTF, b"")


def _read_file(value: bytes, found: Tnef, depth: int) -> None:
    file, values = found.files[-1], dict(_properties(value, found))
    for name in (_P_LONG_NAME, _P_NAME, _P_SHOWN_NAME):
        if title := _property_text(values, name, found):
            file.name = title
            break
    file.content_type = _property_text(values, _P_TYPE, found).lower()
    content = values.get(_P_DATA, b"")
    if is_tnef(content[16:20]) and depth < _MAX_DEPTH:  # behind the id of its interface
        inner = read_tnef(content[16:], depth + 1)
        if len(found.files) <= _MAX_BODIES:
            read_body(inner, _INNER_RTF)
        title = inner.subject or file.name or "message"
        body = (inner.text or inner.html).encode()
        ending, kind = ("txt", "text/plain") if inner.text else ("html", "text/html")
        found.files[-1] = TnefFile(f"{title}.{ending}", kind, body)
        found.files += inner.files[: _MAX_FILES - len(found.files)]
    elif content:
        file.data = content


def _properties(data: bytes, found: Tnef) -> Iterator[tuple[int, bytes]]:
    """(id, value) of each property that has one value; Unicode strings as UTF-8 with its mark."""
    try:
        (count,), at = struct.unpack_from("<I", data), 4
        for _ in range(min(count, _MAX_PROPERTIES)):
            kind, name = struct.unpack_from("<HH", data, at)
            at += 4
            if name >= 0x8000:
                at = _behind_name(data, at)
            many, kind = kind & _MANY, kind & ~_MANY
            size = _FIXED.get(kind)
            values = 1
            if size is None and kind not in (_STRING8, _UNICODE, _OBJECT, _BINARY):
                found.whole = False
                return
            if many or size is None:
                (values,), at = struct.unpack_from("<I", data, at), at + 4
            for _ in range(min(values, _MAX_PROPERTIES)):
                if size is None:
                    (length,), at = struct.unpack_from("<I", data, at), at + 4
                else:
                    length = size
                if at + length > len(data):
                    found.whole = False
                    return
                if not many:
                    value = data[at : at + length]
                    yield name, _wide(value) if kind == _UNICODE else value
                at += length + -length % 4
    except struct.error:  # it ends inside a number
        found.whole = False


def _behind_name(data: bytes, at: int) -> int:
    """Past the identity of a named property: a GUID, then a number or a padded string."""
    (by_string,) = struct.unpack_from("<16xI", data, at)
    if not by_string:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return int(at + 24 + length + -length % 4)


#: Marks UTF-8 that was made here of UTF-16.
_UTF8 = b"\xef\xbb\xbf"


def _wide(value: bytes) -> bytes:
    return _UTF8 + value.decode("utf-16-le", "replace").encode("utf-8", "replace")


def _property_text(values: dict[int, bytes], name: int, found: Tnef) -> str:
    value = values.get(name, b"")
    if value.startswith(_UTF8):
        return decode_text(value, "utf-8").strip("\0")
    return _text(value, found)


def _text(value: bytes, found: Tnef) -> str:
    return decode_text(value.rstrip(b"\0"), found.charset)


def _code_page(number: int) -> str:
    if number == 65001:
        return "utf-8"
    return f"cp{number}" if canonical(f"cp{number}") else "cp1252"
