"""A mailbox on somebody else's server: mail is read by IMAP, answers go out by SMTP.

docs/channels/imap.md says how to set one up and what is kept of where we are.
"""

from channels.imap.channel import ImapMailbox
from channels.imap.settings import ImapSettings

__all__ = ["ImapMailbox", "ImapSettings"]
