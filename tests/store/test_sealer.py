"""The chain over the event log shows every later change, and lets contents be erased."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store import sealer
from tests.store.engines import AnyStore, sealed, select, value, verified

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)


def unit(name: str) -> Any:
    def work(tx: Tx) -> None:
        tx.log(LogEvent(name, "test.happened", 12.5, "q1", {"name": name, "文": "字"}))

    return work


async def happened(store: AnyStore, *names: str) -> None:
    """One after the other, and numbered in this order."""
    for name in names:
        await store.write(unit(name))
    await sealed(store)


async def tamper(store: AnyStore, sql: str) -> None:
    await store.write(lambda tx: tx._connection.execute(sql))  # type: ignore[attr-defined]


async def test_numbers_have_no_gap_and_the_chain_holds(store: AnyStore) -> None:
    await asyncio.gather(*(store.write(unit(f"a{n}")) for n in range(20)))
    await happened(store, "b1")
    await happened(store, "b2", "b3")
    assert await verified(store) == 23
    assert await store.read(lambda reader: sealer.verify(reader, page=4)) == 23
    rows = await select(store, "SELECT seq FROM events ORDER BY seq")
    assert [row["seq"] for row in rows] == [*range(1, 24)]


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE events SET kind = 'test.other' WHERE seq = 2", "event 2 .* does not fit"),
        ("UPDATE events SET inquiry_id = 'q2' WHERE seq = 2", "event 2 .* does not fit"),
        ("UPDATE events SET at = 12.25 WHERE seq = 3", "event 3 .* does not fit"),
        ("UPDATE events SET id = 'other' WHERE seq = 1", "event 1 .* does not fit"),
        ("UPDATE events SET chain = '00' WHERE seq = 4", "event 4 .* does not fit"),
        ("UPDATE events SET digest = '00' WHERE seq = 4", "event 4 .* does not fit"),
        ("DELETE FROM events WHERE seq = 2", "event 2 is missing"),
        ("DELETE FROM events WHERE seq = 1", "event 1 is missing"),
        (
            "UPDATE event_contents SET data = '{}' WHERE event_id = 'e2'",
            "contents of event 3 .* were changed",
        ),
        (
            "UPDATE event_contents SET salt = '' WHERE event_id = 'e0'",
            "contents of event 1 .* were changed",
        ),
    ],
)
async def test_any_change_is_found_and_named(store: AnyStore, sql: str, fault: str) -> None:
    await happened(store, *(f"e{n}" for n in range(5)))
    await tamper(store, sql)
    with pytest.raises(ValueError, match=fault):
        await verified(store)


async def test_two_events_that_changed_places_are_found(store: AnyStore) -> None:
    await happened(store, *(f"e{n}" for n in range(5)))
    for change in ("seq = -1 WHERE seq = 2", "seq = 2 WHERE seq = 3", "seq = 3 WHERE seq = -1"):
        await tamper(store, f"UPDATE events SET {change}")
    with pytest.raises(ValueError, match=r"event 2 .* does not fit"):
        await verified(store)


async def test_erased_contents_leave_the_chain_whole(store: AnyStore) -> None:
    await happened(store, *(f"e{n}" for n in range(5)))
    await tamper(store, "DELETE FROM event_contents WHERE event_id IN ('e0', 'e3')")
    assert await verified(store) == 5
    await happened(store, "later")
    assert await verified(store) == 6


async def test_equal_contents_have_different_digests(store: AnyStore) -> None:
    """Else a digest that outlives its contents could be guessed back."""

    def work(tx: Tx) -> None:
        tx.log(LogEvent("a", "test.happened", 1.0, data={"same": 1}))
        tx.log(LogEvent("b", "test.happened", 1.0, data={"same": 1}))

    await store.write(work)
    assert await value(store, "SELECT COUNT(DISTINCT digest) FROM events") == 2


async def test_a_whole_second_given_as_an_integer_verifies(store: AnyStore) -> None:
    await store.write(lambda tx: tx.log(LogEvent("a", "test.happened", 1_767_225_600)))
    assert await verified(store) == 1


@given(
    events=st.lists(
        st.builds(
            LogEvent,
            id=texts,
            kind=texts,
            at=st.floats(allow_nan=False, allow_infinity=False),
            inquiry_id=texts,
            data=st.dictionaries(texts, texts | st.integers() | st.none(), max_size=3),
        ),
        min_size=1,
        max_size=6,
    ),
    cut=st.integers(0, 6),
)
def test_sealing_in_any_portions_gives_one_chain(events: list[LogEvent], cut: int) -> None:
    first, contents = sealer.seal(None, events[:cut])
    last = first[-1] if first else None
    second, more = sealer.seal(last, events[cut:])
    rows = [*first, *second]
    assert [row["seq"] for row in rows] == [*range(1, len(events) + 1)]
    by_id = {id(row): inner for row, inner in zip(rows, [*contents, *more], strict=True)}

    class Log:
        def all(self, _query: str, /, **values: Any) -> list[dict[str, Any]]:
            after = [row for row in rows if int(str(row["seq"])) > values["seq"]]
            return [{**row, **by_id[id(row)]} for row in after[: values["n"]]]

    assert sealer.verify(Log(), page=2) == len(events)  # type: ignore[arg-type]
