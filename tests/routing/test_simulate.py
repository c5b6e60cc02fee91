"""The simulated day: the same twice, to the byte, and its sums are right."""

import json

import pytest

from gateway.routing.simulate import Day, Report, Simulation

SMALL = Day(inquiries=2_000, agents=20, queues=5, seed=1)
CROWDED = Day(inquiries=2_000, agents=30, queues=5, seed=1, handling=1_200.0)
"""More comes in than they can do."""


def run(day: Day) -> Report:
    return Simulation(day).run()


def printed(report: Report, day: Day) -> bytes:
    return json.dumps(report.as_values(day.target)).encode()


@pytest.fixture(scope="module")
def report() -> Report:
    return run(SMALL)


def test_the_same_day_twice_is_the_same_to_the_byte(report):
    again = run(SMALL)
    assert printed(again, SMALL) == printed(report, SMALL)
    assert again.digest == report.digest


def test_another_seed_is_another_day(report):
    assert run(Day(2_000, 20, 5, seed=2)).digest != report.digest


def test_everything_that_arrived_is_done_waits_or_is_with_somebody(report):
    assert report.counts["arrived"] == SMALL.inquiries
    assert report.counts["done"] + report.waiting + report.in_hand == SMALL.inquiries
    assert report.counts["done"] > 0.9 * SMALL.inquiries


def test_nobody_has_anything_when_all_have_gone_home(report):
    assert report.in_hand == 0


def test_whoever_was_there_worked_and_nobody_more_than_all_the_time(report):
    assert len(report.occupancy) == SMALL.agents
    assert all(0 < share <= 1 for share in report.occupancy.values())


def test_on_a_day_with_too_few_agents_nobody_works_more_than_all_the_time():
    crowded = run(CROWDED)
    assert crowded.waiting > 100
    assert all(0 < share <= 1 for share in crowded.occupancy.values())
    values = crowded.as_values(120.0)
    assert values["still_waiting"] == crowded.waiting
    assert values["all"]["in_target"] < 0.5


def test_each_inquiry_waits_once_for_its_first_agent(report):
    served = sum(len(waits) for waits in report.waits.values())
    assert report.counts["done"] <= served <= SMALL.inquiries
    assert all(wait >= 0 for waits in report.waits.values() for wait in waits)
    assert report.counts["assigned"] >= served


def test_agents_decline_let_offers_run_out_leave_and_vanish():
    counts = run(CROWDED).counts
    for why in ("declined", "expired", "left", "vanished"):
        assert counts[f"returned: {why}"], why
