"""What a mail says and what it carries: the text out of its parts, the files beside it."""

import re
from binascii import Error as BinasciiError
from binascii import a2b_qp, a2b_uu
from dataclasses import dataclass, field

from gateway.domain.model import Attachment
from gateway.intake.mail.charset import clean, decode_base64, decode_text
from gateway.intake.mail.flowed import unflow
from gateway.intake.mail.headers import file_name, text
from gateway.intake.mail.html import (
    MAX_HTML,
    MAX_TAGS,
    html_to_text,
    unmarked,
)
from gateway.intake.mail.structure import Part
from gateway.intake.mail.tnef import Tnef, is_tnef, read_body, read_tnef

#: Characters. Longer texts are cut: no person wrote them, and every later step reads them.
MAX_TEXT = 500_000
_HTML_CHARSET = re.compile(
    rb"<meta[^<>]{0,200}charset=[\"']?\s*([A-Za-z0-9_:-]{2,40})", re.IGNORECASE
)

#: For files without a name; the platform's table differs from machine to machine.
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "application/pdf": "pdf",
    "text/calendar": "ics",
    "text/plain": "txt",
    "text/html": "html",
    "message/rfc822": "eml",
    "application/zip": "zip",
}
_TYPES = {ending: kind for kind, ending in _ENDINGS.items()}
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n"
#: The machine-readable parts of a report: facts of the mail, not files a person sent.
_REPORT_PARTS = ("message/", "text/rfc822-headers")


#: Files of this kind that are opened.
_MOST_TNEF = 3


@dataclass
class _Left:
    """What reading one mail may still cost: a bound on its time."""

    html: int = MAX_HTML
    tags: int = MAX_TAGS
    tnef: int = _MOST_TNEF


@dataclass
class Content:
    """What was found so far."""

    texts: list[str] = field(default_factory=list)
    """In order; what was HTML carries `QUOTE_MARK`."""
    attachments: list[Attachment] = field(default_factory=list)
    html: bool = False
    sources: list[str] = field(default_factory=list)
    """The HTML that `texts` was made of, as it came."""
    left: _Left = field(default_factory=_Left)

    @property
    def marked(self) -> str:
        """The whole text, quote marks still in it."""
        return "\n".join(piece for piece in self.texts if piece.strip())[:MAX_TEXT]


def read_content(root: Part) -> Content:
    """Text and files of a mail. `root` is bounded in depth, so this may call itself."""
    content = Content()
    if root.content_type.startswith("message/") and root.children:
        root = root.children[0]
    _collect(root, content, inside="")
    return content


def decoded(part: Part) -> bytes:
    """A part's body without its transfer encoding. Never raises: what is broken comes as it is."""
    raw = part.body
    match part.encoding:
        case b"base64":
            return decode_base64(raw)
        case b"quoted-printable":
            return a2b_qp(raw)
        case b"x-uuencode" | b"uuencode" | b"x-uue" | b"uue":
            return _uudecoded(raw)
        case _:
            return raw


def part_text(part: Part) -> str:
    """The text of one textual part, in its charset, with its paragraphs; HTML stays HTML."""
    raw = part.body if part.encoding == b"base64" and not _is_base64(part.body) else decoded(part)
    charset = part.params.get("charset", "")
    if part.content_type == "text/html":
        # What the page says of itself is written by the program that wrote the page.
        named = None if charset else _HTML_CHARSET.search(raw[:2048])
        return decode_text(raw, named[1].decode("ascii") if named else charset)
    body = decode_text(raw, charset)
    if part.params.get("format", "").lower() == "flowed":
        return unflow(body, delsp=part.params.get("delsp", "").lower() == "yes")
    return body


def _is_base64(raw: bytes) -> bool:
    """Whether it can be what its header says; programs forget to encode a short text."""
    raw = raw[:4000]
    strange = len(raw.translate(None, _BASE64))
    return strange * 10 <= len(raw) and raw.strip().count(b" ") * 20 <= len(raw)


def _collect(part: Part, content: Content, *, inside: str) -> None:
    kind = part.content_type
    if part.children and kind == "multipart/alternative":
        _collect_alternative(part, content)
    elif part.children and kind.startswith("multipart/"):
        for child in part.children:
            _collect(child, content, inside=kind)
    elif inside == "multipart/report" and kind.startswith(_REPORT_PARTS):
        return
    elif _is_text(part):
        _collect_text(part, content)
    elif part.depth == 0 and not part.body.strip():
        return
    else:
        _collect_file(part, content, inside)


def _collect_alternative(part: Part, content: Content) -> None:
    """The plain text if it says anything, else the HTML; the files of every alternative."""
    chosen = Content()
    for child in part.children:
        if chosen.texts and child.content_type == "text/html":
            content.html = True  # not converted: that is the costly step of a mail
            continue
        choice = Content(left=content.left)
        _collect(child, choice, inside=part.content_type)
        content.attachments += choice.attachments
        content.html = content.html or choice.html
        if unmarked(choice.marked).strip() and (not chosen.texts or chosen.html > choice.html):
            chosen = choice
    content.texts += chosen.texts
    content.sources += chosen.sources


def _is_text(part: Part) -> bool:
    kind = part.content_type
    if kind.startswith("multipart/"):
        return True  # without a usable boundary: whatever it holds, a person can read it
    if kind not in {"text/plain", "text/html", "text/enriched"}:
        return False
    disposition, params = part.disposition
    named = bool(params.get("filename") or part.params.get("name"))
    return disposition != "attachment" and (not named or part.depth == 0)


def _collect_text(part: Part, content: Content) -> None:
    if sum(map(len, content.texts)) > MAX_TEXT:
        return
    body = part_text(part)
    if part.content_type == "text/html":
        _add_html(body, content)
    else:
        content.texts.append(unmarked(body[:MAX_TEXT]))


def _add_html(source: str, content: Content) -> None:
    left = content.left
    source = source[: left.html]
    content.html = True
    content.sources.append(source)
    content.texts.append(html_to_text(source, tags=left.tags))
    left.html -= len(source)
    left.tags -= source.count("<")


def _collect_file(part: Part, content: Content, inside: str) -> None:
    file = _attachment(part, len(content.attachments) + 1, inside)
    if file.data is None or not is_tnef(file.data) or content.left.tnef <= 0:
        content.attachments.append(file)
        return
    content.left.tnef -= 1
    found = read_tnef(file.data)
    if not content.marked.strip():  # else it is what the text beside it says
        read_body(found)
        if found.text.strip():
            content.texts.append(unmarked(clean(found.text)[:MAX_TEXT]))
        elif found.html.strip():
            _add_html(found.html, content)
    content.attachments += _unpacked(found)
    if not found.whole or not (found.files or found.text or found.html or found.rtf):
        content.attachments.append(file)  # for whoever can read more of it


def _unpacked(found: Tnef) -> list[Attachment]:
    files = []
    for number, file in enumerate(found.files, 1):
        name = file_name(file.name)
        kind = file.content_type if _TYPE.fullmatch(file.content_type) else ""
        kind = kind or _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        name = name or f"attachment-{number}.{_ENDINGS.get(kind, 'bin')}"
        files.append(Attachment(name, kind, len(file.data), file.data))
    return files


def _attachment(part: Part, number: int, inside: str) -> Attachment:
    disposition, params = part.disposition
    kind = part.content_type
    is_message = kind.startswith("message/")
    data = part.body if is_message and part.children else decoded(part)
    name = file_name(params.get("filename") or part.params.get("name") or "")
    if not name and is_message and part.children:
        subject = file_name(text(part.children[0].headers, "subject").replace("/", " "))
        name = f"{subject}.eml" if subject else ""
    related = inside == "multipart/related" and "content-id" in part.headers
    return Attachment(
        name=name or f"attachment-{number}.{_ENDINGS.get(kind, 'bin')}",
        content_type=kind,
        size=len(data),
        data=data,
        inline=disposition == "inline" or (related and disposition != "attachment"),
    )


def _uudecoded(raw: bytes) -> bytes:
    pieces = []
    for line in raw.splitlines():
        if line.startswith(b"begin ") or line in (b"end", b"`", b""):
            continue
        try:
            pieces.append(a2b_uu(line))
        except BinasciiError:
            continue  # one torn line costs its 45 bytes, not the file
    return b"".join(pieces)
