"""The recount of the crash runs finds each fault that it is there for; nothing is killed here.

What the harness around it finds with a gateway that has a fault is part of the proof.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.domain.channel import Inbound
from gateway.keys import Keys
from tests.crash.customers import Message
from tests.crash.ledger import PostgresDatabase, SqliteFile
from tests.crash.programs import Simulators
from tests.crash.recount import Recount, recount
from tests.crash.settings import Outside
from tests.delivery.at_work import delivering
from tests.delivery.scripted import Scripted
from tests.store.engines import SqliteEngine, sealed

#: What is compared outside the database needs one.
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
SENT = "SELECT COUNT(*) FROM outbox WHERE state = 'sent'"


@dataclass
class Run:
    """A gateway that took three messages of one customer and one of another, and acknowledged each
    matter."""

    rig: object
    engine: object
    folder: Path
    acknowledged: dict[tuple[str, str], Message] = field(default_factory=dict)
    arrived: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """What each simulator logged."""

    async def work(self) -> None:
        Keys.create(self.folder)
        for person, number in ((1, 0), (1, 1), (2, 0), (1, 2)):
            name = f"r-{person}-{number}"
            await self.rig.take("app", Inbound(name, f"user-{person}", "hello"))
            self.took(Message("app", name, f"user-{person}", number, b"body"))
            await self.rig.drain()
        channel = Scripted()
        async with delivering(self.rig, {"app": channel}):
            await self.rig.store.until(SENT, 2)
        self.arrived = {"app": [{"id": name} for name in channel.ids], "mail": [], "sms": []}
        await sealed(self.rig.store)

    def took(self, message: Message) -> None:
        self.acknowledged[message.key] = message

    async def change(self, *statements: str) -> None:
        """Of what stands in the database."""

        def work(tx):
            for statement in statements:
                tx._connection.execute(statement)

        await self.rig.store.store.write(work)

    def recount(self) -> Recount:
        for name, lines in self.arrived.items():
            log = self.folder / f"{name}.jsonl"
            log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        logs = [self.folder / f"{name}.jsonl" for name in ("mail", "sms", "app")]
        return recount(
            _Open(self.engine),
            self.folder,
            self.acknowledged,
            Simulators(Outside(1, "", ""), *logs),
            frozenset(),
        )


@dataclass
class _Open:
    """The database while a store of ours is at work on it: nobody died."""

    engine: object

    def after_death(self):
        if isinstance(self.engine, SqliteEngine):
            return SqliteFile(self.engine.path.parent).after_death()
        return PostgresDatabase(self.engine.url).in_use()


@pytest.fixture
async def run(rig, engine, tmp_path):
    made = Run(rig, engine, tmp_path)
    await made.work()
    return made


async def test_nothing_is_found_where_nothing_is_wrong(run):
    found = run.recount()
    assert found.faults == []
    figures = {"acknowledged": 4, "stored": 4, "planned": 2, "sent": 2, "app at the sink": 2}
    assert found.figures.items() >= figures.items()
    assert found.figures["events in the chain"] > 3
    assert found.figures["lanes"] == 2


@pytest.mark.parametrize(
    ("fault", "statements"),
    [
        (
            "events stored twice",
            ["UPDATE raw_events SET body = replace(body, 'r-1-1', 'r-1-0')"],
        ),
        ("events not worked through", ["UPDATE raw_events SET state = 'pending'"]),
        (
            "messages taken twice",
            [
                "DROP INDEX IF EXISTS messages_external",
                "UPDATE messages SET external_id = 'r-1-0' WHERE external_id = 'r-1-1'",
            ],
        ),
        (
            "events without a message",
            ["UPDATE messages SET external_id = 'r-1-9' WHERE external_id = 'r-1-1'"],
        ),
        (
            "lanes out of order",
            [
                "UPDATE messages SET external_id = 'x-9' WHERE external_id = 'r-1-0'",
                "UPDATE messages SET external_id = 'r-1-0' WHERE external_id = 'r-1-1'",
                "UPDATE messages SET external_id = 'r-1-1' WHERE external_id = 'x-9'",
            ],
        ),
        (
            "messages that the log of events does not know",
            ["UPDATE event_contents SET data = replace(data, 'id0', 'xx0')"],
        ),
        ("the event chain is broken", ["UPDATE events SET kind = 'other' WHERE seq = 2"]),
        ("outgoing messages without an end", ["UPDATE outbox SET state = 'ready'"]),
        (
            "messages parked that were not under way",
            ["UPDATE outbox SET state = 'parked'"],
        ),
        (
            "timers that did not fire",
            ["INSERT INTO timers (kind, subject, due_at) VALUES ('close', 'i', 1.0)"],
        ),
        (
            "answered inquiries that no timer closed",
            ["UPDATE inquiries SET state = 'answered'"],
        ),
    ],
)
async def test_what_is_wrong_in_the_database_is_found(run, fault, statements):
    await run.change(*statements)
    assert fault in "; ".join(run.recount().faults)


@one_engine
async def test_a_message_that_was_acknowledged_and_is_not_there_is_found(run):
    run.took(Message("app", "r-1-3", "user-1", 3, b"other"))
    assert run.recount().faults == ["1 acknowledged messages lost: ('app', 'r-1-3')"]


@one_engine
async def test_one_that_only_lies_in_quarantine_is_told_apart(run):
    run.took(Message("app", "r-1-3", "user-1", 3, b"other"))
    key = Keys.load(run.folder, {}).digest("dedup", b"other")
    await run.change(
        "INSERT INTO quarantine (id, account, stage, reason, blob, dedup_key, at)"
        f" VALUES ('k', 'app', 'parse', 'x', '', '{key}', 1.0)"
    )
    (fault,) = run.recount().faults
    assert fault.startswith("1 acknowledged messages that only a person can bring back")


@one_engine
async def test_an_attachment_that_is_gone_is_found(run):
    run.acknowledged["app", "r-1-1"].files = (b"file",)
    (fault,) = run.recount().faults
    assert fault.startswith("1 messages whose attachments are not as they were")


@one_engine
@pytest.mark.parametrize(
    ("account", "line", "fault"),
    [
        ("app", {"id": "nobody's"}, "app: messages that nobody planned"),
        ("mail", {"message_id": "<x@y>"}, "mail: messages that nobody planned"),
        ("sms", {"to": "+1", "body": "x", "sid": "SM1"}, "SMS sent twice"),
    ],
)
async def test_what_went_out_and_was_not_planned_is_found(run, account, line, fault):
    run.arrived[account].append(line)
    assert [found.partition(":")[0] for found in run.recount().faults] == [
        f"1 {fault}".partition(":")[0]
    ]


@one_engine
async def test_what_went_out_twice_is_found(run):
    run.arrived["app"].append(run.arrived["app"][0])
    (fault,) = run.recount().faults
    assert fault.startswith("1 app: messages sent twice")


@one_engine
async def test_what_is_believed_sent_and_never_arrived_is_found(run):
    run.arrived["app"].pop()
    (fault,) = run.recount().faults
    assert fault.startswith("1 app: messages believed sent that never arrived")
