"""The part of IMAP4rev1 that reading a mailbox needs, over an asyncio stream.

docs/decisions/0008-imap-client.md says why there is no library here. One command at a time; every wait
is bounded; nothing that the server or the customer said is logged. RFC 3501 unless another is named.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from channels.imap.wire import (
    CODE,
    UNSAFE,
    Fetched,
    ImapError,
    Refused,
    Reply,
    announces,
    fetched,
    mailbox,
    quoted,
    told,
)

#: The longest line: a search that finds a hundred thousand mails, seven digits each.
_LINE = 4 * 1024 * 1024
#: Bytes of literals beside the one that was asked for: quoted names, error texts.
_SPARE = 64 * 1024
#: Bytes a second below which a server counts as gone while a large mail comes.
_SLOWEST = 4096
#: Seconds to take leave; the connection is dropped in any case.
_FAREWELL = 1.0

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Folder:
    """What the server says of a folder when it is opened."""

    validity: int
    """UIDVALIDITY: another one means that every UID is."""
    next_uid: int
    """UIDNEXT; 0 where the server does not tell."""
    exists: int


class ImapClient:
    """One connection. `capabilities` are those of the moment, in upper case."""

    def __init__(self, host: str, timeout: float) -> None:
        self.capabilities: frozenset[str] = frozenset()
        self._host = host
        self._timeout = timeout
        self._tags = 0
        self._literal_limit = _SPARE
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._plain: asyncio.StreamWriter | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        security: Literal["tls", "starttls", "none"],
        context: ssl.SSLContext | None,
        timeout: float,  # noqa: ASYNC109 - of each answer, kept for the life of the connection
    ) -> Self:
        """Connect, encrypt, and learn what the server can do. Raises ImapError or OSError."""
        client = cls(host, timeout)
        try:
            async with asyncio.timeout(timeout):
                client._reader, client._writer = await asyncio.open_connection(
                    host, port, ssl=context if security == "tls" else None, limit=_LINE
                )
        except TimeoutError as error:
            raise ImapError(f"no connection within {timeout:g} s") from error
        try:
            greeting = await client._reply()
            _welcome(greeting)
            if security == "starttls":
                await client._start_tls(context)
            await client._ask_capabilities()
        except BaseException:
            client.drop()
            raise
        return client

    def drop(self) -> None:
        """Hang up."""
        self._writer.transport.abort()

    async def logout(self) -> None:
        """Take leave, and hang up."""
        with contextlib.suppress(ImapError, OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._command("LOGOUT")
        self.drop()

    # ------------------------------------------------------------ signing in

    async def login(self, user: str, password: str) -> None:
        """Sign in with a password. Raises Refused."""
        if "AUTH=PLAIN" in self.capabilities:
            await self._authenticate("PLAIN", f"\0{user}\0{password}")
        elif "LOGINDISABLED" in self.capabilities:
            raise Refused("LOGIN", "the server takes no password on this connection")
        elif UNSAFE.search(user + password):
            raise Refused("LOGIN", "the server's way to sign in takes ASCII only")
        else:
            await self._command("LOGIN", quoted(user), quoted(password))
        await self._ask_capabilities()

    async def xoauth2(self, user: str, token: str) -> None:
        """Sign in with a token (developers.google.com/workspace/gmail/imap/xoauth2-protocol).
        Raises Refused."""
        await self._authenticate("XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1")
        await self._ask_capabilities()

    async def introduce(self, facts: dict[str, str]) -> None:
        """ID (RFC 2971). 163 and 126 answer SELECT with "Unsafe Login" to who does not say it."""
        if "ID" in self.capabilities:
            words = " ".join(f"{quoted(k)} {quoted(v)}" for k, v in facts.items())
            await self._command("ID", f"({words})")

    async def _authenticate(self, mechanism: str, secret: str) -> None:
        initial = base64.b64encode(secret.encode()).decode()
        answers = [initial]

        async def answer() -> None:
            # A second question carries the reason of a failure and wants an empty answer.
            await self._write((answers.pop() if answers else "").encode() + b"\r\n")

        if "SASL-IR" in self.capabilities:  # RFC 4959
            answers.clear()
            await self._command("AUTHENTICATE", mechanism, initial, more=answer)
        else:
            await self._command("AUTHENTICATE", mechanism, more=answer)

    async def _ask_capabilities(self) -> None:
        for reply in await self._command("CAPABILITY"):
            if reply.line.upper().startswith(b"* CAPABILITY "):
                self.capabilities = frozenset(told(reply.line, 4000).upper().split()[1:])

    async def _start_tls(self, context: ssl.SSLContext | None) -> None:
        await self._command("STARTTLS")
        loop = asyncio.get_running_loop()
        # A new reader: what somebody put behind the answer in the clear must not be taken for the
        # server's (as CVE-2011-0411 did to SMTP).
        reader = asyncio.StreamReader(limit=_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        if context is None:
            raise ImapError("no TLS context")
        async with asyncio.timeout(self._timeout):
            transport = await loop.start_tls(
                self._writer.transport, protocol, context, server_hostname=self._host
            )
        if transport is None:
            raise ImapError("the connection was lost while it was encrypted")
        protocol.connection_made(transport)
        # The old writer closes what it wrote to when it is thrown away: that is underneath now.
        self._plain = self._writer
        self._reader = reader
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    # ------------------------------------------------------------ folders and mails

    async def open(self, folder: str, *, write: bool) -> Folder:
        """SELECT or, where nothing will be changed, EXAMINE. Raises Refused."""
        replies = await self._command("SELECT" if write else "EXAMINE", mailbox(folder))
        codes = {code.upper(): rest for reply in replies for code, rest in CODE.findall(reply.line)}
        exists = [r.line.split()[1] for r in replies if r.line.upper().rstrip().endswith(b"EXISTS")]
        try:
            return Folder(
                int(codes[b"UIDVALIDITY"]),
                int(codes.get(b"UIDNEXT", 0)),
                int(exists[-1]) if exists else 0,
            )
        except (KeyError, ValueError) as error:
            raise ImapError("the server does not name UIDVALIDITY") from error

    async def search(self, *criteria: str) -> list[int]:
        """UIDs, ascending. Raises Refused."""
        found: set[int] = set()
        for reply in await self._command("UID SEARCH", *criteria):
            name, _, rest = reply.line.removeprefix(b"* ").partition(b" ")
            if name.strip().upper() == b"SEARCH":
                found.update(int(word) for word in rest.split() if word.isdigit())
        return sorted(found)

    async def sizes(self, uids: Iterable[int]) -> list[Fetched]:
        """How large mails are. Those that are gone are missing."""
        return await self._fetch(uids, "(UID RFC822.SIZE)", 0)

    async def bodies(self, uids: Iterable[int], limit: int, *, first: int = 0) -> list[Fetched]:
        r"""Mails as they are, or only their `first` bytes, without setting \Seen. A server that
        sends more than `limit` bytes in all is hung up on."""
        part = f"BODY.PEEK[]<0.{first}>" if first else "BODY.PEEK[]"
        return await self._fetch(uids, f"(UID {part})", limit)

    async def _fetch(self, uids: Iterable[int], items: str, limit: int) -> list[Fetched]:
        self._literal_limit = limit + _SPARE
        try:
            replies = await self._command("UID FETCH", ",".join(map(str, uids)), items)
        finally:
            self._literal_limit = _SPARE
        return [found for reply in replies if (found := fetched(reply)) is not None]

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Put mails into another folder (RFC 6851, else RFC 4315), which is made if need be.
        Raises Refused."""
        names = ",".join(map(str, uids))
        atomic = "MOVE" in self.capabilities
        if not atomic and "UIDPLUS" not in self.capabilities:
            raise Refused("MOVE", "the server can neither move nor expunge single mails")
        command = "UID MOVE" if atomic else "UID COPY"
        try:
            await self._command(command, names, mailbox(folder))
        except Refused as error:
            if error.code != "TRYCREATE":
                raise
            await self._command("CREATE", mailbox(folder))
            await self._command(command, names, mailbox(folder))
        if not atomic:
            await self._command("UID STORE", names, "+FLAGS.SILENT", r"(\Deleted)")
            await self._command("UID EXPUNGE", names)

    async def wait(self, seconds: float) -> bool:
        """IDLE (RFC 2177) until the server announces something, or that long. False: it did not.

        Without IDLE it waits and then asks.
        """
        if "IDLE" not in self.capabilities:
            await asyncio.sleep(seconds)
            return announces(await self._command("NOOP"))
        heard = False

        async def listen() -> None:
            nonlocal heard
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not heard:
                        # Only the wait for a line may be cut short: it leaves nothing half read.
                        line = await self._line()
                        heard = announces([Reply(line)])
                        if line.upper().startswith(b"* BYE"):
                            raise ImapError(f"the server hung up: {told(line)}")
            await self._write(b"DONE\r\n")

        replies = await self._command("IDLE", more=listen)
        return heard or announces(replies)

    # ------------------------------------------------------------ the wire

    async def _command(
        self, *words: str, more: Callable[[], Awaitable[None]] | None = None
    ) -> list[Reply]:
        """Say one command and return what came before its OK. Raises Refused, ImapError.

        `more` is called at each continuation request.
        """
        self._tags += 1
        tag = f"G{self._tags}".encode()
        await self._write(tag + b" " + " ".join(words).encode() + b"\r\n")
        replies: list[Reply] = []
        while True:
            reply = await self._reply()
            line = reply.line
            if line.startswith(b"+"):
                if more is None:
                    raise ImapError("the server wants more than there is")
                await more()
            elif line.startswith(b"* "):
                if line[2:6].upper() == b"BYE " and words[0] != "LOGOUT":
                    raise ImapError(f"the server hung up: {told(line)}")
                replies.append(reply)
            elif line.startswith(tag + b" "):
                status, _, rest = line[len(tag) + 1 :].partition(b" ")
                replies.append(Reply(b"* OK " + rest))
                if status.strip().upper() == b"OK":
                    return replies
                code = CODE.match(rest)
                named = code[1].decode("ascii", "replace").upper() if code else ""
                raise Refused(words[0], told(rest), named)
            else:
                raise ImapError("the server is out of step")

    async def _write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._timeout):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise ImapError("the connection was lost") from error

    async def _reply(self) -> Reply:
        """The next response, its literals included."""
        lines: list[bytes] = []
        literals: list[bytes] = []
        room = self._literal_limit
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    line = await self._line()
                found = _LITERAL.search(line)
                if found is None:
                    return Reply(b"".join([*lines, line.rstrip(b"\r\n")]), tuple(literals))
                size = int(found[1])
                room -= size
                if room < 0:
                    raise ImapError("the server sends more than was asked for")
                async with asyncio.timeout(self._timeout + size / _SLOWEST):
                    literals.append(await self._reader.readexactly(size))
            except TimeoutError as error:
                raise ImapError(f"no answer within {self._timeout:g} s") from error
            except asyncio.IncompleteReadError as error:
                raise ImapError("the connection was lost") from error
            except OSError as error:
                raise ImapError("the connection was lost") from error
            lines.append(line[: found.start()] + b"{}")

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise ImapError("the connection was lost") from error
        except asyncio.LimitOverrunError as error:
            raise ImapError("the server sends a line without end") from error
        except OSError as error:
            raise ImapError("the connection was lost") from error
        return line


def _welcome(greeting: Reply) -> None:
    if not greeting.line.upper().startswith((b"* OK", b"* PREAUTH")):
        raise Refused("the connection", told(greeting.line))
