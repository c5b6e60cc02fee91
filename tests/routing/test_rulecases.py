"""What an operator expects of the rules is compared with what they give; a wrong case is refused."""

import pytest

from gateway.domain.model import Queue
from gateway.routing.rulecases import run_cases
from gateway.routing.rules import RulesError, load

QUEUES = {name: Queue(name, name.title(), priority=3) for name in ("risk", "payments", "general")}
RULES = load(
    """\
[[filter]]
name = "fraud"
when = 'inquiry.topic == "fraud" || time.weekday == 7'
[[filter.target]]
queue = "risk"
urgent = true
timeout = "2m"
skip_if = 'queue.online == 0'
[[filter.target]]
queue = "payments"
""",
    QUEUES,
)


def run(text):
    return run_cases(RULES, QUEUES, "general", text, topics={"refund": "payments"})


def case(*lines):
    return "\n".join(["[[case]]", "name = 'a'", *lines])


def test_a_case_that_agrees_is_right():
    text = case(
        "expect = { filter = 'fraud', queue = 'risk', urgent = true, timeout = '2m' }",
        "case.type = 'dispute'",
        "[case.inquiry]",
        "topic = 'fraud'",
    )
    (done,) = run(text)
    assert done.ok
    assert done.name == "a"
    assert done.got == done.expected


def test_a_case_that_disagrees_shows_what_came():
    (done,) = run(case("expect = { filter = 'fraud', queue = 'risk' }"))
    assert not done.ok
    assert done.got == {"filter": "default", "queue": "general"}
    assert done.placement.filter == "default"


def test_the_queue_of_a_topic_and_all_steps_can_be_expected():
    (done,) = run(case("expect.queues = ['payments']", "inquiry.topic = 'refund'"))
    assert done.ok


def test_a_case_says_how_queues_stand():
    text = case(
        "inquiry.topic = 'fraud'", "queue.risk.online = 0", "expect = { queue = 'payments' }"
    )
    assert run(text)[0].ok


def test_a_time_with_a_zone_gives_the_clock_of_the_business():
    sunday = "time.at = 2026-11-22T00:30:00+08:00"  # a Saturday in UTC
    assert run(case(sunday, "expect.filter = 'fraud'"))[0].ok
    saturday = "time.at = 2026-11-21T23:30:00+08:00"
    assert run(case(saturday, "expect.filter = 'default'"))[0].ok


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[caze]]\nname = 'a'", "there is no table 'caze' (did you mean 'case'?)"),
        ("case = 3", "expects tables: [[case]]"),
        ("case = [3]", "expects tables: [[case]]"),
        ("[[case]", "is no TOML"),
        ("[[case]]\nexpect.queue = 'risk'", "name: expects a text"),
        (case(), "expect: is missing"),
        (case("expect = 3"), "expect: expects a table"),
        (case("expect.quue = 'risk'"), "expect.quue: no such key (did you mean 'queue'?)"),
        (case("expect.timeout = 'soon'"), "expect.timeout: expects a number of seconds"),
        (case("expct.queue = 'risk'"), "expct: no such key (did you mean 'expect'?)"),
        (case("inquiry.tpic = 'x'"), "inquiry.tpic: no such key (did you mean 'topic'?)"),
        (case("inquiry.topic = 3"), "inquiry.topic: expects a text"),
        (case("inquiry.urgent = 'yes'"), "inquiry.urgent: expects true or false"),
        (case("inquiry.confidence = true"), "inquiry.confidence: expects a number"),
        (case("contact.open_inquiries = 1.5"), "contact.open_inquiries: expects a whole number"),
        (case("queue.rsk.online = 0"), "queue.rsk: no such key (did you mean 'risk'?)"),
        (case("queue.risk.onlin = 0"), "queue.risk.onlin: no such key"),
        (case("queue.risk = 0"), "queue.risk: expects a table"),
    ],
)
def test_a_wrong_case_is_refused_with_its_reason(text, said):
    with pytest.raises(RulesError) as caught:
        run(text)
    assert said in str(caught.value)


def test_the_line_of_a_wrong_case_is_told():
    text = case("expect.queue = 'risk'") + "\n\n" + case("expect.quue = 'risk'")
    with pytest.raises(RulesError, match=r"line 5: case a: expect\.quue"):
        run(text)
