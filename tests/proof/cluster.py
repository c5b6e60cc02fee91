"""Nine processes on one PostgreSQL under load: one is killed every second for three minutes, and the
database server is stopped twice meanwhile."""

import asyncio
import random
import tempfile
from pathlib import Path
from time import monotonic

from tests.crash.cluster import Cluster, ClusterResult
from tests.crash.load import Refused
from tests.crash.members import places
from tests.crash.programs import StartFailed
from tests.postgres import running_server
from tests.proof.outcome import Outcome, Say

SECONDS = 180.0
EVERY = 1.0
#: Kills with work in flight; on a slow machine the killing goes on for them.
KILLS = 60
#: Crashed, and ended in order: each breaks off the transactions that are open.
RESTARTS = ("immediate", "fast")
PROCESSES = {"web": 3, "worker": 3, "delivery": 2, "timers": 1}
#: Each process has a dozen connections, and those of dead ones linger for a moment.
OPTIONS = ("max_connections=400",)


def cluster(say: Say) -> Outcome:
    """The whole cluster proof; some six minutes on two cores."""
    started, outcome = monotonic(), Outcome()
    with (
        tempfile.TemporaryDirectory(prefix="proof-") as folder,
        running_server(durable=True, options=OPTIONS) as server,
    ):
        run = Cluster(
            Path(folder),
            server,
            places(**PROCESSES),
            random.Random(),
            seconds=SECONDS,
            at_least=KILLS,
            every=EVERY,
            restarts=RESTARTS,
            say=say,
        )
        try:
            asyncio.run(run())
        except (StartFailed, Refused, TimeoutError) as error:
            outcome.problems.append(f"{type(error).__name__}: {error}")
    _promise(outcome, run.result)
    outcome.figures = _figures(run.result)
    outcome.figures["minutes"] = round((monotonic() - started) / 60, 1)
    return outcome


def _promise(outcome: Outcome, result: ClusterResult) -> None:
    outcome.problems += result.faults
    enough = result.counted.total() >= KILLS
    outcome.expect(f"{KILLS} kills with work in flight", kept=enough)
    every_second = len(result.kills) >= SECONDS / EVERY - 1
    outcome.expect(f"a kill every second for {SECONDS:.0f} s", kept=every_second)
    for role in PROCESSES:
        outcome.expect(f"a {role} process killed at work", kept=result.counted[role] > 0)
    outcome.expect(f"{len(RESTARTS)} restarts of the server", kept=len(result.restarts) == 2)
    parked, begun = (result.figures.get(f, 0) for f in ("parked", "under way at a death"))
    outcome.expect("no more parked than were under way at a death", kept=parked <= begun)
    outcome.expect("mail, SMS and callbacks went out", kept=result.figures.get("sent", 0) > 0)


def _figures(result: ClusterResult) -> dict[str, object]:
    return {
        "processes": ", ".join(f"{n} {role}" for role, n in PROCESSES.items()),
        "restarts of PostgreSQL": ", ".join(result.restarts),
        "kills": len(result.kills),
        "kills with work in flight": result.counted.total(),
        **{f"… of {role} processes": result.counted[role] for role in PROCESSES},
        **result.figures,
        "starts excused": "; ".join([str(len(result.excused)), *result.excused]),
        "delivered once more on purpose": result.counts["repeated"],
        **result.times.figures(),
    }
