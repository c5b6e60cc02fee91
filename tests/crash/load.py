"""Load from many customers at once, and the journal of what the gateway acknowledged.

A message is delivered again, the same bytes under the same id, until it is acknowledged, as mail
servers and providers do; some are delivered once more after that. What is in the journal the gateway
owes us, whatever happens to it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp
import aiosmtplib

from tests.crash.customers import Customer, Message
from tests.crash.settings import MAIL_ADDRESS

#: Mail takes longest to be taken, so more of the customers write it.
SHARES: Mapping[str, float] = {"mail": 0.5, "sms": 0.25, "app": 0.25}
#: Seconds until a delivery that was turned away is tried again.
_AGAIN = 0.2
#: Seconds a delivery may take.
_PATIENCE = 20.0
#: Share of acknowledged messages that are delivered once more.
_REPEATED = 0.1


class Refused(Exception):
    """The gateway said that it will never take a message of ours: the harness or the gateway is
    wrong."""


class _NotYet(Exception):
    """No acknowledgement; it must be delivered again."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where one living gateway takes messages in."""

    web: str
    mail: tuple[str, int]

    @classmethod
    def of(cls, addresses: Mapping[str, str]) -> Self:
        """From what a gateway says when it is ready."""
        host, _, port = addresses["mail"].rpartition(":")
        return cls(addresses["web"], (host, int(port)))


@dataclass(slots=True)
class Load:
    """The customers of one run.

    Args:
        run: goes into every id, so that runs cannot be mistaken for each other.
        seats: customers writing at the same time.
        shares: account → share of the seats.
        pause: mean seconds between two messages of one customer.
    """

    run: str
    rng: random.Random
    seats: int = 44
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    pause: float = 0.8
    repeated: float = _REPEATED
    acknowledged: dict[tuple[str, str], Message] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """'acknowledged', 'repeated', 'turned away', 'broken off'."""
    _open: dict[tuple[str, str], Message] = field(default_factory=dict)
    _tried: set[tuple[str, str]] = field(default_factory=set)
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: bool = False
    _doors: dict[str, Door] = field(default_factory=dict)
    _at: Counter[str] = field(default_factory=Counter)
    _said_yes: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    # ------------------------------------------------------------ told by the harness

    def start(self) -> None:
        """Let every customer begin; nothing is delivered before the first `aim`."""
        for account, share in self.shares.items():
            for seat in range(round(self.seats * share)):
                customer = Customer(account, self.run, seat, random.Random(self.rng.random()))
                self._tasks.append(asyncio.create_task(self._write(customer.messages())))

    def aim(self, addresses: Mapping[str, str], name: str = "") -> None:
        """A gateway lives, at these addresses; where there are several, each has a name."""
        self._doors[name] = Door.of(addresses)
        self._up.set()

    def hold(self, name: str = "") -> None:
        """It is dead: nothing goes there before the next `aim`."""
        self._doors.pop(name, None)
        if not self._doors:
            self._up.clear()

    def at(self, name: str) -> int:
        """Deliveries that wait for an answer of this gateway."""
        return self._at[name]

    async def next_acknowledgement(self) -> None:
        """Wait until a message is acknowledged from now on."""
        self._said_yes.clear()
        await self._said_yes.wait()

    def forget_life(self) -> None:
        """What is tried from now on is tried with the next life."""
        self._tried.clear()

    @property
    def waiting(self) -> int:
        """Messages written and not yet acknowledged."""
        return len(self._open)

    @property
    def in_flight(self) -> int:
        """Of these, the ones that were tried with the gateway's present life."""
        return len(self._tried & self._open.keys())

    async def finish(self, seconds: float) -> None:
        """Write nothing new, deliver what is written. Raises TimeoutError, or what a customer met."""
        self._ending = True
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*self._tasks)
        except TimeoutError as error:
            msg = f"{self.waiting} messages were not acknowledged within {seconds:.0f} s"
            raise TimeoutError(msg) from error

    async def cancel(self) -> None:
        """End every customer at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raises what a customer met, as `Refused`."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    # ------------------------------------------------------------ one customer

    async def _write(self, messages: Iterator[Message]) -> None:
        async with aiohttp.ClientSession() as session:
            for message in messages:
                if self._ending:
                    return
                self._open[message.key] = message
                await self._until_acknowledged(message, session)
                if self.rng.random() < self.repeated:
                    await self._once_more(message, session)
                await asyncio.sleep(self.rng.expovariate(1 / self.pause))

    async def _until_acknowledged(self, message: Message, session: aiohttp.ClientSession) -> None:
        while not message.acknowledged:
            await self._up.wait()
            message.attempts += 1
            self._tried.add(message.key)
            try:
                await self._deliver(message, session)
            except _NotYet:
                await asyncio.sleep(_AGAIN * self.rng.random())
                continue
            message.acknowledged = True
            self.acknowledged[message.key] = message
            del self._open[message.key]
            self.counts["acknowledged"] += 1
            self._said_yes.set()

    async def _once_more(self, message: Message, session: aiohttp.ClientSession) -> None:
        """What a provider does whose own note of our answer was lost."""
        self.counts["repeated"] += 1
        try:
            await self._deliver(message, session)
        except _NotYet:
            return

    async def _deliver(self, message: Message, session: aiohttp.ClientSession) -> None:
        if not self._doors:
            raise _NotYet
        name = self.rng.choice([*self._doors])
        door = self._doors[name]
        self._at[name] += 1
        try:
            if message.account == "mail":
                await self._by_mail(message, door)
            else:
                await self._by_webhook(message, session, door)
        finally:
            self._at[name] -= 1

    async def _by_mail(self, message: Message, door: Door) -> None:
        host, port = door.mail
        client = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            local_hostname="mail.example",
            start_tls=False,
            timeout=_PATIENCE,
        )
        try:
            await client.connect()
            await client.sendmail(message.sender, [MAIL_ADDRESS], message.body)
        except aiosmtplib.SMTPResponseException as error:
            self._turned_away(f"{error.code} {error.message}", final=error.code >= 500)
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            self._turned_away(f"{first.code} {first.message}", final=first.code >= 500)
        except (aiosmtplib.SMTPException, OSError) as error:
            self.counts["broken off"] += 1
            raise _NotYet from error
        finally:
            client.close()

    async def _by_webhook(
        self, message: Message, session: aiohttp.ClientSession, door: Door
    ) -> None:
        kind = "sms" if message.account == "sms" else "http"
        url = f"{door.web}/in/{kind}/{message.account}"
        patience = aiohttp.ClientTimeout(total=_PATIENCE)
        try:
            async with session.post(
                url, data=message.body, headers=message.signed(url), timeout=patience
            ) as response:
                status, text = response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.counts["broken off"] += 1
            raise _NotYet from error
        if status != 200:
            self._turned_away(f"{status} {text}", final=status < 500)

    def _turned_away(self, answer: str, *, final: bool) -> None:
        if final:
            raise Refused(answer)
        self.counts["turned away"] += 1
        raise _NotYet(answer)
