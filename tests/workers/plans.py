"""Plans of the planner for tests: snapshots, messages, and what stands in a plan."""

from typing import Any

from gateway.domain.channel import Inbound, Receipt
from gateway.domain.decision import Verb
from gateway.domain.model import DeliveryState, InquiryState
from gateway.domain.plan import (
    Log,
    Plan,
)
from gateway.domain.snapshot import HandleView, InquiryView, MessageView, Snapshot
from gateway.testing.clock import NEW_YEAR
from gateway.workers.planner import Planner
from tests.workers.rig import ACCOUNTS, SETTINGS, ScriptedAnswerer, decision

NOW = NEW_YEAR + 100.0
TARGET = MessageView("m1", "q1", "v1", "h1", DeliveryState.SENT)
HANDLE = HandleView("h1", "c1", "claimed", "", "Li", "zh-CN")


def inquiry(state: InquiryState = InquiryState.ANSWERED, **changes: Any) -> InquiryView:
    values: dict[str, Any] = {
        "queue": "payments", "language": "en", "subject": "Top-up", "brand": "demo", **changes,
    }  # fmt: skip
    return InquiryView("q1", "260101-000001", "v1", state, 4, **values)


def seen(view: InquiryView | None = None, *, account: str = "app", **changes: Any) -> Snapshot:
    """A snapshot: of a stranger without `view`, else of a customer with that inquiry."""
    known: dict[str, Any] = (
        {"handle": HANDLE, "conversation_id": "v1", "inquiry": view, "greeted": True}
        if view
        else {}
    )
    return Snapshot(**{"now": NOW, "account": ACCOUNTS[account], **known, **changes})


def message(text: str = "my top-up is missing", **changes: Any) -> Inbound:
    return Inbound("ext-1", "user-1", text, **changes)


def plan(
    event: Inbound | Receipt,
    snapshot: Snapshot,
    answerer: ScriptedAnswerer | None = None,
    received_at: float = NOW,
) -> Plan:
    return Planner(answerer or ScriptedAnswerer(), SETTINGS).plan(  # type: ignore[arg-type]
        "ev1", received_at, event, snapshot
    )


def ops(made: Plan, kind: type) -> list[Any]:
    return [op for op in made.ops if isinstance(op, kind)]


def kinds(made: Plan) -> list[str]:
    return [op.event.kind for op in ops(made, Log)]


def saying(verb: Verb, reply: str = "Do this.", **changes: Any) -> ScriptedAnswerer:
    return ScriptedAnswerer(usual=decision(verb, reply, **changes))


ANSWER = saying(Verb.ANSWER, evidence={"certificate": "cert-1"})
SOLVED = saying(Verb.ANSWER, "You are welcome.", evidence={"solved": True})
SOLVED_SILENT = saying(Verb.ANSWER, "", evidence={"solved": True})
ASK = saying(Verb.ASK, "Which brand?", dialogue={"pending": "brand?"})
ROUTE = saying(Verb.ROUTE, queue="security", suggestion="Say this.")
S = InquiryState
