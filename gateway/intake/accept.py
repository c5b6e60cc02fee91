"""Takes an event in: redact, one durable commit, and only then the acknowledgement.

Nothing here makes a network call, and nothing waits without a bound.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from gateway import steps
from gateway.domain.channel import Batch, ChannelEvent, Edited, Inbound, RawMail, Receipt, Unsent
from gateway.domain.codec import kind_of
from gateway.domain.errors import Conflict, GatewayError, Overloaded, ParseError, WorkLost
from gateway.domain.store import Blobs, Store, Tx
from gateway.domain.world import Clock, Ids, Log
from gateway.intake.files import is_text
from gateway.intake.reading import MailRead, clean, read_and_redact, storable, stored_form
from gateway.intake.redact import STANDARD, Policy, redact

T = TypeVar("T")

#: Bytes of text up to which redaction is done on the spot: a few dozen microseconds. More goes to a
#: worker process, so that one large message does not hold up everybody's acknowledgement.
INLINE_TEXT = 4096
#: The key of the memo that holds where the next poll of an account begins, as JSON.
CURSOR = "poll.cursor"
#: Stored as the proof of what the provider gave when it was asked.
POLLED = "poll"
#: Seconds a worker may spend on reading one mail before the mail goes to quarantine.
READ_SECONDS = 20.0
#: Seconds a webhook waits for a worker to redact a large text; providers give up after 10 to 15.
CLEAN_PATIENCE = 8.0


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
    policy: Policy = STANDARD
    """What is taken out beyond secrets."""
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
        """Store the events of one call in one commit. With nothing stored, raises `Overloaded`, or
        `ParseError` for an event that cannot be made fit to be stored."""
        now = self.clock.now() if received_at is None else received_at
        rows, blobs = await self._prepared(account, events, verified, now)
        steps.reach("accept.parsed")
        if rows:
            await self._commit(account, rows, blobs)

    async def batch(self, account: str, batch: Batch, cursor: str | None) -> None:
        """Store what a poll brought, with where the next one begins, in one commit. An event that
        cannot be made fit to be stored is kept in quarantine, and the rest goes on.

        Args:
            account: whose poll it was.
            batch: what it brought.
            cursor: the stored cursor that it was asked with, None for the first; see `CURSOR`.

        Raises `Overloaded`, or `Conflict` when another poll has moved the cursor meanwhile: the
        events of this one are not lost, they come again.
        """
        now = self.clock.now()
        rows: list[dict[str, Any]] = []
        blobs: list[tuple[int, list[str]]] = []
        for event in batch.events:
            if isinstance(event, RawMail):
                await self.mail(account, event, POLLED)
                continue
            try:
                one, files = await self._prepared(account, [event], POLLED, now)
            except ParseError as error:
                data = stored_form(event).encode()
                await self.quarantine(account, data, f"poll: {error}", {"polled": kind_of(event)})
                continue
            blobs += [(len(rows) + index, addresses) for index, addresses in files]
            rows += one
        steps.reach("accept.parsed")
        moved = json.dumps(batch.next_cursor, sort_keys=True)
        if rows or moved != cursor:
            await self._commit(account, rows, blobs, (cursor, moved))

    async def _prepared(
        self, account: str, events: Sequence[ChannelEvent], verified: str, now: float
    ) -> tuple[list[dict[str, Any]], list[tuple[int, list[str]]]]:
        """Rows fit to be stored, and by index the files that they name. Raises as `events`."""
        rows: list[dict[str, Any]] = []
        blobs: list[tuple[int, list[str]]] = []
        for event in events:
            # The key of what came, before anything is taken out of it.
            try:
                key = self.dedup_key(event)
                small = _is_small(event)
                safe = clean(event, self.policy) if small else await self._clean_elsewhere(event)
            except Overloaded:
                self.counts[account, "overloaded"] += 1
                raise
            except ParseError:
                raise
            except Exception as error:
                # As with a mail: to refuse it would only bring it back. The caller keeps it.
                raise ParseError(f"cannot be redacted: {type(error).__name__}") from error
            if isinstance(safe, Inbound) and safe.attachments:
                safe, addresses = await self._keep_attachments(safe)
                blobs.append((len(rows), addresses))
            rows.append(self._row(account, safe, key, verified, now))
        return rows, blobs

    async def mail(self, account: str, raw: RawMail, verified: str = "smtp") -> None:
        """Read and store one mail; what cannot be read is kept in quarantine. Returns after the
        commit. Raises `Overloaded` with nothing stored. `verified`: how it came, and its proof."""
        try:
            read = await self._read(raw)
        except Overloaded:
            self.counts[account, "overloaded"] += 1
            raise
        except Exception as error:  # noqa: BLE001 - whatever a mail does to its reader concerns it alone
            # Unreadable, or it killed or outlasted its worker, or our reader has a fault: to refuse
            # it would only bring it back. Keep it for a person.
            meta = {"mail_from": raw.sender, "recipients": list(raw.recipients)}
            await self.quarantine(account, raw.data, f"mail: {_told(error)}", meta)
            return
        await self.store_mail(account, read, verified)

    async def _read(self, raw: RawMail) -> MailRead:
        own = self.identity
        return await self._elsewhere(
            read_and_redact, raw, own.own_addresses, own.loop_marks, self.policy
        )

    async def _elsewhere(self, function: Callable[..., T], *given: object) -> T:
        """In a worker; once more when it died under it: most often something else killed that one,
        such as a kernel short of memory. Input that did it itself does it again."""
        try:
            return await self.workers.run(function, *given, timeout=READ_SECONDS)
        except WorkLost:
            return await self.workers.run(function, *given, timeout=READ_SECONDS)

    async def store_mail(self, account: str, read: MailRead, verified: str = "smtp") -> None:
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
            rows.append(self._row(account, safe, key, verified, now))
        await self._commit(account, rows, blobs)

    async def quarantine(
        self,
        account: str,
        data: bytes,
        reason: str,
        meta: Mapping[str, Any] | None = None,
        sealed: Mapping[str, str] | None = None,
    ) -> str:
        """Keep encrypted what could not be read; the id under which it can be replayed.

        Args:
            account: whose input it is.
            data: what came.
            reason: one line for a person; redacted here.
            meta: what reading it again needs and everybody may see.
            sealed: what reading it again needs and may hold what the customer wrote.
        """
        more = json.dumps(sealed, sort_keys=True).encode() if sealed else b""
        key = self.digester.digest("dedup", more + b"\0" + data if sealed else data)
        # Asked first: of what is there already, or was until it expired, no bytes are written again.
        if known := await self._quarantined_as(account, key):
            self.counts[account, "duplicate"] += 1
            return known
        address = await self.blobs.put(data)
        kept, meta = [address], dict(meta or {})
        if sealed:
            meta["sealed"] = await self.blobs.put(more)
            kept.append(meta["sealed"])
        # It may quote what it could not read.
        reason = storable(redact(reason, policy=self.policy).text)
        row = {
            "id": self.ids.new(),
            "account": account,
            "stage": "read",
            "reason": reason[:500],
            "blob": address,
            "dedup_key": key,
            "event_id": "",
            "at": self.clock.now(),
            "meta": json.dumps(meta, ensure_ascii=False),
        }

        def work(tx: Tx) -> int:
            new = tx.run("intake.quarantine", **row)
            for named in kept if new else ():
                tx.run("meta.add_blob_ref", address=named, owner=row["id"])
            return new

        if not await self.store.write(work):
            # The same came twice at once; it names the same bytes.
            self.counts[account, "duplicate"] += 1
            return await self._quarantined_as(account, key)
        self.counts[account, "quarantined"] += 1
        self.log.warning("quarantined", account=account, reason=reason[:200])
        return str(row["id"])

    # ------------------------------------------------------------ parts

    async def _quarantined_as(self, account: str, key: str) -> str:
        """The id under which the same was kept before, '' where it was not."""
        values = {"account": account, "dedup_key": key}
        found = await self.store.read(lambda r: r.value("intake.quarantined_as", **values))
        return str(found or "")

    def dedup_key(self, event: ChannelEvent) -> str:
        """What makes the same provider event the same: its id, or a digest of all it says."""
        if isinstance(event, Receipt):
            return f"r:{event.external_id}:{event.status}:{event.recipient}"
        if isinstance(event, Edited):
            return f"e:{event.external_id}:{event.revision}"
        if isinstance(event, Unsent):
            return f"u:{event.external_id}"
        if event.external_id:
            return f"m:{event.external_id}"
        # The stored form leaves the bytes of files out: two photos of one size are two messages.
        files = b"".join(sha256(a.data).digest() for a in event.attachments if a.data is not None)
        return f"h:{self.digester.digest('dedup', stored_form(event).encode() + files)}"

    async def _clean_elsewhere(self, event: ChannelEvent) -> ChannelEvent:
        try:
            async with asyncio.timeout(CLEAN_PATIENCE):
                return await self._elsewhere(clean, event, self.policy)
        except TimeoutError as error:
            raise Overloaded("no worker came to redact it in time") from error

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
            "dedup_key": storable(key),
            "lane": storable(f"{account}|{event.lane}"),
            "type": kind_of(event),
            "received_at": now,
            "verified": verified,
            "body": stored_form(event),
        }

    async def _commit(
        self,
        account: str,
        rows: list[dict[str, Any]],
        blobs: list[tuple[int, list[str]]],
        cursor: tuple[str | None, str] | None = None,
    ) -> None:
        """One durable commit. `blobs`: (index of the row, addresses it names); `cursor`: (as it has to
        be, as it becomes)."""
        steps.reach("accept.queued")

        def work(tx: Tx) -> int:
            if cursor is not None:
                _move(tx, account, *cursor)
            return _with_blobs(tx, rows, blobs)

        try:
            if blobs or cursor is not None:
                new = await self.store.write(work)
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
    """Whether redacting it takes no noticeable time."""
    if isinstance(event, Receipt):
        return len(event.detail) + len(event.code) <= INLINE_TEXT
    if isinstance(event, Edited | Unsent):
        return isinstance(event, Unsent) or len(event.text) <= INLINE_TEXT
    if event.attachments and any(map(is_text, event.attachments)):
        return False
    size = len(event.text) + len(event.subject) + len(event.name)
    if event.facts or event.reply_to:
        size += len(str(event.facts)) + len(str(event.reply_to))
    return size <= INLINE_TEXT


def _move(tx: Tx, account: str, before: str | None, after: str) -> None:
    values = {"account": account, "key": CURSOR, "value": after}
    if before is None:
        moved = tx.run("meta.first", **values)
    else:
        moved = tx.run("meta.move", **values, before=before)
    if not moved:
        msg = f"another poll of {account} was faster"
        raise Conflict(msg)


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
