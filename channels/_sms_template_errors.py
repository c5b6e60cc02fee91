"""What each answer of a template SMS gateway means: the codes of our protocol (docs/channels/sms_template.md)."""

from channels._answer import json_object, retry_after
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.world import HttpResponse

#: Code → what is next, and why, in words that hold no number and no text of a customer.
CODES: dict[str, tuple[Failure, str]] = {
    "RATE_LIMITED": (Failure.THROTTLED, "too many messages in this time"),
    "NUMBER_RATE_LIMITED": (Failure.RETRY, "too many messages to this number in this time"),
    "UNAVAILABLE": (Failure.RETRY, "the gateway is temporarily unavailable"),
    "UNSUBSCRIBED": (Failure.OPTED_OUT, "the recipient has unsubscribed"),
    "BLACKLISTED": (Failure.OPTED_OUT, "the recipient is on the carrier's list of refusals"),
    "NUMBER_INVALID": (Failure.REJECTED, "not a mobile number that can be reached"),
    "NUMBER_SUSPENDED": (Failure.REJECTED, "the number is out of service"),
    "REGION_REFUSED": (Failure.REJECTED, "the gateway does not send to this country"),
    "CONTENT_REFUSED": (Failure.REJECTED, "the carrier refuses this text: change it"),
    "PARAMS_INVALID": (
        Failure.REJECTED,
        "a value is too long or of the wrong kind for its template",
    ),
    "TEMPLATE_UNKNOWN": (Failure.REJECTED, "the gateway does not know the template"),
    "TEMPLATE_PENDING": (Failure.REJECTED, "the template is not approved"),
    "SIGN_UNKNOWN": (Failure.MISCONFIGURED, "the gateway does not know the sign"),
    "SIGN_PENDING": (Failure.MISCONFIGURED, "the sign is not approved"),
    "SIGNATURE_INVALID": (Failure.MISCONFIGURED, "account or secret is refused"),
    "TIMESTAMP_INVALID": (Failure.MISCONFIGURED, "our clock and the gateway's differ"),
    "ADDRESS_REFUSED": (Failure.MISCONFIGURED, "our address is not on the gateway's list"),
    "ACCOUNT_SUSPENDED": (Failure.MISCONFIGURED, "the account is suspended"),
    "BALANCE_EMPTY": (Failure.MISCONFIGURED, "the account has no money left"),
}
#: Where no code says more. A repeated request is safe under its id, so trouble of theirs is tried again.
_STATUSES: dict[int, Failure] = {
    401: Failure.MISCONFIGURED,
    403: Failure.MISCONFIGURED,
    404: Failure.MISCONFIGURED,
    405: Failure.MISCONFIGURED,
    408: Failure.RETRY,
    425: Failure.RETRY,
    429: Failure.THROTTLED,
}
_FAMILIES: dict[int, Failure] = {
    # A 2xx that is no answer of the protocol: the wrong server, or a page in between.
    2: Failure.UNKNOWN,
    3: Failure.MISCONFIGURED,
    4: Failure.REJECTED,
}


def failure_of(response: HttpResponse) -> DeliveryError:
    """The error for an answer that is no success."""
    told = json_object(response).get("code")
    code = told if isinstance(told, str) and told in CODES else ""
    status = response.status
    if code:
        failure, reason = CODES[code]
    else:
        failure = _STATUSES.get(status) or _FAMILIES.get(status // 100, Failure.RETRY)
        reason = "the gateway refuses the message" if status < 500 else "the gateway is in trouble"
    return DeliveryError(
        failure,
        f"{reason} (HTTP {status}, {code})" if code else f"{reason} (HTTP {status})",
        retry_after=retry_after(response),
        provider_code=code or str(status),
    )
