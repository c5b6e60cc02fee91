"""What WhatsApp's own codes mean, in answers and in the reports of messages that were not delivered
(developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes)."""

from channels._meta_errors import Codes, Meaning
from gateway.domain.errors import Failure

#: Seconds between two messages to one person (…/whatsapp/throughput: pair rate limits; one every six).
PAIR_SECONDS = 6.0
#: Seconds for limits of which WhatsApp says no time, and which are counted by the hour or the day.
LONG_SECONDS = 3600.0

_DOWN = Meaning(Failure.RETRY, "WhatsApp could not do it now")
_TEMPLATE = "cannot be used for this: the message waits for the customer"

WHATSAPP = Codes(
    "WhatsApp",
    codes={
        # Refused for now: WhatsApp says of each that the message failed.
        131000: _DOWN,
        131016: Meaning(Failure.RETRY, "WhatsApp's service is down for a moment"),
        131053: Meaning(Failure.RETRY, "a file could not be taken"),
        135000: _DOWN,
        130429: Meaning(Failure.THROTTLED, "too many messages a second"),
        131048: Meaning(Failure.THROTTLED, "too many messages were reported", LONG_SECONDS),
        131056: Meaning(Failure.THROTTLED, "too many messages to one person", PAIR_SECONDS),
        133016: Meaning(Failure.THROTTLED, "the number was registered too often", LONG_SECONDS),
        131057: Meaning(Failure.THROTTLED, "the account is being moved", 60.0),
        131064: Meaning(Failure.THROTTLED, "too many people were written to today", LONG_SECONDS),
        # The customer has to write first.
        131047: Meaning(Failure.WINDOW_CLOSED, "more than 24 hours since the customer wrote"),
        132000: Meaning(Failure.WINDOW_CLOSED, f"the template has other variables, {_TEMPLATE}"),
        132001: Meaning(Failure.WINDOW_CLOSED, f"no such template in the language, {_TEMPLATE}"),
        132005: Meaning(
            Failure.WINDOW_CLOSED, f"the text is too long for the template, {_TEMPLATE}"
        ),
        132007: Meaning(Failure.WINDOW_CLOSED, f"the template breaks a rule, {_TEMPLATE}"),
        132008: Meaning(
            Failure.WINDOW_CLOSED, f"the text is not fit for the template, {_TEMPLATE}"
        ),
        132012: Meaning(Failure.WINDOW_CLOSED, f"the template has other variables, {_TEMPLATE}"),
        132015: Meaning(Failure.WINDOW_CLOSED, f"the template is paused, {_TEMPLATE}"),
        132016: Meaning(Failure.WINDOW_CLOSED, f"the template was switched off, {_TEMPLATE}"),
        132018: Meaning(Failure.WINDOW_CLOSED, f"the template has other variables, {_TEMPLATE}"),
        131063: Meaning(Failure.WINDOW_CLOSED, f"a marketing template {_TEMPLATE}"),
        # Not this message, or not this person. Who has stopped marketing may still be answered.
        130472: Meaning(Failure.REJECTED, "the customer is in an experiment of WhatsApp's"),
        130497: Meaning(Failure.REJECTED, "the account may not write to this country"),
        131008: Meaning(Failure.REJECTED, "something is missing in the request"),
        131009: Meaning(Failure.REJECTED, "something in the request is not valid"),
        131020: Meaning(Failure.REJECTED, "the group has nobody else in it"),
        131021: Meaning(Failure.REJECTED, "the number would write to itself"),
        131026: Meaning(Failure.REJECTED, "the customer cannot be reached by WhatsApp"),
        131030: Meaning(Failure.REJECTED, "the test number may not write to this customer"),
        131041: Meaning(Failure.REJECTED, "no such group"),
        131049: Meaning(Failure.REJECTED, "WhatsApp spares the customer more of this kind"),
        131050: Meaning(Failure.REJECTED, "the customer wants no marketing"),
        131051: Meaning(Failure.REJECTED, "WhatsApp does not know this kind of message"),
        131052: Meaning(Failure.REJECTED, "a file could not be fetched"),
        131062: Meaning(Failure.REJECTED, "this cannot be sent to a user id, it needs a number"),
        132068: Meaning(Failure.REJECTED, "the flow is blocked"),
        132069: Meaning(Failure.REJECTED, "the flow was sent too often"),
        137000: Meaning(Failure.REJECTED, "the number belongs to another person now"),
        # Nothing will go out until a person mends the account.
        131005: Meaning(Failure.MISCONFIGURED, "a permission is missing or was taken away"),
        131031: Meaning(Failure.MISCONFIGURED, "the account is locked"),
        131037: Meaning(Failure.MISCONFIGURED, "the number's display name is not approved"),
        131042: Meaning(Failure.MISCONFIGURED, "there is something wrong with the payment method"),
        131044: Meaning(Failure.MISCONFIGURED, "there is something wrong with the payment method"),
        131045: Meaning(Failure.MISCONFIGURED, "the number is not registered rightly"),
        133010: Meaning(Failure.MISCONFIGURED, "the number is not registered"),
    },
    subcodes={
        # No such object for this token, under code 100: the only one that is named is the number.
        33: Meaning(Failure.MISCONFIGURED, "phone_number_id is none of this token's"),
    },
)
