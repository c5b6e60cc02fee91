"""What happens to outbox rows, as units of work: lease, begun, and each possible end.

Any number of processes work on the same rows. A row is one process's own from its lease, or from
taking it over, to what it makes of it; every such outcome is conditional on that, so a process that
was frozen and lost the row changes nothing when it wakes. The one exception is `record`.
"""

import json
from collections.abc import Sequence
from typing import Any

from gateway.domain.channel import Outbound, Sent
from gateway.domain.codec import decode_attachment
from gateway.domain.errors import Conflict, DeliveryError, Failure, NotFound
from gateway.domain.model import DeliveryState, Visibility
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.reply import OWN_ID
from gateway.domain.store import Row, Tx

#: Prefix of the `external_id` of what goes, or went, into the reply to a call, from `begun` on; then
#: the id of the event that it answers.
HERE = "here:"


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


def begun(tx: Tx, row: Row, now: float, until: float, *, slots: int = 0) -> int:
    """From here on the message may be out, and the row is ours until `until`. It takes `slots` of what a
    budget allows (`gateway.delivery.windows`). Returns the turn of the conversation.

    Raises `Conflict` when the lease has run out or was taken over.
    """
    marked = tx.one("outbox.begun", **_mark(row), at=now, until=until, slots=slots)
    _ours(row, marked is not None)
    return 0 if marked is None else int(marked["turn"])


def record(tx: Tx, row: Row, sent: Sent, event_id: str, now: float, *, slots: int = 0) -> None:
    """The provider took what we sent.

    That is a fact which no other process can know, so it holds whoever has the row by now. The lease
    outlasts a transmission twice, yet a process that was frozen, or that could not reach the database
    for long, may come late. Then another one has taken the row over, and this record is the safest end
    of whatever it made of it: ready or leased, it does not go out a second time (`begun` finds no lease);
    unknown or parked, nobody has to ask; begun or dropped, a second try was under way or refused, and
    there is no third. What the other writes afterwards finds the row no longer its own.

    Run again after its own commit it changes nothing and tells nothing twice.

    `slots`: how many of a budget it has used at least, whatever another process made of it.
    """
    if tx.run("outbox.sent", id=row["id"], external_id=sent.external_id, at=now, slots=slots):
        _out(tx, row, sent, event_id, now)


def found(tx: Tx, row: Row, listed: Sequence[Sent], event_id: str, now: float) -> None:
    """Record the first of the provider's list that is not the proof of another row. Unlike `record`
    this is our reading of a list, so it holds only while the row is ours.

    Raises:
        NotFound: the list does not have it.
        Conflict: the row is no longer ours.
    """
    tx.run("outbox.one_by_one", conversation_id=row["conversation_id"])
    for sent in listed:
        values = {"external_id": sent.external_id}
        if not tx.value("outbox.recorded", account=row["account"], **values):
            _ours(row, tx.run("outbox.found", **_mark(row), at=now, **values))
            _out(tx, row, sent, event_id, now)
            return
    msg = "not in the provider's list"
    raise NotFound(msg)


def _out(tx: Tx, row: Row, sent: Sent, event_id: str, now: float) -> None:
    if sent.external_id:
        tx.run("messages.set_external", id=row["id"], external_id=sent.external_id)
    state = DeliveryState.SENT
    tx.run("messages.advance", id=row["id"])
    tx.run(
        "messages.deliver", id=row["id"], delivery=state.value, delivery_rank=state.rank, detail=""
    )
    said: dict[str, Any] = {"attempts": row["attempts"], "parts": sent.parts}
    _log(tx, event_id, "message.sent", row, now, **said)
    for number, inside in enumerate(_carried(tx, row)):
        tx.run(
            "messages.deliver",
            id=inside["id"],
            delivery=state.value,
            delivery_rank=state.rank,
            detail="",
        )
        event = derived_id(event_id, f"c{number}")
        _log(tx, event, "message.sent", inside, now, **said, carrier=row["id"])
    if '"carries"' in row["payload"]:
        values = {"external_id": sent.external_id, "at": now}
        tx.run("outbox.end_carried", carrier=row["id"], state="sent", **values)


def _carried(tx: Tx, row: Row) -> list[Row]:
    """The messages whose texts it carries."""
    return tx.all("outbox.carried_by", carrier=row["id"]) if '"carries"' in row["payload"] else []


def again(tx: Tx, row: Row, due_at: float, error: DeliveryError) -> None:
    """It surely did not go out. Raises `Conflict` when the row is no longer ours."""
    detail = error.detail[:300]
    changed = tx.run(
        "outbox.again", **_mark(row), due_at=due_at, failure=error.failure.value, detail=detail
    )
    _ours(row, changed)


def unsure(tx: Tx, row: Row, due_at: float, detail: str) -> None:
    """It may be out; the provider will be asked. Raises `Conflict` when the row is no longer ours."""
    _ours(row, tx.run("outbox.unknown", **_mark(row), due_at=due_at, detail=detail[:300]))


def park(tx: Tx, row: Row, failure: Failure, detail: str, event_id: str, now: float) -> None:
    """A person decides (`gateway outbox list`, `gateway outbox retry`).

    Raises `Conflict` when the row is no longer ours.
    """
    _stop(tx, row, "parked", failure, detail)
    _log(tx, event_id, "message.parked", row, now, failure=failure.value, detail=detail[:200])


def give_up(tx: Tx, row: Row, error: DeliveryError, event_id: str, now: float) -> None:
    """It will never go out: the pipeline is told, so that a person looks after the inquiry.

    Raises `Conflict` when the row is no longer ours.
    """
    _stop(tx, row, "dropped", error.failure, error.detail)
    if error.failure is Failure.OPTED_OUT:
        handle = tx.one("contacts.handle_of_conversation", id=row["conversation_id"])
        if handle is not None:
            tx.run("contacts.flag_handle", id=handle["id"], flag="opted_out")
    _tell(tx, row, row["id"], error, event_id, now)
    told = {row["inquiry_id"]}
    for number, inside in enumerate(_carried(tx, row)):
        if inside["inquiry_id"] not in told:
            told.add(inside["inquiry_id"])
            _tell(tx, row, inside["id"], error, derived_id(event_id, f"c{number}"), now)


def _tell(tx: Tx, row: Row, message: str, error: DeliveryError, event_id: str, now: float) -> None:
    """News of a message that never left, as a receipt for the pipeline."""
    news = f"{OWN_ID}{message}"
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


def let_go(tx: Tx, owner: str) -> None:
    """The process ends: others may have its rows at once. What it began may be out; whoever takes
    that over settles it as such."""
    tx.run("outbox.give_back", owner=owner)
    tx.run("outbox.end_leases", owner=owner)


def _mark(row: Row) -> dict[str, Any]:
    """By what a row is still ours: nobody else took it, and neither did we a second time."""
    return {"id": row["id"], "owner": row["owner"], "attempts": row["attempts"]}


def _ours(row: Row, changed: int | bool) -> None:
    if not changed:
        msg = f"outbox row {row['id']} is no longer ours"
        raise Conflict(msg)


def _stop(tx: Tx, row: Row, state: str, failure: Failure, detail: str) -> None:
    changed = tx.run(
        "outbox.stop", **_mark(row), state=state, failure=failure.value, detail=detail[:300]
    )
    _ours(row, changed)


def _log(tx: Tx, event_id: str, kind: str, row: Row, now: float, **data: Any) -> None:
    tx.log(LogEvent(event_id, kind, now, row["inquiry_id"], {"message": row["id"], **data}))
