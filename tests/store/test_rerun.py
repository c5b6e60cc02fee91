"""Every unit of work of the gateway can be run again after a lost group (DESIGN §5).

The scenario below walks through all of them on a store that runs each unit twice with a roll-back
between and compares; the last test makes sure that none was left out.
"""

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import app
from gateway.delivery import outbox
from gateway.delivery.in_place import InPlace
from gateway.desk import moving
from gateway.desk.callbacks import Callbacks
from gateway.desk.certifying import put_in_force
from gateway.desk.consulting import Consulting
from gateway.desk.floor import Floor
from gateway.desk.quarantine import Expiry, view
from gateway.desk.reviewing import judge, wrong_answer
from gateway.desk.tokens import Scope, Tokens
from gateway.desk.upkeep import revoke, send_again
from gateway.domain.calendar import ALWAYS
from gateway.domain.channel import Batch, Inbound
from gateway.domain.decision import Certificate, Verb
from gateway.domain.errors import Conflict, Failure, NotFound
from gateway.domain.model import Attachment, DeliveryState, Note, Queue
from gateway.domain.plan import LogEvent, MergeContacts, Plan, VerifyHandle
from gateway.domain.reviews import Verdict
from gateway.installation import own_key
from gateway.intake.replay import Replay
from gateway.keys import Keys
from gateway.memos import load_memo, save_memo
from gateway.routing.callbacks import Policy
from gateway.routing.core import Routing
from gateway.routing.model import Agent, Presence
from gateway.routing.overflow import Cause, Course, Overflow
from gateway.routing.wishes import Reach
from gateway.store.apply import apply
from gateway.store.leader import Sealer
from gateway.testing.world import LogLines
from gateway.workers.fetching import Fetching
from gateway.workers.overflowing import Overflowing
from gateway.workers.sweeping import Sweeping
from gateway.world import SystemClock
from tests.delivery.scripted import Listable, Scripted, fails
from tests.store.engines import PostgresEngine, Twice, select, value, verified
from tests.store.rows import arrival, moved, put
from tests.store.units import logged
from tests.workers.announced import announce, end, over_texts, told
from tests.workers.rig import Rig, decision

ROOT = Path(__file__).parents[2]
#: Where units of work are made. The demo only calls what the others offer.
ROOMS = (
    "intake", "workers", "delivery", "desk", "console", "commands", "app.py", "office.py",
    "installation.py", "memos.py", "roles.py", "store/leader.py",
)  # fmt: skip
#: Units that run inside `running(gateway)` only: covered by the flows, and each is one statement.
ONE_STATEMENT = {("gateway/app.py", "running.<locals>.<lambda>")}
#: Only where several processes share a database.
ON_POSTGRES = {("gateway/workers/pipeline.py", "Pipeline._apply_all.<locals>.work")}
#: A parameter: the units are those of its callers.
HANDED_ON = {("gateway/delivery/deliver.py", "Delivery._write_down.<locals>.work")}


def units(path: Path) -> Iterator[str]:
    """Qualified names of the functions that a module hands to `….write(…)` of a store."""

    def walk(node: ast.AST, at: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inner = at
            if isinstance(child, ast.ClassDef):
                inner = f"{at}{child.name}."
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = f"{at}{child.name}.<locals>."
            elif isinstance(child, ast.Call) and (unit := _unit(child)) is not None:
                for given in _functions(unit):
                    yield f"{at}{given}"
            yield from walk(child, inner)

    yield from walk(ast.parse(path.read_text("utf-8")), "")


def _unit(call: ast.Call) -> ast.expr | None:
    """What the call hands to a store, if it does."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr == "_write_down":  # delivery's own way to write until it is written
        return call.args[1]
    owner = call.func.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return call.args[0] if call.func.attr == "write" and name in {"store", "_store"} else None


def _functions(given: ast.expr) -> list[str]:
    if isinstance(given, ast.IfExp):
        return [*_functions(given.body), *_functions(given.orelse)]
    return ["<lambda>"] if isinstance(given, ast.Lambda) else [ast.unparse(given)]


def of_the_code() -> set[tuple[str, str]]:
    found = set()
    for room in ROOMS:
        place = ROOT / "gateway" / room
        for path in [place] if place.suffix else place.rglob("*.py"):
            file = str(path.relative_to(ROOT))
            found |= {(file, name) for name in units(path)}
    return found - ONE_STATEMENT - HANDED_ON


async def everything(rig: Rig) -> None:
    """One of each thing that can happen."""
    await taken_in(rig)
    await answered_and_delivered(rig)
    await worked_on(rig)
    await mended(rig)
    await of_the_composition_root(rig)
    await grouped(rig)
    await announced(rig)
    await reviewed(rig)
    await routed(rig)
    await in_replies(rig)
    await filed_and_erased(rig)
    await held_back(rig)


async def filed_and_erased(rig: Rig) -> None:
    """A file that is fetched, one that waits and one that is lost; then all is erased and swept."""
    answers = [b"here it is", fails(Failure.RETRY), fails(Failure.REJECTED)]

    class Far:
        async def fetch(self, _attachment: Attachment) -> bytes:
            if isinstance(answer := answers.pop(0), Exception):
                raise answer
            return answer

    class Young:
        async def remove(self, _address: str) -> bool:
            return False

    rig.accounts = {**rig.accounts, "app": replace(rig.accounts["app"], fetches=True)}
    files = tuple(Attachment(f"{n}.bin", "", 0, url=f"far:{n}") for n in range(3))
    await rig.say("three files", sender="filer", external_id="filed", attachments=files)
    fetching = Fetching("app", Far(), rig.store, rig.blobs, rig.workers, rig.clock, rig.log, "f1")
    await fetching._recover()
    assert await fetching.once() + await fetching.once() == 3
    assert await value(rig.store, "SELECT COUNT(*) FROM fetches") == 1
    message = await value(rig.store, "SELECT id FROM messages WHERE external_id = 'filed'")
    await rig.desk().erase_message(message, "ann")
    for bin_ in (Young(), rig.blobs):
        await Sweeping(rig.store, rig.store.store, bin_, rig.clock, rig.log).once()  # type: ignore[arg-type]
        rig.clock.advance(3600)
    assert await value(rig.store, "SELECT COUNT(*) FROM unnamed_blobs") == 0


async def in_replies(rig: Rig) -> None:
    """Answers in the reply to a call: written, and not written."""
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    answers = InPlace(rig.store, rig.clock, rig.ids, rig.log, "w1", {})
    for name, written in (("c1", True), ("c2", False)):
        await rig.say("hello", sender=name, external_id=name)
        found = await answers.outcome("app", [f"m:{name}"], rig.clock.now())
        assert len(found.messages) == 1
        await answers.settle(found, written=written)
    await rig.intake().batch("app", Batch((Inbound("p1", "polled", "hello"),), 1), None)
    tokens = Tokens(rig.store, rig.clock, rig.ids)
    token, reference = await tokens.create("ann", Scope)
    assert (await tokens.caller(token)).agent == "ann"
    await tokens.revoke(reference)


async def routed(rig: Rig) -> None:
    """Offered, accepted, called back, and moved on where nobody is."""
    agents = {"ann": Agent("ann", queues={"pay": 1}, capacity=9)}
    floor = Floor(rig.store, Routing(), agents, apply, rig.clock, rig.ids)
    await floor.be("ann", Presence.ONLINE)
    for name in ("r1", "r2"):
        await put(rig.store, arrival(name, sender=name, number=name), moved(name, queue="pay"))
    assert await floor.look() == 2
    assert await floor.alive("ann") == ["r1", "r2"]
    await floor.accept("r1", "ann")
    agents |= {"bo": Agent("bo", queues={"vip": 1})}
    await floor.be("bo", Presence.ONLINE)
    await Consulting(floor).ask("r1", "ann", "do you know this?", colleague="bo")
    calls = Callbacks(rig.store, Policy(), Reach(), "pay", apply, rig.clock, rig.ids)
    await calls.request("r1", "ann", number="13800138000")
    await floor.be("ann", Presence.OFFLINE)
    queues = {name: Queue(name, name) for name in ("pay", "vip")}
    spill = {"pay": [Overflow(Cause.STAFF, Course.OVERFLOW, 0.0, "vip")]}
    await floor.be("bo", Presence.BUSY)
    overflowing = Overflowing(floor, spill, queues, {"demo": ALWAYS}, {}, rig.log)
    assert await overflowing.once() > 0


async def taken_in(rig: Rig) -> None:
    picture = Attachment("a.png", "image/png", 3, data=b"png")
    intake = rig.intake()
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    await intake.events("app", [Inbound("m1", "user-1", "hello", attachments=(picture,))], "test")
    await intake.quarantine(
        "app", b"{", "webhook: no JSON",
        {"url": "https://x/in/scripted/app", "path": "", "method": "POST", "at": 1.0},
    )  # fmt: skip
    await rig.drain()
    await rig.receipt("nothing yet", DeliveryState.SENT)
    rig.answerer.answers["poison"] = ValueError("no idea")
    await rig.message("poison", sender="user-2")
    pipeline = rig.pipeline(attempts=2)
    for _ in range(2):
        await rig.drain(pipeline)
        rig.clock.advance(60)
    await pipeline.lanes.renew()
    await pipeline.lanes.leave()
    assert await value(rig.store, "SELECT COUNT(*) FROM quarantine") == 2


async def answered_and_delivered(rig: Rig) -> None:
    script = [
        fails(Failure.RETRY), fails(Failure.THROTTLED, retry_after=5.0), fails(Failure.REJECTED),
        fails(Failure.WINDOW_CLOSED), fails(Failure.UNKNOWN), fails(Failure.UNKNOWN),
    ]  # fmt: skip
    channel = Listable(*script)
    channel.list.extend([fails(Failure.RETRY, "down"), ()])
    delivery = rig.delivery({"app": channel}, settle=0.0, attempts=9)
    running = asyncio.create_task(delivery.run())
    await rig.store.until("SELECT COUNT(*) FROM outbox WHERE failure = 'retry'", 1)
    rig.clock.advance(60)
    await rig.store.until("SELECT COUNT(*) FROM outbox WHERE failure = 'throttled'", 1)
    rig.clock.advance(60)
    await rig.store.until("SELECT state FROM outbox", "dropped")
    (outgoing,) = await select(rig.store, "SELECT id FROM outbox")
    for state in ("parked", "sent"):
        await send_again(rig.store, rig.clock, rig.ids, outgoing["id"], "ann")  # type: ignore[arg-type]
        if state == "sent":
            await rig.store.until("SELECT due_at > 0 AND state = 'unknown' FROM outbox", 1)
            await rig.store.until(f"SELECT due_at > {rig.clock.now()!r} FROM outbox", 1)
            rig.clock.advance(60)
        await rig.store.until("SELECT state FROM outbox", state)
    running.cancel()
    await asyncio.wait([running])
    await rig.drain()


async def announced(rig: Rig) -> None:
    """Something is announced, said, and over."""
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.")
    now = rig.clock.now()
    await announce(rig, starts_at=now, ends_at=now + 60)
    await rig.say("hello", sender="announced-1")
    await end(rig)
    await told(rig)
    assert await over_texts(rig) == ["announced-1"]


async def grouped(rig: Rig) -> None:
    """Inquiries and contacts are put together and taken apart."""
    desk = rig.desk()
    for text in ("one matter", "another"):
        await rig.say(text, sender="group-1")
    await rig.say("hello", sender="group-2")
    message = await value(
        rig.store, "SELECT id FROM messages WHERE text = 'another' AND direction = 'in'"
    )
    number = await desk.split(message, "ann")
    of_first = "SELECT number FROM inquiries WHERE id = (SELECT inquiry_id FROM messages WHERE text = 'one matter')"
    await desk.merge(await value(rig.store, of_first), number, "ann")
    await desk.merge_contacts("group-1", "group-2", "ann")
    await desk.split_contact("group-2", "ann")


async def reviewed(rig: Rig) -> None:
    """An answer is found wrong, its certificate ends, another one takes its place."""
    permit = Certificate("cert-2", "*/*/normal", 0.01, 0.5, 0.7, 100, 0, "k1")
    by = (rig.store, rig.clock, rig.ids)
    await put_in_force(*by, [permit], "ann")  # type: ignore[arg-type]
    rig.settings = replace(rig.settings, audit_share=1.0)
    rig.think()
    under = {"certificate": "cert-2", "segment": 0, "knowledge": "k1", "brand": "demo"}
    rig.answerer.usual = decision(Verb.ANSWER, "Do this.", evidence=under)
    for sender in ("review-1", "review-2"):
        await rig.say("help me", sender=sender)
    rig.answerer.usual = decision(Verb.ROUTE, evidence={"solved": False})
    await rig.say("no", sender="review-2")
    newest = "SELECT number FROM inquiries ORDER BY created_at DESC, id DESC LIMIT 1"
    await wrong_answer(*by, await value(rig.store, newest), "refund", "ann")  # type: ignore[arg-type]
    waits = await value(rig.store, "SELECT id FROM reviews WHERE verdict = 'pending'")
    await judge(*by, waits, Verdict.WRONG, "", "ann")  # type: ignore[arg-type]
    assert await value(rig.store, "SELECT ended FROM certificates WHERE id = 'cert-2'") == "stopped"
    again = replace(permit, id="cert-3")
    await put_in_force(*by, [again], "ann")  # type: ignore[arg-type]


async def held_back(rig: Rig) -> None:
    """A message waits for its customer, and goes to another address of theirs instead."""
    await put(rig.store, arrival("w1", sender="w1", number="w1"), moved("w1"))
    await put(rig.store, arrival("w2", sender="w2@x", space="email", account="box", number="w2"))
    await put(rig.store, Plan("w3", (VerifyHandle("w2.h"), MergeContacts("w1.c", "w2.c"))))
    message = await rig.desk().reply("w1", "ann", "hello")
    closed = Scripted(*[fails(Failure.WINDOW_CLOSED)] * 99)
    delivery = rig.delivery({"app": closed})
    while rows := await delivery._lease("app", 9):
        for row in rows:
            await delivery._deliver(row, closed)
    await moving.move(rig.desk(), message, "w2@x", "ann")


async def worked_on(rig: Rig) -> None:
    desk, number = rig.desk(), await value(rig.store, "SELECT number FROM inquiries ORDER BY id")
    await desk.claim(number, "ann")
    await desk.note(Note(number, "ann", "careful"))
    await desk.reply(number, "ann", "It is there now.")
    await desk.resolve(number, "ann")
    for queue in ("general", "payments", "security"):
        await desk.claim_next(queue, "bob")
    for begun in (False, True):
        dead = rig.delivery({}, owner="dead")
        (left,) = await dead._lease("app", 1)
        if begun:
            await rig.work(lambda tx, left=left: outbox.begun(tx, left, 1.0, 2.0))
        await rig.delivery({"app": Scripted()}).recover(alone=True)
    unknown = {"kind": "unheard of", "subject": "x", "due_at": 1.0, "payload": "{}"}
    await rig.work(lambda tx: tx.run("timers.set", **unknown))
    rig.clock.advance(10**6)
    assert await rig.timers().once() >= 1


async def mended(rig: Rig) -> None:
    class Readable(Scripted):
        def verify(self, _request: Any) -> None:
            raise AssertionError("its signature was checked when it came")

        def parse(self, _request: Any) -> Any:
            return SimpleNamespace(events=(Inbound("m9", "user-9", "read at last"),), mails=())

    replay = Replay(
        rig.store, rig.blobs, rig.intake(), {"app": Readable()}, rig.clock, rig.ids
    )  # fmt: skip
    rig.answerer.answers.clear()
    await rig.intake().quarantine("app", b"unreadable", "for good")
    opened = "SELECT id FROM quarantine WHERE reason = 'for good'"
    kept = await value(rig.store, opened)
    await view(rig.store, rig.blobs, rig.clock, rig.ids, kept, "ann", "a test")
    for row in await select(rig.store, "SELECT id FROM quarantine WHERE state = 'kept'"):
        if row["id"] != kept:
            await replay.one(row["id"])
    rig.clock.advance(10.0)
    await Expiry(rig.store, rig.blobs, rig.clock, rig.log, keep=5.0).once()
    await rig.drain()
    assert await value(rig.store, "SELECT COUNT(*) FROM quarantine WHERE state = 'kept'") == 0


async def of_the_composition_root(rig: Rig) -> None:
    await save_memo(rig.store, "app", "token", {"a": 1})
    assert await load_memo(rig.store, "app", "token") == {"a": 1}
    gateway: Any = SimpleNamespace(store=rig.store, clock=rig.clock)
    permit = Certificate("cert-1", "*/en/normal", 0.05, 0.1, 0.7, 100, 0, "k1")
    await app.Gateway.certify(gateway, permit)
    await revoke(rig.store, rig.clock, rig.ids, "cert-1", "ann")  # type: ignore[arg-type]

    leader = Sealer(rig.store, "p9", rig.clock, rig.log)
    await leader.once()
    await leader._step_down()
    await own_key(SimpleNamespace(), rig.store, Keys(bytes(32)))  # type: ignore[arg-type]


async def test_a_batch_that_is_sealed_twice_gives_the_same(postgres_only: PostgresEngine) -> None:
    """On the engine whose events wait for a leader, and with nobody else who leads."""
    async with postgres_only.plain() as store:
        await store.write(logged("e1"))
        await store.write(logged("e2"))
        leader = Sealer(Twice(store), "p9", SystemClock(), LogLines())
        assert await leader.once() == 2
        assert await verified(store) == 2


async def test_each_unit_of_work_gives_the_same_when_it_runs_again(rig: Rig) -> None:
    await everything(rig)
    assert await verified(rig.store) > 10
    ran = {
        (str(Path(file).relative_to(ROOT)), name) for file, name in rig.store.units if _ours(file)
    }
    left_out = of_the_code() - ran - (set() if rig.store.shared else ON_POSTGRES)
    assert not left_out, "units that no step of this scenario runs"


def _ours(file: str) -> bool:
    return Path(file).is_relative_to(ROOT)


def test_the_search_for_units_finds_them() -> None:
    found = of_the_code()
    assert ("gateway/desk/commands.py", "Desk._do.<locals>.work") in found
    assert ("gateway/workers/lanes.py", "Lanes.claim.<locals>.work") in found
    assert ("gateway/store/leader.py", "Sealer.once.<locals>.<lambda>") in found
    assert len(found) > 20


# ---------------------------------------------------------------- the store that runs twice


async def test_a_unit_that_counts_its_runs_is_found_out(rig: Rig) -> None:
    runs: list[int] = []

    def counts(tx: Any) -> None:
        runs.append(1)
        tx.run("meta.remember", account="a", key="k", value=str(len(runs)))

    with pytest.raises(AssertionError, match="counts is not re-runnable"):
        await rig.store.write(counts)


async def test_a_unit_that_logs_something_else_is_found_out(rig: Rig) -> None:
    with pytest.raises(AssertionError, match="logs something else"):
        await rig.store.write(
            lambda tx: tx.log(LogEvent("e", "test.happened", rig.clock.advance(1.0)))
        )


async def test_a_unit_that_fails_alike_fails_as_itself(rig: Rig) -> None:
    def fails_always(_tx: Any) -> None:
        raise NotFound("nothing")

    with pytest.raises(NotFound):
        await rig.store.write(fails_always)

    def twice(tx: Any) -> None:
        for _ in range(2):
            tx.run("contacts.add_contact", id="c", name="", language="", created_at=1.0)

    with pytest.raises(Conflict):
        await rig.store.write(twice)
    assert isinstance(rig.store, Twice)
