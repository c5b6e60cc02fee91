"""What the documents tell a reader to type or to look at is there; `test_documents.py` compares values."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from benchmarks.__main__ import ALL as BENCHMARKS
from gateway.cli import app
from gateway.console import health

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
#: A path below a folder of the repository is a promise; `gateway/_templates` is one of the wheel's.
PATH = re.compile(r"`((?:gateway(?!/_)|channels|tests|docs|benchmarks|templates)/[\w./*-]+)`")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def typed(program: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(page, words behind the program) of every command in a block or between backticks."""
    for page in PAGES:
        text = page.read_text("utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        lines += re.findall(rf"`({program} [^`]+)`", text)
        for line in lines:
            for command in re.split(r" (?:&&|\|) ", line.partition("#")[0]):
                words = command.split()
                # The last one: docker compose exec gateway gateway health
                at = [n for n, word in enumerate(words[:-1]) if Path(word).name == program]
                if at:
                    yield name(page), tuple(words[at[-1] + 1 :])


def slug(heading: str) -> str:
    """As code hosts make anchors of headings."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent != ROOT], ids=name)
def test_the_index_leads_to_every_page(page):
    index = ROOT / "docs/index.md"
    if page != index:
        links = re.findall(r"\]\(([^)#]+)", index.read_text("utf-8"))
        assert page in [(index.parent / link).resolve() for link in links]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_anchor_is_a_heading(page):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
        there = (page.parent / target if target else page).read_text("utf-8")
        assert anchor in [slug(h) for h in re.findall(r"(?m)^#+ (.+)$", there)], anchor


@pytest.mark.parametrize(("page", "words"), sorted(set(typed("gateway"))))
def test_every_command_and_option_that_is_shown_exists(page, words):
    if words[0] == "COMMAND":
        return
    command, rest = typer.main.get_command(app), list(words)
    while rest and not rest[0].startswith("--") and hasattr(command, "commands"):
        several = [command.commands.get(one) for one in rest.pop(0).split("|")]  # `list|show`
        assert all(several), f"{page}: {words}"
        command = several[0]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known | {"--help"}, page


def test_every_make_target_that_is_shown_exists():
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text("utf-8")))
    shown = [(page, words[0]) for page, words in typed("make")]
    assert shown
    assert not [(page, target) for page, target in shown if target not in targets]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_is_named_is_there(page):
    for path in PATH.findall(page.read_text("utf-8")):
        assert list(ROOT.glob(path.rstrip("/"))), path


def test_every_metric_is_described():
    source = (ROOT / "gateway/console/health.py").read_text("utf-8")
    counters = re.findall(r'CounterMetricFamily\(\s*"(\w+)"', source)
    gauges = [f"gateway_{name}" for name, *_ in health._NOW]
    page = (ROOT / "docs/operate/run.md").read_text("utf-8")
    assert counters
    assert gauges
    for metric in [*(f"{counter}_total" for counter in counters), *gauges]:
        assert f"| `{metric}` |" in page, metric


def test_every_benchmark_has_its_section():
    page = (ROOT / "docs/develop/benchmarks.md").read_text("utf-8")
    assert re.findall(r"(?m)^### (\w+)$", page) == list(BENCHMARKS)
