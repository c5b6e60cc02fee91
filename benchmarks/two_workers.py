"""How much a second worker process brings, on one PostgreSQL and the cores of this machine."""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.databases import databases
from benchmarks.pipeline import messages
from benchmarks.processes import server
from benchmarks.report import Figure, say
from benchmarks.servers import write_config
from gateway.app import assemble
from gateway.config import load

EVENTS = 3000
ROUNDS = 3


async def _emptied(folder: Path, run: int, events: int) -> float:
    """Events per second from the intake's table to the applied plan, by whoever works on it."""
    async with assemble(load(data_dir=folder)) as gateway:
        started = time.perf_counter()
        made = messages(events, run)
        for at in range(0, events, 500):
            await gateway.intake.events("load", made[at : at + 500], "benchmark:")
        gateway.store.tell("intake")
        while await gateway.store.read(lambda reader: reader.value("intake.waiting")):
            await asyncio.sleep(0.02)
        return events / (time.perf_counter() - started)


def two_workers(rounds: int = ROUNDS, events: int = EVENTS) -> list[Figure]:
    """One and two processes of the role `worker`, each planning in one process of its own."""
    runs = iter(range(1, 1000))
    with databases() as settings, tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        write_config(folder, settings["_postgres"], processes=1)
        pairs = []
        for number in range(int(rounds) + 1):
            rates = []
            for count in (1, 2):
                with ExitStack() as stack:
                    for _ in range(count):
                        stack.enter_context(server("gateway", name, "--role", "worker"))
                    rates.append(asyncio.run(_emptied(folder, next(runs), int(events))))
            if number:  # the first round warms up
                pairs.append((rates[1], rates[0]))
                say(f"two_workers {number}/{rounds}: {rates[1]:.0f}/s, one alone {rates[0]:.0f}/s")
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    two, one = pairs[len(pairs) // 2]
    return [Figure("two_workers", two, "1/s", 2 * one, two / (2 * one))]
