"""After a run: is everything acknowledged there once, and did everything planned go out at most once?

Counted from three sides that do not know each other: the load's journal, the gateway's database, and
what the simulators synced to their logs.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.keys import Keys
from gateway.store import sealer
from gateway.store.blobs import FileBlobs
from tests.crash.customers import Message
from tests.crash.ledger import Book, Database
from tests.crash.programs import Simulators

#: How many of a kind of fault are named; the others are counted.
_NAMED = 5


@dataclass(slots=True)
class Recount:
    """What was found."""

    faults: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def fault(self, what: str, cases: Iterable[object]) -> None:
        """Note a fault, if there is any case of it."""
        found = [str(case) for case in cases]
        if found:
            rest = f" … and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            self.faults.append(f"{len(found)} {what}: {', '.join(found[:_NAMED])}{rest}")


def recount(
    database: Database,
    data_dir: Path,
    acknowledged: Mapping[tuple[str, str], Message],
    simulators: Simulators,
    begun_at_deaths: frozenset[str],
) -> Recount:
    """Compare the three sides of a drained and stopped gateway.

    Args:
        database: of the gateway.
        data_dir: where its key and its blobs lie.
        acknowledged: the load's journal.
        simulators: their logs.
        begun_at_deaths: outbox rows that were between `begun` and recorded when a process died.
    """
    found = Recount()
    with database.after_death() as book:
        if book is None:
            found.faults.append("there is no database")
            return found
        _database(found, book)
        _incoming(found, book, acknowledged, Keys.load(data_dir, {}))
        _lanes(found, book)
        _outgoing(found, book, begun_at_deaths)
        _sinks(found, book, simulators)
        _timers(found, book)
        _blobs(found, book, acknowledged, data_dir)
    return found


def _database(found: Recount, book: Book) -> None:
    """The file is whole, and the chain of events has no gap and no change."""
    found.fault("faults in the database file", book.damage())
    unsealed = book.value("SELECT COUNT(*) FROM events WHERE seq IS NULL")
    found.fault("events without a number", [unsealed] if unsealed else [])
    try:
        found.figures["events in the chain"] = sealer.verify(book.reader)
    except ValueError as error:
        found.faults.append(f"the event chain is broken: {error}")


def _incoming(
    found: Recount,
    book: Book,
    acknowledged: Mapping[tuple[str, str], Message],
    keys: Keys,
) -> None:
    """Every acknowledged message is one event and one message; nothing of ours is unreadable, so
    what lies in quarantine was put there by a kill."""
    stored: Counter[tuple[str, str]] = Counter()
    unfinished = []
    for row in book.rows("SELECT account, body, type, state FROM raw_events"):
        if row["type"] == "message":
            stored[row["account"], json.loads(row["body"])["external_id"]] += 1
        if row["state"] != "done":
            unfinished.append(row["state"])
    messages = Counter(
        (row["account"], row["external_id"])
        for row in book.rows("SELECT account, external_id FROM messages WHERE direction = 'in'")
    )
    kept = {
        (row["account"], row["dedup_key"])
        for row in book.rows("SELECT account, dedup_key FROM quarantine")
    }

    def quarantined(message: Message) -> bool:
        return (message.account, keys.digest("dedup", message.body)) in kept

    absent = [key for key in acknowledged if not stored[key]]
    aside = [key for key in absent if quarantined(acknowledged[key])]
    found.fault("acknowledged messages lost", [key for key in absent if key not in aside])
    found.fault("acknowledged messages that only a person can bring back", aside)
    found.fault("events stored twice", [key for key, n in stored.items() if n > 1])
    found.fault("messages taken twice", [key for key, n in messages.items() if n > 1])
    found.fault("events without a message", [key for key in stored if not messages[key]])
    found.fault("events not worked through", unfinished)
    found.figures |= {
        "acknowledged": len(acknowledged),
        "stored": len(stored),
        "in quarantine": len(kept),
    }


_INCOMING = (
    "SELECT id AS message, conversation_id, external_id FROM messages WHERE direction = 'in'"
)
#: In the order in which they were taken.
_RECEIVED = (
    "SELECT c.data FROM events e JOIN event_contents c ON c.event_id = e.id"
    " WHERE e.kind = 'message.received' ORDER BY e.seq"
)


def _lanes(found: Recount, book: Book) -> None:
    """Within a lane messages were taken in the order in which they were written."""
    taken: dict[str, list[int]] = defaultdict(list)
    placed = {row["message"]: row for row in book.rows(_INCOMING)}
    unknown = []
    for event in book.rows(_RECEIVED):
        row = placed.pop(message := json.loads(event["data"])["message"], None)
        if row is None:
            unknown.append(message)
        else:
            taken[row["conversation_id"]].append(_number_of(row["external_id"]))
    found.fault("events about messages that are not there, or told before", unknown)
    found.fault("messages that the log of events does not know", placed)
    found.fault("lanes out of order", [ns for ns in taken.values() if ns != sorted(ns)])
    found.figures["lanes"] = len(taken)


def _number_of(external_id: str) -> int:
    """The number in its lane, which every id of the load carries."""
    return int(external_id.rstrip(">").partition("@")[0].replace(".", "-").rpartition("-")[2])


def _outgoing(found: Recount, book: Book, begun_at_deaths: frozenset[str]) -> None:
    """Every planned message came to an end; parked are only those that were under way at a death."""
    states: dict[str, list[str]] = defaultdict(list)
    for row in book.rows("SELECT id, state FROM outbox"):
        states[row["state"]].append(row["id"])
    open_rows = [f"{s} {i}" for s in states if s not in {"sent", "parked"} for i in states[s]]
    found.fault("outgoing messages without an end", open_rows)
    unexplained = [row for row in states["parked"] if row not in begun_at_deaths]
    found.fault("messages parked that were not under way at a death", unexplained)
    found.figures |= {
        "planned": sum(map(len, states.values())),
        "sent": len(states["sent"]),
        "parked": len(states["parked"]),
        "under way at a death": len(begun_at_deaths),
    }


def _sinks(found: Recount, book: Book, simulators: Simulators) -> None:
    """What the outside world counted, against what the gateway believes."""
    rows = book.rows("SELECT * FROM outbox")
    _by_id(found, "mail", rows, [line["message_id"] for line in _lines(simulators.mail_log)])
    _by_id(found, "app", rows, [line["id"] for line in _lines(simulators.http_log)])
    texts = Counter((line["to"], line["body"]) for line in _lines(simulators.sms_log))
    planned = Counter(
        (row["recipient"], json.loads(row["payload"])["text"])
        for row in rows
        if row["account"] == "sms"
    )
    sent = Counter(
        (row["recipient"], json.loads(row["payload"])["text"])
        for row in rows
        if row["account"] == "sms" and row["state"] == "sent"
    )
    found.fault("SMS sent twice", [key[0] for key in texts if texts[key] > planned[key]])
    found.fault("SMS missing at the provider", [key[0] for key in sent if sent[key] > texts[key]])
    sids = Counter(row["external_id"] for row in rows if row["account"] == "sms")
    known = {line["sid"] for line in _lines(simulators.sms_log)}
    believed = [row["external_id"] for row in rows if row["account"] == "sms" and row["sent_at"]]
    found.fault("SMS ids that prove two messages", [s for s, n in sids.items() if s and n > 1])
    found.fault("SMS ids that the provider does not know", [s for s in believed if s not in known])
    found.figures["SMS at the provider"] = texts.total()


def _by_id(
    found: Recount, account: str, rows: Sequence[Mapping[str, Any]], seen: list[str]
) -> None:
    """For sinks that are told our id."""
    ours = {
        _planned_id(row): row["state"] for row in rows if row["account"] == account
    }  # id → state
    counted = Counter(seen)
    found.fault(f"{account}: messages sent twice", [i for i, n in counted.items() if n > 1])
    found.fault(f"{account}: messages that nobody planned", [i for i in counted if i not in ours])
    missing = [i for i, state in ours.items() if state == "sent" and not counted[i]]
    found.fault(f"{account}: messages believed sent that never arrived", missing)
    found.figures[f"{account} at the sink"] = len(seen)


def _planned_id(row: Mapping[str, Any]) -> str:
    return str(json.loads(row["payload"]).get("message_id") or row["id"])


def _lines(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def _timers(found: Recount, book: Book) -> None:
    """Every answered inquiry was resolved and closed by its timer, each once."""
    fired: Counter[tuple[str, str]] = Counter()
    for row in book.rows(
        "SELECT e.kind, e.inquiry_id, c.data FROM events e"
        " JOIN event_contents c ON c.event_id = e.id"
        " WHERE e.kind IN ('inquiry.resolved', 'inquiry.closed')"
    ):
        if json.loads(row["data"]).get("by") == "timer":
            fired[row["kind"], row["inquiry_id"]] += 1
    found.fault("timers that fired twice", [key for key, n in fired.items() if n > 1])
    due = book.value("SELECT COUNT(*) FROM timers")
    found.fault("timers that did not fire", [due] if due else [])
    silent = book.rows("SELECT number FROM inquiries WHERE state IN ('answered', 'resolved')")
    found.fault("answered inquiries that no timer closed", [row["number"] for row in silent])
    found.figures["timers fired"] = fired.total()


def _blobs(
    found: Recount,
    book: Book,
    acknowledged: Mapping[tuple[str, str], Message],
    data_dir: Path,
) -> None:
    """The attachments of every acknowledged message can be read back as they were."""
    blobs = FileBlobs(data_dir / "blobs", Keys.load(data_dir, {}))
    damaged, count = [], 0
    for row in book.rows("SELECT account, body FROM raw_events WHERE type = 'message'"):
        body = json.loads(row["body"])
        message = acknowledged.get((row["account"], body["external_id"]))
        if message is None or not message.files:
            continue
        count += len(message.files)
        wanted = [hashlib.sha256(file).digest() for file in message.files]
        if wanted != [_digest(blobs, item["blob"]) for item in body.get("attachments", ())]:
            damaged.append(message.key)
    found.fault("messages whose attachments are not as they were", damaged)
    found.figures["attachments"] = count


def _digest(blobs: FileBlobs, address: str) -> bytes:
    try:
        return hashlib.sha256(blobs._get(address)).digest()
    except GatewayError as error:
        return str(error).encode()
