"""E-mail: an SMTP or LMTP listener for what comes in, an SMTP client for what goes out.

docs/channels/email.md says how to set a mailbox up behind an MTA and what each failure leads to.
"""

from channels.email.channel import Email
from channels.email.settings import EmailSettings

__all__ = ["Email", "EmailSettings"]
