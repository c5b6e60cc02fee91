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

    async def remove(self, address: str) -> None:
        """Delete what nothing names any more; no error when it is gone."""
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


def expire(tx: Tx, before: float, now: float, limit: int = _BATCH) -> list[str]:
    """Forget the bytes of entries older than `before`; the addresses that nothing names any more.
    The entry stays, without its contents: the same input again is still known."""
    loose: list[str] = []
    for row in tx.all("intake.quarantine_outlived", before=before, n=limit):
        if not tx.run("intake.quarantine_erase", id=row["id"]):
            continue
        sealed = json.loads(row["meta"]).get("sealed", "")
        for address in (row["blob"], sealed) if sealed else (row["blob"],):
            tx.run("meta.drop_blob_ref", address=address, owner=row["id"])
            if not tx.value("meta.blob_named", address=address):
                loose.append(address)
        data = {"quarantine": row["id"], "account": row["account"]}
        tx.log(LogEvent(derived_id(row["id"], "xp"), "quarantine.expired", now, data=data))
    return list(dict.fromkeys(loose))


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
        """Delete a batch; how many pieces."""
        now = self.clock.now()
        loose = await self.store.write(lambda tx: expire(tx, now - self.keep, now))
        for address in loose:
            await self.bin.remove(address)
        return len(loose)
