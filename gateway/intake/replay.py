"""Takes what lies in quarantine in once more, after the program or a setting was mended.

Reading again goes the ordinary way in, with the same dedup keys: a replay that is repeated, or that
a crash cut short, makes no second message.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.channel import (
    Channel,
    ChannelEvent,
    Correspondent,
    HttpRequest,
    RawMail,
    Webhook,
)
from gateway.domain.codec import decode
from gateway.domain.errors import NotAllowed, NotFound
from gateway.domain.model import JSON
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Blobs, Row, Store, Tx
from gateway.domain.world import Clock, Ids
from gateway.intake.accept import Accept
from gateway.intake.reading import read_and_redact

#: Stored as the proof of an event that came this way: its signature was checked when it arrived.
_VERIFIED = "quarantine"


@dataclass(frozen=True, slots=True)
class Replay:
    """The way back from quarantine.

    Args:
        channels: by account; only their `parse` is used.
    """

    store: Store
    blobs: Blobs
    intake: Accept
    channels: Mapping[str, Channel]
    clock: Clock
    ids: Ids

    async def one(self, reference: str) -> str:
        """Replay one entry; one line that says what came of it.

        Raises:
            NotFound: there is no such entry, or what it needs is gone.
            NotAllowed: it was replayed already.
            ParseError: it still cannot be read; it stays where it is.
        """
        row = await self.store.read(lambda r: r.one("intake.quarantined_one", id=reference))
        if row is None:
            raise NotFound(f"nothing in quarantine is called {reference!r}")
        if row["state"] == "expired":
            raise NotFound(f"the bytes of {reference} are deleted: it was kept for its days")
        if row["state"] != "kept":
            raise NotAllowed(f"{reference} was replayed already")
        if row["stage"] == "plan":
            return await self._plan_again(row)
        return await self._read_again(row)

    # ------------------------------------------------------------ could not be read

    async def _read_again(self, row: Row) -> str:
        meta: dict[str, Any] = json.loads(row["meta"])
        data = await self.blobs.get(row["blob"])
        if "sealed" in meta:
            meta |= json.loads(await self.blobs.get(meta["sealed"]))
        before = self.intake.counts[row["account"], "accepted"]
        if "recipients" in meta:
            await self._mail(row, data, meta)
        elif "url" in meta:
            await self._webhook(row, data, meta)
        elif "polled" in meta:
            event = decode(meta["polled"], json.loads(data))
            if isinstance(event, ChannelEvent):  # nothing else is polled
                await self.intake.events(row["account"], [event], _VERIFIED)
        else:
            raise NotAllowed(f"{row['id']} was kept without what is needed to read it again")
        new = self.intake.counts[row["account"], "accepted"] - before
        now = self.clock.now()
        await self.store.write(lambda tx: _mark(tx, row, now))
        return f"{new} new event(s) accepted" if new else "it brought nothing that is not there yet"

    async def _mail(self, row: Row, data: bytes, meta: Mapping[str, Any]) -> None:
        raw = RawMail(data, meta["mail_from"], tuple(meta["recipients"]), row["at"])
        channel: object = self.channels.get(row["account"])
        await self._read(row, channel.placed(raw) if isinstance(channel, Correspondent) else raw)

    async def _read(self, row: Row, raw: RawMail) -> None:
        identity = self.intake.identity
        read = read_and_redact(raw, identity.own_addresses, identity.loop_marks, self.intake.policy)
        await self.intake.store_mail(row["account"], read, _VERIFIED)

    async def _webhook(self, row: Row, data: bytes, meta: Mapping[str, Any]) -> None:
        channel: object = self.channels.get(row["account"])
        if not isinstance(channel, Webhook):
            raise NotFound(f"there is no account {row['account']!r} with webhooks any more")
        request = HttpRequest(
            method=meta["method"],
            url=meta["url"],
            headers={},
            body=data,
            received_at=meta["at"],
            path=meta["path"],
        )
        parsed = channel.parse(request)
        for mail in parsed.mails:
            await self._read(row, mail)
        await self.intake.events(row["account"], parsed.events, _VERIFIED)

    # ------------------------------------------------------------ could not be planned

    async def _plan_again(self, row: Row) -> str:
        fresh, now = self.ids.new(), self.clock.now()

        def work(tx: Tx) -> None:
            if not tx.run("intake.revive_as", id=row["event_id"], fresh=fresh):
                raise NotFound(f"its event {row['event_id']} is not in quarantine any more")
            tx.run("meta.move_blob_refs", owner=row["event_id"], fresh=fresh)
            _mark(tx, row, now, event=fresh)

        await self.store.write(work)
        return "its event is planned again by the running gateway, or at its next start"


def _mark(tx: Tx, row: Row, now: float, event: str = "") -> None:
    if tx.run("intake.quarantine_replayed", id=row["id"], at=now):
        data: dict[str, JSON] = {"quarantine": row["id"], "stage": row["stage"], "event": event}
        tx.log(LogEvent(derived_id(row["id"], "re"), "event.replayed", now, data=data))
