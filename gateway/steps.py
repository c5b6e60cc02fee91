"""The named instants of the inquiry's way at which the crash tests kill the gateway.

In production `reach` is one dictionary look-up. With `GATEWAY_KILL_AT=step[:n]` in the environment
the process kills itself with SIGKILL the n-th time it reaches that step: no handler runs, nothing
is flushed, exactly as when the machine's out-of-memory killer strikes.
"""

import os
import signal
import threading

#: Every step, in the order an inquiry passes them. `tests/crash` hits each of them.
STEPS = (
    "migration.begun",
    "migration.before_commit",
    "migration.committed",
    "accept.parsed",
    "blob.written",
    "blob.synced",
    "accept.queued",
    "commit.before",
    "commit.after",
    "seal.before",
    "ack.before",
    "lane.claimed",
    "plan.made",
    "apply.before",
    "apply.after",
    "outbox.leased",
    "begun.before",
    "begun.after",
    "send.after",
    "record.after",
    "timer.before",
    "timer.after",
)

_lock = threading.Lock()
_armed: dict[str, int] = {}


def arm(spec: str) -> None:
    """Arm one step: 'commit.before' or 'commit.before:3'. Raises ValueError for an unknown step."""
    step, _, count = spec.partition(":")
    if step not in STEPS:
        msg = f"unknown step {step!r}; one of {', '.join(STEPS)}"
        raise ValueError(msg)
    _armed[step] = int(count or 1)


def reach(step: str) -> None:
    """Pass this step; dies here if it is armed."""
    if step not in _armed:
        return
    with _lock:
        _armed[step] -= 1
        if _armed[step] > 0:
            return
        os.kill(os.getpid(), signal.SIGKILL)


if _spec := os.environ.get("GATEWAY_KILL_AT"):
    arm(_spec)
