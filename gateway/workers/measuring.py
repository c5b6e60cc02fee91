"""Measures how quickly inquiries leave each queue to an agent, so that a wait can be told honestly.

It stands around the writer of plans: whoever takes an inquiry, and by whichever way, is counted in the
same transaction. Of two processes that count in one queue at the same moment one may be passed over:
that makes an estimate later, not earlier.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.domain.calendar import Calendar
from gateway.domain.model import InquiryState
from gateway.domain.plan import ChangeInquiry, Plan
from gateway.domain.store import Reader, Tx
from gateway.routing.waiting import Estimate, Rates, estimate

_WAITED = (InquiryState.QUEUED, InquiryState.OFFERED)


@dataclass(frozen=True, slots=True)
class Measuring:
    """`write` is the store's writer of plans; `apply` takes its place."""

    write: Callable[[Tx, Plan, float], None]
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """By queue: waiting is counted while it is open."""

    def apply(self, tx: Tx, plan: Plan, now: float) -> None:
        """Write a plan, and count what it takes out of a queue. Raises as `write`."""
        left: list[tuple[str, float]] = []
        for op in plan.ops:
            if isinstance(op, ChangeInquiry) and op.state is InquiryState.ASSIGNED:
                row = tx.one("inquiries.by_id", id=op.inquiry_id)
                if row and row["state"] in _WAITED and row["waiting_since"] is not None:
                    left.append((row["queue"], row["waiting_since"]))
        self.write(tx, plan, now)
        for queue, since in left:
            rates = rates_of(tx, queue).left(since, now, self.calendars.get(queue, Calendar()))
            tx.run("routing.keep_rates", queue=queue, body=json.dumps(rates.to_json()))

    def expected(
        self, reader: Reader, queue: str, waiting: int, oldest: float | None, now: float
    ) -> Estimate | None:
        """How long somebody who comes now would wait; None where too little was measured."""
        calendar = self.calendars.get(queue, Calendar())
        return estimate(rates_of(reader, queue), waiting + 1, now, calendar, oldest=oldest)


def rates_of(reader: Reader, queue: str) -> Rates:
    """What was measured of a queue."""
    row = reader.one("routing.rates", queue=queue)
    return Rates.of_json(json.loads(row["body"])) if row else Rates()
