"""Plans that put a customer, an inquiry and messages into a store, for tests of what comes after."""

from typing import Any

from gateway.domain.model import DeliveryState, InquiryState, Trust
from gateway.domain.plan import (
    AddMessage,
    ChangeInquiry,
    CreateContact,
    CreateInquiry,
    Log,
    LogEvent,
    OpenConversation,
    Plan,
    Send,
)
from gateway.store.apply import apply
from gateway.testing.clock import NEW_YEAR


def arrival(
    event_id: str = "ev1",
    *,
    account: str = "app",
    sender: str = "user-1",
    space: str = "http",
    number: str = "260101-000001",
    text: str = "我的充值没有到账",
) -> Plan:
    """Somebody we had not met wrote: contact, conversation, inquiry in state new, message."""
    return Plan(
        event_id,
        (
            CreateContact(f"{event_id}.c", f"{event_id}.h", space, sender, "Li", Trust.CLAIMED, "zh-CN"),
            OpenConversation(f"{event_id}.v", account, f"{event_id}.h"),
            CreateInquiry(
                f"{event_id}.q", number, f"{event_id}.v", f"{event_id}.c",
                "demo", account, "http", "", "zh-CN",
            ),
            AddMessage(
                f"{event_id}.in", f"{event_id}.v", f"{event_id}.q",
                "in", "private", "customer", False, text, external_id=f"ext-{event_id}",
            ),
            Log(LogEvent(f"{event_id}.e0", "message.received", NEW_YEAR, f"{event_id}.q")),
        ),
    )  # fmt: skip


def moved(event_id: str = "ev1", state: InquiryState = InquiryState.QUEUED, **changes: Any) -> Plan:
    """The inquiry of `arrival` in another state."""
    changes = {"version": 1, "queue": "general", **changes}
    return Plan(f"{event_id}.m", (ChangeInquiry(f"{event_id}.q", state=state, **changes),))


def outgoing(
    event_id: str = "ev1",
    part: str = "out",
    *,
    account: str = "app",
    text: str = "您好",
    **more: Any,
) -> Plan:
    """A message to the customer of `arrival`, on its way to the outbox."""
    message = f"{event_id}.{part}"
    return Plan(
        f"{event_id}.{part}",
        (
            AddMessage(
                message, f"{event_id}.v", f"{event_id}.q",
                "out", "private", "gateway", True, text, delivery=DeliveryState.QUEUED,
            ),
            Send(
                message, account, f"{event_id}.v", f"{event_id}.q", more.get("to", "user-1"),
                {"text": text, "visibility": "private", "automatic": True},
                due_at=more.get("due_at", NEW_YEAR),
            ),
        ),
    )  # fmt: skip


async def put(store: Any, *plans: Plan, now: float = NEW_YEAR) -> None:
    """Apply plans, each as a unit of work of its own."""
    for plan in plans:
        await store.write(lambda tx, plan=plan: apply(tx, plan, now))


def raw(number: int, *, account: str = "app", lane: str = "", **changes: Any) -> dict[str, Any]:
    """A row for `intake.accept`."""
    return {
        "id": f"raw{number:05d}",
        "account": account,
        "dedup_key": f"m:{number}",
        "lane": lane or f"{account}|user-{number}",
        "type": "message",
        "received_at": NEW_YEAR,
        "verified": "test",
        "body": "{}",
        **changes,
    }
