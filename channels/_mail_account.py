"""What every kind of mail account shares beyond its way in: who it is, and how its answers go out.

The sending half is the e-mail channel's own, taken by composition: one code writes letters, sends them
by SMTP, and says what each answer of a server means.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from channels.email import Email, EmailSettings
from channels.email.settings import check as check_email
from gateway.domain.channel import Capabilities, Health, Outbound, RawMail, Sent
from gateway.domain.world import World

#: Bytes of a mail's beginning in which its envelope is looked for; servers write it at the very top.
_HEAD = 64 * 1024
#: RFC 5321 §4.5.3.1.3: a path has at most 256 bytes.
_ADDRESS = rb"[^\s<>@,;:\"()]{1,64}@[^\s<>@,;:\"()]{1,255}"
_RETURN_PATH = re.compile(
    rb"^return-path:[ \t]*<?(" + _ADDRESS + rb")?>?", re.IGNORECASE | re.MULTILINE
)
_DELIVERED = re.compile(
    rb"^(?:delivered-to|x-original-to|envelope-to|x-envelope-to):[ \t]*<?(" + _ADDRESS + rb")",
    re.IGNORECASE | re.MULTILINE,
)
_FROM = re.compile(rb"^from:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_ANGLED = re.compile(rb"<(" + _ADDRESS + rb")>|(" + _ADDRESS + rb")")


def _same(name: str) -> Any:
    """A setting of the e-mail channel under the same name, with its help and default."""
    one = EmailSettings.__dataclass_fields__[name]
    return field(
        default=one.default, metadata=one.metadata, repr=not one.metadata.get("secret", False)
    )


@dataclass(frozen=True, kw_only=True)
class MailAccount:
    """Whose mailbox it is, and the server its answers go out through."""

    address: str = _same("address")
    aliases: tuple[str, ...] = _same("aliases")
    from_name: str = _same("from_name")
    from_name_zh: str = _same("from_name_zh")
    plus_addresses: bool = _same("plus_addresses")
    trusted_authserv: tuple[str, ...] = _same("trusted_authserv")
    max_size: int = _same("max_size")
    smtp_host: str = _same("smtp_host")
    smtp_port: int = _same("smtp_port")
    smtp_tls: Literal["none", "starttls", "tls"] = _same("smtp_tls")
    smtp_user: str = _same("smtp_user")
    smtp_password: str = _same("smtp_password")
    smtp_connections: int = _same("smtp_connections")
    smtp_timeout: float = _same("smtp_timeout")
    helo_name: str = _same("helo_name")

    def sending(self) -> EmailSettings:
        """The same mailbox as the e-mail channel knows it, without a listener of its own.

        Raises SettingsError for what types alone cannot catch.
        """
        names = list(MailAccount.__dataclass_fields__)
        settings = EmailSettings(listen="", **{name: getattr(self, name) for name in names})
        check_email(settings)
        return settings


def mail_capabilities(*secrets: str) -> Capabilities:
    """What the e-mail channel can do; `secrets` are the settings beside the SMTP password."""
    return replace(Email.capabilities, secrets=(*Email.capabilities.secrets, *secrets))


class MailSender:
    """The way out of a mail account: `Channel.send`, `Correspondent`, `Closable`, half of `Probe`."""

    def __init__(self, settings: MailAccount, world: World) -> None:
        """Raises SettingsError."""
        self._mail = Email(settings.sending(), world)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of this mailbox; mail from one of them is our own."""
        return self._mail.addresses

    @property
    def loop_mark(self) -> str:
        """What our automatic mail carries."""
        return self._mail.loop_mark

    def placed(self, mail: RawMail) -> RawMail:
        """The mail with what only this account knows of it (`Email.placed`)."""
        return self._mail.placed(mail)

    async def send(self, outbound: Outbound) -> Sent:
        """Send one message by SMTP. `Sent.external_id` is its Message-ID in angle brackets."""
        return await self._mail.send(outbound)

    async def health(self) -> Health:
        """Whether answers can go out."""
        return await self._mail.health()

    async def close(self) -> None:
        """End the connections to the SMTP server."""
        await self._mail.close()


def delivered_mail(data: bytes, account: MailAccount, received_at: float) -> RawMail:
    """A mail out of a mailbox, where no envelope comes with it.

    The delivering server writes the envelope into the first lines: Return-Path, and Delivered-To or
    one of its kin. A recipient counts only when it is an address of this account (a tag is kept):
    anybody can write such lines.
    """
    end = re.search(rb"\r?\n\r?\n", data[:_HEAD])
    head = data[: end.start() if end else _HEAD]
    path = _RETURN_PATH.search(head)
    sender = path[1] or b"" if path else _from(head)
    own = {_untagged(address) for address in (account.address, *account.aliases)}
    named = (text(found) for found in _DELIVERED.findall(head))
    recipient = next((name for name in named if _untagged(name) in own), account.address)
    return RawMail(data, text(sender), (recipient,), received_at)


def text(address: bytes) -> str:
    """Bytes of a header as text that every database takes."""
    return address.decode("utf-8", "replace")


def _from(head: bytes) -> bytes:
    """The author, where no Return-Path says who sent it: nobody would mean a bounce."""
    line = _FROM.search(head)
    found = _ANGLED.findall(line[1]) if line else []
    angled = next((inner for inner, _ in found if inner), b"")
    return angled or next((bare for _, bare in found), b"unknown@invalid")


def _untagged(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}".lower()
