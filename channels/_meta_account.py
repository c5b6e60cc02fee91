"""What every account at Meta needs: the app's secrets, a token, and where the Graph API is."""

from dataclasses import dataclass, field
from typing import Any

from channels._secret import secret_field
from gateway.domain.channel import Outbound
from gateway.domain.errors import DeliveryError, Failure, SettingsError
from gateway.domain.splitting import TextLimit

#: The names of the settings below that are secret.
SECRETS = ("app_secret", "app_secret_previous", "verify_token", "access_token")


@dataclass(frozen=True, kw_only=True)
class MetaSettings:
    """The part that WhatsApp, Messenger and Instagram share."""

    app_secret: str = field(
        repr=False,
        metadata={
            "help": "App secret, from the app's basic settings; signs webhooks",
            "example": "env:META_APP_SECRET",
            "secret": True,
        },
    )
    verify_token: str = field(
        repr=False,
        metadata={
            "help": "A word of your own choice that Meta is given with the webhook's address",
            "example": "env:META_VERIFY_TOKEN",
            "secret": True,
        },
    )
    access_token: str = field(
        repr=False,
        metadata={
            "help": "Access token for sending, one that does not expire",
            "example": "env:META_ACCESS_TOKEN",
            "secret": True,
        },
    )
    app_secret_previous: str = secret_field(
        "The app secret before it, accepted on webhooks while secrets are rotated",
        "env:META_APP_SECRET_OLD",
    )
    api_version: str = field(
        default="v25.0",
        metadata={"help": "Version of the Graph API", "example": "v25.0"},
    )
    base_url: str = field(
        default="https://graph.facebook.com",
        metadata={
            "help": "Address of the Graph API, or of a simulator",
            "example": "https://graph.facebook.com",
        },
    )


def require(settings: Any, at: str, *names: str) -> None:
    """Raises `SettingsError` for the first of these that is empty.

    Args:
        settings: the account's.
        at: the key of the account in the settings file.
        names: of fields that must be filled, besides those that every account at Meta needs.
    """
    for name in (*names, "app_secret", "verify_token", "access_token"):
        if not getattr(settings, name):
            raise SettingsError("must not be empty", key=f"{at}.{name}")


def sendable(outbound: Outbound, limit: TextLimit, name: str) -> str:
    """The text, if it fits and nothing is attached. Raises `DeliveryError`."""
    length = limit.measure(outbound.text)
    if length > limit.size:
        unit = "bytes" if limit.unit == "bytes" else "UTF-16 units"
        why = f"{length} {unit}, a message takes {limit.size}"
        raise DeliveryError(Failure.REJECTED, why)
    if outbound.attachments:
        raise DeliveryError(Failure.REJECTED, f"attachments cannot be sent to {name} yet")
    return outbound.text
