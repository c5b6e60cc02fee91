"""`gateway announcements` on the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.processes import until, with_callback

SHORT = "--short"
ZH, EN = "zh-CN=充值到账有延迟，资金安全", "en=Top-ups are late; your money is safe"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture
def announcements(inside, made):
    """Run one of the commands on a data directory on which a gateway has run."""

    def run(verb, *words, **more):
        return inside("announcements", verb, *words, "--data-dir", made, **more)

    return run


def add(announcements, *words, **more):
    usual = ("--topic", "topup_not_arrived", "--until", TOMORROW, SHORT, ZH, SHORT, EN)
    return announcements("add", *usual, "--agent", "lin", "--json", *words, **more)


def test_it_is_made_listed_shown_and_ended(announcements):
    made = json.loads(add(announcements, "--over", "en=It is over", check=True).stdout)
    (row,) = json.loads(announcements("list", "--json", check=True).stdout)
    assert (row["id"], row["state"], row["created_by"]) == (made["id"], "in force", "lin")
    assert row["words"]["zh-CN"]["short"] == "充值到账有延迟，资金安全。"
    assert row["words"]["en"]["over"] == "It is over."
    assert "in force" in announcements("list", check=True).stdout

    shown = announcements("show", made["id"], check=True).stdout
    assert "topup_not_arrived" in shown
    assert "no inquiry" in shown
    ended = announcements("end", made["id"], "--agent", "wang", check=True).stdout
    assert ended == f"{made['id']} is over; nobody got it\n"
    assert json.loads(announcements("list", "--json", check=True).stdout) == []
    assert announcements("list", check=True).stdout == "no announcement is in force or to come\n"
    (row,) = json.loads(announcements("list", "--all", "--json", check=True).stdout)
    assert (row["state"], row["ended_by"]) == ("over", "wang")
    again = announcements("end", made["id"], "--agent", "wang")
    assert (again.returncode, "is over since" in again.stderr) == (1, True)
    assert announcements("show", "nothing").returncode == 1


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_made(announcements):
    done = announcements(
        "add", "--topic", "topup_not_arived", "--until", TOMORROW, "--agent", "lin",
        SHORT, "zh-CN=详情请拨打010-12345678",
    )  # fmt: skip
    assert done.returncode == 1
    for said in ("did you mean 'topup_not_arrived'?", "en has no short text", "'010-12345678'"):
        assert said in done.stderr
    assert json.loads(announcements("list", "--all", "--json", check=True).stdout) == []


def test_a_text_that_is_too_long_for_an_sms_is_refused_by_how_much(announcements):
    done = add(announcements, SHORT, f"en={'x' * 280}")
    assert done.returncode == 1
    assert "the short text in en makes an SMS of more than 2 parts; make it " in done.stderr


@pytest.mark.parametrize("words", [
    ("--until", "tomorrow"), ("--from", "25:00"), (SHORT, "no language"), ("--long", "en="),
])  # fmt: skip
def test_what_cannot_be_read_exits_with_2(announcements, words):
    assert add(announcements, *words).returncode == 2


def test_one_that_is_past_is_refused(announcements):
    done = add(announcements, "--until", "2020-01-01 10:00")
    assert (done.returncode, "later --until" in done.stderr) == (1, True)


def test_one_to_come_is_listed_as_such(announcements):
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    add(announcements, "--from", later, check=True)
    (row,) = json.loads(announcements("list", "--json", check=True).stdout)
    assert row["state"] == "to come"


def test_try_says_it_as_live_traffic_would(announcements, inside, made):
    def reply(*words):
        done = inside(
            "try", "text", "我的充值没有到账，怎么办", *words, "--data-dir", made, check=True
        )
        return json.loads(done.stdout)["reply"]

    assert "充值到账有延迟" not in reply()
    add(announcements, check=True)
    assert "充值到账有延迟" in reply()
    assert "充值到账有延迟" in reply("--channel", "sms")


def test_beside_a_running_gateway_it_is_said_and_its_end_is_told(inside, home, serving, callback):
    url, taken = callback
    with_callback(home, url)
    with serving("--data-dir", home) as gateway:

        def run(verb, *words):
            done = inside("announcements", verb, *words, "--data-dir", home, check=True)
            return done.stdout

        made = json.loads(run(
            "add", "--topic", "topup_not_arrived", "--until", TOMORROW, SHORT, ZH, SHORT, EN,
            "--agent", "lin", "--json",
        ))  # fmt: skip
        body = {"id": "m1", "sender": "u7", "text": "我的充值没有到账，怎么办"}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200
        assert "充值到账有延迟" in taken.get(timeout=60)["text"]
        assert "told so now: 1" in run("end", made["id"], "--agent", "lin")
        assert "恢复正常" in taken.get(timeout=60)["text"]
        shown = until(
            lambda: (found := json.loads(run("show", made["id"], "--json")))["outcomes"]
            == {"told": 1} and found
        )  # fmt: skip
        assert [row["outcome"] for row in shown["touched"]] == ["told"]
