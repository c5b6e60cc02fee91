"""`gateway rules` and `gateway simulate`: what is wrong is named, what was decided is told."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import COMMAND, environment, until

RULES = """\
[[filter]]
name = "fraud"
when = 'inquiry.topic == "unknown_transaction"'

[[filter.target]]
queue = "security"
needs = { risk = 2 }
timeout = "1s"

[[filter.target]]
queue = "general"
priority = 2

[[filter]]
name = "english"
when = 'inquiry.language == "en"'

[[filter.target]]
queue = "@topic"
language = "preferred"
"""
AGENTS = """
[routing]
rules = "rules.toml"

[agents.ann]
queues = ["security", "payments"]

[agents.bo]
queues = ["general"]

[agents.chen]
queues = ["general"]
"""
CASES = """\
[[case]]
name = "fraud goes to security"
inquiry = { topic = "unknown_transaction" }
expect = { filter = "fraud", queue = "security", timeout = 1 }

[[case]]
name = "a refund in English"
inquiry = { topic = "refund", language = "en-GB" }
expect = { queue = "payments" }
"""


@pytest.fixture
def ruled(home):
    """A data directory with rules and agents."""
    (home / "rules.toml").write_text(RULES, "utf-8")
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(AGENTS)
    return home


@pytest.fixture
def rules(inside, ruled):
    def run(verb, *words, **more):
        return inside("rules", verb, *words, "--data-dir", ruled, **more)

    return run


# ---------------------------------------------------------------- check


def test_rules_that_are_right_are_counted_and_needs_that_nobody_has_are_told(rules):
    done = rules("check", check=True)
    assert done.stdout.splitlines()[-1] == "ok, 2 filters"
    assert "filter fraud, target 1: no agent of security can take it (needs risk 2)" in done.stdout
    assert "general" not in done.stdout
    found = json.loads(rules("check", "--json", check=True).stdout)
    assert (found["ok"], found["problems"], len(found["warnings"])) == (True, [], 1)
    assert found["file"].endswith("home/rules.toml")


def test_every_mistake_is_listed_with_its_line_and_a_reason(rules, tmp_path):
    wrong = RULES.replace('"general"', '"generl"').replace("inquiry.language", "inquiry.langage")
    file = tmp_path / "wrong.toml"
    file.write_text(wrong, "utf-8")
    done = rules("check", file)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert (
        "wrong.toml: line 11: filter fraud, target 2, queue: there is no queue 'generl'" in lines[0]
    )
    assert "wrong.toml: line 16: filter english, when: " in lines[1]
    assert "langage" in lines[1]
    assert lines[-1] == "2 mistakes"
    found = json.loads(rules("check", file, "--json").stdout)
    assert [problem["line"] for problem in found["problems"]] == [11, 16]
    assert not found["ok"]


@pytest.mark.parametrize(
    ("text", "said"), [("[[filter]", "is no TOML"), ("[other]\n", "no such table")]
)
def test_what_is_no_table_of_rules_is_said(rules, tmp_path, text, said):
    file = tmp_path / "wrong.toml"
    file.write_text(text, "utf-8")
    done = rules("check", file)
    assert (done.returncode, said in done.stdout) == (1, True)


def test_without_rules_there_is_nothing_to_check(inside, home):
    assert inside("rules", "check", "--data-dir", home, check=True).stdout.startswith("no rules")
    done = inside("rules", "check", "nowhere.toml", "--data-dir", home)
    assert (done.returncode, "nowhere.toml cannot be read" in done.stderr) == (1, True)


def test_wrong_rules_in_the_settings_are_found_by_the_check_of_the_settings(inside, ruled):
    (ruled / "rules.toml").write_text(RULES.replace("security", "securty"), "utf-8")
    done = inside("check", "--data-dir", ruled)
    assert done.returncode == 2
    assert "there is no queue 'securty'" in done.stderr


# ---------------------------------------------------------------- test


def test_cases_that_go_where_they_should_end_with_0(rules, tmp_path):
    (tmp_path / "cases.toml").write_text(CASES, "utf-8")
    done = rules("test", "cases.toml", check=True)
    assert done.stdout.splitlines()[-1] == "2 of 2 as expected"
    other = tmp_path / "other.toml"
    other.write_text(RULES.replace('"security"', '"payments"'), "utf-8")
    assert rules("test", "cases.toml", other).returncode == 1


def test_a_case_that_goes_elsewhere_ends_with_1_and_says_what_was_tried(rules, tmp_path):
    (tmp_path / "cases.toml").write_text(CASES.replace('"payments"', '"accounts"'), "utf-8")
    done = rules("test", "cases.toml")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "FAILED" in line]
    assert line.split("  ")[0] == "a refund in English"
    assert "queue payments" in line
    assert "- filter fraud: does not match" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 of 2 as expected"
    first, second = json.loads(rules("test", "cases.toml", "--json").stdout)
    assert (first["ok"], first["filter"]) == (True, "fraud")
    assert (second["ok"], second["expected"], second["got"]) == (
        False, {"queue": "accounts"}, {"queue": "payments"},
    )  # fmt: skip


def test_mistakes_in_the_cases_are_said_with_their_line(rules, tmp_path):
    (tmp_path / "cases.toml").write_text(CASES.replace("topic =", "tpoic ="), "utf-8")
    done = rules("test", "cases.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 1: case fraud goes to security: inquiry.tpoic: no such key" in done.stderr


def test_the_examples_of_the_page_are_right(inside, home, tmp_path):
    page = (Path(__file__).parents[2] / "docs/operate/routing.md").read_text("utf-8")
    settings, shifts, outcomes, example, cases = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "cases.toml").write_text(cases, "utf-8")
    (tmp_path / "rules.toml").write_text(example, "utf-8")
    words = ("cases.toml", "rules.toml", "--data-dir", home)
    assert inside("rules", "test", *words, check=True).stdout.endswith("1 of 1 as expected\n")
    (home / "rules.toml").write_text("", "utf-8")
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(f'{settings}{shifts}{outcomes}\n[queues.general]\ntitle = "General"\n')
    assert inside("check", "--data-dir", home, check=True).stdout.endswith("ok\n")


# ---------------------------------------------------------------- explain


def test_every_step_of_an_inquiry_is_told_in_both_languages(rules, inside, ruled, serving):
    at = ("--data-dir", ruled)
    with serving(*at) as gateway:
        for name, state in (("ann", "away"), ("bo", "online"), ("chen", "busy")):
            inside("agent", "be", state, "--agent", name, *at, check=True)
        body = {"id": "m1", "sender": "u7", "text": "Someone I do not know paid with my account"}
        assert gateway.post("app", json.dumps(body).encode())[0] == 200
        (offer,) = until(
            lambda: json.loads(
                inside("agent", "offers", "--json", "--agent", "bo", *at, check=True).stdout
            )
        )
        number = offer["number"]
        inside("agent", "decline", number, "--reason", "lunch", "--agent", "bo", *at, check=True)
        inside("agent", "take", number, "--agent", "ann", "--by", "chief", *at, check=True)
        gateway.stop()

    told = json.loads(rules("explain", number, "--json", check=True).stdout)
    assert (told["number"], told["state"], told["assigned_to"]) == (number, "assigned", "ann")
    kinds = [entry["kind"] for entry in told["trail"]]
    order = ["inquiry.queued", "inquiry.step", "inquiry.offered", "inquiry.returned"]
    places = [kinds.index(kind) for kind in [*order, "inquiry.assigned"]]
    assert places == sorted(places)
    times = [entry["at"] for entry in told["trail"]]
    assert times == sorted(times)

    shown = rules("explain", number, check=True).stdout
    assert shown.startswith(f"{number}  assigned  general  ann\n")
    for said in (
        "waits in security (needs risk 2), priority 0, by fraud",
        "- filter fraud: matches",
        "- fraud, target 1, queue security: is planned",
        "step 2 of the rule: queue general",
        "is offered to bo for 60 s",
        "- chen: busy",
        "bo declines, it waits again: lunch",
        "ann has it, given by chief",
    ):
        assert said in shown, shown
    chinese = rules("explain", number, "--lang", "zh-CN", check=True).stdout
    for said in (
        "规则 fraud",
        "规则第 2 步：队列 general",
        "chen：忙碌",
        "bo 谢绝，继续等候：lunch",
        "由 chief 分配给 ann",
    ):
        assert said in chinese, chinese


def test_an_inquiry_that_is_not_there_is_said_in_one_line(inside, made):
    done = inside("rules", "explain", "0-0", "--data-dir", made)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


# ---------------------------------------------------------------- simulate

SMALL = ("--inquiries", "300", "--agents", "8", "--queues", "3")


def test_the_same_seed_gives_the_same_day_in_every_process(tmp_path):
    """Another order of hashes must not be another day."""

    def day(*words, hashes):
        done = subprocess.run(
            [*COMMAND, "simulate", *SMALL, "--json", *words],
            capture_output=True, cwd=tmp_path, timeout=60, check=True,
            env=environment() | {"PYTHONHASHSEED": hashes},
        )  # fmt: skip
        return done.stdout

    first = day(hashes="1")
    assert day(hashes="2") == first
    assert json.loads(day("--seed", "2", hashes="1"))["digest"] != json.loads(first)["digest"]


def test_a_day_is_shown_as_a_table(inside):
    done = inside("simulate", *SMALL, check=True)
    head, *_ = done.stdout.splitlines()
    assert head.split()[:2] == ["queue", "taken"]
    for said in ("q00", "q02", "all", "occupancy", "digest"):
        assert said in done.stdout
    assert "300 have arrived" in done.stderr
    assert inside("simulate", "--agents", "0").returncode == 2
