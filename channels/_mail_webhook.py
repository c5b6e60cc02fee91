"""What the inbound mail webhooks of providers share: a form with a whole mail in it, taken apart as
bytes, and the account behind it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesHeaderParser
from urllib.parse import unquote_to_bytes

from channels._mail_account import MailAccount, mail_capabilities
from gateway.domain.channel import Capabilities, HttpReply, Parsed, RawMail
from gateway.domain.errors import ParseError

#: The largest call taken: a mail of 35 MiB, and what a provider puts around it.
BODY_LIMIT = 52 * 1024 * 1024
#: A mail comes with a dozen fields, and one more for each file where the mail is taken apart.
_MAX_FIELDS = 500
#: Bytes of the headers of one field.
_FIELD_HEAD = 8192
#: Bytes of a name in the other kind of form.
_FIELD_NAME = 200
#: Characters of an address; RFC 5321 §4.5.3.1.3 allows 256.
_ADDRESS = 1000
#: RFC 2046 §5.1.1 allows 70; some libraries take more.
_BOUNDARY = 256

_HEADERS = BytesHeaderParser()


class Untidy(ValueError):
    """A form that cannot be read; the text says why."""


def capabilities(*secrets: str, bad_signature_status: int = 403) -> Capabilities:
    """Of a mail account whose mail comes by webhook."""
    return replace(
        mail_capabilities(*secrets),
        bad_signature_status=bad_signature_status,
        body_limit=BODY_LIMIT,
    )


def form(body: bytes, only: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """The fields of a posted form, multipart or not, as bytes; of a repeated one, the first.

    The boundary is taken from the body itself, which begins with it: a call that is read again out of
    quarantine has no headers. With `only`, nothing but these short fields is decoded: a stranger's
    50 MiB of percent signs would take seconds and a gigabyte. Raises Untidy.
    """
    return _multipart(body) if body.startswith(b"--") else _urlencoded(body, only)


def _multipart(body: bytes) -> dict[str, bytes]:
    first, _, _ = body[: _BOUNDARY + 4].partition(b"\r\n")
    if len(first) <= 2 or len(first) > _BOUNDARY:
        raise Untidy("the form has no boundary")
    mark = b"\r\n" + first
    # The first boundary has no line end before it.
    parts = (b"\r\n" + body).split(mark, _MAX_FIELDS + 2)
    if len(parts) > _MAX_FIELDS + 2:
        raise Untidy(f"the form has more than {_MAX_FIELDS} fields")
    if not parts[-1].startswith(b"--"):
        raise Untidy("the form breaks off")
    found: dict[str, bytes] = {}
    for part in parts[1:-1]:
        head, gap, value = part.partition(b"\r\n\r\n")
        if not gap or not head.startswith(b"\r\n") or len(head) > _FIELD_HEAD:
            raise Untidy("a field of the form has no header")
        found.setdefault(_name(_HEADERS.parsebytes(head[2:] + b"\r\n\r\n")), value)
    return found


def _name(headers: Message) -> str:
    try:
        name = headers.get_param("name", header="content-disposition")
    except (TypeError, ValueError) as error:  # of sections that cannot be put in order
        raise Untidy("a field of the form has no name that can be read") from error
    if not isinstance(name, str):
        raise Untidy("a field of the form has no name")
    return name


def _urlencoded(body: bytes, only: frozenset[str]) -> dict[str, bytes]:
    if body.count(b"&") >= _MAX_FIELDS:
        raise Untidy(f"the form has more than {_MAX_FIELDS} fields")
    found: dict[str, bytes] = {}
    for one in body.split(b"&"):
        key, _, value = one.partition(b"=")
        if len(key) > _FIELD_NAME:
            raise Untidy("a field of the form has no name")
        name = _decoded(key).decode("utf-8", "replace")
        if only and (name not in only or len(value) > _FIELD_HEAD):
            continue
        found.setdefault(name, _decoded(value))
    return found


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who handed the mail to the provider, and for whom."""

    sender: str
    recipients: tuple[str, ...]


def taken(
    data: bytes,
    envelope: Envelope,
    account: MailAccount,
    at: float,
    placed: Callable[[RawMail], RawMail],
) -> Parsed:
    """One mail as the event of a call. Raises ParseError when there is none in it.

    `placed` adds what the account knows of it (`Email.placed`).
    """
    if not data.strip():
        raise ParseError("the mail is empty")
    if len(data) > account.max_size:
        raise ParseError(f"the mail is larger than {account.max_size} bytes")
    recipients = tuple(dict.fromkeys(_fit(r) for r in envelope.recipients if r))
    mail = RawMail(data, _fit(envelope.sender), recipients or (account.address,), at)
    return Parsed((), HttpReply(200, b"taken\n"), (placed(mail),))


def _fit(address: str) -> str:
    """An address as every database takes it: JSON can say half a character, and NUL."""
    whole = address.encode("utf-8", "replace").decode()
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_ADDRESS]
