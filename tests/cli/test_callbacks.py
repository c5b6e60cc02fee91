"""`gateway callbacks` on the command line."""

import json
import time

import pytest

from gateway.config import load
from gateway.store.sqlite import SqliteStore
from tests.cli.processes import until, with_callback
from tests.store.rows import arrival, moved, put

NUMBER = "+8613800138000"


@pytest.fixture
async def waits(made):
    """A data directory in which one inquiry waits, of a customer who writes from a telephone."""
    settings = made / "gateway.toml"
    settings.write_text(settings.read_text("utf-8") + '\n[callbacks]\nquiet_hours = ""\n', "utf-8")
    store = SqliteStore(load(None, made).database_path)
    await store.open()
    await put(
        store, arrival("ev1", number="n1", sender=NUMBER, space="phone"), moved(), now=time.time()
    )
    await store.close()
    return made


@pytest.fixture
def callbacks(inside, waits):
    def run(verb, *words, **more):
        agent = () if verb == "list" else ("--agent", "lin")
        return inside("callbacks", verb, *words, *agent, "--data-dir", waits, **more)

    return run


def listed(callbacks, *words):
    return json.loads(callbacks("list", *words, "--json", check=True).stdout)


def test_it_is_asked_for_dialled_and_done(callbacks):
    assert callbacks("list", check=True).stdout == "nobody wishes to be called\n"
    made = json.loads(callbacks("request", "n1", "--json", check=True).stdout)
    assert (made["state"], made["number"]) == ("due", NUMBER)
    (row,) = listed(callbacks)
    assert (row["id"], row["inquiry"], row["inquiry_state"]) == (made["id"], "n1", "queued")
    assert NUMBER in callbacks("list", check=True).stdout

    said = callbacks("dial", "n1", check=True).stdout
    assert said == (
        f"callback {made['id']} is dialling: dial {NUMBER} now, and say what it led to\n"
    )
    callbacks("outcome", made["id"], "answered", check=True)
    done = callbacks("outcome", "n1", "finished", check=True).stdout
    assert done == f"callback {made['id']} is done\n"
    assert listed(callbacks) == []
    assert [row["state"] for row in listed(callbacks, "--all")] == ["done"]
    over = callbacks("cancel", "n1")
    assert (over.returncode, over.stderr.count("\n")) == (1, 1)
    assert "cannot cancel a callback that is done; allowed: nothing" in over.stderr


def test_a_missed_one_is_listed_until_somebody_takes_note(callbacks):
    callbacks("request", "n1", check=True)
    callbacks("dial", "n1", check=True)
    callbacks("outcome", "n1", "wrong_number", check=True)
    (row,) = listed(callbacks, "--missed")
    assert (row["state"], row["reason"]) == ("failed", "wrong_number")
    assert "wrong_number" in callbacks("list", "--missed", check=True).stdout
    assert "lin took note" in callbacks("see", "n1", check=True).stdout
    assert callbacks("list", "--missed", check=True).stdout == "nobody was missed\n"
    assert callbacks("see", "n1").returncode == 1


def test_a_wish_for_later_is_kept_and_can_be_cancelled(callbacks, inside, waits):
    said = callbacks("request", "n1", "--when", "后天下午三点", check=True).stdout
    assert "is scheduled: to be called from" in said
    (row,) = listed(callbacks)
    assert row["window"]["zone"] == "Asia/Shanghai"
    assert row["inquiry_state"] == "snoozed"
    shown = inside("inquiries", "show", "n1", "--data-dir", waits, check=True).stdout
    assert "callback scheduled from " in shown
    assert f"{NUMBER}, tries: 0" in shown
    gone = callbacks("cancel", "n1", "--reason", "wrote instead", check=True).stdout
    assert gone == f"callback {row['id']} is cancelled: wrote instead\n"
    shown = inside("inquiries", "show", "n1", "--json", "--data-dir", waits, check=True).stdout
    kinds = [event["kind"] for event in json.loads(shown)["events"]]
    assert [kind for kind in kinds if kind.startswith("callback")] == [
        "callback.requested",
        "callback.cancelled",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("request", "n1", "--number", "110"), "the number is not taken (too short); ask the"),
        (("request", "n1", "--when", "at 3"), "it is not sure what 'at 3' means"),
        (("request", "nothing"), "no inquiry 'nothing'"),
        (("dial", "nothing"), "no callback 'nothing'; `gateway callbacks list` shows them"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(callbacks, words, said):
    done = callbacks(*words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr
    assert listed(callbacks, "--all") == []


@pytest.mark.parametrize("other", ["--all", "--to-dial"])
def test_two_lists_at_once_are_refused(callbacks, other):
    assert callbacks("list", "--missed", other).returncode == 2


def test_a_queue_may_call_the_customer_first(callbacks, waits):
    settings = waits / "gateway.toml"
    queue = '\n[queues.general]\ntitle = "General"\ncallback_first = "customer"\n'
    settings.write_text(settings.read_text("utf-8") + queue, "utf-8")
    callbacks("request", "n1", check=True)
    (row,) = listed(callbacks, "--to-dial")
    assert (row["inquiry"], row["inquiry_state"]) == ("n1", "snoozed")
    callbacks("dial", "n1", check=True)
    assert listed(callbacks, "--to-dial") == []
    assert listed(callbacks)[0]["assigned_to"] == ""
    callbacks("outcome", "n1", "answered", check=True)
    assert listed(callbacks)[0]["assigned_to"] == "lin"


@pytest.mark.proof
def test_beside_a_running_gateway_its_timers_bring_it_back(inside, home, serving, callback):
    """A try of which nobody told is counted as lost, by the gateway alone."""
    url, _ = callback
    with_callback(home, url)
    settings = home / "gateway.toml"
    more = '\n[callbacks]\nquiet_hours = ""\nring_seconds = 10\nattempts = 1\n'
    settings.write_text(settings.read_text("utf-8") + more, "utf-8")
    with serving("--data-dir", home) as gateway:

        def run(*words):
            return inside(*words, "--data-dir", home, check=True).stdout

        body = {"id": "m1", "sender": "u7", "text": "有人盗用我的账户付款"}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200
        (row,) = until(lambda: json.loads(run("inquiries", "list", "--json")))
        number = row["number"]
        run("callbacks", "request", number, "--number", NUMBER, "--agent", "lin")
        run("callbacks", "dial", number, "--agent", "lin")
        (missed,) = until(lambda: json.loads(run("callbacks", "list", "--missed", "--json")))
        assert (missed["inquiry"], missed["reason"]) == (number, "lost")
