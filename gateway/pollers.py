"""The pollers of the accounts: ask the provider for news, commit it with the cursor, ask again."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.channel import Poller
from gateway.domain.errors import Conflict, DeliveryError, Failure, GatewayError
from gateway.domain.store import Store
from gateway.domain.world import Clock, Log
from gateway.intake.accept import CURSOR, Accept
from gateway.memos import load_memo, save_memo
from gateway.turns import Turn

#: Seconds one poll may take, beyond what a provider keeps a call open.
POLL_SECONDS = 120.0
#: Seconds before a poll that failed is repeated, doubled each time up to the last.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: Seconds that an account rests after its credentials were refused.
REFUSED_PAUSE = 300.0
#: Seconds a webhook's hint is handed on: WeCom's is good for ten minutes
#: (developer.work.weixin.qq.com/document/path/94670), others' for longer.
HINT_SECONDS = 540.0
#: The topic under which processes tell each other that an account has news: this and its name.
TOPIC = "poll:"
_HINT = "poll.hint"


@dataclass(slots=True)
class Polling:
    """Polls one account until cancelled; of several processes on one database, one at a time."""

    account: str
    channel: Poller
    intake: Accept
    store: Store
    clock: Clock
    log: Log
    owner: str
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0

    def wake(self) -> None:
        """There may be news."""
        self._news.set()

    async def hinted(self, hint: str) -> None:
        """A webhook says that there is news. Durable on return, so that a crash behind the
        acknowledgement costs no message: the next start polls with it. Raises `Overloaded`."""
        await save_memo(self.store, self.account, _HINT, [hint, self.clock.now()])
        self.wake()
        self.store.tell(TOPIC + self.account)

    async def run(self) -> None:
        """Poll, in turn where several processes could."""
        if self.store.shared:
            turn = Turn(self.store, self.clock, self.owner, f"poller:{self.account}")
            await turn.keep(self._polls)
        else:
            await self._polls()

    async def _polls(self) -> None:
        while True:
            if (pause := await self.once()) is None or pause > 0:
                await self._wait(pause)

    async def once(self) -> float | None:
        """One poll; seconds until the next is due, None: when a webhook says so."""
        self._news.clear()
        try:
            async with asyncio.timeout(POLL_SECONDS):
                more = await self._poll()
        except Conflict:
            return 0.0
        except (GatewayError, TimeoutError) as error:
            return self._failed(error)
        self._failures = 0
        if more:
            return 0.0
        interval = self.channel.poll_interval
        return None if interval < 0 else interval

    async def _poll(self) -> bool:
        text = await self.store.read(
            lambda r: r.value("meta.memo", account=self.account, key=CURSOR)
        )
        cursor = None if text is None else json.loads(text)
        batch = await self.channel.poll(cursor, await self._hint())
        await self.intake.batch(self.account, batch, text)
        return batch.more

    async def _hint(self) -> str:
        kept: Any = await load_memo(self.store, self.account, _HINT)
        if kept is None or self.clock.now() - kept[1] > HINT_SECONDS:
            return ""
        return str(kept[0])

    def _failed(self, error: Exception) -> float:
        """What a failure asks for: how long to wait."""
        self._failures += 1
        self.intake.counts[self.account, "poll_failed"] += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10))
        why = (
            f"no end after {POLL_SECONDS:.0f} s" if isinstance(error, TimeoutError) else str(error)
        )
        refused = False
        if isinstance(error, DeliveryError):
            refused = error.failure is Failure.MISCONFIGURED
            pause = REFUSED_PAUSE if refused else (error.retry_after or pause)
        tell = self.log.error if refused else self.log.warning
        tell("poll failed", account=self.account, why=why[:200], again=pause)
        return pause

    async def _wait(self, seconds: float | None) -> None:
        """Until the next poll is due. A webhook's news is waited for as well, except after a failure:
        a provider that asks for patience gets it."""
        if self._failures and seconds is not None:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
