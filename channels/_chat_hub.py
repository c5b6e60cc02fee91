"""Who is connected, and wakes them when there may be something new for them.

One look at the database serves everybody: at once when something was said in this installation, and
each second in any case, since a hint from another process may get lost.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from channels._chat_refusal import Refusal
from gateway.domain.errors import GatewayError
from gateway.domain.frontage import Timeline
from gateway.domain.world import Log

#: Seconds between two looks when nobody hinted at anything.
POLL_SECONDS = 1.0
#: Seconds that hints are gathered: with many customers something is said all the time.
GATHER_SECONDS = 0.02
#: Connections of one handle: tabs and devices.
PER_HANDLE = 10


@dataclass(slots=True, eq=False)
class Listener:
    """One connection."""

    handle: str
    passing: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=16))
    """Frames that are shown once and kept nowhere."""
    woken_at: int = 0
    """The revision of the conversation for which it was woken last."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> bool:
        """Until there may be something new; False when the time is up."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return False
        return True


class Hub:
    """The connections of one account.

    Args:
        log: for what goes wrong.
        most: connections at once.
    """

    def __init__(self, log: Log, most: int) -> None:
        self._log = log
        self._most = most
        self._timeline: Timeline | None = None
        self._listeners: dict[str, set[Listener]] = {}
        self._hinted = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.open = 0
        self.leaving = asyncio.Event()

    @property
    def closed(self) -> bool:
        """No connection may go on."""
        return self.leaving.is_set()

    def attach(self, timeline: Timeline) -> None:
        """Where to look."""
        self._timeline = timeline
        timeline.watch(self.hint)

    def hint(self) -> None:
        """Something may have been said."""
        self._hinted.set()

    @contextmanager
    def listening(self, handle: str) -> Iterator[Listener]:
        """A place among the connections. Raises `Refusal`."""
        if self.closed:
            raise Refusal(503, "stopping", "the server stops; connect again", retry_after=2)
        mine = self._listeners.setdefault(handle, set())
        if self.open >= self._most or len(mine) >= PER_HANDLE:
            if not mine:
                del self._listeners[handle]
            raise Refusal(503, "busy", "too many connections; close one", retry_after=5)
        listener = Listener(handle)
        mine.add(listener)
        self.open += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="chat look")
        try:
            yield listener
        finally:
            self.open -= 1
            mine.discard(listener)
            if not mine:
                self._listeners.pop(handle, None)

    def say(self, handle: str, frame: dict[str, Any], but: Listener | None = None) -> None:
        """Show a frame to whoever is connected, now or never."""
        for listener in self._listeners.get(handle, ()):
            if listener is not but:
                listener.passing.append(frame)
                listener.news.set()

    async def leave(self) -> None:
        """Every connection is told to end; no new one is begun."""
        self.leaving.set()
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.news.set()
        if (looking := self._looking) is not None:
            looking.cancel()
            await asyncio.wait([looking])

    async def _look(self) -> None:
        """As long as anybody is connected."""
        while self._listeners and self._timeline is not None:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._hinted.wait()
            except TimeoutError:
                pass  # a look that nobody asked for
            self._hinted.clear()
            try:
                found = await self._timeline.revisions([*self._listeners])
            except GatewayError as error:
                self._log.warning("chat cannot look for news", why=type(error).__name__)
                continue
            for handle, revision in found.items():
                for listener in self._listeners.get(handle, ()):
                    if listener.woken_at != revision:
                        listener.woken_at = revision
                        listener.news.set()
            await asyncio.sleep(GATHER_SECONDS)
