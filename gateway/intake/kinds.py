"""What a file is, by its first bytes: a provider says what the sender's telephone called it.

Not a curiosity: a text that is called a picture would be stored without its secrets taken out.
"""

from gateway.domain.model import Attachment

#: Bytes that are looked at.
_SAMPLE = 4096
#: (offset, bytes there, type).
_MARKS = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp3g", "video/3gpp"),
    (4, b"ftyp", "video/mp4"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
)
#: What a container's bytes do not tell: the name it was given says more.
_CONTAINERS = {
    "application/zip": "application/",
    "audio/ogg": "video/ogg",
    "video/mp4": "audio/mp4",
    "video/webm": "audio/webm",
    "video/3gpp": "audio/3gpp",
}
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def kind_of(file: Attachment) -> str:
    """The type of a file whose bytes are there, lower case: what they show, else what it was called."""
    data, called = file.data or b"", file.content_type.partition(";")[0].strip().lower()
    for at, mark, kind in _MARKS:
        if data[at : at + len(mark)] == mark:
            within = _CONTAINERS.get(kind)
            return called if within and called.startswith(within) else kind
    if _is_text(data):
        textual = called.startswith(("text/", "message/")) or called.endswith(("json", "xml"))
        return called if textual else "text/plain"
    return called if called and not called.startswith("text/") else "application/octet-stream"


def _is_text(data: bytes) -> bool:
    """Whether the first bytes are of a text: hardly any control character, or UTF-16."""
    sample = data[:_SAMPLE]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if not sample or sum(byte in _CONTROL for byte in sample) > len(sample) // 100:
        return False
    return _fits(sample, "utf-8") or _fits(sample, "gb18030")


def _fits(sample: bytes, charset: str) -> bool:
    """A character may be cut in two at the end of the sample."""
    for cut in range(4):
        try:
            sample[: len(sample) - cut].decode(charset)
        except UnicodeDecodeError:
            continue
        return True
    return False
