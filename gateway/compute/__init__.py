"""The pool of worker processes: pure CPU work runs here, away from the process that acknowledges.

Work beside the loop, even on a thread, would hold the interpreter lock while group commits wait
for it (DESIGN §5). Why an own pool and what it costs: docs/decisions/0004-worker-processes.md.
"""

from gateway.compute.pool import Compute
from gateway.compute.process import TaskFailed
from gateway.compute.relay import Relay
from gateway.compute.worker import TaskTimeout, WorkerDied

__all__ = ["Compute", "Relay", "TaskFailed", "TaskTimeout", "WorkerDied"]
