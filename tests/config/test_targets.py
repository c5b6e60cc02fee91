"""The settings of targets: what they become, and what is said about mistakes."""

import pytest

from gateway.config import load
from gateway.domain.calendar import Calendar
from gateway.domain.errors import SettingsError
from gateway.problems import raise_for
from gateway.routing.overflow import Cause, Course, Overflow
from gateway.routing.targets import Act, Basis, Kind, Step
from gateway.staff import clocking_of, floor_of, overflowing_of
from gateway.targets import unknown_topics
from gateway.testing.clock import FakeClock
from gateway.testing.world import LogLines, SequentialIds

WHOLE = """
[[sla]]
kind = "first_response"
minutes = 30
ladder = [
  { at = 0.8, raise_priority = 1 },
  { at = 1.0, queue = "complaints" },
  { at = 2, tell = "boss" },
]

[[sla]]
kind = "resolution"
hours = 8
queue = "payments"
brand = "demo"
topic = "refund"
priority = 0
calendar = "queue"
at_risk = 0.5

[[sla]]
kind = "resolution"
none = true
queue = "general"

[queues.payments]
title = "Payments"
calendar = { timezone = "Asia/Singapore", holidays = "SG", opening_hours = ["24x7"] }

[queues.complaints]
title = "Complaints"

[queues.general]
title = "General"
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "gateway.toml").write_text(text, "utf-8")
        return load(tmp_path / "gateway.toml", environ={})

    return read


def test_targets_of_the_file_are_those_that_hold(read):
    clocking = clocking_of(read(WHOLE))
    first, resolution, none = clocking.targets
    assert (first.kind, first.seconds, first.queue, first.at_risk) == (
        Kind.FIRST_RESPONSE,
        1800.0,
        "",
        0.8,
    )
    assert first.ladder == (
        Step(0.8, Act.RAISE_PRIORITY, by=1),
        Step(1.0, Act.MOVE, "complaints"),
        Step(2, Act.TELL, "boss"),
    )
    assert (resolution.seconds, resolution.priority, resolution.topic) == (28800.0, 0, "refund")
    assert (resolution.calendar, resolution.at_risk) == (Basis.QUEUE, 0.5)
    assert none.seconds is None
    assert clocking.calendars.keys() == {"payments"}
    assert clocking.calendars["payments"].zone == "Asia/Singapore"
    assert isinstance(clocking.brands["demo"], Calendar)


def test_without_targets_nothing_is_measured(read):
    assert clocking_of(read("")).targets == ()


TARGET = '[[sla]]\nkind = "first_response"\nminutes = 30\n'


QUEUE = '[queues.general]\ntitle = "G"\n[queues.q]\ntitle = "Q"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TARGET + 'queue = "payment"\n', "sla.0.queue: there is no queue 'payment'.*payments"),
        (TARGET + 'brand = "dem"\n', "sla.0.brand: there is no brand 'dem'.*demo"),
        (
            TARGET + 'ladder = [{ at = 1, queue = "compliants" }]\n',
            "sla.0.ladder.0.queue: there is no queue 'compliants'.*complaints",
        ),
        (TARGET + "hours = 1\n", "sla.0: .*one of minutes = 30, hours = 4 and none = true"),
        ('[[sla]]\nkind = "resolution"\n', "sla.0: .*one of minutes = 30"),
        (TARGET + "minute = 3\n", "sla.0.minute: there is no such setting.*sla.0.minutes"),
        (TARGET + "ladder = [{ at = 1, tel = 'x' }]\n", "sla.0.ladder.0.tel:.*sla.0.ladder.0.tell"),
        (TARGET + "ladder = [{ at = 1 }]\n", "sla.0.ladder.0: a step does one thing"),
        (
            TARGET + 'ladder = [{ at = 1, tell = "boss", raise_priority = 1 }]\n',
            "sla.0.ladder.0: a step does one thing",
        ),
        (
            TARGET + 'ladder = [{ at = 1, tell = "a" }, { at = 1, tell = "a" }]\n',
            "sla.0: two steps of the ladder are the same",
        ),
        (
            '[[sla]]\nkind = "resolution"\nnone = true\nladder = [{ at = 1, tell = "a" }]\n',
            "sla.0: no target has no ladder",
        ),
        (TARGET + TARGET, "sla.1: is for the same inquiries as sla.0"),
        (TARGET.replace("30", "0"), "sla.0.minutes"),
        (TARGET + "at_risk = 1\n", "sla.0.at_risk"),
        (TARGET + 'kind2 = "x"\n', "sla.0.kind2: there is no such setting"),
        (
            QUEUE + 'overflow = [{ when = "waited", to = "general" }]\n',
            "queues.q.overflow.0: 'waited', and nothing else, says minutes",
        ),
        (
            QUEUE + 'overflow = [{ when = "staff", minutes = 3, to = "general" }]\n',
            "queues.q.overflow.0: 'waited', and nothing else, says minutes",
        ),
        (
            QUEUE + 'overflow = [{ when = "closed", beyond = 3, to = "general" }]\n',
            "queues.q.overflow.0: beyond is for 'staff' and 'length', not for 'closed'",
        ),
        (
            QUEUE + 'overflow = [{ when = "closed", to = "genral" }]\n',
            "queues.q.overflow.0.to: there is no queue 'genral'.*general",
        ),
        (
            QUEUE + 'overflow = [{ when = "closed", to = "q" }]\n',
            "queues.q.overflow.0.to: leads back to the same queue",
        ),
        (
            QUEUE + 'overflow = [{ when = "closd", to = "general" }]\n',
            "queues.q.overflow.0.when",
        ),
        (
            '[queues.q]\ntitle = "Q"\ncalendar = { timezon = "UTC" }\n[queues.general]\ntitle = "G"\n',
            "queues.q.calendar.timezon: there is no such setting.*queues.q.calendar.timezone",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(read, text, said):
    with pytest.raises(SettingsError, match=said):
        read(text)


def test_a_topic_that_no_knowledge_base_has_is_named(read):
    config = read(TARGET + 'topic = "refnd"\n')
    with pytest.raises(SettingsError, match=r"sla\.0\.topic: there is no topic 'refnd'.*refund"):
        raise_for(list(unknown_topics(config.sla, ["topup", "refund"])))
    assert list(unknown_topics(read(TARGET).sla, ["topup"])) == []


def test_targets_can_come_from_the_environment(tmp_path):
    found = load(
        None, tmp_path, {"GATEWAY_SLA": '[{"kind": "resolution", "hours": 2, "queue": "payments"}]'}
    )
    assert [target.seconds for target in found.sla] == [7200.0]


def test_rules_of_overflow_are_those_of_the_file(read):
    rules = (
        QUEUE
        + """overflow = [
      { when = "closed", to = "general" },
      { when = "staff", beyond = 1 },
      { when = "length", beyond = 40, to = "general" },
      { when = "waited", minutes = 30, to = "general" },
    ]"""
    )
    config = read(rules)
    floor = floor_of(config, None, FakeClock(), SequentialIds())
    found = overflowing_of(config, floor, LogLines())
    assert found.rules == {
        "general": (),
        "q": (
            Overflow(Cause.CLOSED, Course.OVERFLOW, 0.0, "general"),
            Overflow(Cause.STAFF, Course.WAIT, 1.0),
            Overflow(Cause.LENGTH, Course.OVERFLOW, 40.0, "general"),
            Overflow(Cause.WAITED, Course.OVERFLOW, 1800.0, "general"),
        ),
    }
