"""A pool of worker processes that can be replaced by one that knows something else, while it works.

The new workers are started and have run their initializer before the first task goes to them; the
old ones finish what they have begun. For that time both take memory.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gateway.compute.pool import Compute

T = TypeVar("T")

#: Seconds that the old workers have for what they have begun. Tasks have bounds of their own, which
#: are shorter but for the longest.
_DRAIN = 30.0


class Relay:
    """Stands before the pool of the moment; used like one.

    Args:
        make: a new pool, not entered, whose workers know what lies in a folder.
        folder: for the first one; None for workers that know nothing.
    """

    def __init__(self, make: Callable[[Path | None], Compute], folder: Path | None = None) -> None:
        self._make = make
        self._now = make(folder)
        self._under_way: Counter[Compute] = Counter()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._now.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._now.close()

    @property
    def waiting(self) -> int:
        """Tasks that wait for a worker."""
        return self._now.waiting

    @property
    def pids(self) -> list[int]:
        """The worker processes, starting ones among them."""
        return self._now.pids

    async def warm(self) -> None:
        """As `Compute.warm`."""
        await self._now.warm()

    async def run(
        self,
        function: Callable[..., T],
        *args: object,
        timeout: float,  # noqa: ASYNC109 - it bounds the work, see `Compute.run`
    ) -> T:
        """As `Compute.run`, in the pool of the moment at which it is called."""
        pool = self._now
        self._under_way[pool] += 1
        try:
            return await pool.run(function, *args, timeout=timeout)
        finally:
            self._under_way[pool] -= 1
            self._ended.set()

    async def prepared(self, folder: Path) -> Compute:
        """Workers that know another folder, started and warm, with nothing to do yet: for `switch`,
        or to be closed. Raises `WorkerDied` when they cannot start; nothing has changed then."""
        pool = self._make(folder)
        try:
            await pool.__aenter__()
            await pool.warm()
        except BaseException:
            await pool.close()
            raise
        return pool

    def switch(self, pool: Compute) -> Compute:
        """From now on tasks go to this one; the one before, for `retire`. There is no moment
        without a pool."""
        before, self._now = self._now, pool
        return before

    async def retire(self, pool: Compute) -> None:
        """Close a pool once what was given to it has come to its end."""
        try:
            # Whoever overstays gets the last second that closing gives, and is ended then.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN):
                    while self._under_way[pool] > 0:
                        self._ended.clear()
                        await self._ended.wait()
        finally:
            await pool.close()
            del self._under_way[pool]
