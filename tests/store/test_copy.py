"""A copy from SQLite to PostgreSQL is the same to the last sign, or it is not made."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from gateway.domain.errors import StoreError
from gateway.store import copy as copying
from gateway.store.copy import Different, check_ends, copy
from gateway.store.look import look
from gateway.store.postgres import PostgresStore
from gateway.store.sqlite import SqliteStore
from tests.postgres import drop_database
from tests.store.filled import PER_INQUIRY, fill_made

MESSAGES = 2_000


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.sqlite"
    store = SqliteStore(path)
    await store.open()
    await store.close()
    fill_made(path, MESSAGES)
    return path


@pytest.fixture
def empty(postgres) -> Iterator[str]:
    url = postgres.create_database()
    yield url
    drop_database(url)


@pytest.fixture
async def target(empty: str) -> str:
    """Empty, with the schema of this release."""
    store = PostgresStore(empty)
    await store.open()
    await store.close()
    return empty


def changed(source: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute(sql, values)
        connection.commit()


def rows_of(source: Path, url: str, table: str) -> tuple[list, list]:
    """All rows on both sides, by their first column, as they are there."""
    with look(f"sqlite:{source}", Path()) as old, look(url, Path()) as new:
        names = [r["name"] for r in old.connection.execute(f"PRAGMA table_info({table})")]
        sql = f"SELECT {', '.join(names)} FROM {table} ORDER BY 1, 2"
        return (
            [dict(row) for row in old.connection.execute(sql).fetchall()],
            [dict(row) for row in new.connection.execute(sql).fetchall()],
        )


def empty_still(url: str) -> bool:
    with look(url, Path()) as seen:
        return not seen.filled() and seen.rows("meta") == 0


def test_every_row_of_every_table_is_the_same(source, target):
    told: list[tuple[str, int, int]] = []
    copied = copy(source, target, lambda *what: told.append(what))
    assert copied.rows["messages"] == MESSAGES
    assert copied.rows["inquiries"] == MESSAGES // PER_INQUIRY
    assert copied.events == MESSAGES
    assert copied.mended == 0
    assert {(table, done) for table, done, all_of_it in told if done == all_of_it} == set(
        copied.rows.items()
    )
    for table in copied.rows:
        ours, theirs = rows_of(source, target, table)
        assert ours == theirs, table


async def test_the_gateway_goes_on_where_the_log_ended(source, target):
    copied = copy(source, target)
    store = PostgresStore(target)
    await store.open()
    try:
        last = await store.read(lambda reader: reader.one("events.last"))
    finally:
        await store.close()
    assert (last["seq"], last["chain"]) == (copied.events, copied.chain)


def test_an_empty_database_is_copied_too(tmp_path, source, target):
    with closing(sqlite3.connect(source)) as connection:
        for table in ("outbox", "messages", "inquiries", "conversations", "handles", "contacts",
                      "events", "event_contents", "raw_events", "timers"):  # fmt: skip
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    copied = copy(source, target)
    assert (copied.events, sum(copied.rows.values())) == (0, 1)


def test_a_character_that_postgres_cannot_store_is_replaced_and_counted(source, target):
    changed(source, "UPDATE messages SET text = ? WHERE id = 'm3.0'", "one\0two")
    assert copy(source, target).mended == 1
    ours, theirs = rows_of(source, target, "messages")
    different = [new for old, new in zip(ours, theirs, strict=True) if old != new]
    assert [row["text"] for row in different] == ["one\N{REPLACEMENT CHARACTER}two"]


# ---------------------------------------------------------------- what is refused


def test_a_target_with_anything_in_it_is_refused(source, target):
    copy(source, target)
    for attempt in (check_ends, copy):
        with pytest.raises(StoreError, match="is not empty"):
            attempt(source, target)


def test_a_target_with_tables_of_somebody_else_is_refused(source, empty):
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE TABLE theirs (id INT)")
        connection.execute("INSERT INTO theirs VALUES (1)")
    with pytest.raises(StoreError, match="there are rows in theirs"):
        check_ends(source, empty)


def test_a_source_of_an_older_schema_is_to_be_migrated_first(source, target):
    changed(source, "DELETE FROM schema_version WHERE number > 1")
    with pytest.raises(StoreError, match="run `gateway db migrate` first"):
        check_ends(source, target)


def test_a_target_of_another_schema_is_refused(source, target):
    with psycopg.connect(target) as connection:
        connection.execute("ALTER TABLE messages DROP COLUMN delivery_detail")
    with pytest.raises(StoreError, match=r"messages\.delivery_detail is missing"):
        copy(source, target)


# ---------------------------------------------------------------- what the verification finds


def test_a_row_that_got_lost_is_named_by_its_table_and_nothing_is_kept(source, target, monkeypatch):
    rows = copying._rows

    def all_but_one(connection, table, columns):
        found = rows(connection, table, columns)
        if table == "raw_events":
            next(found)
        return found

    monkeypatch.setattr(copying, "_rows", all_but_one)
    with pytest.raises(Different, match=r"raw_events has 1000 rows here and 999 on the target"):
        copy(source, target)
    assert empty_still(target)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE events SET kind = 'other' WHERE seq = 7", "event 7 .* does not fit the chain"),
        ("UPDATE event_contents SET data = '{}' WHERE event_id = 'l2.1'", "contents of event 10"),
        ("UPDATE events SET seq = seq + 1 WHERE seq = 2000", "event 2000 is missing"),
    ],
)
def test_a_log_that_does_not_hold_is_not_copied(source, target, sql, fault):
    changed(source, sql)
    with pytest.raises(Different, match=fault):
        copy(source, target)
    assert empty_still(target)


def test_a_row_that_the_target_refuses_leaves_nothing(source, target):
    changed(source, "UPDATE messages SET inquiry_id = 'nobody' WHERE id = 'm9.3'")
    with pytest.raises(Exception, match="foreign key"):
        copy(source, target)
    assert empty_still(target)
