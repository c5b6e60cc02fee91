"""Work that only one process does at a time: a lease that runs out, and a fence against late ones."""

from gateway.domain.errors import GatewayError
from gateway.domain.store import Tx


class LeaseLost(GatewayError):
    """Somebody else leads now; what was about to be done is theirs to do."""


def take(tx: Tx, name: str, owner: str, now: float, seconds: float) -> int | None:
    """Take or renew; the fence, or None while somebody else holds it."""
    row = tx.one("leases.take", name=name, owner=owner, until=now + seconds, now=now)
    return None if row is None else int(row["fence"])


def hold(tx: Tx, name: str, owner: str, fence: int) -> None:
    """At the beginning of a unit of the leader: from here to the commit nobody else can lead.

    Raises `LeaseLost`; then nothing of the unit is written, however late the process wakes.
    """
    if tx.one("leases.held", name=name, owner=owner, fence=fence) is None:
        msg = f"the lease {name!r} was taken over"
        raise LeaseLost(msg)


def drop(tx: Tx, name: str, owner: str) -> None:
    """Give it up, so that the next one need not wait."""
    tx.run("leases.drop", name=name, owner=owner)
