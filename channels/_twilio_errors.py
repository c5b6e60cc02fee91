"""What each answer of Twilio's REST API means for a send.

Source of the codes: twilio.com/docs/api/errors.
"""

from gateway.domain.errors import DeliveryError, Failure

#: Twilio's code → what is next, and why, in words that hold no number and no text of a customer.
CODES: dict[int, tuple[Failure, str]] = {
    # Slow down: the request was turned away before it became a message.
    14107: (Failure.THROTTLED, "too many messages in this time"),
    20429: (Failure.THROTTLED, "too many requests"),
    21611: (Failure.THROTTLED, "our number has too many messages in its queue"),
    30001: (Failure.THROTTLED, "Twilio's queue for this sender is full"),
    30022: (Failure.THROTTLED, "the carrier's daily or minute rate is used up"),
    63017: (Failure.THROTTLED, "the network's rate limit is reached"),
    63018: (Failure.THROTTLED, "the sender's rate limit is reached"),
    63038: (Failure.THROTTLED, "the account's messages of today are used up"),
    # Turned away, or made and failed at once, with the promise that nothing went out.
    20503: (Failure.RETRY, "Twilio is temporarily unavailable"),
    30017: (Failure.RETRY, "the carrier's network is congested"),
    30020: (Failure.RETRY, "Twilio could not schedule the message"),
    30021: (Failure.RETRY, "Twilio's messaging service failed"),
    # The carrier did not answer Twilio: it may have the message.
    30410: (Failure.UNKNOWN, "the carrier did not answer Twilio in time"),
    # The person said no.
    21610: (Failure.OPTED_OUT, "the recipient has unsubscribed"),
    # A network with a reply window, reached through the same resource.
    63016: (Failure.WINDOW_CLOSED, "outside the reply window"),
    # This message will never go out to this number.
    21211: (Failure.REJECTED, "not a valid phone number"),
    21214: (Failure.REJECTED, "the number cannot be reached"),
    21216: (Failure.REJECTED, "Twilio blocks this number"),
    21217: (Failure.REJECTED, "not a valid phone number"),
    21219: (Failure.REJECTED, "a trial account sends to confirmed numbers only"),
    21408: (Failure.REJECTED, "sending to this country is not enabled in the Twilio console"),
    21421: (Failure.REJECTED, "not a valid phone number"),
    21602: (Failure.REJECTED, "the message is empty"),
    21604: (Failure.REJECTED, "no number to send to"),
    21608: (Failure.REJECTED, "a trial account sends to confirmed numbers only"),
    21612: (Failure.REJECTED, "no route from our number to this one"),
    21614: (Failure.REJECTED, "not a mobile number"),
    21617: (Failure.REJECTED, "the message is too long"),
    21618: (Failure.REJECTED, "this text cannot be sent"),
    21619: (Failure.REJECTED, "Twilio could make no message of it"),
    21910: (Failure.REJECTED, "the number belongs to another network than ours"),
    30003: (Failure.REJECTED, "the handset cannot be reached"),
    30004: (Failure.REJECTED, "the recipient blocks messages"),
    30005: (Failure.REJECTED, "the number does not exist"),
    30006: (Failure.REJECTED, "a landline, or a carrier that cannot be reached"),
    30007: (Failure.REJECTED, "the carrier filtered the message: change its text"),
    30008: (Failure.REJECTED, "the carrier gave no reason"),
    30010: (Failure.REJECTED, "the message costs more than the account allows"),
    30011: (Failure.REJECTED, "the number takes no MMS"),
    30018: (Failure.REJECTED, "our sender is not registered with this carrier"),
    30019: (Failure.REJECTED, "the message is larger than the carrier takes"),
    30023: (Failure.REJECTED, "our messages of today to the USA are used up"),
    30024: (Failure.REJECTED, "our sender is not known to this carrier"),
    30027: (Failure.REJECTED, "our messages of today to T-Mobile are used up"),
    30032: (Failure.REJECTED, "our toll-free number is not verified"),
    30034: (Failure.REJECTED, "our number is not registered for sending in the USA"),
    # Nothing will go out until a person mends the account.
    10001: (Failure.MISCONFIGURED, "the account is not active"),
    20003: (Failure.MISCONFIGURED, "the credentials are refused"),
    20005: (Failure.MISCONFIGURED, "the account is not active"),
    20006: (Failure.MISCONFIGURED, "the API key may not send messages"),
    20008: (Failure.MISCONFIGURED, "these are test credentials"),
    20010: (Failure.MISCONFIGURED, "sending is disabled for the account"),
    20403: (Failure.MISCONFIGURED, "the account may not do this"),
    20404: (Failure.MISCONFIGURED, "the account SID is not known"),
    20426: (Failure.MISCONFIGURED, "Twilio wants a newer protocol"),
    21210: (Failure.MISCONFIGURED, "from_number is not confirmed"),
    21212: (Failure.MISCONFIGURED, "from_number is not valid"),
    21407: (Failure.MISCONFIGURED, "from_number cannot send SMS"),
    21601: (Failure.MISCONFIGURED, "from_number cannot send SMS"),
    21603: (Failure.MISCONFIGURED, "no number to send from"),
    21606: (Failure.MISCONFIGURED, "from_number is not ours or cannot send SMS"),
    21607: (Failure.MISCONFIGURED, "a trial account sends from its own number only"),
    21609: (Failure.MISCONFIGURED, "the status callback address is not valid"),
    21616: (Failure.MISCONFIGURED, "from_number fits several of our numbers"),
    21659: (Failure.MISCONFIGURED, "from_number is not a Twilio number"),
    21701: (Failure.MISCONFIGURED, "messaging_service_sid is not known"),
    21702: (Failure.MISCONFIGURED, "the messaging service sends no messages now"),
    21703: (Failure.MISCONFIGURED, "the messaging service has no numbers"),
    21704: (Failure.MISCONFIGURED, "the messaging service has no numbers"),
    21705: (Failure.MISCONFIGURED, "messaging_service_sid is not valid"),
    21709: (Failure.MISCONFIGURED, "the messaging service may not use this sender name"),
    21712: (Failure.MISCONFIGURED, "from_number belongs to another messaging service"),
    21715: (Failure.MISCONFIGURED, "the messaging service's number cannot send SMS"),
    30002: (Failure.MISCONFIGURED, "the account is suspended"),
    90010: (Failure.MISCONFIGURED, "the account is not active"),
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
