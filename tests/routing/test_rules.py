"""A table of rules is read whole or refused with every mistake, its line and the nearest word."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError
from gateway.routing.rules import Rules, RulesError, Target, duration, load

QUEUES = ("risk", "payments", "general")

GOOD = """\
[[filter]]
name = "fraud"
when = 'inquiry.topic in ["unknown_transaction", "account_freeze_request"]'
[[filter.target]]
queue = "risk"
priority = 0
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

[[default]]
queue = "@topic"
[[default]]
queue = "@account"
"""


def problems(text):
    with pytest.raises(RulesError) as caught:
        load(text, QUEUES)
    assert isinstance(caught.value, GatewayError)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return caught.value.problems


def with_target(line):
    return f"[[filter]]\nname = 'a'\nwhen = 'inquiry.urgent'\n[[filter.target]]\n{line}\n"


def test_everything_a_table_can_say_is_read():
    rules = load(GOOD, QUEUES)
    (fraud,) = rules.filters
    assert fraud.name == "fraud"
    assert fraud.targets == (
        Target(
            "risk",
            priority=0,
            urgent=True,
            needs={"fraud": 2},
            prefers={"intl": 1},
            language="required",
            timeout=120.0,
            skip_if="queue.online == 0",
            known_agent=True,
        ),
        Target("risk", needs={"fraud": 1}),
    )
    assert rules.default == (Target("@topic"), Target("@account"))


def test_an_empty_table_is_no_mistake():
    assert load("", QUEUES).filters == ()


def test_one_default_may_be_a_plain_table():
    assert load('[default]\nqueue = "risk"\n', QUEUES).default == (Target("risk"),)


def test_rules_go_to_another_process_and_the_version_tells_texts_apart():
    rules = load(GOOD, QUEUES)
    assert pickle.loads(pickle.dumps(rules)) == rules
    assert load(GOOD, QUEUES).version == rules.version != load(GOOD + "# x", QUEUES).version


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("queue = 'rsk'", "queue", "there is no queue 'rsk' (did you mean 'risk'?)"),
        ("queue = '@topc'", "queue", "did you mean '@topic'"),
        ("queue = 3", "queue", "expects the id of a queue"),
        ("priority = 10", "priority", "from 0 (first) to 9 (last)"),
        ("priority = -1", "priority", "from 0 (first) to 9 (last)"),
        ("priority = true", "priority", "from 0 (first) to 9 (last)"),
        ("urgent = 1", "urgent", "expects true or false"),
        ("known_agent = 'yes'", "known_agent", "expects true or false"),
        ("needs = 3", "needs", "expects a table of skills"),
        ("needs = { fraud = 0 }", "needs", "fraud: expects a level from 1 to 9"),
        ("needs = { fraud = 10 }", "needs", "fraud: expects a level from 1 to 9"),
        ("needs = { fraud = true }", "needs", "fraud: expects a level from 1 to 9"),
        ("prefers = { 'a|b' = 1 }", "prefers", "a skill has letters"),
        ("needs = { 'a,b:1' = 1 }", "needs", "a skill has letters"),
        ("language = 'must'", "language", "'required' or 'preferred'"),
        ("timeout = '2 min'", "timeout", "expects a number of seconds, or a text such as"),
        ("timeout = ''", "timeout", "expects a number of seconds"),
        ("timeout = true", "timeout", "expects a number of seconds"),
        ("timeout = 0", "timeout", "between 1 second and 30 days"),
        ("timeout = nan", "timeout", "between 1 second and 30 days"),
        ("timeout = '999999h'", "timeout", "between 1 second and 30 days"),
        ("skip_if = 'queue.onlin == 0'", "skip_if", "did you mean 'online'"),
        ("skip_if = true", "skip_if", "expects a condition in quotes"),
        ("timeut = 3", "timeut", "no such key (did you mean 'timeout'?)"),
    ],
)
def test_a_wrong_value_of_a_target_is_named_with_its_line(line, key, said):
    other = "" if key == "queue" else "queue = 'risk'\n"
    (problem,) = problems(with_target(other + line))
    assert problem.line == (5 if key == "queue" else 6)
    assert problem.where == f"filter a, target 1, {key}"
    assert said in problem.reason


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[filter]\n", 1, "is no TOML"),
        ("[[filter]]\nname = \n", 2, "is no TOML"),
        ("\n[[fitler]]\nname = 'a'\n", 2, "no such table (did you mean 'filter'?)"),
        (with_target("priority = 3"), 4, "target 1, queue: is missing"),
        ("[[filter]]\nname = 'a'\nwhen = 'true'\n", 1, "has no [[filter.target]]"),
        (GOOD.replace("name =", "nmae ="), 2, "nmae: no such key (did you mean 'name'?)"),
        (GOOD.replace('"fraud"', '"Fraud!"'), 2, "expects lower-case letters"),
        (GOOD.replace('"fraud"', '"default"'), 2, "what no filter matches"),
        (GOOD.replace("when = ", "whne = "), 3, "whne: no such key (did you mean 'when'?)"),
        (GOOD.replace("inquiry.topic in", "inquiry.topc in"), 3, "did you mean 'topic'"),
        (GOOD.replace("queue.online == 0", "1 / queue.online == 0"), 12, "by zero"),
        (GOOD.replace('"@account"', '"@acount"'), 21, "default 2, queue"),
        (GOOD + GOOD.split("\n\n", maxsplit=1)[0], 23, "is also the name of line 2"),
        ("filter = 3", 0, "expects tables: [[filter]]"),
        ("filter = [1]", 0, "expects tables: [[filter]]"),
        ("default = 'risk'", 0, "expects tables: [[default]]"),
        ("[[filter]]\nname = 'a'\nwhen = 'true'\ntarget = 3\n", 4, "expects tables"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(text, line, said):
    found = problems(text)
    assert any(said in str(problem) and problem.line == line for problem in found), found


def test_a_filter_behind_one_that_always_matches_is_never_reached():
    always = with_target("queue = 'risk'").replace("inquiry.urgent", "true")
    (problem,) = problems(always + with_target("queue = 'risk'").replace("'a'", "'b'"))
    assert problem.line == 6
    assert "never reached: filter a" in problem.reason


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines():
    text = GOOD.replace("inquiry.topic in", "inquiry.topc in").replace("priority", "priorty")
    found = problems(text.replace('"2m"', '"2 minutes"'))
    assert [problem.line for problem in found] == [3, 6, 11]


def test_no_line_is_told_where_it_would_be_a_guess():
    inline = "default = [{ queue = 'rsk' }]\n"
    assert [problem.line for problem in problems(inline)] == [0]
    hidden = with_target("queue = 'risk'\nx = '''\n[[filter]]\n'''")
    assert [problem.line for problem in problems(hidden)] == [0]


def test_a_table_of_needs_on_its_own_does_not_shift_the_lines():
    text = with_target("queue = 'risk'\n[filter.target.needs]\nfraud = 2") + (
        "[[filter.target]]\nqueue = 'rsk'\n"
    )
    (problem,) = problems(text)
    assert problem.line == 9


def test_the_error_itself_goes_to_another_process():
    with pytest.raises(RulesError) as caught:
        load("[[fitler]]", QUEUES)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.problems == caught.value.problems


@given(st.integers(0, 700), st.integers(0, 59), st.integers(1, 59))
def test_a_duration_is_the_sum_of_its_parts(hours, minutes, seconds):
    assert duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


_JSON = st.recursive(
    st.booleans() | st.integers(-3, 12) | st.sampled_from(["risk", "true", "2m", "1 / 0 == 1"]),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["filter", "default", "name", "when", "target", "queue", "needs", "timeout"]
            ),
            each,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def _toml(value):
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}'"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return str(value)


@given(st.dictionaries(st.sampled_from(["filter", "default", "fliter"]), _JSON, max_size=3))
def test_any_toml_is_read_or_refused_with_reasons(table):
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
    try:
        assert isinstance(load(text, QUEUES), Rules)
    except RulesError as error:
        assert error.problems  # noqa: PT017 - either outcome is right, no other one is
