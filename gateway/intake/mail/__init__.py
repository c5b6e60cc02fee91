"""Mail reading: bytes in, what a person wrote and what kind of mail it is out."""

from gateway.intake.mail.bounce import Bounce
from gateway.intake.mail.reading import (
    Mail,
    bounce_json,
    read_mail,
    reply_address,
    to_event,
    without_envelope,
)

__all__ = [
    "Bounce",
    "Mail",
    "bounce_json",
    "read_mail",
    "reply_address",
    "to_event",
    "without_envelope",
]
