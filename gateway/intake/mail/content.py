"""What a mail says and what it carries: the text out of its parts, the files beside it."""

import re
from binascii import Error as BinasciiError
from binascii import a2b_qp, a2b_uu
from dataclasses import dataclass, field

from inscriptis import get_text  # type: ignore[import-untyped]  # publishes no types
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]  # as above
from lxml.etree import LxmlError  # type: ignore[import-untyped]  # as above

from gateway.domain.model import Attachment
from gateway.intake.mail.charset import clean, decode_base64, decode_text
from gateway.intake.mail.headers import file_name, text
from gateway.intake.mail.structure import Part

#: Characters. Longer texts are cut: no person wrote them, and every later step reads them.
MAX_TEXT = 500_000
MAX_HTML = 1_000_000
#: Stands in a text where the HTML said "here begins the quoted message". A private-use character.
QUOTE_MARK = "\ue0f1"

#: What mail programs write around the message that is answered: Gmail, Apple Mail and Thunderbird,
#: Outlook on the web, Outlook for Windows and Mac, QQ, NetEase, Yahoo, ProtonMail.
_HTML_QUOTES = re.compile(
    r"""<(?:
        div[^<>]{0,200}\bclass=["']?(?:gmail_quote|yahoo_quoted|protonmail_quote|moz-cite-prefix)
      | blockquote[^<>]{0,200}\b(?:type=["']?cite|class=["']?gmail_quote|id=["']?isReplyContent)
      | div[^<>]{0,200}\bid=["']?(?:appendonsend|divRplyFwdMsg|mail-editor-reference-message|isReplyContent)
      | div[^<>]{0,200}\bid=["']?(?:OLK_SRC_BODY_SECTION|original-content|origbody)
      | includetail\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_HTML_CHARSET = re.compile(
    rb"<meta[^<>]{0,200}charset=[\"']?\s*([A-Za-z0-9_:-]{2,40})", re.IGNORECASE
)
_XML_PROLOGUE = re.compile(r"^\s*<\?xml[^<>]{0,200}\?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BLANK_LINES = re.compile(r"\n{3,}")
_MARK_LINE = re.compile(rf"\n? {{0,40}}{QUOTE_MARK}(?=\n|$)")
_PARSER = ParserConfig(display_images=False, display_links=False)

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
#: The machine-readable parts of a report: facts of the mail, not files a person sent.
_REPORT_PARTS = ("message/", "text/rfc822-headers")


@dataclass
class Content:
    """What was found so far."""

    texts: list[str] = field(default_factory=list)
    """In order; what was HTML carries `QUOTE_MARK`."""
    attachments: list[Attachment] = field(default_factory=list)
    html: bool = False

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
    """The text of one textual part, in its charset; HTML stays HTML."""
    raw = decoded(part)
    charset = part.params.get("charset", "")
    if not charset and part.content_type == "text/html":
        named = _HTML_CHARSET.search(raw[:2048])
        charset = named[1].decode("ascii") if named else ""
    return decode_text(raw, charset)


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
        content.attachments.append(_attachment(part, len(content.attachments) + 1, inside))


def _collect_alternative(part: Part, content: Content) -> None:
    """The plain text if it says anything, else the HTML; the files of every alternative."""
    chosen = Content()
    for child in part.children:
        if chosen.texts and child.content_type == "text/html":
            content.html = True  # not converted: that is the costly step of a mail
            continue
        choice = Content()
        _collect(child, choice, inside=part.content_type)
        content.attachments += choice.attachments
        content.html = content.html or choice.html
        if unmarked(choice.marked).strip() and (not chosen.texts or chosen.html > choice.html):
            chosen = choice
    content.texts += chosen.texts


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
        content.html = True
        content.texts.append(html_to_text(body))
    else:
        content.texts.append(body[:MAX_TEXT].replace(QUOTE_MARK, ""))


def html_to_text(html: str) -> str:
    """Readable text of an HTML body, scripts, styles and hidden text left out, with `QUOTE_MARK`
    where a known mail program begins the quoted message."""
    html = _XML_PROLOGUE.sub("", html[:MAX_HTML].replace(QUOTE_MARK, ""))
    if not html.strip():
        return ""
    marked = _HTML_QUOTES.sub(lambda found: f"<div>{QUOTE_MARK}</div>{found[0]}", html)
    try:
        plain = get_text(marked, _PARSER)
    except (LxmlError, ValueError, RecursionError):
        plain = _TAG.sub(" ", marked)
    return tidy_lines(clean(plain))


def unmarked(text: str) -> str:
    """`text` without quote marks and the lines that hold nothing else."""
    return _MARK_LINE.sub("", text).replace(QUOTE_MARK, "") if QUOTE_MARK in text else text


def tidy_lines(text: str) -> str:
    """No blanks at line ends, no more than one empty line, none at either end."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


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
