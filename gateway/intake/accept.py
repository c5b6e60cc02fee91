"""Takes an event in: redact, one durable commit, and only then the acknowledgement.

Nothing here makes a network call, and nothing waits without a bound.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from gateway import steps
from gateway.domain.channel import ChannelEvent, Inbound, RawMail, Receipt
from gateway.domain.codec import kind_of
from gateway.domain.errors import GatewayError, Overloaded
from gateway.domain.store import Blobs, Store, Tx
from gateway.domain.world import Clock, Ids, Log
from gateway.intake.reading import MailRead, clean, read_and_redact, stored_form
from gateway.intake.redact import redact

T = TypeVar("T")

#: Bytes of text up to which redaction is done on the spot: a few dozen microseconds. More goes to a
#: worker process, so that one large message does not hold up everybody's acknowledgement.
INLINE_TEXT = 4096
#: Seconds a worker may spend on reading one mail before the mail goes to quarantine.
READ_SECONDS = 20.0


class Digester(Protocol):
    """The part of the installation key that intake needs."""

    def digest(self, purpose: str, data: bytes) -> str: ...


class Workers(Protocol):
    """The pool of worker processes."""

    async def run(self, function: Callable[..., T], *args: object, timeout: float) -> T: ...  # noqa: ASYNC109 - bounds the work, see gateway.compute


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """What a mail reader must know about ourselves."""

    own_addresses: frozenset[str] = frozenset()
    loop_marks: frozenset[str] = frozenset()


@dataclass(slots=True)
class Accept:
    """The way in, shared by webhook, listener and poller."""

    store: Store
    blobs: Blobs
    digester: Digester
    workers: Workers
    clock: Clock
    ids: Ids
    log: Log
    identity: MailIdentity = field(default_factory=MailIdentity)
    arrived: Callable[[], None] = lambda: None
    """Told after each commit that there is work."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(account, outcome) → number; outcome: accepted, duplicate, quarantined, refused, overloaded."""
    calls: int = 0
    """Webhook calls that wait for their answer now."""

    async def events(
        self,
        account: str,
        events: Sequence[ChannelEvent],
        verified: str,
        received_at: float | None = None,
    ) -> None:
        """Store the events of one call in one commit. Raises `Overloaded` with nothing stored."""
        now = self.clock.now() if received_at is None else received_at
        rows: list[dict[str, Any]] = []
        blobs: list[tuple[int, list[str]]] = []
        for event in events:
            # The key of what came, before anything is taken out of it.
            key = self.dedup_key(event)
            safe = clean(event) if _is_small(event) else await self._clean_elsewhere(event)
            if isinstance(safe, Inbound) and safe.attachments:
                safe, addresses = await self._keep_attachments(safe)
                blobs.append((len(rows), addresses))
            rows.append(self._row(account, safe, key, verified, now))
        steps.reach("accept.parsed")
        if rows:
            await self._commit(account, rows, blobs)

    async def mail(self, account: str, raw: RawMail) -> None:
        """Read and store one mail; what cannot be read is kept in quarantine. Returns after the
        commit. Raises `Overloaded` with nothing stored."""
        try:
            read = await self.workers.run(
                read_and_redact, raw, self.identity.own_addresses, self.identity.loop_marks,
                timeout=READ_SECONDS,
            )  # fmt: skip
        except Overloaded:
            self.counts[account, "overloaded"] += 1
            raise
        except Exception as error:  # noqa: BLE001 - whatever a mail does to its reader concerns it alone
            # Unreadable, or it killed or outlasted its worker, or our reader has a fault: to refuse
            # it would only bring it back. Keep it for a person.
            meta = {"mail_from": raw.sender, "recipients": list(raw.recipients)}
            await self.quarantine(account, raw.data, f"mail: {_told(error)}", meta)
            return
        await self.store_mail(account, read)

    async def store_mail(self, account: str, read: MailRead) -> None:
        now = self.clock.now()
        steps.reach("accept.parsed")
        rows: list[dict[str, Any]] = []
        blobs: list[tuple[int, list[str]]] = []
        for number, event in enumerate(read.events):
            key = self.digester.digest("dedup", read.fingerprint + number.to_bytes(4))
            safe = event
            if isinstance(event, Inbound) and event.attachments:
                safe, addresses = await self._keep_attachments(event)
                blobs.append((number, addresses))
            rows.append(self._row(account, safe, key, "smtp", now))
        await self._commit(account, rows, blobs)

    async def quarantine(
        self, account: str, data: bytes, reason: str, meta: dict[str, Any] | None = None
    ) -> str:
        """Keep encrypted what could not be read; the id under which it can be replayed."""
        address = await self.blobs.put(data)
        reason = redact(reason).text  # it may quote what it could not read
        row = {
            "id": self.ids.new(),
            "account": account,
            "stage": "read",
            "reason": reason[:500],
            "blob": address,
            "dedup_key": self.digester.digest("dedup", data),
            "event_id": "",
            "at": self.clock.now(),
            "meta": json.dumps(meta or {}, ensure_ascii=False),
        }

        def work(tx: Tx) -> int:
            new = tx.run("intake.quarantine", **row)
            if new:
                tx.run("meta.add_blob_ref", address=address, owner=row["id"])
            return new

        if await self.store.write(work):
            self.counts[account, "quarantined"] += 1
            self.log.warning("quarantined", account=account, reason=reason[:200])
        else:
            self.counts[account, "duplicate"] += 1
        return str(row["id"])

    # ------------------------------------------------------------ parts

    def dedup_key(self, event: ChannelEvent) -> str:
        """What makes the same provider event the same: its id, or a digest of all it says."""
        if isinstance(event, Receipt):
            return f"r:{event.external_id}:{event.status}:{event.recipient}"
        if event.external_id:
            return f"m:{event.external_id}"
        return f"h:{self.digester.digest('dedup', stored_form(event).encode())}"

    async def _clean_elsewhere(self, event: ChannelEvent) -> ChannelEvent:
        return await self.workers.run(clean, event, timeout=READ_SECONDS)

    async def _keep_attachments(self, event: Inbound) -> tuple[Inbound, list[str]]:
        addresses = [
            await self.blobs.put(a.data) if a.data is not None else "" for a in event.attachments
        ]
        kept = tuple(
            replace(a, data=None, blob=address)
            for a, address in zip(event.attachments, addresses, strict=True)
        )
        return replace(event, attachments=kept), [a for a in addresses if a]

    def _row(
        self, account: str, event: ChannelEvent, key: str, verified: str, now: float
    ) -> dict[str, Any]:
        return {
            "id": self.ids.new(),
            "account": account,
            "dedup_key": key,
            "lane": f"{account}|{event.lane}",
            "type": kind_of(event),
            "received_at": now,
            "verified": verified,
            "body": stored_form(event),
        }

    async def _commit(
        self, account: str, rows: list[dict[str, Any]], blobs: list[tuple[int, list[str]]]
    ) -> None:
        """One durable commit. `blobs`: (index of the row, addresses it names)."""
        steps.reach("accept.queued")
        try:
            if blobs:
                new = await self.store.write(lambda tx: _with_blobs(tx, rows, blobs))
            else:
                new = await self.store.insert("intake.accept", rows)
        except Overloaded:
            self.counts[account, "overloaded"] += 1
            raise
        if new:
            self.counts[account, "accepted"] += new
            self.arrived()
        if new < len(rows):
            self.counts[account, "duplicate"] += len(rows) - new
        steps.reach("ack.before")


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"


def _is_small(event: ChannelEvent) -> bool:
    return not isinstance(event, Inbound) or len(event.text) <= INLINE_TEXT


def _with_blobs(tx: Tx, rows: list[dict[str, Any]], blobs: list[tuple[int, list[str]]]) -> int:
    new = [tx.run("intake.accept_one", **row) for row in rows]
    for index, addresses in blobs:
        for address in addresses if new[index] else ():
            tx.run("meta.add_blob_ref", address=address, owner=rows[index]["id"])
    return sum(new)


@dataclass(frozen=True, slots=True)
class AccountSink:
    """Where the listener or poller of one account puts what it took (`gateway.domain.channel.Sink`)."""

    intake: Accept
    account: str
    verified: str = "listener"

    async def accept(self, event: ChannelEvent | RawMail) -> None:
        """Returns after the commit."""
        if isinstance(event, RawMail):
            # Shielded: a session that breaks off must not leave a mail half stored.
            await asyncio.shield(self.intake.mail(self.account, event))
        else:
            await self.intake.events(self.account, [event], self.verified)
