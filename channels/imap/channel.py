"""The IMAP channel: one mailbox, in by following its folders, out through an SMTP server."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Self

from channels._mail_account import MailSender, mail_capabilities
from channels.imap.client import ImapClient
from channels.imap.reader import FolderReader
from channels.imap.settings import ImapSettings, check
from channels.imap.token import AccessToken
from channels.imap.wire import ImapError, Refused
from gateway.domain.channel import Capabilities, Health, Sink
from gateway.domain.errors import GatewayError, SettingsError
from gateway.domain.world import World

#: Seconds before the first new try, and the most between two.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0
#: What we say of ourselves; 163 and 126 want a name, a version and a vendor.
_OURSELVES = {"name": "contact-routing-gateway", "version": "1.0", "vendor": "gateway"}


class ImapMailbox(MailSender):
    """The channel of one mailbox: `Channel`, `Listener`, `Correspondent`, `Probe`, `Closable`."""

    kind: ClassVar[str] = "imap"
    Settings: ClassVar[type[Any]] = ImapSettings
    capabilities: ClassVar[Capabilities] = replace(
        mail_capabilities("password", "access_token", "refresh_token", "client_secret"),
        exclusive=True,
    )

    def __init__(self, settings: ImapSettings, world: World) -> None:
        super().__init__(settings, world)
        self._settings = settings
        self._world = world
        self._token = AccessToken(settings, world)
        self._tls: ssl.SSLContext | None = None
        self.readers = tuple(
            FolderReader(name, settings, world, self._connected, self.placed)
            for name in settings.folders
        )

    @classmethod
    def from_account(cls, settings: ImapSettings, world: World) -> Self:
        """Raises SettingsError when an address or a number makes no sense."""
        check(settings)
        return cls(settings, world)

    async def serve(self, sink: Sink, ready: Callable[[str], None]) -> None:
        """Follow every folder until cancelled. A server that is away is no reason not to start.

        Raises SettingsError when `ca_file` cannot be read.
        """
        await self._context()
        ready(f"{self._settings.host}:{self._settings.port}")
        await asyncio.gather(*(self._supervise(reader, sink) for reader in self.readers))

    async def _supervise(self, reader: FolderReader, sink: Sink) -> None:
        """Whatever ends a connection, there is a next one, after a pause that grows."""
        failures = 0
        while True:
            rounds = reader.rounds
            try:
                await reader.follow(sink)
            except Exception as error:  # noqa: BLE001 - a folder that nobody reads is lost mail
                failures = 1 if reader.rounds > rounds else failures + 1
                reader.trouble = _why(error)
                self._world.log.warning(
                    "imap.interrupted", folder=reader.name, why=reader.trouble, failures=failures
                )
                if isinstance(error, Refused) and error.command == "AUTHENTICATE":
                    self._token.forget()
            await asyncio.sleep(pause(failures))

    # ------------------------------------------------------------ one connection

    async def _context(self) -> ssl.SSLContext | None:
        settings = self._settings
        if settings.security == "none":
            return None
        if self._tls is None:
            try:
                self._tls = await asyncio.to_thread(
                    ssl.create_default_context, cafile=settings.ca_file or None
                )
            except OSError as error:
                raise SettingsError(f"cannot be read: {error.strerror}", key="ca_file") from error
        return self._tls

    async def _connected(self) -> ImapClient:
        settings = self._settings
        client = await ImapClient.connect(
            settings.host, settings.port, settings.security, await self._context(), settings.timeout
        )
        try:
            if settings.oauth:
                await client.xoauth2(settings.login, await self._token.get())
            else:
                await client.login(settings.login, settings.password)
            await client.introduce(_OURSELVES)
        except BaseException:
            client.drop()
            raise
        return client

    # ------------------------------------------------------------ health

    async def health(self) -> Health:
        """Sign in and compare every folder with what was stored; then try the way out."""
        found: list[str] = []
        well = True
        try:
            client = await self._connected()
        except (ImapError, OSError) as error:
            return Health(ok=False, detail=f"IMAP: {_why(error)}")
        try:
            for reader in self.readers:
                ok, words = await self._look(client, reader)
                well = well and ok
                found.append(words)
        except (ImapError, OSError) as error:
            return Health(ok=False, detail=f"IMAP: {_why(error)}")
        finally:
            await client.logout()
        out = await super().health()
        found.append(f"SMTP: {out.detail}")
        return Health(ok=well and out.ok, detail="; ".join(found))

    async def _look(self, client: ImapClient, reader: FolderReader) -> tuple[bool, str]:
        found = await client.open(reader.name, write=False)
        place = await reader.place()
        name = reader.name
        if reader.trouble:
            return False, f"{name}: not followed: {reader.trouble}"
        if place is None:
            return False, f"{name}: never read"
        if place.validity != found.validity:
            return False, f"{name}: renumbered by the server, not read again yet"
        there = await client.search("UID", f"{place.first}:*")
        waiting = sum(uid > place.uid for uid in there)
        stored = sum(place.first <= uid <= place.uid for uid in there)
        if waiting:
            return False, f"{name}: {waiting} mails wait at the server"
        if stored > place.taken and not place.again_below:
            return False, f"{name}: {stored} mails at the server, {place.taken} stored"
        hours = (self._world.clock.now() - place.last_mail) / 3600
        if self._settings.quiet_hours and place.last_mail and hours >= self._settings.quiet_hours:
            return False, f"{name}: no mail for {hours:.0f} hours"
        return True, f"{name}: {place.taken} mails stored, none waits"


def pause(failures: int) -> float:
    """Seconds before the next connection: twice as long each time, and never for all accounts at
    once."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(max(failures - 1, 0), 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load


def _why(error: BaseException) -> str:
    """One line for a person."""
    if isinstance(error, ssl.SSLError):
        return f"no secure connection: {error.reason or 'certificate refused'}"
    if isinstance(error, ImapError | GatewayError):
        return str(error)
    if isinstance(error, OSError):
        return f"no connection: {error.strerror or type(error).__name__}"
    return type(error).__name__
