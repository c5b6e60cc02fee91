"""The settings of how long customers may wait, and of what happens when the time runs out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.problems import Problem, nearest
from gateway.staffing import Name, Section


class StepSettings(Section):
    """One step of a ladder: when, and one thing to do."""

    at: float = Field(gt=0, le=100)
    """The share of the target that is used then: 0.8 before it is due, 1 when it is."""
    raise_priority: int | None = Field(None, ge=1, le=9)
    queue: Name | None = None
    """Where it goes."""
    tell: str = ""
    """Whom to tell: an agent or a role."""

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        if sum((self.raise_priority is not None, self.queue is not None, bool(self.tell))) != 1:
            raise ValueError(
                "a step does one thing: raise_priority = 1, queue = 'supervisors' or tell = 'lin'"
            )
        return self


class TargetSettings(Section):
    """How long something may take, for the inquiries that it names. What is left out names all."""

    kind: Literal["first_response", "next_response", "resolution"]
    minutes: float | None = Field(None, gt=0)
    hours: float | None = Field(None, gt=0)
    none: bool = False
    """No target for these, where a more general one would hold."""
    queue: str = ""
    brand: str = ""
    topic: str = ""
    priority: int | None = Field(None, ge=0, le=9)
    calendar: Literal["brand", "queue", "24x7"] = "brand"
    """Whose opening hours count."""
    at_risk: float = Field(0.8, gt=0, lt=1)
    """The share of the target from which on it is at risk."""
    ladder: tuple[StepSettings, ...] = ()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum((self.minutes is not None, self.hours is not None, self.none)) != 1:
            raise ValueError("a target says one of minutes = 30, hours = 4 and none = true")
        if self.none and self.ladder:
            raise ValueError("no target has no ladder; take it out")
        keys = [step.model_dump_json() for step in self.ladder]
        if len(set(keys)) < len(keys):
            raise ValueError("two steps of the ladder are the same; take one out")
        return self

    @property
    def seconds(self) -> float | None:
        """Business seconds; None where there is no target."""
        if self.none:
            return None
        return 60 * self.minutes if self.minutes is not None else 3600 * (self.hours or 0)

    @property
    def named(self) -> tuple[str, str, str, str, int | None]:
        """What it is for."""
        return self.kind, self.queue, self.brand, self.topic, self.priority


def dangling(
    targets: Iterable[TargetSettings], queues: Mapping[str, object], brands: Mapping[str, object]
) -> Iterator[Problem]:
    """What of the targets points to nothing, or says again what another one has said."""

    def missing(key: str, name: str, known: Iterable[str], what: str) -> Iterator[Problem]:
        if name and name not in known:
            yield Problem(key, f"there is no {what} {name!r}", nearest(name, known))

    first: dict[object, int] = {}
    for number, target in enumerate(targets):
        key = f"sla.{number}"
        yield from missing(f"{key}.queue", target.queue, queues, "queue")
        yield from missing(f"{key}.brand", target.brand, brands, "brand")
        for place, step in enumerate(target.ladder):
            yield from missing(f"{key}.ladder.{place}.queue", step.queue or "", queues, "queue")
        if (other := first.setdefault(target.named, number)) != number:
            yield Problem(key, f"is for the same inquiries as sla.{other}; take one out")


def unknown_topics(targets: Iterable[TargetSettings], topics: Iterable[str]) -> Iterator[Problem]:
    """Topics that no knowledge base in force has; whoever has read it can say so."""
    known = list(topics)
    for number, target in enumerate(targets):
        if target.topic and target.topic not in known:
            close = nearest(target.topic, known)
            yield Problem(f"sla.{number}.topic", f"there is no topic {target.topic!r}", close)
