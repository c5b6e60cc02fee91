"""`gateway agent`: on the floor from the command line, and gone with the process."""

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.domain.model import InquiryState
from gateway.routing.model import rank
from tests.cli.processes import COMMAND, beside, environment, until
from tests.store.rows import arrival, moved, put

LEASE = 5
#: What may pass between the end of a lease and the offer: a look every 0.1 s, two commits, a busy machine.
SLACK = 3.0
STAFF = f"""
[queues.security]
title = "Security"
strategy = "ring_all"

[queues.cards]
title = "Cards"
skills = {{ card = 2 }}

[queues.general]
title = "General"

[routing]
lease_seconds = {LEASE}

[agents.ann]
queues = ["security", "cards"]
skills = {{ card = 3 }}
capacity = 2

[agents.bo]
queues = {{ security = 1, general = 2 }}
"""


@pytest.fixture
async def staffed(made):
    """A data directory on which a gateway has run, with agents."""
    with (made / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(STAFF)
    return made


@pytest.fixture
def floor(inside, staffed):
    """The agents' commands, without a gateway."""
    return agents_on(inside, staffed)


def agents_on(run, home):
    def agent(verb, *words, **more):
        return run("agent", verb, *words, "--data-dir", home, **more)

    return agent


def waits(home, name: str, queue: str = "security", lane: str = "") -> None:
    """Somebody wrote, and it waits; the gateway has looked at it."""

    async def work(office: Any) -> None:
        now = office.clock.now()
        place = {"queue": queue, "lane": lane or f"{queue}|1|", "handicap": rank(0.0, 5)}
        await put(
            office.store, arrival(name, sender=name, number=name), moved(name, **place), now=now
        )
        await office.floor.look()

    beside(home, work)


def inquiry(home, number: str) -> dict[str, Any]:
    return beside(
        home,
        lambda office: office.store.read(
            lambda reader: dict(reader.one("inquiries.by_number", number=number))
        ),
    )


def events(home, number: str) -> list[dict[str, Any]]:
    rows = beside(
        home,
        lambda office: office.store.read(
            lambda reader: [
                dict(row)
                for row in reader.all(
                    "events.of_inquiry",
                    inquiry_id=reader.one("inquiries.by_number", number=number)["id"],
                )
            ]
        ),
    )
    return [{**row, "data": json.loads(row["data"])} for row in rows]


def present(agent) -> dict[str, dict[str, Any]]:
    return {row["agent"]: row for row in json.loads(agent("list", "--json", check=True).stdout)}


# ---------------------------------------------------------------- one after another


def test_who_comes_is_offered_what_waits_and_accepts_it(floor, staffed):
    assert present(floor)["ann"] == {
        "agent": "ann", "presence": "offline", "at_work": True, "since": None, "seen_at": None,
        "load": 0, "capacity": 2, "queues": {"security": 1, "cards": 1}, "skills": {"card": 3},
    }  # fmt: skip
    waits(staffed, "n1")
    done = floor("be", "online", "--agent", "ann", check=True)
    assert done.stdout == "ann is online; offered: n1\n"
    assert "gateway agent stay" in done.stderr
    (offer,) = json.loads(floor("offers", "--agent", "ann", "--json", check=True).stdout)
    assert (offer["number"], offer["queue"], offer["weight"]) == ("n1", "security", 1)
    assert offer["until"] - offer["offered_at"] == pytest.approx(60)
    assert "n1" in floor("offers", "--agent", "ann", check=True).stdout
    assert floor("accept", "n1", "--agent", "ann", check=True).stdout == "n1 is with ann\n"
    assert floor("offers", "--agent", "ann", check=True).stdout == "nothing is offered to ann\n"
    seen = present(floor)
    assert (seen["ann"]["presence"], seen["ann"]["load"]) == ("online", 1)
    assert seen["ann"]["since"] <= seen["ann"]["seen_at"] <= time.time()
    assert "1 of 2" in floor("list", check=True).stdout
    assert inquiry(staffed, "n1")["assigned_to"] == "ann"


def test_what_is_declined_goes_to_another_and_the_reason_is_kept_without_secrets(floor, staffed):
    floor("be", "online", "--agent", "ann", check=True)
    waits(staffed, "n1")
    why = "my cousin, card 6222021234567890128"
    floor("decline", "n1", "--reason", why, "--agent", "ann", check=True)
    assert "offered: n1" in floor("be", "online", "--agent", "bo", check=True).stdout
    (back,) = [e["data"] for e in events(staffed, "n1") if e["kind"] == "inquiry.returned"]
    assert (back["agent"], back["why"]) == ("ann", "declined")
    assert back["reason"] == "my cousin, card [card ****0128]"
    over = floor("accept", "n1", "--agent", "ann")
    assert (over.returncode, "this offer is over" in over.stderr) == (1, True)


def test_the_next_is_taken_handed_on_and_given_by_a_supervisor(floor, staffed):
    for agent in ("ann", "bo"):
        floor("be", "busy", "--agent", agent, check=True)
    waits(staffed, "n1", "cards", "cards|1|card:2")
    assert floor("next", "--agent", "bo", check=True).stdout == "nothing waits that bo can take\n"
    assert floor("next", "--agent", "ann", check=True).stdout == "n1 is with ann\n"
    second = floor("take", "n1", "--agent", "bo")
    assert (second.returncode, "ann has it" in second.stderr) == (1, True)
    assert floor("take", "n1", "--agent", "bo", "--by", "chief", check=True)
    given = [e["data"] for e in events(staffed, "n1") if e["kind"] == "inquiry.assigned"][-1]
    assert given == {"agent": "bo", "by": "chief"}
    wrong = floor("transfer", "n1", "nowhere", "--agent", "bo")
    assert (wrong.returncode, "there is no queue 'nowhere'" in wrong.stderr) == (1, True)
    handed = floor("transfer", "n1", "general", "--agent", "bo", check=True)
    assert handed.stdout == "n1 waits in general\n"
    row = inquiry(staffed, "n1")
    assert (row["queue"], row["state"], row["assigned_to"]) == ("general", InquiryState.QUEUED, "")


def test_who_is_away_gives_back_offers_and_who_is_offline_everything(floor, staffed):
    floor("be", "online", "--agent", "ann", check=True)
    waits(staffed, "n1")
    floor("accept", "n1", "--agent", "ann", check=True)
    waits(staffed, "n2")
    floor("be", "away", "--agent", "ann", check=True)
    assert [inquiry(staffed, n)["state"] for n in ("n1", "n2")] == ["assigned", "queued"]
    assert floor("be", "offline", "--agent", "ann", check=True).stdout == "ann is offline\n"
    assert [inquiry(staffed, n)["state"] for n in ("n1", "n2")] == ["queued", "queued"]


@pytest.mark.parametrize(
    "words",
    [("accept", "n1"), ("decline", "n1"), ("next",), ("take", "n1"), ("transfer", "n1", "cards"),
     ("take", "n1", "--by", "chief"), ("offers",)],
    ids=" ".join,
)  # fmt: skip
def test_who_is_offline_takes_nothing(floor, staffed, words):
    waits(staffed, "n1")
    done = floor(*words, "--agent", "ann")
    assert done.returncode == 1
    assert "ann is offline" in done.stderr
    assert done.stderr.count("\n") == 1
    assert inquiry(staffed, "n1")["state"] == "queued"


def test_a_name_that_is_not_in_the_settings_is_refused_with_those_that_are(floor):
    for words in (("be", "online"), ("next",), ("stay",)):
        done = floor(*words, "--agent", "nina")
        assert done.returncode == 1
        assert "no agent 'nina' in the settings (ann, bo)" in done.stderr
    assert floor("be", "wrap_up", "--agent", "ann").returncode == 2


def test_without_agents_the_list_says_how_to_add_some(inside, made):
    done = inside("agent", "list", "--data-dir", made, check=True)
    assert done.stdout == "no agent is in the settings; add [agents.NAME]\n"


# ---------------------------------------------------------------- at once


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_of_two_who_accept_at_once_one_wins_and_the_other_is_told_who(
    cli, inside, staffed, engine, request
):
    if engine == "postgres":
        file = staffed / "gateway.toml"
        url = request.getfixturevalue("database")
        file.write_text(f'database = "{url}"\n{file.read_text("utf-8")}', "utf-8")
        inside("db", "migrate", "--data-dir", staffed, check=True)
    agent = agents_on(inside, staffed)
    for turn in ("t1", "t2", "t3"):
        for name in ("ann", "bo"):
            agent("be", "online", "--agent", name, check=True)
        waits(staffed, turn)
        with ThreadPoolExecutor(2) as both:
            done = dict(
                zip(
                    ("ann", "bo"),
                    both.map(
                        lambda name, turn=turn: agents_on(cli, staffed)(
                            "accept", turn, "--agent", name
                        ),
                        ("ann", "bo"),
                    ),
                    strict=True,
                )
            )
        assert sorted(one.returncode for one in done.values()) == [0, 1], done
        (winner,) = [name for name, one in done.items() if one.returncode == 0]
        (loser,) = {"ann", "bo"} - {winner}
        assert done[winner].stdout == f"{turn} is with {winner}\n"
        assert done[loser].stderr == f"gateway: this offer is over; {winner} has it\n"
        assert inquiry(staffed, turn)["assigned_to"] == winner
        inside("resolve", turn, "--agent", winner, "--data-dir", staffed, check=True)


# ---------------------------------------------------------------- as long as a process lives


class Staying:
    """A running `gateway agent stay --json`."""

    def __init__(self, home, agent: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "agent", "stay", "--json", "--agent", agent, "--data-dir", str(home)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
        )  # fmt: skip

    def next(self, event: str) -> dict[str, Any]:
        """The next event of this kind; fails when the process ends before."""
        for said in self.process.stdout:
            found = json.loads(said)
            if found["event"] == event:
                return found
        pytest.fail(f"it ended without {event!r}: {self.process.stderr.read()}")


@pytest.fixture
def staying(staffed):
    started: list[Staying] = []

    def start(agent: str) -> Staying:
        started.append(Staying(staffed, agent))
        assert started[-1].next("online")["agent"] == agent
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(10)
        one.process.stdout.close()
        one.process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_stays_sees_offers_come_and_go_and_leaves_with_the_signal(
    floor, staffed, staying, number
):
    ann = staying("ann")
    assert present(floor)["ann"]["presence"] == "online"
    waits(staffed, "n1")
    assert ann.next("offered")["number"] == "n1"
    floor("decline", "n1", "--agent", "ann", check=True)
    assert ann.next("over")["number"] == "n1"
    ann.process.send_signal(number)
    assert ann.next("offline")["agent"] == "ann"
    assert ann.process.wait(10) == 0
    assert present(floor)["ann"]["presence"] == "offline"


def test_who_stays_is_heard_of_until_somebody_says_offline_for_them(floor, staying):
    ann = staying("ann")
    first = present(floor)["ann"]["seen_at"]
    until(lambda: present(floor)["ann"]["seen_at"] > first + LEASE / 4)
    floor("be", "offline", "--agent", "ann", check=True)
    assert ann.process.wait(LEASE) == 1
    assert "ann is offline" in ann.process.stderr.read()


def test_the_work_of_a_killed_agent_is_offered_to_another_within_the_lease(
    inside, staffed, serving, staying
):
    agent = agents_on(inside, staffed)
    with serving("--data-dir", staffed) as gateway:
        ann = staying("ann")
        body = {"id": "m1", "sender": "u7", "text": "Someone I do not know paid with my account"}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200
        number = ann.next("offered")["number"]
        agent("accept", number, "--agent", "ann", check=True)
        bo = staying("bo")
        assert inquiry(staffed, number)["assigned_to"] == "ann"

        ann.process.send_signal(signal.SIGKILL)
        killed = time.time()
        ann.process.wait(10)
        offered = bo.next("offered")
        assert offered["number"] == number
        assert offered["offered_at"] - killed <= LEASE + SLACK

        log = events(staffed, number)
        back = next(e for e in log if e["kind"] == "inquiry.returned")
        assert (back["data"]["agent"], back["data"]["why"]) == ("ann", "vanished")
        (again,) = [e for e in log if e["kind"] == "inquiry.offered" and e["data"]["agent"] == "bo"]
        assert killed <= back["at"] <= again["at"] <= killed + LEASE + SLACK
        assert ["ann", "offline"] in again["data"]["considered"]
        assert present(agent)["ann"]["presence"] == "offline"
        agent("accept", number, "--agent", "bo", check=True)
        assert inquiry(staffed, number)["assigned_to"] == "bo"
