"""A process of the cluster that does not start is a fault of it, unless the database is to blame."""

import asyncio
import random

import pytest

from tests.crash.load import Load
from tests.crash.members import STARTS, Member, Place
from tests.crash.programs import Program
from tests.crash.watch import Times

REFUSED = "gateway: postgresql://db/x cannot be reached; is the server running? (refused)"
TIMEOUT = "gateway: postgresql://db/x cannot be reached; is it right? (connection timeout expired)"
PORT = "gateway: server.port: cannot listen on 127.0.0.1:15000 (Address already in use)"
OURS = "gateway: a fault of the gateway's own: KeyError: 'database' (store.py:7)"


class Fails(Member):
    """Its process says something and ends."""

    words = ""

    async def _start(self):
        code = f"import sys; print({self.words!r}, file=sys.stderr); sys.exit(1)"
        return await Program.start("-c", code, log=self._log)


@pytest.fixture
def member(tmp_path):
    def make(words, *, away):
        load = Load("r", random.Random())
        made = Fails(Place("w1", "worker"), tmp_path / "x.toml", load, Times(), lambda _: away)
        made.words = words
        return made

    return make


@pytest.mark.parametrize(
    ("words", "away", "excused"),
    [
        (REFUSED, False, 0),
        (PORT, False, 0),
        (OURS, False, 0),
        (OURS, True, 0),
        ("", True, 0),
        ("ValueError: the database", True, 0),
        (TIMEOUT, False, STARTS - 1),
    ],
)
async def test_a_start_that_fails_without_a_kill_is_a_fault(member, words, away, excused):
    place = member(words, away=away)
    async with asyncio.timeout(30):
        await place.run()
    assert len(place.excused) == excused
    (fault,) = place.faults
    assert fault.startswith("w1: process ")
    assert fault.endswith(words)


async def test_one_that_blames_a_database_which_is_away_is_excused_and_counted(member):
    place = member(REFUSED, away=True)
    running = asyncio.create_task(place.run())
    async with asyncio.timeout(30):
        while len(place.excused) <= STARTS:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    assert place.faults == []
    assert place.excused[0] == f"w1, the database was away: {REFUSED}"
    assert "start that failed while the database was away" in place.times.figures()


async def test_what_an_earlier_life_said_excuses_nothing(member):
    place = member("", away=True)
    place._log.write_text(f"{REFUSED}\n")
    async with asyncio.timeout(30):
        await place.run()
    assert place.excused == []
