"""A condition that cannot be asked counts as not true, and is counted: whoever looks at figures sees it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.console.health import HealthRoutes
from gateway.news import News
from gateway.routing.rules import Filter, Rules, Target
from gateway.workers.placing import Places, Stepping
from gateway.workers.timers import Timers
from tests.store.engines import value
from tests.workers.rig import CLOSE_AFTER, QUEUES, SETTINGS, Rig

#: Reading a file refuses what can never be asked; some inquiry can always be the first of its kind.
FAILS = "inquiry.subject.nothing"


@pytest.fixture
def news(rig: Rig) -> News:
    nobody: Any = SimpleNamespace(wake=lambda _: None)
    return News(rig.store, nobody)


async def counted(rig: Rig, news: News) -> str:
    nothing: Any = SimpleNamespace(counts={})
    routes = HealthRoutes(rig.store, nothing, nothing, failed=lambda: news.failed)
    page = (await routes.metrics(None)).body.decode()  # type: ignore[arg-type, union-attr]
    (line,) = [one for one in page.splitlines() if one.startswith("gateway_rule_failures_total")]
    return str(line.rpartition(" ")[2])


def placed_by(rig: Rig, rules: Rules) -> Places:
    places = Places(QUEUES, "general", rules)
    rig.settings = replace(SETTINGS, places=places)
    rig.think()
    return places


async def test_of_a_filter_when_an_inquiry_comes(rig: Rig, news: News) -> None:
    placed_by(rig, Rules((Filter("bad", FAILS, (Target("security"),)),)))
    assert await counted(rig, news) == "0.0"
    await rig.message("where is my money?")
    await rig.drain(rig.pipeline(applied=news.applied))
    assert await value(rig.store, "SELECT queue FROM inquiries") != "security"
    assert await counted(rig, news) == "1.0"


async def test_of_a_step_when_its_time_comes(rig: Rig, news: News) -> None:
    steps = (Target("payments", skip_if=FAILS), Target("general"))
    places = placed_by(rig, Rules((Filter("good", "true", steps),)))
    await rig.message("where is my money?")
    await rig.drain(rig.pipeline(applied=news.applied))
    timers = Timers(
        rig.store, rig.write, rig.clock, rig.ids, rig.log, CLOSE_AFTER,
        stepping=Stepping(places, {}), applied=news.applied,
    )  # fmt: skip
    await timers.once()
    assert await value(rig.store, "SELECT queue FROM inquiries") == "payments", "it is not skipped"
    assert await counted(rig, news) == "1.0"
