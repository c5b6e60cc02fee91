"""Accepted events for the pipeline, and what came of them."""

from typing import Any

from gateway.domain.channel import Inbound
from gateway.intake.reading import stored_form
from tests.store.engines import select
from tests.store.rows import raw

TEXTS = "SELECT text FROM messages WHERE direction = 'in' ORDER BY id"


def accepted(event_id: int, text: str, *, lane: str = "app|user-1", **more: Any) -> dict[str, Any]:
    """A stored message, as `Accept` leaves it."""
    sender = lane.partition("|")[2]
    body = stored_form(Inbound(f"m{event_id}", sender, text))
    return raw(event_id, lane=lane, body=body, **more)


async def texts(store: Any) -> list[str]:
    return [row["text"] for row in await select(store, TEXTS)]


async def states(store: Any) -> dict[str, str]:
    rows = await select(store, "SELECT id, state FROM raw_events ORDER BY id")
    return {row["id"]: row["state"] for row in rows}
