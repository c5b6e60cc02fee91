"""A stage for single scenes, and the demo as a process of its own."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.demo.progress import Act, Progress
from gateway.demo.scenes import SCENES
from gateway.demo.stage import Stage, staged
from gateway.demo.story import play

COMMAND = "from gateway.demo.story import run; raise SystemExit(run({headless}, True, None, 0))"


def scene_number(title: str) -> int:
    """The place of the scene with this English title."""
    return next(n for n, scene in enumerate(SCENES) if scene.title.en == title)


@pytest.fixture
def on_stage(tmp_path: Path) -> Callable[[], object]:
    """Opens a stage on a fresh data directory."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        async with staged(tmp_path, 0, Progress([Act(scene.title) for scene in SCENES])) as stage:
            yield stage

    return opened


@pytest.fixture
def act() -> Callable[[Stage, str], object]:
    """Plays the scene of a title; what came of it."""

    async def played(stage: Stage, title: str) -> Act:
        number = scene_number(title)
        await play(stage, SCENES[number], number)
        return stage.progress.acts[number]

    return played


@pytest.fixture
def start_demo(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts the demo as a process; its temporary files go to `tmp_path / "tmp"`."""
    folder = tmp_path / "tmp"
    folder.mkdir()

    def start(
        *, headless: bool, language: str = "en_US.UTF-8", **options: object
    ) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "TMPDIR": str(folder),
            "LC_ALL": language,
            "TERM": "xterm-256color",
            "PYTHONUTF8": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND.format(headless=headless)], env=environment, **options
        )

    return start
