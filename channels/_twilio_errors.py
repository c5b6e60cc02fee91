"""What each answer of Twilio's REST API means for a send.

Source of the codes: twilio.com/docs/api/errors; the list of those met in practice is CHANNELS §2's.
"""

from gateway.domain.errors import DeliveryError, Failure

#: Twilio's code → what is next, and why, in words that hold no number and no text of a customer.
CODES: dict[int, tuple[Failure, str]] = {
    # Slow down: the request was turned away before it became a message.
    14107: (Failure.THROTTLED, "too many messages in this time"),
    20429: (Failure.THROTTLED, "too many requests"),
    30001: (Failure.THROTTLED, "Twilio's queue for this sender is full"),
    30022: (Failure.THROTTLED, "the carrier's daily or minute rate is used up"),
    63018: (Failure.THROTTLED, "the sender's rate limit is reached"),
    # Turned away with the promise that nothing was made of it.
    20503: (Failure.RETRY, "Twilio is temporarily unavailable"),
    # The person said no.
    21610: (Failure.OPTED_OUT, "the recipient has unsubscribed"),
    # A network with a reply window, reached through the same resource.
    63016: (Failure.WINDOW_CLOSED, "outside the reply window"),
    # This message will never go out to this number.
    21211: (Failure.REJECTED, "not a valid phone number"),
    21408: (Failure.REJECTED, "sending to this country is not enabled in the Twilio console"),
    21602: (Failure.REJECTED, "the message is empty"),
    21608: (Failure.REJECTED, "a trial account sends to confirmed numbers only"),
    21612: (Failure.REJECTED, "no route from our number to this one"),
    21614: (Failure.REJECTED, "not a mobile number"),
    21617: (Failure.REJECTED, "the message is too long"),
    30003: (Failure.REJECTED, "the handset cannot be reached"),
    30004: (Failure.REJECTED, "the recipient blocks messages"),
    30005: (Failure.REJECTED, "the number does not exist"),
    30006: (Failure.REJECTED, "a landline, or a carrier that cannot be reached"),
    30007: (Failure.REJECTED, "the carrier filtered the message: change its text"),
    30008: (Failure.REJECTED, "the carrier gave no reason"),
    30034: (Failure.REJECTED, "our number is not registered for sending in the USA"),
    # Nothing will go out until a person mends the account.
    20003: (Failure.MISCONFIGURED, "the credentials are refused"),
    20005: (Failure.MISCONFIGURED, "the account is not active"),
    20404: (Failure.MISCONFIGURED, "the account SID is not known"),
    21212: (Failure.MISCONFIGURED, "from_number is not valid"),
    21603: (Failure.MISCONFIGURED, "no number to send from"),
    21606: (Failure.MISCONFIGURED, "from_number is not ours or cannot send SMS"),
    21609: (Failure.MISCONFIGURED, "the status callback address is not valid"),
    21659: (Failure.MISCONFIGURED, "from_number is not a Twilio number"),
    21703: (Failure.MISCONFIGURED, "the messaging service has no numbers"),
    21705: (Failure.MISCONFIGURED, "messaging_service_sid is not valid"),
    30002: (Failure.MISCONFIGURED, "the account is suspended"),
}

#: Where no code says more. A 503 is given at the door; any other 5xx may come after the message was
#: made, so it is looked up instead of repeated. A redirect means a wrong base_url.
_STATUSES: dict[int, Failure] = {
    401: Failure.MISCONFIGURED,
    403: Failure.MISCONFIGURED,
    404: Failure.MISCONFIGURED,
    405: Failure.MISCONFIGURED,
    408: Failure.UNKNOWN,
    429: Failure.THROTTLED,
    503: Failure.RETRY,
}
_FAMILIES: dict[int, Failure] = {
    3: Failure.MISCONFIGURED,
    4: Failure.REJECTED,
}


def failure_of(status: int, code: object, retry_after: float | None) -> DeliveryError:
    """The error for an answer that is no success.

    Args:
        status: of HTTP.
        code: Twilio's `code` field, whatever was in it.
        retry_after: seconds, where the answer named some.
    """
    number = code if isinstance(code, int) else None
    if number in CODES:
        failure, reason = CODES[number]
    else:
        failure = _STATUSES.get(status) or _FAMILIES.get(status // 100, Failure.UNKNOWN)
        reason = "Twilio refuses the message" if status < 500 else "Twilio is in trouble"
    detail = f"{reason} (HTTP {status}, code {number})" if number else f"{reason} (HTTP {status})"
    return DeliveryError(
        failure,
        detail,
        retry_after=retry_after,
        provider_code="" if number is None else str(number),
    )
