"""Picking the next inquiry for an agent among a million that wait, against picking among a thousand."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from benchmarks.databases import EMBEDDED, fresh
from benchmarks.report import Figure, say
from gateway.desk.floor import Floor
from gateway.domain.store import Store
from gateway.routing.core import Routing
from gateway.routing.model import Agent
from gateway.store.apply import apply
from gateway.store.choose import store_for
from gateway.world import MonotonicIds, SystemClock
from tests.postgres import any_server

FEW, MANY = 1_000, 1_000_000
PICKS = 60
#: Sets of skills that are asked for in one queue.
SETS = 200
_SKILLS = {f"s{n:03}": 1 for n in range(0, SETS, 2)}
#: Who picks: from a queue without needs, from empty queues, without the skill that every inquiry of
#: the queue needs, with half of two hundred skills that are asked for apart.
AGENTS: Mapping[str, Agent] = {
    "picking": Agent("picking", queues={"plain": 1}, capacity=100),
    "picking_empty": Agent("picking_empty", queues={"nothing": 1, "nobody": 1}),
    "picking_unskilled": Agent("picking_unskilled", queues={"rare": 1}, capacity=100),
    "picking_skill_sets": Agent(
        "picking_skill_sets", queues={"many": 1}, skills=_SKILLS, capacity=100
    ),
}

_PEOPLE = (
    "INSERT INTO contacts (id, name, language, created_at) VALUES ('c', '', 'en', 0)",
    """INSERT INTO handles (id, contact_id, space, address, trust, created_at)
    VALUES ('h', 'c', 'http', 'x', 'claimed', 0)""",
    "INSERT INTO conversations (id, account, handle_id, created_at) VALUES ('v', 'a', 'h', 0)",
)
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n + 1 < {n})"
    " SELECT n FROM t)",
    "postgres": "(SELECT n FROM generate_series(0, {n} - 1) AS n)",
}
#: A third in each queue.
_INQUIRIES = f"""
INSERT INTO inquiries (id, number, conversation_id, contact_id, brand, account, channel, state, queue,
                       lane, rank, waiting_since, created_at, updated_at)
SELECT 'i' || n, 'n' || n, 'v', 'c', 'b', 'a', 'http', 'queued',
       CASE n % 3 WHEN 0 THEN 'plain' WHEN 1 THEN 'rare' ELSE 'many' END,
       CASE n % 3 WHEN 0 THEN 'plain|1|' WHEN 1 THEN 'rare|1|rare:1'
            ELSE 'many|1|s' || SUBSTR(CAST(1000 + (n / 3) % {SETS} AS TEXT), 2) || ':1' END,
       n + 5e10, n, n, n
FROM {{numbers}} AS numbers
"""
_LANES = "INSERT INTO waiting_lanes (lane, queue) SELECT DISTINCT lane, queue FROM inquiries"


def picking(many: float = MANY) -> list[Figure]:
    """Microseconds of a pick with its commit, for each kind of agent, on both databases."""
    figures = []
    with any_server(durable=True) as server, tempfile.TemporaryDirectory(prefix="bench-") as name:
        for suffix in ("", "_postgres"):
            few, lots = (
                EMBEDDED if not suffix else fresh(server),
                EMBEDDED if not suffix else fresh(server),
            )
            folders = [Path(name) / f"few{suffix}", Path(name) / f"many{suffix}"]
            figures += asyncio.run(
                _compare(suffix, (few, folders[0], FEW), (lots, folders[1], int(many)))
            )
    return figures


async def _compare(
    suffix: str, few: tuple[str, Path, int], many: tuple[str, Path, int]
) -> list[Figure]:
    stores = []
    for database, folder, number in (few, many):
        folder.mkdir(parents=True)
        store = store_for(database, folder)
        await store.open()
        await store.close()
        say(f"picking{suffix}: {number:,} inquiries …")
        _fill(database, folder, number)
        store = store_for(database, folder)
        await store.open()
        stores.append(store)
    try:
        return [await _figure(f"{name}{suffix}", name, *stores) for name in AGENTS]
    finally:
        for store in stores:
            await store.close()


async def _figure(title: str, agent: str, few: Store, many: Store) -> Figure:
    """In turn on both; the median."""
    took: tuple[list[float], list[float]] = ([], [])
    floors = [
        Floor(store, Routing(), AGENTS, apply, SystemClock(), MonotonicIds())
        for store in (few, many)
    ]
    for turn in range(PICKS + 5):
        for floor, found in zip(floors, took, strict=True):
            began = time.perf_counter()
            await floor.next(agent)
            if turn >= 5:  # the first ones warm up
                found.append(1e6 * (time.perf_counter() - began))
    limit, value = (statistics.median(found) for found in took)
    say(f"{title}: {value:,.0f} µs among a million, {limit:,.0f} µs among a thousand")
    return Figure(title, value, "µs", limit, value / limit)


def _fill(database: str, folder: Path, number: int) -> None:
    """By SQL alone: a million plans would take an hour."""
    if database == EMBEDDED:
        numbers = _NUMBERS["sqlite"].format(n=number)
        with closing(sqlite3.connect(folder / "gateway.sqlite")) as connection:
            for statement in (*_PEOPLE, _INQUIRIES.format(numbers=numbers), _LANES):
                connection.execute(statement)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    numbers = _NUMBERS["postgres"].format(n=number)
    with psycopg.connect(database, autocommit=True) as server:
        for statement in (*_PEOPLE, _INQUIRIES.format(numbers=numbers), _LANES):
            server.execute(statement.encode())
        server.execute("VACUUM ANALYZE")  # as its own upkeep does after a while
