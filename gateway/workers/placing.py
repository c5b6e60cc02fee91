"""Where an inquiry waits, by the rules: the first step at once, the others when their time comes.

What a later step needs stands with the inquiry (`routing`), so that it is taken by whoever is there
then, also after a restart with other rules.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.standing import Standing
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Decision
from gateway.domain.model import JSON, InquiryState, Queue
from gateway.domain.plan import (
    STEP_TIMER,
    CancelTimer,
    ChangeInquiry,
    Log,
    LogEvent,
    Op,
    Plan,
    SetTimer,
)
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.domain.states import move
from gateway.domain.store import Row, Tx
from gateway.routing.facts import (
    BrandFacts,
    ContactFacts,
    Facts,
    InquiryFacts,
    QueueFacts,
    TimeFacts,
)
from gateway.routing.model import Agent, Lane, rank
from gateway.routing.placement import Placement, Step, Turn, next_step, place
from gateway.routing.rules import DEFAULT, Rules

#: Seconds after which an inquiry that is just offered is looked at again.
_OFFERED = 15.0


@dataclass(frozen=True, slots=True)
class Places:
    """Chooses places."""

    queues: Mapping[str, Queue]
    default: str
    rules: Rules = field(default_factory=Rules)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """By brand."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What brands are called."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """What an inquiry takes of an agent's capacity, by kind of channel."""
    own: Mapping[str, Calendar] = field(default_factory=dict)
    """Of queues that have opening hours of their own; the others have those of the brand."""

    def place(
        self,
        inquiry: InquiryView,
        seen: Snapshot,
        *,
        topic_queue: str,
        urgent: bool,
        why: str,
        decision: Decision | None = None,
    ) -> "Placed":
        """Where it waits now."""
        facts = self._facts(inquiry, seen, urgent, why, decision)
        account = seen.account.queue
        placement = place(
            self.rules, facts, self.queues, self.default, topic=topic_queue, account=account
        )
        return Placed(
            placement,
            facts,
            self.change(placement.steps[0], seen.account.kind),
            _by(placement, topic_queue, account),
        )

    def change(self, step: Step, kind: str = "", weight: int = 0) -> dict[str, Any]:
        """The fields of `ChangeInquiry` for a step. The weight is that of the kind of channel where
        none is given."""
        queue = self.queues[step.queue]
        lane = Lane.of(step.queue, step.needs, weight or self.weights.get(kind, 1))
        return {
            "queue": step.queue,
            "priority": step.priority,
            "lane": lane.key,
            "handicap": rank(0.0, step.priority, queue.ageing, urgent=step.urgent),
        }

    def time(self, brand: str, now: float) -> TimeFacts:
        """The moment as the brand has it."""
        calendar = self.calendars.get(brand, Calendar())
        day = calendar.is_business_day(calendar.day_of(now))
        return TimeFacts.of(
            now, ZoneInfo(calendar.zone), business_day=day, open=calendar.is_open(now)
        )

    def is_open(self, queue: str, brand: str, now: float) -> bool:
        """Whether a queue is open for an inquiry of a brand."""
        calendar = self.own.get(queue) or self.calendars.get(brand, Calendar())
        return calendar.is_open(now)

    def _facts(
        self,
        inquiry: InquiryView,
        seen: Snapshot,
        urgent: bool,
        why: str,
        decision: Decision | None,
    ) -> Facts:
        handle = seen.handle
        return Facts(
            InquiryFacts(
                id=inquiry.id,
                number=inquiry.number,
                channel=seen.account.kind,
                account=seen.account.id,
                brand=inquiry.brand,
                topic=(decision.topic if decision else "") or inquiry.topic,
                language=(decision.language if decision else "") or inquiry.language,
                subject=inquiry.subject,
                urgent=urgent,
                high_risk=bool(decision and decision.high_risk),
                reason=why,
                verb=decision.verb.value if decision else "",
                confidence=decision.confidence if decision else 0.0,
            ),
            ContactFacts(
                handle.contact_id, handle.name, handle.language, handle.trust, len(seen.cases)
            )
            if handle
            else ContactFacts(),
            BrandFacts(inquiry.brand, self.names.get(inquiry.brand, inquiry.brand)),
            time=self.time(inquiry.brand, seen.now),
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A place with what goes with it."""

    placement: Placement
    facts: Facts
    change: dict[str, Any]
    """The fields of `ChangeInquiry`."""
    by: str
    """The filter, or what of the default rule named the queue."""

    @property
    def routing(self) -> dict[str, JSON]:
        """What stands with the inquiry."""
        first = self.placement.steps[0]
        kept = _of_step(first)
        if len(self.placement.steps) > 1 or first.skip_if:
            kept["steps"] = [step.as_values() for step in self.placement.steps]
            kept["filter"] = self.placement.filter
            facts = asdict(self.facts)
            # What a customer wrote stands with the message alone.
            facts["inquiry"]["subject"] = facts["contact"]["name"] = ""
            kept["facts"] = {name: facts[name] for name in ("inquiry", "contact", "brand", "case")}
        return kept

    def timer(self, inquiry: str, now: float) -> SetTimer | CancelTimer:
        """For the next step. How the queues stand is known to the timer only: a first step that may
        be skipped is looked at by it at once."""
        first = self.placement.steps[0]
        if first.skip_if:
            return SetTimer(STEP_TIMER, inquiry, now)
        if first.timeout is None:
            return CancelTimer(STEP_TIMER, inquiry)
        return SetTimer(STEP_TIMER, inquiry, now + first.timeout)

    @property
    def trail(self) -> list[JSON]:
        """What was tried, for the log."""
        return [dict(tried.as_values()) for tried in self.placement.trail]


@dataclass(frozen=True, slots=True)
class Stepping:
    """What the timer of a step does."""

    places: Places
    agents: Mapping[str, Agent]

    def fire(self, tx: Tx, row: Row, event_id: str, now: float) -> Plan | None:
        """Go on to the step that applies now. Nothing for what does not wait any more."""
        inquiry = tx.one("inquiries.by_id", id=row["subject"])
        if inquiry is None:
            return None
        if inquiry["state"] == InquiryState.OFFERED:
            return Plan(event_id, (SetTimer(STEP_TIMER, inquiry["id"], now + _OFFERED),))
        kept: dict[str, Any] = json.loads(inquiry["routing"] or "{}")
        steps = [Step.from_values(values) for values in kept.get("steps", ())]
        steps = [step for step in steps if step.queue in self.places.queues]
        if inquiry["state"] != InquiryState.QUEUED or not steps:
            return None
        current = kept.get("at")
        turn = next_step(
            steps, current, self._facts(kept, inquiry, now), self._queues(tx, inquiry, now),
            kept.get("filter", ""),
        )  # fmt: skip
        return Plan(event_id, self._taken(inquiry, kept, turn, event_id, now))

    def _taken(
        self, inquiry: Row, kept: dict[str, Any], turn: Turn, event_id: str, now: float
    ) -> tuple[Op, ...]:
        weight = Lane.parse(inquiry["lane"] or "|1|").weight
        data: dict[str, JSON] = {
            "step": turn.index + 1,
            "queue": turn.step.queue,
            "trail": [dict(tried.as_values()) for tried in turn.trail],
        }
        ops: list[Op] = [Log(LogEvent(event_id, "inquiry.step", now, inquiry["id"], data))]
        if turn.index != kept.get("at"):
            stays = ("steps", "filter", "facts")
            routing: dict[str, JSON] = {key: kept[key] for key in stays if key in kept}
            ops.append(
                ChangeInquiry(
                    inquiry["id"],
                    inquiry["version"],
                    move(InquiryState.QUEUED, "queue"),
                    routing={**routing, **_of_step(turn.step), "at": turn.index},
                    **self.places.change(turn.step, weight=weight),
                )
            )
        if turn.timeout is not None:
            ops.append(SetTimer(STEP_TIMER, inquiry["id"], now + turn.timeout))
        return tuple(ops)

    def _facts(self, kept: Mapping[str, Any], inquiry: Row, now: float) -> Facts:
        said = kept.get("facts", {})
        return Facts(
            InquiryFacts(**said.get("inquiry", {})),
            ContactFacts(**said.get("contact", {})),
            BrandFacts(**said.get("brand", {})),
            time=self.places.time(inquiry["brand"], now),
        )

    def _queues(self, tx: Tx, inquiry: Row, now: float) -> dict[str, QueueFacts]:
        """How the queues stand at this moment."""
        counted = {row["queue"]: row for row in tx.all("inquiries.queue_counts")}
        floor = Standing(tx, self.agents, now)
        found = {}
        for name in self.places.queues:
            there = [agent for agent in floor.agents(name) if not agent.absent]
            row = counted.get(name)
            found[name] = QueueFacts(
                name,
                row["waiting"] if row else 0,
                max(0.0, now - row["oldest"]) if row and row["oldest"] else 0.0,
                len(there),
                sum(agent.room > 0 for agent in there),
                self.places.is_open(name, inquiry["brand"], now),
            )
        return found


def _of_step(step: Step) -> dict[str, JSON]:
    """What `Standing` reads of the step that applies."""
    kept: dict[str, JSON] = {"prefers": dict(step.prefers)} if step.prefers else {}
    return {**kept, "known": True} if step.known_agent else kept


def _by(placement: Placement, topic: str, account: str) -> str:
    if placement.filter != DEFAULT:
        return placement.filter
    first = placement.steps[0].queue
    return "topic" if first == topic else "account" if first == account else "default"
