"""A plan in the making: collects operations with ids that follow from the event's."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.domain.model import JSON
from gateway.domain.plan import Log, LogEvent, Op, Plan, derived_id


@dataclass(slots=True)
class Draft:
    """Used inside one call of the planner and thrown away."""

    event_id: str
    now: float
    received_at: float = math.inf
    """When the event was accepted; not later than now."""
    inquiry_id: str = ""
    knowledge: str = ""
    certificate: str = ""
    ops: list[Op] = field(default_factory=list)
    logged: list[LogEvent] = field(default_factory=list)
    evidence: dict[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The clock of another machine may be ahead of ours."""
        self.received_at = min(self.received_at, self.now)

    def id(self, part: str) -> str:
        """The id of a row this plan creates."""
        return derived_id(self.event_id, part)

    def add(self, *ops: Op) -> None:
        """Operations in the order they are applied."""
        self.ops.extend(ops)

    def log(self, kind: str, **data: JSON) -> None:
        """An event of the log, about the inquiry at hand."""
        self.logged.append(
            LogEvent(self.id(f"e{len(self.logged)}"), kind, self.now, self.inquiry_id, data)
        )

    def plan(self, evidence: Mapping[str, JSON] | None = None) -> Plan:
        """The finished plan."""
        return Plan(
            event_id=self.event_id,
            ops=(*self.ops, *(Log(event) for event in self.logged)),
            knowledge=self.knowledge,
            certificate=self.certificate,
            evidence={**self.evidence, **(evidence or {})},
        )

    def later(self, attempt: int) -> Plan:
        """What it speaks of is not there yet: look again, less and less often."""
        wait = min(60.0, 0.5 * 2 ** min(attempt, 10))
        return replace(self.plan(), postpone_until=self.now + wait)
