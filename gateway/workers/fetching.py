"""Gets the files that a provider keeps for us, after the message was stored and acknowledged.

What is to be fetched stands in a table that is written with the message. A file is fetched, redacted as
intake does it, kept in the blob store, and only then named by the message: whoever dies in between leaves
it to be fetched again, and the same bytes have the same address. It is tried again with growing pauses, and
given up with its reason.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from gateway.domain.channel import Fetcher
from gateway.domain.codec import decode_attachment
from gateway.domain.errors import DeliveryError, Failure, GatewayError, Overloaded
from gateway.domain.model import Attachment
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Blobs, Row, Store, Tx
from gateway.domain.world import Clock, Log
from gateway.intake.files import CleanFile, clean_files, is_text
from gateway.intake.kinds import kind_of
from gateway.intake.redact import STANDARD, Policy

T = TypeVar("T")

#: Seconds of one try, and how long nobody else takes the file meanwhile.
TRY_SECONDS, LEASE_SECONDS = 120.0, 180.0
#: Seconds before the second try; three times as many before each further one, up to the last.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3600.0
#: Files of one account that are under way at once: each lies in memory whole.
AT_ONCE = 2
#: Seconds that a worker may take to redact one.
_CLEAN_SECONDS = 20.0
#: Failures after which asking again is of no use.
_FINAL = frozenset({Failure.REJECTED, Failure.OPTED_OUT, Failure.WINDOW_CLOSED})


class Workers(Protocol):
    """The pool of worker processes."""

    async def run(self, function: Callable[..., T], *args: object, timeout: float) -> T: ...  # noqa: ASYNC109 - bounds the work, see gateway.compute


class Useless(Exception):
    """This file is not to be had; the text says why."""


@dataclass(slots=True)
class Fetching:
    """The loop of one account, so that a slow provider delays no other. Several processes may run it
    side by side: each file is taken by one."""

    account: str
    channel: Fetcher
    store: Store
    blobs: Blobs
    workers: Workers
    clock: Clock
    log: Log
    owner: str
    policy: Policy = STANDARD
    limit: int = 25 << 20
    """Bytes of the largest file."""
    attempts: int = 8
    poll: float = 1.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is something to fetch."""

    async def run(self) -> None:
        """Fetch until cancelled; waits for news, and looks by itself now and then."""
        if not self.store.shared:
            await self._recover()
        while True:
            self.arrived.clear()
            try:
                busy = await self.once()
            except GatewayError as error:
                self.log.warning("files wait", account=self.account, why=str(error))
                busy = 0
            if not busy:
                await self._news()

    async def once(self) -> int:
        """Fetch what is due, as much as may be under way at once; the number of files tried."""
        account, now = self.account, self.clock.now()
        due = await self.store.read(
            lambda r: r.value("attachments.any_due", account=account, now=now)
        )
        if not due:
            return 0
        claimed = await self._claim(now)
        for end in await asyncio.gather(*map(self._settle, claimed), return_exceptions=True):
            if isinstance(end, BaseException):
                raise end
        return len(claimed)

    async def _recover(self) -> None:
        """What this very database's dead process was at."""
        now = self.clock.now()
        await self.store.write(
            lambda tx: tx.run("attachments.recover", account=self.account, now=now)
        )

    async def _claim(self, now: float) -> list[Row]:
        def work(tx: Tx) -> list[Row]:
            found = tx.all("attachments.due", account=self.account, now=now, n=AT_ONCE)
            return [
                claimed
                for row in found
                if (claimed := tx.one(
                    "attachments.claim", **row, owner=self.owner, until=now + LEASE_SECONDS
                ))
            ]  # fmt: skip

        return await self.store.write(work)

    async def _settle(self, row: Row) -> None:
        """One file to the end of one try."""
        try:
            file = await self._named(row)
            if file is None:
                await self._again(row, row["attempts"], self.clock.now() + LONGEST_PAUSE)
                return
            clean, address = await self._fetched(file)
        except Useless as error:
            await self._lost(row, str(error))
        except Overloaded as error:
            # A full disk, busy workers: nothing is wrong with the file.
            self.log.warning("a file waits", account=self.account, why=str(error))
            await self._again(row, row["attempts"] - 1, self.clock.now() + FIRST_PAUSE)
        except Exception as error:  # noqa: BLE001 - whatever a channel does with a file concerns it alone
            await self._failed(row, error)
        else:
            await self._keep(row, clean, address)

    async def _named(self, row: Row) -> Attachment | None:
        message = await self.store.read(lambda r: r.one("messages.content", id=row["message_id"]))
        files = json.loads(message["meta"]).get("attachments") or [] if message else []
        return decode_attachment(files[row["place"]]) if row["place"] < len(files) else None

    async def _fetched(self, file: Attachment) -> tuple[CleanFile, str]:
        """The file fit to be kept, and where it is kept."""
        if file.size > self.limit:
            raise Useless(_too_large(self.limit))
        async with asyncio.timeout(TRY_SECONDS):
            data = await self.channel.fetch(file)
        if len(data) > self.limit:
            raise Useless(_too_large(self.limit))
        whole = replace(file, data=data, size=len(data))
        whole = replace(whole, content_type=kind_of(whole))
        clean = CleanFile(whole)
        if is_text(whole):
            (clean,) = await self.workers.run(
                clean_files, [whole], self.policy, timeout=_CLEAN_SECONDS
            )
        return clean, await self.blobs.put(clean.attachment.data or b"")

    # ------------------------------------------------------------ what came of it

    async def _keep(self, row: Row, clean: CleanFile, address: str) -> None:
        file, now = clean.attachment, self.clock.now()
        found = {"blob": address, "size": file.size, "type": file.content_type}

        def work(tx: Tx) -> bool:
            if not _finish(tx, row, self.owner):
                # Taken back meanwhile, or another process was faster: then it is named, and stays.
                tx.run("attachments.may_go", address=address, due_at=now)
                return False
            tx.run("meta.add_blob_ref", address=address, owner=row["message_id"])
            _write(tx, row, found, clean.kinds)
            _tell(tx, row, "attachment.fetched", now, found | {"redactions": [*clean.kinds]})
            return True

        if await self.store.write(work):
            self.log.info("file fetched", account=self.account, size=file.size)

    async def _failed(self, row: Row, error: Exception) -> None:
        final, pause = False, None
        if isinstance(error, DeliveryError):
            final, pause = error.failure in _FINAL, error.retry_after
        why = _told(error)
        if final or row["attempts"] >= self.attempts:
            await self._lost(row, why)
            return
        growing = FIRST_PAUSE * 3.0 ** (row["attempts"] - 1)
        pause = min(LONGEST_PAUSE, max(growing, pause or 0.0))
        self.log.warning("file not fetched", account=self.account, why=why, again=pause)
        await self._again(row, row["attempts"], self.clock.now() + pause)

    async def _lost(self, row: Row, why: str) -> None:
        now = self.clock.now()

        def work(tx: Tx) -> bool:
            if not _finish(tx, row, self.owner):
                return False
            _write(tx, row, {"lost": why}, ())
            _tell(tx, row, "attachment.lost", now, {"why": why, "attempts": row["attempts"]})
            return True

        if await self.store.write(work):
            self.log.warning("file given up", account=self.account, why=why)

    async def _again(self, row: Row, tries: int, due_at: float) -> None:
        values = {"tries": tries, "due_at": due_at}
        await self.store.write(
            lambda tx: tx.run("attachments.again", **_mine(row, self.owner), **values)
        )

    async def _news(self) -> None:
        try:
            async with asyncio.timeout(self.poll):
                await self.arrived.wait()
        except TimeoutError:
            return


def _mine(row: Row, owner: str) -> dict[str, Any]:
    """The try as it was claimed; another one has another number."""
    names = ("message_id", "place", "attempts")
    return {**{name: row[name] for name in names}, "owner": owner}


def _finish(tx: Tx, row: Row, owner: str) -> bool:
    """Whether it was still ours to bring to its end."""
    return bool(tx.run("attachments.finish", **_mine(row, owner)))


def _write(tx: Tx, row: Row, found: dict[str, Any], kinds: tuple[str, ...]) -> None:
    """Into the message. Another file of the same message may be written at the same moment: the row is
    read and changed in one transaction."""
    message = tx.one("messages.content", id=row["message_id"])
    assert message is not None  # noqa: S101 - the fetch refers to it
    meta = json.loads(message["meta"])
    meta["attachments"][row["place"]] |= found
    if kinds:
        meta["redactions"] = [*dict.fromkeys([*meta.get("redactions", ()), *kinds])]
    tx.run("messages.set_meta", id=row["message_id"], meta=json.dumps(meta, ensure_ascii=False))


def _tell(tx: Tx, row: Row, kind: str, now: float, said: dict[str, Any]) -> None:
    message = tx.one("messages.content", id=row["message_id"])
    assert message is not None  # noqa: S101 - as above
    event = derived_id(row["message_id"], f"a{row['place']}")
    data = {"message": row["message_id"], "place": row["place"], **said}
    tx.log(LogEvent(event, kind, now, message["inquiry_id"], data))


def _too_large(limit: int) -> str:
    return f"larger than {limit} bytes"


def _told(error: Exception) -> str:
    """One line without what was fetched."""
    if isinstance(error, DeliveryError):
        return error.detail[:200]
    if isinstance(error, TimeoutError):
        return f"no end after {TRY_SECONDS:.0f} s"
    return str(error)[:200] if isinstance(error, GatewayError) else type(error).__name__
