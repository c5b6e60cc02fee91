"""Structured header values: parameters, addresses, message ids, file names.

Written for what arrives, not for what the standards allow. Every pattern runs in time linear in
its input: these are bytes a stranger chose.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from gateway.intake.mail.charset import clean, decode_header, decode_text

#: Header fields by lower-case name, each with its raw, still folded values in order of appearance.
Headers = Mapping[str, Sequence[bytes]]

#: No honest header is longer; what follows is not read. Bytes.
_MAX_VALUE = 32 * 1024
_MAX_ADDRESSES = 200
_MAX_NAME = 200
_MAX_FILE_NAME = 180

_FOLD = re.compile(rb"[\r\n]+[ \t]*")
#: A value may hold escaped quotes, or lack the closing one.
_PARAMETER = re.compile(
    rb';[\s]*([^\s=;"]{1,60})[\s]*=[\s]*("(?:[^"\\]|\\.)*"|"[^"]*"|"[^";]*\Z|[^;"]*)', re.DOTALL
)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_ADDRESS_TOKEN = re.compile(r'"[^"]*"|[,;<>]|[^",;<>]+|"')
_COMMENT = re.compile(r"\([^()]*\)")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){2}")
#: Direction marks and invisible characters: with them `exe.jpg` is shown for what ends in `.exe`.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c\ue0f1]")
#: From the beginning of a word only: a long one without '@' is looked at once.
_BARE = re.compile(r"(?<![^\s<>()\[\],;:\"\\])[^\s<>()\[\],;:\"\\]+@[^\s<>()\[\],;:\"\\]+")
_MESSAGE_ID = re.compile(rb"<\s*([^<>\s]{1,500})\s*>")
_LONE_ID = re.compile(rb"[^\s<>]{1,500}")


def value(headers: Headers, name: str) -> bytes:
    """The first value of `name`, unfolded, cut to a sane length; empty when there is none."""
    values = headers.get(name)
    return _unfolded(values[0]) if values else b""


def _unfolded(raw: bytes) -> bytes:
    raw = raw[:_MAX_VALUE]
    return _FOLD.sub(b" ", raw) if b"\n" in raw else raw


def word(headers: Headers, name: str) -> str:
    """The first value in lower case without its parameters: 'bulk', 'auto-replied'."""
    return value(headers, name).split(b";")[0].strip().lower().decode("ascii", "replace")


def text(headers: Headers, name: str) -> str:
    """The first value, decoded to one line."""
    raw = value(headers, name)
    return decode_header(raw) if raw else ""


def parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=x` → ('text/plain', {'charset': 'x'}): lower-case names, values decoded
    from RFC 2231 and, against the rules but everywhere, from RFC 2047."""
    head = raw.split(b";", 1)[0].strip().lower().decode("ascii", "replace")
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, bytes]]] = {}
    for found in _PARAMETER.finditer(raw[:_MAX_VALUE]):
        name = found[1].lower().decode("ascii", "replace")
        content = found[2].strip().strip(b'"').replace(b'\\"', b'"')
        split = _SECTION.fullmatch(name)
        if split and "*" in name:
            entry = (int(split[2] or 0), bool(split[3]), content)
            sections.setdefault(split[1], []).append(entry)
        else:
            plain.setdefault(name, decode_header(content))
    # The extended form wins: senders add the plain one for old readers.
    return head, plain | {name: _joined(parts) for name, parts in sections.items()}


def _joined(parts: list[tuple[int, bool, bytes]]) -> str:
    """The sections of one RFC 2231 parameter, put together before they are decoded."""
    charset, content = "", b""
    for index, encoded, section in sorted(parts, key=lambda part: part[0]):
        piece = section
        if encoded and index == 0 and piece.count(b"'") >= 2:
            name, _, piece = piece.split(b"'", 2)
            charset = name.decode("ascii", "replace")
        content += unquote_to_bytes(piece) if encoded else piece
    return decode_text(content, charset) if charset else decode_header(content)


def addresses(headers: Headers, name: str) -> list[tuple[str, str]]:
    """All (display name, address) of a header, groups flattened, the domain in lower case."""
    found: list[tuple[str, str]] = []
    for raw in headers.get(name, ())[:5]:
        found += _mailboxes(_unfolded(raw))
    return found[:_MAX_ADDRESSES]


def _mailboxes(raw: bytes) -> list[tuple[str, str]]:
    # Encoded words are ASCII and stay as they are until the list is taken apart: a decoded name
    # may hold a comma.
    line = decode_text(raw).replace("\n", " ")
    found: list[tuple[str, str]] = []
    before, inside, open_bracket = "", "", False
    for piece in [*_ADDRESS_TOKEN.findall(line), ","]:
        if piece == "<":
            open_bracket, inside = True, ""
        elif piece == ">":
            if open_bracket:
                found.append((display_name(before), address(inside)))
            before, open_bracket = "", False
        elif piece in ",;":
            bare = _BARE.search(before)
            if bare:
                comment = " ".join(_COMMENT.findall(before)).strip("() ")
                found.append((display_name(comment), address(bare[0])))
            before, open_bracket = "", False
        elif open_bracket:
            inside += piece
        else:
            before += piece
    return [(name, mailbox) for name, mailbox in found if mailbox]


def display_name(raw: str) -> str:
    """A person's name as it stood before an address, without quotes and encoding."""
    name = raw.strip().replace('\\"', '"').strip("\"' \t")
    if "=?" in name:
        name = decode_header(name.encode("utf-8", "replace")).strip("\"' \t")
    return name[:_MAX_NAME]


def address(raw: str) -> str:
    """An address with its domain in lower case; '' when it is none."""
    mailbox = clean(raw).strip().strip("'\"").rpartition(":")[2]  # drops a source route
    local, at, domain = mailbox.rpartition("@")
    if not at or not local or not domain or len(mailbox) > 320 or any(c.isspace() for c in mailbox):
        return ""
    return f"{local}@{domain.lower().rstrip('.')}"


def message_id(headers: Headers, name: str = "message-id") -> str:
    """A message id in angle brackets; '' when there is none."""
    raw = value(headers, name)
    ids = message_ids(raw)
    if ids:
        return ids[0]
    lone = _LONE_ID.fullmatch(raw.strip())
    return f"<{clean(decode_text(lone[0]))}>" if lone else ""


def message_ids(raw: bytes) -> list[str]:
    """Every message id of an In-Reply-To or References value, in order, without repeats."""
    ids = (f"<{decode_text(found)}>" for found in _MESSAGE_ID.findall(raw[:_MAX_VALUE]))
    return list(dict.fromkeys(ids))


def file_name(raw: str) -> str:
    """A name without any path, control or invisible character or leading dot, of bounded length; may
    be ''."""
    if _PERCENT.search(raw):
        raw = _percent_decoded(raw)
    name = (
        _UNSEEN.sub("", raw)
        .replace("\\", "/")
        .rsplit("/", 1)[-1]
        .replace("\n", " ")
        .replace("\t", " ")
    )
    name = name.strip().lstrip(".").strip()
    if len(name) <= _MAX_FILE_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:_MAX_FILE_NAME]
    return f"{stem[: _MAX_FILE_NAME - len(ending) - 1]}.{ending}"


def _percent_decoded(name: str) -> str:
    """`%E5%9B%BE.png` as meant; `100%25 sure` stays, for it may be a name."""
    plain = unquote_to_bytes(name)
    return name if plain.isascii() else decode_text(plain)
