"""Automatic texts that are ready at once become one message, where a channel counts messages.

A received note, an answer and a place in the queue would use three places of a budget of five. The first
carries the text of the others from then on, whatever becomes of it; they keep their own words in the
conversation and say which message carried them.
"""

import json
from collections.abc import Mapping
from typing import Any

from gateway.domain.model import Visibility
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.splitting import TextLimit
from gateway.domain.store import Row, Tx

_BETWEEN = "\n\n"


def merged(tx: Tx, row: Row, now: float, limit: TextLimit) -> Row:
    """A leased row, with the automatic texts that are ready behind it and fit."""
    payload = json.loads(row["payload"])
    # What may have gone out is repeated word by word, or not at all.
    if row["slots"] or not _mergeable(payload):
        return row
    carried, taken = {**payload}, []
    for other in tx.all(
        "outbox.following",
        conversation_id=row["conversation_id"],
        created_at=row["created_at"],
        id=row["id"],
    ):
        more = json.loads(other["payload"])
        text = f"{carried['text']}{_BETWEEN}{more['text']}"
        ready = other["state"] == "ready" and other["due_at"] <= now and not other["slots"]
        alike = other["recipient"] == row["recipient"] and _mergeable(more)
        if not (ready and alike and limit.fits(text)):
            break
        # The place to answer at is that of the latest.
        latest = {
            key: more[key] for key in ("reply_to", "in_reply_to", "references") if key in more
        }
        inside = [*more.get("carries", ()), other["id"]]
        carried |= {"text": text, **latest, "carries": [*carried.get("carries", ()), *inside]}
        taken.append(other)
    if not taken:
        return row
    for other in taken:
        _take(tx, other, row["id"], now)
    words = json.dumps(carried, ensure_ascii=False, separators=(",", ":"))
    tx.run("outbox.carry", id=row["id"], payload=words)
    return {**row, "payload": words}


def _take(tx: Tx, other: Row, carrier: str, now: float) -> None:
    tx.run("outbox.carried", id=other["id"], carrier=carrier)
    # One that carried others before, when it was leased alone and given back.
    tx.run("outbox.hand_on", id=other["id"], carrier=carrier)
    event = derived_id(other["id"], "merged")
    data = {"message": other["id"], "into": carrier}
    tx.log(LogEvent(event, "message.merged", now, other["inquiry_id"], data))


def _mergeable(payload: Mapping[str, Any]) -> bool:
    return bool(
        payload["automatic"]
        and payload["visibility"] == Visibility.PRIVATE
        and not payload.get("attachments")
    )
