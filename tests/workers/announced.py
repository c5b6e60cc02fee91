"""An announcement on the rig, and what became of those whom it touched."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.desk import announcements as desk
from gateway.domain.announcement import Announcement, Words
from gateway.testing.clock import NEW_YEAR
from tests.store.engines import select
from tests.workers.rig import Rig

HOUR = 3600.0
OUTAGE = Announcement(
    "a1", ("topup",), (), {"en": Words("Top-ups are late.")}, NEW_YEAR, NEW_YEAR + HOUR
)


async def announce(rig: Rig, one: Announcement = OUTAGE, **changes: Any) -> None:
    """Make one as the command does, without a knowledge base to check it against."""

    def fine(_: Sequence[Announcement]) -> list[str]:
        return []

    await desk.add(rig.store, rig.clock, rig.ids, replace(one, **changes), "lin", fine)


async def end(rig: Rig, name: str = "a1") -> int:
    return await desk.end(rig.store, rig.clock, rig.ids, name, "lin")


async def told(rig: Rig, owner: str = "p1") -> None:
    """Let timers and pipeline do all that they have to do."""
    timers = rig.timers()
    pipeline = rig.pipeline(owner)
    for _ in range(100):
        fired = await timers.once()
        await rig.drain(pipeline)
        if not fired and not await select(
            rig.store, "SELECT 1 AS n FROM timers WHERE kind = 'announcement'"
        ):
            return
        rig.clock.advance(1.0)
    raise AssertionError("it never came to its end")


async def outcomes(rig: Rig) -> dict[str, str]:
    """By the sender of the inquiry."""
    rows = await select(
        rig.store,
        "SELECT h.address, l.outcome FROM announcement_inquiries l"
        " JOIN inquiries i ON i.id = l.inquiry_id JOIN conversations v ON v.id = i.conversation_id"
        " JOIN handles h ON h.id = v.handle_id ORDER BY h.address",
    )
    return {row["address"]: row["outcome"] for row in rows}


async def over_texts(rig: Rig) -> list[str]:
    """To whom the end was told, once for each time."""
    rows = await select(
        rig.store,
        "SELECT o.recipient FROM outbox o JOIN messages m ON m.id = o.id"
        " WHERE m.text LIKE '%is over]%' ORDER BY o.recipient",
    )
    return [row["recipient"] for row in rows]


async def inquiries(rig: Rig) -> list[dict[str, Any]]:
    return await select(
        rig.store,
        "SELECT id, number, state, dialogue, waiting_since, assigned_to, topic FROM inquiries ORDER BY id",
    )
