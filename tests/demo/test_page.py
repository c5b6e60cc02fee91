"""The small page: what it serves, and that it loads nothing from elsewhere."""

import re
import socket
from collections.abc import Sequence

import aiohttp
import pytest

from gateway.config import templates_dir
from gateway.demo.cast import PASSWORD, Words
from gateway.demo.page import DemoPage
from gateway.demo.progress import Act, Progress
from gateway.demo.scenes import SCENES
from gateway.demo.stage import free_port, staged
from gateway.demo.story import play
from gateway.demo.watch import Watch

FOLDER = templates_dir() / "pages" / "demo"


async def test_the_page_shows_what_the_gateway_has(tmp_path):
    progress = Progress([Act(scene.title) for scene in SCENES])
    watches: list[Watch] = []

    def routes(gateway) -> Sequence:
        watches.append(Watch(gateway.store))
        return DemoPage(progress, watches[0], FOLDER).routes()

    async with staged(tmp_path, 0, progress, routes=routes) as stage:
        for number in (0, 1):
            await play(stage, SCENES[number], number)
        await watches[0].once()
        base = stage.gateway.addresses["web"]
        async with aiohttp.ClientSession() as browser:
            async with browser.get(base) as home:
                assert (home.status, home.url.path) == (200, "/demo")
                policy = home.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'")
                assert "unsafe" not in policy
            for path, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
                async with browser.get(f"{base}/demo/{path}") as file:
                    assert file.status == 200
                    assert file.content_type == kind
            async with browser.get(f"{base}/demo/state") as answer:
                state = await answer.json()
    assert state["now"] == 1
    assert state["acts"][1]["state"] == "seen"
    assert state["acts"][1]["title"]["zh"] == SCENES[1].title.zh
    (inquiry,) = state["inquiries"]
    assert inquiry["contact_name"] == PASSWORD.name
    assert inquiry["state"] == "answered"
    # The fifth, that the answer is sent, may be written a moment later.
    assert [event["seq"] for event in state["events"]][:4] == [1, 2, 3, 4]
    assert state["events"][0]["kind"] == "inquiry.created"
    assert "wang.fang" not in str(state)  # the name is enough


@pytest.mark.parametrize("name", ["page.html", "page.css", "page.js"])
def test_nothing_comes_from_elsewhere(name):
    text = (FOLDER / name).read_text("utf-8")
    assert not re.search(r"https?://|//[a-z]+\.|@import|innerHTML|\bon[a-z]+=|style=", text)


def test_every_text_of_the_page_is_there_in_both_languages():
    text = (FOLDER / "page.html").read_text("utf-8")
    assert len(re.findall(r"data-zh=", text)) == len(re.findall(r"data-en=", text)) > 10
    for _, shown in re.findall(r'data-en="([^"]+)">([^<]+)<', text):
        assert shown


def test_a_used_port_gives_way_to_a_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = taken.getsockname()[1]
        other = free_port(used)
    assert other not in (0, used)
    assert free_port(used) == used


def test_words_fall_back_to_english():
    words = Words("中", "en")
    assert [words.of(language) for language in ("zh-CN", "zh-TW", "en", "fr")] == [
        "中",
        "中",
        "en",
        "en",
    ]
