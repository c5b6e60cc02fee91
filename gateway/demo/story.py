"""`gateway demo`: plays the story on a screen, on a page, or as one line a scene, and cleans up."""

import asyncio
import contextlib
import locale
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog
from aiohttp import web

from gateway.app import Gateway
from gateway.config import templates_dir
from gateway.demo.cast import Words
from gateway.demo.page import DemoPage
from gateway.demo.progress import Act, NotSeen, Progress
from gateway.demo.scenes import SCENES, Scene
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage, staged
from gateway.demo.watch import Watch
from gateway.domain.errors import GatewayError, SettingsError
from gateway.logs import configure_logging

#: Seconds one scene may take, pauses left out.
SCENE_SECONDS = 30.0
#: Seconds from the signal until the process is gone, whatever hangs.
STOP_SECONDS = 4.5
#: Seconds to read what was seen of a scene.
READING_SECONDS = 2.0
INTERRUPTED = 130
LOG_NAME = "demo.log"


def run(headless: bool, check: bool, keep: Path | None, port: int) -> int:
    """Play the story.

    Args:
        headless: one line a scene instead of the screen, no pauses; also when there is no terminal.
        check: the exit status says whether every scene was seen.
        keep: keep the data in this new folder; None: nothing is left behind.
        port: of the web server with the page; another one when it is used.

    Returns:
        The exit status: 0; 1 when it cannot start or, with `check`, when a scene was not seen;
        130 when it was interrupted before its end.
    """
    language = _language()
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that knows no Chinese shows question marks instead of ending the story.
        sys.stdout.reconfigure(errors="replace")
    progress = Progress([Act(scene.title) for scene in SCENES])
    try:
        asyncio.run(_main(headless or not sys.stdout.isatty(), keep, port, progress, language))
    except (GatewayError, OSError) as error:
        sys.stderr.write(f"gateway demo: {error}\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not progress.ended:
            return INTERRUPTED
    return 1 if check and not progress.complete else 0


async def _main(
    headless: bool, keep: Path | None, port: int, progress: Progress, language: str
) -> None:
    with _data_dir(keep) as data_dir, _stoppable(None if keep else data_dir), _log_into(data_dir):
        if headless:
            await _headless(data_dir, port, progress, language)
        else:
            await _on_screen(data_dir, port, progress, language)
    if keep is not None:
        look = f"gateway inquiries list --data-dir {keep}"
        _say(Words(f"数据留在 {keep}，可用 {look}", f"Kept in {keep}: try {look}").of(language))


# ---------------------------------------------------------------- the two ways to play it


async def _headless(data_dir: Path, port: int, progress: Progress, language: str) -> None:
    started = time.perf_counter()
    async with staged(data_dir, port, progress) as stage:
        for number, scene in enumerate(SCENES):
            await play(stage, scene, number)
            _say(_line(number, progress.acts[number], language))
        progress.ended = True
    _say(_result(progress, language, time.perf_counter() - started))


async def _on_screen(data_dir: Path, port: int, progress: Progress, language: str) -> None:
    _say(Words("网关正在启动 …", "The gateway is starting ...").of(language))
    started = took = time.perf_counter()
    watches: list[Watch] = []

    def routes(gateway: Gateway) -> Sequence[web.RouteDef]:
        watches.append(Watch(gateway.store))
        return DemoPage(progress, watches[0], templates_dir() / "pages" / "demo").routes()

    try:
        async with staged(data_dir, port, progress, pace=1.0, routes=routes) as stage:
            page = f"{stage.gateway.addresses['web']}/demo"
            screen = Screen(progress, watches[0], language, page)
            async with _beside(watches[0].run()), _beside(screen.run()):
                for number, scene in enumerate(SCENES):
                    await play(stage, scene, number)
                progress.ended = True
                took = time.perf_counter() - started
                await asyncio.Event().wait()  # until Ctrl-C: there is something to look at
    finally:
        # The screen is gone by now: what was seen stays in the terminal.
        for number, act in enumerate(progress.acts):
            if act.state in ("seen", "failed"):
                _say(_line(number, act, language))
        if progress.ended:
            _say(_result(progress, language, took))


async def play(stage: Stage, scene: Scene, number: int) -> None:
    """Play one scene and write down what was seen; what fails in it fails this scene alone."""
    progress = stage.progress
    progress.now = number
    act = progress.act
    act.state = "playing"
    progress.lines.clear()
    started = time.perf_counter()
    try:
        async with asyncio.timeout(None if stage.pace else SCENE_SECONDS):
            await scene.play(stage)
        act.state = "seen"
    except NotSeen as missing:
        act.state, act.failure = "failed", missing.what
    except TimeoutError:
        act.state = "failed"
        act.failure = Words("这一幕没有结束", f"an end within {SCENE_SECONDS:.0f} s")
    except Exception as error:  # noqa: BLE001 - a broken scene is a failed check, not the end of the others
        text = f"{type(error).__name__}: {error}"
        act.state, act.failure = "failed", Words(text, text)
        structlog.get_logger("demo").error("scene broke", scene=act.title.en, exc_info=error)
    act.seconds = time.perf_counter() - started
    await stage.pause(READING_SECONDS)


# ---------------------------------------------------------------- lines


def _line(number: int, act: Act, language: str) -> str:
    mark = "✓" if act.state == "seen" else "✗"
    title, seen = act.title.of(language), act.summary(language)
    return f"{mark} {number:2d} {title} | {seen} | {1000 * act.seconds:.0f} ms"


def _result(progress: Progress, language: str, seconds: float) -> str:
    seen = sum(act.state == "seen" for act in progress.acts)
    total = len(progress.acts)
    words = Words(
        f"{total} 幕中看到 {seen} 幕，共 {seconds:.1f} 秒",
        f"{seen} of {total} scenes seen in {seconds:.1f} s",
    )
    return words.of(language)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _language() -> str:
    """The language of the terminal: Chinese where its locale says so, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh-CN" if value.lower().startswith("zh") else "en"
    return "zh-CN" if (locale.getlocale()[0] or "").startswith("zh") else "en"


# ---------------------------------------------------------------- what must not stay behind


@contextmanager
def _data_dir(keep: Path | None) -> Iterator[Path]:
    """A folder that is gone afterwards, or the new one to keep. Raises `SettingsError`."""
    if keep is None:
        with tempfile.TemporaryDirectory(
            prefix="gateway-demo-", ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise SettingsError(f"cannot use {keep} ({error.strerror})", key="--keep") from error
    if used:
        raise SettingsError(f"{keep} is not empty; name a new folder", key="--keep")
    yield keep.absolute()


@contextmanager
def _stoppable(temporary: Path | None) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal end the story in order, and within seconds.

    A second signal changes nothing: the first one is being obeyed.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - called inside asyncio.run
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            loop.call_later(STOP_SECONDS, _leave, temporary)
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _leave(temporary: Path | None) -> None:
    """The last resort: something does not end. Worker processes die with this one."""
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)
    os._exit(INTERRUPTED)


@contextmanager
def _log_into(data_dir: Path) -> Iterator[None]:
    """Log lines go to a file beside the data: on the terminal they would tear up the screen."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with (data_dir / LOG_NAME).open("a", encoding="utf-8") as file:
        configure_logging("info", stream=file)
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.reset_defaults()


@asynccontextmanager
async def _beside(work: "asyncio._CoroutineLike[None]") -> AsyncIterator[None]:
    """Run something beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
