"""Reply windows and budgets as units of work: a message takes its place in one with its mark `begun`, or
is parked until the customer writes again.

Both happen behind one lock on the conversation, which a message of the customer changes as well: of two
processes that want the last place one gets it, and what is parked for a closed window is seen by the
message that opens it.
"""

import json
from dataclasses import dataclass

from gateway.delivery import outbox
from gateway.domain.errors import Conflict, DeliveryError, Failure, GatewayError
from gateway.domain.store import Reader, Row, Tx
from gateway.domain.window import Rules, Window


@dataclass(frozen=True, slots=True)
class Begun:
    """What came of wanting to begin."""

    turn: int = 0
    """Which of the customer's messages it goes out behind."""
    slots: int = 0
    """What it takes of a budget."""
    beyond: bool = False
    """Only because a person wrote it."""
    parked: str = ""
    """Why it was parked instead; '' when it may go out."""


class Parked(GatewayError):
    """Nothing may go out: the message is parked already."""


def begin(
    tx: Tx, row: Row, now: float, until: float, rules: Rules, event_id: str, *, keyed: bool
) -> Begun:
    """Mark a row as begun and count it, or park it.

    Args:
        tx: the transaction.
        row: leased, and ours.
        now: seconds since 1970.
        until: when the lease ends that it gets with the mark.
        rules: its channel's.
        event_id: for the log, where it is parked.
        keyed: the provider drops repeats, so that all tries of this message count as one.

    Raises `Conflict` when the lease has run out or was taken over.
    """
    payload = json.loads(row["payload"])
    if not rules.bind(payload["visibility"]):
        return Begun(outbox.begun(tx, row, now, until))
    # Written, not only read: another process that does so at the same time sees what we make of it.
    tx.run("outbox.one_by_one", conversation_id=row["conversation_id"])
    window = _window(tx, row["conversation_id"], rules, now, but=row["id"] if keyed else "")
    if why := window.shut(automatic=payload["automatic"]):
        # What may be out already does not go out by itself when the customer writes again.
        failure = Failure.UNKNOWN if row["slots"] else Failure.WINDOW_CLOSED
        outbox.park(tx, row, failure, why, event_id, now)
        return Begun(parked=why)
    return Begun(outbox.begun(tx, row, now, until, slots=1), 1, window.beyond)


def refused(tx: Tx, row: Row, turn: int, error: DeliveryError, event_id: str, now: float) -> bool:
    """The provider says that the window is closed: park, but let it go at once where the customer has
    written since it was begun in `turn`. Whether it was parked.

    Raises `Conflict` when the row is no longer ours.
    """
    tx.run("outbox.one_by_one", conversation_id=row["conversation_id"])
    conversation = tx.one("contacts.conversation_by_id", id=row["conversation_id"])
    if conversation is not None and turn and conversation["turn"] != turn:
        outbox.again(tx, row, now, error)
        return False
    outbox.park(tx, row, error.failure, error.detail, event_id, now)
    return True


def look(reader: Reader, conversation_id: str, rules: Rules, now: float) -> Window:
    """What is left for one more message, which goes out behind all that are on their way.

    Raises `Conflict` when there is no such conversation.
    """
    window = _window(reader, conversation_id, rules, now)
    waiting = reader.one(
        "outbox.open_of", conversation_id=conversation_id, public=int(rules.public)
    )
    to_go = waiting["to_go"] if waiting else 0
    return Window(rules, now, window.last_in_at, window.used + to_go)


def ahead(reader: Reader, conversation_id: str, rules: Rules) -> int:
    """How many messages will count before one that answers what the customer writes now: those on their
    way, and those that the customer's message lets go."""
    waiting = reader.one(
        "outbox.open_of", conversation_id=conversation_id, public=int(rules.public)
    )
    shut = reader.all("outbox.shut", conversation_id=conversation_id)
    return len(shut) + (waiting["to_go"] + waiting["under_way"] if waiting else 0)


def _window(
    reader: Reader, conversation_id: str, rules: Rules, now: float, but: str = ""
) -> Window:
    conversation = reader.one("contacts.conversation_by_id", id=conversation_id)
    if conversation is None:
        msg = f"there is no conversation {conversation_id}"
        raise Conflict(msg)
    used = reader.value(
        "outbox.used", conversation_id=conversation_id, turn=conversation["turn"], id=but
    )
    return Window(rules, now, conversation["last_in_at"], int(used))
