"""The settings of one mailbox, and what is checked before it is used."""

import re
from dataclasses import dataclass, field
from typing import Literal

from channels._secret import secret_field
from gateway.domain.errors import SettingsError

MIB = 1024 * 1024
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\\\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\\\x00-\x1f\x7f]{1,255}")
_HOST_NAME = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")


@dataclass(frozen=True)
class EmailSettings:
    """One mailbox: where its mail comes in, and the server its answers go out through."""

    address: str = field(
        metadata={
            "help": "The mailbox customers write to; answers come from it",
            "example": "support@pay.example",
        }
    )
    aliases: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Other addresses of the same mailbox",
            "example": ["help@pay.example"],
        },
    )
    from_name: str = field(
        default="",
        metadata={"help": "Name beside the address in answers", "example": "PAY Support"},
    )
    from_name_zh: str = field(
        default="",
        metadata={"help": "The name in answers in Chinese; else from_name", "example": "PAY 客服"},
    )
    plus_addresses: bool = field(
        default=False,
        metadata={
            "help": "Answers ask for replies to address+tag@…, which find their inquiry; "
            "only where such mail reaches this mailbox",
            "example": True,
        },
    )
    trusted_authserv: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Names of your mail servers as they stand in Authentication-Results; "
            "without one every sender is only claimed",
            "example": ["mx.pay.example"],
        },
    )
    listen: str = field(
        default="127.0.0.1:2525",
        metadata={
            "help": "host:port of our own listener; empty: none",
            "example": "127.0.0.1:2525",
        },
    )
    protocol: Literal["smtp", "lmtp"] = field(
        default="smtp",
        metadata={
            "help": "What the listener speaks; lmtp behind Postfix or Exim",
            "example": "lmtp",
        },
    )
    max_size: int = field(
        default=35 * MIB,
        metadata={"help": "Bytes of the largest mail taken", "example": 35 * MIB},
    )
    max_sessions: int = field(
        default=100,
        metadata={"help": "Connections to the listener at once", "example": 100},
    )
    smtp_host: str = field(
        default="127.0.0.1",
        metadata={
            "help": "Server that takes our answers: the local MTA, or a provider's submission server",
            "example": "smtp.pay.example",
        },
    )
    smtp_port: int = field(
        default=25,
        metadata={"help": "Its port: 25, 465 with tls, 587 with starttls", "example": 587},
    )
    smtp_tls: Literal["none", "starttls", "tls"] = field(
        default="none",
        metadata={"help": "Encryption to it; none only on the same machine", "example": "starttls"},
    )
    smtp_user: str = field(
        default="",
        metadata={"help": "Login name, where it wants one", "example": "support@pay.example"},
    )
    smtp_password: str = secret_field(
        "Password, or the authorisation code of QQ and NetEase", "env:SMTP_PASSWORD"
    )
    smtp_connections: int = field(
        default=4, metadata={"help": "Connections to it at once", "example": 4}
    )
    smtp_timeout: float = field(
        default=30.0,
        metadata={
            "help": "Seconds to wait for each of its answers; five times that after the mail's end",
            "example": 30.0,
        },
    )
    helo_name: str = field(
        default="",
        metadata={
            "help": "How we name ourselves to it; empty: the domain of the address",
            "example": "gateway.pay.example",
        },
    )

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]


def check(settings: EmailSettings) -> None:
    """Raises SettingsError for what types alone cannot catch."""
    for key, addresses in (("address", (settings.address,)), ("aliases", settings.aliases)):
        for address in addresses:
            if not _ADDRESS.fullmatch(address):
                raise SettingsError(f"{address!r} is no mail address", key=key)
    if settings.listen:
        host_and_port(settings.listen)
    for key in ("max_size", "max_sessions", "smtp_connections", "smtp_timeout"):
        if getattr(settings, key) <= 0:
            raise SettingsError("must be more than 0", key=key)
    if not settings.smtp_host:
        raise SettingsError("is empty; without a server no answer can go out", key="smtp_host")
    if not 0 < settings.smtp_port < 65536:
        raise SettingsError("must be between 1 and 65535", key="smtp_port")
    if settings.smtp_password and not settings.smtp_user:
        raise SettingsError("is needed together with smtp_password", key="smtp_user")
    if settings.helo_name and not _HOST_NAME.fullmatch(settings.helo_name):
        raise SettingsError(f"{settings.helo_name!r} is no host name", key="helo_name")


def host_and_port(listen: str) -> tuple[str, int]:
    """`127.0.0.1:2525`, `[::1]:2525`, `:2525` (every address). Raises SettingsError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{listen!r} is not host:port, such as 127.0.0.1:2525", key="listen")
    return host.strip("[]"), int(port)
