"""What every signed webhook needs: two live secrets, comparison in constant time, a time window."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

Digest = Literal["sha1", "sha256"]


def digest(key: bytes, data: bytes, algorithm: Digest = "sha256") -> bytes:
    """The HMAC of `data`; one call into OpenSSL, which is several times faster than `hmac.new`."""
    return hmac.digest(key, data, algorithm)


def as_bytes(header: str) -> bytes:
    """A header value for comparison. It may hold anything a stranger wrote, lone surrogates
    included; what cannot be encoded cannot be a signature and becomes a question mark."""
    return header.encode("utf-8", "replace")


def within(at: float, now: float, window: float) -> bool:
    """Whether `at` lies no further than `window` seconds from `now`, before or after."""
    return abs(now - at) <= window


@dataclass(frozen=True, slots=True)
class LiveSecrets:
    """The secrets that are valid now, by name. An empty secret is never one of them: anybody can
    sign with nothing."""

    keys: tuple[tuple[str, bytes], ...]

    @classmethod
    def rotating(cls, current: str, previous: str = "") -> Self:
        """The secret in use and, while senders are being changed over, the one before it."""
        return cls.named({"current": current, "previous": previous})

    @classmethod
    def named(cls, secrets: Mapping[str, str]) -> Self:
        """Secrets under the names by which the provider refers to them."""
        return cls(tuple((name, text.encode()) for name, text in secrets.items() if text))

    def matching(self, given: Iterable[bytes], sign: Callable[[bytes], Iterable[bytes]]) -> str:
        """The name of the secret with which one of the signatures `given` was made, else ''.

        `sign` computes the valid signatures under one key. Every pair is compared, whatever was
        found before, so the time taken tells nothing.
        """
        found = ""
        candidates = tuple(given)
        for name, key in self.keys:
            for valid in sign(key):
                for candidate in candidates:
                    if hmac.compare_digest(valid, candidate) and not found:
                        found = name
        return found
