"""The parts behind the acknowledgement, put together on a store without processes or a network.

The clock stands still until a test moves it, and every unit of work runs twice.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, TypeVar

from gateway.delivery.deliver import Delivery
from gateway.desk.commands import Desk
from gateway.domain.announcement import Announcement
from gateway.domain.channel import Channel, ChannelEvent, Inbound, Receipt
from gateway.domain.decision import Certificate, Decision, Question, Verb
from gateway.domain.model import DeliveryState, Queue
from gateway.domain.plan import Plan
from gateway.domain.snapshot import AccountView
from gateway.domain.store import Tx
from gateway.domain.waiting import Notice
from gateway.intake.accept import Accept
from gateway.keys import Keys
from gateway.store.apply import apply
from gateway.testing.clock import FakeClock
from gateway.testing.world import LogLines, MemoryBlobs, SequentialIds
from gateway.workers import brain
from gateway.workers.pipeline import Pipeline
from gateway.workers.placing import Places
from gateway.workers.planner import Planner, PlannerSettings
from gateway.workers.timers import Timers
from tests.store.engines import Twice, select

T = TypeVar("T")

CLOSE_AFTER = 3600.0
QUEUES = {
    "security": Queue("security", "Security", priority=1),
    "payments": Queue("payments", "Payments", priority=3),
    "general": Queue("general", "General", priority=7),
}
PLACES = Places(QUEUES, "general")
SETTINGS = PlannerSettings(PLACES, automatic_per_day=3, close_after=CLOSE_AFTER)
ACCOUNTS = {
    "app": AccountView("app", "http", "demo", "http", "long", subject=True),
    "sms": AccountView("sms", "sms", "demo", "phone", "short", queue="payments"),
    "box": AccountView("box", "email", "demo", "email", "long", domain="pay.example", subject=True),
}


def decision(verb: Verb = Verb.ROUTE, reply: str = "We have it.", **changes: Any) -> Decision:
    """A decision of the answering side."""
    values: dict[str, Any] = {
        "topic": "topup",
        "confidence": 0.9,
        "top": (("topup", 0.9), ("refund", 0.05)),
        "language": "en",
        "reason": "scripted",
        "reply": reply,
        **changes,
    }
    return Decision(verb, **values)


@dataclass
class ScriptedAnswerer:
    """Says what a test wants, by the text of the question; keeps what it was asked."""

    answers: dict[str, Decision | Exception | Callable[[], Decision]] = field(default_factory=dict)
    usual: Decision = field(default_factory=decision)
    asked: list[Question] = field(default_factory=list)
    foreseen: list[Question] = field(default_factory=list)
    """What was announced in batches, before it was asked."""
    version: str = "k1.scripted"

    def decide(self, question: Question, _certificates: tuple[Certificate, ...]) -> Decision:
        self.asked.append(question)
        found = self.answers.get(question.text, self.usual)
        if isinstance(found, Exception):
            raise found
        decided = found() if callable(found) else found
        told = tuple(one.id for one in question.announcements)
        return (
            replace(decided, announced=told) if told and decided.verb is not Verb.ASK else decided
        )

    def foresee(self, questions: Iterable[Question]) -> None:
        """What cannot be decided about cannot be foreseen either, nor what comes in one batch with it."""
        for question in questions:
            if isinstance(found := self.answers.get(question.text), Exception):
                raise found
            self.foreseen.append(question)

    def asks_status(self, question: Question) -> bool:
        return question.text == "any news?"

    def status(self, question: Question) -> Decision:
        return self.decide(question, ())

    def wishes_call(self, question: Question) -> bool:
        return question.text == "call me"

    def with_wait(self, question: Question, text: str, told: Notice) -> tuple[str, Notice | None]:
        self.asked.append(question)
        return f"{text} [{told.kind} {told.position}]", told

    @property
    def knowledge(self) -> SimpleNamespace:
        """As far as promises look into it."""
        return SimpleNamespace(topics={"topup": SimpleNamespace(queue="payments")})

    def promise_passed(self, question: Question, topic: str, by: str) -> str:
        self.asked.append(question)
        return f"[{topic} by {by} in {question.language}]"

    def notice(self, name: str, question: Question) -> str:
        return f"[{name} in {question.language}]"

    def over(self, question: Question, announcement: Announcement) -> tuple[str, str]:
        return f"[{announcement.id} is over]", question.language


class SameProcess:
    """Stands in for the pool of worker processes."""

    def __init__(self) -> None:
        self.calls = 0
        self.before: Callable[[], None] = lambda: None
        """Called before each batch of plans: the moment at which the world may move on."""

    async def run(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        self.calls += 1
        await asyncio.sleep(0)
        self.before()
        return function(*args)


class Slow:
    """A store on which the units of one function take their time; whoever handed one in may be
    cancelled meanwhile, the unit stands."""

    def __init__(self, rig: "Rig", function: str) -> None:
        self.handed_in = asyncio.Event()
        self.unit: asyncio.Future[Any]
        write = rig.store.write

        async def late(work: Callable[[Tx], Any]) -> Any:
            await asyncio.sleep(0.05)
            return await write(work)

        async def slow(work: Callable[[Tx], Any]) -> Any:
            if function not in work.__qualname__:
                return await write(work)
            self.unit = asyncio.ensure_future(late(work))
            self.handed_in.set()
            return await asyncio.shield(self.unit)

        rig.store.write = slow  # type: ignore[method-assign]


@dataclass
class Rig:
    """Everything that a test of pipeline, delivery, timers or desk touches."""

    store: Twice
    answerer: ScriptedAnswerer = field(default_factory=ScriptedAnswerer)
    clock: FakeClock = field(default_factory=FakeClock)
    ids: SequentialIds = field(default_factory=SequentialIds)
    log: LogLines = field(default_factory=LogLines)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    workers: SameProcess = field(default_factory=SameProcess)
    accounts: Mapping[str, AccountView] = field(default_factory=lambda: ACCOUNTS)
    settings: PlannerSettings = SETTINGS
    write: Callable[[Tx, Plan, float], None] = apply
    """Writes plans."""
    plans: list[Plan] = field(default_factory=list)
    """Everything the pipelines applied, in order."""

    def planner(self) -> Planner:
        return Planner(self.answerer, self.settings)  # type: ignore[arg-type]

    def pipeline(self, owner: str = "p1", **changes: Any) -> Pipeline:
        values: dict[str, Any] = {"poll": 0.01, "applied": self.plans.append, **changes}
        store, workers = values.pop("store", self.store), values.pop("workers", self.workers)
        return Pipeline(
            store, workers, self.accounts, self.write, self.clock, self.log, owner, **values
        )

    def delivery(self, channels: Mapping[str, Any], owner: str = "d1", **changes: Any) -> Delivery:
        known: Mapping[str, Channel] = channels
        values: dict[str, Any] = {"poll": 0.005, "attempts": 3, **changes}
        return Delivery(
            self.store, known, self.clock, self.ids, self.log, owner, lambda: 1.0, **values
        )

    def desk(self, store: Any = None, **more: Any) -> Desk:
        store = store or self.store
        return Desk(store, self.accounts, self.write, self.clock, self.ids, CLOSE_AFTER, **more)

    def timers(self) -> Timers:
        return Timers(
            self.store, self.write, self.clock, self.ids, self.log, CLOSE_AFTER, poll=0.01
        )

    def intake(self) -> Accept:
        return Accept(
            self.store, self.blobs, Keys(bytes(32)), self.workers, self.clock, self.ids, self.log
        )

    # ------------------------------------------------------------ what comes in

    async def message(
        self, text: str, *, sender: str = "user-1", account: str = "app", **more: Any
    ) -> str:
        """Take a message in; the id of its event."""
        event_id = more.pop("external_id", "") or self.ids.new()
        return await self.take(account, Inbound(event_id, sender, text, **more))

    async def receipt(self, external_id: str, status: DeliveryState, account: str = "app") -> str:
        return await self.take(account, Receipt(external_id, status))

    async def take(self, account: str, event: ChannelEvent) -> str:
        await self.intake().events(account, [event], "test")
        found = await select(self.store, "SELECT id FROM raw_events ORDER BY id DESC LIMIT 1")
        return str(found[0]["id"])

    async def drain(self, pipeline: Pipeline | None = None) -> None:
        """Plan and apply until nothing is left that may be taken now."""
        pipeline = pipeline or self.pipeline()
        while await pipeline.once():
            pass

    async def say(self, text: str, **more: Any) -> str:
        """Take a message in and plan it."""
        event_id = await self.message(text, **more)
        await self.drain()
        return event_id

    # ------------------------------------------------------------ what stands there

    async def log_kinds(self) -> list[str]:
        # On PostgreSQL nobody has numbered them here; they have the order they were written in.
        order = "placed" if self.store.shared else "seq"
        rows = await select(self.store, f"SELECT kind FROM events ORDER BY {order}")
        return [row["kind"] for row in rows]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """What the log says of each event of a kind, in order."""
        order = "placed" if self.store.shared else "seq"
        rows = await select(
            self.store,
            "SELECT c.data FROM events e JOIN event_contents c ON c.event_id = e.id"
            f" WHERE e.kind = '{kind}' ORDER BY e.{order}",
        )
        return [json.loads(row["data"]) for row in rows]

    def think(self) -> None:
        """Plans of this process are made by the scripted answerer."""
        brain._planner[:] = [self.planner()]

    async def work(self, work: Callable[[Tx], T]) -> T:
        return await self.store.write(work)

    async def meddle(self, sql: str) -> None:
        """Change rows behind the gateway's back."""
        await self.store.store.write(lambda tx: tx._connection.execute(sql))  # type: ignore[attr-defined]
