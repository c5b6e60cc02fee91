"""HTML: what a person would have seen, HTML that may be stored, and neither at any price."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from gateway.domain.channel import RawMail
from gateway.intake.mail import read_mail
from gateway.intake.mail.html import html_to_text, storable_html
from tests.intake.mail.letters import mail


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">no</div>',
        '<div style="DISPLAY : None !important">no</div>',
        '<span style="visibility:hidden">no</span>',
        '<p style="mso-hide:all">no</p>',
        '<p style="font-size:0">no</p>',
        '<p style="font-size:0px;line-height:0">no</p>',
        '<p style="opacity:0">no</p>',
        '<p style="max-height:0px;overflow:hidden">no</p>',
        '<p style="color:transparent">no</p>',
        '<p style="text-indent:-9999px">no</p>',
        "<p hidden>no</p>",
        "<style>p.pre, .x{display:none}</style><p class='a pre'>no</p>",
        "<script>no</script><style>no</style><title>no</title><!-- no -->",
        '<div style="display:none"><table><tr><td>no</td></tr></table>no</div>',
    ],
)
def test_hidden_text_is_in_neither(hidden: str) -> None:
    html = f"<p>before</p>{hidden}<p>after</p>"
    assert html_to_text(html).split() == ["before", "after"]
    assert "no" not in storable_html(html)


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="opacity:0.5">yes</p>',
        '<p style="font-size:0.9em">yes</p>',
        '<div style="font-size:0"><p style="font-size:14px">yes</p></div>',
        "<style>@media (max-width:600px){.m{display:none}}</style><p class=m>yes</p>",
        '<p style="display:block">yes</p>',
        '<p style="border:none">yes</p>',
    ],
)
def test_what_is_only_styled_stays(shown: str) -> None:
    assert html_to_text(shown) == "yes"
    assert "yes" in storable_html(shown)


def test_words_are_not_torn_at_markup() -> None:
    assert html_to_text("<span>充</span><span>值</span><div>a<div>b</div></div>") == "充值\na\nb"


def test_storable_html_loads_and_does_nothing() -> None:
    html = (
        '<p onclick="x()" style="color:red" class="c">Hi <a href="javascript:x()">a</a>'
        '<a href="https://x.example/?q=1">b</a><img src="https://t.example/p.gif"></p>'
        "<form action=/x><input name=a></form><iframe src=x></iframe><svg><script>1</script></svg>"
    )
    assert storable_html(html) == (
        '<p>Hi <a rel="noopener noreferrer nofollow">a</a>'
        '<a href="https://x.example/?q=1" rel="noopener noreferrer nofollow">b</a></p>'
    )


def test_a_mail_has_storable_html_only_where_its_text_came_from_html() -> None:
    page = read_mail(RawMail(mail("<p onclick=x>hi</p>", kind="text/html"), "a@b.cn", (), 0.0))
    assert (page.text, page.html_body) == ("hi", "<p>hi</p>")
    assert read_mail(RawMail(mail("<p>hi</p>"), "a@b.cn", (), 0.0)).html_body == ""


COSTLY = {
    "nested divs": "<div>" * 200_000,
    "20,000 nested divs": "<div>" * 20_000 + "x",
    "nested tables": "<table><tr><td>" * 3900 + "x",
    "nested tables around a long line": "<table><tr><td>" * 180 + "y" * 100_000,
    "a wide cell under many rows": "<TABLE>" + "<tr><td>x" * 5000 + "<tr><td>" + "y" * 100_000,
    "many rows": "<table>" + "<tr><td>x<td>y" * 3900,
    "size 0 inside size 0": '<div style="font-size:0">' * 11_000 + "x",
    "paragraphs": "<p>" * 250_000 + "none",
    "links": "<a>" * 11_000 + "x",
    "style rules": "<style>" + "a{" * 400_000,
    "media rules": "<style>" + "@media x{" * 90_000 + "</style>hi none",
    "titles": "<title><" * 100_000,
    "entities": "&lt;" * 250_000,
}


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process in which nothing else has taken memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("html", COSTLY.values(), ids=COSTLY.keys())
def test_no_html_takes_long_or_much(apart: ProcessPoolExecutor, html: str) -> None:
    seconds, kilobytes = apart.submit(cost, html).result()
    assert seconds < 2
    assert kilobytes < 1024 * 1024


def cost(html: str) -> tuple[float, int]:
    """Seconds of the processor, and the most memory so far."""
    started = time.process_time()
    html_to_text(html)
    storable_html(html)
    took = time.process_time() - started
    # `ru_maxrss` would count what this process was before it became another program.
    return took, int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
