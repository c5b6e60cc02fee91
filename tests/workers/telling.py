"""A process that tells those whom an ended announcement touched, until all are told or it is killed.

python -m tests.workers.telling DATABASE SECONDS    its clock begins so long after New Year
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from gateway.domain.decision import Verb
from gateway.store.choose import store_for
from gateway.world import MonotonicIds
from tests.store.engines import Twice
from tests.workers.announced import told
from tests.workers.rig import Rig, decision


async def _run(database: str, seconds: float) -> None:
    store: Any = store_for(database, Path("/"))
    await store.open()
    try:
        ids: Any = MonotonicIds()
        rig = Rig(Twice(store), ids=ids)
        rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
        rig.clock.advance(seconds)
        rig.think()
        await told(rig, owner=ids.new())
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], float(sys.argv[2])))
