"""Takes the secrets out of attached text files: plain text, tables, HTML, XML and JSON.

Everything else (pictures, sound, PDF, office documents, archives) cannot be changed without breaking
it. It is kept as it came, in the encrypted blob store like every attachment, and no text of it is
ever taken out.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.domain.errors import ParseError
from gateway.domain.model import JSON, Attachment
from gateway.intake.redact import PLACEHOLDERS, Policy, kind_of_key, redact, redact_json
from gateway.intake.redact.markup import redact_markup

#: Bytes of the text files of one message that are read, of which a worker redacts a million a second.
#: What is beyond stays as it came, encrypted like a picture.
LARGEST = 4 << 20
_BY_SUFFIX = {
    "txt": "plain", "text": "plain", "log": "plain", "md": "plain", "ini": "plain", "eml": "plain",
    "yaml": "plain", "yml": "plain", "vcf": "plain", "ics": "plain", "srt": "plain",
    "csv": "table", "tsv": "table", "htm": "markup", "html": "markup", "xhtml": "markup",
    "xml": "markup", "svg": "markup", "json": "json", "ndjson": "lines", "jsonl": "lines",
}  # fmt: skip
_BY_TYPE = {
    "text/csv": "table", "text/tab-separated-values": "table", "text/html": "markup",
    "text/xml": "markup", "application/xml": "markup", "application/xhtml+xml": "markup",
    "image/svg+xml": "markup", "application/json": "json", "text/json": "json",
    "application/x-ndjson": "lines", "message/rfc822": "plain",
}  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Half of a character, as `"\\ud800"` in JSON: no charset can write it.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class CleanFile:
    """An attachment that may be stored, and the kinds of secret taken out of it."""

    attachment: Attachment
    kinds: tuple[str, ...] = ()


def is_text(attachment: Attachment) -> bool:
    """Whether its bytes are here and are a text that can be redacted."""
    return bool(attachment.data) and bool(_form(attachment))


def clean_files(attachments: Iterable[Attachment], policy: Policy) -> list[CleanFile]:
    """The attachments of a message, each as `clean_file` makes it."""
    files, room = [], LARGEST
    for attachment in attachments:
        read = is_text(attachment) and len(attachment.data or b"") <= room
        if read:
            room -= len(attachment.data or b"")
        files.append(clean_file(attachment, policy) if read else CleanFile(attachment))
    return files


def clean_file(attachment: Attachment, policy: Policy) -> CleanFile:
    """The attachment with its text redacted, in the charset it came in; any other as it is."""
    data, form = attachment.data, _form(attachment)
    if not data or not form:
        return CleanFile(attachment)
    mark, charset = _charset(data)
    # A byte that does not fit comes back as the byte it was.
    text = data[len(mark) :].decode(charset, "surrogateescape")
    if text.count("\0") > len(text) // 100:
        return CleanFile(attachment)  # no text, whatever it calls itself
    clean, kinds = _FORMS[form](text, policy)
    if not kinds:
        return CleanFile(attachment)
    fresh = mark + clean.encode(charset, "surrogateescape")
    return CleanFile(replace(attachment, data=fresh, size=len(fresh)), kinds)


def _form(attachment: Attachment) -> str:
    kind = attachment.content_type.partition(";")[0].strip().lower()
    suffix = attachment.name.rpartition(".")[2].lower()
    known = _BY_TYPE.get(kind) or _BY_SUFFIX.get(suffix, "")
    return known or ("plain" if kind.startswith("text/") else "")


def _charset(data: bytes) -> tuple[bytes, str]:
    """The byte order mark and the charset: of Unicode, else of Chinese Windows, which reads ASCII
    and the digits of every other charset customers use as they are."""
    for mark, charset in _MARKS:
        if data.startswith(mark) and _fits(data[len(mark) :], charset):
            return mark, charset
    half = len(data) // 2
    for first, charset in ((1, "utf-16-le"), (0, "utf-16-be")):
        if half and data[first::2].count(0) > half // 2 and _fits(data, charset):
            return b"", charset
    return b"", "utf-8" if _fits(data, "utf-8") else "gb18030"


def _fits(data: bytes, charset: str) -> bool:
    try:
        data.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


# ---------------------------------------------------------------- by form


def _plain(text: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    result = redact(text, policy=policy)
    return result.text, tuple(dict.fromkeys(one.kind for one in result.redactions))


def _markup(text: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    result = redact_markup(text, policy)
    return result.text, tuple(dict.fromkeys(one.kind for one in result.redactions))


def _json(text: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    """Read, so that escapes hide nothing; written anew only when something was in it."""
    try:
        value: JSON = json.loads(text)
        clean = redact_json(value, policy=policy)
    except (ValueError, RecursionError, ParseError):
        return _plain(text, policy)
    if clean == value:
        return text, ()
    indent = 2 if "\n" in text.strip() else None
    written = json.dumps(clean, ensure_ascii=False, indent=indent)
    if _HALF.search(written):  # only an escape can say it
        written = json.dumps(clean, indent=indent)
    return written, _kinds_in(written)


def _lines(text: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    lines = [_json(line, policy) for line in text.split("\n")]
    return "\n".join(line for line, _ in lines), tuple(
        dict.fromkeys(kind for _, kinds in lines for kind in kinds)
    )


def _table(text: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    """Under a heading such as `password` every cell is one, whatever it looks like."""
    heading = text.partition("\n")[0]
    delimiter = max("\t;|,", key=heading.count)
    secret = [kind_of_key(name.strip(' "\r\ufeff')) for name in heading.split(delimiter)]
    if not any(secret):
        return _plain(text, policy)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n")
    try:
        for number, row in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        ):
            writer.writerow(
                PLACEHOLDERS[secret[at]]
                if number and at < len(secret) and secret[at] and cell
                else cell
                for at, cell in enumerate(row)
            )
    except csv.Error:
        return _plain(text, policy)
    clean, _ = _plain(out.getvalue(), policy)
    return clean, _kinds_in(clean)


def _kinds_in(clean: str) -> tuple[str, ...]:
    kinds = [kind for kind, placeholder in PLACEHOLDERS.items() if placeholder in clean]
    return tuple([*kinds, "card"] if "[card ****" in clean else kinds)


_FORMS: dict[str, Callable[[str, Policy], tuple[str, tuple[str, ...]]]] = {
    "plain": _plain,
    "markup": _markup,
    "json": _json,
    "lines": _lines,
    "table": _table,
}
