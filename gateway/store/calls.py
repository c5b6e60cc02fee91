"""What a plan writes of callbacks: one that is asked for, and one whose time the customer has said."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.domain.errors import Conflict
from gateway.domain.plan import CALLBACK_TIMER, LogEvent, MoveCallback, RequestCallback
from gateway.domain.store import Tx


def request(tx: Tx, op: RequestCallback, now: float) -> None:
    """Apply the operation; its timer fires at once. Raises `Conflict` where the inquiry is gone."""
    if tx.one("callbacks.latest_of", inquiry_id=op.inquiry_id) is not None:
        return
    inquiry = tx.one("inquiries.by_id", id=op.inquiry_id)
    if inquiry is None:
        msg = f"inquiry {op.inquiry_id} is gone"
        raise Conflict(msg)
    place = {"waiting_since": inquiry["waiting_since"] or now, "rank": inquiry["rank"]}
    tx.run(
        "callbacks.add",
        id=op.callback_id,
        inquiry_id=op.inquiry_id,
        state=op.state,
        moment=op.moment,
        number=op.number,
        created_at=now,
        body=_written({**op.body, **place}),
    )
    tx.run("timers.set", kind=CALLBACK_TIMER, subject=op.callback_id, due_at=now, payload="{}")
    data: dict[str, Any] = {"callback": op.callback_id, "state": op.state, "by": "customer"}
    tx.log(LogEvent(f"{op.callback_id}.e", "callback.requested", now, op.inquiry_id, data))


def move(tx: Tx, op: MoveCallback, now: float) -> None:
    """Apply the operation; its timer fires at once. Raises `Conflict` where something has happened to it."""
    state, moment = op.was
    if not tx.run(
        "callbacks.move",
        id=op.callback_id,
        was=state,
        seen=moment,
        state=op.state,
        moment=op.moment,
        body=_written(op.body),
    ):
        msg = f"callback {op.callback_id} is no longer as it was seen"
        raise Conflict(msg)
    tx.run("timers.set", kind=CALLBACK_TIMER, subject=op.callback_id, due_at=now, payload="{}")


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(dict(body), ensure_ascii=False, separators=(",", ":"))
