"""The last look at a message before anything can go out: what it names has to be the brand's own."""

from dataclasses import replace

from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.channel import Outbound


def vetted(message: Outbound, allowed: Allowed) -> tuple[Outbound, str]:
    """The message as it may go out, and why it may not; '' when it may.

    An automatic reply repeats the customer's subject, and a From line can be forged: a subject that
    names a stranger's number or link is left out, or we would carry it to somebody else.
    """
    why = refusal(message.text, allowed, message.to)
    theirs = str(message.reply_to.get("subject") or "")
    if message.automatic and refusal(f"{message.subject}\n{theirs}", allowed, message.to):
        message = replace(message, subject="", reply_to={**message.reply_to, "subject": ""})
    return message, why
