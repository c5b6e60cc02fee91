"""A file system that runs full: refusals, no loss, and service again as soon as there is room."""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from channels._sim_email import MailFault
from channels._sim_letters import compose
from tests.crash.ledger import SqliteFile, left, under_way
from tests.crash.load import Load
from tests.crash.programs import gateway, simulators
from tests.crash.recount import recount
from tests.crash.settings import MAIL_ADDRESS, free_port, write_config
from tests.missing import missing

SIZE = "32m"
#: Refusals that show that it is full for everybody.
REFUSALS = 40


@contextmanager
def small_disk(place: Path, size: str = SIZE) -> Iterator[Path]:
    """A file system of its own at `place`. Skipped by name where nothing may be mounted."""
    place.mkdir()
    if os.geteuid() != 0:
        missing("root rights: a small file system is mounted as root only")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        missing(f"a file system that can be mounted: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Use up every byte that is left."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as out:
        for block in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"\0" * block)
            except OSError:
                continue
    return filler


async def more(load: Load, what: str, number: int, seconds: float = 30.0) -> None:
    """Wait until a figure of the load has grown by so many."""
    wanted = load.counts[what] + number
    try:
        async with asyncio.timeout(seconds):
            while load.counts[what] < wanted:
                load.check()
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not {number} more {what} within {seconds:.0f} s: {load.counts}")


async def rest(data_dir: Path, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while left(SqliteFile(data_dir)).any:
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
async def test_a_full_disk_refuses_loses_nothing_and_serves_again_without_a_restart(tmp_path):
    async with simulators(tmp_path) as outside:
        with small_disk(tmp_path / "data") as disk:
            config = write_config(tmp_path, outside.outside, web_port=free_port())
            load = Load("full", random.Random(), seats=24, pause=0.2)
            try:
                async with gateway(config) as process:
                    load.start()
                    load.aim(await process.addresses())
                    await more(load, "acknowledged", 60)
                    filler = fill(disk)
                    await more(load, "turned away", REFUSALS)
                    assert load.counts["broken off"] == 0  # every one had its answer
                    await asyncio.sleep(1.0)  # the pipeline and delivery meet it as well
                    filler.unlink()
                    await more(load, "acknowledged", 60)
                    await load.finish(30)
                    await rest(disk)
                    await process.stop()
                    assert process.process.returncode == 0
            finally:
                await load.cancel()
            found = recount(SqliteFile(disk), disk, load.acknowledged, outside, frozenset())
            assert found.faults == [], (tmp_path / "gateway.log").read_text()[-3000:]
            assert found.figures["acknowledged"] >= 120
            assert found.figures["parked"] == 0


@pytest.mark.timeout(240)
async def test_killed_on_a_full_disk_it_has_everything_when_there_is_room(tmp_path):
    async with simulators(tmp_path) as outside:
        with small_disk(tmp_path / "data") as disk:
            config = write_config(tmp_path, outside.outside, web_port=free_port())
            load = Load("dead", random.Random(), seats=24, pause=0.2)
            try:
                async with gateway(config) as process:
                    load.start()
                    load.aim(await process.addresses())
                    await more(load, "acknowledged", 40)
                    filler = fill(disk)
                    await more(load, "turned away", REFUSALS)
                    load.hold()
                    await process.kill()
                begun = under_way(SqliteFile(disk)).begun
                filler.unlink()
                async with gateway(config) as process:
                    load.aim(await process.addresses())
                    await more(load, "acknowledged", 40)
                    await load.finish(30)
                    await rest(disk)
                    await process.stop()
            finally:
                await load.cancel()
            found = recount(SqliteFile(disk), disk, load.acknowledged, outside, begun)
            assert found.faults == []


async def test_a_mail_that_went_out_while_the_disk_was_full_is_recorded_later(furnish, tmp_path):
    with small_disk(tmp_path / "data"):
        office = furnish()
        async with office.open():
            office.mail.script(MailFault("end", delay=2.0))
            await office.write_mail(compose("anna@mail.example", MAIL_ADDRESS, "Frage", "转人工"))
            await office.mail.wait_for("anna@mail.example")
            assert office.rows("SELECT state FROM outbox") == [("begun",)]
            filler = fill(tmp_path / "data")
            await asyncio.sleep(3.0)  # the server says yes, and there is nowhere to write it
            assert office.rows("SELECT state FROM outbox") == [("begun",)]
            filler.unlink()
            await office.until("SELECT state FROM outbox", "sent", seconds=10.0)
    assert len(office.mail.received) == 1
