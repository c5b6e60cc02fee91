"""What a message of the customer does to the conversation: its window opens, its budget is whole again, and
what waited for that goes out.
"""

import json

from gateway.domain.plan import LogEvent, TouchConversation, derived_id
from gateway.domain.store import Tx
from gateway.domain.window import LONGEST_SEND

STALE = "stale"
"""The failure of what was written too long ago to go out by itself: a person decides."""


def touch(tx: Tx, op: TouchConversation, now: float) -> None:
    """Apply the operation. A message that comes late, after a later one, shortens nothing."""
    row = tx.one(
        "contacts.touch_conversation",
        id=op.conversation_id,
        # By the provider's clock, which may be ahead of ours.
        last_in_at=min(op.last_in_at, now),
        reply_to=json.dumps(dict(op.reply_to), ensure_ascii=False, separators=(",", ":")),
        opens=int(op.opens_window),
    )
    if row is None or not op.opens_window:
        return
    # What is on its way, or went out before we heard of the message, counts from now on once more:
    # the provider may see it behind the message.
    tx.run(
        "outbox.follow_turn",
        conversation_id=op.conversation_id,
        turn=row["turn"],
        last_in_at=row["last_in_at"],
        since=row["last_in_at"] - LONGEST_SEND,
    )
    for waiting in tx.all("outbox.shut", conversation_id=op.conversation_id):
        message, kind = waiting["id"], "message.resumed"
        if waiting["created_at"] >= op.resume_since:
            tx.run("outbox.release", id=message, due_at=now)
        else:
            tx.run("outbox.relabel", id=message, failure=STALE)
            kind = "message.stale"
        event = derived_id(message, f"turn{row['turn']}")
        tx.log(LogEvent(event, kind, now, waiting["inquiry_id"], {"message": message}))
