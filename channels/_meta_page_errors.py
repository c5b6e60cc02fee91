"""What the codes of Messenger and Instagram mean for a send.

Sources: developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes. The codes
of private replies (10900, 10903) and Instagram's subcodes (the 2534000s) stand on no page of Meta's; they
are those that many programs meet and quote in public.
"""

from channels._meta_errors import Codes, Meaning
from gateway.domain.errors import Failure

_OUTSIDE = Meaning(
    Failure.WINDOW_CLOSED, "outside the window in which the customer may be written to"
)
_GONE = Meaning(Failure.REJECTED, "the customer is not to be reached here any more")
_UNKNOWN = Meaning(Failure.REJECTED, "no such customer for this account")
_USED = Meaning(Failure.WINDOW_CLOSED, "the one private reply to the comment was sent before")

#: Of both; only the name for a person differs.
_CODES = {
    1200: Meaning(Failure.RETRY, "the message could not be sent now"),
    551: _GONE,
    2022: Meaning(Failure.MISCONFIGURED, "the page is blocked from sending for a while"),
    10900: _USED,
    10903: Meaning(
        Failure.WINDOW_CLOSED,
        "the comment is too old for a private reply, or its writer takes none",
    ),
}
_SUBCODES = {
    2018278: _OUTSIDE,
    2018065: _OUTSIDE,
    2018108: _OUTSIDE,
    2534022: _OUTSIDE,
    2534025: _USED,
    2018001: _UNKNOWN,
    2534014: _UNKNOWN,
    # Sometimes under code 200, which else is a missing permission.
    1545041: _GONE,
    2534001: Meaning(Failure.REJECTED, "the customer has deleted the conversation"),
    2534013: Meaning(Failure.THROTTLED, "too many private replies", 3600.0),
    2018022: Meaning(Failure.THROTTLED, "too many messages"),
    2018292: Meaning(Failure.REJECTED, "no such comment to reply to"),
    33: Meaning(Failure.REJECTED, "what was to be answered is not there any more"),
}

MESSENGER = Codes("Messenger", _CODES, _SUBCODES)
INSTAGRAM = Codes("Instagram", _CODES, _SUBCODES)
