"""What IMAP says and wants to be told, as bytes: responses taken apart, names quoted."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: A response code: `[UIDVALIDITY 12]`.
CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)
#: What a string that IMAP can quote may not hold.
UNSAFE = re.compile(r"[^\x20-\x7e]")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TEXT = 200


class ImapError(Exception):
    """The connection is of no use any more: lost, silent, or out of step."""


class Refused(ImapError):
    """The server said no. `code` is its response code in upper case, such as AUTHENTICATIONFAILED."""

    def __init__(self, command: str, words: str, code: str = "") -> None:
        super().__init__(f"{command} was refused: {words}")
        self.command = command
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: its text, in which each literal is left out, and the literals in order."""

    line: bytes
    literals: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message of a FETCH."""

    uid: int
    size: int | None = None
    body: bytes | None = None


def mailbox(name: str) -> str:
    """A folder's name on the wire: modified UTF-7 (§5.1.3), quoted."""
    out: list[str] = []
    for plain, other in re.findall(r"([\x20-\x7e]+)|([^\x20-\x7e]+)", name):
        if plain:
            out.append(plain.replace("&", "&-"))
        else:
            coded = base64.b64encode(other.encode("utf-16-be")).decode().rstrip("=")
            out.append(f"&{coded.replace('/', ',')}-")
    return quoted("".join(out))


def fetched(reply: Reply) -> Fetched | None:
    """One FETCH response. Quoted texts are taken out first, so that nothing a customer wrote is
    looked at for names and numbers."""
    texts = [found[1] for found in _QUOTED.finditer(reply.line)]
    line = _QUOTED.sub(b'""', reply.line).upper()
    if not re.match(rb"\* \d+ FETCH ", line):
        return None
    uid = re.search(rb"[( ]UID (\d+)", line)
    if uid is None:
        return None  # news of a flag
    size = re.search(rb"RFC822\.SIZE (\d+)", line)
    body: bytes | None = None
    if given := re.search(rb'BODY\[\](?:<\d+>)? (\{\}|""|NIL)', line):
        if given[1] == b"{}":
            body = reply.literals[line[: given.start(1)].count(b"{}")]
        elif given[1] == b'""':
            escaped = texts[line[: given.start(1)].count(b'""')]
            body = re.sub(rb"\\(.)", rb"\1", escaped, flags=re.DOTALL)
    return Fetched(int(uid[1]), int(size[1]) if size else None, body)


def announces(replies: Iterable[Reply]) -> bool:
    """Whether there may be new mail."""
    return any(re.match(rb"\* \d+ (?:EXISTS|RECENT)\b", r.line, re.IGNORECASE) for r in replies)


def quoted(text: str) -> str:
    if UNSAFE.search(text):
        raise ImapError("a name or password holds what IMAP cannot quote")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def told(line: bytes, limit: int = _TEXT) -> str:
    """A server's words for a person."""
    return " ".join(line.removeprefix(b"* ").decode("utf-8", "replace").split())[:limit]
