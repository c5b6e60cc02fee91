"""Asking for news: events and cursor in one commit, once each, in turn, and patient with a provider."""

import asyncio
import json
from typing import Any

import pytest

from gateway import turns
from gateway.domain.channel import Batch, Capabilities, Inbound, RawMail, Receipt
from gateway.domain.errors import DeliveryError, Failure, Overloaded, ParseError
from gateway.domain.model import JSON, Attachment, DeliveryState
from gateway.intake import accept
from gateway.intake.replay import Replay
from gateway.pollers import HINT_SECONDS, REFUSED_PAUSE, Polling
from gateway.store import leases
from tests.store.engines import PostgresEngine, one, select, value
from tests.workers.rig import Rig

COUNT = "SELECT COUNT(*) FROM raw_events"


class Board:
    """A provider that keeps its messages: a poll gives what comes behind the cursor."""

    poll_interval = 30.0

    def __init__(self, *texts: str, page: int = 10) -> None:
        self.capabilities = Capabilities("board", 1000)
        self.texts = list(texts)
        self.page = page
        self.asked: list[tuple[JSON, str]] = []
        self.trouble: list[Exception] = []
        self.polled = asyncio.Event()

    async def poll(self, cursor: JSON, hint: str = "") -> Batch:
        self.asked.append((cursor, hint))
        self.polled.set()
        if self.trouble:
            raise self.trouble.pop(0)
        start = int(cursor) if isinstance(cursor, int) else 0
        end = min(start + self.page, len(self.texts))
        events = tuple(Inbound(f"n{n}", "user-1", self.texts[n]) for n in range(start, end))
        return Batch(events, end, more=end < len(self.texts))


def polling(rig: Rig, board: Any, owner: str = "a") -> Polling:
    return Polling("board", board, rig.intake(), rig.store, rig.clock, rig.log, owner)


async def cursor(rig: Rig) -> Any:
    text = await value(rig.store, "SELECT value FROM memos WHERE key = 'poll.cursor'")
    return None if text is None else json.loads(text)


async def test_news_are_stored_page_by_page_and_each_once(rig: Rig) -> None:
    board = Board("a", "b", "c", page=2)
    poller = polling(rig, board)
    assert await poller.once() == 0.0
    assert await cursor(rig) == 2
    assert await poller.once() == board.poll_interval
    assert await poller.once() == board.poll_interval
    assert [asked for asked, _ in board.asked] == [None, 2, 3]
    rows = await select(rig.store, "SELECT verified, body FROM raw_events ORDER BY id")
    assert [json.loads(row["body"])["text"] for row in rows] == ["a", "b", "c"]
    assert {row["verified"] for row in rows} == {"poll"}


async def test_without_a_commit_the_cursor_stays_and_the_same_comes_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Board("a")
    poller = polling(rig, board)
    write = rig.store.write

    async def full(work: Any) -> Any:
        raise Overloaded("the disk is full")

    monkeypatch.setattr(rig.store, "write", full)
    assert await poller.once() == 1.0
    monkeypatch.setattr(rig.store, "write", write)
    assert (await cursor(rig), await value(rig.store, COUNT)) == (None, 0)
    await poller.once()
    assert (await cursor(rig), await value(rig.store, COUNT)) == (1, 1)
    assert [asked for asked, _ in board.asked] == [None, None]


async def test_of_two_polls_at_once_the_cursor_moves_by_one_and_nothing_is_doubled(
    rig: Rig,
) -> None:
    board = Board("a", "b")
    first = await board.poll(None)
    intake = rig.intake()
    await intake.batch("board", first, None)
    board.texts.append("c")
    late = await board.poll(None)
    with pytest.raises(accept.Conflict, match="faster"):
        await intake.batch("board", late, None)
    assert (await cursor(rig), await value(rig.store, COUNT)) == (2, 2)
    assert await polling(rig, board).once() == board.poll_interval
    assert (await cursor(rig), await value(rig.store, COUNT)) == (3, 3)


async def test_an_empty_poll_writes_nothing(rig: Rig) -> None:
    board = Board()
    poller = polling(rig, board)
    await poller.once()
    before = await one(rig.store, "SELECT COUNT(*) AS n FROM memos")
    written: list[Any] = []
    write = rig.store.write

    async def counted(work: Any) -> Any:
        written.append(work)
        return await write(work)

    rig.store.write = counted  # type: ignore[method-assign]
    await poller.once()
    assert written == []
    assert before["n"] == 1


async def test_an_event_that_cannot_be_stored_is_kept_and_the_rest_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = accept.clean

    def picky(event: Any, policy: Any) -> Any:
        if event.text == "poison":
            raise ParseError("cannot be redacted")
        return clean(event, policy)

    monkeypatch.setattr(accept, "clean", picky)
    board = Board("a", "poison", "b")
    poller = polling(rig, board)
    await poller.once()
    assert (await cursor(rig), await value(rig.store, COUNT)) == (3, 2)
    kept = await one(rig.store, "SELECT id, reason FROM quarantine")
    assert "poll" in kept["reason"]
    monkeypatch.setattr(accept, "clean", clean)
    intake = rig.intake()
    replay = Replay(rig.store, rig.blobs, intake, {}, rig.clock, rig.ids)
    assert await replay.one(kept["id"]) == "1 new event(s) accepted"
    bodies = await select(rig.store, "SELECT body FROM raw_events ORDER BY id")
    assert json.loads(bodies[-1]["body"])["text"] == "poison"


async def test_files_receipts_and_mails_of_a_poll_are_stored_as_others_are(rig: Rig) -> None:
    photo = Attachment("a.png", "image/png", 3, data=b"png")
    mail = RawMail(
        b"From: li@home.example\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n", "li@home.example",
        ("us@pay.example",), 1.0,
    )  # fmt: skip
    batch = Batch(
        (
            Inbound("n1", "user-1", "see"),
            Inbound("n2", "user-1", "photo", attachments=(photo,)),
            Receipt("ours", DeliveryState.READ),
            mail,
        ),
        "next",
    )
    await rig.intake().batch("board", batch, None)
    rows = await select(rig.store, "SELECT type, body FROM raw_events ORDER BY type")
    assert sorted(row["type"] for row in rows) == ["message", "message", "message", "receipt"]
    (owner,) = [r["owner"] for r in await select(rig.store, "SELECT owner FROM blob_refs")]
    named = await one(rig.store, f"SELECT body FROM raw_events WHERE id = '{owner}'")
    assert json.loads(named["body"])["text"] == "photo"
    assert await cursor(rig) == "next"


# ---------------------------------------------------------------- patience


@pytest.mark.parametrize(
    ("trouble", "pauses"),
    [
        (DeliveryError(Failure.RETRY, "away"), [1.0, 2.0, 4.0]),
        (DeliveryError(Failure.THROTTLED, "slow", retry_after=17.0), [17.0] * 3),
        (DeliveryError(Failure.MISCONFIGURED, "token"), [REFUSED_PAUSE] * 3),
        (ParseError("a load balancer's page"), [1.0, 2.0, 4.0]),
    ],
    ids=["away", "throttled", "refused", "unreadable"],
)
async def test_a_failed_poll_waits_as_long_as_its_failure_asks(
    rig: Rig, trouble: Exception, pauses: list[float]
) -> None:
    board = Board("a")
    board.trouble = [trouble] * 3
    poller = polling(rig, board)
    assert [await poller.once() for _ in pauses] == pauses
    assert poller.intake.counts["board", "poll_failed"] == 3
    assert await poller.once() == board.poll_interval
    board.trouble = [trouble]
    assert await poller.once() == pauses[0]


async def test_a_hint_wakes_the_poll_and_is_forgotten_when_it_is_old(rig: Rig) -> None:
    board = Board()
    poller = polling(rig, board)
    task = asyncio.create_task(poller.run())
    try:
        await asyncio.wait_for(board.polled.wait(), 5)
        board.polled.clear()
        board.texts.append("news")
        await poller.hinted("token-1")
        await asyncio.wait_for(board.polled.wait(), 5)
    finally:
        await turns.end([task])
    assert [hint for _, hint in board.asked] == ["", "token-1"]
    # After a crash between the acknowledgement and the poll the next start has the hint.
    fresh = polling(rig, board)
    await fresh.once()
    rig.clock.advance(HINT_SECONDS + 1)
    await fresh.once()
    assert [hint for _, hint in board.asked[2:]] == ["token-1", ""]


# ---------------------------------------------------------------- several processes


async def test_of_several_processes_one_polls_and_another_goes_on_when_it_stops(
    postgres_only: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "RENEW_SECONDS", 0.01)
    first, second = Board("a"), Board("a")
    async with postgres_only.plain() as store:
        rig = Rig(store)  # type: ignore[arg-type]
        one_of, other_of = polling(rig, first, "a"), polling(rig, second, "b")
        task = asyncio.create_task(one_of.run())
        await asyncio.wait_for(first.polled.wait(), 5)
        other = asyncio.create_task(other_of.run())
        await asyncio.sleep(0.1)
        assert second.asked == []
        await turns.end([task])
        await asyncio.wait_for(second.polled.wait(), 5)
        await turns.end([other])
        assert await value(store, COUNT) == 1


async def test_who_lost_its_turn_stops_polling(
    postgres_only: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "RENEW_SECONDS", 0.01)
    board = Board()
    forever = asyncio.Event()
    ended = asyncio.Event()

    async def long_poll(cursor: JSON, hint: str = "") -> Batch:
        board.polled.set()
        try:
            await forever.wait()
        finally:
            ended.set()
        return Batch(())

    board.poll = long_poll  # type: ignore[method-assign]
    async with postgres_only.plain() as store:
        rig = Rig(store)  # type: ignore[arg-type]
        task = asyncio.create_task(polling(rig, board, "frozen").run())
        await asyncio.wait_for(board.polled.wait(), 5)
        later = rig.clock.now() + turns.LEASE_SECONDS
        await store.write(lambda tx: leases.take(tx, "poller:board", "other", later, 30))
        await asyncio.wait_for(ended.wait(), 5)
        await turns.end([task])
