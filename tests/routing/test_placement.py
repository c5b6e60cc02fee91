"""The first filter that matches decides, nothing is ever without a place, and the trail says why."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Queue
from gateway.routing.facts import Facts, InquiryFacts, QueueFacts, TimeFacts
from gateway.routing.model import Lane
from gateway.routing.placement import (
    Placement,
    Result,
    Step,
    Tried,
    Turn,
    explain,
    next_step,
    place,
)
from gateway.routing.rules import Rules, load

QUEUES = {
    "risk": Queue("risk", "Risk", priority=1),
    "payments": Queue("payments", "Payments", priority=4, skills={"card": 1, "pay": 2}),
    "general": Queue("general", "General"),
}
RULES = load(
    """\
[[filter]]
name = "night"
when = '!time.open && inquiry.topic == "fraud"'
[[filter.target]]
queue = "general"
[[filter]]
name = "fraud"
when = 'inquiry.topic == "fraud"'
[[filter.target]]
queue = "risk"
urgent = true
needs = { fraud = 2 }
prefers = { intl = 1 }
language = "required"
timeout = "2m"
skip_if = 'queue.online == 0'
known_agent = true
[[filter.target]]
queue = "risk"
needs = { fraud = 1 }
priority = 7
timeout = 60
skip_if = 'queue.online == 0'
[[filter.target]]
queue = "payments"
language = "preferred"
timeout = 60
skip_if = 'queue.waiting > 10 && inquiry.topic == "fraud"'
[[filter]]
name = "chosen"
when = 'inquiry.channel == "sms"'
[[filter.target]]
queue = "@topic"
timeout = 30
[[filter.target]]
queue = "@account"
timeout = 30
""",
    QUEUES,
)
FRAUD = Facts(InquiryFacts(topic="fraud", language="zh-CN"))


def put(facts, rules=RULES, **named):
    return place(rules, facts, QUEUES, "general", **named)


def results(trail):
    return [(tried.result, tried.filter, tried.target) for tried in trail]


def test_the_first_filter_that_matches_decides():
    found = put(FRAUD)
    assert found.filter == "fraud"
    assert found.version == RULES.version
    assert found.steps == (
        Step(
            "risk",
            0,
            urgent=True,
            needs={"fraud": 2, "lang.zh": 1},
            prefers={"intl": 1},
            timeout=120.0,
            known_agent=True,
            skip_if="queue.online == 0",
        ),
        Step("risk", 7, needs={"fraud": 1}, timeout=60.0, skip_if="queue.online == 0"),
        Step(
            "payments",
            4,
            needs={"card": 1, "pay": 2},
            prefers={"lang.zh": 1},
            skip_if='queue.waiting > 10 && inquiry.topic == "fraud"',
        ),
    )
    assert results(found.trail) == [
        (Result.NOT_MATCHED, "night", 0),
        (Result.MATCHED, "fraud", 0),
        (Result.ADDED, "fraud", 1),
        (Result.ADDED, "fraud", 2),
        (Result.ADDED, "fraud", 3),
    ]
    night = put(Facts(FRAUD.inquiry, time=TimeFacts(open=False)))
    assert night.filter == "night"


def test_the_trail_says_which_part_did_not_hold():
    assert put(FRAUD).trail[0].reason == "!time.open (time.open = true)"


def test_an_error_is_no_match_and_is_counted():
    facts = Facts(InquiryFacts(topic="fraud"))
    broken = RULES.filters[0]
    rules = Rules((type(broken)("broken", "1 / 0 == 1", broken.targets), *RULES.filters))
    found = put(facts, rules)
    assert found.filter == "fraud"
    assert [(each.filter, each.reason) for each in found.errors] == [
        ("broken", "fails: division by zero in CEL expression")
    ]


@given(
    topic=st.sampled_from(["", "risk", "payments", "gone"]),
    account=st.sampled_from(["", "risk", "payments", "gone"]),
    urgent=st.booleans(),
)
def test_without_rules_the_place_is_the_one_of_the_built_in_rule(topic, account, urgent):
    found = put(Facts(InquiryFacts(urgent=urgent)), Rules(), topic=topic, account=account)
    queue = QUEUES[next(name for name in (topic, account, "general") if name in QUEUES)]
    (step,) = found.steps
    assert (step.queue, step.priority) == (queue.id, 0 if urgent else queue.priority)
    assert step.needs == queue.skills
    assert (step.urgent, step.timeout) == (urgent, None)
    assert found.filter == "default"


def test_a_queue_that_topic_or_account_do_not_name_is_passed_over():
    facts = Facts(InquiryFacts(channel="sms"))
    both = put(facts, topic="payments", account="risk")
    assert [(s.queue, s.timeout) for s in both.steps] == [("payments", 30), ("risk", None)]
    one = put(facts, account="risk")
    assert [(s.queue, s.timeout) for s in one.steps] == [("risk", None)]
    assert (Result.NO_QUEUE, "chosen", 1) in results(one.trail)
    none = put(facts)
    assert none.filter == "chosen"
    assert [s.queue for s in none.steps] == ["general"]


def test_a_queue_that_is_gone_since_the_rules_were_read_loses_nothing():
    left = {"general": QUEUES["general"]}
    found = place(RULES, FRAUD, left, "general")
    assert [step.queue for step in found.steps] == ["general"]
    assert len([each for each in found.trail if each.result is Result.NO_QUEUE]) == 5


def test_targets_of_the_operators_default_come_before_the_built_in_one():
    rules = load("[[default]]\nqueue = 'risk'\ntimeout = 9\n[[default]]\nqueue = '@topic'", QUEUES)
    found = put(FRAUD, rules, topic="payments")
    assert [(s.queue, s.timeout) for s in found.steps] == [("risk", 9), ("payments", None)]


def test_urgent_may_be_taken_back_by_a_rule_and_follows_the_inquiry_otherwise():
    rules = load("[[default]]\nqueue = 'risk'\n[[default]]\nqueue = 'risk'\nurgent = false", QUEUES)
    found = put(Facts(InquiryFacts(urgent=True)), rules)
    assert [(s.urgent, s.priority) for s in found.steps] == [(True, 0), (False, 1)]


@pytest.mark.parametrize(
    ("tag", "skill"),
    [
        ("zh-CN", "lang.zh"),
        ("EN", "lang.en"),
        ("yue_HK", "lang.yue"),
        ("", None),
        ("e|n,x:1", None),
        ("english", None),
    ],
)
def test_only_a_plain_language_becomes_a_skill(tag, skill):
    rules = load("[[default]]\nqueue = 'risk'\nlanguage = 'required'", QUEUES)
    (step,) = put(Facts(InquiryFacts(language=tag)), rules).steps
    assert step.needs == ({skill: 1} if skill else {})
    lane = Lane.of(step.queue, step.needs)
    assert Lane.parse(lane.key) == lane


def test_a_level_that_a_rule_asks_of_a_language_stands():
    text = "[[default]]\nqueue = 'risk'\nlanguage = 'required'\nneeds = { 'lang.zh' = 3 }"
    assert put(FRAUD, load(text, QUEUES)).steps[0].needs == {"lang.zh": 3}


def states(**online):
    return {name: QueueFacts(name, online=count) for name, count in online.items()}


def turn(current, queues, facts=FRAUD):
    return next_step(put(FRAUD).steps, current, facts, queues, "fraud")


def test_the_first_step_that_is_not_skipped_is_used():
    found = turn(None, states(risk=1))
    assert (found.index, found.timeout) == (0, 120)
    assert results(found.trail) == [(Result.USED, "fraud", 1)]
    away = turn(None, states(risk=0))
    assert (away.index, away.timeout) == (2, None)
    assert results(away.trail) == [
        (Result.SKIPPED, "fraud", 1),
        (Result.SKIPPED, "fraud", 2),
        (Result.USED, "fraud", 3),
    ]
    assert away.trail[0].reason == "queue.online == 0"


def test_a_queue_of_which_nothing_is_known_has_nobody_online():
    assert turn(None, {}).index == 2


FULL = QueueFacts("payments", waiting=11)


def test_when_all_are_skipped_the_last_is_used_anyway():
    found = turn(None, {"payments": FULL})
    assert (found.index, found.timeout) == (2, None)
    assert found.trail[-1].result is Result.USED_ANYWAY


def test_when_all_that_follow_are_skipped_it_waits_on_and_they_are_asked_again():
    found = turn(0, {"payments": FULL})
    assert (found.index, found.timeout) == (0, 120)
    assert found.trail[-1].result is Result.STAYED
    assert turn(found.index, {}).index == 2


def test_the_facts_of_now_decide_on_a_skip():
    other = Facts(InquiryFacts(topic="changed"))
    assert turn(1, {"payments": FULL}).index == 1
    assert turn(1, {"payments": FULL}, other).index == 2


def test_an_error_of_a_skip_does_not_skip_and_is_counted():
    steps = (Step("risk", 1, skip_if="1 / 0 == 1", timeout=5.0), Step("general", 1))
    found = next_step(steps, None, FRAUD, {})
    assert found.index == 0
    assert len(found.errors) == 1


@given(
    st.lists(st.sampled_from(["", "queue.online == 0", "queue.online > 0", "broken"]), min_size=1),
    st.integers(0, 2),
    st.data(),
)
def test_there_is_always_a_step_and_the_last_never_ends(skips, online, data):
    steps = tuple(Step("risk", 1, skip_if=skip, timeout=9.0) for skip in skips)
    current = data.draw(st.none() | st.integers(0, len(steps) - 1))
    found = next_step(steps, current, FRAUD, states(risk=online))
    assert found.step == steps[found.index]
    assert found.index >= (current or 0)
    assert (found.timeout is None) == (found.index == len(steps) - 1)


def test_steps_and_trail_survive_json_and_go_on_in_another_process():
    found = put(FRAUD)
    stored = json.dumps([step.as_values() for step in found.steps])
    steps = tuple(map(Step.from_values, json.loads(stored)))
    assert steps == found.steps
    trail = json.dumps([tried.as_values() for tried in found.trail])
    assert tuple(map(Tried.from_values, json.loads(trail))) == found.trail
    assert next_step(steps, None, FRAUD, states(risk=0)).index == 2


def test_the_trail_reads_in_english_and_in_chinese():
    found = put(FRAUD)
    assert explain(found)[:3] == [
        "filter night: does not match: !time.open (time.open = true)",
        "filter fraud: matches",
        "fraud, target 1, queue risk: is planned",
    ]
    assert explain(found, "zh-CN")[:3] == [
        "规则 night：不符合：!time.open (time.open = true)",
        "规则 fraud：符合",
        "fraud 第 1 个目标（队列 risk）：已列入",
    ]
    assert explain(turn(None, {}), "en")[-1] == "fraud, target 3, queue payments: is used"


@pytest.mark.parametrize("language", ["en", "zh-CN", "de"])
@pytest.mark.parametrize("result", list(Result))
@pytest.mark.parametrize("target", [0, 1])
def test_every_result_has_words(language, result, target):
    (line,) = explain([Tried(result, "default", target, "risk", "why")], language)
    assert "{" not in line
    assert line.endswith("why")


def test_the_words_of_different_results_differ():
    lines = explain([Tried(result, "f", 1, "risk") for result in Result], "zh-CN")
    assert len(set(lines)) == len(Result)


def test_what_is_decided_is_plain_values():
    assert isinstance(put(FRAUD), Placement)
    assert isinstance(turn(None, {}), Turn)
    assert put(FRAUD) == put(FRAUD)
