"""Calls that are signed over time, nonce and body, in both directions: the way of the gateways of
carriers and operators in mainland China, as a neutral protocol of our own.

Three headers: `X-Timestamp` (seconds since 1970), `X-Nonce` (8 to 64 of A-Z a-z 0-9 _ -, another one for
each call) and `X-Signature`: HMAC-SHA256, in hexadecimal, over the time, a line feed, the nonce, a line feed
and the bytes of the body.
"""

import re

from channels._signing import LiveSecrets, as_bytes, digest, within
from gateway.domain.channel import HttpRequest, Verified
from gateway.domain.errors import BadSignature

TIMESTAMP, NONCE, SIGNATURE = "X-Timestamp", "X-Nonce", "X-Signature"
#: Seconds a signature is good for, before and after. Within them a repeated call brings the same ids, and
#: is the same events: nonces need not be remembered.
WINDOW = 300.0
_SCHEME = "timestamp-nonce-hmac-sha256"
#: Twelve digits reach past the year 30000 and keep int() cheap.
_STAMP = re.compile(r"[0-9]{1,12}").fullmatch
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}").fullmatch


def signed(secret: bytes, body: bytes, at: float, nonce: str) -> dict[str, str]:
    """The headers of a call of ours."""
    stamp = str(int(at))
    return {TIMESTAMP: stamp, NONCE: nonce, SIGNATURE: _mac(secret, stamp, nonce, body).decode()}


def verify(request: HttpRequest, secrets: LiveSecrets) -> Verified:
    """Check a call of theirs, over the raw bytes. Raises `BadSignature`."""
    stamp, nonce, given = (
        request.headers.get(name.lower(), "") for name in (TIMESTAMP, NONCE, SIGNATURE)
    )
    if not _STAMP(stamp):
        raise BadSignature(f"no time in {TIMESTAMP}" if stamp else f"no {TIMESTAMP}")
    if not _NONCE(nonce):
        raise BadSignature(f"{NONCE} is none" if nonce else f"no {NONCE}")
    if not within(int(stamp), request.received_at, WINDOW):
        raise BadSignature(f"{TIMESTAMP} is more than {WINDOW:.0f} s away")
    name = secrets.matching(
        [as_bytes(given)], lambda secret: (_mac(secret, stamp, nonce, request.body),)
    )
    if not name:
        raise BadSignature(f"{SIGNATURE} does not fit the call" if given else f"no {SIGNATURE}")
    return Verified(_SCHEME, name)


def _mac(secret: bytes, stamp: str, nonce: str, body: bytes) -> bytes:
    return digest(secret, f"{stamp}\n{nonce}\n".encode() + body).hex().encode()
