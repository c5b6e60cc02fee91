"""What waits for a person: quarantine and parked transmissions, and what becomes of them."""

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


def quarantined(cli, home, *words):
    done = cli("quarantine", "list", "--json", *words, "--data-dir", home, check=True)
    return json.loads(done.stdout)


def rows(home, query, **values):
    async def read():
        async with desk_only(load(None, home)) as office:
            return await office.store.read(lambda r: [dict(row) for row in r.all(query, **values)])

    return read()


def test_an_unreadable_call_is_kept_and_stays_when_it_is_replayed(cli, home, serving):
    with serving("--data-dir", home) as gateway:
        status, said = gateway.post("app", b'{"id": "m1"')
        assert (status, "cannot be read" in said) == (400, True)
        (entry,) = quarantined(cli, home)
        assert (entry["account"], entry["stage"], entry["state"]) == ("app", "read", "kept")
        done = cli("quarantine", "replay", entry["id"], "--data-dir", home)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "not JSON" in done.stderr
        assert [one["state"] for one in quarantined(cli, home)] == ["kept"]
        assert "the body is not JSON" in cli("quarantine", "list", "--data-dir", home).stdout


async def test_what_can_be_read_now_is_taken_in_once(cli, made):
    body = json.dumps({"id": "m1", "sender": "u7", "text": "hello"}).encode()
    call = {"url": "http://x/in/http/app", "path": "", "method": "POST", "at": 1.7e9}
    mail = {"mail_from": "lin@example.com", "recipients": ["support@pay.example"]}
    async with desk_only(load(None, made)) as office:
        await office.intake.quarantine("app", body, "webhook: a fault of ours", call)
        await office.intake.quarantine("mail", LETTER.as_bytes(), "mail: a fault of ours", mail)
    assert len(quarantined(cli, made)) == 2

    done = cli("quarantine", "replay", "--all", "--data-dir", made, check=True)
    assert done.stdout.count("1 new event(s) accepted") == 2
    assert quarantined(cli, made) == []
    assert {row["state"] for row in quarantined(cli, made, "--all")} == {"replayed"}
    taken = await rows(made, "intake.pending", now=0.0, n=10)
    assert {row["account"] for row in taken} == {"app", "mail"}
    assert "6222021234567890128" not in str(taken)

    entry = quarantined(cli, made, "--all")[0]["id"]
    again = cli("quarantine", "replay", entry, "--data-dir", made)
    assert (again.returncode, "replayed already" in again.stderr) == (1, True)
    assert len(await rows(made, "intake.pending", now=0.0, n=10)) == 2


async def test_a_replayed_message_that_came_by_itself_meanwhile_is_not_doubled(cli, made):
    body = json.dumps({"id": "m1", "sender": "u7", "text": "hello"}).encode()
    call = {"url": "http://x/in/http/app", "path": "", "method": "POST", "at": 1.7e9}
    async with desk_only(load(None, made)) as office:
        await office.intake.quarantine("app", body, "webhook: a fault of ours", call)
        await office.intake.events("app", [Inbound("m1", "u7", "hello")], "x")
    done = cli("quarantine", "replay", "--all", "--data-dir", made, check=True)
    assert "nothing that is not there" in done.stdout
    assert len(await rows(made, "intake.pending", now=0.0, n=10)) == 1


async def test_an_event_that_could_not_be_planned_is_planned_again_and_may_fail_again(cli, made):
    async def fail():
        async with desk_only(load(None, made)) as office:
            event = (await office.store.read(lambda r: r.all("intake.pending", now=0.0, n=1)))[0]
            await office.store.write(lambda tx: _give_up(tx, event, "a fault of ours", 2.0, ""))

    async with desk_only(load(None, made)) as office:
        await office.intake.events("app", [Inbound("m1", "u7", "hello")], "x")
    for _ in range(2):
        await fail()
        (entry,) = quarantined(cli, made)
        assert (entry["stage"], entry["reason"]) == ("plan", "a fault of ours")
        cli("quarantine", "replay", entry["id"], "--data-dir", made, check=True)
        assert quarantined(cli, made) == []
    assert len(quarantined(cli, made, "--all")) == 2
    (event,) = await rows(made, "intake.pending", now=0.0, n=10)
    assert event["attempts"] == 0


def test_a_dropped_answer_goes_out_when_a_person_says_so(cli, home, serving):
    # Without a callback_url the account can receive only: each answer waits, its account pauses.
    with serving("--data-dir", home) as gateway:
        body = json.dumps({"id": "m1", "sender": "u7", "text": "I forgot my password"}).encode()
        assert gateway.post("app", body)[0] == 200

        def outbox(*words):
            done = cli("outbox", "list", "--json", *words, "--data-dir", home, check=True)
            return json.loads(done.stdout)

        (row,) = until(lambda: [one for one in outbox() if one["failure"]])
        assert row["failure"] == "misconfigured"
        listed = cli("outbox", "list", "--data-dir", home, check=True)
        assert "app pauses until" in listed.stderr
        waits = cli("outbox", "retry", row["id"], "--data-dir", home)
        assert (waits.returncode, "only parked and dropped" in waits.stderr) == (1, True)
        gateway.stop()


async def test_retry_releases_a_parked_row_and_says_that_it_may_be_the_second_time(cli, made):
    async with desk_only(load(None, made)) as office:
        await office.store.write(lambda tx: [tx.run(query, **values) for query, values in PARKED])
    done = cli("outbox", "retry", "o1", "--agent", "lin", "--data-dir", made, check=True)
    assert "may get it twice" in done.stderr
    (row,) = await rows(made, "outbox.listed", state="", n=5)
    assert (row["state"], row["failure"]) == ("ready", "")
    (message,) = await rows(made, "messages.of_inquiry", inquiry_id="q1")
    assert message["delivery"] == "queued"
    (event,) = await rows(made, "events.of_inquiry", inquiry_id="q1")
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
    ("outbox.stop", {"id": "o1", "state": "parked", "failure": "unknown", "detail": "no answer"}),
]  # fmt: skip
