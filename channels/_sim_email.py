"""The mail world outside: a real SMTP server with mailboxes, and customers who write.

What it accepts it parses with the standard library, not with the gateway's own reader, so that a
mistake of ours does not cancel itself out. Standalone:

    python -m channels._sim_email --port 2526 --log accepted.jsonl

writes one line per accepted message, synced to the disk before the 250: the crash tests count it.
"""

import argparse
import asyncio
import email
import hashlib
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Self

import aiosmtplib
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from channels._sim_letters import Received, bare_address, bounce, compose, out_of_office, read
from channels._sim_log import AcceptedLog, serve_until_stopped

__all__ = ["MailFault", "MailPeer", "Received", "bounce", "compose", "out_of_office"]


@dataclass(frozen=True, slots=True)
class MailFault:
    """What the server does to one coming command, instead of what it would do."""

    stage: str
    """'connect', 'mail', 'rcpt', 'data' (the command), 'end' (the message is there), 'rset'."""
    reply: str = "451 4.3.0 try again later"
    drop: bool = False
    """Drop the connection instead of answering; at 'end', after the message was accepted."""
    delay: float = 0.0
    """Seconds before the usual answer; then neither `reply` nor `drop` applies."""


class MailPeer:
    """A mail server with a mailbox for every address, and the pen of the people behind them.

    async with MailPeer() as peer:
        settings = peer.account_settings("support@pay.example")
        await peer.send("127.0.0.1", port, compose("anna@mail.example", "support@pay.example", …))
        answer = (await peer.wait_for("anna@mail.example", 1))[0]
    """

    def __init__(
        self,
        *,
        log: Path | None = None,
        delay: float = 0.0,
        user: str = "",
        password: str = "",
    ) -> None:
        self.mailboxes: dict[str, list[Received]] = defaultdict(list)
        self.received: list[Received] = []
        """Everything accepted, in order."""
        self.commands: list[str] = []
        """What clients said, verbs in upper case; 'BODY' when a message was complete."""
        self.sessions = 0
        """Connections so far."""
        self.url = ""
        self.host = "127.0.0.1"
        self.port = 0
        self._delay = delay
        self._login = (user, password)
        self._refused: dict[str, str] = {}
        self._faults: deque[MailFault] = deque()
        self._log = AcceptedLog(log)
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._open: set[_PeerSession] = set()

    # ------------------------------------------------------------ life

    async def start(self, port: int = 0) -> None:
        """Listen on this machine; `host`, `port` and `url` are set afterwards."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _PeerSession(self), self.host, port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"smtp://{self.host}:{self.port}"

    async def close(self) -> None:
        """Stop listening and drop what is open."""
        if self._server is not None:
            self._server.close()
        tasks = [session.drop() for session in tuple(self._open)]
        waiting = [task for task in tasks if task is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=1.0)
        self._log.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def account_settings(self, address: str = "support@pay.example") -> dict[str, Any]:
        """Settings of an account whose answers go through this server."""
        user, password = self._login
        login = {"smtp_user": user, "smtp_password": password} if user else {}
        return {
            "address": address,
            "listen": "127.0.0.1:0",
            "smtp_host": self.host,
            "smtp_port": self.port,
            "smtp_tls": "none",
            **login,
        }

    # ------------------------------------------------------------ misbehaviour

    def refuse(self, address: str, reply: str = "550 5.1.1 no such user") -> None:
        """From now on say no to this recipient."""
        self._refused[address.lower()] = reply

    def script(self, *faults: MailFault) -> None:
        """What happens at the next commands of each stage, one fault each, in this order."""
        self._faults.extend(faults)

    def tempfail(self, times: int, *, stage: str = "rcpt") -> None:
        """Say 'try again later' so many times."""
        self.script(*[MailFault(stage)] * times)

    def drop_after_data(self, times: int = 1) -> None:
        """Accept the message and hang up before the answer."""
        self.script(*[MailFault("end", drop=True)] * times)

    def take_fault(self, stage: str) -> MailFault | None:
        """The next fault, if it is one of this stage."""
        if self._faults and self._faults[0].stage == stage:
            return self._faults.popleft()
        return None

    # ------------------------------------------------------------ what came

    async def wait_for(
        self,
        address: str,
        count: int = 1,
        timeout: float = 10.0,  # noqa: ASYNC109 - the caller's limit, in one place
    ) -> list[Received]:
        """Wait until `count` messages are in a mailbox, and return them. Raises TimeoutError."""
        box = self.mailboxes[address.lower()]
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: len(box) >= count)
        return box[:count]

    # ------------------------------------------------------------ what goes

    async def send(
        self,
        host: str,
        port: int,
        data: bytes,
        *,
        sender: str | None = None,
        recipients: Sequence[str] = (),
    ) -> str:
        """Deliver a mail to a listener as an MTA would; the listener's last words.

        Without `sender` and `recipients` they are those of the mail's own From and To. Raises
        aiosmtplib's SMTPException when the listener says no.
        """
        parsed = email.message_from_bytes(data)
        given_from = bare_address(str(parsed["From"] or "")) if sender is None else sender
        given_to = list(recipients) or [bare_address(part) for part in str(parsed["To"]).split(",")]
        client = aiosmtplib.SMTP(
            hostname=host, port=port, local_hostname="mail.example", start_tls=False, timeout=20
        )
        async with client:
            _, words = await client.sendmail(given_from, given_to, data)
        return words

    # ------------------------------------------------------------ aiosmtpd's hooks

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Everybody lives here who was not refused."""
        refusal = self._refused.get(address.lower())
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """The message is complete."""
        self.commands.append("BODY")
        fault = self.take_fault("end")
        if fault is not None and not (fault.drop or fault.delay):
            return fault.reply
        await self._accept(envelope)
        if fault is not None and fault.drop and isinstance(server, _PeerSession):
            server.drop()
        await asyncio.sleep(fault.delay if fault else self._delay)
        return "250 2.0.0 taken"

    async def _accept(self, envelope: Envelope) -> None:
        """Count the message durably, then put it into the mailboxes."""
        raw = envelope.original_content or b""
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        message = read(raw, sender, tuple(envelope.rcpt_tos))
        self._log.add(
            id=message.message_id,
            message_id=message.message_id,
            rcpt=list(message.recipients),
            sha256=hashlib.sha256(raw).hexdigest(),
            time=time(),
        )
        async with self._news:
            self.received.append(message)
            for address in message.recipients:
                self.mailboxes[address.lower()].append(message)
            self._news.notify_all()

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> Any:
        """Compare with the one login there is."""
        user, password = self._login
        good = bool(user) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=good, handled=False)

    def opened(self, session: "_PeerSession") -> None:
        """A client connected."""
        self.sessions += 1
        self._open.add(session)

    def closed(self, session: "_PeerSession") -> None:
        """A client is gone."""
        self._open.discard(session)


class _PeerSession(SMTP):
    """One connection: writes down what is said, and misbehaves when told to."""

    def __init__(self, peer: MailPeer) -> None:
        super().__init__(
            peer,
            enable_SMTPUTF8=True,
            hostname="sim.mail.example",
            authenticator=peer.authenticate,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )
        self._peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer.closed(self)
        super().connection_lost(error)

    def drop(self) -> "asyncio.Task[None] | None":
        """Hang up without a word; the task that has to notice."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return self._handler_coroutine

    async def _handle_client(self) -> None:
        fault = self._peer.take_fault("connect")
        if fault is None:
            await super()._handle_client()
        elif fault.drop:
            self.drop()
        else:
            await self.push(fault.reply)
            self._writer.close()

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the name is aiosmtpd's
        if not await self._disturbed("mail", f"MAIL {arg}"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - as above
        if not await self._disturbed("rcpt", f"RCPT {arg}"):
            await super().smtp_RCPT(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802 - as above
        if not await self._disturbed("rset", "RSET"):
            await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - as above
        if not await self._disturbed("data", "DATA"):
            await super().smtp_DATA(arg)

    async def _disturbed(self, stage: str, line: str) -> bool:
        """Write the command down; True when a fault has answered it."""
        self._peer.commands.append(line)
        fault = self._peer.take_fault(stage)
        if fault is None:
            return False
        if fault.delay:
            await asyncio.sleep(fault.delay)
            return False
        if fault.drop:
            self.drop()
        else:
            await self.push(fault.reply)
            if fault.reply.startswith("421"):
                self._writer.close()
        return True


def main() -> None:
    """The stand-alone program."""
    options = argparse.ArgumentParser(description="A mail server that counts what it accepts.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path)
    options.add_argument("--delay-ms", type=float, default=0.0)
    given = options.parse_args()
    peer = MailPeer(log=given.log, delay=given.delay_ms / 1000)
    asyncio.run(serve_until_stopped(peer, given.port))


if __name__ == "__main__":
    main()
