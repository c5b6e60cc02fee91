"""Reads the JSON Web Token by which an app says who its user is (RFC 7519; signatures: RFC 7515 and 7518).

Only what is needed: the compact form, HS256 and RS256. Which algorithm counts follows from the keys of
the account and never from the token, so that a public key is nobody's HMAC secret.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from channels._chat_tokens import LONGEST, Identity, checked
from channels._signing import LiveSecrets, digest
from gateway.domain.errors import BadSignature

#: Seconds by which clocks may differ.
LEEWAY = 60.0
#: Seconds a token may be good for: it is exchanged at once, and what lies about longer gets stolen.
LONGEST_LIFE = 86_400.0
#: RFC 7518 §3.3: a key of at least 2048 bits.
SMALLEST_KEY = 2048


def public_key(pem: str) -> RSAPublicKey:
    """The key. Raises ValueError for anything but an RSA public key of 2048 bits or more in PEM."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        msg = "is no public key in PEM"
        raise ValueError(msg) from error
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        msg = f"is no RSA key of at least {SMALLEST_KEY} bits"
        raise ValueError(msg)
    return key


@dataclass(frozen=True, slots=True)
class Jwt:
    """The tokens of one app.

    Args:
        secrets: for HS256.
        keys: for RS256; where there are any, HS256 does not count.
        audience: what `aud` has to be, or to hold.
    """

    secrets: LiveSecrets
    keys: Sequence[RSAPublicKey]
    audience: str

    def identity(self, token: str, now: float) -> Identity:
        """Who `sub` is. Raises `BadSignature` with the reason, and no part of the token."""
        parts = token.split(".")
        if len(token) > LONGEST or len(parts) != 3:
            raise BadSignature("this is no JWT in its compact form")
        signed = f"{parts[0]}.{parts[1]}".encode("utf-8", "replace")
        header, signature = _object(parts[0]), _decoded(parts[2])
        wanted = "RS256" if self.keys else "HS256"
        if header.get("alg") != wanted or "crit" in header:
            raise BadSignature(f"the JWT is not signed with {wanted}")
        fits = self._rsa(signed, signature) if self.keys else self._hmac(signed, signature)
        if not fits:
            raise BadSignature("the signature does not fit the JWT")
        return self._claims(_object(parts[1]), now)

    def _hmac(self, signed: bytes, signature: bytes) -> bool:
        return bool(self.secrets.matching([signature], lambda key: (digest(key, signed),)))

    def _rsa(self, signed: bytes, signature: bytes) -> bool:
        for key in self.keys:
            try:
                key.verify(signature, signed, PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return True
        return False

    def _claims(self, claims: dict[str, Any], now: float) -> Identity:
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not _is_time(expires) or not _is_time(begins):
            raise BadSignature("the JWT does not say when it expires (exp)")
        if now >= expires + LEEWAY or now < begins - LEEWAY:
            raise BadSignature("the JWT is not good now (exp, nbf)")
        if expires - now > LONGEST_LIFE + LEEWAY:
            raise BadSignature("the JWT is good for more than a day (exp)")
        audience = claims.get("aud")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise BadSignature("the JWT is not for this chat (aud)")
        user_id, name = claims.get("sub"), claims.get("name", "")
        if not isinstance(user_id, str) or not isinstance(name, str):
            raise BadSignature("the JWT does not say who the user is (sub)")
        return checked(user_id, name)


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError) as error:
        raise BadSignature("a part of the JWT is no JSON") from error
    if not isinstance(found, dict):
        raise BadSignature("a part of the JWT is no JSON object")
    return found


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature("a part of the JWT is not base64url") from error
