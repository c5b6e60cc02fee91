"""Answers that go back in the reply to the very call that brought the question.

Some providers take the answer there and then: WeChat's passive reply costs no quota, a telephone call
waits for its next words. The planner holds such a message back for a moment (`AccountView.hold`); here
it is leased, marked `begun`, put into the reply and recorded once that is written. What is not there in
time goes the ordinary way out. A provider that repeats the call, because our reply did not reach it,
gets the same messages again: its repetition is the proof that it has none of them yet.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway import steps
from gateway.delivery import outbox
from gateway.delivery.deliver import LEASE_SECONDS
from gateway.delivery.outbox import HERE
from gateway.delivery.vetting import vetted
from gateway.domain.allowlist import Allowed
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import Conflict, DeliveryError, Failure, GatewayError
from gateway.domain.store import Row, Store, Tx
from gateway.domain.world import Clock, Ids, Log

#: Seconds between two looks at whether the decision is made.
_LOOK = 0.03


@dataclass(slots=True)
class Outcome:
    """What goes into a reply, and what becomes of it."""

    messages: tuple[Outbound, ...] = ()
    rows: list[Row] = field(default_factory=list)
    """Theirs; ours, and begun."""


@dataclass(slots=True)
class InPlace:
    """Finds and settles the messages of such replies.

    Args:
        allowed: what the messages of an account may name, as for `Delivery`.
    """

    store: Store
    clock: Clock
    ids: Ids
    log: Log
    owner: str
    allowed: Mapping[str, Allowed]

    async def outcome(self, account: str, keys: Sequence[str], deadline: float) -> Outcome:
        """The messages that the events of these dedup keys led to, as soon as all are decided and
        before `deadline` (seconds since 1970); without any when there is no room to ask.

        Raises `StoreError` with nothing begun.
        """
        while keys:
            events = await self.store.read(
                lambda r: [r.one("intake.by_key", account=account, dedup_key=key) for key in keys]
            )
            decided = [row["id"] for row in events if row is not None and row["state"] != "pending"]
            if len(decided) == len(keys):
                return await self._taken(account, decided)
            if self.clock.now() >= deadline:
                break
            await asyncio.sleep(_LOOK)
        return Outcome()

    async def _taken(self, account: str, events: Iterable[str]) -> Outcome:
        now, found = self.clock.now(), Outcome()

        def work(tx: Tx) -> list[Row]:
            return [row for event in events for row in self._take(tx, event, now)]

        steps.reach("begun.before")
        for row in await self.store.write(work):
            message, why = vetted(outbox.outbound(row), self.allowed.get(account, Allowed()))
            if why:
                # Never said: the ordinary way out refuses it with its reason, for a person to see.
                await self._again([row], why)
                continue
            found.messages += (replace(message, state=row["inquiry_state"]),)
            found.rows.append(row)
        steps.reach("begun.after")
        return found

    def _take(self, tx: Tx, event: str, now: float) -> list[Row]:
        """Begin what is ready and nobody else sends, and take up again what went into an earlier
        reply to the same call."""
        taken: list[Row] = []
        for seen in tx.all("outbox.made_by", first=f"{event}.", last=f"{event}/"):
            values = {"id": seen["id"], "owner": self.owner, "until": now + LEASE_SECONDS}
            if seen["external_id"] == HERE + event:
                if seen["state"] != "sent":
                    tx.run("outbox.begun_again_here", **values, at=now)
            elif tx.value("outbox.earlier_open", id=seen["id"], event=f"{event}."):
                break  # an earlier message of the conversation is on its way: in order, then
            elif not tx.run("outbox.begun_here", **values, at=now, external_id=HERE + event):
                break
            attempts = seen["attempts"] + (seen["state"] != "sent")
            mine = {"owner": self.owner, "attempts": attempts, "external_id": HERE + event}
            taken.append({**seen, **mine})
        return taken

    async def settle(self, outcome: Outcome, *, written: bool) -> None:
        """Record what is in the reply that was just written; or, where it surely was not, let it go
        the ordinary way."""
        if not written:
            await self._again(outcome.rows, "whoever called had hung up")
            return
        for row in outcome.rows:
            event, now = self.ids.new(), self.clock.now()
            sent = Sent(row["external_id"])
            try:
                await self.store.write(lambda tx: outbox.record(tx, row, sent, event, now))  # noqa: B023 - awaited within the turn
            except GatewayError as error:
                # As after a crash: it may be out, and is settled as such when its lease has run out.
                self.log.warning("outcome not recorded", outbox=row["id"], why=str(error))
        steps.reach("record.after")

    async def _again(self, rows: Iterable[Row], why: str) -> None:
        now, error = self.clock.now(), DeliveryError(Failure.RETRY, why)
        for row in rows:
            try:
                await self.store.write(lambda tx: outbox.again(tx, row, now, error))  # noqa: B023 - awaited within the turn
            except Conflict as lost:
                self.log.warning("lease lost", outbox=row["id"], why=str(lost))
