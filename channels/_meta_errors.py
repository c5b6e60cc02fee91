"""What the answers of the Graph API mean, whatever is asked of it.

An answer names a code and often a subcode, which says more; the words beside them may change, and are read
only where the code says nothing (developers.facebook.com/docs/graph-api/guides/error-handling).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels._answer import json_object, retry_after
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.world import HttpResponse


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is next, and why."""

    failure: Failure
    reason: str
    pause: float | None = None
    """Seconds to wait, where the provider says so."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of one product, beside those of all."""

    name: str
    """Of the product, for a person."""
    codes: Mapping[int, Meaning] = field(default_factory=dict)
    subcodes: Mapping[int, Meaning] = field(default_factory=dict)

    def meaning(self, code: int | None, subcode: int | None = None) -> Meaning | None:
        """None for a code that nobody has described."""
        if subcode is not None and subcode in self.subcodes:
            return self.subcodes[subcode]
        if code is None:
            return None
        found = self.codes.get(code) or _GRAPH.get(code)
        if found is None and 200 <= code < 300:
            return Meaning(Failure.MISCONFIGURED, "a permission is missing or was taken away")
        return found


#: The same page; the 80000s: developers.facebook.com/docs/graph-api/overview/rate-limiting.
_GRAPH: dict[int, Meaning] = {
    # The one code that is known to come although the message went out.
    1: Meaning(Failure.UNKNOWN, "Meta does not say what went wrong"),
    2: Meaning(Failure.RETRY, "Meta's service is down for a moment"),
    0: Meaning(Failure.MISCONFIGURED, "the access token is refused"),
    3: Meaning(Failure.MISCONFIGURED, "the app may not do this"),
    10: Meaning(Failure.MISCONFIGURED, "the app lacks a permission"),
    102: Meaning(Failure.MISCONFIGURED, "the access token is refused"),
    190: Meaning(Failure.MISCONFIGURED, "the access token has expired or was revoked"),
    368: Meaning(Failure.MISCONFIGURED, "the account is blocked for a violation of the rules"),
    4: Meaning(Failure.THROTTLED, "too many calls of the app"),
    9: Meaning(Failure.THROTTLED, "too many calls for one person"),
    17: Meaning(Failure.THROTTLED, "too many calls of the account"),
    32: Meaning(Failure.THROTTLED, "too many calls of the page"),
    341: Meaning(Failure.THROTTLED, "too many calls of the app"),
    613: Meaning(Failure.THROTTLED, "too many calls of this kind"),
    80001: Meaning(Failure.THROTTLED, "too many calls of the page"),
    80002: Meaning(Failure.THROTTLED, "too many calls of the Instagram account"),
    80006: Meaning(Failure.THROTTLED, "too many calls of Messenger"),
    80007: Meaning(Failure.THROTTLED, "too many calls of the WhatsApp account"),
    506: Meaning(Failure.REJECTED, "the same was posted there right before"),
}
_STATUSES: dict[int, Failure] = {
    401: Failure.MISCONFIGURED,
    403: Failure.MISCONFIGURED,
    404: Failure.MISCONFIGURED,
    405: Failure.MISCONFIGURED,
    408: Failure.UNKNOWN,
    429: Failure.THROTTLED,
}
_FAMILIES: dict[int, Failure] = {3: Failure.MISCONFIGURED, 4: Failure.REJECTED}
#: Codes that stand for much, and the words of their message that tell what it was.
_SAID: tuple[tuple[int, str, Meaning], ...] = (
    (
        100,
        "appsecret_proof",
        Meaning(Failure.MISCONFIGURED, "app_secret is not that of the access token's app"),
    ),
    (
        10,
        "outside of allowed window",
        Meaning(
            Failure.WINDOW_CLOSED, "outside the window in which the customer may be written to"
        ),
    ),
)


def failure_of(response: HttpResponse, known: Codes) -> DeliveryError:
    """The error for an answer that is no success."""
    error = json_object(response).get("error")
    told: Mapping[str, Any] = error if isinstance(error, dict) else {}
    code, subcode = _number(told, "code"), _number(told, "error_subcode")
    words = str(told.get("message", "")).lower()
    said = (meaning for number, part, meaning in _SAID if code == number and part in words)
    meaning = next(said, None) or known.meaning(code, subcode)
    if meaning is None:
        failure = _STATUSES.get(response.status) or _FAMILIES.get(response.status // 100)
        trouble = failure in {None, Failure.UNKNOWN}
        reason = f"{known.name} is in trouble" if trouble else f"{known.name} refuses"
        # Any other 5xx, or a 200 that is none of theirs, may come after the message was made.
        meaning = Meaning(failure or Failure.UNKNOWN, reason)
    named = "" if code is None else f", code {code}" + (f"/{subcode}" if subcode else "")
    return DeliveryError(
        meaning.failure,
        f"{meaning.reason} (HTTP {response.status}{named})",
        retry_after=_patience(response, meaning),
        provider_code="" if code is None else f"{code}/{subcode}" if subcode else str(code),
    )


def _number(error: Mapping[str, Any], field: str) -> int | None:
    found = error.get(field)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _patience(response: HttpResponse, meaning: Meaning) -> float | None:
    if meaning.failure is not Failure.THROTTLED:
        return None
    return retry_after(response) or _until_regained(response) or meaning.pause


def _until_regained(response: HttpResponse) -> float | None:
    """Seconds until calls are taken again, which Meta tells in minutes for each business
    (developers.facebook.com/docs/graph-api/overview/rate-limiting#headers)."""
    try:
        usage = json.loads(response.headers.get("x-business-use-case-usage", ""))
    except (ValueError, RecursionError):
        return None
    lists = usage.values() if isinstance(usage, dict) else ()
    limits = [one for found in lists if isinstance(found, list) for one in found]
    minutes = [
        one["estimated_time_to_regain_access"]
        for one in limits
        if isinstance(one, dict)
        and isinstance(one.get("estimated_time_to_regain_access"), int | float)
    ]
    return max(minutes, default=0) * 60.0 or None
