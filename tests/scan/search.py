"""Looks for secrets in bytes, as they stand and decoded in every way a secret may hide."""

import base64
import binascii
import io
import quopri
import re
import sqlite3
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,200}>")
_NO_DIGIT = re.compile(r"[\x00-\x2f\x3a-\x57\x59-\x77\x79-\x7f\u4e00-\u9fff]+")
_DEEPEST = 3
_LARGE = 200_000
_SHORTEST = 6
_HEAD = 12
"""First characters of a number that are looked up: fewer than any has."""


def decoded(data: bytes, deep: int = _DEEPEST) -> Iterator[bytes]:
    """The bytes, and everything they decode to, each once. Of a large file less deep: its values are
    looked at one by one as well."""
    if len(data) > _LARGE:
        deep = 1
    seen, layer = {hash(data)}, [data]
    yield data
    for _ in range(deep):
        fresh = []
        for outer in layer:
            for inner in _inside(outer):
                if len(inner) >= _SHORTEST and hash(inner) not in seen:
                    seen.add(hash(inner))
                    fresh.append(inner)
                    yield inner
        layer = fresh


def _inside(data: bytes) -> Iterator[bytes]:
    for match in _BASE64.finditer(data):
        text = match[0].translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        try:
            yield base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
        except binascii.Error:
            continue
    if b"=" in data and (plain := quopri.decodestring(data)) != data:
        yield plain
    if b"%" in data and (plain := unquote_to_bytes(data)) != data:
        yield plain
    if b"\\u" in data:
        yield _ESCAPES.sub(_unescaped, data.decode("utf-8", "replace")).encode()
    for charset in ("utf-16-le", "utf-16-be"):
        if data.count(0) > len(data) // 4:
            yield data.decode(charset, "replace").encode("utf-8", "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if b"\0" not in data:
            yield data.decode("gb18030", "replace").encode()
    else:
        if "<" in text and (plain := _TAG.sub("", text)) != text:
            yield plain.encode()
    yield from _unpacked(data)


def _unpacked(data: bytes) -> Iterator[bytes]:
    at = data.find(b"PK\x03\x04")
    if at >= 0:
        try:
            with zipfile.ZipFile(io.BytesIO(data[at:])) as archive:
                for name in archive.namelist():
                    yield archive.read(name)
        except (
            zipfile.BadZipFile,
            ValueError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ):
            pass
    for match in _STREAM.finditer(data):
        try:
            yield zlib.decompress(match[1])
        except zlib.error:
            continue


def _unescaped(match: re.Match[str]) -> str:
    codes = bytes.fromhex(match[0].replace("\\u", ""))
    return codes.decode("utf-16-be", "replace")


def digits_only(text: str) -> str:
    """The digits of a text, of every script, and X, with nothing between them."""
    kept = _NO_DIGIT.sub("", text).upper()
    if kept.isascii():
        return kept
    values = (unicodedata.digit(char, "X" if char in "X\uff38" else "") for char in kept)
    return "".join(map(str, values))


def found(secrets: Iterable[str], pieces: Iterable[bytes]) -> set[str]:
    """Which of the secrets stand in these bytes, decoded or not; numbers also in nothing but their
    digits."""
    heads: dict[str, list[str]] = {}
    words = []
    for secret in secrets:
        if len(secret) > _HEAD and secret[:-1].isdigit():
            heads.setdefault(secret[:_HEAD], []).append(secret)
        else:
            words.append(secret)
    there: set[str] = set()
    for piece in pieces:
        for view in decoded(piece):
            text = view.decode("utf-8", "replace")
            there.update(word for word in words if word in text)
            bare = digits_only(text)
            for at in range(len(bare) - _HEAD) if heads else ():
                for secret in heads.get(bare[at : at + _HEAD], ()):
                    if bare.startswith(secret, at):
                        there.add(secret)
    return there


def holds(secret: str, text: str) -> bool:
    """Whether a short number or a password stands in the text by itself."""
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", text) is not None


def cells(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table with its table's name: in the file it may be cut into pages."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes | str):
                        yield table, value if isinstance(value, bytes) else value.encode()
    connection.close()


def files_under(folder: Path) -> Iterator[bytes]:
    """Every file: database, write-ahead log, blobs, quarantine, key, logs."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()
