"""The worker process's side of planning: one planner a process, made once, asked in batches."""

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.answers import review
from gateway.answers.answerer import build_answerer
from gateway.domain.codec import decode
from gateway.domain.decision import Certificate, Question
from gateway.domain.elapsed import StoredEvent
from gateway.domain.model import Brand
from gateway.domain.plan import Plan
from gateway.domain.snapshot import Snapshot
from gateway.intake import language
from gateway.workers.planner import Planner, PlannerSettings

T = TypeVar("T")

_planner: list[Planner] = []


@dataclass(frozen=True, slots=True)
class Item:
    """One stored event with what it is planned against."""

    event_id: str
    received_at: float
    type: str
    body: str
    seen: Snapshot


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Planning this event raised; the others of its batch are not affected."""

    event_id: str
    why: str


def start(
    templates: Path,
    brands: Mapping[str, Brand],
    settings: PlannerSettings,
    engine: str = "default",
    models: Path | None = None,
    *,
    checked: bool = False,
) -> None:
    """Load the knowledge and train, or load what was trained before, once per process. `checked`: this
    release has read `templates` without a fault.

    Raises `KnowledgeError`, `TrainingError`.
    """
    language.warm()
    answerer = build_answerer(templates, brands, engine=engine, models=models, checked=checked)
    if answerer.weaker:
        structlog.get_logger("gateway").warning("a weaker engine answers", why=answerer.weaker)
    # What is made at its first use (the patterns of the rules) is made now, and not while somebody waits.
    answerer.asks_status(Question("hello"))
    today = datetime.now(UTC).date()
    for brand in brands.values():
        # Reads the tables of holidays now, and not while a customer waits for the first date.
        brand.calendar.add_business_days(today, 1)
    _planner[:] = [Planner(answerer, settings)]


def bootstrap(
    templates: Path, alpha: float, delta: float, models: Path | None
) -> list[Certificate]:
    """What the shipped questions permit (`gateway.answers.review`). Takes seconds."""
    return review.bootstrap(_planner[0].answerer, templates, alpha, delta, models)


def version() -> str:
    """The knowledge version that plans of this process rely on."""
    return _planner[0].answerer.version


def plan_all(items: Sequence[Item]) -> list[Plan | Unplanned]:
    """A plan for each, in order."""
    planner = _planner[0]
    events = [_alone(item, partial(_event, item)) for item in items]
    read = [(e, i.seen) for e, i in zip(events, items, strict=True) if not isinstance(e, Unplanned)]
    try:
        planner.foresee(read)
    except Exception as error:  # noqa: BLE001 - whose fault it is comes out when each is planned alone
        why = f"{type(error).__name__}: {error}"
        structlog.get_logger("gateway").warning("not foreseen", why=why)
    return [_planned(planner, item, event) for item, event in zip(items, events, strict=True)]


def _event(item: Item) -> StoredEvent:
    return decode(item.type, json.loads(item.body))


def _planned(planner: Planner, item: Item, event: StoredEvent | Unplanned) -> Plan | Unplanned:
    if isinstance(event, Unplanned):
        return event
    return _alone(item, lambda: planner.plan(item.event_id, item.received_at, event, item.seen))


def _alone(item: Item, work: Callable[[], T]) -> T | Unplanned:
    """What fails concerns this event alone, and is counted there."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - see above
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Unplanned(
            item.event_id, f"{type(error).__name__}: {error} ({where.name}:{where.lineno})"
        )
