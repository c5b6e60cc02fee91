"""The whole story, as `gateway demo --headless --check` plays it."""

import logging
import subprocess
import time

import pytest

from gateway.demo import story
from gateway.demo.cast import Words
from gateway.demo.scenes import SCENES, Scene
from gateway.demo.stage import Stage


def test_headless_check_sees_every_scene_and_leaves_nothing(start_demo, tmp_path):
    started = time.monotonic()
    demo = start_demo(headless=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = demo.communicate(timeout=60)
    text = out.decode()
    assert demo.returncode == 0, text + err.decode()
    assert time.monotonic() - started < 60
    lines = text.splitlines()
    assert [line[0] for line in lines[:-1]] == ["✓"] * len(SCENES)
    assert all(line.endswith(" ms") for line in lines[:-1])
    assert lines[-1].startswith(f"{len(SCENES)} of {len(SCENES)} scenes seen")
    assert "12 inquiries in zh-CN, en" in lines[-2]
    assert err == b""
    assert list((tmp_path / "tmp").iterdir()) == []


async def _nothing(stage: Stage) -> None:
    stage.show(True, "看到了", "it was there")


async def _missing(stage: Stage) -> None:
    stage.show(True, "前一半", "the first half")
    stage.show(False, "后一半", "the second half")


async def _broken(stage: Stage) -> None:
    raise KeyError("no such thing")


def _scenes(*plays):
    return tuple(Scene(Words(f"第{n}幕", f"act {n}"), play) for n, play in enumerate(plays))


def test_a_scene_that_is_not_seen_fails_alone_and_the_check_exits_1(monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr(story, "SCENES", _scenes(_missing, _broken, _nothing))
    assert story.run(headless=True, check=True, keep=None, port=0) == 1
    first, second, third, result = capsys.readouterr().out.splitlines()
    assert first.startswith("✗  0 act 0 | the first half; NOT SEEN: the second half |")
    assert second.startswith("✗  1 act 1 | NOT SEEN: KeyError: 'no such thing' |")
    assert third.startswith("✓  2 act 2 | it was there |")
    assert result.startswith("1 of 3 scenes seen")


def test_without_check_the_exit_status_says_only_that_it_ran(monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setattr(story, "SCENES", _scenes(_missing))
    handlers = logging.getLogger().handlers[:]
    # No terminal: the same as headless, and it ends by itself.
    assert story.run(headless=False, check=False, keep=None, port=0) == 0
    assert "没有看到：后一半" in capsys.readouterr().out
    assert logging.getLogger().handlers == handlers


def test_keep_leaves_the_data_and_refuses_a_folder_with_something_in_it(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(story, "SCENES", _scenes(_nothing))
    kept = tmp_path / "kept"
    assert story.run(headless=True, check=True, keep=kept, port=0) == 0
    assert {"gateway.sqlite", "installation.key", "demo.log"} <= {f.name for f in kept.iterdir()}
    capsys.readouterr()
    assert story.run(headless=True, check=True, keep=kept, port=0) == 1
    assert f"--keep: {kept} is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LC_ALL": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.GBK"}, "zh-CN"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_the_language_is_that_of_the_terminal(monkeypatch, variables, language):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert story._language() == language
