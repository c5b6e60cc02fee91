"""Objects of the contract with sensible values, so that a test names only what it is about."""

from collections.abc import Mapping
from typing import Any

from gateway.domain.channel import HttpRequest, Outbound
from gateway.domain.model import Visibility
from gateway.testing.clock import NEW_YEAR


def outbound(**changes: Any) -> Outbound:
    """A private answer by the gateway to `+8613800138000`, with `changes` applied."""
    values: dict[str, Any] = {
        "id": "id0000000000000000000001",
        "to": "+8613800138000",
        "text": "Your request has been received.",
        "visibility": Visibility.PRIVATE,
        "automatic": True,
        "language": "en",
        "number": "R-1001",
        "created_at": NEW_YEAR,
    }
    return Outbound(**(values | changes))


def webhook(
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    url: str = "https://gateway.example/in/test/main",
    path: str = "",
    method: str = "POST",
    received_at: float = NEW_YEAR,
) -> HttpRequest:
    """A webhook call; header names are put into lower case, as the gateway does."""
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return HttpRequest(method, url, lower, body, received_at, path)
