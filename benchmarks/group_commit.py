"""Durable rows per second: many writers sharing commits against one by one, same table, same disk."""

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.report import Figure, say
from gateway.domain.store import Tx
from gateway.store.sqlite import SqliteStore

WRITERS = 32
ROUNDS = 5


def _row(writer: int, number: int) -> dict[str, object]:
    return {
        "id": f"{number:012d}{writer:012d}",
        "account": "load",
        "dedup_key": f"m:{writer}-{number}",
        "lane": f"load|customer-{writer}",
        "type": "message",
        "received_at": 1.0,
        "verified": "benchmark:",
        "body": "x" * 600,
    }


def _work(row: dict[str, object], tx: Tx) -> int:
    return tx.run("intake.accept_one", **row)


async def _rate(writers: int, seconds: float) -> float:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = SqliteStore(Path(folder) / "rows.sqlite")
        await store.open()
        stop = time.perf_counter() + seconds
        count = 0

        async def write(writer: int) -> None:
            nonlocal count
            number = 0
            while time.perf_counter() < stop:
                number += 1
                row = _row(writer, number)

                await store.write(partial(_work, row))
                count += 1

        started = time.perf_counter()
        await asyncio.gather(*(write(writer) for writer in range(writers)))
        took = time.perf_counter() - started
        await store.close()
        return count / took


def group_commit(rounds: int = ROUNDS, seconds: float = 2.0) -> list[Figure]:
    """Units of work with 32 writers against one writer that waits for each commit."""
    pairs = []
    for number in range(1, rounds + 1):
        alone = asyncio.run(_rate(1, seconds))
        shared = asyncio.run(_rate(WRITERS, seconds))
        pairs.append((shared, alone))
        say(
            f"group_commit {number}/{rounds}: {shared:.0f}/s with {WRITERS} writers, {alone:.0f}/s one by one"
        )
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    shared, alone = pairs[len(pairs) // 2]
    return [Figure("group_commit", shared, "1/s", alone, shared / alone)]
