"""A second process on the same database, as the command line is one: writes so many events.

    python -m tests.store.other_process FILE NAME COUNT
"""

import asyncio
import sys
from pathlib import Path

from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store.sqlite import SqliteStore


async def write(path: Path, name: str, count: int) -> None:
    """Each event in a commit of its own, so that both processes take turns."""
    store = SqliteStore(path)
    await store.open()
    print("open", flush=True)
    for number in range(count):

        def work(tx: Tx, number: int = number) -> None:
            tx.log(LogEvent(f"{name}{number:04d}", "test.happened", 1.0, data={"from": name}))

        await store.write(work)
    await store.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
