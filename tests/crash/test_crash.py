"""A bounded sample of the crash runs; `python -m tests.proof` makes hundreds of kills."""

import random

import pytest

from gateway.steps import STEPS
from tests.crash.ledger import PostgresDatabase
from tests.crash.orders import ON_A_NEW_DIRECTORY, orders
from tests.crash.run import Run
from tests.postgres import running_server


@pytest.mark.crash
@pytest.mark.timeout(600)
async def test_nothing_acknowledged_is_lost_and_nothing_goes_out_twice(tmp_path):
    rng = random.Random()
    # Every other step, drawn anew each time; the migration's come on the new directory anyway.
    steps = {*ON_A_NEW_DIRECTORY, *rng.sample(STEPS, len(STEPS) // 2)}
    plan = orders(rng, each_step=1, at_random=2, while_starting=1, of_workers=1, steps=steps)
    result = await Run(tmp_path, plan, rng, say=print)()
    print(result.figures, dict(result.counts))
    assert result.faults == []
    assert result.missed == []
    assert {f"step {step}" for step in steps} <= result.counted.keys()
    assert result.counted.total() >= len(steps) + 3
    assert result.of_workers == 1
    assert result.figures["parked"] <= result.figures["under way at a death"]
    # It was under load indeed, and every path was walked.
    for figure in ("acknowledged", "sent", "timers fired", "attachments", "mail at the sink"):
        assert result.figures[figure] > 0, figure
    assert result.counts["repeated"] > 0
    assert result.counts["broken off"] > 0


#: Where PostgreSQL differs most: it finishes or rolls back by itself what a dead process had begun.
#: These two come with work under way only; all steps are in `python -m tests.proof crash-postgres`.
ON_POSTGRES = ("apply.before", "send.after")


@pytest.mark.crash
@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_the_same_holds_on_postgresql(tmp_path):
    rng = random.Random()
    plan = orders(rng, each_step=1, at_random=0, steps=ON_POSTGRES)
    with running_server(durable=True) as server:
        database = PostgresDatabase(server.create_database())
        result = await Run(tmp_path, plan, rng, say=print, server=database)()
    print(result.figures, dict(result.counts))
    assert result.faults == []
    assert result.missed == []
    assert {f"step {step}" for step in ON_POSTGRES} <= result.counted.keys()
    assert result.figures["parked"] <= result.figures["under way at a death"]
    for figure in ("acknowledged", "sent", "timers fired", "attachments", "mail at the sink"):
        assert result.figures[figure] > 0, figure
