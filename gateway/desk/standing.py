"""The floor as the database has it: the `State` that routing decides on, inside one transaction.

What an agent has in hand is what the inquiries say; offers count while their inquiry is offered. So
whatever else moves an inquiry, nothing here has to be kept in step with it.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.domain.errors import NotFound
from gateway.domain.model import JSON, InquiryState
from gateway.domain.plan import (
    STEP_TIMER,
    CancelTimer,
    ChangeInquiry,
    Log,
    LogEvent,
    Op,
    Plan,
    SetTimer,
    derived_id,
)
from gateway.domain.states import move
from gateway.domain.store import Reader, Row, Tx
from gateway.routing.core import Hold
from gateway.routing.events import (
    Assign,
    Decision,
    Enqueue,
    Offer,
    Release,
    Remove,
    Return,
    Revoke,
    Set,
)
from gateway.routing.model import Agent, Lane, Presence, Waiting


def as_waiting(row: Row) -> Waiting:
    """A row of `routing.*` as what waits."""
    routing: dict[str, Any] = json.loads(row["routing"] or "{}")
    return Waiting(
        row["id"],
        Lane.parse(row["lane"] or "|1|"),
        row["rank"],
        row["waiting_since"] or 0.0,
        routing.get("prefers", {}),
    )


@dataclass
class Standing:
    """Reads are kept until something is applied; who only reads may pass a `Reader`."""

    reader: Reader
    known: Mapping[str, Agent]
    """The agents of the settings: queues, skills and capacity."""
    now: float
    sticky: Collection[str] = frozenset()
    """Queues whose customers go to the agent they had last."""
    only: Collection[str] | None = None
    """The queues that are looked at; None: all."""
    _kept: dict[str, Any] = field(default_factory=dict)

    # ------------------------------------------------------------ what is

    def lanes(self) -> Iterable[Lane]:
        return self._heads().keys()

    def first(self, lane: Lane, after: Waiting | None = None) -> Waiting | None:
        if after is None:
            return self._heads().get(lane)
        row = self.reader.one(
            "routing.after", lane=lane.key, rank=after.rank, since=after.since, id=after.id
        )
        return self._waiting(row) if row else None

    def agents(self, queue: str = "") -> Iterable[Agent]:
        everybody = self._agents().values()
        return [agent for agent in everybody if not queue or queue in agent.queues]

    def agent(self, name: str) -> Agent | None:
        return self._agents().get(name)

    def refusers(self, inquiry: str) -> Collection[str]:
        def read() -> dict[str, set[str]]:
            found = defaultdict(set)
            for row in self.reader.all("routing.refusals", now=self.now):
                found[row["inquiry_id"]].add(row["agent"])
            return found

        refused: dict[str, set[str]] = self._once("refusals", read)
        return refused.get(inquiry, ())

    def holds(self, inquiry: str) -> Collection[Hold]:
        row = self.reader.one("inquiries.by_id", id=inquiry)
        if row is None:
            return []
        if row["state"] in (InquiryState.ASSIGNED, InquiryState.WRAPPING):
            return [Hold(as_waiting(row), row["assigned_to"], accepted=True)]
        offers = self.reader.all("routing.offers_of", inquiry_id=inquiry)
        return [Hold(as_waiting(o), o["agent"], accepted=False, until=o["until"]) for o in offers]

    def held(self, agent: str) -> Collection[Hold]:
        rows = self.reader.all("routing.held_by", agent=agent)
        offers = [offer for offer in self._offers() if offer["agent"] == agent]
        return [
            *(Hold(as_waiting(row), agent, accepted=True) for row in rows),
            *(Hold(as_waiting(row), agent, accepted=False, until=row["until"]) for row in offers),
        ]

    def waits(self, inquiry: str) -> Waiting | None:
        row = self.reader.one("routing.waits", id=inquiry)
        return as_waiting(row) if row else None

    def _waiting(self, row: Row) -> Waiting:
        """With the agent whom the customer had last, where that counts."""
        waiting = as_waiting(row)
        known = "known" in json.loads(row["routing"] or "{}")
        if not known and waiting.lane.queue not in self.sticky:
            return waiting
        last = self.reader.one("routing.last_agent", inquiry_id=waiting.id)
        return replace(waiting, last_agent=last["author"] if last else "")

    def _heads(self) -> dict[Lane, Waiting]:
        def read() -> dict[Lane, Waiting]:
            if self.only is None:
                rows = self.reader.all("routing.heads")
            else:
                found = (self.reader.all("routing.heads_of", queue=name) for name in self.only)
                rows = [row for queue in found for row in queue]
            return {head.lane: head for head in map(self._waiting, rows)}

        heads: dict[Lane, Waiting] = self._once("heads", read)
        return heads

    def _offers(self) -> list[Row]:
        offers: list[Row] = self._once("offers", lambda: self.reader.all("routing.offers"))
        return offers

    def _agents(self) -> dict[str, Agent]:
        def read() -> dict[str, Agent]:
            load: dict[str, int] = defaultdict(int)
            for row in self.reader.all("routing.in_hand"):
                load[row["agent"]] += row["n"] * Lane.parse(row["lane"] or "|1|").weight
            for offer in self._offers():
                load[offer["agent"]] += Lane.parse(offer["lane"]).weight
            for asked in self.reader.all("consults.standing"):
                load[asked["agent"]] += asked["weight"]
            there = {row["id"]: row for row in self.reader.all("routing.agents")}
            return {
                name: _present(agent, there.get(name), load[name]).at(self.now)
                for name, agent in self.known.items()
            }

        agents: dict[str, Agent] = self._once("agents", read)
        return agents

    def _once(self, what: str, read: Callable[[], Any]) -> Any:
        if what not in self._kept:
            self._kept[what] = read()
        return self._kept[what]

    def forget(self) -> None:
        """Something has changed."""
        self._kept.clear()

    def apply(self, decision: Decision, now: float) -> None:
        """Only a `Moving` floor changes."""
        msg = f"{type(decision).__name__} at {now}: this floor is only looked at"
        raise TypeError(msg)


def _said(**words: str) -> dict[str, JSON]:
    """What of an event is not empty."""
    return {name: word for name, word in words.items() if word}


def _present(agent: Agent, row: Row | None, load: int) -> Agent:
    if row is None:
        return replace(agent, presence=Presence.OFFLINE, load=load)
    return replace(
        agent,
        presence=Presence(row["presence"]),
        load=load,
        idle_since=row["idle_since"],
        offered_at=row["offered_at"],
    )


@dataclass
class Moving(Standing):
    """The floor that decisions change, by plans like everything else. `tx` is its `reader`."""

    tx: Tx = field(kw_only=True)
    write: Callable[[Tx, Plan, float], None] = field(kw_only=True)
    command: str = field(kw_only=True)
    """Ids of events follow from it: the same unit, run again, writes the same."""
    _number: int = 0

    def apply(self, decision: Decision, now: float) -> None:
        """Write it, with its event."""
        match decision:
            case Enqueue(waiting, priority, left):
                lane = waiting.lane
                self._move(
                    waiting.id, "queue", queue=lane.queue, lane=lane.key, priority=priority,
                    handicap=waiting.rank - waiting.since, assigned_to="", routing={},
                )  # fmt: skip
                # What a rule had planned for it in the other lane ends.
                self._write(CancelTimer(STEP_TIMER, waiting.id))
                self._log("inquiry.moved", waiting.id, now, lane=lane.key, **_said(left=left))
            case Remove(inquiry, why):
                self.tx.run("routing.drop_offers", inquiry_id=inquiry)
                self._log("inquiry.withdrawn", inquiry, now, why=why)
            case Offer():
                self._offer(decision, now)
            case Assign(waiting, agent, by):
                self.tx.run("routing.drop_offers", inquiry_id=waiting.id)
                self._move(waiting.id, "assign", assigned_to=agent)
                self._log("inquiry.assigned", waiting.id, now, agent=agent, **_said(by=by))
            case Revoke(inquiry, agent):
                self.tx.run("routing.drop_offer", inquiry_id=inquiry, agent=agent)
                self._log("offer.revoked", inquiry, now, agent=agent)
            case Return():
                self._return(decision, now)
            case Release(_, agent):
                self.tx.run("routing.idle", id=agent, at=now)
            case Set(agent, presence, until):
                self._set(agent, presence, until, now)
        self.forget()

    def _offer(self, offer: Offer, now: float) -> None:
        inquiry, agent = offer.waiting.id, offer.agent
        if self.tx.one("routing.waits", id=inquiry):
            # What is left of offers that something else put an end to is none.
            self.tx.run("routing.drop_offers", inquiry_id=inquiry)
            self._move(inquiry, "offer")
        self.tx.run("routing.add_offer", inquiry_id=inquiry, agent=agent, at=now, until=offer.until)
        self.tx.run("routing.offered", id=agent, at=now)
        considered: list[JSON] = [[one.agent, one.why_not] for one in offer.considered]
        self._log(
            "inquiry.offered", inquiry, now, agent=agent, until=offer.until,
            lane=offer.waiting.lane.key, considered=considered,
        )  # fmt: skip

    def _return(self, back: Return, now: float) -> None:
        self.tx.run("routing.drop_offer", inquiry_id=back.inquiry, agent=back.agent)
        if back.refused_until > now:
            self.tx.run(
                "routing.refuse",
                inquiry_id=back.inquiry,
                agent=back.agent,
                until=back.refused_until,
            )
        if back.waits:
            place = self._old_place(back.inquiry)
            self._move(back.inquiry, "queue", assigned_to="", handicap=place)
            self._step_on(back.inquiry, now)
        else:
            # Of two who refuse at once each sees the other's offer still: one of them runs again.
            self.tx.run("routing.touch", id=back.inquiry)
        self._log(
            "inquiry.returned", back.inquiry, now, agent=back.agent, why=back.why.value,
            **_said(reason=back.reason),
        )  # fmt: skip

    def _old_place(self, inquiry: str) -> float | None:
        """The handicap by which it has the rank it had, although its waiting ended meanwhile: the agent
        had answered, and the customer wrote again. None where it waits still, or never did."""
        row = self.tx.one("inquiries.by_id", id=inquiry)
        if row is None or row["waiting_since"] is not None or not row["rank"]:
            return None
        return float(row["rank"] - self.now)

    def _step_on(self, inquiry: str, now: float) -> None:
        """What waits again has the time of its step once more: its timer may have come meanwhile."""
        row = self.tx.one("inquiries.by_id", id=inquiry)
        kept: dict[str, Any] = json.loads(row["routing"] or "{}") if row else {}
        steps, at = kept.get("steps", ()), kept.get("at", 0)
        if at < len(steps) - 1 and steps[at]["timeout"] is not None:
            self._write(SetTimer(STEP_TIMER, inquiry, now + steps[at]["timeout"]))

    def _set(self, agent: str, presence: Presence, until: float, now: float) -> None:
        before = self.agent(agent)
        fresh = presence is Presence.ONLINE and (
            before is None or before.presence is not Presence.ONLINE
        )
        self.tx.run(
            "routing.set_presence", id=agent, presence=presence.value, until=until,
            idle_since=now if fresh else None, at=now,
        )  # fmt: skip
        self._log("agent.presence", "", now, agent=agent, presence=presence.value)

    def _move(self, inquiry: str, verb: str, **changes: Any) -> None:
        row = self.tx.one("inquiries.by_id", id=inquiry)
        if row is None:
            msg = f"no inquiry {inquiry!r}"
            raise NotFound(msg)
        state = move(InquiryState(row["state"]), verb)
        change = ChangeInquiry(row["id"], row["version"], state, **changes)
        self._write(change)

    def _log(self, kind: str, inquiry: str, now: float, **data: JSON) -> None:
        self._number += 1
        event = LogEvent(derived_id(self.command, f"r{self._number}"), kind, now, inquiry, data)
        self._write(Log(event))

    def _write(self, op: Op) -> None:
        self.write(self.tx, Plan(self.command, (op,)), self.now)
