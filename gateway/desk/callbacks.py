"""Callbacks on the database: asked for, dialled, reported on, and never forgotten. Each command is one
unit of work, and so is what time does to a callback (`fire`, the effect of its timer).

While the customer cannot be called yet, the inquiry is put aside (snoozed); once the callback is due it
waits at its old place again, so that routing offers it like any other, and whoever has it dials.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gateway.desk.aside import Aside, inquiry_of
from gateway.desk.asked import number_of, window_meant
from gateway.desk.floor import ROUTING
from gateway.desk.merging import not_anothers
from gateway.domain.errors import Conflict, NotAllowed, NotFound
from gateway.domain.model import JSON, InquiryState
from gateway.domain.plan import CALLBACK_TIMER, CancelTimer, Plan, SetTimer, derived_id
from gateway.domain.states import TRANSITIONS, WITH_PEOPLE, move
from gateway.domain.store import Reader, Row, Store, Tx
from gateway.domain.world import Clock, Ids
from gateway.intake.redact import redact
from gateway.routing import callbacks
from gateway.routing.callbacks import OVER, PENDING, Callback, Mode, Outcome, Policy, State
from gateway.routing.model import rank
from gateway.routing.wishes import Reach

Which = Literal["pending", "to_dial", "missed", "every"]

_AT_AN_END = (InquiryState.RESOLVED, InquiryState.CLOSED)
_LATER = (State.SCHEDULED, State.RETRY)
#: No agent is needed yet where the customer is called first.
_CALLED = (State.DUE, State.DIALLING)
#: A person has to look now, whatever was written to the customer meanwhile.
_NOW = (State.DUE, State.FAILED, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The commands. A callback is named by its id, or by the number of its inquiry: the latest of it."""

    store: Store
    policy: Policy
    reach: Reach
    default_queue: str
    """Where an inquiry waits that was in no queue yet."""
    write: Callable[[Tx, Plan, float], None]
    """The store's writer of plans."""
    clock: Clock
    ids: Ids
    finished: Callable[[Tx, Row, str, str, float], None] = lambda *_: None
    """Told, in the same unit, that an agent is done with an inquiry for now (`Floor.finished`)."""
    here: Callable[[Tx, str, float], None] = lambda *_: None
    """Asked, in the same unit, whether somebody can take something (`Floor.here`)."""
    modes: Mapping[str, Mode] = field(default_factory=dict)
    """Whom the callbacks of a queue call first; the agent where nothing is said."""

    @property
    def _aside(self) -> Aside:
        return Aside(self.write, self.default_queue, self.finished)

    # ------------------------------------------------------------ commands

    async def request(
        self, reference: str, agent: str, *, number: str = "", when: str = "", zone: str = ""
    ) -> Callback:
        """Ask for a call about an inquiry, or move the time of the one that was asked for.

        Args:
            reference: number or id of the inquiry.
            agent: who asks for it.
            number: as the customer wrote it; else the telephone they write from.
            when: the customer's wish in Chinese or English, as "tomorrow 3pm"; else as soon as may be.
            zone: where the customer is, an IANA name; else what the number says.

        Raises:
            NumberRefused: it is not called (`gateway.desk.asked`).
            NotAllowed: what `when` means is not sure, no call is allowed then, the zone is not known,
                another agent has the inquiry, it is closed, or its call is under way.
        """

        def work(tx: Tx, command: str, now: float) -> Callback:
            inquiry = inquiry_of(tx, reference)
            not_anothers(inquiry, agent)
            latest = self._latest(tx, inquiry["id"])
            before = latest if latest is not None and latest.state not in OVER else None
            called = number_of(tx, inquiry, number, before, self.reach)
            window = window_meant(called, when, zone, now)
            one = before or self._new(tx, inquiry, called, command, now)
            one = self._led(one, inquiry_of(tx, inquiry["id"]))
            if window is not None:
                one = callbacks.schedule(one, window, now, self.policy)
                one = callbacks.advance(one, now, self.policy)
            return self._keep(tx, before, one, command, now, by=agent)

        return await self._do(work)

    async def cancel(self, reference: str, agent: str, reason: str = "") -> Callback:
        """Nobody needs it any more. Raises `NotAllowed` for one that is over, or under way."""
        why = redact(reason).text or f"by {agent}"

        def work(tx: Tx, command: str, now: float) -> Callback:
            before = self._found(tx, reference)
            one = callbacks.cancel(before, now, why)
            return self._keep(tx, before, one, command, now, by=agent)

        return await self._do(work)

    async def begin(self, reference: str, agent: str) -> Callback:
        """The agent dials, and takes the inquiry by it. Where the customer is called first, whoever
        dials is none yet: they report who came (`report`). Raises `NotAllowed` where it is not due, in
        quiet hours, where another agent has the inquiry, the telephone rings already, or the agent is
        offline."""

        def work(tx: Tx, command: str, now: float) -> Callback:
            self.here(tx, agent, now)
            before = self._found(tx, reference)
            inquiry = inquiry_of(tx, before.inquiry_id)
            not_anothers(inquiry, agent)
            one = callbacks.advance(self._led(before, inquiry), now, self.policy)
            if one.state is not State.DUE:
                raise NotAllowed(
                    f"callback {one.id} is {one.state}, not due; nothing may be dialled"
                )
            if busy := tx.one("callbacks.calling", number=one.number):
                raise NotAllowed(f"the number is being called already, by callback {busy['id']}")
            if one.mode == "agent_first":
                one = callbacks.offer(one, agent, now, self.policy)
                self._aside.give(tx, inquiry, agent, command, now)
            one = callbacks.dial(one, now, self.policy)
            return self._keep(tx, before, one, command, now, by=agent)

        return await self._do(work)

    async def report(
        self, reference: str, outcome: Outcome | Literal["finished"], agent: str, attempt: int = 0
    ) -> Callback:
        """What the call led to; 'finished': the conversation is over. `attempt` 0 is the last one.
        Of a customer who was called first and answered, `agent` is who talks to them; '' where nobody
        does yet: then the inquiry waits at its old place. Raises `NotAllowed` for a call that is not
        under way, or another agent's."""

        def work(tx: Tx, command: str, now: float) -> Callback:
            before = self._found(tx, reference)
            # Of an agent who is gone, whoever has the inquiry now tells.
            inquiry = inquiry_of(tx, before.inquiry_id)
            if before.agent not in ("", agent) and inquiry["assigned_to"] != agent:
                raise NotAllowed(f"{before.agent} makes this call")
            if outcome == "finished":
                one = callbacks.finish(before, now)
            else:
                number = attempt or len(before.attempts)
                one = callbacks.ended(before, number, outcome, now, self.policy, agent)
                came = one.state is State.TALKING and agent and not before.agent
                if came and (InquiryState(inquiry["state"]), "assign") in TRANSITIONS:
                    self._aside.give(tx, inquiry, agent, command, now)
            return self._keep(tx, before, one, command, now, by=agent, outcome=outcome)

        return await self._do(work)

    async def see(self, reference: str, agent: str) -> Callback:
        """Take note of one that was missed: it is listed as such no more. Raises `NotAllowed` for one
        that was not missed, or was noted before."""

        def work(tx: Tx, command: str, now: float) -> Callback:
            one = callbacks.see(self._found(tx, reference), agent)
            tx.run("callbacks.change", id=one.id, **_columns(one))
            self._aside.log(tx, "callback.seen", one, command, now, by=agent)
            return one

        return await self._do(work)

    async def listed(self, which: Which = "pending", limit: int = 50) -> list[dict[str, Any]]:
        """Those that are not over, the next to happen first; those whose customers may be dialled now,
        before there is an agent, by their places; those that were missed and nobody took note of, the
        oldest first; or every one, the latest first."""
        now = self.clock.now()

        def query(reader: Reader) -> list[Row]:
            match which:
                case "pending":
                    return reader.all("callbacks.pending", n=limit)
                case "to_dial":
                    return self._to_dial(reader, now)[:limit]
                case "missed":
                    return reader.all("callbacks.missed", n=limit)
                case _:
                    return reader.all("callbacks.every", n=limit)

        rows = await self.store.read(query)
        return [{**json.loads(row.pop("body")), **row} for row in map(dict, rows)]

    # ------------------------------------------------------------ time

    def fire(self, tx: Tx, row: Row, event_id: str, now: float) -> None:
        """The effect of its timer, inside the unit that deletes it."""
        tx.one("routing.lock")
        found = tx.one("callbacks.by_id", id=row["subject"])
        if found is None:
            return
        before = _of(found)
        inquiry = inquiry_of(tx, before.inquiry_id)
        over = inquiry["state"] in _AT_AN_END
        if over and (before.state, "cancel") in callbacks.TRANSITIONS:
            one = callbacks.cancel(before, now, f"the inquiry is {inquiry['state']}")
        else:
            one = callbacks.advance(self._led(before, inquiry), now, self.policy)
        self._keep(tx, before, one, event_id, now, by="timer")

    # ------------------------------------------------------------ what is written

    def _keep(
        self, tx: Tx, before: Callback | None, one: Callback, command: str, now: float, **data: JSON
    ) -> Callback:
        """Write it with its event and its timer, and put the inquiry where it belongs."""
        if before is None:
            about = {"inquiry_id": one.inquiry_id, "number": one.number, "created_at": now}
            columns = _columns(one)
            del columns["seen_by"]
            tx.run("callbacks.add", id=one.id, **about, **columns)
            self._aside.log(tx, "callback.requested", one, command, now, **data)
        else:
            tx.run("callbacks.change", id=one.id, **_columns(one))
            if (one.state, one.window) != (before.state, before.window):
                self._aside.log(tx, f"callback.{one.state}", one, command, now, **data)
        over = one.state in OVER
        timer = CancelTimer if over else SetTimer
        values = (CALLBACK_TIMER, one.id) if over else (CALLBACK_TIMER, one.id, one.moment)
        self.write(tx, Plan(command, (timer(*values),)), now)
        inquiry = inquiry_of(tx, one.inquiry_id)
        missed = callbacks.why_missed(one, self.policy)
        if missed and before is not None and before.state is not one.state:
            tx.run("callbacks.count_miss", reason=missed, queue=inquiry["queue"])
        state = InquiryState(inquiry["state"])
        if state in _AT_AN_END:
            return one
        if one.state in _LATER or (one.state in _CALLED and one.mode == "customer_first"):
            self._aside.put(tx, inquiry, one, command, now)
        elif state is InquiryState.SNOOZED or (one.state in _NOW and state not in WITH_PEOPLE):
            self._aside.bring_back(tx, inquiry, one, command, now)
        return one

    def _led(self, one: Callback, inquiry: Row) -> Callback:
        """With whom to call first, by the queue in which it waits now. Whoever has the inquiry is there
        already, and calls."""
        if one.state not in PENDING:
            return one
        mode = self.modes.get(inquiry["queue"], "agent_first")
        return replace(one, mode="agent_first" if inquiry["assigned_to"] else mode)

    def _to_dial(self, reader: Reader, now: float) -> list[Row]:
        rows = {_of(row).id: row for row in reader.all("callbacks.live")}
        ready = callbacks.due((self._led(_of(row), row) for row in rows.values()), now, self.policy)
        return [rows[one.id] for one in ready if one.mode == "customer_first"]

    def _new(self, tx: Tx, inquiry: Row, number: str, command: str, now: float) -> Callback:
        """A new one, with the place that its inquiry has; one that nobody waited for begins to wait."""
        if inquiry["state"] not in WITH_PEOPLE:
            state = move(InquiryState(inquiry["state"]), "queue")
            self._aside.change(tx, inquiry, command, now, state, assigned_to="")
            inquiry = inquiry_of(tx, inquiry["id"])
        since, place = inquiry["waiting_since"], inquiry["rank"]
        if since is None:  # an agent has it, and nobody waited
            since = now
            place = rank(now, inquiry["priority"], urgent=bool(inquiry["urgent"]))
        return Callback(
            id=derived_id(command, "cb"),
            inquiry_id=inquiry["id"],
            number=number,
            brand=inquiry["brand"],
            channel=inquiry["channel"],
            waiting_since=since,
            rank=place,
            moment=now + self.policy.patience,
        )

    # ------------------------------------------------------------ parts

    def _found(self, reader: Reader, reference: str) -> Callback:
        if row := reader.one("callbacks.by_id", id=reference):
            return _of(row)
        inquiry = reader.one("inquiries.by_number", number=reference)
        one = self._latest(reader, inquiry["id"]) if inquiry else None
        if one is None:
            raise NotFound(f"no callback {reference!r}; `gateway callbacks list` shows them")
        return one

    def _latest(self, reader: Reader, inquiry_id: str) -> Callback | None:
        row = reader.one("callbacks.latest_of", inquiry_id=inquiry_id)
        return _of(row) if row else None

    async def _do(self, work: Callable[[Tx, str, float], Callback]) -> Callback:
        command, now = self.ids.new(), self.clock.now()

        def unit(tx: Tx) -> Callback:
            tx.one("routing.lock")
            return work(tx, command, now)

        try:
            one = await self.store.write(unit)
        except Conflict:
            # Somebody was faster at this very moment: now it is seen, and said, what they did.
            one = await self.store.write(unit)
        self.store.tell("timers")
        self.store.tell(ROUTING)
        return one


def _of(row: Row) -> Callback:
    return Callback.of_json(json.loads(row["body"]))


def _columns(one: Callback) -> dict[str, Any]:
    """What of it stands in columns that change."""
    body = json.dumps(one.to_json(), separators=(",", ":"))
    return {"state": one.state.value, "moment": one.moment, "seen_by": one.seen_by, "body": body}
