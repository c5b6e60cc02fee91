"""What the settings say about telling customers of their wait."""

from typing import Any

import pytest

from gateway.config import Config
from gateway.desk.floor import Floor
from gateway.domain.calendar import Calendar
from gateway.planning import planning_of, waits_of, watching_of
from gateway.routing.model import Lane
from gateway.routing.overflow import Cause
from gateway.routing.waiting import LIMITS
from gateway.staff import floor_of, places_of
from gateway.testing.clock import FakeClock
from gateway.testing.world import LogLines, SequentialIds
from gateway.workers.lines import Lines


def config(**changes: Any) -> Config:
    queues = {"pay": {"title": "Pay"}, "general": {"title": "General"}}
    return Config.model_validate({"queues": queues, **changes})


def queue(**waiting: Any) -> Config:
    return config(queues={"general": {"title": "General", "waiting": waiting}})


def test_without_settings_every_queue_tells_with_the_usual_limits() -> None:
    waits = waits_of(config())
    assert set(waits.queues) == {"pay", "general"}
    telling = waits.queues["general"]
    assert (telling.limits, telling.offers) == (LIMITS, ("callback", "chat"))
    assert (telling.calendar, telling.leaves) == (None, frozenset())
    assert waits.timed == {"demo"}
    assert waits.stated == waits.chats == frozenset()


def test_a_queue_may_be_silent_and_have_limits_of_its_own() -> None:
    assert waits_of(queue(tell=False)).queues == {}
    telling = waits_of(
        queue(worth_saying_seconds=1, worth_offering_seconds=2, busy_minutes=3, busy_waiting=4,
              offers=["chat"])
    ).queues["general"]  # fmt: skip
    limits = telling.limits
    assert (limits.worth_saying, limits.worth_offering) == (1, 2)
    assert (limits.busy_wait, limits.busy_waiting) == (180, 4)
    assert telling.offers == ("chat",)


@pytest.mark.parametrize(
    ("calendar", "stated"),
    [
        ({}, False),
        ({"timezone": "Asia/Singapore", "holidays": "SG"}, False),
        ({"opening_hours": ["09:00-18:00"]}, True),
        ({"hours": {"fri": ["09:00-12:00"]}}, True),
    ],
)
def test_opening_hours_are_told_where_somebody_has_set_them(
    calendar: dict[str, Any], stated: bool
) -> None:
    waits = waits_of(config(brands={"one": {"name": "One", "calendar": calendar}}))
    assert ("one" in waits.stated) is stated
    assert isinstance(waits.hours["one"], Calendar)


def test_of_several_brands_those_with_the_hours_of_the_first_are_timed() -> None:
    brands = {
        "one": {"name": "One", "facts": {"chat": "Me > Chat"}},
        "two": {"name": "Two"},
        "three": {"name": "Three", "calendar": {"opening_hours": ["10:00-12:00"]}},
    }
    waits = waits_of(config(brands=brands))
    assert waits.timed == {"one", "two"}
    assert waits.chats == {"one"}


def test_a_queue_that_overflows_says_where_it_cannot_be_sure() -> None:
    overflow = [{"when": "closed", "to": "pay"}, {"when": "staff"}]
    queues = {"pay": {"title": "Pay"}, "general": {"title": "General", "overflow": overflow}}
    assert waits_of(config(queues=queues)).queues["general"].leaves == {Cause.CLOSED}


def test_what_is_told_goes_to_whoever_plans() -> None:
    made = config()
    assert planning_of(made, places_of(made)).waits == waits_of(made)


def floor(made: Config) -> Floor:
    store: Any = object()
    return floor_of(made, store, FakeClock(), SequentialIds())


def test_the_lines_of_telling_queues_are_watched_from_the_first_inquiry_on() -> None:
    made = config(
        queues={
            "pay": {"title": "Pay", "skills": {"zh": 2}},
            "general": {"title": "General", "waiting": {"tell": False}},
        },
        agents={"ann": {"queues": ["pay"]}},
        routing={"weights": {"voice": 3}},
    )
    sight = watching_of(made, floor(made), Lines(), LogLines())
    lanes = (Lane.of("pay", {"zh": 2}, 1), Lane.of("pay", {"zh": 2}, 3))
    assert sight.lanes == {"pay": lanes}
    assert set(sight.agents) == {"ann"}
