"""Which kills a run consists of."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.steps import STEPS

#: These are reached only while a data directory is new, and each of them once.
ON_A_NEW_DIRECTORY = tuple(step for step in STEPS if step.startswith("migration."))
#: Reached many times a second under load: the n-th time is drawn, so that kills fall into groups of
#: different size. The others are reached more rarely.
_OFTEN = frozenset(step for step in STEPS if step.startswith(("accept.", "commit.", "ack.")))


@dataclass(frozen=True, slots=True)
class Order:
    """One kill to come."""

    kind: str
    """'step': at a step; 'random': some time after it was ready; 'starting': while it starts;
    'worker': one of its worker processes, while it goes on."""
    step: str = ""
    count: int = 1
    """At which passage of the step."""
    delay: float = 0.0
    """Seconds after ready or after the start; of a worker, before it is killed."""

    @property
    def name(self) -> str:
        return f"step {self.step}" if self.kind == "step" else self.kind


def orders(
    rng: random.Random,
    *,
    each_step: int,
    at_random: int,
    while_starting: int = 0,
    of_workers: int = 0,
    steps: Iterable[str] = STEPS,
) -> list[Order]:
    """The kills of one run in the order in which they are made: migration first, while the data
    directory is new, the others shuffled.

    Args:
        rng: draws the instants.
        each_step: kills at each step, except migration: once per data directory.
        at_random: kills of the whole gateway at any instant.
        while_starting: kills before it is ready.
        of_workers: kills of a worker process.
        steps: only these.
    """
    wanted = list(steps)
    first = [Order("step", step) for step in ON_A_NEW_DIRECTORY if step in wanted]
    later = [
        Order("step", step, rng.randint(1, 12 if step in _OFTEN else 3))
        for step in wanted
        if step not in ON_A_NEW_DIRECTORY
        for _ in range(each_step)
    ]
    later += [Order("random", delay=rng.uniform(0.05, 1.5)) for _ in range(at_random)]
    later += [Order("starting", delay=rng.uniform(0.1, 3.0)) for _ in range(while_starting)]
    later += [Order("worker", delay=rng.uniform(0.05, 0.8)) for _ in range(of_workers)]
    rng.shuffle(later)
    return first + later
