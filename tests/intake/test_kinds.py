"""What a file is, by its bytes."""

import pytest

from gateway.domain.model import Attachment
from gateway.intake.kinds import kind_of


@pytest.mark.parametrize(
    ("data", "called", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/jpeg", "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "application/octet-stream", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "text/plain", "image/webp"),
        (b"%PDF-1.7\n", "", "application/pdf"),
        (b"OggS\0\x02", "audio/ogg; codecs=opus", "audio/ogg"),
        (b"OggS\0\x02", "video/ogg", "video/ogg"),
        (b"\0\0\0\x18ftypmp42", "audio/mp4", "audio/mp4"),
        (b"\0\0\0\x18ftypM4A ", "application/octet-stream", "audio/mp4"),
        (b"PK\x03\x04\x14\0", "application/vnd.ms-excel", "application/vnd.ms-excel"),
        (b"PK\x03\x04\x14\0", "image/png", "application/zip"),
        (b"my card is 4111", "image/jpeg", "text/plain"),
        ("卡号".encode("gb18030"), "image/jpeg", "text/plain"),
        (("一" * 4000).encode(), "", "text/plain"),  # cut in the middle of a character
        (b"\xff\xfea\0b\0", "application/octet-stream", "text/plain"),
        (b"a,b\n1,2\n", "Text/CSV; charset=x", "text/csv"),
        (b"{}", "application/json", "application/json"),
        (b"\x00\x01\x02\x03", "text/plain", "application/octet-stream"),
        (b"\x00\x01\x02\x03", "audio/x-strange", "audio/x-strange"),
        (b"", "image/png", "image/png"),
    ],
)  # fmt: skip
def test_a_type_is_what_the_bytes_show(data: bytes, called: str, kind: str) -> None:
    assert kind_of(Attachment("name", called, len(data), data=data)) == kind
