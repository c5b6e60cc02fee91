"""Makes what planning needs of the settings, with what customers are told of their wait: part of the
composition root."""

from gateway.config import Config
from gateway.desk.floor import Floor
from gateway.domain.calendar import Calendar
from gateway.domain.world import Log
from gateway.routing.model import Lane
from gateway.routing.overflow import Cause
from gateway.routing.waiting import Limits
from gateway.staff import calling_of, reach_of
from gateway.staffing import QueueSettings
from gateway.workers.deciding import PlannerSettings
from gateway.workers.lines import Lines, Watching
from gateway.workers.placing import Places
from gateway.workers.waits import Telling, Waits

#: Settings of a calendar that say when somebody is there; without any, its hours are an assumption.
_HOURS = frozenset({"opening_hours", "hours", "closures", "openings"})


def planning_of(config: Config, places: Places) -> PlannerSettings:
    """What plans go by. Raises `SettingsError` where a calendar cannot be read."""
    return PlannerSettings(
        places=places,
        automatic_per_day=config.answers.automatic_replies_per_day,
        close_after=config.answers.close_after_hours * 3600,
        calendars={name: brand.calendar for name, brand in config.domain_brands().items()},
        audit_share=config.answers.audit_share,
        suggest_only=config.answers.mode == "suggest",
        reach=reach_of(config),
        calling=calling_of(config),
        stale_after=config.limits.stale_days * 86400,
        waits=waits_of(config),
    )


def waits_of(config: Config) -> Waits:
    """What customers are told of their wait. Raises as `planning_of`."""
    brands = config.domain_brands()
    settings = {name: brand.calendar for name, brand in config.brands.items()}
    usual, own = next(iter(settings.values())), config.queue_calendars()
    return Waits(
        {
            name: _telling(queue, own.get(name))
            for name, queue in config.queues.items()
            if queue.waiting.tell
        },
        {name: brand.calendar for name, brand in brands.items()},
        stated=frozenset(
            name for name, calendar in settings.items() if calendar.model_fields_set & _HOURS
        ),
        timed=frozenset(name for name, calendar in settings.items() if calendar == usual),
        chats=frozenset(name for name, brand in brands.items() if brand.facts.get("chat")),
        reach=reach_of(config),
    )


def _telling(settings: QueueSettings, calendar: Calendar | None) -> Telling:
    waiting = settings.waiting
    limits = Limits(
        waiting.worth_saying_seconds,
        waiting.worth_offering_seconds,
        waiting.busy_minutes * 60,
        waiting.busy_waiting,
    )
    leaves = frozenset(Cause(rule.when) for rule in settings.overflow if rule.to)
    return Telling(limits, waiting.offers, calendar, leaves)


def watching_of(config: Config, floor: Floor, lines: Lines, log: Log) -> Watching:
    """What keeps in sight how the lines of the queues stand."""
    weights = sorted({1, *config.routing.weights.values()})
    lanes = {
        name: tuple(Lane.of(name, queue.skills, weight) for weight in weights)
        for name, queue in config.queues.items()
        if queue.waiting.tell
    }
    return Watching(lines, floor.store, floor.agents, lanes, floor.clock, log)
