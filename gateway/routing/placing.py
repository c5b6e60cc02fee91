"""Where an inquiry waits: the first queue that applies, its priority, and why. Pure.

The full rules have their own place later; this is the default rule that always exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.model import Queue

#: Fraud, unknown transactions and freezes go before everything else of their queue.
URGENT_PRIORITY = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A queue with the rank an inquiry gets in it."""

    queue: str
    priority: int
    reason: str
    """Which step of the default rule chose it."""


def place(
    queues: Mapping[str, Queue], default: str, *, topic: str, account: str, urgent: bool
) -> Place:
    """The queue of the topic, else of the account, else the default one.

    Args:
        queues: all queues by id.
        default: the queue for everything else; one of `queues`.
        topic: the queue the topic names, or ''.
        account: the queue the account names, or ''.
        urgent: goes to the front of its queue.
    """
    for name, reason in ((topic, "topic"), (account, "account")):
        if name in queues:
            chosen, why = queues[name], reason
            break
    else:
        chosen, why = queues[default], "default"
    return Place(chosen.id, URGENT_PRIORITY if urgent else chosen.priority, why)
