"""What the store promises of announcements: linked only while in force, settled once, none unseen."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.domain.announcement import Announcement, Words, as_row, from_row
from gateway.domain.errors import Conflict
from gateway.domain.plan import LinkAnnouncement, Plan, SettleAnnouncement
from gateway.domain.store import Tx
from gateway.store.apply import apply
from gateway.testing.clock import NEW_YEAR
from tests.store.engines import AnyStore, PostgresEngine, one, value
from tests.store.rows import arrival, outgoing, put

OUTAGE = Announcement(
    "a1", ("topup",), ("demo",), {"zh-CN": Words("延迟。", "很长。", "好了。")}, NEW_YEAR, NEW_YEAR + 60, public=True
)  # fmt: skip
LINK = Plan("l", (LinkAnnouncement("a1", "ev1.q", "ev1.out"),))
SETTLE = Plan("s", (SettleAnnouncement("a1", "ev1.q", "told"),))


async def made(store: Any) -> None:
    await put(store, arrival(), outgoing())
    await store.write(
        lambda tx: tx.run(
            "announcements.add", **as_row(OUTAGE), created_at=NEW_YEAR, created_by="lin"
        )
    )


def finish(tx: Tx) -> int:
    return tx.run("announcements.finish", id="a1", at=NEW_YEAR, ended_by="lin")


async def unhanded(store: Any) -> list[str]:
    rows = await store.read(lambda r: r.all("announcements.unhanded", announcement_id="a1", n=9))
    return [row["inquiry_id"] for row in rows]


@pytest.mark.parametrize(("seconds", "found"), [(-1, []), (0, ["a1"]), (59, ["a1"]), (60, [])])
async def test_it_is_in_force_from_its_beginning_until_its_end(
    store: AnyStore, seconds: float, found: list[str]
) -> None:
    await made(store)
    now = NEW_YEAR + seconds
    rows = await store.read(lambda r: r.all("announcements.in_force", now=now))
    assert [row["id"] for row in rows] == found
    assert [from_row(row) for row in rows] == [OUTAGE] * len(found)


async def test_one_that_is_over_links_nothing_and_the_plan_with_it_is_not_written(
    store: AnyStore,
) -> None:
    await made(store)
    assert await store.write(finish) == 1
    assert await store.write(finish) == 0, "it ends once"
    more = Plan("m", (*outgoing(part="again").ops, *LINK.ops))
    with pytest.raises(Conflict, match="a1 is over"):
        await put(store, more)
    with pytest.raises(Conflict, match="a9 is over"):
        await put(store, Plan("l", (LinkAnnouncement("a9", "ev1.q", "ev1.out"),)))
    assert await value(store, "SELECT COUNT(*) FROM outbox") == 1
    assert await value(store, "SELECT COUNT(*) FROM announcement_inquiries") == 0


async def test_an_inquiry_is_linked_by_its_first_message_and_settled_once(store: AnyStore) -> None:
    await made(store)
    await put(store, LINK, Plan("l2", (LinkAnnouncement("a1", "ev1.q", "ev1.in"),)))
    await put(store, SETTLE, now=NEW_YEAR + 5)
    with pytest.raises(Conflict, match="told about announcement a1 before"):
        await put(store, SETTLE)
    row = await one(store, "SELECT message_id, outcome, settled_at FROM announcement_inquiries")
    assert row == {"message_id": "ev1.out", "outcome": "told", "settled_at": NEW_YEAR + 5}


class Gate:
    """Holds a unit of work inside its transaction."""

    def __init__(self) -> None:
        self.inside, self.open = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.inside.set()
        assert self.open.wait(20)


@contextmanager
def gate() -> Iterator[Gate]:
    """Opened at the latest when the test ends, however it ends."""
    made = Gate()
    try:
        yield made
    finally:
        made.open.set()


async def test_whoever_is_linked_while_it_ends_is_seen_by_the_end(
    postgres_only: PostgresEngine,
) -> None:
    async with postgres_only.plain() as store:
        await made(store)
        with gate() as held:

            def links(tx: Tx) -> None:
                apply(tx, LINK, NEW_YEAR)
                held.wait()

            linking = asyncio.create_task(store.write(links))
            await asyncio.to_thread(held.inside.wait, 20)
            ending = asyncio.create_task(store.write(finish))
            done, _ = await asyncio.wait([ending], timeout=0.5)
            assert not done, "it waits until what was planned with it is written"
        await linking
        assert await ending == 1
        assert await unhanded(store) == ["ev1.q"]


async def test_who_looked_before_it_ended_links_nothing_after(
    postgres_only: PostgresEngine,
) -> None:
    async with postgres_only.plain() as store:
        await made(store)
        with gate() as held:

            def links(tx: Tx) -> None:
                # The transaction's sight of everything is from here.
                assert tx.one("announcements.by_id", id="a1") is not None
                held.wait()
                apply(tx, LINK, NEW_YEAR)

            linking = asyncio.create_task(store.write(links))
            await asyncio.to_thread(held.inside.wait, 20)
            assert await store.write(finish) == 1
        with pytest.raises(Conflict):
            await linking
        assert await unhanded(store) == []
