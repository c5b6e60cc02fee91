"""Makes the floor of the settings: the part of the composition root for agents and queues that the
command line shares with `gateway.app`."""

from collections.abc import Mapping

from gateway.config import Config
from gateway.desk.floor import Floor
from gateway.domain.store import Store
from gateway.domain.world import Clock, Ids
from gateway.routing.core import Queueing, Routing
from gateway.routing.model import Agent, Presence, Strategy, rank
from gateway.store.apply import apply


def agents_of(config: Config) -> dict[str, Agent]:
    """Who may be offered something, as the settings have them."""
    return {
        name: Agent(name, Presence.OFFLINE, dict(agent.queues), dict(agent.skills), agent.capacity)
        for name, agent in config.agents.items()
    }


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
        store, Routing(queues), agents_of(config), apply, clock, ids, config.routing.lease_seconds
    )


def handicaps(config: Config) -> Mapping[str, float]:
    """What the rank in each queue adds to the age, for what is handed on to it."""
    return {
        name: rank(0.0, queue.priority, queue.ageing)
        for name, queue in config.domain_queues().items()
    }
