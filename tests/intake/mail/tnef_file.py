"""winmail.dat files as Outlook writes them, made from what they are to hold."""

import struct

_RTF_WINDOW_LENGTH = 207


def attribute(level: int, kind: int, value: bytes) -> bytes:
    checksum = sum(value) % 65536
    return struct.pack("<BII", level, kind, len(value)) + value + struct.pack("<H", checksum)


def properties(*rows: tuple[int, int, bytes]) -> bytes:
    """(type, id, value) rows; counted types are padded here."""
    out = struct.pack("<I", len(rows))
    for kind, name, value in rows:
        out += struct.pack("<HH", kind, name)
        if kind in (0x1E, 0x1F, 0x0D, 0x102):
            out += struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
        else:
            out += value
    return out


def tnef(*attributes: bytes, page: int = 936) -> bytes:
    """The file, with the code page its strings are in."""
    head = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x89006, struct.pack("<I", 0x10000))
    return head + attribute(1, 0x69007, struct.pack("<II", page, 0)) + b"".join(attributes)


def message(*rows: tuple[int, int, bytes]) -> bytes:
    return attribute(1, 0x69003, properties(*rows))


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


def attached(name: str, data: bytes, *rows: tuple[int, int, bytes], charset: str = "gbk") -> bytes:
    """A file: its short name in the code page, and a long one in Unicode."""
    return (
        attribute(2, 0x69002, b"\x01\0" + b"\xff" * 4 + b"\0" * 8)
        + attribute(2, 0x18010, name.encode(charset) + b"\0")
        + attribute(2, 0x6800F, data)
        + attribute(2, 0x69005, properties((0x1F, 0x3707, wide(name)), *rows))
    )


def rtf(text: bytes, *, compressed: bool = True) -> bytes:
    """PidTagRtfCompressed: literals only, and one repetition to make the reader look back."""
    if not compressed:
        return struct.pack("<II4sI", len(text) + 12, len(text), b"MELA", 0) + text
    tokens: list[bytes] = [text[at : at + 1] for at in range(len(text))]
    write = _RTF_WINDOW_LENGTH + len(text)
    tokens.append(struct.pack(">H", (write % 4096) << 4))  # it points to itself: the end
    out = b""
    for at in range(0, len(tokens), 8):
        run = tokens[at : at + 8]
        flags = sum(1 << place for place, token in enumerate(run) if len(token) == 2)
        out += bytes([flags]) + b"".join(run)
    return struct.pack("<II4sI", len(out) + 12, len(text), b"LZFu", 0) + out
