"""What the answers of WeChat's and WeCom's APIs mean: codes in `errcode`, nearly always with HTTP 200.

Sources: the Official Account's codes are listed at
developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html, WeCom's at
developer.work.weixin.qq.com/document/path/90313.
"""

from collections.abc import Mapping
from typing import NamedTuple

from channels._answer import json_object, retry_after
from gateway.domain.errors import DeliveryError, Failure
from gateway.domain.world import HttpResponse


class Meaning(NamedTuple):
    """What a code leads to, and why; for how many seconds the account rests, where that is it."""

    failure: Failure
    reason: str
    rest: float | None = None


Codes = Mapping[int, Meaning]

#: The access token is refused: make a new one and try again.
TOKEN_REFUSED = frozenset({40001, 40014, 41001, 42001})

_BOTH: Codes = {
    # "Busy, try again": the request was turned away.
    -1: Meaning(Failure.RETRY, "the provider is busy"),
    40008: Meaning(Failure.REJECTED, "not a known kind of message"),
    40033: Meaning(Failure.REJECTED, "characters that are not allowed"),
    40058: Meaning(Failure.REJECTED, "a parameter is not allowed"),
    44004: Meaning(Failure.REJECTED, "the text is empty"),
    45002: Meaning(Failure.REJECTED, "the text is too long"),
    40013: Meaning(Failure.MISCONFIGURED, "the id of the account is not known"),
}

#: A send as customer service message of an Official Account.
OFFICIAL_ACCOUNT: Codes = {
    **_BOTH,
    # The day's quota, which ends at midnight; an operator can also have it reset.
    45009: Meaning(Failure.THROTTLED, "the quota of calls is used up", 3600.0),
    45015: Meaning(Failure.WINDOW_CLOSED, "the customer has not written within 48 hours"),
    45047: Meaning(
        Failure.WINDOW_CLOSED, "the messages the customer's last one allows are used up"
    ),
    45011: Meaning(Failure.THROTTLED, "too many calls at once", 10.0),
    40003: Meaning(Failure.REJECTED, "the recipient is none of this account's"),
    43004: Meaning(Failure.REJECTED, "the recipient does not follow the account"),
    43019: Meaning(Failure.REJECTED, "the recipient is on the account's block list"),
    48001: Meaning(Failure.MISCONFIGURED, "the account may not send customer service messages"),
    50002: Meaning(Failure.MISCONFIGURED, "the account is restricted"),
}

#: A send as WeChat customer service (kf) of WeCom; 95018 is decided by the state of the session.
WECOM: Codes = {
    **_BOTH,
    # Nearly always a limit by the minute.
    45009: Meaning(Failure.THROTTLED, "too many calls in this time", 60.0),
    95001: Meaning(
        Failure.WINDOW_CLOSED, "the messages the customer's last one allows are used up"
    ),
    95002: Meaning(Failure.WINDOW_CLOSED, "the customer has not written within 48 hours"),
    95013: Meaning(Failure.WINDOW_CLOSED, "the session has ended"),
    45033: Meaning(Failure.THROTTLED, "too many calls at once", 10.0),
    40096: Meaning(Failure.REJECTED, "the recipient is not known"),
    48002: Meaning(Failure.MISCONFIGURED, "the app may not call this API"),
    60020: Meaning(Failure.MISCONFIGURED, "the gateway's address is not on the app's IP list"),
    95000: Meaning(Failure.MISCONFIGURED, "open_kfid is not valid"),
    95017: Meaning(
        Failure.MISCONFIGURED, "the API is switched off for the customer service account"
    ),
}

#: A request for a token; every other code is a matter of the account's settings as well.
NO_TOKEN: Codes = {
    -1: _BOTH[-1],
    45009: WECOM[45009],
    45011: OFFICIAL_ACCOUNT[45011],
    45033: WECOM[45033],
    40001: Meaning(Failure.MISCONFIGURED, "the secret is refused"),
    40013: _BOTH[40013],
    40091: Meaning(Failure.MISCONFIGURED, "the secret is refused"),
    40125: Meaning(Failure.MISCONFIGURED, "the secret is refused"),
    40164: Meaning(Failure.MISCONFIGURED, "the gateway's address is not on the account's IP list"),
    40243: Meaning(Failure.MISCONFIGURED, "the secret is frozen"),
    60020: WECOM[60020],
}

_STATUSES: dict[int, Failure] = {
    401: Failure.MISCONFIGURED,
    403: Failure.MISCONFIGURED,
    404: Failure.MISCONFIGURED,
    405: Failure.MISCONFIGURED,
    408: Failure.UNKNOWN,
    429: Failure.THROTTLED,
    503: Failure.RETRY,
}
_FAMILIES: dict[int, Failure] = {3: Failure.MISCONFIGURED, 4: Failure.REJECTED}


def code_of(response: HttpResponse) -> int | None:
    """The `errcode` of an answer; None when it has none that can be read."""
    code = json_object(response).get("errcode")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def refusal(
    response: HttpResponse, codes: Codes, *, otherwise: Failure = Failure.REJECTED
) -> DeliveryError | None:
    """The error that an answer's code stands for; None without one, or when it is 0.

    Args:
        response: what the provider answered.
        codes: what each code leads to.
        otherwise: what a code leads to that is not among them.
    """
    code = code_of(response)
    if not code:
        return None
    found = codes.get(code, Meaning(otherwise, "the provider refuses"))
    return DeliveryError(
        found.failure,
        f"{found.reason} (code {code})",
        retry_after=found.rest if (told := retry_after(response)) is None else told,
        provider_code=str(code),
    )


def call_failed(
    response: HttpResponse, what: str, *, open_end: Failure = Failure.RETRY
) -> DeliveryError:
    """The error of an answer that has no code.

    Args:
        response: what came instead.
        what: what is missing in it, one line.
        open_end: what to do where the request may have been obeyed: RETRY when it asked only.
    """
    failure = _STATUSES.get(response.status) or _FAMILIES.get(response.status // 100, open_end)
    if failure is Failure.UNKNOWN:
        failure = open_end
    return DeliveryError(
        failure, f"{what} (HTTP {response.status})", retry_after=retry_after(response)
    )
