"""The versions of a knowledge base: kept whole, put in force in one step, and gone back to."""

import json
import os
import subprocess
import sys

import pytest

from gateway.answers import versions
from gateway.answers.versions import Entry, VersionError, Versions, content


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "templates"
    (folder / "topics").mkdir(parents=True)
    (folder / "topics" / "a.txt").write_text("a\n")
    (folder / "pages").mkdir()
    (folder / "pages" / "page.html").write_text("<p>")
    return folder


@pytest.fixture
def kept(tmp_path):
    return Versions(tmp_path / "data" / "knowledge")


def take(kept, source, version, text=None, at=1.0):
    """Put another text in force as a version."""
    if text is not None:
        (source / "topics" / "a.txt").write_text(text)
    with kept.lock():
        kept.keep(source, version, "1", content(source))
        entry = Entry(at, versions.IN_FORCE, version, kept.current, "", content(source))
        kept.promote(entry)


def back(kept, version):
    record = kept.record(kept.current)
    with kept.lock():
        kept.roll_back(
            Entry(9.0, versions.ROLLED_BACK, version, kept.current, "", record.content, by="lin")
        )


def test_nothing_is_in_force_before_the_first(kept):
    assert kept.current == ""
    assert kept.kept() == []
    assert kept.history() == []
    assert not kept.whole("")


def test_the_copy_is_the_knowledge_and_nothing_else(kept, source):
    take(kept, source, "v1")
    assert kept.current == "v1"
    assert kept.whole("v1")
    assert (kept.path("v1") / "topics" / "a.txt").read_text() == "a\n"
    assert not (kept.path("v1") / "pages").exists()


def test_editing_the_folder_does_not_change_the_copy(kept, source):
    take(kept, source, "v1")
    (source / "topics" / "a.txt").write_text("half")
    assert (kept.path("v1") / "topics" / "a.txt").read_text() == "a\n"
    assert kept.whole("v1")


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "record"])
def test_a_damaged_copy_is_noticed_and_made_anew(kept, source, damage):
    take(kept, source, "v1")
    file = kept.path("v1") / "topics" / "a.txt"
    match damage:
        case "changed":
            file.write_text("b\n")
        case "removed":
            file.unlink()
        case "added":
            file.with_name("b.txt").write_text("b")
        case "record":
            (kept.folder / "v1.json").write_text("{")
    assert not kept.whole("v1")
    kept.keep(source, "v1", "1", content(source))
    assert kept.whole("v1")


def test_a_death_while_copying_leaves_no_version(kept, source, monkeypatch):
    take(kept, source, "v1")

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copytree", die)
    (source / "topics" / "a.txt").write_text("b\n")
    with pytest.raises(KeyboardInterrupt):
        kept.keep(source, "v2", "1", content(source))
    assert kept.kept() == ["v1"]
    assert kept.current == "v1"


def test_files_that_change_while_they_are_copied_are_refused(kept, source, monkeypatch):
    real = versions.shutil.copytree

    def edited(*places, **options):
        done = real(*places, **options)
        (kept.folder / f".v1.{os.getpid()}" / "topics" / "a.txt").write_text("half of it")
        return done

    monkeypatch.setattr(versions.shutil, "copytree", edited)
    with pytest.raises(VersionError, match="has changed meanwhile"):
        kept.keep(source, "v1", "1", content(source))
    assert kept.kept() == []
    assert list(kept.folder.glob(".v1*")) == []


def test_files_that_changed_since_they_were_judged_are_refused(kept, source):
    digest = content(source)
    (source / "topics" / "a.txt").write_text("edited meanwhile")
    with pytest.raises(VersionError, match="has changed meanwhile"):
        kept.keep(source, "v1", "1", digest)
    assert kept.kept() == []


def test_only_the_last_ten_are_kept_and_the_one_in_force_always(kept, source):
    for number in range(14):
        take(kept, source, f"v{number}", f"{number}", at=float(number))
    assert kept.kept() == [f"v{number}" for number in range(13, 3, -1)]
    assert len(list(kept.folder.glob("v*.json"))) == versions.KEPT


def test_a_roll_back_leads_to_the_version_before_and_then_further(kept, source):
    for version in ("v1", "v2", "v3"):
        take(kept, source, version, version)
    assert kept.before("v3") == "v2"
    back(kept, "v2")
    assert kept.current == "v2"
    assert kept.before("v2") == "v1"
    back(kept, "v1")
    assert kept.before("v1") == ""


def test_what_was_rolled_back_counts_as_left_until_it_is_taken_again(kept, source):
    take(kept, source, "v1", "1")
    take(kept, source, "v2", "2")
    back(kept, "v1")
    assert kept.left("v2")
    assert not kept.left("v1")
    assert kept.verdict(content(source)).event == versions.ROLLED_BACK
    take(kept, source, "v2")
    assert not kept.left("v2")


def test_a_version_that_is_not_whole_is_no_way_back(kept, source):
    take(kept, source, "v1", "1")
    take(kept, source, "v2", "2")
    (kept.path("v1") / "topics" / "a.txt").write_text("x")
    assert kept.before("v2") == ""
    with pytest.raises(VersionError, match="is not kept here any more"):
        back(kept, "v1")
    assert kept.current == "v2"


def test_a_line_cut_short_does_not_hide_the_others(kept, source):
    take(kept, source, "v1", "1")
    with (kept.folder / "history.jsonl").open("a") as file:
        file.write('{"at": 1.0, "ev')
    take(kept, source, "v2", "2")
    assert [entry.version for entry in kept.history()] == ["v1", "v2"]


def test_measures_are_remembered_with_the_version(kept, source):
    take(kept, source, "v1")
    kept.measured("v1", "basis", {"accuracy": 0.9})
    assert kept.record("v1").measures == {"basis": {"accuracy": 0.9}}
    assert kept.whole("v1")


def test_only_one_process_judges_at_a_time(kept):
    with kept.lock("judging") as ours:
        assert ours
        code = (
            "import sys; from pathlib import Path; from gateway.answers.versions import Versions\n"
            "with Versions(Path(sys.argv[1])).lock('judging', wait=False) as ours: print(ours)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, kept.folder],
            capture_output=True, text=True, check=True, timeout=30,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.stdout.strip() == "False"
    with kept.lock("judging", wait=False) as ours:
        assert ours


def test_a_folder_that_cannot_be_written_is_named(tmp_path, source):
    (tmp_path / "data").write_text("a file")
    with (
        pytest.raises(VersionError, match="cannot write to"),
        Versions(tmp_path / "data" / "knowledge").lock(),
    ):
        pytest.fail("it was locked")


def test_the_history_is_plain_json(kept, source):
    take(kept, source, "v1")
    (line,) = (kept.folder / "history.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["event"] == "in_force"
