"""A worker process that is killed from outside costs nobody a message."""

import asyncio
import fcntl
import os
import signal
import struct
import termios

from channels._sim_letters import compose
from tests.crash.settings import MAIL_ADDRESS

MAIL = compose("anna@mail.example", MAIL_ADDRESS, "Frage", "转人工")


def _waits_for(pid):
    """Bytes in the pipe of a worker that does not read them."""
    pipe = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    finally:
        os.close(pipe)


async def _kill_reader(process, known=()):
    """Hold the worker, wait until it is given the mail, and kill it."""
    async with asyncio.timeout(20):
        while not (fresh := set(process.children) - set(known)):
            await asyncio.sleep(0.01)
        [worker] = fresh
        os.kill(worker, signal.SIGSTOP)
        while not _waits_for(worker):
            await asyncio.sleep(0.01)
    os.kill(worker, signal.SIGKILL)
    return worker


async def test_a_mail_whose_reader_is_killed_is_read_by_the_next_one(furnish):
    office = furnish()
    async with office.open() as process:
        killing = asyncio.create_task(_kill_reader(process))
        await asyncio.sleep(0)  # the worker is held from here on
        await office.write_mail(MAIL)
        await killing
        assert office.rows("SELECT COUNT(*) FROM quarantine") == [(0,)]
        await office.at_rest()
        assert office.rows("SELECT COUNT(*) FROM messages WHERE direction = 'in'") == [(1,)]


async def test_a_mail_that_costs_two_workers_goes_to_quarantine(furnish):
    office = furnish()
    async with office.open() as process:

        async def kill_both():
            first = await _kill_reader(process)
            await _kill_reader(process, known=[first])

        killing = asyncio.create_task(kill_both())
        await asyncio.sleep(0)
        await office.write_mail(MAIL)
        await killing
        [(reason,)] = office.rows("SELECT reason FROM quarantine")
        assert "worker process died" in reason
        await office.write_mail(compose("ben@mail.example", MAIL_ADDRESS, "Frage", "转人工"))
        await office.until("SELECT COUNT(*) FROM messages WHERE direction = 'in'", 1)
