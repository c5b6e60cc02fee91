"""Mail out: a few connections to one SMTP server, and what each of its answers means."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from channels.email.settings import EmailSettings
from gateway.domain.errors import DeliveryError, Failure

#: Seconds a connection waits for its next message. Servers allow five minutes; being the first to
#: hang up avoids meeting one that just did.
_IDLE = 60.0
#: After the end of the data a server may check the mail; RFC 5321 §4.5.3.2.6 allows it minutes.
_DATA_PATIENCE = 5

_ENHANCED = re.compile(r"^\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_GREYLIST = re.compile(r"gr[ae]y.?list", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:in|after|wait|retry)\D{0,12}(\d{1,5})\s*(s|sec|seconds?|m|min|minutes?)\b", re.IGNORECASE
)


class SmtpPool:
    """Connections to the account's server: opened when needed, kept a while, never shared."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._room = asyncio.Semaphore(settings.smtp_connections)
        self._idle: list[tuple[SMTP, asyncio.TimerHandle]] = []
        self._tls: ssl.SSLContext | None = None

    async def deliver(
        self, sender: str, to: str, data: bytes, begin: Callable[[], Awaitable[None]]
    ) -> str:
        """Hand one message over and return the server's last words.

        `begin` is awaited once, between the server's yes to the recipient and DATA: what fails
        before it surely did not go out. Raises DeliveryError.
        """
        async with self._connection() as client:
            try:
                await self._envelope(client, sender, to)
            except SMTPException as error:
                raise refused(error) from error
            await begin()
            try:
                reply = await client.data(
                    data, timeout=self._settings.smtp_timeout * _DATA_PATIENCE
                )
            except SMTPResponseException as error:
                raise refused(error) from error
            except (SMTPException, OSError) as error:
                client.close()
                msg = f"no answer after the message was sent ({type(error).__name__})"
                raise DeliveryError(Failure.UNKNOWN, msg) from error
            return _one_line(reply.message)

    async def noop(self) -> str:
        """Ask for a sign of life. Raises DeliveryError."""
        async with self._connection() as client:
            try:
                reply = await client.noop()
            except SMTPException as error:
                raise refused(error) from error
            return f"{reply.code} {_one_line(reply.message)}"

    async def close(self) -> None:
        """Take leave of the server on every idle connection."""
        while self._idle:
            client, timer = self._idle.pop()
            timer.cancel()
            await _quit(client)

    async def _envelope(self, client: SMTP, sender: str, to: str) -> None:
        international = not (sender + to).isascii()
        if international and not client.supports_extension("smtputf8"):
            raise DeliveryError(
                Failure.REJECTED, "the server takes no address outside ASCII", provider_code="5.6.7"
            )
        encoding = "utf-8" if international else "ascii"
        options = ["SMTPUTF8"] if international else []
        try:
            await client.mail(sender, options=options, encoding=encoding)
        except SMTPSenderRefused as error:
            # Submission servers of QQ, NetEase and others let nobody write as nobody. RFC 3834 §3.3
            # allows an address; the other guards against loops stay.
            if sender or error.code < 500 or not client.is_connected:
                raise
            await client.mail(self._settings.address)
        await client.rcpt(to, encoding=encoding)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        """A connection with no message under way. It is kept afterwards when it is still good."""
        async with self._room:
            client = await self._reused() or await self._opened()
            try:
                yield client
            except DeliveryError:
                # The server answered, so the connection is in step; RSET clears what was begun.
                self._keep(client)
                raise
            except BaseException:
                client.close()
                raise
            self._keep(client)

    async def _reused(self) -> SMTP | None:
        """An idle connection that still answers."""
        while self._idle:
            client, timer = self._idle.pop()
            timer.cancel()
            if not client.is_connected:
                continue
            try:
                await client.rset()
            except (SMTPException, OSError):
                client.close()
            else:
                return client
        return None

    async def _opened(self) -> SMTP:
        settings = self._settings
        if settings.smtp_tls != "none" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            local_hostname=settings.helo_name or settings.domain.encode("idna").decode(),
            timeout=settings.smtp_timeout,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            tls_context=self._tls,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise unreachable(error) from error
        return client

    def _keep(self, client: SMTP) -> None:
        if client.is_connected:
            timer = asyncio.get_running_loop().call_later(_IDLE, self._expire, client)
            self._idle.append((client, timer))

    def _expire(self, client: SMTP) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not client]
        client.close()


async def _quit(client: SMTP) -> None:
    if client.is_connected:
        with suppress(SMTPException, OSError):  # it hung up first
            await client.quit(timeout=1.0)
    client.close()


def unreachable(error: Exception) -> DeliveryError:
    """Why there is no connection to the server. Nothing of the message was sent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            detail = f"no secure connection: {_one_line(str(cause))}"
            return DeliveryError(Failure.MISCONFIGURED, detail, provider_code="tls")
        cause = cause.__cause__
    if isinstance(error, SMTPAuthenticationError):
        return refused(error)
    if isinstance(error, SMTPConnectResponseError | SMTPHeloError):
        answer = refused(error)
        permanent = answer.failure is Failure.REJECTED
        failure = Failure.MISCONFIGURED if permanent else answer.failure
        # A server that turns connections away does so to all of ours.
        failure = Failure.THROTTLED if error.code == 421 else failure
        return DeliveryError(
            failure,
            answer.detail,
            retry_after=answer.retry_after,
            provider_code=answer.provider_code,
        )
    if isinstance(error, SMTPResponseException):
        return refused(error)
    network = isinstance(error, OSError | SMTPTimeoutError | SMTPServerDisconnected)
    # What is left is a server without the STARTTLS or AUTH we are told to use.
    failure = Failure.RETRY if network else Failure.MISCONFIGURED
    return DeliveryError(failure, f"no connection: {_one_line(str(error))}")


def refused(error: SMTPException) -> DeliveryError:
    """What the server's no means. Only for answers that prove it did not take the message."""
    if not isinstance(error, SMTPResponseException):
        return DeliveryError(Failure.RETRY, f"the connection broke: {_one_line(str(error))}")
    found = _ENHANCED.match(error.message)
    status = found[1] if found else ""
    wait = _WAIT.search(error.message)
    unit = 60.0 if wait and wait[2].lower().startswith("m") else 1.0
    return DeliveryError(
        _failure(error, status),
        f"{error.code} {_one_line(error.message)}",
        retry_after=float(wait[1]) * unit if wait and error.code < 500 else None,
        provider_code=f"{error.code} {status}".strip(),
    )


def _failure(error: SMTPResponseException, status: str) -> Failure:
    code = error.code
    if code in {530, 534, 535, 538}:  # RFC 4954 §6
        return Failure.MISCONFIGURED
    if isinstance(error, SMTPAuthenticationError):
        return Failure.RETRY if code < 500 else Failure.MISCONFIGURED
    if isinstance(error, SMTPSenderRefused) and code >= 500 and not status.startswith("5.3"):
        # Our own address is not liked; 5.3.4 and 552 speak of this message's size.
        return Failure.REJECTED if code == 552 else Failure.MISCONFIGURED
    if (
        code in {421, 450, 451, 452}
        and status.startswith("4.7")
        and not _GREYLIST.search(error.message)
    ):
        return Failure.THROTTLED  # a limit on us; greylisting is about one sender and recipient
    if 500 <= code < 600:
        return Failure.REJECTED
    return Failure.RETRY


def _one_line(text: str) -> str:
    """A server's words without the customer's address, short enough for a log."""
    plain = " ".join(text.encode("utf-8", "replace").decode().split())
    return _ADDRESS.sub("<address>", plain)[:200]
