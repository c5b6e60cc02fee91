"""The collection of mails in `collection/*.toml`: each written as its program writes it, beside what
has to be read from it. How a mail is written down: docs/mail-reading.md.
"""

import base64
import quopri
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.intake.mail import tnef_file as made

FOLDER = Path(__file__).parent / "collection"

#: Header fields that a mail gets when it has none of its own.
USUAL = {
    "From": "Anna <anna@mail.example>",
    "To": "support@pay.example",
    "Subject": "Re: Top-up",
    "Message-ID": "<c1@mail.example>",
    "Date": "Mon, 5 Jan 2026 10:00:00 +0800",
    "MIME-Version": "1.0",
}
_DIRECTIVE = re.compile(rb"\{\{(\w+)([^|{}]*)(?:\|(.*?))?\}\}", re.DOTALL)
_REPORT_FIELDS = ("recipients", "status", "permanent", "about", "action")
_KNOWN = frozenset(
    {"name", "mail", "charset", "bare", "envelope", "text", "visible", "files", "class", "reason"}
    | {"subject", "sender", "sender_name", *_REPORT_FIELDS}
)


@dataclass(frozen=True)
class Collected:
    """One mail and what has to come out."""

    name: str
    raw: bytes
    envelope: str
    text: str
    visible: str
    files: tuple[str, ...]
    """'name | type | size'."""
    kind: str
    reason: str
    other: dict[str, Any]
    """subject, sender, sender_name, and of reports recipients, status, permanent, about, action."""


def collection() -> list[Collected]:
    """All of them, in the order of files and lines."""
    return [mail for path in sorted(FOLDER.glob("*.toml")) for mail in _read(path)]


def _read(path: Path) -> Iterator[Collected]:
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["mail"]:
        unknown = row.keys() - _KNOWN
        assert not unknown, f"{path.name}: {row['name']}: {unknown}"
        raw = _raw(row)
        text = row["text"] if "text" in row else _body(row)
        yield Collected(
            name=f"{path.stem}: {row['name']}",
            raw=raw,
            envelope=row.get("envelope", "anna@mail.example"),
            text=text.strip(),
            visible=row.get("visible", text).strip(),
            files=tuple(row.get("files", ())),
            kind=row.get("class", "person"),
            reason=row.get("reason", ""),
            other={
                key: row[key]
                for key in ("subject", "sender", "sender_name", *_REPORT_FIELDS)
                if key in row
            },
        )


def _body(row: dict[str, Any]) -> str:
    """What a mail of one plain part says is what it is written with."""
    head, _, body = row["mail"].partition("\n\n")
    assert "multipart" not in head, row["name"]
    assert "{{" not in body, row["name"]
    assert "html" not in head, row["name"]
    return body


def _raw(row: dict[str, Any]) -> bytes:
    head, blank, body = row["mail"].removeprefix("\n").partition("\n\n")
    if not row.get("bare"):
        own = {line.partition(":")[0].lower() for line in head.split("\n")}
        usual = [f"{name}: {value}" for name, value in USUAL.items() if name.lower() not in own]
        head = "\n".join([*usual, *([head] if head else [])])
    written = f"{head}{blank or chr(10) * 2}{body}".encode(row.get("charset", "utf-8"))
    lines = written.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return _DIRECTIVE.sub(lambda found: _made(found, row.get("charset", "utf-8")), lines)


def _made(found: re.Match[bytes], charset: str) -> bytes:
    """`{{word gb2312 gbk b|退款}}` and the like: what cannot be written as readable text."""
    kind, options = found[1].decode(), found[2].decode().split()
    text = (found[3] or b"").decode(charset).replace("\r\n", "\n")
    match kind:
        case "base64":
            return base64.encodebytes(text.encode(options[0])).replace(b"\n", b"\r\n").rstrip()
        case "qp":
            return quopri.encodestring(text.encode(options[0])).replace(b"\n", b"\r\n")
        case "word":
            label, codec, how = options
            data = text.encode(codec)
            inside = base64.b64encode(data) if how == "b" else _q(data)
            return b"=?%s?%s?%s?=" % (label.encode(), how.encode(), inside)
        case "bytes":
            return text.encode(options[0])
        case "hex":
            return bytes.fromhex(text)
        case "file":
            return base64.encodebytes(FILES[options[0]]()).replace(b"\n", b"\r\n").rstrip()
        case "again":
            return text.replace("\n", "\r\n").encode() * int(options[0])
    raise AssertionError(kind)


def _q(data: bytes) -> bytes:
    return b"".join(b"=%02X" % byte for byte in data)


_RICH = (
    rb"{\rtf1\ansi\ansicpg936\deff0{\fonttbl{\f0\fnil\fcharset134 SimSun;}}{\*\generator X;}"
    rb"\pard\f0\fs20 %s\par\u35831?\u26597?\u19968?\u19979?\u-10179?\u-8704?\par}"
    % b"".join(rb"\'%02x" % byte for byte in "充值没有到账".encode("gbk"))
)
_HTML_INSIDE = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 "
    rb"Where is my {\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 refund{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0 ?"
    rb"\htmlrtf\par}\htmlrtf0 {\*\htmltag72 </p>}}"
)


def _forwarded() -> bytes:
    inner = made.tnef(
        made.message((0x1F, 0x37, made.wide("旧邮件")), (0x1F, 0x1000, made.wide("内容"))),
        made.attached("b.txt", b"B"),
    )
    return made.tnef(
        made.message((0x1F, 0x1000, made.wide("请看附件里的邮件"))),
        made.attribute(2, 0x69002, b"\0" * 14),
        made.attribute(2, 0x69005, made.properties((0x0D, 0x3701, b"\0" * 16 + inner))),
    )


#: winmail.dat files that a mail of the collection can hold.
FILES: dict[str, Callable[[], bytes]] = {
    "winmail_files": lambda: made.tnef(
        made.message((0x1E, 0x1000, "不显示".encode("gbk") + b"\0")),
        made.attached("对账单.pdf", b"%PDF-1"),
        made.attached("..\\图.png", b"PNG", (0x1E, 0x370E, b"image/png\0")),
    ),
    "winmail_rich": lambda: made.tnef(made.message((0x102, 0x1009, made.rtf(_RICH)))),
    "winmail_html": lambda: made.tnef(
        made.message((0x102, 0x1009, made.rtf(_HTML_INSIDE, compressed=False)))
    ),
    "winmail_forwarded": _forwarded,
    "winmail_torn": lambda: FILES["winmail_files"]()[:-40],
}
