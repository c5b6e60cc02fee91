"""`gateway kb check|train|status|rollback`, alone and beside a gateway that follows them."""

import json
import shutil

import pytest

from gateway.answers.versions import Versions
from tests.answers.small import small_base, spoil
from tests.cli.processes import SETTINGS, with_callback
from tests.cli.processes import until as until_within

#: Learning takes a processor for seconds, several times a test, on a machine that others use as well.
pytestmark = pytest.mark.timeout(300)
TOPICS = ("password_reset", "bind_card", "complaint", "thanks")
ANSWER = "topics/password_reset/long.en.md.j2"


def until(look):
    return until_within(look, seconds=90)


@pytest.fixture
def kb(home):
    """A data directory with a small knowledge base of its own, and its folder."""
    folder = small_base(home / "templates", TOPICS, calibration=True)
    text = f'templates = "templates"\n{SETTINGS}'.replace(
        "[accounts.mail]", '[answers]\nengine = "lexical"\nalpha = 0.2\n\n[accounts.mail]'
    )
    (home / "gateway.toml").write_text(text, "utf-8")
    return folder


def edit(folder, text):
    (folder / ANSWER).write_text(f"Hello, {text}: tap Forgot password.\n", "utf-8")


@pytest.fixture
def run(inside, home):
    def command(*words, **more):
        return inside("kb", *words, "--data-dir", home, **more)

    return command


def status(run):
    return json.loads(run("status", "--json", check=True).stdout)


# ---------------------------------------------------------------- check


def test_check_lists_everything_and_fails(run, kb):
    (kb / "topics/bind_card/short.en.md.j2").unlink()
    (kb / "topics/bind_card/voice.en.md.j2").write_text("Call 400-123-4567 {{ customer }}\n")
    done = run("check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(
        line.startswith("topics/bind_card/short.en.md.j2: error [missing]") for line in lines
    )
    assert any(
        line.startswith("topics/bind_card/voice.en.md.j2:1: error [variable]") for line in lines
    )
    assert any("contains a number" in line for line in lines)
    assert all(
        lines[i + 1].startswith("    → ") for i, line in enumerate(lines) if ": error" in line
    )
    errors = sum(": error [" in line for line in lines)
    assert errors >= 3
    assert lines[-1].startswith(f"{errors} errors, ")
    assert "examples it has not learnt" in done.stderr


def test_check_of_a_clean_one_is_green(run, kb):
    found = json.loads(run("check", "--json", check=True).stdout)
    assert found["ok"]
    assert 0.5 < found["held_out_accuracy"] <= 1
    assert all(one["severity"] == "warning" for one in found["findings"])


def test_check_looks_at_the_brands_of_the_settings(run, kb, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('[brands.pay]\nname = "Pay"\n[brands.pay.facts]\nhours = "9:00-26:00"\n')
    done = run("check")
    assert done.returncode == 1
    line = len((home / "gateway.toml").read_text("utf-8").splitlines())
    assert f"gateway.toml:{line}: error [hours] brand pay: hours" in done.stdout


def test_check_takes_another_folder(run, kb, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(kb, other)
    (other / ANSWER).unlink()
    assert run("check").returncode == 0
    assert run("check", "--templates", other).returncode == 1
    done = run("check", "--templates", tmp_path / "none")
    assert done.returncode == 2
    assert "there is no folder" in done.stderr


# ---------------------------------------------------------------- train, status, rollback


def test_the_first_version_is_taken_and_measured(run, kb):
    before = status(run)
    assert (before["version"], before["kept"]) == ("", [])
    done = run("train", check=True)
    assert "is in force: the first version" in done.stdout
    assert "learning" in done.stderr
    after = status(run)
    assert after["version"] in done.stdout
    assert after["candidate"]["state"] == "in force"
    assert after["measures"]["accuracy"] > 0.5
    assert set(after["measures"]["certified"]) == {"zh-CN", "en"}
    assert after["engine"]["wish"] == "lexical"
    assert after["kept"] == [after["version"]]
    again = run("train", check=True)
    assert "it was before" in again.stdout
    assert len(status(run)["history"]) == 1


def test_a_worse_one_is_refused_and_the_one_in_force_stays(run, kb):
    run("train", check=True)
    version = status(run)["version"]
    spoil(kb)
    done = run("train", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["in_force"]
    assert told["fallen"]
    assert told["measures"]["accuracy"] < told["before"]["accuracy"]
    assert "refused: it recognises" in done.stderr
    assert f"version {version} stays in force" in done.stderr
    found = status(run)
    assert found["version"] == version
    assert found["candidate"]["state"] == "refused"
    assert "it recognises" in found["candidate"]["why"]
    shown = run("status", check=True).stdout
    assert "refused" in shown
    taken = run("train", "--anyway", "--agent", "lin", check=True)
    assert "anyway, though it recognises" in taken.stdout
    assert status(run)["version"] == told["version"]
    assert status(run)["history"][-1]["by"] == "lin"


def test_what_cannot_be_learnt_is_not_taken_anyway_either(run, kb):
    run("train", check=True)
    version = status(run)["version"]
    (kb / "topics/bind_card/topic.toml").write_text("] no [")
    done = run("train", "--anyway")
    assert done.returncode == 1
    assert "it cannot be read" in done.stderr
    assert status(run)["version"] == version


def test_a_roll_back_is_one_command_and_is_not_undone_by_itself(run, kb):
    run("train", check=True)
    first = status(run)["version"]
    edit(kb, "second")
    run("train", check=True)
    second = status(run)["version"]
    done = run("rollback", "--agent", "lin", check=True)
    assert f"version {first} is in force" in done.stdout
    found = status(run)
    assert found["version"] == first
    assert found["candidate"]["state"] == "rolled back"
    refused = run("train")
    assert refused.returncode == 1
    assert "was rolled back" in refused.stderr
    edit(kb, "third")
    run("train", check=True)
    assert status(run)["version"] not in {first, second}
    run("rollback", second, check=True)
    assert status(run)["version"] == second


@pytest.mark.parametrize(
    ("words", "why"), [([], "no version before"), (["feedfeedfeedfeed"], "is not kept here")]
)
def test_there_is_no_way_back_to_what_is_not_kept(run, kb, words, why):
    nothing = run("rollback")
    assert nothing.returncode == 1
    assert "nothing is in force yet" in nothing.stderr
    run("train", check=True)
    done = run("rollback", *words)
    assert done.returncode == 1
    assert why in done.stderr


def test_try_shows_what_the_version_in_force_says(inside, run, kb, home):
    run("train", check=True)
    edit(kb, "half an edit")
    done = inside("try", "text", "I forgot my password", "--data-dir", home, check=True)
    suggestion = json.loads(done.stdout)["suggestion"]
    assert suggestion
    assert "half an edit" not in suggestion


# ---------------------------------------------------------------- beside a running gateway


def certificates(inside, home):
    rows = json.loads(
        inside("certificates", "list", "--json", "--data-dir", home, check=True).stdout
    )
    return {(row["knowledge"].split(".")[0], row["scope"]): row["created_at"] for row in rows}


def test_a_running_gateway_follows_and_its_certificates_apply_again(
    inside, run, kb, home, serving, callback
):
    url, taken = callback
    with_callback(home, url)
    edit(kb, "first edition")
    with serving("--data-dir", home) as gateway:
        count = 0

        def answered(words):
            """Ask as somebody new; whether the automatic answer has these words."""
            nonlocal count
            count += 1
            question = {"id": f"m{count}", "sender": f"u{count}", "text": "I forgot my password"}
            assert gateway.post("app", json.dumps(question).encode())[0] == 200
            return words in taken.get(timeout=90)["text"]

        first = until(lambda: status(run)["version"])
        made = until(lambda: certificates(inside, home))
        until(lambda: answered("first edition"))
        edit(kb, "second edition")
        run("train", check=True)
        second = status(run)["version"]
        until(lambda: answered("second edition"))
        until(lambda: {version for version, _ in certificates(inside, home)} == {first, second})
        run("rollback", check=True)
        until(lambda: answered("first edition"))
        again = certificates(inside, home)
        assert {key: at for key, at in again.items() if key[0] == first} == made
        assert "Traceback" not in "".join(gateway.errors)
        told = [line for line in gateway.errors if "answers now" in line]
        assert [version in line for version, line in zip((second, first), told, strict=True)] == [
            True,
            True,
        ]


def test_a_worse_folder_does_not_take_over_at_the_next_start(inside, run, kb, home, serving):
    run("train", check=True)
    version = status(run)["version"]
    spoil(kb)
    with serving("--data-dir", home) as gateway:
        health = ("health", "--url", gateway.addresses["web"])
        warned = until(lambda: inside(*health, check=True).stderr)
        assert "was refused" in warned
        assert "it recognises" in warned
        assert status(run)["version"] == version
        assert any("was not taken" in line for line in gateway.errors)
    with serving("--data-dir", home) as gateway:
        until(lambda: inside("health", "--url", gateway.addresses["web"], check=True).stderr)
    assert len([e for e in status(run)["history"] if e["event"] == "refused"]) == 1


def test_a_running_gateway_says_what_a_command_refused(inside, run, kb, home, serving):
    with serving("--data-dir", home) as gateway:
        health = ("health", "--url", gateway.addresses["web"])
        until(lambda: status(run)["version"])
        assert inside(*health, check=True).stderr == ""
        spoil(kb)
        assert run("train").returncode == 1
        assert "it recognises" in until(lambda: inside(*health, check=True).stderr)


def test_a_better_folder_takes_over_after_the_start(run, kb, home, serving):
    run("train", check=True)
    version = status(run)["version"]
    edit(kb, "a new wording")
    with serving("--data-dir", home):
        until(lambda: status(run)["version"] != version)
    assert status(run)["candidate"]["state"] == "in force"


def test_a_broken_folder_does_not_stop_the_next_start(inside, run, kb, home, serving, cli):
    (kb / ANSWER).write_text("{{ nothing }}")
    refused = cli("serve", "--data-dir", home)
    assert refused.returncode == 1
    assert "unknown variable" in refused.stderr
    edit(kb, "mended")
    run("train", check=True)
    (kb / ANSWER).write_text("{{ nothing }}")
    with serving("--data-dir", home) as gateway:
        warned = until(
            lambda: inside("health", "--url", gateway.addresses["web"], check=True).stderr
        )
        assert "it cannot be read" in warned


def test_a_damaged_copy_is_made_anew_at_the_start(run, kb, home, serving):
    run("train", check=True)
    kept = Versions(home / "knowledge")
    (kept.path(kept.current) / ANSWER).write_text("damaged")
    with serving("--data-dir", home):
        until(lambda: kept.whole(kept.current))
    assert "damaged" not in (kept.path(kept.current) / ANSWER).read_text("utf-8")
