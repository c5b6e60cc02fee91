"""At least 200 kills with work in flight, every step at least three times, and a recount after each
data directory."""

import asyncio
import random
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from gateway.steps import STEPS
from tests.crash.orders import ON_A_NEW_DIRECTORY, Order, orders
from tests.crash.run import Result, Run
from tests.proof.outcome import Outcome, Say

KILLS = 200
EACH_STEP = 3
#: Data directories; each brings one kill at every step, among others.
DIRECTORIES = 5
#: More directories, should kills not have counted or steps not have come.
MORE_DIRECTORIES = 3


def crash(say: Say) -> Outcome:
    """The whole crash proof; some 15 minutes on two cores."""
    return asyncio.run(_crash(say))


async def _crash(say: Say) -> Outcome:
    rng, outcome, started = random.Random(), Outcome(), monotonic()
    counted: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    done = 0
    while done < DIRECTORIES or (_missing(counted) and done < DIRECTORIES + MORE_DIRECTORIES):
        plan = orders(rng, each_step=1, at_random=17, while_starting=3, of_workers=2)
        if done >= DIRECTORIES:
            plan = _rest(plan, counted)
        done += 1
        say(f"data directory {done}: {len(plan)} kills, {counted.total()} counted before")
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            result = await Run(Path(folder), plan, rng, say=say)()
        counted += result.counted
        _add(sums, result)
        outcome.problems += [f"data directory {done}: {fault}" for fault in result.faults]
        say(f"data directory {done}: {'; '.join(result.faults) or 'nothing lost, nothing twice'}")
    _promise(outcome, counted, sums)
    outcome.figures |= {"kills counted": counted.total(), **_by_kind(counted), **sums}
    outcome.figures["minutes"] = round((monotonic() - started) / 60, 1)
    return outcome


def _missing(counted: Counter[str]) -> bool:
    rare = any(counted[f"step {step}"] < EACH_STEP for step in STEPS)
    return rare or counted.total() < KILLS


def _rest(plan: list[Order], counted: Counter[str]) -> list[Order]:
    """Of one more plan: the steps that are rare yet, and enough others to reach the number. The
    migration steps come with every new directory."""
    rare = [o for o in plan if o.kind == "step" and counted[o.name] < EACH_STEP]
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


def _promise(outcome: Outcome, counted: Counter[str], sums: Counter[str]) -> None:
    outcome.expect(f"{KILLS} kills with work in flight", kept=counted.total() >= KILLS)
    rare = [step for step in STEPS if counted[f"step {step}"] < EACH_STEP]
    outcome.expect(f"{EACH_STEP} kills at {', '.join(rare)}", kept=not rare)
    outcome.expect(
        "no more parked than were under way at a death",
        kept=sums["parked"] <= sums["under way at a death"],
    )
    outcome.expect("mail, SMS and callbacks went out under load", kept=sums["sent"] > 0)
