"""What a customer is shown of a conversation, on both engines: never a note, nothing before it is out,
and nothing missed by who goes on from where he was."""

import asyncio
import random
from typing import Any

from gateway.delivery import outbox
from gateway.desk.timeline import AccountTimeline
from gateway.domain.channel import Sent
from gateway.domain.model import DeliveryState
from gateway.domain.plan import (
    AddMessage,
    EraseMessage,
    MarkDelivery,
    Plan,
    ReviseMessage,
    Send,
)
from gateway.store.apply import apply
from gateway.testing.clock import NEW_YEAR
from tests.store.rows import arrival


async def planned(store: Any, plan: Plan) -> None:
    await store.write(lambda tx: apply(tx, plan, NEW_YEAR))


def message(reference: str, text: str = "", **changes: Any) -> AddMessage:
    values: dict[str, Any] = {
        "message_id": reference, "conversation_id": "ev1.v", "inquiry_id": "ev1.q",
        "direction": "out", "visibility": "private", "author": "gateway", "automatic": True,
        "text": text,
    }  # fmt: skip
    return AddMessage(**(values | changes))


def sent(reference: str) -> Send:
    return Send(reference, "app", "ev1.v", "ev1.q", "user-1", {
        "text": "", "visibility": "private", "automatic": True,
    }, NEW_YEAR)  # fmt: skip


async def test_what_is_not_out_is_not_shown_and_what_is_shows_how_far_it_got(store: Any) -> None:
    timeline = AccountTimeline(store, "app", "http")
    assert list(await timeline.since("user-1", 0, 10)) == []
    assert await timeline.revisions(["user-1"]) == {}
    await planned(store, arrival())
    (mine,) = await timeline.since("user-1", 0, 10)
    assert (mine.author, mine.external_id, mine.delivery) == ("customer", "ext-ev1", None)
    await planned(store, Plan("ev2", (message("m1", "hello"), sent("m1"))))
    note = message("n1", "a note", visibility="note", automatic=False, author="wang")
    agents = message("m2", "from a person", automatic=False, author="wang")
    await planned(store, Plan("ev3", (note, agents, sent("m2"))))
    assert [one.id for one in await timeline.since("user-1", 0, 10)] == ["ev1.in"]
    assert await timeline.one("user-1", "m1") is None
    rows = await store.read(lambda r: r.one("outbox.by_id", id="m1"))
    await store.write(lambda tx: outbox.record(tx, rows, Sent("m1"), "e1", NEW_YEAR))
    (ours,) = await timeline.since("user-1", mine.revision, 10)
    assert (ours.id, ours.author, ours.delivery) == ("m1", "gateway", DeliveryState.SENT)
    await planned(store, Plan("ev4", (MarkDelivery("m1", DeliveryState.READ, ""),)))
    (again,) = await timeline.since("user-1", ours.revision, 10)
    assert (again.id, again.delivery) == ("m1", DeliveryState.READ)
    assert await timeline.one("user-1", "m1") == again
    assert await timeline.one("user-1", "n1") is None
    assert (await timeline.revisions(["user-1", "nobody"]))["user-1"] >= again.revision


async def test_other_accounts_and_handles_see_none_of_it(store: Any) -> None:
    await planned(store, arrival())
    for account, space, handle in (
        ("other", "http", "user-1"), ("app", "email", "user-1"), ("app", "http", "user-2"),
    ):  # fmt: skip
        timeline = AccountTimeline(store, account, space)
        assert list(await timeline.since(handle, 0, 10)) == []
        assert await timeline.one(handle, "ev1.in") is None
        assert await timeline.revisions([handle]) == {}


async def test_while_many_write_at_once_a_reader_misses_nothing(store: Any) -> None:
    """Writers whose times say nothing about who is first; a reader goes on from what it saw last."""
    await planned(store, arrival())
    timeline = AccountTimeline(store, "app", "http")
    chance = random.Random(5)
    seen: dict[str, Any] = {}
    done, room = asyncio.Event(), asyncio.Semaphore(4)  # as many as processes that write

    async def read() -> None:
        revision = 0
        while True:
            last = done.is_set()
            for one in await timeline.since("user-1", revision, 3):
                seen[one.id], revision = one, one.revision
                last = False
            if last:
                return
            await asyncio.sleep(0)

    async def write(number: int) -> None:
        said = message(
            f"w{number}",
            "x",
            direction="in",
            author="customer",
            at=NEW_YEAR - chance.random() * 900,
        )
        async with room:
            await planned(store, Plan(f"evw{number}", (said,)))
            await store.write(lambda tx: _read(tx, f"w{number}"))

    def _read(tx: Any, reference: str) -> None:
        tx.run("messages.advance", id=reference)
        tx.run("messages.deliver", id=reference, delivery="read", delivery_rank=3, detail="")

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(60)))
    done.set()
    await reader
    fresh = {one.id: one for one in await timeline.since("user-1", 0, 1000)}
    assert len(fresh) == 61
    assert seen == fresh


async def test_an_edit_and_a_message_taken_back_are_shown_to_who_goes_on(store: Any) -> None:
    await planned(store, arrival())
    timeline = AccountTimeline(store, "app", "http")
    (first,) = await timeline.since("user-1", 0, 10)
    later = NEW_YEAR + 1
    edit = ReviseMessage("r1", "ev2", "ev1.in", "我的提现没有到账", later, 1, later)
    await planned(store, Plan("ev2", (edit,)))
    (edited,) = await timeline.since("user-1", first.revision, 10)
    assert (edited.id, edited.text, edited.unsent) == ("ev1.in", "我的提现没有到账", False)
    await planned(store, Plan("ev3", (EraseMessage("ev1.in", NEW_YEAR + 2),)))
    (gone,) = await timeline.since("user-1", edited.revision, 10)
    assert (gone.id, gone.text, gone.unsent) == ("ev1.in", "", True)
