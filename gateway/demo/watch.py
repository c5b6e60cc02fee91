"""Looks at the gateway's database, as the table and the log on the screen and the page show it."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.store import Reader, Row, Store

#: Seconds between two looks: fast enough to seem immediate.
LOOK_SECONDS = 0.2
#: What of an event's data says most, in this order.
_TELLING = ("verb", "topic", "queue", "reason", "why", "agent", "channel", "redactions", "detail")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the gateway's log."""

    seq: int
    at: float
    kind: str
    inquiry: str
    """The inquiry's number, or ''."""
    detail: str


@dataclass(slots=True)
class Watch:
    """What was there at the last look. One reader for all that show it."""

    store: Store
    inquiries: list[Row] = field(default_factory=list)
    """In the order they came."""
    events: deque[LoggedEvent] = field(default_factory=lambda: deque(maxlen=60))
    _seq: int = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        """Look now."""
        rows, events = await self.store.read(self._read)
        self.inquiries = rows[::-1]
        numbers = {row["id"]: str(row["number"]) for row in rows}
        for event in events:
            self._seq = event["seq"]
            self.events.append(
                LoggedEvent(
                    event["seq"],
                    event["at"],
                    event["kind"],
                    numbers.get(event["inquiry_id"], ""),
                    _detail(json.loads(event["data"] or "{}")),
                )
            )

    def _read(self, reader: Reader) -> tuple[list[Row], list[Row]]:
        inquiries = reader.all("inquiries.listed", state="", queue="", n=200)
        return inquiries, reader.all("events.after", seq=self._seq, n=500)


def _detail(data: Mapping[str, Any]) -> str:
    """What happened, short enough for a line."""
    said = [data[name] for name in _TELLING if data.get(name)]
    texts = [
        ", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in said
    ]
    return " · ".join(texts[:3])
