"""A plan in the making: collects operations with ids that follow from the event's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.model import JSON
from gateway.domain.plan import Log, LogEvent, Op, Plan, derived_id


@dataclass(slots=True)
class Draft:
    """Used inside one call of the planner and thrown away."""

    event_id: str
    now: float
    inquiry_id: str = ""
    knowledge: str = ""
    certificate: str = ""
    ops: list[Op] = field(default_factory=list)
    logged: list[LogEvent] = field(default_factory=list)
    evidence: dict[str, JSON] = field(default_factory=dict)

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
