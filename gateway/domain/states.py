"""The life of an inquiry, as a table. Nothing else in the gateway decides which move is allowed."""

from gateway.domain.errors import NotAllowed
from gateway.domain.model import InquiryState as S

#: (state, verb) → next state. A verb that is not here is not allowed in that state.
TRANSITIONS: dict[tuple[S, str], S] = {
    (S.NEW, "answer"): S.ANSWERED,
    (S.NEW, "ask"): S.WAITING_CUSTOMER,
    (S.NEW, "queue"): S.QUEUED,
    (S.NEW, "close"): S.CLOSED,
    # An automatic answer: the customer is helped, or says no, or is silent until the timer.
    (S.ANSWERED, "ask"): S.WAITING_CUSTOMER,
    (S.ANSWERED, "answer"): S.ANSWERED,
    (S.ANSWERED, "queue"): S.QUEUED,
    (S.ANSWERED, "resolve"): S.RESOLVED,
    (S.WAITING_CUSTOMER, "answer"): S.ANSWERED,
    (S.WAITING_CUSTOMER, "ask"): S.WAITING_CUSTOMER,
    (S.WAITING_CUSTOMER, "queue"): S.QUEUED,
    (S.WAITING_CUSTOMER, "assign"): S.ASSIGNED,
    (S.WAITING_CUSTOMER, "resolve"): S.RESOLVED,
    (S.QUEUED, "offer"): S.OFFERED,
    (S.QUEUED, "assign"): S.ASSIGNED,
    (S.QUEUED, "queue"): S.QUEUED,
    (S.QUEUED, "snooze"): S.SNOOZED,
    (S.QUEUED, "resolve"): S.RESOLVED,
    (S.OFFERED, "assign"): S.ASSIGNED,
    (S.OFFERED, "queue"): S.QUEUED,
    (S.OFFERED, "resolve"): S.RESOLVED,
    (S.ASSIGNED, "queue"): S.QUEUED,
    (S.ASSIGNED, "assign"): S.ASSIGNED,
    (S.ASSIGNED, "await_customer"): S.WAITING_CUSTOMER,
    (S.ASSIGNED, "snooze"): S.SNOOZED,
    (S.ASSIGNED, "wrap"): S.WRAPPING,
    (S.ASSIGNED, "resolve"): S.RESOLVED,
    (S.WRAPPING, "resolve"): S.RESOLVED,
    (S.WRAPPING, "queue"): S.QUEUED,
    (S.SNOOZED, "queue"): S.QUEUED,
    (S.SNOOZED, "assign"): S.ASSIGNED,
    (S.SNOOZED, "resolve"): S.RESOLVED,
    (S.RESOLVED, "close"): S.CLOSED,
    (S.RESOLVED, "queue"): S.QUEUED,
    (S.RESOLVED, "answer"): S.ANSWERED,
    (S.RESOLVED, "ask"): S.WAITING_CUSTOMER,
}

#: States in which a new message of the same handle belongs to the inquiry.
OPEN = frozenset(S) - {S.RESOLVED, S.CLOSED}
#: States in which a person works on it, or is about to: no automatic answer interferes.
WITH_PEOPLE = frozenset({S.QUEUED, S.OFFERED, S.ASSIGNED, S.WRAPPING, S.SNOOZED})


def move(state: S, verb: str) -> S:
    """The state after `verb`. Raises `NotAllowed` and says which verbs are allowed instead."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        allowed = ", ".join(verbs(state)) or "nothing"
        msg = f"cannot {verb} an inquiry that is {state}; allowed: {allowed}"
        raise NotAllowed(msg) from None


def verbs(state: S) -> list[str]:
    """What can be done in `state`, in alphabetical order."""
    return sorted(verb for (at, verb) in TRANSITIONS if at is state)
