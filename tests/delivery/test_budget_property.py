"""Whatever happens, and whichever process dies in the middle: never more than a budget goes out in a
window, automatic messages leave the last two, and nothing gets lost."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.delivery import windows
from gateway.delivery.deliver import LEASE_SECONDS, SEND_SECONDS, Delivery
from gateway.desk.upkeep import send_again
from gateway.domain.channel import Outbound, Sent
from gateway.domain.errors import Conflict, DeliveryError, Failure
from gateway.domain.window import FOR_PEOPLE
from tests.delivery.scripted import Scripted
from tests.delivery.windowed import HUMAN_ONLY, WINDOW, conversation, say, writes
from tests.store.engines import AnyStore, select
from tests.workers.rig import Rig

_NUMBERS = itertools.count(1)
PAUSES = (0.5, 0.5, 20.0, 20.0, LEASE_SECONDS + 1, WINDOW, HUMAN_ONLY)


@dataclass
class Provider:
    """Counts as a provider does: by when messages reach it."""

    budget: int
    wrote_at: float
    taken: list[Outbound] = field(default_factory=list)
    since: list[Outbound] = field(default_factory=list)
    """Since the customer wrote last."""

    def hears(self, now: float) -> None:
        self.wrote_at, self.since = now, []

    def takes(self, message: Outbound, now: float) -> None:
        self.taken.append(message)
        self.since.append(message)
        automatic = sum(one.automatic for one in self.since)
        assert len(self.since) <= self.budget, [one.id for one in self.since]
        assert automatic <= max(0, self.budget - FOR_PEOPLE), [one.id for one in self.since]
        allowed = WINDOW if message.automatic else HUMAN_ONLY
        # The mark is made in the window; the way to the provider takes its time.
        assert now - self.wrote_at <= allowed + SEND_SECONDS


@dataclass
class Flight:
    delivery: Delivery
    row: Any
    message: Outbound
    begun_at: float
    out: bool = False


@dataclass
class World:
    """One conversation, two processes, and what is on its way."""

    rig: Rig
    event: str
    budget: int
    flights: list[Flight] = field(default_factory=list)
    unheard: list[float] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    """Texts by message."""
    repeated: set[str] = field(default_factory=set)
    """What a person let go out although it may have been out."""

    def __post_init__(self) -> None:
        self.channel = Scripted(
            reply_window=WINDOW, human_only_window=HUMAN_ONLY, reply_budget=self.budget
        )
        self.processes = [self.rig.delivery({"app": self.channel}, owner=f"p{n}") for n in (0, 1)]
        self.provider = Provider(self.budget, self.rig.clock.now())

    async def do(self, action: str, number: int) -> None:
        now = self.rig.clock.now()
        flight = self.flights[number % len(self.flights)] if self.flights else None
        match action:
            case "auto" | "human":
                for _ in range(1 + number % 3):
                    await self.say(automatic=action == "auto")
            case "write":
                self.provider.hears(now)
                self.unheard.append(now)
                if number % 3:
                    await self.hear()
            case "hear":
                await self.hear()
            case "start":
                await self.start(self.processes[number % 2])
            case "go" | "lost" | "late":
                before = len(self.flights)
                await self.start(self.processes[number % 2])
                for started in self.flights[before:]:
                    if action == "late":
                        # The customer writes while it is on its way.
                        self.rig.clock.advance(1.0)
                        await self.do("write", number // 3)
                        self.rig.clock.advance(1.0)
                    self.transmit(started)
                    await self.end(
                        started, ("unknown", "dies")[number % 2] if action == "lost" else "sent"
                    )
            case "transmit" if flight:
                self.transmit(flight)
            case "end" if flight:
                await self.end(flight, ("sent", "failed", "unknown", "dies")[number % 4])
            case "wait":
                self.rig.clock.advance(
                    (0.5, 20.0, LEASE_SECONDS + 1, WINDOW, HUMAN_ONLY)[number % 5]
                )
            case "recover":
                await self.processes[number % 2].recover(alone=False)
            case "person":
                await self.decide(number)

    async def say(self, *, automatic: bool) -> None:
        name = f"m{len(self.said):03}"
        text = self.said[f"{self.event}.{name}"] = f"<{self.event}.{name}>"
        await say(self.rig, name, automatic=automatic, event=self.event, text=text)

    async def hear(self) -> None:
        for at in self.unheard:
            await writes(self.rig, self.event, at)
        self.unheard.clear()

    async def start(self, delivery: Delivery) -> None:
        for row in await delivery._lease("app", 9):
            message = windows.outbox.outbound(row)
            try:
                begun = await delivery._begin(row)
            except (windows.Parked, Conflict):
                continue
            assert begun.slots == 1
            self.flights.append(Flight(delivery, row, message, self.rig.clock.now()))

    def transmit(self, flight: Flight) -> None:
        now = self.rig.clock.now()
        if not flight.out and now - flight.begun_at < SEND_SECONDS:
            flight.out = True
            self.provider.takes(flight.message, now)

    async def end(self, flight: Flight, how: str) -> None:
        self.flights.remove(flight)
        delivery, row = flight.delivery, flight.row
        if how == "sent":
            self.transmit(flight)
        if how == "sent" and flight.out:
            await delivery._record(row, Sent(f"ext-{row['id']}"), 1)
        elif how == "failed" and not flight.out:
            await delivery._failed(row, self.channel, DeliveryError(Failure.RETRY, "no"))
        elif how == "unknown":
            await delivery._failed(row, self.channel, DeliveryError(Failure.UNKNOWN, "?"))

    async def decide(self, number: int) -> None:
        parked = [row for row in await self.rows() if row["state"] == "parked"]
        if parked:
            row = parked[number % len(parked)]
            await send_again(self.rig.store, self.rig.clock, self.rig.ids, row["id"], "ann")  # type: ignore[arg-type]
            if row["failure"] == "unknown":
                self.repeated.add(row["id"])

    async def rows(self) -> list[dict[str, Any]]:
        return await select(
            self.rig.store,
            f"SELECT * FROM outbox WHERE conversation_id = '{self.event}.v' ORDER BY id",
        )

    async def come_to_an_end(self) -> None:
        """Everybody is well, and the customer goes on writing."""
        self.flights.clear()
        for _ in range(4 * len(self.said) + 4):
            self.rig.clock.advance(LEASE_SECONDS + 1)
            await self.processes[0].recover(alone=False)
            await self.do("write", 1)
            # A pause that follows a failure ends.
            self.rig.clock.advance(30)
            for _ in self.said:
                await self.start(self.processes[0])
                for flight in [*self.flights]:
                    await self.end(flight, "sent")
            rows = await self.rows()
            # What is carried has the fate of its carrier.
            states = {(row["state"], row["failure"]) for row in rows if not row["carrier"]}
            if all(
                state in ("sent", "parked") and failure != "window_closed"
                for state, failure in states
            ):
                return
        raise AssertionError(states)

    async def nothing_is_lost(self) -> None:
        states = {row["id"]: row for row in await self.rows()}
        assert states.keys() == self.said.keys()
        for message, text in self.said.items():
            row = states[message]
            carrier = states[row["carrier"]] if row["carrier"] else row
            times = sum(text in one.text for one in self.provider.taken)
            if carrier["state"] == "sent":
                assert times >= 1, f"{message} is recorded as sent and is not out"
            else:
                assert (carrier["state"], carrier["failure"]) == ("parked", "unknown"), row
            assert times <= 1 or carrier["id"] in self.repeated, f"{message} went out {times} times"


ACTIONS = st.tuples(
    st.sampled_from(
        ["auto", *["human"] * 3, *["go"] * 8, *["lost"] * 2, "late", "write", "hear", "start",
         "transmit", "end", "wait", "recover", "person"]
    ),
    st.integers(0, 59),
)  # fmt: skip


@pytest.mark.timeout(600)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(budget=st.integers(FOR_PEOPLE + 1, 5), story=st.lists(ACTIONS, min_size=10, max_size=60))
async def test_never_more_than_a_budget_goes_out_and_nothing_gets_lost(
    store: AnyStore, budget: int, story: list[tuple[str, int]]
) -> None:
    rig = Rig(store)  # type: ignore[arg-type]
    number = next(_NUMBERS)
    rig.ids._numbers = itertools.count(number * 100_000)
    event = f"ev{number}"
    await conversation(rig, event)
    world = World(rig, event, budget)
    for action, choice in story:
        await world.do(action, choice)
    await world.come_to_an_end()
    await world.nothing_is_lost()
