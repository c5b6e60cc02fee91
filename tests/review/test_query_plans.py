"""What is asked again and again must not read whole tables."""

import re
from collections.abc import Iterator

import pytest

from gateway.store.catalog import QUERIES
from tests.store.engines import SqliteEngine

#: Asked by a person or a scrape, or of tables that stay small.
MAY_SCAN = {
    "announcements.listed",
    "callbacks.every",
    "certificates.every",
    "certificates.in_force",
    "certificates.made_of",
    "certificates.silenced",
    "certificates.state_counts",
    "certificates.stopped",
    "inquiries.listed",
    "inquiries.state_counts",
    "intake.counts",
    "intake.free_lanes_of",
    "intake.free_lanes_of_others",
    "intake.renew_lanes",
    "intake.quarantine_count",
    "intake.quarantine_listed",
    "intake.quarantine_outlived",
    "meta.move_blob_refs",
    "outbox.counts",
    "outbox.listed",
    "outbox.pauses",
    # Agents and the offers that stand: as many as there are people.
    "routing.offers",
    "routing.strays",
    "routing.wrapped_up",
    # For a person, and few: somebody made each.
    "tokens.listed",
}
FULL_SCAN = re.compile(r"SCAN (?!one\b)(\w+)$")


def statements() -> Iterator[tuple[str, str]]:
    for path in sorted(QUERIES.glob("*.sql")):
        for part in re.split(r"(?m)^-- name: ", path.read_text("utf-8"))[1:]:
            head, _, sql = part.partition("\n")
            yield f"{path.stem}.{head.partition('(')[0]}", sql


@pytest.mark.parametrize(("name", "sql"), [*statements()], ids=[name for name, _ in statements()])
async def test_a_query_finds_its_rows_by_an_index(
    sqlite_only: SqliteEngine, name: str, sql: str
) -> None:
    """On SQLite, whose plans do not depend on what a table happens to hold."""
    if name in MAY_SCAN:
        return
    values = dict.fromkeys(re.findall(r":(\w+)", sql))

    def explain(tx: object) -> list[str]:
        connection = tx._connection  # type: ignore[attr-defined]
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        return [row["detail"] for row in rows]

    async with sqlite_only.opened() as store:
        plan = await store.read(explain)
    assert not [line for line in plan if FULL_SCAN.match(line)], plan
