"""A database file with as many messages as are wanted, and all that belongs to them.

python -m tests.store.filled FILE MESSAGES
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.domain.plan import LogEvent
from gateway.store import sealer
from gateway.store.sqlite import SqliteStore

#: Messages of one inquiry, every second of them ours.
PER_INQUIRY = 4
START = 1_760_000_000.0


async def _made(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()


def fill(path: Path, messages: int) -> None:
    """Make the database and write to it as a gateway would have, in one go."""
    asyncio.run(_made(path))
    fill_made(path, messages)


def fill_made(path: Path, messages: int) -> None:
    """The same for a database that is there."""
    inquiries = range(messages // PER_INQUIRY)
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in _tables(inquiries):
            _insert(connection, table, rows)
        events, contents = sealer.seal(None, _events(inquiries))
        _insert(connection, "events", events)
        _insert(connection, "event_contents", contents)
        connection.commit()


def _tables(inquiries: range) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    yield (
        "contacts",
        (
            {"id": f"c{n}", "name": f"客户 {n}", "language": "zh-CN", "created_at": START + n}
            for n in inquiries
        ),
    )
    yield "handles", (
        {"id": f"h{n}", "contact_id": f"c{n}", "space": "app", "address": f"user-{n}",
         "trust": "verified", "created_at": START + n}
        for n in inquiries
    )  # fmt: skip
    yield (
        "conversations",
        (
            {"id": f"v{n}", "account": "app", "handle_id": f"h{n}", "created_at": START + n}
            for n in inquiries
        ),
    )
    yield "inquiries", (
        {"id": f"i{n}", "number": f"250101-{n:06}", "conversation_id": f"v{n}",
         "contact_id": f"c{n}", "brand": "demo", "account": "app", "channel": "http",
         "state": "queued", "queue": "general", "created_at": START + n, "updated_at": START + n,
         "waiting_since": START + n / 7}
        for n in inquiries
    )  # fmt: skip
    yield "raw_events", (_raw(n, m) for n in inquiries for m in range(0, PER_INQUIRY, 2))
    yield "messages", (_message(n, m) for n in inquiries for m in range(PER_INQUIRY))
    yield "outbox", (_sent(n, m) for n in inquiries for m in range(1, PER_INQUIRY, 2))
    yield "timers", ({"kind": "close", "subject": f"i{n}", "due_at": START} for n in inquiries)
    yield "meta", iter([{"key": "installation_key", "value": "0123456789abcdef"}])


def _raw(n: int, m: int) -> dict[str, Any]:
    return {
        "id": f"e{n}.{m}", "account": "app", "dedup_key": f"m{n}.{m}", "lane": f"app|user-{n}",
        "type": "inbound", "received_at": START + n + m / 3, "verified": "hmac", "state": "done",
        "body": '{"text": "提现三天了还没到账"}',
    }  # fmt: skip


def _message(n: int, m: int) -> dict[str, Any]:
    return {
        "id": f"m{n}.{m}", "account": "app", "conversation_id": f"v{n}", "inquiry_id": f"i{n}",
        "direction": "out" if m % 2 else "in", "visibility": "public", "automatic": m % 2,
        "author": "gateway" if m % 2 else "customer", "at": START + n + m / 3,
        "text": f"第 {m} 条 \t 50% \\N \n of inquiry {n}: " + "a line of ordinary length. " * 4,
    }  # fmt: skip


def _sent(n: int, m: int) -> dict[str, Any]:
    return {
        "id": f"m{n}.{m}", "account": "app", "conversation_id": f"v{n}", "inquiry_id": f"i{n}",
        "recipient": f"user-{n}", "payload": "{}", "state": "sent", "created_at": START + n,
        "due_at": START + n, "sent_at": START + n + 0.1,
    }  # fmt: skip


def _events(inquiries: range) -> Iterator[LogEvent]:
    for n in inquiries:
        for m in range(PER_INQUIRY):
            yield LogEvent(f"l{n}.{m}", "message.added", START + n + m / 3, f"i{n}", {"n": m})


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    if (first := next(rows, None)) is None:
        return
    names = list(first)
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    connection.execute(sql, list(first.values()))
    connection.executemany(sql, (list(row.values()) for row in rows))


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
