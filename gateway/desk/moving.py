"""Sends what could not go out to another address of the same customer."""

import json
from collections.abc import Mapping

from gateway.desk import ways
from gateway.desk.commands import Desk
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import DeliveryState
from gateway.domain.plan import LogEvent, Plan, derived_id
from gateway.domain.reply import Reply, outgoing
from gateway.domain.snapshot import AccountView
from gateway.domain.store import Reader, Row, Tx


def offers(
    reader: Reader, reference: str, accounts: Mapping[str, AccountView], now: float
) -> list[ways.Way]:
    """Where a parked message could go instead; none for one that may be out."""
    row = reader.one("outbox.by_id", id=reference)
    if row is None or row["state"] != "parked" or row["failure"] == "unknown" or row["slots"]:
        return []
    return ways.others(reader, _inquiry(reader, row), accounts, now)


async def move(desk: Desk, reference: str, handle: str, agent: str) -> str:
    """Take a parked or dropped message out of the outbox and put its text in again as a message to another
    handle, as one unit: it goes out there or here, never both.

    Args:
        desk: writes it.
        reference: the row of the outbox.
        handle: a proved address of the same customer, as `ways.other` reads it.
        agent: who decided.

    Returns the new message's id.

    Raises:
        NotFound: there is no such row.
        NotAllowed: it is under way, out, or may be out; or it cannot go to that handle.
    """
    command, now = desk.ids.new(), desk.clock.now()

    def work(tx: Tx) -> None:
        row = tx.one("outbox.by_id", id=reference)
        if row is None:
            raise NotFound(f"nothing in the outbox is called {reference!r}")
        inquiry = _inquiry(tx, row)
        way = ways.other(tx, inquiry, desk.accounts, now, handle)
        reply = _reply(row, inquiry, way, derived_id(command, "out"), _author(tx, reference))
        allowed = desk.allowed.get(way.account.id, Allowed())
        if why := refusal(reply.text, allowed, way.recipient) or way.refusal(reply.text):
            raise NotAllowed(f"it cannot go to {way.handle}: {why}")
        _leave(tx, row, f"moved to {way.handle} as {reply.id}", now)
        desk.apply(tx, Plan(command, outgoing(reply, way.account, now)), now)
        data = {"message": reference, "agent": agent, "to": way.account.id, "as": reply.id}
        tx.log(LogEvent(derived_id(command, "e"), "message.moved", now, inquiry["id"], data))

    await desk.store.write(work)
    desk.store.tell("outbox")
    return derived_id(command, "out")


def _inquiry(reader: Reader, row: Row) -> Row:
    inquiry = reader.one("inquiries.by_id", id=row["inquiry_id"])
    if inquiry is None:
        raise NotFound(f"the inquiry of {row['id']} is gone")
    return inquiry


def _author(reader: Reader, reference: str) -> str:
    author: str | None = reader.value("messages.author", id=reference)
    return author or "gateway"


def _reply(row: Row, inquiry: Row, way: ways.Way, name: str, author: str) -> Reply:
    payload = json.loads(row["payload"])
    if payload.get("attachments"):
        raise NotAllowed("files cannot be moved to another channel")
    return Reply(
        id=name,
        conversation_id=way.conversation_id,
        inquiry_id=inquiry["id"],
        number=inquiry["number"],
        recipient=way.recipient,
        text=payload["text"],
        author=author,
        automatic=payload["automatic"],
        language=payload.get("language", ""),
        subject=way.context.get("subject") or inquiry["subject"],
        context=way.context,
        meta={"moved_from": row["id"]},
    )


def _leave(tx: Tx, row: Row, detail: str, now: float) -> None:
    """Nothing sends it any more, whatever the customer does; with what it carries."""
    if not tx.run("outbox.leave", id=row["id"], state="moved", detail=detail):
        msg = f"{row['id']} is {row['state']}"
        if row["state"] in ("parked", "dropped"):
            msg += ", and nobody knows whether it went out"
        raise NotAllowed(f"{msg}; only what surely did not go out can be moved")
    tx.run("outbox.end_carried", carrier=row["id"], state="moved", external_id="", at=now)
    state = DeliveryState.FAILED
    values = {"delivery": state.value, "delivery_rank": state.rank, "detail": detail}
    tx.run("messages.advance", id=row["id"])
    tx.run("messages.deliver", id=row["id"], **values)
    tx.run("messages.deliver_carried", carrier=row["id"], **values)
