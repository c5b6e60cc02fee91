"""Reads what a customer uploads: sizes are bounded while it arrives, types are found by looking inside."""

import asyncio
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aiohttp import BodyPartReader, ClientError, web
from aiohttp.multipart import BadContentDispositionHeader, BadContentDispositionParam

from channels._chat_refusal import Refusal
from gateway.domain.model import Attachment

#: Bytes of a JSON body, and of a text field beside files.
JSON_BYTES = 65_536
#: Seconds that a body may take, and one with files.
BODY_SECONDS, UPLOAD_SECONDS = 10.0, 60.0
#: Files of one message.
MOST_FILES = 5
#: Uploads that are read at once; each holds its files in memory.
UPLOADS_AT_ONCE = 4
_MOST_PARTS = MOST_FILES + 5
#: Beginnings of files, each format's own specification: PNG §5.2, JPEG B.1.1, GIF 89a, PDF 7.5.2.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
#: ISO 14496-12 §4.3: the brand of an ISO media file stands behind `ftyp`.
_BRANDS = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic",
    b"isom": "video/mp4", b"mp41": "video/mp4", b"mp42": "video/mp4", b"iso2": "video/mp4",
    b"M4A ": "audio/mp4", b"qt  ": "video/quicktime",
}  # fmt: skip
#: No path, no control, nothing that a shell, a browser or a header could read as more than a name.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069/\\"<>|:*?]')


def sniffed(data: bytes) -> str:
    """The content type that the bytes themselves show; '' for none that we know."""
    for beginning, kind in _MAGIC:
        if data.startswith(beginning):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    plain = all(sign >= " " or sign in "\t\r\n\f" for sign in text)
    # Markup that a browser would run is not offered as text.
    return "text/plain" if plain and not text.lstrip("\ufeff \t\r\n").startswith("<") else ""


def safe_name(name: str, content_type: str) -> str:
    """A file name for people; never empty."""
    found = _UNSAFE.sub("_", PurePosixPath(name.replace("\\", "/")).name).strip(". ")[-120:]
    return found or f"file.{content_type.rpartition('/')[2]}"


@dataclass(slots=True)
class Upload:
    """A message as its form said it."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Attachment] = field(default_factory=list)


async def small_body(request: web.Request) -> bytes:
    """The body, up to `JSON_BYTES`. Raises `Refusal`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > JSON_BYTES:
                    raise Refusal(413, "too_large", f"the body has more than {JSON_BYTES} bytes")
    except TimeoutError as error:
        raise _slow() from error
    return bytes(body)


class Uploads:
    """Reads forms with files.

    Args:
        file_bytes: of one file; all files of a message together may have twice as many.
        types: content types that are taken.
    """

    def __init__(self, file_bytes: int, types: tuple[str, ...]) -> None:
        self._file_bytes = file_bytes
        self._types = types
        self._under_way = 0
        # aiohttp's warnings quote a header that it cannot read: a file's name belongs in no log.
        for kind in (BadContentDispositionHeader, BadContentDispositionParam):
            warnings.filterwarnings("ignore", category=kind)

    async def read(self, request: web.Request) -> Upload:
        """Raises `Refusal`."""
        if self._under_way >= UPLOADS_AT_ONCE:
            raise Refusal(503, "busy", "too many uploads at once; try again", retry_after=2)
        self._under_way += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._read(request)
        except TimeoutError as error:
            raise _slow() from error
        except (ValueError, LookupError, AssertionError, ClientError, web.HTTPException) as error:
            # What aiohttp's reader makes of a form that is none.
            raise Refusal(400, "bad_form", "the form cannot be read") from error
        finally:
            self._under_way -= 1

    async def _read(self, request: web.Request) -> Upload:
        found, number, room = Upload(), 0, 2 * self._file_bytes
        async for part in await request.multipart():
            number += 1
            if number > _MOST_PARTS or not isinstance(part, BodyPartReader):
                raise Refusal(400, "bad_form", "the form has too many parts, or forms within it")
            if part.filename is None:
                data = await _bounded(part, JSON_BYTES)
                found.fields[part.name or ""] = data.decode("utf-8")
                continue
            if len(found.files) >= MOST_FILES:
                raise Refusal(413, "too_many_files", f"a message has at most {MOST_FILES} files")
            data = await _bounded(part, min(self._file_bytes, room))
            room -= len(data)
            found.files.append(self._file(part.filename, data))
        return found

    def _file(self, name: str, data: bytes) -> Attachment:
        content_type = sniffed(data)
        if not data or content_type not in self._types:
            taken = ", ".join(self._types)
            raise Refusal(415, "file_type", f"the file is none of: {taken}")
        return Attachment(safe_name(name, content_type), content_type, len(data), data)


async def _bounded(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(65_536):
        data += chunk
        if len(data) > limit:
            raise Refusal(413, "too_large", f"a part of the form has more than {limit} bytes")
    return bytes(data)


def _slow() -> Refusal:
    return Refusal(408, "too_slow", "the body did not arrive in time")


def fields_of(body: object) -> Mapping[str, object]:
    """A JSON body as an object. Raises `Refusal`."""
    if not isinstance(body, dict):
        raise Refusal(400, "bad_json", "the body is no JSON object")
    return body
