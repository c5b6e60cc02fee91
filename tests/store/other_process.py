"""A second process on the same database, as the command line is one.

    python -m tests.store.other_process FILE NAME

For each number it reads it writes so many events, each in a commit of its own, and says "done".
"""

import asyncio
import sys
from pathlib import Path

from gateway.domain.plan import LogEvent
from gateway.domain.store import Tx
from gateway.store.sqlite import SqliteStore


async def main(path: Path, name: str) -> None:
    """Until the input ends."""
    store = SqliteStore(path)
    await store.open()
    written = 0
    for line in iter(sys.stdin.readline, ""):
        for _ in range(int(line)):
            written += 1

            def work(tx: Tx, number: int = written) -> None:
                tx.log(LogEvent(f"{name}{number:04d}", "test.happened", 1.0, data={"from": name}))

            await store.write(work)
        print("done", flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
