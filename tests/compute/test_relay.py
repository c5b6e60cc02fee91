"""Workers that are replaced while they work: no task is lost, and none waits for the new ones."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.compute import Compute, Relay, WorkerDied
from tests.compute import relay_tasks as tasks

SECONDS = 30.0


def pool(folder: Path | None) -> Compute:
    return Compute(
        workers=1, initializer=tasks.learn if folder else None, initargs=(folder,) if folder else ()
    )


@pytest.fixture
def folders(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "known").write_text(name)
    return tmp_path


async def test_tasks_go_to_the_new_workers_from_the_switch_on(folders):
    async with Relay(pool, folders / "old") as relay:
        await relay.warm()
        assert await relay.run(tasks.known, timeout=SECONDS) == "old"
        before = relay.pids
        new = await relay.prepared(folders / "new")
        assert await relay.run(tasks.known, timeout=SECONDS) == "old"
        old = relay.switch(new)
        assert await relay.run(tasks.known, timeout=SECONDS) == "new"
        await relay.retire(old)
        assert relay.pids != before
        for pid in before:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


async def test_what_was_begun_by_the_old_workers_comes_to_its_end(folders):
    async with Relay(pool, folders / "old") as relay:
        await relay.warm()
        gate = folders / "gate"
        begun = asyncio.create_task(relay.run(tasks.wait_for, gate, timeout=SECONDS))
        queued = asyncio.create_task(relay.run(tasks.known, timeout=SECONDS))
        await asyncio.sleep(0)
        old = relay.switch(await relay.prepared(folders / "new"))
        retired = asyncio.create_task(relay.retire(old))
        assert await relay.run(tasks.known, timeout=SECONDS) == "new"
        assert not retired.done()
        gate.touch()
        assert await begun == "old"
        assert await queued == "old"
        await retired
        assert old.pids == []


async def test_workers_that_cannot_start_change_nothing(folders):
    async with Relay(pool, folders / "old") as relay:
        await relay.warm()
        with pytest.raises(WorkerDied, match="could not start"):
            await relay.prepared(folders / "nowhere")
        assert await relay.run(tasks.known, timeout=SECONDS) == "old"


async def test_workers_that_know_nothing_work_as_well():
    async with Relay(pool) as relay:
        assert await relay.run(os.getpid, timeout=SECONDS) in relay.pids
        assert relay.waiting == 0
