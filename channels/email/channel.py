"""The e-mail channel: one mailbox, in by its own listener, out through an SMTP server."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Self

from channels.email.compose import compose, own_message_id, recipient
from channels.email.listener import MailServer
from channels.email.outgoing import SmtpPool
from channels.email.settings import EmailSettings, check
from channels.email.tags import number_in, tagged, written_to
from gateway.domain.channel import Capabilities, Health, Outbound, RawMail, Sent, Sink
from gateway.domain.errors import DeliveryError, Failure, NotFound
from gateway.domain.world import World


class Email:
    """The channel of one mailbox: `Channel`, `Listener`, `Correspondent`, `Probe`, `Closable`."""

    kind: ClassVar[str] = "email"
    Settings: ClassVar[type[Any]] = EmailSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        address_space="email",
        text_limit=200_000,
        form="long",
        send_safety="blind",
        begins_itself=True,
        subject=True,
        media=True,
        receipts=True,
        threading="headers",
        secrets=("smtp_password",),
    )

    def __init__(self, settings: EmailSettings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._pool = SmtpPool(settings)

    @classmethod
    def from_account(cls, settings: EmailSettings, world: World) -> Self:
        """Raises SettingsError when an address or a number makes no sense."""
        check(settings)
        return cls(settings, world)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of this mailbox; mail from one of them is our own."""
        return (self._settings.address, *self._settings.aliases)

    @property
    def loop_mark(self) -> str:
        """What our automatic mail carries in X-Gateway-Loop."""
        return self._world.sign("loop", self._world.account_id)

    async def serve(self, sink: Sink, ready: Callable[[str], None]) -> None:
        """Take mail until cancelled; without a listener, wait for that."""
        if not self._settings.listen:
            ready("")
            await asyncio.Event().wait()
        await MailServer(self._settings, self._world, sink, self.placed).run(ready)

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message. `Sent.external_id` is its Message-ID in angle brackets."""
        to = recipient(outbound)
        data = compose(
            outbound,
            self._settings,
            await self._files(outbound),
            loop_mark=self.loop_mark,
            answers_to=self._answers_to(outbound.number),
            now=self._world.clock.now(),
        )
        # Automatic mail comes from nobody, so that no other machine answers it (RFC 3834 §3.3).
        sender = "" if outbound.automatic else self._settings.address
        words = await self._pool.deliver(sender, to, data, outbound.begin)
        message_id = own_message_id(outbound, self._settings)
        return Sent(message_id, self._world.clock.now(), detail=words)

    async def health(self) -> Health:
        """Connect, sign in, and ask for nothing."""
        try:
            words = await self._pool.noop()
        except DeliveryError as error:
            return Health(ok=False, detail=error.detail)
        return Health(ok=True, detail=words)

    async def close(self) -> None:
        """End the connections to the server."""
        await self._pool.close()

    def placed(self, mail: RawMail) -> RawMail:
        """The mail with what only this account knows of it: the inquiry its reply address was made
        for, and whose word on its sender counts."""
        token = ""
        if self._settings.plus_addresses:
            sign = self._world.sign
            # A mailbox that is read, not delivered to, often has no envelope with the tag in it.
            token = number_in(mail.recipients, sign) or number_in(written_to(mail.data), sign)
        return replace(mail, token=token, trusted_authserv=self._settings.trusted_authserv)

    def _answers_to(self, number: str) -> str:
        if not self._settings.plus_addresses:
            return ""
        return tagged(self._settings.address, number, self._world.sign)

    async def _files(self, outbound: Outbound) -> list[bytes]:
        files = []
        for attachment in outbound.attachments:
            if attachment.data is not None:
                files.append(attachment.data)
                continue
            try:
                files.append(await self._world.read_blob(attachment.blob))
            except NotFound as error:
                msg = "an attachment is no longer stored"
                raise DeliveryError(Failure.REJECTED, msg) from error
        return files
