"""Shorter patience for short runs: leases of seconds, a provider's list that is believed sooner.

The long proof runs with the product's own.
"""

from functools import partial

from gateway import app
from gateway.delivery import deliver
from gateway.delivery.deliver import Delivery
from gateway.workers import lanes

#: Seconds of a lease, of a transmission inside it, and between two looks for leases that ran out.
LEASE, SEND, SWEEP = 8.0, 6.0, 0.5
#: Seconds until a provider's list is believed.
SETTLE = 2.0


def hasten() -> None:
    """From here on this process is in a hurry."""
    deliver.LEASE_SECONDS, deliver.SEND_SECONDS, deliver.SWEEP_SECONDS = LEASE, SEND, SWEEP
    lanes.LANE_SECONDS = LEASE
    app.Delivery = partial(Delivery, settle=SETTLE)  # type: ignore[misc,assignment]  # for a test
