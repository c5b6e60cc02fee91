"""Who is told of what: each part that waits looks at once, in this process and in the others."""

import asyncio
from dataclasses import dataclass, field

from gateway.delivery.deliver import Delivery
from gateway.desk.floor import ROUTING
from gateway.domain.model import InquiryState
from gateway.domain.plan import (
    CALLBACK_TIMER,
    PROMISE_TIMER,
    STEP_TIMER,
    ChangeInquiry,
    Plan,
    Send,
    SetTimer,
)
from gateway.domain.store import Store
from gateway.workers.clocking import SLA_TIMER


@dataclass(frozen=True, slots=True)
class News:
    """What happened, as those hear it who wait for it. Only hints: each looks by itself now and then."""

    store: Store
    delivery: Delivery
    intake: asyncio.Event = field(default_factory=asyncio.Event)
    """There is something to plan."""
    timers: asyncio.Event = field(default_factory=asyncio.Event)
    """A timer was set."""
    routing: asyncio.Event = field(default_factory=asyncio.Event)
    """There may be something to offer."""

    def accepted(self) -> None:
        """Something was taken in."""
        self.intake.set()
        self.store.tell("intake")

    def applied(self, plan: Plan) -> None:
        """A plan was written."""
        for op in plan.ops:
            if isinstance(op, Send):
                self.delivery.wake(op.account)
                self.store.tell("outbox")
            elif isinstance(op, SetTimer):
                self.timers.set()
                self.store.tell("timers")
            elif isinstance(op, ChangeInquiry) and op.state is InquiryState.QUEUED:
                self.routing.set()
                self.store.tell(ROUTING)

    def fired(self, kind: str) -> None:
        """A timer fired: what it brought up is work for others."""
        if kind == PROMISE_TIMER:
            self.accepted()
        elif kind in (STEP_TIMER, SLA_TIMER, CALLBACK_TIMER):
            self.routing.set()

    def heard(self, topic: str) -> None:
        """What any process told. A part that is not at work in this one does not mind."""
        match topic:
            case "intake":
                self.intake.set()
            case "outbox":
                self.delivery.wake_all()
            case "timers":
                self.timers.set()
            case "routing":
                self.routing.set()
