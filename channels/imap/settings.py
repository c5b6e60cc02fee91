"""The settings of a mailbox that is read by IMAP, and what is checked before it is used."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from channels._mail_account import MailAccount
from channels._secret import secret_field
from gateway.domain.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class ImapSettings(MailAccount):
    """One mailbox: the IMAP server its mail lies on, and the SMTP server its answers go out through."""

    host: str = field(
        metadata={"help": "IMAP server", "example": "imap.pay.example"},
    )
    port: int = field(
        default=993,
        metadata={"help": "Its port: 993 with tls, 143 with starttls", "example": 993},
    )
    security: Literal["tls", "starttls", "none"] = field(
        default="tls",
        metadata={"help": "Encryption to it; none only on the same machine", "example": "tls"},
    )
    ca_file: str = field(
        default="",
        metadata={
            "help": "PEM file of the authority that signed its certificate, where it is a private one",
            "example": "/etc/gateway/mail-ca.pem",
        },
    )
    user: str = field(
        default="",
        metadata={"help": "Login name; empty: the address", "example": "support@pay.example"},
    )
    password: str = secret_field(
        "Password, or the authorisation code of QQ and NetEase; empty with OAuth",
        "env:IMAP_PASSWORD",
    )
    access_token: str = secret_field(
        "OAuth access token (XOAUTH2), where something else keeps it fresh", "env:IMAP_ACCESS_TOKEN"
    )
    refresh_token: str = secret_field(
        "OAuth refresh token, from which access tokens are made at token_url",
        "env:IMAP_REFRESH_TOKEN",
    )
    token_url: str = field(
        default="",
        metadata={
            "help": "Token endpoint of the provider",
            "example": "https://oauth2.googleapis.com/token",
        },
    )
    client_id: str = field(
        default="",
        metadata={"help": "Client id for the token endpoint", "example": "gateway-client"},
    )
    client_secret: str = secret_field(
        "Client secret for the token endpoint, where it wants one", "env:IMAP_CLIENT_SECRET"
    )
    folders: tuple[str, ...] = field(
        default=("INBOX",),
        metadata={"help": "Folders to read; each has a connection", "example": ["INBOX", "Spam"]},
    )
    take_existing: bool = field(
        default=False,
        metadata={
            "help": "At the very first start, take the mails that are already there as well",
            "example": False,
        },
    )
    move_to: str = field(
        default="",
        metadata={
            "help": "Folder into which a mail is moved once it is stored; empty: it stays",
            "example": "Gateway",
        },
    )
    poll_seconds: float = field(
        default=120.0,
        metadata={
            "help": "Seconds after which a folder is looked at even if the server announced nothing",
            "example": 120.0,
        },
    )
    timeout: float = field(
        default=30.0,
        metadata={"help": "Seconds to wait for each answer of the server", "example": 30.0},
    )
    quiet_hours: float = field(
        default=0.0,
        metadata={
            "help": "Hours without any mail after which the mailbox counts as unwell; 0: never",
            "example": 12.0,
        },
    )

    @property
    def login(self) -> str:
        """The name to sign in with."""
        return self.user or self.address

    @property
    def oauth(self) -> bool:
        """Whether a token takes the place of a password."""
        return bool(self.access_token or self.refresh_token)


def check(settings: ImapSettings) -> None:
    """Raises SettingsError for what types alone cannot catch."""
    if not settings.host:
        raise SettingsError("is empty", key="host")
    if not 0 < settings.port < 65536:
        raise SettingsError("must be between 1 and 65535", key="port")
    if settings.security == "none" and not _is_here(settings.host):
        msg = "would send the password in the clear; use tls or starttls"
        raise SettingsError(msg, key="security")
    if settings.password and settings.oauth:
        raise SettingsError("stands beside an OAuth token; give one of them", key="password")
    if not settings.password and not settings.oauth:
        raise SettingsError("is empty, and there is no OAuth token", key="password")
    if bool(settings.refresh_token) != bool(settings.token_url):
        raise SettingsError("and refresh_token are needed together", key="token_url")
    if settings.token_url and not settings.token_url.startswith(("https://", "http://")):
        raise SettingsError("is no http address", key="token_url")
    if not settings.folders or not all(settings.folders):
        raise SettingsError("names no folder", key="folders")
    if settings.move_to in settings.folders:
        raise SettingsError("is one of the folders that are read", key="move_to")
    for key in ("poll_seconds", "timeout"):
        if getattr(settings, key) <= 0:
            raise SettingsError("must be more than 0", key=key)
    if settings.quiet_hours < 0:
        raise SettingsError("must not be negative", key="quiet_hours")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
