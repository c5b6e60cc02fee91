"""What an installation takes out beyond the secrets that nobody may keep, and how strict it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Chosen once for an installation (`[privacy]` in gateway.toml)."""

    phones: bool = False
    """Telephone numbers of people become `[phone]`; hotlines stay."""
    mail_addresses: bool = False
    """Mail addresses in texts become `[mail]`; where an answer goes stays."""
    lone_codes: bool = True
    """A message that is nothing but six digits is a one-time code."""


STANDARD = Policy()
