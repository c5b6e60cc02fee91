"""A process that only seals: a candidate for the lead.

python -m tests.store.candidate URL OWNER
"""

import asyncio
import signal
import sys

from gateway.store.leader import Sealer
from gateway.store.postgres import PostgresStore
from gateway.testing.world import LogLines
from gateway.world import SystemClock


async def main(url: str, owner: str) -> None:
    """Until it is killed; SIGTERM ends it in order."""
    store = PostgresStore(url)
    await store.open()
    leading = asyncio.create_task(Sealer(store, owner, SystemClock(), LogLines()).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leading.cancel)
    print("ready", flush=True)
    await asyncio.wait([leading])
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
