"""What an administrator decides about the machinery: parked transmissions, certificates."""

from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.plan import LogEvent
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Ids

#: Where a person's decision is wanted; everything else the outbox does by itself.
_RETRIED = frozenset({"parked", "dropped"})


async def send_again(store: Store, clock: Clock, ids: Ids, reference: str, agent: str) -> Row:
    """Let a parked or dropped transmission go out, now.

    Returns:
        The outbox row as it was: with the failure `unknown` the customer may get it twice.

    Raises:
        NotFound: there is no such row.
        NotAllowed: it is under way, or out.
    """
    now, event = clock.now(), ids.new()

    def work(tx: Tx) -> Row:
        row = tx.one("outbox.by_id", id=reference)
        if row is None:
            raise NotFound(f"nothing in the outbox is called {reference!r}")
        if row["state"] not in _RETRIED:
            raise NotAllowed(f"{reference} is {row['state']}; only parked and dropped ones wait")
        tx.run("outbox.release", id=reference, due_at=now)
        tx.run("messages.advance", id=reference)
        tx.run("messages.queued_again", id=reference)
        data = {"message": reference, "agent": agent, "failure": row["failure"]}
        tx.log(LogEvent(event, "message.released", now, row["inquiry_id"], data))
        return row

    row = await store.write(work)
    store.tell("outbox")
    return row


async def revoke(store: Store, clock: Clock, ids: Ids, certificate: str, agent: str) -> None:
    """End a certificate: from now on nothing is answered because of it. Raises `NotFound`."""
    now, event = clock.now(), ids.new()

    def work(tx: Tx) -> None:
        if not tx.run("certificates.revoke", id=certificate, at=now):
            raise NotFound(f"no certificate {certificate!r} is in force")
        data = {"certificate": certificate, "agent": agent}
        tx.log(LogEvent(event, "certificate.revoked", now, data=data))

    await store.write(work)
