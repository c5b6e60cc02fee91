"""Mail in: an SMTP or LMTP server in the running event loop.

The protocol is aiosmtpd's; this module decides what is answered, and mends what aiosmtpd 1.4.6 leaves
open: LMTP's one answer per recipient, addresses read without a parser that costs more than the rest
of the session, lines longer than 1,000 bytes, and an orderly end.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from channels.email.settings import EmailSettings, host_and_port
from gateway.domain.channel import RawMail, Sink
from gateway.domain.errors import Overloaded, ParseError, SettingsError
from gateway.domain.world import World

#: RFC 5321 §4.5.3.1.8: a server must take at least this many.
_MAX_RECIPIENTS = 100
#: The RFC allows 1,000 bytes, real HTML mail knows no such limit, and the body is bounded anyway.
_LINE_LIMIT = 1024 * 1024
#: Seconds a session may be idle. RFC 5321 §4.5.3.2.7 asks for five minutes.
_IDLE = 300.0
#: Seconds for sessions to end when we stop; the contract allows two.
_FAREWELL = 1.5
#: Seconds for a dropped connection's task to notice.
_LAST_TURN = 0.3

_PATH = re.compile(r"<([^<>\s]{0,320})>(?:\s+(.*))?", re.DOTALL)
_BARE_PATH = re.compile(r"([^<>\s]{1,320})(?:\s+(.*))?", re.DOTALL)
_BROKEN = re.compile("[\ud800-\udfff\x00-\x1f\x7f]")

_GOODBYE = b"421 4.3.2 shutting down, try again later\r\n"


class MailServer:
    """The server of one account, and the answers it gives."""

    def __init__(
        self,
        settings: EmailSettings,
        world: World,
        sink: Sink,
        placed: Callable[[RawMail], RawMail] = lambda mail: mail,
    ) -> None:
        """`placed` adds to each mail what the account knows of it."""
        self._settings = settings
        self._placed = placed
        self._world = world
        self._sink = sink
        self._mailboxes = frozenset(untagged(a) for a in (settings.address, *settings.aliases))
        self.sessions: set[_Session] = set()
        self.ending = False

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until cancelled. Raises SettingsError when the port cannot be had."""
        host, port = host_and_port(self._settings.listen)
        loop = asyncio.get_running_loop()
        kind = _LmtpSession if self._settings.protocol == "lmtp" else _Session
        try:
            server = await loop.create_server(
                lambda: kind(self, self._settings), host or None, port
            )
        except OSError as error:
            msg = (
                f"cannot listen on {self._settings.listen}: {error.strerror or error}; "
                "is another account or program using it?"
            )
            raise SettingsError(msg, key="listen") from error
        try:
            bound = server.sockets[0].getsockname()
            name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            ready(f"{name}:{bound[1]}")
            await asyncio.Event().wait()
        finally:
            server.close()
            await self._end_sessions()

    async def _end_sessions(self) -> None:
        """Idle sessions are told and closed; one that waits for our commit gets its answer first."""
        self.ending = True
        for session in tuple(self.sessions):
            session.end_if_idle()
        tasks = [s.task for s in self.sessions if s.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL)
        for session in tuple(self.sessions):
            session.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_TURN)

    def full(self) -> bool:
        """No room for one more session."""
        return len(self.sessions) > self._settings.max_sessions

    # -------------------------------------------------------- aiosmtpd's hooks, by its names

    async def handle_MAIL(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Anybody may write to us, and a bounce comes from nobody."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Our mailbox, with or without a tag; nobody else: this is no relay."""
        if untagged(address) not in self._mailboxes:
            return "550 5.1.1 no such mailbox here"
        if len(envelope.rcpt_tos) >= _MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Hand the mail over; the answer is 250 only when it is durable."""
        mail = RawMail(
            data=envelope.original_content or b"",
            sender="" if envelope.mail_from == "<>" else str(envelope.mail_from),
            recipients=tuple(envelope.rcpt_tos),
            received_at=self._world.clock.now(),
        )
        try:
            await self._sink.accept(self._placed(mail))
        except Overloaded:
            return "451 4.3.0 no room at the moment, try again later"
        except ParseError:
            return "554 5.6.0 this mail cannot be read"
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        """Our fault, whatever it is: the sender keeps the mail and comes back with it."""
        self._world.log.error("mail.listener_failed", error=repr(error))
        return "451 4.3.0 local trouble, try again later"


class _Session(SMTP):
    """One connection."""

    line_length_limit = _LINE_LIMIT

    def __init__(self, owner: MailServer, settings: EmailSettings) -> None:
        # The library keeps this on the class, where every greeting of any session widens it.
        self.command_size_limits = defaultdict(lambda: self.command_size_limit)
        super().__init__(
            owner,
            data_size_limit=settings.max_size,
            enable_SMTPUTF8=True,
            hostname=settings.helo_name or settings.domain,
            ident="mail gateway",
            timeout=_IDLE,
            loop=asyncio.get_running_loop(),
        )
        self._owner = owner
        self._busy = False

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """The session's work."""
        return self._handler_coroutine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit it, or say at once that there is no room."""
        self._owner.sessions.add(self)
        super().connection_made(transport)
        if self._owner.ending or self._owner.full():
            self._say_goodbye()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._owner.sessions.discard(self)
        super().connection_lost(error)

    def end_if_idle(self) -> None:
        """Say goodbye unless an answer is still due; then `push` does it behind the answer."""
        if not self._busy:
            self._say_goodbye()

    def abort(self) -> None:
        """Drop the connection."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def push(self, status: AnyStr) -> None:
        """Answer; while the server ends this answer is the last one."""
        await super().push(status)
        if self._owner.ending and not _bytes(status).startswith(b"3"):
            self._say_goodbye()

    async def _call_handler_hook(self, command: str, *args: Any) -> Any:
        self._busy = command == "DATA"
        try:
            return await super()._call_handler_hook(command, *args)
        finally:
            self._busy = False

    def _say_goodbye(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(_GOODBYE)
            self.transport.close()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address of MAIL or RCPT and what follows it; '<>' stands for nobody."""
        found = _PATH.fullmatch(arg) or _BARE_PATH.fullmatch(arg)
        if found is None or _BROKEN.search(found[1]):
            return None, None
        address = found[1].rpartition(":")[2] if found[1].startswith("@") else found[1]
        return address or "<>", found[2] or ""


class _LmtpSession(_Session):
    """LMTP (RFC 2033): LHLO, and one answer per accepted recipient behind the data.

    aiosmtpd's own LMTP class answers once, so a client with two recipients waits for ever.
    """

    _due = 0

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - the name is aiosmtpd's
        """The greeting."""
        await _Session.smtp_EHLO(self, hostname)

    async def smtp_HELO(self, _hostname: str) -> None:  # noqa: N802 - as above
        """Not in LMTP (RFC 2033 §4.1)."""
        await self.push("500 5.5.1 this is LMTP, say LHLO")

    smtp_EHLO = smtp_HELO  # noqa: N815 - as above

    async def push(self, status: AnyStr) -> None:
        """Answer, behind the data as often as there are recipients. All of them are one account's,
        so all have the same answer."""
        if _bytes(status).startswith(b"354") and self.envelope is not None:
            self._due = len(self.envelope.rcpt_tos)
            await super().push(status)
            return
        times, self._due = max(1, self._due), 0
        await super().push(b"\r\n".join([_bytes(status)] * times))


def _bytes(status: str | bytes) -> bytes:
    return status.encode() if isinstance(status, str) else status


def untagged(address: str) -> str:
    """`Support+42@Pay.example` → `support@pay.example`."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain.rstrip('.')}"
