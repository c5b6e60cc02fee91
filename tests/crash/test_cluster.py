"""A bounded sample of the cluster run; `python -m tests.proof cluster` kills for three minutes."""

import random

import pytest

from tests.crash.cluster import Cluster
from tests.crash.members import places
from tests.postgres import running_server

#: With work in flight; a slow machine takes longer for them.
KILLS = 6


@pytest.mark.crash
@pytest.mark.timeout(420)
async def test_several_processes_lose_nothing_and_send_nothing_twice(tmp_path):
    with running_server(durable=True) as server:
        result = await Cluster(
            tmp_path,
            server,
            places({"delivery": "timers"}, web=1, worker=2, delivery=1),
            random.Random(),
            seconds=12.0,
            at_least=KILLS,
            only_at_work=True,
            every=1.0,
            restarts=["immediate"],
            delay_ms=100,
            hasty=True,
            say=print,
        )()
    print(result.figures, dict(result.counts), result.times.figures(), result.excused)
    assert result.faults == []
    assert result.counted.total() >= KILLS
    assert {*result.counted} == {"web", "worker", "delivery"}
    assert result.restarts == ["immediate"]
    assert result.figures["parked"] <= result.figures["under way at a death"]
    for figure in ("acknowledged", "sent", "timers fired", "attachments", "mail at the sink"):
        assert result.figures[figure] > 0, figure
