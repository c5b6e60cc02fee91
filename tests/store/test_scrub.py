"""What no row says any more is not in the database's files either."""

import random

import pytest

from gateway.domain.store import Tx
from gateway.store import sqlite
from tests.store.engines import SqliteEngine

WORDS = [f"QZX{n:05d}" for n in range(1500)]


async def written_and_forgotten(engine: SqliteEngine) -> list[str]:
    """Events whose ids do not ascend, so that pages are divided; then none says anything. Which words
    stand in the files after a scrub."""
    lots = random.Random(7)
    order = lots.sample(range(len(WORDS)), len(WORDS))

    def fill(tx: Tx) -> None:
        for n in order:
            tx.run(
                "intake.accept_one", id=f"e{n:05d}", account="app", dedup_key=f"m:{n}", lane="l",
                type="message", received_at=0.0, verified="",
                body=f"{WORDS[n]}{'z' * lots.choice((0, 20, 300, 3000, 9000))}",
            )  # fmt: skip
        ends = [{"id": f"e{n:05d}", "state": "done", "error": ""} for n in order]
        tx.run_many("intake.finish", ends)

    async with engine.opened() as store:
        await store.write(fill)
        await store.write(lambda tx: [tx.run("intake.forget", id=f"e{n:05d}") for n in order])
        assert await store.scrub()
        written = engine.written_bytes()
    return [word for word in WORDS if word.encode() in written]


async def test_a_scrubbed_database_holds_nothing_of_what_was_forgotten(
    sqlite_only: SqliteEngine,
) -> None:
    assert await written_and_forgotten(sqlite_only) == []


async def test_a_large_database_is_not_written_anew_and_divided_pages_keep_a_copy(
    sqlite_only: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the first is: docs/operate/messages.md tells operators what to do."""
    monkeypatch.setattr(sqlite, "ANEW", 0)
    left = await written_and_forgotten(sqlite_only)
    assert 0 < len(left) < len(WORDS) / 20
