"""Where the inquiry of a callback is meanwhile: put aside until the call, back at its old place, or with
whoever talks to the customer. All of it inside the unit that moves the callback.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from gateway.desk.commands import find
from gateway.domain.model import JSON, InquiryState
from gateway.domain.plan import ChangeInquiry, Log, LogEvent, Plan, derived_id
from gateway.domain.states import TRANSITIONS, move
from gateway.domain.store import Reader, Row, Tx
from gateway.routing.callbacks import Callback


@dataclass(frozen=True, slots=True)
class Aside:
    """Moves inquiries."""

    write: Callable[[Tx, Plan, float], None]
    """The store's writer of plans."""
    default_queue: str
    """Where an inquiry waits that was in no queue yet."""
    finished: Callable[[Tx, Row, str, str, float], None]
    """Told that an agent is done with an inquiry for now."""

    def put(self, tx: Tx, inquiry: Row, one: Callback, command: str, now: float) -> None:
        """Nobody is offered it, and it comes back by the callback."""
        state, agent = InquiryState(inquiry["state"]), inquiry["assigned_to"]
        if state is InquiryState.SNOOZED:
            return
        tx.run("routing.drop_offers", inquiry_id=inquiry["id"])
        if (state, "snooze") not in TRANSITIONS:
            state = move(state, "queue")
            self.change(tx, inquiry, command, now, state)
            inquiry = inquiry_of(tx, inquiry["id"])
        self.change(tx, inquiry, command, now, move(state, "snooze"), assigned_to="", knows=agent)
        self.log(tx, "inquiry.snoozed", one, command, now, until=one.moment)
        if agent:
            self.finished(tx, inquiry, agent, command, now)

    def bring_back(self, tx: Tx, inquiry: Row, one: Callback, command: str, now: float) -> None:
        """It waits at the place that it had when the call was asked for."""
        state, agent = move(InquiryState(inquiry["state"]), "queue"), inquiry["assigned_to"]
        self.change(tx, inquiry, command, now, state, assigned_to="", knows=agent)
        if inquiry["waiting_since"] is None:
            tx.run(
                "callbacks.restore_place", id=inquiry["id"], rank=one.rank, since=one.waiting_since
            )
        self.log(tx, "inquiry.woken", one, command, now)

    def give(self, tx: Tx, inquiry: Row, agent: str, command: str, now: float) -> None:
        """It is with an agent, whoever it was offered to."""
        state = InquiryState(inquiry["state"])
        if state is InquiryState.ASSIGNED:
            return
        tx.run("routing.drop_offers", inquiry_id=inquiry["id"])
        self.change(tx, inquiry, command, now, move(state, "assign"), assigned_to=agent)

    def change(
        self,
        tx: Tx,
        inquiry: Row,
        command: str,
        now: float,
        state: InquiryState,
        *,
        assigned_to: str | None = None,
        knows: str = "",
    ) -> None:
        """Write its state. `knows`: the agent whom the customer had."""
        routing = {**json.loads(inquiry["routing"] or "{}"), "last_agent": knows} if knows else None
        waits = state is InquiryState.QUEUED and not inquiry["queue"]
        change = ChangeInquiry(
            inquiry["id"],
            inquiry["version"],
            state,
            queue=self.default_queue if waits else None,
            assigned_to=assigned_to,
            routing=routing,
        )
        self.write(tx, Plan(command, (change,)), now)

    def log(self, tx: Tx, kind: str, one: Callback, command: str, now: float, **data: JSON) -> None:
        """An event of the inquiry that names the callback, and never the number."""
        about: dict[str, JSON] = {"callback": one.id, "state": one.state.value, "at": one.moment}
        about |= {"attempts": len(one.attempts), "why": one.reason, **data}
        event = LogEvent(derived_id(command, kind), kind, now, one.inquiry_id, about)
        self.write(tx, Plan(command, (Log(event),)), now)


def inquiry_of(reader: Reader, inquiry_id: str) -> Row:
    """The inquiry, or the one that it was merged into."""
    row = find(reader, inquiry_id)
    while row["merged_into"]:
        row = find(reader, row["merged_into"])
    return row
