"""Conversations with a reply window, and what is said in them."""

from typing import Any

from gateway.domain.model import DeliveryState
from gateway.domain.plan import AddMessage, Plan, Send, TouchConversation
from gateway.store.apply import apply
from tests.store.rows import arrival, put
from tests.workers.rig import Rig

WINDOW, HUMAN_ONLY = 3600.0, 7200.0


async def conversation(rig: Any, event: str = "ev1", account: str = "app") -> None:
    """Somebody wrote, now."""
    await put(
        rig.store,
        arrival(event, account=account, sender=event, number=event),
        now=rig.clock.now(),
    )
    await writes(rig, event)


async def writes(rig: Any, event: str = "ev1", at: float | None = None, **more: Any) -> None:
    """The customer of a conversation writes (again)."""
    at = rig.clock.now() if at is None else at
    touch = TouchConversation(f"{event}.v", at, **more)
    now = rig.clock.now()
    await rig.store.write(lambda tx: apply(tx, Plan("t", (touch,)), now))


def says(
    event: str, part: str, *, automatic: bool, text: str = "", account: str = "app", **more: Any
) -> Plan:
    """We say something to them."""
    message, text = f"{event}.{part}", text or f"text {event}.{part}"
    visibility = more.pop("visibility", "private")
    payload = {"text": text, "visibility": visibility, "automatic": automatic}
    author = "gateway" if automatic else "ann"
    return Plan(
        message,
        (
            AddMessage(
                message, f"{event}.v", f"{event}.q", "out", visibility, author, automatic, text,
                delivery=DeliveryState.QUEUED,
            ),
            Send(
                message, account, f"{event}.v", f"{event}.q", event, {**payload, **more},
                due_at=0.0,
            ),
        ),
    )  # fmt: skip


async def say(rig: Rig, part: str, *, automatic: bool, event: str = "ev1", **more: Any) -> None:
    """The same, written. Time goes on a little, so that what is said first is first."""
    rig.clock.advance(0.001)
    await put(rig.store, says(event, part, automatic=automatic, **more), now=rig.clock.now())
