"""Makes the floor of the settings: the part of the composition root for agents and queues that the
command line shares with `gateway.app`."""

from pathlib import Path

from gateway.config import Config
from gateway.desk.callbacks import Callbacks
from gateway.desk.consulting import Consulting
from gateway.desk.dispositions import Disposition, Dispositions
from gateway.desk.floor import Floor
from gateway.domain.errors import SettingsError
from gateway.domain.store import Store
from gateway.domain.world import Clock, Ids, Log
from gateway.routing.callbacks import Mode, Policy, Quiet
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Presence, Shift, Strategy
from gateway.routing.overflow import Cause, Course, Overflow
from gateway.routing.rules import Rules, RulesError, load
from gateway.routing.targets import Act, Basis, Kind, Step, Target
from gateway.routing.wishes import Reach
from gateway.staffing import OverflowSettings
from gateway.store.apply import apply
from gateway.targets import StepSettings, TargetSettings
from gateway.workers.clocking import Clocking
from gateway.workers.measuring import Measuring
from gateway.workers.overflowing import Overflowing
from gateway.workers.placing import Places


def agents_of(config: Config) -> dict[str, Agent]:
    """Who may be offered something, as the settings have them. Raises `SettingsError` where a calendar of
    their shifts cannot be read."""
    shifts = shifts_of(config)
    return {
        name: Agent(
            name, Presence.OFFLINE, dict(agent.queues), dict(agent.skills), agent.capacity,
            shift=shifts.get(agent.shift),
        )
        for name, agent in config.agents.items()
    }  # fmt: skip


def shifts_of(config: Config) -> dict[str, Shift]:
    """The working hours. Raises as `agents_of`."""
    home = config.file and config.file.parent
    return {
        name: Shift(shift.calendar(home, f"shifts.{name}"), shift.sends_home)
        for name, shift in config.shifts.items()
    }


def dispositions_of(config: Config) -> Dispositions:
    """What can come of a matter."""
    known = [
        Disposition(name, dict(one.labels), one.queues, one.comment)
        for name, one in config.dispositions.items()
    ]
    return Dispositions(known, config.routing.disposition_required)


def consulting_of(config: Config, floor: Floor) -> Consulting:
    """How agents ask each other for advice."""
    return Consulting(floor, config.routing.consult_weight)


def floor_of(config: Config, store: Store, clock: Clock, ids: Ids) -> Floor:
    """The floor on a store."""
    queues = {
        name: Queueing(
            Strategy(queue.strategy),
            queue.offer_seconds,
            queue.refusal_seconds,
            queue.wrap_up_seconds,
        )
        for name, queue in config.queues.items()
    }
    return Floor(
        store,
        Routing(queues),
        agents_of(config),
        clocking_of(config).apply,
        clock,
        ids,
        config.domain_queues(),
        config.routing.lease_seconds,
        config.default_queue,
    )


def callbacks_of(config: Config, floor: Floor) -> Callbacks:
    """The callbacks on the floor's store."""
    return Callbacks(
        floor.store, calling_of(config), reach_of(config), config.default_queue, floor.write,
        floor.clock, floor.ids, floor.finished, floor.here, modes_of(config),
    )  # fmt: skip


def modes_of(config: Config) -> dict[str, Mode]:
    """Whom the callbacks of each queue call first."""
    return {
        name: "customer_first" if queue.callback_first == "customer" else "agent_first"
        for name, queue in config.queues.items()
    }


def calling_of(config: Config) -> Policy:
    """How customers are called back."""
    calling = config.callbacks
    return Policy(
        attempts=calling.attempts,
        pause=calling.pause_minutes * 60,
        ring=calling.ring_seconds,
        quiet=Quiet(*calling.quiet),
    )


def reach_of(config: Config) -> Reach:
    """Whose telephones are called back."""
    calling = config.callbacks
    return Reach(calling.region, frozenset(calling.countries), dict(calling.regions))


def places_of(config: Config) -> Places:
    """Where inquiries wait, by the rules. Raises `SettingsError` for rules that are wrong, with every
    mistake and its line."""
    brands = config.domain_brands()
    return Places(
        config.domain_queues(),
        config.default_queue,
        rules_of(config),
        {name: brand.calendar for name, brand in brands.items()},
        {name: brand.name for name, brand in brands.items()},
        config.routing.weights,
        config.queue_calendars(),
    )


def rules_file(config: Config) -> Path | None:
    """Where the routing rules of the settings are; None where no file is named."""
    home = config.file.parent if config.file else Path.cwd()
    return home / config.routing.rules if config.routing.rules else None


def rules_of(config: Config) -> Rules:
    """The routing rules of the settings; none where no file is named. Raises as `places_of`."""
    path = rules_file(config)
    if path is None:
        return Rules()
    try:
        return load(path.read_text("utf-8"), config.queues, path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", key="routing.rules") from error
    except RulesError as error:
        raise SettingsError(str(error), key="routing.rules") from error


# ---------------------------------------------------------------- how long customers may wait


def measuring_of(config: Config) -> Measuring:
    """What counts how quickly queues move, by the calendar of the queue, else of the only or first
    brand."""
    usual = next(iter(config.domain_brands().values())).calendar
    own = config.queue_calendars()
    return Measuring(apply, {name: own.get(name, usual) for name in config.queues})


def clocking_of(config: Config) -> Clocking:
    """The writer of plans that keeps the clocks of the targets, and counts departures from queues.
    Raises `SettingsError` where a calendar cannot be read."""
    write = measuring_of(config).apply
    if not config.sla:
        return Clocking(write)
    return Clocking(
        write,
        tuple(_target(target) for target in config.sla),
        {name: brand.calendar for name, brand in config.domain_brands().items()},
        config.queue_calendars(),
        config.domain_queues(),
    )


def _target(settings: TargetSettings) -> Target:
    return Target(
        Kind(settings.kind),
        settings.seconds,
        settings.queue,
        settings.brand,
        settings.topic,
        settings.priority,
        Basis(settings.calendar),
        settings.at_risk,
        tuple(_step(step) for step in settings.ladder),
    )


def _step(settings: StepSettings) -> Step:
    if settings.raise_priority is not None:
        return Step(settings.at, Act.RAISE_PRIORITY, by=settings.raise_priority)
    if settings.queue is not None:
        return Step(settings.at, Act.MOVE, settings.queue)
    return Step(settings.at, Act.TELL, settings.tell)


# ---------------------------------------------------------------- queues that cannot cope


def overflowing_of(config: Config, floor: Floor, log: Log) -> Overflowing:
    """What moves inquiries out of queues that cannot cope. Raises as `clocking_of`."""
    return Overflowing(
        floor,
        {
            name: tuple(_overflow(rule) for rule in queue.overflow)
            for name, queue in config.queues.items()
        },
        config.domain_queues(),
        {name: brand.calendar for name, brand in config.domain_brands().items()},
        config.queue_calendars(),
        log,
    )


def _overflow(settings: OverflowSettings) -> Overflow:
    beyond = settings.beyond if settings.minutes is None else 60 * settings.minutes
    course = Course.OVERFLOW if settings.to else Course.WAIT
    return Overflow(Cause(settings.when), course, beyond, settings.to or "")
