"""Accepted events planned and applied per second, against planning alone in the same processes."""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from benchmarks.databases import databases
from benchmarks.report import Figure, say
from benchmarks.servers import write_config
from gateway.app import Gateway, assemble
from gateway.config import load
from gateway.domain.channel import Inbound
from gateway.domain.snapshot import Snapshot
from gateway.intake.reading import stored_form
from gateway.workers.brain import Item, plan_all
from gateway.workers.pipeline import CHUNK

EVENTS = 2000
ROUNDS = 3
TEXTS = (
    "My top-up of yesterday has not arrived, what can I do?",
    "提现三天了还没有到账，怎么回事",
    "I forgot my password and cannot log in",
    "付款失败，提示系统错误",
    "the verification code never comes",
    "Do you sell concert tickets?",
)


def messages(number: int, run: int) -> list[Inbound]:
    """What customers write, each message with an id of its own."""
    return [
        Inbound(external_id=f"{run}-{n}", sender=f"customer-{n % 997}", text=TEXTS[n % len(TEXTS)])
        for n in range(number)
    ]


async def _plan_alone(gateway: Gateway, number: int) -> float:
    """Events per second when nothing is read or written."""
    seen = Snapshot(now=time.time(), account=gateway.accounts["load"])
    items = [
        Item(f"{n:024d}", seen.now, "message", stored_form(message), seen)
        for n, message in enumerate(messages(number, 0))
    ]
    chunks = [items[at : at + CHUNK] for at in range(0, number, CHUNK)]
    started = time.perf_counter()
    todo = iter(chunks)

    async def one() -> None:
        for chunk in todo:
            await gateway.compute.run(plan_all, chunk, timeout=60)

    await asyncio.gather(*(one() for _ in range(gateway.config.workers.processes * 2)))
    return number / (time.perf_counter() - started)


async def _through(gateway: Gateway, number: int, run: int) -> float:
    """Events per second from the intake's table to the applied plan."""
    for at in range(0, number, 200):
        await gateway.intake.events("load", messages(number, run)[at : at + 200], "benchmark:")
    before = await gateway.store.read(lambda reader: reader.value("intake.waiting"))
    started = time.perf_counter()
    tasks = [asyncio.create_task(pipeline.run()) for pipeline in gateway.pipelines]
    while await gateway.store.read(lambda reader: reader.value("intake.waiting")):
        await asyncio.sleep(0.01)
    took = time.perf_counter() - started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return float(before) / took


async def _compare(name: str, database: str, rounds: int, events: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        write_config(Path(folder), database)
        async with assemble(load(data_dir=Path(folder))) as gateway, gateway.compute:
            await gateway.compute.warm()
            pairs = []
            for number in range(rounds + 1):
                limit = await _plan_alone(gateway, events)
                rate = await _through(gateway, events, number + 1)
                if number:  # the first round warms up
                    pairs.append((rate, limit))
                    say(f"{name} {number}/{rounds}: {rate:.0f}/s, planning alone {limit:.0f}/s")
    pairs.sort(key=lambda pair: pair[0] / pair[1])
    rate, limit = pairs[len(pairs) // 2]
    return Figure(name, rate, "1/s", limit, rate / limit)


def pipeline(rounds: int = ROUNDS, events: int = EVENTS) -> list[Figure]:
    """The whole way from a stored event to a stored decision, on both databases."""
    with databases() as settings:
        return [
            asyncio.run(_compare(f"pipeline{suffix}", database, int(rounds), int(events)))
            for suffix, database in settings.items()
        ]


if __name__ == "__main__":
    print(json.dumps([figure.as_json() for figure in pipeline(1, 500)]))
