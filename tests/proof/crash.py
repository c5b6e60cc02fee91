"""Hundreds of kills with work in flight, every step among them, and a recount after each data
directory; on SQLite, and fewer on PostgreSQL."""

import asyncio
import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from gateway.steps import STEPS
from tests.crash.ledger import PostgresDatabase
from tests.crash.orders import ON_A_NEW_DIRECTORY, Order, orders
from tests.crash.run import Result, Run
from tests.postgres import Server, running_server
from tests.proof.outcome import Outcome, Say


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is proved on one engine."""

    kills: int
    each_step: int
    """Kills at each step, at least."""
    directories: int
    """Data directories; each brings one kill at every step, among others."""
    at_random: int
    while_starting: int
    of_workers: int


ON_SQLITE = Extent(200, 3, 5, at_random=17, while_starting=3, of_workers=2)
ON_POSTGRES = Extent(60, 2, 2, at_random=8, while_starting=3, of_workers=2)
#: More directories, should kills not have counted or steps not have come.
MORE_DIRECTORIES = 3


def crash(say: Say) -> Outcome:
    """The whole crash proof on SQLite; some 15 minutes on two cores."""
    return asyncio.run(_crash(say, ON_SQLITE, None))


def crash_on_postgres(say: Say) -> Outcome:
    """One process on PostgreSQL, which works on while that one is dead; some 8 minutes."""
    with running_server(durable=True) as server:
        return asyncio.run(_crash(say, ON_POSTGRES, server))


async def _crash(say: Say, extent: Extent, server: Server | None) -> Outcome:
    rng, outcome, started = random.Random(), Outcome(), monotonic()
    counted: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    done = 0
    most = extent.directories + MORE_DIRECTORIES
    while done < extent.directories or (_missing(counted, extent) and done < most):
        plan = orders(
            rng,
            each_step=1,
            at_random=extent.at_random,
            while_starting=extent.while_starting,
            of_workers=extent.of_workers,
        )
        if done >= extent.directories:
            plan = _rest(plan, counted, extent)
        done += 1
        say(f"data directory {done}: {len(plan)} kills, {counted.total()} counted before")
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            database = server and PostgresDatabase(server.create_database())
            result = await Run(Path(folder), plan, rng, say=say, server=database)()
        counted += result.counted
        _add(sums, result)
        outcome.problems += [f"data directory {done}: {fault}" for fault in result.faults]
        say(f"data directory {done}: {'; '.join(result.faults) or 'nothing lost, nothing twice'}")
    _promise(outcome, counted, sums, extent)
    outcome.figures |= {"kills counted": counted.total(), **_by_kind(counted), **sums}
    outcome.figures["minutes"] = round((monotonic() - started) / 60, 1)
    return outcome


def _missing(counted: Counter[str], extent: Extent) -> bool:
    return bool(_rare(counted, extent)) or counted.total() < extent.kills


def _rare(counted: Counter[str], extent: Extent) -> list[str]:
    return [step for step in STEPS if counted[f"step {step}"] < extent.each_step]


def _rest(plan: list[Order], counted: Counter[str], extent: Extent) -> list[Order]:
    """Of one more plan: the steps that are rare yet, and enough others to reach the number. The
    migration steps come with every new directory."""
    rare = [o for o in plan if o.kind == "step" and counted[o.name] < extent.each_step]
    fill = [o for o in plan if o.kind == "random"]
    new = [o for o in plan if o.step in ON_A_NEW_DIRECTORY and o not in rare]
    return new + rare + fill


def _add(sums: Counter[str], result: Result) -> None:
    sums.update(result.figures)
    sums["worker processes killed"] += result.of_workers
    sums["delivered once more on purpose"] += result.counts["repeated"]
    sums["kills without work in flight, not counted"] += (
        len(result.kills) - result.of_workers - result.counted.total()
    )
    sums["steps that did not come in time"] += len(result.missed)


def _by_kind(counted: Counter[str]) -> dict[str, object]:
    at_steps = {step: counted[f"step {step}"] for step in STEPS}
    return {
        "… at any instant": counted["random"],
        "… while starting": counted["starting"],
        "… at a step": sum(at_steps.values()),
        "fewest at one step": min(at_steps.values()),
    }


def _promise(outcome: Outcome, counted: Counter[str], sums: Counter[str], extent: Extent) -> None:
    enough = counted.total() >= extent.kills
    outcome.expect(f"{extent.kills} kills with work in flight", kept=enough)
    rare = _rare(counted, extent)
    outcome.expect(f"{extent.each_step} kills at {', '.join(rare)}", kept=not rare)
    outcome.expect(
        "no more parked than were under way at a death",
        kept=sums["parked"] <= sums["under way at a death"],
    )
    outcome.expect("mail, SMS and callbacks went out under load", kept=sums["sent"] > 0)
