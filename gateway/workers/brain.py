"""The worker process's side of planning: one planner a process, made once, asked in batches."""

import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.answers import review
from gateway.answers.answerer import build_answerer
from gateway.domain.codec import decode
from gateway.domain.decision import Certificate
from gateway.domain.model import Brand
from gateway.domain.plan import Plan
from gateway.domain.snapshot import Snapshot
from gateway.intake import language
from gateway.workers.planner import Planner, PlannerSettings

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


def start(templates: Path, brands: Mapping[str, Brand], settings: PlannerSettings) -> None:
    """Load the knowledge and train, once per process. Raises `KnowledgeError`, `TrainingError`."""
    language.warm()
    _planner[:] = [Planner(build_answerer(templates, brands), settings)]


def bootstrap(templates: Path, alpha: float, delta: float) -> list[Certificate]:
    """What the shipped questions permit (`gateway.answers.review`). Takes seconds."""
    return review.bootstrap(_planner[0].answerer, templates, alpha, delta)


def version() -> str:
    """The knowledge version that plans of this process rely on."""
    return _planner[0].answerer.version


def plan_all(items: Sequence[Item]) -> list[Plan | Unplanned]:
    """A plan for each, in order."""
    return [_plan(item) for item in items]


def _plan(item: Item) -> Plan | Unplanned:
    try:
        event = decode(item.type, json.loads(item.body))
        return _planner[0].plan(item.event_id, item.received_at, event, item.seen)
    except Exception as error:  # noqa: BLE001 - it concerns this event alone and is counted there
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Unplanned(
            item.event_id, f"{type(error).__name__}: {error} ({where.name}:{where.lineno})"
        )
