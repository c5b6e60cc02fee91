"""Tells other processes on the same PostgreSQL that there is something new (LISTEN and NOTIFY).

Only a hint, sent beside the transaction: a NOTIFY inside of one makes all commits that carry one
wait for each other. What gets lost is found by those who look by themselves now and then.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from gateway.domain.errors import StoreError
from gateway.store.connection import connect

CHANNEL = "gateway"
#: Seconds in which hints of the same kind become one.
COALESCE = 0.005
#: Seconds until the next try after the connection was lost.
_PAUSE = 1.0
#: Seconds a stop waits for the last hints: a command tells of what it wrote, and ends.
_LAST = 1.0


class Hints:
    """One thread that listens, and one that tells; neither is started before it is needed."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self._url = url
        self._loop = loop
        self._topics: set[str] = set()
        self._callbacks: list[Callable[[str], None]] = []
        self._speaker: psycopg.Connection[dict[str, object]] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._listener: threading.Thread | None = None
        self._closed = threading.Event()

    def tell(self, topic: str) -> None:
        """Soon, together with others. From the event loop. Once closed, nothing is told any more."""
        if self._closed.is_set():
            return
        self._topics.add(topic)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.ensure_future(self._tell())

    def hear(self, callback: Callable[[str], None]) -> None:
        """Call it on the loop with each topic that anybody tells."""
        self._callbacks.append(callback)
        if self._listener is None:
            self._listener = threading.Thread(target=self._listen, name="store-listen", daemon=True)
            self._listener.start()

    async def close(self) -> None:
        """Tell what is left, and stop; what could not be told in time is found without."""
        self._closed.set()
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=_LAST)
            self._telling.cancel()
        if self._listener is not None:
            await asyncio.to_thread(self._listener.join, 2.0)
        self._silence()

    async def _tell(self) -> None:
        while self._topics:
            await asyncio.sleep(COALESCE)
            topics, self._topics = self._topics, set()
            await asyncio.to_thread(self._notify, topics)

    def _notify(self, topics: set[str]) -> None:
        try:
            speaker = self._speaker
            if speaker is None or speaker.closed:
                speaker = self._speaker = connect(self._url)
            for topic in sorted(topics):
                speaker.execute("SELECT pg_notify(%s, %s)", [CHANNEL, topic])
        except (psycopg.Error, StoreError):
            # The server is away; the others will look by themselves.
            self._silence()

    def _silence(self) -> None:
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            speaker.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with connect(self._url) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._closed.is_set():
                        for note in connection.notifies(timeout=0.5, stop_after=1):
                            self._pass_on(note.payload)
            except (psycopg.Error, StoreError):
                self._closed.wait(_PAUSE)

    def _pass_on(self, topic: str) -> None:
        with suppress(RuntimeError):  # the loop ended meanwhile
            self._loop.call_soon_threadsafe(self._call, topic)

    def _call(self, topic: str) -> None:
        for callback in self._callbacks:
            callback(topic)
