"""Puts together what is one matter or one person, and takes apart what is not, as operations.

Only the grouping changes. Every message stays in the conversation it was exchanged in, and so does
what is on its way out: whoever is answered gets the answer where they wrote.
"""

from gateway.domain.errors import NotAllowed
from gateway.domain.model import InquiryState
from gateway.domain.numbers import inquiry_number
from gateway.domain.plan import (
    CLOSE_TIMER,
    PROMISE_TIMER,
    CancelTimer,
    ChangeInquiry,
    CreateInquiry,
    EndMerged,
    Log,
    LogEvent,
    MergeContacts,
    MoveMessages,
    Op,
    SplitContact,
    derived_id,
)
from gateway.domain.states import WITH_PEOPLE, move
from gateway.domain.store import Row, Tx

_SUBJECT = 60


def merged(source: Row, target: Row, command: str, now: float, agent: str) -> tuple[Op, ...]:
    """`source` goes into `target` and is closed. What waits for a person waits on, at the better of
    the two places.

    Raises `NotAllowed` for inquiries of two persons or brands: an answer meant for one would reach
    the other.
    """
    if source["id"] == target["id"]:
        raise NotAllowed("an inquiry cannot be merged into itself")
    for inquiry in (source, target):
        if inquiry["merged_into"]:
            raise NotAllowed(f"inquiry {inquiry['number']} has been merged already")
        not_anothers(inquiry, agent)
    if target["state"] == InquiryState.CLOSED:
        raise NotAllowed(f"inquiry {target['number']} is closed")
    if source["contact_id"] != target["contact_id"]:
        raise NotAllowed(
            f"inquiries {source['number']} and {target['number']} are of two contacts; if they are "
            "one person, merge the contacts first"
        )
    if source["brand"] != target["brand"]:
        raise NotAllowed(f"inquiries {source['number']} and {target['number']} are of two brands")
    # Nobody may close by the clock what a person is to look at.
    waits = InquiryState(source["state"]) in WITH_PEOPLE
    timers = (source, target) if waits else (source,)
    return (
        *_together(source, target),
        MoveMessages(source["id"], target["id"]),
        EndMerged(source["id"], source["version"], target["id"]),
        *(CancelTimer(CLOSE_TIMER, inquiry["id"]) for inquiry in timers),
        CancelTimer(PROMISE_TIMER, source["id"]),
        _log(command, "a", "inquiry.merged", source["id"], now, agent=agent, into=target["number"]),
        _log(
            command, "b", "inquiry.took_over", target["id"], now,
            agent=agent, merged=source["number"],
        ),
    )  # fmt: skip


def _together(source: Row, target: Row) -> tuple[ChangeInquiry, ...]:
    state = InquiryState(target["state"])
    if InquiryState(source["state"]) not in WITH_PEOPLE:
        return (ChangeInquiry(target["id"], target["version"], state),)
    urgent = bool(source["urgent"] or target["urgent"])
    if state in WITH_PEOPLE:
        priority = min(source["priority"], target["priority"])
        places = [place for row in (source, target) if (place := _handicap(row)) is not None]
        return (
            ChangeInquiry(
                target["id"], target["version"], state, priority=priority, urgent=urgent,
                handicap=min(places, default=None),
            ),
        )  # fmt: skip
    # It waits where the other one did, unless an agent has one of the two: then it is theirs.
    state = move(state, "queue")
    waits = ChangeInquiry(
        target["id"],
        target["version"],
        state,
        queue=source["queue"] or None,
        priority=source["priority"],
        urgent=urgent,
        lane=source["lane"] or None,
        handicap=_handicap(source),
    )
    if not (agent := target["assigned_to"] or source["assigned_to"]):
        return (waits,)
    taken = ChangeInquiry(
        target["id"], target["version"] + 1, move(state, "assign"), assigned_to=agent
    )
    return waits, taken


def _handicap(inquiry: Row) -> float | None:
    """What its priority and urgency make of its place; None where it has none."""
    since = inquiry["waiting_since"]
    return None if since is None else inquiry["rank"] - since


def split_off(
    tx: Tx, inquiry: Row, message: Row, command: str, now: float, agent: str
) -> tuple[str, tuple[Op, ...]]:
    """One message of a customer becomes an inquiry of its own, in the hands of who split it off.

    `message` comes with the kind of its account as `channel`.

    Returns the new number and the operations. Raises `NotAllowed` when it is no customer's message or
    the only one: then there is nothing to take apart.
    """
    not_anothers(inquiry, agent)
    if message["direction"] != "in":
        raise NotAllowed("only a customer's message can become an inquiry of its own")
    if tx.value("messages.received", inquiry_id=inquiry["id"]) < 2:
        raise NotAllowed(f"it is the only message of inquiry {inquiry['number']}")
    new, number = derived_id(command, "q"), inquiry_number(command, now)
    return number, (
        CreateInquiry(
            inquiry_id=new,
            number=number,
            conversation_id=message["conversation_id"],
            contact_id=message["contact_id"],
            brand=inquiry["brand"],
            account=message["account"],
            channel=message["channel"],
            subject=message["subject"] or message["text"][:_SUBJECT].replace("\n", " "),
            language=inquiry["language"],
        ),
        MoveMessages(inquiry["id"], new, (message["id"],)),
        ChangeInquiry(
            new, 1, move(InquiryState.NEW, "queue"), queue=inquiry["queue"],
            priority=inquiry["priority"],
        ),
        ChangeInquiry(new, 2, move(InquiryState.QUEUED, "assign"), assigned_to=agent),
        ChangeInquiry(inquiry["id"], inquiry["version"], InquiryState(inquiry["state"])),
        _log(command, "a", "inquiry.split", inquiry["id"], now, agent=agent, into=number),
        _log(command, "b", "inquiry.created", new, now, agent=agent, split_from=inquiry["number"]),
    )  # fmt: skip


def contacts_merged(other: Row, into: Row, command: str, now: float, agent: str) -> tuple[Op, ...]:
    """Two handles turned out to be one person's. Raises `NotAllowed` when that is known."""
    if other["contact_id"] == into["contact_id"]:
        raise NotAllowed("both addresses are of one contact already")
    return (
        MergeContacts(into["contact_id"], other["contact_id"]),
        _log(
            command, "a", "contact.merged", "", now,
            agent=agent, contact=other["contact_id"], into=into["contact_id"],
        ),
    )  # fmt: skip


def contact_split(tx: Tx, handle: Row, command: str, now: float, agent: str) -> tuple[Op, ...]:
    """A handle turned out to be another person's. Raises `NotAllowed` when it is alone already."""
    if len(tx.all("contacts.of_contact", contact_id=handle["contact_id"])) < 2:
        raise NotAllowed("the contact has no other address")
    new = derived_id(command, "c")
    return (
        SplitContact(handle["id"], new, handle["name"], handle["language"]),
        _log(
            command, "a", "contact.split", "", now,
            agent=agent, contact=handle["contact_id"], into=new,
        ),
    )  # fmt: skip


def not_anothers(inquiry: Row, agent: str) -> None:
    """Raises `NotAllowed` when another agent has it."""
    if inquiry["assigned_to"] and inquiry["assigned_to"] != agent:
        raise NotAllowed(f"inquiry {inquiry['number']} is with {inquiry['assigned_to']}")


def _log(command: str, part: str, kind: str, inquiry_id: str, now: float, **data: str) -> Log:
    return Log(LogEvent(derived_id(command, f"e{part}"), kind, now, inquiry_id, {**data}))
