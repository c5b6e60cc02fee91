"""What staff do with announcements: make one, look at them, end one before its time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.domain.announcement import ANNOUNCEMENT_TIMER, Announcement, as_row, from_row
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.plan import LinkAnnouncement, LogEvent
from gateway.domain.store import Reader, Row, Store, Tx
from gateway.domain.world import Clock, Ids

#: Announcements that are looked at for overlaps.
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """One announcement with what became of those it touched."""

    row: Row
    outcomes: dict[str, int]
    """Inquiries by outcome; '' for those that are still to be told."""
    touched: list[Row]
    """The latest of them."""


async def add(
    store: Store,
    clock: Clock,
    ids: Ids,
    one: Announcement,
    agent: str,
    check: Callable[[list[Announcement]], list[str]],
) -> None:
    """Make an announcement: it is in the next message that any process plans, from its beginning on.

    Raises `NotAllowed`: it is over already, or `check`, which is given those that are in force or to
    come, finds something wrong with it.
    """
    now, event = clock.now(), ids.new()
    if one.ends_at <= now:
        raise NotAllowed("it would be over already; give a later --until")
    others = await listed(store, clock, _MANY)
    if wrong := check([from_row(row) for row in others]):
        raise NotAllowed("\n".join(wrong))

    def work(tx: Tx) -> None:
        tx.run("announcements.add", **as_row(one), created_at=now, created_by=agent)
        tx.run(
            "timers.set", kind=ANNOUNCEMENT_TIMER, subject=one.id, due_at=one.ends_at, payload="{}"
        )
        data: dict[str, Any] = {"announcement": one.id, "agent": agent, "topics": list(one.topics)}
        tx.log(LogEvent(event, "announcement.added", now, data=data))

    await store.write(work)
    store.tell("timers")


async def end(store: Store, clock: Clock, ids: Ids, reference: str, agent: str) -> int:
    """End an announcement now: nobody gets it any more, and those who did are told.

    Returns:
        How many inquiries it touched.

    Raises:
        NotFound: there is none of that id.
        NotAllowed: it is over already.
    """
    now, event = clock.now(), ids.new()

    def work(tx: Tx) -> int:
        row = _found(tx, reference)
        if not tx.run("announcements.finish", id=reference, at=now, ended_by=agent):
            raise NotAllowed(f"{reference} is over since {row['over_at']:.0f} (seconds since 1970)")
        tx.run("timers.set", kind=ANNOUNCEMENT_TIMER, subject=reference, due_at=now, payload="{}")
        data = {"announcement": reference, "by": agent}
        tx.log(LogEvent(event, "announcement.ended", now, data=data))
        return sum(row["n"] for row in tx.all("announcements.outcomes", announcement_id=reference))

    touched = await store.write(work)
    store.tell("timers")
    return touched


async def listed(store: Store, clock: Clock, limit: int, *, past: bool = False) -> list[Row]:
    """Those in force or to come, the newest first; `past`: those that are over as well."""
    values = {"past": int(past), "now": clock.now(), "n": limit}
    return await store.read(lambda reader: reader.all("announcements.listed", **values))


async def show(store: Store, reference: str, limit: int) -> Shown:
    """One announcement. Raises `NotFound`."""

    def query(reader: Reader) -> Shown:
        row = _found(reader, reference)
        outcomes = reader.all("announcements.outcomes", announcement_id=reference)
        touched = reader.all("announcements.touched", announcement_id=reference, n=limit)
        return Shown(row, {one["outcome"]: one["n"] for one in outcomes}, touched)

    return await store.read(query)


def carried(
    reader: Reader, inquiry: Row, text: str, message_id: str, now: float
) -> list[LinkAnnouncement]:
    """The announcements that stand in an agent's reply, because they stood in the draft: this customer
    is told as well when they are over."""
    language = inquiry["language"]
    return [
        LinkAnnouncement(one.id, inquiry["id"], message_id)
        for one in map(from_row, reader.all("announcements.in_force", now=now))
        if any(
            words and words in text for words in (one.text(language, f) for f in ("long", "short"))
        )
    ]


def _found(reader: Reader, reference: str) -> Row:
    row = reader.one("announcements.by_id", id=reference)
    if row is None:
        raise NotFound(f"no announcement {reference!r}; `gateway announcements list` shows them")
    return row
