"""Telephone numbers and mail addresses: no secrets, but an installation may not want to keep them."""

import re
from collections.abc import Iterator

from gateway.intake.redact.policy import Policy
from gateway.intake.redact.sheet import PLACEHOLDERS, Find

_PHONE = re.compile(
    r"(?<![0-9A-Za-z_.-])(?:"
    r"(?:(?:\+|00)86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}|"  # mobile numbers of China
    r"\+[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}|"  # E.164, as people group it
    r"\(?0[1-9][0-9]{1,2}\)?[ -]?[1-9][0-9]{6,7}"  # area code and subscriber
    r")(?![0-9A-Za-z_]|[-.][0-9])"
)
"""Not 400 and 800 numbers, 95xxx, 12315 and the like: those are companies'."""
_MAIL = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}[A-Za-z0-9]{0,64}"
)
_FEWEST, _MOST = 7, 15
"""Digits of an international number (ITU-T E.164: 15 at most)."""


def find(sheet: str, policy: Policy) -> list[Find]:
    """What this policy takes out, in order."""
    return sorted(_finds(sheet, policy))


def _finds(sheet: str, policy: Policy) -> Iterator[Find]:
    if policy.phones:
        for match in _PHONE.finditer(sheet):
            if _FEWEST <= sum(char.isdigit() for char in match[0]) <= _MOST:
                yield Find(*match.span(), "phone", PLACEHOLDERS["phone"])
    if policy.mail_addresses and "@" in sheet:
        for match in _MAIL.finditer(sheet):
            yield Find(*match.span(), "mail", PLACEHOLDERS["mail"])
