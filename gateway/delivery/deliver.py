"""Sends what is in the outbox: one lane per account, the failure kind says what is next.

A row is leased, marked `begun` right before anything can go out, sent, and recorded. What a crash
leaves between `begun` and the record may be out: it is repeated only where that is provably safe.
Any number of processes may deliver from one database; `gateway.delivery.outbox` says whose a row is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gateway import steps
from gateway.delivery import outbox, windows
from gateway.delivery.merging import merged
from gateway.delivery.vetting import vetted
from gateway.domain.allowlist import Allowed
from gateway.domain.channel import Channel, Lookup, Outbound, Sent
from gateway.domain.errors import (
    Conflict,
    DeliveryError,
    Failure,
    GatewayError,
    NotFound,
    Overloaded,
    StoreError,
)
from gateway.domain.store import Row, Store, Tx
from gateway.domain.window import LONGEST_SEND, UNLIMITED, Rules
from gateway.domain.world import Clock, Ids, Log
from gateway.uncut import uncut

#: Seconds one transmission may take. The lease, whole again at `begun`, outlasts it twice: only an
#: owner that is dead or frozen loses a row.
SEND_SECONDS = LONGEST_SEND
LEASE_SECONDS = 120.0
#: Seconds between two looks for leases that ran out.
SWEEP_SECONDS = 5.0
#: Seconds a stop waits for transmissions under way, and for giving the rest back.
LAST_SECONDS, GIVE_BACK_SECONDS = 2.0, 1.0
#: Seconds until the first repeat, doubled each time up to the last.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0
#: Seconds an account rests after its credentials or settings were refused.
MISCONFIGURED_PAUSE = 300.0
#: Seconds the provider is asked about an unknown outcome before a person has to decide.
LOOKUP_PATIENCE = 3600.0
LOOKUP_AGAIN = 30.0
#: Tries to write an outcome to a database that refuses it for another reason than a full disk.
RECORD_TRIES = 60


@dataclass(slots=True)
class Delivery:
    """Delivers for all accounts of one process."""

    store: Store
    channels: Mapping[str, Channel]
    clock: Clock
    ids: Ids
    log: Log
    owner: str
    spread: Callable[[], float]
    """A random factor around 1: many rows must not come back at the same instant."""
    attempts: int = 8
    concurrency: int = 16
    poll: float = 1.0
    settle: float = 15.0
    """Seconds until a provider's list surely shows what it took."""
    allowed: Mapping[str, Allowed] = field(default_factory=dict)
    """What the messages of an account may name; without an entry no number and no link."""
    sent: Callable[[], None] = lambda: None
    """Told after each commit of a message that went out."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(account, outcome) → number."""
    _wake: dict[str, asyncio.Event] = field(default_factory=dict)
    _under_way: dict[str, set[asyncio.Task[None]]] = field(default_factory=dict)
    _held: set[tuple[str, int]] = field(default_factory=set)
    """(row, attempt) that this process is at, whatever a clock that jumped says of the lease."""
    _stopping: bool = False

    def wake(self, account: str) -> None:
        """There is something to send."""
        if account in self._wake:
            self._wake[account].set()

    def wake_all(self) -> None:
        """There may be something to send, for any account."""
        for news in self._wake.values():
            news.set()

    async def recover(self, *, alone: bool) -> None:
        """Settle what dead owners left: leased rows did not go out, begun ones may have.

        Each row is taken over first, so that of several processes that look one settles it.

        Args:
            alone: no other process works on this database, so every other owner is dead; else only
                rows whose lease has run out are taken.
        """
        if alone:
            await self.store.write(
                lambda tx: tx.run("outbox.end_leases_of_others", owner=self.owner)
            )
        now = self.clock.now()
        unsent = DeliveryError(Failure.RETRY, "the process that held it ended before it sent")
        for left in await self.store.read(lambda reader: reader.all("outbox.abandoned", now=now)):
            if (left["id"], left["attempts"]) in self._held:
                continue
            row = await self._take_over(left["id"])
            if row is not None and row["state"] == "leased":
                await self._again(row, 0.0, unsent)
            elif row is not None:
                await self._unknown(row, "the process ended while it was being sent")

    async def _take_over(self, reference: str) -> Row | None:
        """A row that nobody holds any more, now ours; None where somebody else was faster."""
        now = self.clock.now()
        values = {"owner": self.owner, "now": now, "until": now + LEASE_SECONDS}
        return await self.store.write(lambda tx: tx.one("outbox.take_over", id=reference, **values))

    async def run(self) -> None:
        """Deliver until cancelled; then let what is under way come to its end and give the rest back."""
        self._stopping = False
        for account in self.channels:
            self._wake[account] = asyncio.Event()
            self._under_way[account] = set()
        try:
            async with asyncio.TaskGroup() as group:
                for account in self.channels:
                    group.create_task(self._account(account))
                group.create_task(self._sweep())
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """Other processes must not wait for our leases to run out."""
        self._stopping = True
        if tasks := set().union(*self._under_way.values()):
            await asyncio.wait(tasks, timeout=LAST_SECONDS)
        for task in tasks:
            task.cancel()
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.store.write(lambda tx: outbox.let_go(tx, self.owner))
        except (GatewayError, TimeoutError) as error:
            self.log.warning("rows wait for their leases to run out", why=str(error))

    # ------------------------------------------------------------ one account's lane

    async def _account(self, account: str) -> None:
        channel, busy = self.channels[account], self._under_way[account]
        slots = min(self.concurrency, channel.capabilities.concurrency)
        while True:
            self._wake[account].clear()
            rows: list[Row] = []
            try:
                await self._ask_provider(account, channel)
                if free := slots - len(busy):
                    rows = await self._lease(account, free)
            except GatewayError as error:
                self.log.warning("delivery waits", account=account, why=str(error))
            for row in rows:
                self._held.add((row["id"], row["attempts"]))
                task = asyncio.create_task(self._deliver(row, channel))
                busy.add(task)
                task.add_done_callback(partial(self._finished, row))
            if not rows:
                await self._news(account)

    def _finished(self, row: Row, task: asyncio.Task[None]) -> None:
        account = row["account"]
        self._held.discard((row["id"], row["attempts"]))
        self._under_way[account].discard(task)
        self._wake[account].set()
        if not task.cancelled() and (error := task.exception()):
            self.log.error("delivery", account=account, why=f"{type(error).__name__}: {error}")

    async def _news(self, account: str) -> None:
        try:
            # Not wait_for: Python 3.11's forgets a cancellation that meets the news.
            async with asyncio.timeout(self.poll):
                await self._wake[account].wait()
        except TimeoutError:
            return

    async def _lease(self, account: str, n: int) -> list[Row]:
        now = self.clock.now()
        if not await self.store.read(lambda r: r.value("outbox.any_due", account=account, now=now)):
            return []
        counted = self._rules(account).budget is not None
        limit = self.channels[account].capabilities.text if counted else None

        def work(tx: Tx) -> list[Row]:
            taken = outbox.lease(tx, account, self.owner, now, now + LEASE_SECONDS, n)
            return [merged(tx, row, now, limit) for row in taken] if limit else taken

        rows = await uncut(self.store.write(work))
        if rows:
            steps.reach("outbox.leased")
        return rows

    async def _deliver(self, row: Row, channel: Channel) -> None:
        begun: windows.Begun | None = None

        async def begin() -> None:
            nonlocal begun
            if begun is None:
                begun = await self._begin(row)
                steps.reach("begun.after")

        message = replace(outbox.outbound(row), begin=begin)
        message, why = vetted(message, self.allowed.get(row["account"], Allowed()))
        if why:
            await self._park(row, Failure.REJECTED, why)
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                if not channel.capabilities.begins_itself:
                    await begin()
                sent = await channel.send(
                    replace(message, beyond_window=begun.beyond) if begun else message
                )
        except DeliveryError as error:
            await self._failed(row, channel, error, begun.turn if begun else 0)
        except windows.Parked as error:
            self.log.info("waits for the customer", outbox=row["id"], why=str(error))
        except (Conflict, Overloaded) as error:
            await self._not_begun(row, begun is not None, error)
        except TimeoutError:
            await self._broken(row, begun is not None, f"no end after {SEND_SECONDS:.0f} s")
        except Exception as error:  # noqa: BLE001 - a fault of a channel must not lose the row
            await self._broken(row, begun is not None, f"{type(error).__name__}: {error}")
        else:
            steps.reach("send.after")
            await self._record(row, sent, begun.slots if begun else 0)

    async def _begin(self, row: Row) -> windows.Begun:
        """Raises `Conflict` when nothing may go out: the lease is lost, or the process is stopping;
        `Parked` when the reply window is closed or its budget used up."""
        if self._stopping:
            msg = "the process is stopping"
            raise Conflict(msg)
        steps.reach("begun.before")
        now = self.clock.now()
        rules, event = self._rules(row["account"]), self.ids.new()
        keyed = rules.limited and self.channels[row["account"]].capabilities.send_safety == "key"
        begun = await self.store.write(
            lambda tx: windows.begin(tx, row, now, now + LEASE_SECONDS, rules, event, keyed=keyed)
        )
        if begun.parked:
            self.counts.update([(row["account"], "window_closed"), (row["account"], "parked")])
            raise windows.Parked(begun.parked)
        if self.clock.now() - now > LEASE_SECONDS - SEND_SECONDS:
            # Frozen behind the commit: the rest of the lease may end before the transmission does.
            msg = "too late to send within the lease"
            raise Conflict(msg)
        return begun

    def _rules(self, account: str) -> Rules:
        channel = self.channels.get(account)
        return UNLIMITED if channel is None else Rules.of(channel.capabilities)

    async def _not_begun(self, row: Row, started: bool, error: GatewayError) -> None:
        """The lease was lost, or the database is full or away: no failure of the message, and however
        often it happens the row is not parked for it."""
        if started:  # only a channel at fault raises these then
            await self._broken(row, started, f"{type(error).__name__}: {error}")
            return
        self.log.warning("not begun", outbox=row["id"], why=str(error))
        pause = self.poll if isinstance(error, Overloaded) else 0.0
        await self._again(row, pause, DeliveryError(Failure.RETRY, str(error)))

    async def _record(self, row: Row, sent: Sent, slots: int) -> None:
        event, now = self.ids.new(), self.clock.now()
        if await self._write_down(
            row, lambda tx: outbox.record(tx, row, sent, event, now, slots=slots)
        ):
            steps.reach("record.after")
            self.counts[row["account"], "sent"] += 1
            self.sent()

    async def _write_down(self, row: Row, work: Callable[[Tx], None]) -> bool:
        """Write what became of a row; whether it still was ours. Nobody else knows: forgotten, a sent
        message would be a case for a person, and one that may go again would lie until its lease
        runs out."""
        tries = 0
        while True:
            tries += 1
            try:
                await self.store.write(work)
            except Conflict as error:
                self.log.warning("lease lost", outbox=row["id"], why=str(error))
                return False
            except (Overloaded, StoreError) as error:
                # A full disk ends some day, a server comes back; another refusal may be for good.
                if not isinstance(error, Overloaded) and tries >= RECORD_TRIES:
                    raise
                self.log.warning("outcome not recorded yet", outbox=row["id"], why=str(error))
                await asyncio.sleep(self.poll)
            else:
                return True

    # ------------------------------------------------------------ what went wrong

    async def _failed(
        self, row: Row, channel: Channel, error: DeliveryError, turn: int = 0
    ) -> None:
        self.counts[row["account"], error.failure.value] += 1
        self.log.info(
            "not sent", outbox=row["id"], account=row["account"], failure=error.failure.value,
            code=error.provider_code, why=error.detail[:200],
        )  # fmt: skip
        match error.failure:
            case Failure.RETRY:
                await self._repeat(row, error, self._pause(row["attempts"]))
            case Failure.THROTTLED:
                await self._rest(row, error, error.retry_after or self._pause(row["attempts"]))
            case Failure.MISCONFIGURED:
                self.log.error(
                    "account paused: its settings or credentials are refused",
                    account=row["account"], why=error.detail[:200],
                )  # fmt: skip
                await self._rest(row, error, MISCONFIGURED_PAUSE)
            case Failure.WINDOW_CLOSED:
                await self._shut(row, error, turn)
            case Failure.REJECTED | Failure.OPTED_OUT:
                event, now = self.ids.new(), self.clock.now()
                await self._write_down(row, lambda tx: outbox.give_up(tx, row, error, event, now))
            case Failure.UNKNOWN:
                await self._unknown(row, error.detail, channel)

    async def _broken(self, row: Row, started: bool, detail: str) -> None:
        """The channel did not say what happened; whether `begun` was reached does."""
        failure = Failure.UNKNOWN if started else Failure.RETRY
        await self._failed(row, self.channels[row["account"]], DeliveryError(failure, detail))

    def _pause(self, attempts: int) -> float:
        """Seconds until the next try."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempts - 1)) * self.spread()

    async def _repeat(self, row: Row, error: DeliveryError, pause: float) -> None:
        """Again after a pause, but not without end."""
        if row["attempts"] >= self.attempts:
            await self._park(row, error.failure, f"{row['attempts']} tries: {error.detail}")
        else:
            await self._again(row, pause, error)

    async def _again(self, row: Row, pause: float, error: DeliveryError) -> None:
        due = self.clock.now() + pause
        await self._write_down(row, lambda tx: outbox.again(tx, row, due, error))

    async def _rest(self, row: Row, error: DeliveryError, pause: float) -> None:
        """This account pauses; no other account notices."""
        until = self.clock.now() + pause

        def work(tx: Tx) -> None:
            outbox.again(tx, row, until, error)
            tx.run("outbox.pause", account=row["account"], until=until, why=str(error)[:300])

        await self._write_down(row, work)

    async def _park(self, row: Row, failure: Failure, detail: str) -> None:
        event, now = self.ids.new(), self.clock.now()
        if await self._write_down(
            row, lambda tx: outbox.park(tx, row, failure, detail, event, now)
        ):
            self.counts[row["account"], "parked"] += 1

    async def _shut(self, row: Row, error: DeliveryError, turn: int) -> None:
        """The provider says that the customer has to write first."""
        event, now, parked = self.ids.new(), self.clock.now(), False

        def work(tx: Tx) -> None:
            nonlocal parked
            parked = windows.refused(tx, row, turn, error, event, now)

        if await self._write_down(row, work) and parked:
            self.counts[row["account"], "parked"] += 1

    async def _unknown(self, row: Row, detail: str, channel: Channel | None = None) -> None:
        """It may be out. Repeat where the provider drops repeats, ask where it can be asked, and
        leave it to a person everywhere else."""
        known: object = channel or self.channels.get(row["account"])
        safety = known.capabilities.send_safety if isinstance(known, Channel) else "blind"
        if row["external_id"].startswith(outbox.HERE):
            safety = "blind"  # no list and no key knows what went into a reply
        if safety == "key" and row["attempts"] < self.attempts:
            pause = self._pause(row["attempts"])
            await self._again(row, pause, DeliveryError(Failure.UNKNOWN, detail))
        elif safety == "listable" and isinstance(known, Lookup):
            due = self.clock.now() + self.settle
            await self._write_down(row, lambda tx: outbox.unsure(tx, row, due, detail))
        else:
            await self._park(row, Failure.UNKNOWN, detail)

    # ------------------------------------------------------------ asking the provider

    async def _ask_provider(self, account: str, channel: Channel) -> None:
        if not isinstance(channel, Lookup):
            return
        now = self.clock.now()
        waiting = await self.store.read(
            lambda reader: reader.all("outbox.unsettled", account=account, now=now, n=20)
        )
        for found in waiting:
            # One after the other: none lies taken while another is asked about.
            if (row := await self._take_over(found["id"])) is not None:
                await self._look_up(row, channel, outbox.outbound(row))

    async def _look_up(self, row: Row, channel: Lookup, message: Outbound) -> None:
        since = (row["begun_at"] or row["created_at"]) - 60.0
        try:
            async with asyncio.timeout(SEND_SECONDS):
                listed = await channel.find_sent(message, since)
        except DeliveryError as error:
            await self._ask_later(row, error)
            return
        except Exception as error:  # noqa: BLE001 - a fault of one channel must not stop the others
            await self._ask_later(
                row, DeliveryError(Failure.RETRY, f"{type(error).__name__}: {error}")
            )
            return
        event, now = self.ids.new(), self.clock.now()
        try:
            if await self._write_down(row, lambda tx: outbox.found(tx, row, listed, event, now)):
                self.counts[row["account"], "sent"] += 1
        except NotFound as error:
            # Proof that the first try did not go out.
            await self._repeat(row, DeliveryError(Failure.RETRY, str(error)), 0.0)

    async def _ask_later(self, row: Row, error: DeliveryError) -> None:
        now = self.clock.now()
        if now - (row["begun_at"] or now) > LOOKUP_PATIENCE:
            await self._park(row, Failure.UNKNOWN, f"the provider cannot be asked: {error.detail}")
            return
        await self._write_down(
            row, lambda tx: outbox.unsure(tx, row, now + LOOKUP_AGAIN, error.detail)
        )

    async def _sweep(self) -> None:
        """Leases that ran out, of processes that died."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.recover(alone=False)
            except GatewayError as error:
                self.log.warning("delivery waits", why=str(error))
