"""Who is told of what: each part that waits looks at once, in this process and in the others."""

import asyncio
from dataclasses import dataclass, field

from gateway.delivery.deliver import Delivery
from gateway.desk.floor import ROUTING
from gateway.desk.timeline import Changed
from gateway.domain.model import InquiryState
from gateway.domain.plan import (
    CALLBACK_TIMER,
    PROMISE_TIMER,
    STEP_TIMER,
    AddMessage,
    ChangeInquiry,
    FetchAttachment,
    Log,
    Plan,
    Send,
    SetTimer,
)
from gateway.domain.store import Store
from gateway.pollers import TOPIC, Polling
from gateway.routing.placement import failures
from gateway.workers.clocking import SLA_TIMER
from gateway.workers.fetching import Fetching
from gateway.workers.lines import Lines

#: The topic under which processes tell each other that an account has files to fetch: this and its name.
FILES = "files:"

#: The topic under which processes tell each other that customers may have something to be shown.
SAID = "said"


@dataclass(slots=True)
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
    polls: dict[str, Polling] = field(default_factory=dict)
    """Who asks for news, by account."""
    fetches: dict[str, Fetching] = field(default_factory=dict)
    """Who gets files from the provider, by account."""
    lines: Lines = field(default_factory=Lines)
    """How the queues stand, as all pipelines of this process know it."""
    said: Changed = field(default_factory=Changed)
    """Something may have been said that a customer is shown."""
    failed: int = 0
    """Conditions of routing rules that could not be asked, and counted as not true."""

    def accepted(self) -> None:
        """Something was taken in."""
        self.intake.set()
        self.store.tell("intake")

    def applied(self, plan: Plan) -> None:
        """A plan was written."""
        if any(isinstance(op, AddMessage) for op in plan.ops):
            self.spoken()
        for op in plan.ops:
            if isinstance(op, Send):
                self.delivery.wake(op.account)
                self.store.tell("outbox")
            elif isinstance(op, FetchAttachment):
                self._fetch(op.account)
                self.store.tell(FILES + op.account)
            elif isinstance(op, SetTimer):
                self.timers.set()
                self.store.tell("timers")
            elif isinstance(op, ChangeInquiry) and op.state is InquiryState.QUEUED:
                self.routing.set()
                self.store.tell(ROUTING)
            elif isinstance(op, Log):
                self.failed += failures(op.event.data.get("trail"))

    def spoken(self) -> None:
        """A message was added, or went out."""
        self.said.tell()
        self.store.tell(SAID)

    def fired(self, kind: str) -> None:
        """A timer fired: what it brought up is work for others."""
        if kind == PROMISE_TIMER:
            self.accepted()
        elif kind in (STEP_TIMER, SLA_TIMER, CALLBACK_TIMER):
            self.routing.set()

    def _fetch(self, account: str) -> None:
        if (fetching := self.fetches.get(account)) is not None:
            fetching.arrived.set()

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
            case _ if topic == SAID:
                self.said.tell()
            case _ if topic.startswith(FILES):
                self._fetch(topic.removeprefix(FILES))
            case _ if topic.startswith(TOPIC):
                if (polling := self.polls.get(topic.removeprefix(TOPIC))) is not None:
                    polling.wake()
