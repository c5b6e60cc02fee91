"""Remembers the promises of our texts: a date that an answer named, and the timer by which it is asked
about when it has passed (`gateway.workers.lapse`).

The dates lie in the dialogue of the inquiry (`promised`); its timer fires for the earliest. Firing
puts an event into the lane of the conversation, so that it is decided like a message: in order with
what the customer writes at that moment, once, and against what stands there then.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from gateway.answers.dialogue import MISSED
from gateway.domain.codec import encode
from gateway.domain.decision import Decision, Promise
from gateway.domain.elapsed import STORED_AS, Elapsed
from gateway.domain.model import JSON, InquiryState
from gateway.domain.plan import CLOSE_TIMER, PROMISE_TIMER, CancelTimer, SetTimer
from gateway.domain.snapshot import InquiryView
from gateway.domain.store import Row, Tx
from gateway.workers.draft import Draft

#: In the dialogue: the dates that were named and have not passed.
PROMISED = "promised"

OVER = (InquiryState.RESOLVED, InquiryState.CLOSED)


# ---------------------------------------------------------------- when it is made


def remembered(
    draft: Draft, inquiry: InquiryView, conversation_id: str, decision: Decision, *, said: bool
) -> Decision:
    """The decision with the dates that stand, its own among them, and the timer for the earliest.

    Args:
        draft: the plan in the making.
        inquiry: as it was before.
        conversation_id: where the customer is written to.
        decision: what the answering side wants.
        said: whether its text goes out.
    """
    if decision.evidence.get("solved"):
        draft.add(CancelTimer(PROMISE_TIMER, inquiry.id))
        return decision
    standing = {} if inquiry.state in OVER else standing_of(inquiry)
    new = {promise.fact: promise for promise in decision.promises if said}
    for promise in new.values():
        draft.log("promise.made", topic=promise.topic, fact=promise.fact, by=promise.by)
    standing |= new
    if not standing:
        return decision
    if new:
        draft.add(timer(inquiry.id, conversation_id, standing.values()))
    kept: list[JSON] = [asdict(promise) for promise in standing.values()]
    return replace(decision, dialogue={**decision.dialogue, PROMISED: kept})


def with_missed(inquiry: InquiryView, decision: Decision) -> Decision:
    """A "no" to the question whether it was done goes to people with what was promised."""
    missed = inquiry.dialogue.get(MISSED)
    if not missed or decision.evidence.get("solved") is not False:
        return decision
    evidence = {**decision.evidence, MISSED: missed}
    return replace(decision, reason=f"promise missed: {missed}", evidence=evidence)


def standing_of(inquiry: InquiryView) -> dict[str, Promise]:
    """What was promised and has not passed, by fact: the same promise made again is the newer one."""
    kept: Any = inquiry.dialogue.get(PROMISED) or ()
    return {one["fact"]: Promise(**one) for one in kept}


def timer(inquiry_id: str, conversation_id: str, promises: Iterable[Promise]) -> SetTimer:
    """The timer for the earliest of them."""
    due_at = min(promise.ask_at for promise in promises)
    return SetTimer(PROMISE_TIMER, inquiry_id, due_at, {"conversation": conversation_id})


# ---------------------------------------------------------------- when its time has come


def fire(tx: Tx, row: Row, event_id: str, now: float, close_after: float) -> None:
    """The effect of the timer, inside the unit that deletes it: an event to be planned. Silence is
    counted from now, so that nothing is closed before it is."""
    conversation_id = json.loads(row["payload"])["conversation"]
    conversation = tx.one("contacts.conversation_by_id", id=conversation_id)
    handle = tx.one("contacts.handle_of_conversation", id=conversation_id)
    if conversation is None or handle is None:
        return
    due_at = row["due_at"]
    tx.run(
        "intake.accept_one",
        id=event_id,
        account=conversation["account"],
        dedup_key=f"timer:{row['kind']}:{row['subject']}:{due_at}",
        lane=f"{conversation['account']}|{handle['address']}",
        type=STORED_AS,
        received_at=now,
        verified=STORED_AS,
        body=json.dumps(encode(Elapsed(row["kind"], row["subject"], conversation_id))),
    )
    if tx.value("timers.at", kind=CLOSE_TIMER, subject=row["subject"]) is not None:
        tx.run(
            "timers.set",
            kind=CLOSE_TIMER,
            subject=row["subject"],
            due_at=now + close_after,
            payload="{}",
        )
