"""The harness fails when it should: with each planted fault the recount finds what went wrong.

Part of `make proof` (`python -m tests.proof planted`): whether the harness can fail changes with the
harness, and not with every line of the gateway.
"""

import random

import pytest

from tests.crash.cluster import Cluster
from tests.crash.members import places
from tests.crash.orders import Order
from tests.crash.run import Run
from tests.postgres import running_server

#: Instants at which something is certainly between the acknowledgement and the commit, or between
#: the transmission and its record.
WHILE_BUSY = [Order("random", delay=delay) for delay in (0.6, 0.9, 1.2)]
AFTER_SENDING = [Order("step", "send.after", count) for count in (1, 2)]


@pytest.mark.proof
@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_an_acknowledgement_before_the_commit_is_found(tmp_path):
    result = await Run(
        tmp_path, WHILE_BUSY, random.Random(), fault="acknowledge-before-commit", say=print
    )()
    assert any("acknowledged messages lost" in fault for fault in result.faults), result


@pytest.mark.proof
@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_sending_again_what_may_be_out_is_found(tmp_path):
    result = await Run(
        tmp_path,
        AFTER_SENDING,
        random.Random(),
        fault="resend-on-unknown",
        shares={"mail": 1.0},  # no server drops a mail because it came before
        say=print,
    )()
    assert any("sent twice" in fault for fault in result.faults), result


@pytest.mark.proof
@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_the_same_runs_without_a_fault_find_nothing(tmp_path):
    result = await Run(tmp_path, [*WHILE_BUSY[:1], *AFTER_SENDING], random.Random(), say=print)()
    assert result.faults == []


@pytest.mark.proof
@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_a_recovery_that_takes_from_the_living_is_found(tmp_path):
    with running_server(durable=True) as server:
        result = await Cluster(
            tmp_path,
            server,
            places({"delivery": "timers", "web": "worker"}, web=1, delivery=2),
            random.Random(),
            seconds=4.0,
            every=0.0,
            hasty=True,
            fault="recover-from-the-living",
            shares={"mail": 1.0},
            delay_ms=400,
            say=print,
        )()
    assert any("sent twice" in fault for fault in result.faults), result
