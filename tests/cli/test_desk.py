"""An agent's work on the command line, while the gateway runs on the same data."""

import json

from tests.cli.processes import until, with_callback


def listed(inside, home, *words):
    return json.loads(inside(*words, "--json", "--data-dir", home, check=True).stdout)


def test_an_agent_claims_notes_replies_and_resolves_beside_the_running_gateway(
    inside, home, serving, callback
):
    url, taken = callback
    with_callback(home, url)
    with serving("--data-dir", home) as gateway:
        text = "Someone I do not know paid with my account \x1b[2J\u202e, card 6222021234567890128"
        body = {"id": "m1", "sender": "u7", "name": "Lin", "text": text}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200

        found = until(lambda: listed(inside, home, "inquiries", "list", "--state", "queued"))
        (inquiry,) = found
        number, waits = inquiry["number"], inquiry["queue"]
        assert inquiry["contact_name"] == "Lin"
        assert taken.get(timeout=30)["automatic"] is True
        counts = {row["queue"]: row for row in listed(inside, home, "queues")}
        assert counts[waits]["waiting"] == 1
        assert counts[waits]["oldest_seconds"] >= 0

        shown = inside("inquiries", "show", number, "--data-dir", home, check=True).stdout
        assert "[card ****0128]" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "6222021234567890128" not in shown

        def desk(*words, **more):
            return inside(*words, "--data-dir", home, **more)

        assert number in desk("claim", number, "--agent", "lin", check=True).stdout
        other = desk("claim", number, "--agent", "wang")
        assert (other.returncode, "is with lin" in other.stderr) == (1, True)
        desk("note", number, "looks like fraud", "--agent", "lin", check=True)
        desk("reply", number, "--agent", "lin", stdin="我们正在查。\n", check=True)
        answer = taken.get(timeout=30)
        assert (answer["text"], answer["automatic"], answer["to"]) == ("我们正在查。", False, "u7")
        until(lambda: all(row["state"] == "sent" for row in listed(inside, home, "outbox", "list")))

        whole = listed(inside, home, "inquiries", "show", number)
        assert [m["author"] for m in whole["messages"]] == ["customer", "gateway", "lin", "lin"]
        assert "note" in {m["visibility"] for m in whole["messages"]}
        assert whole["from"]["address"] == "u7"
        assert whole["state"] == "waiting_customer"
        kinds = [event["kind"] for event in whole["events"]]
        assert kinds.count("inquiry.claimed") == kinds.count("inquiry.replied") == 1
        assert [e["seq"] for e in whole["events"]] == sorted(e["seq"] for e in whole["events"])

        desk("resolve", number, "--agent", "lin", "--disposition", "done", check=True)
        assert listed(inside, home, "inquiries", "show", number)["state"] == "resolved"
        again = desk("reply", number, "one more", "--agent", "lin")
        assert again.returncode == 1
        assert "cannot assign an inquiry that is resolved" in again.stderr
        assert gateway.stop() < 5


def test_what_is_not_there_is_said_in_one_line(inside, made):
    for words in (
        ["inquiries", "show", "0-0"],
        ["claim", "0-0"],
        ["reply", "0-0", "text"],
        ["note", "0-0", "text"],
        ["resolve", "0-0"],
        ["outbox", "retry", "nothing"],
        ["quarantine", "replay", "nothing"],
    ):
        done = inside(*words, "--data-dir", made)
        assert done.returncode == 1, words
        assert done.stderr.count("\n") == 1, words
    assert inside("inquiries", "list", "--data-dir", made).stdout == "no inquiries\n"
    assert inside("outbox", "list", "--data-dir", made).stdout == "nothing in the outbox\n"
    empty = inside("reply", "0-0", "--data-dir", made, stdin="  \n")
    assert (empty.returncode, "the reply is empty" in empty.stderr) == (1, True)
