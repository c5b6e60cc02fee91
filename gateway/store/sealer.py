"""The chain over the event log: gap-free numbers, and a hash that shows any later change.

`digest` covers salt and contents, `chain` covers the digests: contents can be erased (they lie in a
table of their own) without breaking the chain.
"""

from collections.abc import Iterable
from hashlib import sha256

from gateway.domain.plan import LogEvent
from gateway.domain.store import Reader, Row
from gateway.store.transaction import contents

GENESIS = "0" * 64


def digest(salt: str, data: str) -> str:
    """Digest of one event's contents."""
    return sha256(f"{salt}\n{data}".encode()).hexdigest()


def link(chain: str, seq: int, row: Row) -> str:
    """The chain value of an event, from that of the event before it."""
    line = f"{chain}\n{seq}\n{row['id']}\n{row['kind']}\n{row['inquiry_id']}\n{row['at']!r}\n{row['digest']}"
    return sha256(line.encode()).hexdigest()


def unsealed(
    events: Iterable[LogEvent],
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows for `events.append` and `events.append_contents`, without number and chain."""
    rows: list[dict[str, object]] = []
    inner: list[dict[str, object]] = []
    for event in events:
        salt, data = contents(event)
        rows.append(
            {
                "id": event.id,
                "seq": None,
                "kind": event.kind,
                "inquiry_id": event.inquiry_id,
                # What comes back from the column is a float, and the chain covers how it is written.
                "at": float(event.at),
                "digest": digest(salt, data),
                "chain": "",
            }
        )
        inner.append({"event_id": event.id, "salt": salt, "data": data})
    return rows, inner


def number(last: Row | None, rows: Iterable[Row]) -> list[dict[str, object]]:
    """The rows with number and chain, continuing after `last`."""
    seq = int(last["seq"]) if last else 0
    chain = str(last["chain"]) if last else GENESIS
    numbered: list[dict[str, object]] = []
    for row in rows:
        seq += 1
        chain = link(chain, seq, row)
        numbered.append({**row, "seq": seq, "chain": chain})
    return numbered


def seal(
    last: Row | None, events: Iterable[LogEvent]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows for `events.append` and `events.append_contents`, continuing after `last`."""
    rows, inner = unsealed(events)
    return number(last, rows), inner


def verify(reader: Reader, page: int = 1000) -> int:
    """Walk the whole chain; the number of sealed events. Raises ValueError at the first fault:
    a gap, a changed event, or contents that do not fit their digest."""
    seq, chain = 0, GENESIS
    while rows := reader.all("events.after", seq=seq, n=page):
        for row in rows:
            if row["seq"] != seq + 1:
                msg = f"event {seq + 1} is missing"
                raise ValueError(msg)
            seq += 1
            chain = link(chain, seq, row)
            if chain != row["chain"]:
                msg = f"event {seq} ({row['id']}) does not fit the chain"
                raise ValueError(msg)
            erased = row["data"] is None
            if not erased and digest(row["salt"], row["data"]) != row["digest"]:
                msg = f"the contents of event {seq} ({row['id']}) were changed"
                raise ValueError(msg)
    return seq
