"""What one account and its customers said to each other, for a channel that shows it to them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.domain.codec import decode_attachment
from gateway.domain.frontage import Said
from gateway.domain.model import DeliveryState
from gateway.domain.store import Reader, Row, Store


@dataclass(frozen=True, slots=True)
class Changed:
    """Tells whoever waits for something to be said that it may have been."""

    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def tell(self) -> None:
        """Something was written."""
        for callback in self.callbacks:
            callback()


@dataclass(frozen=True, slots=True)
class AccountTimeline:
    """`gateway.domain.channel.Timeline` for one account.

    Args:
        store: where the messages are.
        account: whose conversations are shown; no other's.
        space: the address space of its handles.
        changed: hints of news.
    """

    store: Store
    account: str
    space: str
    changed: Changed = field(default_factory=Changed)

    async def since(self, handle: str, revision: int, limit: int) -> Sequence[Said]:
        """See `Timeline.since`."""
        values = {**self._whose(handle), "rev": revision, "n": limit}
        rows = await self.store.read(lambda r: r.all("messages.since", **values))
        return [_said(row) for row in rows]

    async def one(self, handle: str, reference: str) -> Said | None:
        """See `Timeline.one`."""
        values = {**self._whose(handle), "id": reference}
        row = await self.store.read(lambda r: r.one("messages.seen_by", **values))
        return None if row is None else _said(row)

    async def revisions(self, handles: Sequence[str]) -> Mapping[str, int]:
        """See `Timeline.revisions`."""

        def ask(reader: Reader) -> dict[str, int]:
            found = {
                handle: reader.value("contacts.revision", **self._whose(handle))
                for handle in handles
            }
            return {handle: int(rev) for handle, rev in found.items() if rev is not None}

        return await self.store.read(ask)

    def watch(self, callback: Callable[[], None]) -> None:
        """See `Timeline.watch`."""
        self.changed.callbacks.append(callback)

    def _whose(self, handle: str) -> dict[str, str]:
        return {"account": self.account, "space": self.space, "address": handle}


def _said(row: Row) -> Said:
    files = json.loads(row["meta"]).get("attachments") or ()
    return Said(
        id=row["id"],
        revision=row["rev"],
        author=_author(row),
        text=row["text"],
        at=row["at"],
        external_id=row["external_id"] if row["direction"] == "in" else "",
        delivery=DeliveryState(row["delivery"]) if row["direction"] == "out" else None,
        attachments=tuple(decode_attachment(item) for item in files),
        unsent=row["unsent_at"] is not None,
    )


def _author(row: Row) -> Literal["customer", "agent", "gateway"]:
    if row["direction"] == "in":
        return "customer"
    return "gateway" if row["automatic"] else "agent"
