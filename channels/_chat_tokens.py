"""Who calls: tokens that we sign for a visitor, and identities that the app signs for its user."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from channels._signing import LiveSecrets, as_bytes, digest, within
from gateway.domain.errors import BadSignature

#: Handles of visitors who did not say who they are; no user id may begin like that.
VISITOR = "visitor:"
#: Seconds that an app's signature is good for, before and after: a token is made from it at once.
IDENTITY_WINDOW = 300.0
#: Characters of a token or an identity; longer ones are not looked at.
LONGEST = 4096
_PURPOSE = "chat.token"
_USER_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}").fullmatch
#: JSON can write half of a surrogate pair, UTF-8 cannot.
_HALF = re.compile("[\ud800-\udfff]").search
_STAMP = re.compile(r"[0-9]{1,12}").fullmatch


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a token was made for. Times in whole seconds since 1970."""

    handle: str
    verified: bool
    expires: int
    until: int
    """It cannot be renewed beyond this."""
    name: str = ""
    before: str = ""
    """The handle that the same device had before its user signed in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user whom the app vouches for."""

    user_id: str
    name: str = ""


class Tokens:
    """Signs and reads tokens of one account; they are stored nowhere.

    Args:
        sign: (purpose, text) → signature with the installation key.
        account: the only one at which they are good.
    """

    def __init__(self, sign: Callable[[str, str], str], account: str) -> None:
        self._sign = sign
        self._account = account

    def issue(self, visitor: Visitor) -> str:
        """The token."""
        values = [
            visitor.handle, int(visitor.verified), visitor.expires, visitor.until,
            visitor.name, visitor.before,
        ]  # fmt: skip
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        body = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"{body}.{self._signature(body)}"

    def read(self, token: str, now: float) -> Visitor:
        """Whose it is. Raises `BadSignature` when it is forged, another account's, or over."""
        body, _, given = token.rpartition(".")
        if len(token) > LONGEST or not body or not body.isascii():
            raise BadSignature("this is no token of this chat")
        if not hmac.compare_digest(as_bytes(self._signature(body)), as_bytes(given)):
            raise BadSignature("this is no token of this chat")
        # Ours, so it has the form that `issue` gave it.
        handle, verified, expires, until, name, before = json.loads(_decoded(body))
        if now >= expires:
            raise BadSignature("the token has expired")
        return Visitor(handle, bool(verified), expires, until, name, before)

    def _signature(self, body: str) -> str:
        return self._sign(_PURPOSE, f"{self._account}.{body}")


def signed_text(account: str, at: str, user_id: str, name: str) -> bytes:
    """What the app signs: four lines. A line break within one of them would make two of it."""
    return f"{account}\n{at}\n{user_id}\n{name}".encode()


def vouched(
    secrets: LiveSecrets, account: str, at: str, user_id: str, name: str, signature: str, now: float
) -> Identity:
    """The identity that an app's HMAC-SHA256 vouches for.

    Args:
        secrets: the account's, current and previous.
        account: the account's id; part of what is signed.
        at: seconds since 1970 at which it was signed, as it was written.
        user_id: the app's id of the user.
        name: how to call the user, may be empty.
        signature: 64 hexadecimal digits.
        now: of our clock.

    Raises:
        BadSignature: it does not prove who the user is.
    """
    if not _STAMP(at) or not within(int(at), now, IDENTITY_WINDOW):
        raise BadSignature(f"the identity's time is more than {IDENTITY_WINDOW:.0f} s away")
    identity = checked(user_id, name)
    text = signed_text(account, at, user_id, name)
    given = as_bytes(signature.lower())
    if not secrets.matching([given], lambda key: (digest(key, text).hex().encode(),)):
        raise BadSignature("the signature does not fit the identity")
    return identity


def checked(user_id: str, name: str) -> Identity:
    """An identity, if its id can be a handle. Raises `BadSignature`."""
    if _HALF(user_id + name):
        raise BadSignature("the identity holds half of a character")
    if not _USER_ID(user_id) or user_id.startswith(VISITOR):
        raise BadSignature(
            f"a user id has 1 to 128 characters without spaces and does not begin with {VISITOR!r}"
        )
    if len(name) > 200 or "\n" in name:
        raise BadSignature("a name has one line of at most 200 characters")
    return Identity(user_id, name)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature("this is not base64url") from error
