"""What carries a secret in: ways to write a number, files, and the bytes each channel delivers."""

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from time import time
from typing import Any
from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from channels._sim_http import signature
from tests.crash.settings import (
    HTTP_SECRET,
    MAIL_ADDRESS,
    SMS_ACCOUNT_SID,
    SMS_NUMBER,
    SMS_TOKEN,
)
from tests.intake.marked import grouped

# ---------------------------------------------------------------- ways to write a number

_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
_BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
WRITTEN: tuple[Callable[[str], str], ...] = (
    lambda number: number,
    lambda number: grouped(number, 4),
    lambda number: grouped(number, 4, by="-"),
    lambda number: grouped(number, 4, by="."),
    lambda number: grouped(number, 4, by="\u00a0"),
    lambda number: grouped(number, 6, 8, 4),
    lambda number: grouped(number, 4, by="\u200b"),
    lambda number: grouped(number, 4, by=" - "),
    lambda number: grouped(number, 4, by="–"),
    lambda number: grouped(number, 1),
    lambda number: grouped(number, 8, by="\n"),
    lambda number: number.translate(_WIDE),
    lambda number: number.translate(_ARABIC),
    lambda number: number.translate(_BOLD),
)

# ---------------------------------------------------------------- files

_WORD = (
    '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
    'wordprocessingml/2006/main"><w:body><w:p>{}</w:p></w:body></w:document>'
)
_SHEET = (
    '<?xml version="1.0" encoding="UTF-8"?><sst xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main" count="1" uniqueCount="1"><si><t>{}</t></si></sst>'
)


def docx(text: str) -> bytes:
    """A document whose text is cut into runs, as Word cuts it."""
    runs = "".join(f"<w:r><w:t>{text[at : at + 5]}</w:t></w:r>" for at in range(0, len(text), 5))
    return packed({"word/document.xml": _WORD.format(runs)})


def xlsx(text: str) -> bytes:
    return packed({"xl/sharedStrings.xml": _SHEET.format(text)})


def pdf(text: str) -> bytes:
    """One page with a compressed text, in ASCII."""
    shown = text.encode("ascii", "replace").decode()
    stream = zlib.compress(f"BT /F1 12 Tf 72 720 Td ({shown}) Tj ET".encode())
    return (
        b"%PDF-1.4\n1 0 obj << /Length "
        + str(len(stream)).encode()
        + b" /Filter /FlateDecode >>\nstream\n"
        + stream
        + b"\nendstream\nendobj\n%%EOF\n"
    )


def packed(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


@dataclass(frozen=True, slots=True)
class File:
    """A file as a customer attaches it."""

    name: str
    kind: str
    data: bytes


#: Files whose text is redacted in place.
TEXT_FILES: dict[str, Callable[[str], File]] = {
    "txt": lambda text: File("note.txt", "text/plain", text.encode()),
    "txt in gb18030": lambda text: File("便条.txt", "text/plain", text.encode("gb18030")),
    "txt in utf-16": lambda text: File("note16.txt", "text/plain", text.encode("utf-16")),
    "csv": lambda text: File("list.csv", "text/csv", f'1,"{text}",end\r\n'.encode()),
    "html": lambda text: File(
        "page.html", "text/html", f"<p>{text.replace(' ', '</b> <b>')}</p>".encode()
    ),
    "json": lambda text: File("data.json", "application/json", json.dumps({"a": text}).encode()),
}
#: Files that are kept as they came, encrypted.
SEALED_FILES: dict[str, Callable[[str], File]] = {
    "docx": lambda text: File("letter.docx", "application/octet-stream", docx(text)),
    "xlsx": lambda text: File("table.xlsx", "application/octet-stream", xlsx(text)),
    "pdf": lambda text: File("form.pdf", "application/pdf", pdf(text)),
    "zip": lambda text: File("all.zip", "application/zip", packed({"a.txt": text})),
}
#: A picture by its first bytes.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)

# ---------------------------------------------------------------- messages


@dataclass(slots=True)
class Letter:
    """One message with what was planted in it, for any of the channels."""

    number: int
    kind: str
    secret: str
    text: str = "请看附件 please see the file"
    subject: str = "问题 question"
    html: str = ""
    files: list[File] = field(default_factory=list)
    place: str = "text"
    """Where the secret stands."""

    def sender(self, account: str) -> str:
        """Each is somebody else's: what is stored of it is found by that."""
        if account == "mail":
            return f"anna.{self.number}@mail.example"
        return f"+1415{2000000 + self.number}" if account == "sms" else f"user-{self.number}"


def mail(letter: Letter) -> bytes:
    message = EmailMessage()
    message["From"] = letter.sender("mail")
    message["To"] = MAIL_ADDRESS
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<scan.{letter.number}@mail.example>"
    if letter.html:
        message.set_content(letter.html, subtype="html", cte="base64")
    else:
        message.set_content(
            letter.text, cte=("8bit", "quoted-printable", "base64")[letter.number % 3]
        )
    for file in letter.files:
        main, _, sub = file.kind.partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    return message.as_bytes()


def app(letter: Letter) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": f"scan-{letter.number}", "sender": letter.sender("app"), "text": letter.text,
        "subject": letter.subject,
    }  # fmt: skip
    if letter.files:
        document["attachments"] = [
            {
                "name": file.name, "content_type": file.kind,
                "data_base64": base64.b64encode(file.data).decode(),
            }
            for file in letter.files
        ]  # fmt: skip
    return document


def app_headers(body: bytes) -> dict[str, str]:
    return {
        "X-Gateway-Signature": signature(HTTP_SECRET, body, time()),
        "Content-Type": "application/json",
    }


def sms(letter: Letter, url: str) -> tuple[bytes, dict[str, str]]:
    form = {
        "MessageSid": f"SM{letter.number:032x}", "AccountSid": SMS_ACCOUNT_SID,
        "From": letter.sender("sms"), "To": SMS_NUMBER, "Body": letter.text, "NumMedia": "0",
        "SmsStatus": "received", "ApiVersion": "2010-04-01",
    }  # fmt: skip
    signed = RequestValidator(SMS_TOKEN).compute_signature(url, form)
    return urlencode(form).encode(), {
        "X-Twilio-Signature": signed,
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
