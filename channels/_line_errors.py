"""What each answer of LINE's Messaging API means for a send.

Sources: developers.line.biz/en/reference/messaging-api/#status-codes, #error-messages and
developers.line.biz/en/docs/messaging-api/retrying-api-request. LINE has no codes but HTTP's.
"""

from channels._answer import json_object, retry_after
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.world import HttpResponse

#: (status, words of the message in lower case) → what is next, and why.
_SAID: tuple[tuple[int, str, Failure, str], ...] = (
    # To replies the quota does not apply: what waits may go out when the customer writes again.
    (429, "monthly limit", Failure.WINDOW_CLOSED, "the month's push messages are used up"),
    # Used, or its minute is over: by this call nothing went out, and the next try is a push.
    (400, "invalid reply token", Failure.RETRY, "the reply token is no longer valid"),
    # An id that this provider's accounts never saw. To who blocked us, LINE answers 200.
    (400, "failed to send messages", Failure.REJECTED, "no such user for this account"),
)
_STATUSES: dict[int, tuple[Failure, str]] = {
    401: (Failure.MISCONFIGURED, "the channel access token is refused"),
    403: (Failure.MISCONFIGURED, "the account's plan does not allow this"),
    404: (Failure.MISCONFIGURED, "no such API behind base_url"),
    429: (Failure.THROTTLED, "too many requests"),
}
_FAMILIES: dict[int, tuple[Failure, str]] = {
    3: (Failure.MISCONFIGURED, "base_url leads elsewhere"),
    4: (Failure.REJECTED, "LINE refuses the message"),
}


def failure_of(response: HttpResponse) -> DeliveryError:
    """The error for an answer that is no success."""
    status = response.status
    message = str(json_object(response).get("message", "")).lower()
    failure, reason = next(
        (
            (failure, reason)
            for code, words, failure, reason in _SAID
            if status == code and words in message
        ),
        _STATUSES.get(status)
        or _FAMILIES.get(status // 100)
        or (Failure.UNKNOWN, "LINE is in trouble"),
    )
    return DeliveryError(
        failure,
        f"{reason} (HTTP {status})",
        retry_after=retry_after(response),
        provider_code=str(status),
    )
