"""Keeps the clocks of response and resolution in step with what happens to inquiries.

It stands around `apply`, the only writer of plans, and is put there by the composition: whatever changes
an inquiry (a message, an agent, a timer, the floor) goes through it, so that the clocks are written in
the transaction that moves them, and nobody who makes plans has to think of them. Without targets in the
settings `apply` stays bare.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.domain.calendar import Calendar, NeverOpen
from gateway.domain.model import JSON, InquiryState, Queue
from gateway.domain.plan import (
    CancelTimer,
    ChangeInquiry,
    EndMerged,
    Log,
    LogEvent,
    Op,
    Plan,
    SetTimer,
    derived_id,
)
from gateway.domain.store import Reader, Row, Tx
from gateway.domain.world import Log as Logger
from gateway.routing.following import (
    begun,
    happenings,
    joined,
    look_again,
    received,
    renewed,
    told,
)
from gateway.routing.model import STRICT
from gateway.routing.sla import Clock, Happening, State, escalations, follow
from gateway.routing.targets import Act, Kind, Matter, Step, Target, Term, terms
from gateway.workers.handing import handed_over

SLA_TIMER = "sla"
"""The timer of an inquiry by which its clocks are looked at."""
ESCALATED = "sla.escalated"

Clocks = Mapping[Kind, Clock]
Terms = Mapping[Kind, Term]


@dataclass(frozen=True, slots=True)
class Kept:
    """The clocks of an inquiry as they are stored."""

    clocks: Clocks
    matter: Matter | None
    """By what their targets were chosen last; None where there are none."""


@dataclass(frozen=True, slots=True)
class Clocking:
    """`write` is the store's writer of plans; `apply` takes its place."""

    write: Callable[[Tx, Plan, float], None]
    targets: tuple[Target, ...] = ()
    brands: Mapping[str, Calendar] = field(default_factory=dict)
    """The calendar of each brand."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """The calendars of queues that have their own."""
    queues: Mapping[str, Queue] = field(default_factory=dict)

    def apply(self, tx: Tx, plan: Plan, now: float) -> None:
        """Write a plan, and what it means for the clocks. Raises as the store's `apply`."""
        self.write(tx, plan, now)
        if not self.targets:
            return
        touched, wrote = happenings(plan.ops), received(plan.ops)
        try:
            for inquiry, happened in touched.items():
                self._follow(tx, inquiry, happened, wrote.get(inquiry), now)
            for op in plan.ops:
                if isinstance(op, EndMerged):
                    self._join(tx, op, now)
        except NeverOpen as error:
            # Nothing may be lost for a calendar that stays closed: the inquiry goes on unmeasured.
            self._unmeasured(tx, plan, next(iter(touched), ""), error, now)

    # ------------------------------------------------------------ what happens

    def _follow(
        self,
        tx: Tx,
        inquiry_id: str,
        happened: tuple[Happening, ...],
        wrote: float | None,
        now: float,
    ) -> None:
        inquiry = tx.one("inquiries.by_id", id=inquiry_id)
        if inquiry is None:
            return
        kept, held = stored(tx, inquiry_id), self.terms(_matter(inquiry))
        clocks = renewed(kept.clocks, self._before(kept), held, now)
        for happening in happened:
            at = now
            if happening is Happening.CUSTOMER_WROTE:
                at = wrote or tx.value("messages.first_in", inquiry_id=inquiry_id) or now
            clocks = follow(clocks, held, happening, at)
        missing = held.keys() - clocks.keys() - {Kind.NEXT_RESPONSE}
        if missing and Happening.OUR_TURN in happened:
            answered = bool(tx.value("sla.answered", inquiry_id=inquiry_id))
            clocks = begun(clocks, held, now, answered=answered)
        if (clocks, _matter(inquiry)) != (kept.clocks, kept.matter):
            self._keep(tx, inquiry, kept, clocks, held, now)

    def _unmeasured(
        self, tx: Tx, plan: Plan, inquiry_id: str, error: NeverOpen, now: float
    ) -> None:
        inquiry = tx.one("inquiries.by_id", id=inquiry_id)
        # One command may write several plans under the same id; each moves the version.
        part = f"sla.{inquiry['version'] if inquiry else 0}"
        event = LogEvent(
            derived_id(plan.event_id, part), "sla.failed", now, inquiry_id, {"why": str(error)}
        )
        self._write(tx, (Log(event),), now)

    def _join(self, tx: Tx, op: EndMerged, now: float) -> None:
        inquiry = tx.one("inquiries.by_id", id=op.into)
        other = stored(tx, op.inquiry_id)
        tx.run("sla.drop_all", inquiry_id=op.inquiry_id)
        self._write(tx, (CancelTimer(SLA_TIMER, op.inquiry_id),), now)
        if inquiry is None or not other.clocks:
            return
        kept, held = stored(tx, op.into), self.terms(_matter(inquiry))
        theirs = renewed(other.clocks, self._before(other), held, now)
        self._keep(tx, inquiry, kept, joined(kept.clocks, theirs), held, now)

    # ------------------------------------------------------------ what time brings

    def fire(self, tx: Tx, row: Row, event_id: str, now: float) -> Plan | None:
        """The effect of the timer: what is at risk or breached is said, and the steps of the ladder
        that are due are carried out, each once."""
        inquiry = tx.one("inquiries.by_id", id=row["subject"])
        if inquiry is None:
            return None
        try:
            return self._fired(tx, inquiry, event_id, now)
        except NeverOpen as error:
            self._unmeasured(tx, Plan(event_id), inquiry["id"], error, now)
            return None

    def _fired(self, tx: Tx, inquiry: Row, event_id: str, now: float) -> Plan | None:
        kept, held = stored(tx, inquiry["id"]), self.terms(_matter(inquiry))
        clocks = renewed(kept.clocks, self._before(kept), held, now)
        due: list[tuple[Clock, Step]] = []
        for kind in clocks.keys() & held.keys():
            steps = escalations(held[kind].target.ladder, clocks[kind], now)
            due += [(clocks[kind], step) for step in steps]
            clocks[kind] = clocks[kind].carried_out(steps)
        self._keep(tx, inquiry, kept, clocks, held, now)
        due.sort(key=lambda pair: (pair[1].share, pair[0].kind))
        return Plan(event_id, self._acts(tx, inquiry, due, now)) if due else None

    def _acts(
        self, tx: Tx, inquiry: Row, due: Iterable[tuple[Clock, Step]], now: float
    ) -> tuple[Op, ...]:
        priority, queue, ops = inquiry["priority"], inquiry["queue"], []
        for clock, step in due:
            data: dict[str, JSON] = {
                "target": clock.kind.value, "share": step.share, "act": step.act.value,
                "number": inquiry["number"], "queue": inquiry["queue"],
            }  # fmt: skip
            if step.act is Act.RAISE_PRIORITY:
                priority = max(0, priority - step.by)
                data["priority"] = priority
            else:
                data["to"] = step.to
            if step.act is Act.MOVE:
                if why_not := self._stays(inquiry, queue, step.to):
                    data["why_not"] = why_not
                else:
                    queue = step.to
            ops.append(_event(inquiry, clock, ESCALATED, step.key, now, data))
        if (priority, queue) == (inquiry["priority"], inquiry["queue"]):
            return tuple(ops)
        if queue == inquiry["queue"]:
            return (self._raised(inquiry, priority), *ops)
        tx.run("routing.drop_offers", inquiry_id=inquiry["id"])
        return (*handed_over(inquiry, self.queues[queue], priority, {"since": now}), *ops)

    def _stays(self, inquiry: Row, queue: str, to: str) -> str:
        """Why an inquiry is not moved to a queue; '' where it is."""
        if inquiry["state"] not in (InquiryState.QUEUED, InquiryState.OFFERED):
            who = f" with {inquiry['assigned_to']}" if inquiry["assigned_to"] else ""
            return f"it is {inquiry['state']}{who}"
        if queue == to:
            return "it waits there already"
        return "" if to in self.queues else "there is no such queue"

    def _raised(self, inquiry: Row, priority: int) -> ChangeInquiry:
        """The same place in the same lane, so many steps further ahead."""
        known = self.queues.get(inquiry["queue"])
        worth = STRICT if known is None or known.ageing is None else known.ageing
        since = inquiry["waiting_since"]
        handicap = None
        if since is not None:
            handicap = inquiry["rank"] - since - (inquiry["priority"] - priority) * worth
        state = InquiryState(inquiry["state"])
        return ChangeInquiry(
            inquiry["id"], inquiry["version"], state, priority=priority, handicap=handicap
        )

    # ------------------------------------------------------------ what is kept

    def terms(self, matter: Matter) -> Terms:
        """The targets that hold for an inquiry, with their calendars."""
        brand = self.brands.get(matter.brand, Calendar())
        return terms(self.targets, matter, brand, self.calendars.get(matter.queue))

    def _before(self, kept: Kept) -> Terms:
        return self.terms(kept.matter) if kept.matter else {}

    def _keep(
        self, tx: Tx, inquiry: Row, kept: Kept, clocks: Clocks, held: Terms, now: float
    ) -> None:
        """Store the clocks, say what is to be said of them, and set the timer."""
        said: dict[Kind, Clock] = {}
        ops: list[Op] = []
        for kind, clock in clocks.items():
            said[kind], news = told(clock, now)
            if news is not None:
                ops.append(_news(inquiry, said[kind], news, now))
                tx.run("sla.count", kind=kind.value, state=news.value, queue=inquiry["queue"])
        matter = _matter(inquiry)
        for kind in kept.clocks.keys() - said.keys():
            tx.run("sla.drop", inquiry_id=inquiry["id"], kind=kind.value)
        for kind, clock in said.items():
            if clock != kept.clocks.get(kind) or matter != kept.matter:
                _store(tx, inquiry["id"], clock, matter, now)
        if not (said or kept.clocks):
            return
        moments = [look_again(clock, held.get(kind), now) for kind, clock in said.items()]
        due = min((moment for moment in moments if moment is not None), default=None)
        ops.append(
            CancelTimer(SLA_TIMER, inquiry["id"])
            if due is None
            else SetTimer(SLA_TIMER, inquiry["id"], due)
        )
        self._write(tx, tuple(ops), now)

    def _write(self, tx: Tx, ops: tuple[Op, ...], now: float) -> None:
        self.write(tx, Plan(SLA_TIMER, ops), now)


# ---------------------------------------------------------------- reading and writing


def stored(reader: Reader, inquiry_id: str) -> Kept:
    """The clocks of an inquiry."""
    clocks: dict[Kind, Clock] = {}
    matter: Matter | None = None
    for row in reader.all("sla.of_inquiry", inquiry_id=inquiry_id):
        body: dict[str, Any] = json.loads(row["body"])
        clocks[Kind(row["kind"])] = Clock.from_json(body["clock"])
        matter = Matter(**body["matter"])
    return Kept(clocks, matter)


def _store(tx: Tx, inquiry_id: str, clock: Clock, matter: Matter, now: float) -> None:
    body = {"clock": clock.as_json(), "matter": asdict(matter)}
    tx.run(
        "sla.put",
        inquiry_id=inquiry_id,
        kind=clock.kind.value,
        body=json.dumps(body, separators=(",", ":")),
        state=clock.state(now).value,
        due=clock.due,
        stopped=clock.stopped,
    )


def _matter(inquiry: Row) -> Matter:
    return Matter(inquiry["queue"], inquiry["brand"], inquiry["topic"], inquiry["priority"])


def _news(inquiry: Row, clock: Clock, state: State, now: float) -> Log:
    data: dict[str, JSON] = {
        "target": clock.kind.value, "seconds": clock.seconds, "due": clock.due,
        "number": inquiry["number"], "queue": inquiry["queue"], "agent": inquiry["assigned_to"],
    }  # fmt: skip
    return _event(inquiry, clock, f"sla.{state}", state.value, now, data)


def _event(
    inquiry: Row, clock: Clock, kind: str, key: str, now: float, data: Mapping[str, JSON]
) -> Log:
    """Its id follows from the clock and the inquiry's version: two clocks of a kind may have begun at the
    same moment, with messages that came in together, but not while one version stood."""
    name = f"sla.{clock.kind}.{clock.started:.6f}.{inquiry['version']}.{key}"
    return Log(LogEvent(derived_id(inquiry["id"], name), kind, now, inquiry["id"], data))


def announce(plan: Plan, log: Logger) -> None:
    """After the commit: a log line for each step of a ladder that was carried out, for whoever watches
    the log."""
    for op in plan.ops:
        if isinstance(op, Log) and op.event.kind == ESCALATED:
            log.warning(ESCALATED, **op.event.data)
