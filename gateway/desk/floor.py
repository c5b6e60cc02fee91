"""What agents do on the floor: come and go, take what they are offered or not, hand on. And what time
does: offers run out, who is not heard of is gone. Each is one unit of work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

from gateway.desk.commands import find
from gateway.desk.settling import REACH, end_advice, gone, homeless
from gateway.desk.standing import Moving, Standing, as_waiting
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import Queue
from gateway.domain.plan import Plan
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Ids
from gateway.intake.redact import redact
from gateway.routing.core import Routing
from gateway.routing.events import (
    Accepted,
    Arrived,
    Back,
    Came,
    Declined,
    Event,
    Expired,
    Finished,
    HandedOn,
    Looked,
    Offer,
    Taken,
    WrappedUp,
)
from gateway.routing.matching import best
from gateway.routing.model import Agent, Lane, Presence, Waiting, rank

T = TypeVar("T")

ROUTING = "routing"
"""What is told (`Store.tell`) when there may be something to offer."""


class NobodyKnown(NotFound):
    """There is no such agent in the settings."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The commands."""

    store: Store
    routing: Routing
    agents: Mapping[str, Agent]
    """By id, as the settings have them."""
    write: Callable[[Tx, Plan, float], None]
    """The store's writer of plans."""
    clock: Clock
    ids: Ids
    queues: Mapping[str, Queue] = field(default_factory=dict)
    """To which an inquiry may be handed on."""
    lease: float = 60.0
    """Seconds after which an agent who is not heard of is gone."""
    default_queue: str = ""
    """Where goes what waits in a queue that is no more."""

    # ------------------------------------------------------------ agents

    async def be(self, agent: str, presence: Presence) -> None:
        """Say what one is. Raises `NobodyKnown`."""
        self._known(agent)
        if presence is Presence.WRAP_UP:
            msg = "wrap_up begins by itself, after an inquiry; say online, busy, away or offline"
            raise NotAllowed(msg)

        def work(moving: Moving) -> None:
            moving.tx.run("routing.seen", id=agent, at=moving.now)
            self.routing.on(moving, Came(agent, presence), moving.now)

        await self._do(work)

    async def alive(self, agent: str) -> list[str]:
        """Be heard of: within the lease, again and again. Returns the numbers of what is offered to
        the agent now. Raises `NotAllowed` for one who is gone: say online first."""
        self._known(agent)
        now = self.clock.now()

        def work(tx: Tx) -> list[str]:
            tx.run("routing.seen", id=agent, at=now)
            there = Standing(tx, self.agents, now).agent(agent)
            if there is None or there.presence is Presence.OFFLINE:
                msg = f"{agent} is offline; what they had was given to others. Say online first"
                raise NotAllowed(msg)
            return [row["number"] for row in tx.all("routing.offers") if row["agent"] == agent]

        return await self.store.write(work)

    async def accept(self, reference: str, agent: str) -> str:
        """Take what was offered; the inquiry's number. Raises `NotAllowed` when the offer is over, and
        says who has it."""
        return await self._about(reference, lambda row: Accepted(row["id"], agent))

    async def decline(self, reference: str, agent: str, reason: str = "") -> str:
        """Do not take what was offered; it goes to somebody else, and for a while not to this agent."""
        why = redact(reason).text
        return await self._about(reference, lambda row: Declined(row["id"], agent, why))

    async def take(self, reference: str, agent: str, *, by: str = "") -> str:
        """Take a waiting inquiry by oneself; `by` a supervisor, also from somebody else. Raises
        `NotAllowed` when another agent has it."""
        return await self._about(reference, lambda row: Taken(row["id"], agent, by))

    async def next(self, agent: str) -> str | None:
        """Take the first of what waits in the agent's queues that the agent can take; None where
        nothing does. Agents who ask at the same moment get one each."""
        known = self._known(agent)

        def work(moving: Moving) -> str | None:
            # Who asks is there, and takes one more than an automatic offer would give.
            asking = replace(known, presence=Presence.ONLINE, load=0)
            moving.only = known.queues
            waiting = best(moving, asking)
            if waiting is None:
                return None
            self.routing.on(moving, Taken(waiting.id, agent), moving.now)
            return str(find(moving.tx, waiting.id)["number"])

        return await self._do(work)

    async def transfer(self, reference: str, agent: str, queue: str) -> str:
        """Hand an inquiry on to another queue: it waits there at the place of its age and of the queue's
        priority, for who knows what that queue asks. Raises `NotFound`, `NotAllowed`."""
        if (to := self.queues.get(queue)) is None:
            msg = f"there is no queue {queue!r}; there are {', '.join(self.queues)}"
            raise NotFound(msg)

        def work(moving: Moving) -> str:
            row = find(moving.tx, reference)
            old = as_waiting(row)
            since = old.since or moving.now
            place = rank(since, to.priority, to.ageing, urgent=bool(row["urgent"]))
            lane = Lane.of(to.id, to.skills, old.lane.weight)
            handed = Waiting(old.id, lane, place, since)
            self.routing.on(moving, HandedOn(handed, agent, to.priority), moving.now)
            return str(row["number"])

        return await self._do(work)

    def here(self, tx: Tx, agent: str, now: float) -> None:
        """Within a unit by which somebody takes something by themselves: they are heard of. Raises
        `NotAllowed` for an agent who is offline, since it would go to others at once. Who is not in the
        settings has no lease, and is not asked."""
        if agent not in self.agents:
            return
        if tx.value("routing.presence", id=agent) in (None, Presence.OFFLINE):
            msg = f"{agent} is offline; what they take would go to others at once. Say online first"
            raise NotAllowed(msg)
        tx.run("routing.seen", id=agent, at=now)

    def finished(self, tx: Tx, row: Row, agent: str, command: str, now: float) -> None:
        """Within a unit that took an inquiry from an agent: they have time to finish, or the next."""
        if agent in self.agents:
            tx.one("routing.lock")
            tx.run("routing.seen", id=agent, at=now)
            moving = self._moving(tx, command, now)
            lane = Lane.parse(row["lane"] or "|1|")
            self.routing.on(moving, Finished(row["id"], agent, lane), now)

    # ------------------------------------------------------------ time

    async def look(self) -> int:
        """What time has brought: offers that ran out, agents who are gone, time to finish that is
        over, queues that are no more; and whatever can be offered now. Returns how many offers were
        made."""

        def work(moving: Moving) -> int:
            now, made = moving.now, 0
            events: list[Event] = [*gone(moving, self.agents, self.lease)]
            events += [
                Expired(row["inquiry_id"]) for row in moving.tx.all("routing.overdue", now=now)
            ]
            events += [WrappedUp(row["id"]) for row in moving.tx.all("routing.wrapped_up", now=now)]
            for event in chain(
                events, homeless(moving, self.queues, self.default_queue), [Looked()]
            ):
                decisions = self.routing.on(moving, event, now)
                made += sum(isinstance(one, Offer) for one in decisions)
                if isinstance(event, Expired):  # also of those that are offered no more
                    moving.tx.run("routing.drop_overdue", inquiry_id=event.inquiry, now=now)
            moving.tx.run("routing.forget_refusals", now=now)
            end_advice(moving.tx, self.agents, self.queues, moving.command, now)
            return made

        # Told to nobody: what it finds is found again by whoever looks.
        return await self._do(work, tell=False)

    async def settle(self) -> bool:
        """What other settings than the last ones bring: agents who are no more give back what they had, what
        waits in queues that are no more goes to the default queue. Also where no agent is left. Returns
        whether there is more to do."""

        def work(moving: Moving) -> bool:
            events: list[Event] = [
                one for one in gone(moving, self.agents, self.lease) if one.why is Back.REMOVED
            ]
            moved = 0
            for event in chain(events, homeless(moving, self.queues, self.default_queue)):
                self.routing.on(moving, event, moving.now)
                moved += isinstance(event, Arrived)
            return moved == REACH

        return await self._do(work)

    # ------------------------------------------------------------ parts

    def _known(self, agent: str) -> Agent:
        try:
            return self.agents[agent]
        except KeyError:
            known = ", ".join(self.agents) or "none yet: add [agents.NAME]"
            raise NobodyKnown(f"there is no agent {agent!r} in the settings ({known})") from None

    async def _about(self, reference: str, event: Callable[[Row], Event]) -> str:
        def work(moving: Moving) -> str:
            row = find(moving.tx, reference)
            self.routing.on(moving, event(row), moving.now)
            return str(row["number"])

        return await self._do(work)

    async def _do(self, work: Callable[[Moving], T], *, tell: bool = True) -> T:
        command, now = self.ids.new(), self.clock.now()

        def unit(tx: Tx) -> T:
            tx.one("routing.lock")
            return work(self._moving(tx, command, now))

        result = await self.store.write(unit)
        if tell:
            self.store.tell(ROUTING)
        return result

    def _moving(self, tx: Tx, command: str, now: float) -> Moving:
        sticky = self.routing.sticky
        return Moving(tx, self.agents, now, sticky, tx=tx, write=self.write, command=command)
