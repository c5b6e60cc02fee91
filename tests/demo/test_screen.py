"""The screen draws on terminals of any size, in both languages."""

import io

import pytest
from rich.console import Console

from gateway.demo.cast import Words
from gateway.demo.progress import Act, Line, Progress
from gateway.demo.screen import Screen
from gateway.demo.watch import LoggedEvent, Watch

ROWS = [
    {
        "number": f"260101-{number:06d}", "channel": "sms", "subject": "[bold]充值[/bold] 没到",
        "contact_name": "陈强", "topic": "topup_not_arrived", "state": state, "queue": "payments",
        "urgent": number % 2, "assigned_to": "li.min",
    }
    for number, state in enumerate(["answered", "queued", "assigned", "unheard_of"] * 5)
]  # fmt: skip


def drawn(progress: Progress, language: str, width: int, height: int) -> str:
    watch = Watch(store=None)
    watch.inquiries = ROWS
    watch.events.append(LoggedEvent(7, 0.0, "message.sent", "260101-000001", "[red]x"))
    screen = Screen(progress, watch, language, "http://127.0.0.1:8080/demo")
    out = io.StringIO()
    screen._console = Console(file=out, width=width, height=height)
    screen._console.print(screen.picture(), height=height)
    return out.getvalue()


@pytest.mark.parametrize("size", [(150, 45), (80, 24), (40, 12)])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_draws_at_any_size(size, language):
    progress = Progress([Act(Words("第一幕", "act one")), Act(Words("第二幕", "act two"))])
    width, height = size
    assert drawn(progress, language, width, height)
    progress.now = 0
    progress.act.seen.append(Words("看到了", "it was seen"))
    progress.act.failure = Words("没看到", "something else")
    progress.act.state = "failed"
    progress.lines.append(Line(Words("一段话", "some words")))
    progress.lines.append(Line(Words("x" * 1000, "x" * 1000), "Gateway"))
    progress.ended = True
    lines = drawn(progress, language, width, height).splitlines()
    assert len(lines) <= height


def test_a_large_terminal_shows_everything_that_matters():
    progress = Progress([Act(Words("第一幕", "act one"), "playing")], now=0)
    progress.lines.append(Line(Words("中", "some words")))
    text = drawn(progress, "en", 150, 45)
    for wanted in ("act one", "▶0", "some words", "queued", "message.sent", "/demo", "Ctrl-C"):
        assert wanted in text
    # What a customer wrote is no markup.
    assert "[bold]" in text


def test_the_newest_inquiries_are_shown_when_not_all_fit():
    progress = Progress([Act(Words("一", "one"))])
    text = drawn(progress, "en", 120, 24)
    assert "000019" in text
    assert "000000" not in text
