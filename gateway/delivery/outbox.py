"""What happens to outbox rows, as units of work: lease, begun, and each possible end."""

import json
from typing import Any

from gateway.domain.channel import Outbound, Sent
from gateway.domain.codec import decode_attachment
from gateway.domain.errors import Conflict, DeliveryError, Failure
from gateway.domain.model import DeliveryState, Visibility
from gateway.domain.plan import LogEvent
from gateway.domain.store import Row, Tx

#: Told to the pipeline as a receipt when a message can never go out; see `gateway.workers.snapshots`.
OWN_ID = "outbox:"


def outbound(row: Row) -> Outbound:
    """The message of a row, as it was rendered once."""
    payload: dict[str, Any] = json.loads(row["payload"])
    return Outbound(
        id=row["id"],
        to=row["recipient"],
        text=payload["text"],
        visibility=Visibility(payload["visibility"]),
        automatic=payload["automatic"],
        subject=payload.get("subject", ""),
        language=payload.get("language", ""),
        number=payload.get("number", ""),
        message_id=payload.get("message_id", ""),
        in_reply_to=payload.get("in_reply_to", ""),
        references=tuple(payload.get("references") or ()),
        attachments=tuple(decode_attachment(item) for item in payload.get("attachments") or ()),
        reply_to=payload.get("reply_to") or {},
        created_at=row["created_at"],
        attempt=row["attempts"],
    )


def lease(tx: Tx, account: str, owner: str, now: float, until: float, n: int) -> list[Row]:
    """Take the next rows of an account: none of a conversation that has an earlier one open."""
    taken = []
    for due in tx.all("outbox.due", account=account, now=now, n=n):
        row = tx.one("outbox.lease", id=due["id"], owner=owner, until=until)
        if row is not None:
            taken.append(row)
    return taken


def begun(tx: Tx, row: Row, owner: str, now: float) -> None:
    """From here on the message may be out. Raises `Conflict` when the lease was lost."""
    if not tx.run("outbox.begun", id=row["id"], owner=owner, at=now):
        msg = f"outbox row {row['id']} is no longer ours"
        raise Conflict(msg)


def record(tx: Tx, row: Row, sent: Sent, event_id: str, now: float) -> None:
    """The provider took it."""
    tx.run("outbox.sent", id=row["id"], external_id=sent.external_id, at=now)
    if sent.external_id:
        tx.run("messages.set_external", id=row["id"], external_id=sent.external_id)
    state = DeliveryState.SENT
    tx.run(
        "messages.deliver", id=row["id"], delivery=state.value, delivery_rank=state.rank, detail=""
    )
    _log(tx, event_id, "message.sent", row, now, attempts=row["attempts"], parts=sent.parts)


def again(tx: Tx, row: Row, due_at: float, error: DeliveryError) -> None:
    """It surely did not go out."""
    tx.run(
        "outbox.again",
        id=row["id"],
        due_at=due_at,
        failure=error.failure.value,
        detail=error.detail[:300],
    )


def unsure(tx: Tx, row: Row, due_at: float, detail: str) -> None:
    """It may be out; the provider will be asked."""
    tx.run("outbox.unknown", id=row["id"], due_at=due_at, detail=detail[:300])


def park(tx: Tx, row: Row, failure: Failure, detail: str, event_id: str, now: float) -> None:
    """A person decides (`gateway outbox list`, `gateway outbox retry`)."""
    tx.run("outbox.stop", id=row["id"], state="parked", failure=failure.value, detail=detail[:300])
    _log(tx, event_id, "message.parked", row, now, failure=failure.value, detail=detail[:200])


def give_up(tx: Tx, row: Row, error: DeliveryError, event_id: str, now: float) -> None:
    """It will never go out: the pipeline is told, so that a person looks after the inquiry."""
    tx.run(
        "outbox.stop",
        id=row["id"],
        state="dropped",
        failure=error.failure.value,
        detail=error.detail[:300],
    )
    if error.failure is Failure.OPTED_OUT:
        handle = tx.one("contacts.handle_of_conversation", id=row["conversation_id"])
        if handle is not None:
            tx.run("contacts.flag_handle", id=handle["id"], flag="opted_out")
    news = f"{OWN_ID}{row['id']}"
    tx.run(
        "intake.accept_one",
        id=event_id,
        account=row["account"],
        dedup_key=f"r:{news}:{row['attempts']}",
        lane=f"{row['account']}|receipt:{news}",
        type="receipt",
        received_at=now,
        verified="own",
        body=json.dumps(
            {
                "external_id": news,
                "status": DeliveryState.FAILED.value,
                "at": now,
                "code": error.provider_code,
                "detail": f"{error.failure}: {error.detail}"[:300],
                "recipient": "",
            },
            ensure_ascii=False,
        ),
    )


def _log(tx: Tx, event_id: str, kind: str, row: Row, now: float, **data: Any) -> None:
    tx.log(LogEvent(event_id, kind, now, row["inquiry_id"], {"message": row["id"], **data}))
