"""`gateway consult`, dispositions and working hours from the command line."""

import json
from datetime import UTC, datetime

import pytest

from gateway.calendars import WEEK
from tests.cli.test_agents import Staying, agents_on, events, inquiry, present, staffed, waits

__all__ = ["staffed"]

#: In three days, whenever this runs.
LATER = WEEK[(datetime.now(UTC).weekday() + 3) % 7]
CLOSED = ", ".join(f"{day} = []" for day in WEEK if day != LATER)
MORE = f"""
[shifts.later]
timezone = "UTC"
holidays = "none"
hours = {{ {LATER} = ["08:00-16:00"], {CLOSED} }}

[agents.chen]
queues = ["security"]
shift = "later"

[dispositions.refunded]
labels = {{ en = "Refunded", "zh-CN" = "已退款" }}

[dispositions.other]
comment = true
"""


@pytest.fixture
def desk(inside, staffed):
    """Any command on the data directory; ann, bo and chen are there."""
    with (staffed / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(MORE)

    def run(*words, **more):
        return inside(*words, "--data-dir", staffed, **more)

    for name in ("ann", "bo", "chen"):
        run("agent", "be", "busy", "--agent", name, check=True)
    return run


def test_a_colleague_is_asked_sees_it_and_answers(desk, staffed):
    waits(staffed, "n1")
    desk("claim", "n1", "--agent", "ann", check=True)
    done = desk("consult", "ask", "n1", "Ours?", "--of", "bo", "--agent", "ann", check=True)
    assert done.stdout == "bo is asked about n1\n"
    (row,) = json.loads(desk("consult", "list", "--agent", "bo", "--json", check=True).stdout)
    assert (row["number"], row["asked_by"], row["agent"], row["question"]) == (
        "n1", "ann", "bo", "Ours?",
    )  # fmt: skip
    assert "Ours?" in desk("consult", "list", "--all", check=True).stdout
    assert "asks nothing" in desk("consult", "list", "--agent", "chen", check=True).stdout
    answer = desk("consult", "answer", "n1", "--agent", "bo", stdin="Yes.\n", check=True)
    assert answer.stdout == "your advice about n1 is kept\n"
    assert "Yes." in desk("inquiries", "show", "n1", check=True).stdout
    assert inquiry(staffed, "n1")["assigned_to"] == "ann"
    again = desk("consult", "answer", "n1", "Yes.", "--agent", "bo")
    assert (again.returncode, "bo has answered it already" in again.stderr) == (1, True)
    desk("consult", "ask", "n1", "?", "--queue", "general", "--agent", "ann", check=True)
    gone = desk("consult", "withdraw", "n1", "--agent", "ann", check=True)
    assert gone.stdout == "nobody is asked about n1 any more\n"
    wrong = desk("consult", "ask", "n1", "?", "--agent", "ann")
    assert (wrong.returncode, "--of" in wrong.stderr) == (2, True)


def test_who_stays_reads_the_question(desk, staffed):
    waits(staffed, "n1")
    desk("claim", "n1", "--agent", "ann", check=True)
    bo = Staying(staffed, "bo")
    try:
        bo.next("online")
        desk("agent", "be", "busy", "--agent", "ann", check=True)
        desk("consult", "ask", "n1", "Ours?", "--of", "bo", "--agent", "ann", check=True)
        said = bo.next("asked")
        assert (said["number"], said["asked_by"], said["question"]) == ("n1", "ann", "Ours?")
    finally:
        bo.process.kill()
        bo.process.communicate(timeout=10)


def test_what_came_of_it_is_one_of_the_list(desk, staffed):
    waits(staffed, "n1")
    desk("claim", "n1", "--agent", "ann", check=True)
    wrong = desk("resolve", "n1", "--disposition", "refundet", "--agent", "ann")
    assert wrong.returncode == 1
    assert "did you mean 'refunded'?" in wrong.stderr
    silent = desk("resolve", "n1", "--disposition", "other", "--agent", "ann")
    assert "'other' needs a comment" in silent.stderr
    assert inquiry(staffed, "n1")["state"] == "assigned"
    words = ("--disposition", "other", "--comment", "called the bank")
    desk("resolve", "n1", *words, "--agent", "ann", check=True)
    (data,) = [e["data"] for e in events(staffed, "n1") if e["kind"] == "inquiry.resolved"]
    assert (data["disposition"], data["comment"], data["queue"]) == (
        "other", "called the bank", "security",
    )  # fmt: skip


def test_who_is_offline_can_neither_claim_nor_reply(desk, staffed):
    waits(staffed, "n1")
    desk("agent", "be", "offline", "--agent", "ann", check=True)
    for words in (("claim", "n1"), ("claim", "--queue", "security"), ("reply", "n1", "Hello.")):
        done = desk(*words, "--agent", "ann")
        assert done.returncode == 1
        assert "ann is offline" in done.stderr
    assert inquiry(staffed, "n1")["state"] == "queued"


def test_the_list_says_who_is_outside_working_hours(desk, inside, staffed):
    seen = present(agents_on(inside, staffed))
    assert seen["ann"]["at_work"] is True
    assert seen["chen"]["at_work"] is False
    assert "busy, off hours" in desk("agent", "list", check=True).stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[agents.dora]\nqueues = ["general"]\nshift = "latr"', "agents.dora.shift: there is no shift"),
        ('[dispositions.x]\nqueues = ["carts"]', "dispositions.x.queues: there is no queue 'carts'"),
        ("[shifts.x]\nsend_home = true", "shifts.x.send_home: there is no such setting"),
    ],
)  # fmt: skip
def test_what_the_settings_say_wrong_of_it_is_named(desk, staffed, more, said):
    with (staffed / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{more}\n")
    done = desk("agent", "list")
    assert done.returncode == 2
    assert said in done.stderr
    assert "did you mean" in done.stderr
