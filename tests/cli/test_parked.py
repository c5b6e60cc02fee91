"""What waits for a person: quarantine and parked transmissions, and what becomes of them."""

import asyncio
import json
from email.message import EmailMessage

from gateway.config import load
from gateway.domain.channel import Inbound
from gateway.office import desk_only
from gateway.workers.pipeline import _give_up
from tests.cli.processes import until

LETTER = EmailMessage()
LETTER["From"] = "Lin <lin@example.com>"
LETTER["To"] = "support@pay.example"
LETTER["Subject"] = "Card"
LETTER.set_content("My card 6222021234567890128 was refused.")


def quarantined(inside, home, *words):
    done = inside("quarantine", "list", "--json", *words, "--data-dir", home, check=True)
    return json.loads(done.stdout)


def beside(home, work):
    """Do something in an office of our own."""

    async def run():
        async with desk_only(load(None, home)) as office:
            return await work(office)

    return asyncio.run(run())


def rows(home, query, **values):
    return beside(
        home,
        lambda office: office.store.read(lambda r: [dict(row) for row in r.all(query, **values)]),
    )


def test_an_unreadable_call_is_kept_and_stays_when_it_is_replayed(inside, home, serving):
    with serving("--data-dir", home) as gateway:
        status, said = gateway.post("app", b'{"id": "m1"')
        assert (status, "cannot be read" in said) == (400, True)
        (entry,) = quarantined(inside, home)
        assert (entry["account"], entry["stage"], entry["state"]) == ("app", "read", "kept")
        done = inside("quarantine", "replay", entry["id"], "--data-dir", home)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "not JSON" in done.stderr
        assert [one["state"] for one in quarantined(inside, home)] == ["kept"]
        assert "the body is not JSON" in inside("quarantine", "list", "--data-dir", home).stdout


def test_what_can_be_read_now_is_taken_in_once(inside, made):
    body = json.dumps({"id": "m1", "sender": "u7", "text": "hello"}).encode()
    call = {"url": "http://x/in/http/app", "path": "", "method": "POST", "at": 1.7e9}
    mail = {"mail_from": "lin@example.com", "recipients": ["support@pay.example"]}

    async def keep(office):
        await office.intake.quarantine("app", body, "webhook: a fault of ours", call)
        await office.intake.quarantine("mail", LETTER.as_bytes(), "mail: a fault of ours", mail)

    beside(made, keep)
    assert len(quarantined(inside, made)) == 2

    done = inside("quarantine", "replay", "--all", "--data-dir", made, check=True)
    assert done.stdout.count("1 new event(s) accepted") == 2
    assert quarantined(inside, made) == []
    assert {row["state"] for row in quarantined(inside, made, "--all")} == {"replayed"}
    taken = rows(made, "intake.pending", now=0.0, n=10)
    assert {row["account"] for row in taken} == {"app", "mail"}
    assert "6222021234567890128" not in str(taken)

    entry = quarantined(inside, made, "--all")[0]["id"]
    again = inside("quarantine", "replay", entry, "--data-dir", made)
    assert (again.returncode, "replayed already" in again.stderr) == (1, True)
    assert len(rows(made, "intake.pending", now=0.0, n=10)) == 2


def test_a_replayed_message_that_came_by_itself_meanwhile_is_not_doubled(inside, made):
    body = json.dumps({"id": "m1", "sender": "u7", "text": "hello"}).encode()
    call = {"url": "http://x/in/http/app", "path": "", "method": "POST", "at": 1.7e9}

    async def keep(office):
        await office.intake.quarantine("app", body, "webhook: a fault of ours", call)
        await office.intake.events("app", [Inbound("m1", "u7", "hello")], "x")

    beside(made, keep)
    done = inside("quarantine", "replay", "--all", "--data-dir", made, check=True)
    assert "nothing that is not there" in done.stdout
    assert len(rows(made, "intake.pending", now=0.0, n=10)) == 1


def test_an_event_that_could_not_be_planned_is_planned_again_and_may_fail_again(inside, made):
    async def fail(office):
        event = (await office.store.read(lambda r: r.all("intake.pending", now=0.0, n=1)))[0]
        await office.store.write(lambda tx: _give_up(tx, event, "a fault of ours", 2.0))

    beside(made, lambda office: office.intake.events("app", [Inbound("m1", "u7", "hello")], "x"))
    for _ in range(2):
        beside(made, fail)
        (entry,) = quarantined(inside, made)
        assert (entry["stage"], entry["reason"]) == ("plan", "a fault of ours")
        inside("quarantine", "replay", entry["id"], "--data-dir", made, check=True)
        assert quarantined(inside, made) == []
    assert len(quarantined(inside, made, "--all")) == 2
    (event,) = rows(made, "intake.pending", now=0.0, n=10)
    assert event["attempts"] == 0


def test_an_answer_that_will_be_tried_again_by_itself_waits_for_nobody(inside, home, serving):
    # Without a callback_url the account can receive only: each answer waits, its account pauses.
    with serving("--data-dir", home) as gateway:
        body = json.dumps({"id": "m1", "sender": "u7", "text": "I forgot my password"}).encode()
        assert gateway.post("app", body)[0] == 200

        def outbox(*words):
            done = inside("outbox", "list", "--json", *words, "--data-dir", home, check=True)
            return json.loads(done.stdout)

        (row,) = until(lambda: [one for one in outbox() if one["failure"]])
        assert row["failure"] == "misconfigured"
        listed = inside("outbox", "list", "--data-dir", home, check=True)
        assert "app pauses until" in listed.stderr
        waits = inside("outbox", "retry", row["id"], "--data-dir", home)
        assert (waits.returncode, "only parked and dropped" in waits.stderr) == (1, True)
        gateway.stop()


def test_retry_releases_a_parked_row_and_says_that_it_may_be_the_second_time(inside, made):
    beside(
        made,
        lambda office: office.store.write(
            lambda tx: [tx.run(query, **values) for query, values in PARKED]
        ),
    )
    done = inside("outbox", "retry", "o1", "--agent", "lin", "--data-dir", made, check=True)
    assert "may get it twice" in done.stderr
    (row,) = rows(made, "outbox.listed", state="", n=5)
    assert (row["state"], row["failure"]) == ("ready", "")
    (message,) = rows(made, "messages.of_inquiry", inquiry_id="q1")
    assert message["delivery"] == "queued"
    (event,) = rows(made, "events.of_inquiry", inquiry_id="q1")
    assert event["kind"] == "message.released"
    assert json.loads(event["data"])["agent"] == "lin"


PARKED = [
    ("contacts.add_contact", {"id": "c1", "name": "Lin", "language": "en", "created_at": 1.0}),
    (
        "contacts.add_handle",
        {"id": "h1", "contact_id": "c1", "space": "http", "address": "u7", "trust": "claimed",
         "created_at": 1.0},
    ),
    ("contacts.open_conversation", {"id": "v1", "account": "app", "handle_id": "h1", "created_at": 1.0}),
    (
        "inquiries.add",
        {"id": "q1", "number": "1-1", "conversation_id": "v1", "contact_id": "c1", "brand": "demo",
         "account": "app", "channel": "http", "subject": "", "language": "en", "at": 1.0},
    ),
    (
        "messages.add",
        {"id": "o1", "account": "app", "conversation_id": "v1", "inquiry_id": "q1",
         "direction": "out", "visibility": "private", "author": "lin", "automatic": 0, "at": 1.0,
         "subject": "", "text": "hello", "external_id": "", "delivery": "failed",
         "delivery_rank": 4, "meta": "{}"},
    ),
    (
        "outbox.add",
        {"id": "o1", "account": "app", "conversation_id": "v1", "inquiry_id": "q1",
         "recipient": "u7", "payload": "{}", "created_at": 1.0, "due_at": 1.0},
    ),
    ("outbox.lease", {"id": "o1", "owner": "d1", "until": 0.0}),
    (
        "outbox.stop",
        {"id": "o1", "owner": "d1", "attempts": 1, "state": "parked", "failure": "unknown",
         "detail": "no answer"},
    ),
]  # fmt: skip


def test_an_entry_is_shown_to_a_named_person_for_a_reason(inside, made, tmp_path):
    body = b'{"id": "m1", "text": "card 6222021234567890128"'
    entry = beside(made, lambda office: office.intake.quarantine("app", body, "no JSON"))
    at = ["--data-dir", made]
    assert inside("quarantine", "show", entry, *at).returncode == 2
    refused = inside("quarantine", "show", entry, "--reason", " ", "--agent", "lin", *at)
    assert refused.returncode == 1
    assert "6222021234567890128" not in refused.stdout
    why = ["--reason", "bug 42", "--agent", "lin"]
    shown = inside("quarantine", "show", entry, *why, *at, check=True)
    assert body.decode() in shown.stdout
    file = tmp_path / "entry.json"
    inside("quarantine", "show", entry, *why, "--output", file, *at, check=True)
    assert file.read_bytes() == body
    assert file.stat().st_mode & 0o077 == 0
    assert inside("quarantine", "show", entry, *why, "--output", file, *at).returncode == 2
    kinds = [row["kind"] for row in rows(made, "events.after", seq=0, n=100)]
    assert kinds.count("quarantine.viewed") == 3
