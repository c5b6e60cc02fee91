"""What could not be read: opened by a named person for a recorded reason, and deleted in time.

It could not be redacted either, so it may hold anything. Nobody sees it but by `view`, and past its
days `Expiry` takes the bytes away.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.domain.errors import GatewayError, NotAllowed, NotFound
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Blobs, Row, Store, Tx
from gateway.domain.world import Clock, Ids, Log
from gateway.intake.redact import redact

#: Seconds between two looks for what is past its days.
EVERY = 3600.0
#: Entries of one transaction.
_BATCH = 200
_SHORTEST_REASON = 4


class Bin(Protocol):
    """Where bytes can be thrown away."""

    async def remove(self, address: str) -> bool:
        """Delete what nothing names any more; whether it is gone, also where it was already."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry as it came."""

    row: Row
    meta: dict[str, Any]
    """With what was sealed beside the bytes: the address that was called."""
    data: bytes


async def view(
    store: Store, blobs: Blobs, clock: Clock, ids: Ids, reference: str, agent: str, reason: str
) -> Opened:
    """Open one entry, having recorded who did it and why.

    Raises:
        NotFound: there is no such entry, or its bytes are deleted.
        NotAllowed: nobody says why.
    """
    said = redact(" ".join(reason.split())).text
    if len(said) < _SHORTEST_REASON or not agent.strip():
        raise NotAllowed("say who opens it and why (--agent, --reason); both are recorded")
    now, event = clock.now(), ids.new()

    def record(tx: Tx) -> Row:
        row = tx.one("intake.quarantined_one", id=reference)
        if row is None:
            raise NotFound(f"nothing in quarantine is called {reference!r}")
        if not row["blob"]:
            raise NotFound(f"{reference} has no bytes: it was read, or they are deleted")
        data = {"quarantine": reference, "agent": agent, "reason": said[:200]}
        tx.log(LogEvent(event, "quarantine.viewed", now, data=data))
        return row

    row = await store.write(record)  # first the record, then the look
    meta: dict[str, Any] = json.loads(row["meta"])
    if sealed := meta.pop("sealed", ""):
        meta |= json.loads(await blobs.get(sealed))
    return Opened(row, meta, await blobs.get(row["blob"]))


def addresses(row: Row) -> tuple[str, ...]:
    """What an entry names: its bytes, and what was sealed beside them."""
    sealed = json.loads(row["meta"]).get("sealed", "")
    return tuple(dict.fromkeys(filter(None, (row["blob"], sealed))))


def forget(tx: Tx, row: Row, now: float) -> bool:
    """Take the contents out of an entry; False when somebody else was faster. It stays without them:
    the same input again is still known."""
    if not tx.run("intake.quarantine_erase", id=row["id"]):
        return False
    for address in addresses(row):
        tx.run("meta.drop_blob_ref", address=address, owner=row["id"])
    data = {"quarantine": row["id"], "account": row["account"]}
    tx.log(LogEvent(derived_id(row["id"], "xp"), "quarantine.expired", now, data=data))
    return True


@dataclass(slots=True)
class Expiry:
    """One loop; several processes may run it side by side."""

    store: Store
    bin: Bin
    clock: Clock
    log: Log
    keep: float
    """Seconds."""

    async def run(self) -> None:
        """Look once an hour, until cancelled."""
        while True:
            try:
                while await self.once():
                    pass
            except GatewayError as error:
                self.log.warning("quarantine waits to be emptied", why=str(error))
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Empty a batch of entries; how many. The bytes go first: whoever dies in between does it
        again, and nothing lies about that no entry names."""
        now, emptied = self.clock.now(), 0
        before = now - self.keep
        rows = await self.store.read(
            lambda r: r.all("intake.quarantine_outlived", before=before, n=_BATCH)
        )
        for row in rows:
            await self._throw_away(row)
            emptied += await self._forget(row, now)
        return emptied

    async def _forget(self, row: Row, now: float) -> bool:
        return await self.store.write(lambda tx: forget(tx, row, now))

    async def _throw_away(self, row: Row) -> None:
        named = await self.store.read(
            lambda r: {one: r.value("meta.blob_named", address=one) for one in addresses(row)}
        )
        for address, entries in named.items():
            if entries <= 1:  # this one
                await self.bin.remove(address)
