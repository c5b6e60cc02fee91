"""The settings of an SMS account at Twilio."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from channels._secret import secret_field


@dataclass(frozen=True)
class SmsSettings:
    """One Twilio account and the number or messaging service it sends from."""

    account_sid: str = field(
        metadata={
            "help": "Account SID from the Twilio console",
            "example": "AC00000000000000000000000000000001",
        }
    )
    auth_token: str = field(
        repr=False,
        metadata={
            "help": "Primary auth token: signs webhooks, and signs in to the API without an API key",
            "example": "env:TWILIO_AUTH_TOKEN",
            "secret": True,
        },
    )
    auth_token_previous: str = secret_field(
        "The auth token before it, accepted on webhooks while tokens are rotated",
        "env:TWILIO_AUTH_TOKEN_OLD",
    )
    shared_keys: Mapping[str, str] = field(
        repr=False,
        default_factory=dict,
        metadata={
            "help": "SharedKey webhook secrets by key id; name the old and the new one to rotate",
            "example": {"webhooks_sharedkey_01": "env:TWILIO_SHARED_KEY"},
            "secret": True,
        },
    )
    from_number: str = field(
        default="",
        metadata={
            "help": "Number to send from when the customer wrote to none of ours, in E.164",
            "example": "+14155550100",
        },
    )
    messaging_service_sid: str = field(
        default="",
        metadata={
            "help": "Messaging service to send from, instead of from_number",
            "example": "MG00000000000000000000000000000001",
        },
    )
    api_key: str = field(
        default="",
        metadata={
            "help": "API key SID for sending, so that the auth token need not be used for it",
            "example": "SK00000000000000000000000000000001",
        },
    )
    api_secret: str = secret_field("Secret of the API key", "env:TWILIO_API_SECRET")
    base_url: str = field(
        default="https://api.twilio.com",
        metadata={
            "help": "Address of the REST API: a region's, or a simulator's",
            "example": "https://api.dublin.ie1.twilio.com",
        },
    )
    public_url: str = field(
        default="",
        metadata={
            "help": "Address under which Twilio reaches us, where it is not the gateway's public_url",
            "example": "https://sms.pay.example",
        },
    )
    status_callback: bool = field(
        default=True,
        metadata={"help": "Ask Twilio to report delivery to us", "example": True},
    )
    reconcile_seconds: float = field(
        default=300.0,
        metadata={
            "help": "How often Twilio's list is compared with what came by webhook; 0: never",
            "example": 300.0,
        },
    )
    numbers: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Our numbers whose lists are compared, where they are not from_number alone",
            "example": ["+14155550100", "+14155550101"],
        },
    )
    opt_out_words: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Words by which our messages tell customers to opt out, beside STOP, TD, T, 退订 …",
            "example": ["N"],
        },
    )
