"""A condition is refused at load whenever it could fail later, and never raises when it is asked."""

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.routing.conditions import MOST_CHARACTERS, Scope, check, nearest
from gateway.routing.facts import (
    SAMPLE,
    SAMPLE_QUEUE,
    TABLES,
    WITH_QUEUE,
    Facts,
    InquiryFacts,
    names,
    sample,
)


@pytest.mark.parametrize(
    "source",
    [
        'inquiry.topic == "a"',
        'inquiry.topic in ["a", "b"] && !(inquiry.urgent || contact.open_inquiries > 3)',
        'inquiry["topic"] == "a"',
        '["a", "b"].exists(each, each == inquiry.topic && inquiry.urgent)',
        '"inquiry.nothing" == inquiry.topic // inquiry.remark',
        'time.at > timestamp("2026-01-01T00:00:00Z") && time.weekday in [6, 7]',
        "inquiry.urgent ? inquiry.high_risk : time.open",
        'inquiry.subject.matches("(?i)money") && inquiry.topic.size() > 3',
        'inquiry.number.matches("^[0-9]+$") && int(inquiry.number) > 5',
        "queue.online > 0 && queue.waiting / queue.online > 3",
        "queue.online > 3 && queue.waiting / (queue.online - 3) > 3",
    ],
)
def test_a_sound_condition_passes(source):
    assert check(source, WITH_QUEUE) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("inquiry.topic ==", "cannot be read at column 17"),
        ('inquiry.topic = "a"', "cannot be read at column 15"),
        ("inquiry.urgent &&\n ||", "cannot be read at its line 2, column"),
        ("", "cannot be read"),
        ('inquiry.tpoic == "a"', "no 'inquiry.tpoic' (did you mean 'topic'?)"),
        ('inquiry["tpoic"] == "a"', "no 'inquiry.tpoic' (did you mean 'topic'?)"),
        ("has(inquiry.tpoic)", "no 'inquiry.tpoic'"),
        ('inqiry.topic == "a"', "no 'inqiry' here (did you mean 'inquiry'?)"),
        ("queue.online == 0", "no 'queue' here"),
        ("inquiry.topic", "gives text, not true or false"),
        ("contact.open_inquiries + 1", "gives a number, not true or false"),
        ('inquiry.subject.matches("[")', "not a valid regex"),
        ("sudden(inquiry.topic)", "'sudden'"),
        ("contact.open_inquiries % contact.open_inquiries == 0", "modulo by zero"),
    ],
)
def test_an_unsound_condition_is_refused_with_its_reason(source, said):
    wrong = check(source, TABLES)
    assert len(wrong) == 1
    assert said in wrong[0]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        # On the full sample alone each of these gives true or false: the other side decides.
        ("inquiry.urgent || inquiry.tpoic == 'a'", "no 'inquiry.tpoic'"),
        ("inquiry.urgent || inquiry.topic < 3", "'inquiry.topic < 3' fails"),
        ("inquiry.topic == 'x' && inquiry.topic", "gives text"),
        ("inquiry.topic == 'x' && !(inquiry.number > 3 || inquiry.urgent)", "'inquiry.number > 3'"),
        ("inquiry.urgent || inquiry.subject.matches('[')", "not a valid regex"),
        ("inquiry.urgent ? true : inquiry.topic", "every flag false"),
        ("queue.waiting / queue.online > 3", "by zero"),
    ],
)
def test_what_the_full_sample_hides_is_found(source, said):
    (wrong,) = check(source, WITH_QUEUE)
    assert said in wrong


@pytest.mark.parametrize(
    "unit", ["a.", "1+", "!", "a[", "true&&", "1<", "(1)", ".b()", "-", "("], ids=str
)
def test_no_condition_of_the_permitted_length_kills_the_process(unit):
    code = (
        "from gateway.routing.conditions import Scope\n"
        f"for end in ('b', 'true', '1==1'):\n"
        f"    source = ({unit!r} * {MOST_CHARACTERS})[:{MOST_CHARACTERS - 4}] + end\n"
        "    Scope({}).ask(source)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]


def test_a_longer_condition_is_refused_unseen():
    source = "a." * MOST_CHARACTERS + "b"
    assert check(source, TABLES) == [f"is longer than {MOST_CHARACTERS} characters"]


@pytest.mark.parametrize(
    "source",
    ["inquiry.tpoic", "nothing", "1 / 0 == 1", "(", "[1][5] == 1", "inquiry.topic < 3", "3"],
)
def test_an_error_when_asked_is_no_match_with_its_reason(source):
    found = Scope(sample()).ask(source)
    assert not found.holds
    assert found.error
    assert "\n" not in found.error


@given(st.text(alphabet="inquiry.topic&|!()?:[]\"' <>=1/%0x", max_size=60))
@example("inquiry.topic.foo")
@example('"')
@example(")(")
def test_whatever_is_written_is_judged_and_asked_without_raising(source):
    wrong = check(source, TABLES)
    found = Scope(sample()).ask(source)
    if not wrong:
        assert found.error == ""


def test_every_field_can_be_asked_for():
    scope = Scope(sample())
    for table, kind in WITH_QUEUE.items():
        for name in names(kind):
            assert scope.ask(f"{table}.{name} == {table}.{name}").holds, name


def test_the_full_sample_leaves_nothing_empty():
    for table, row in SAMPLE.as_values(SAMPLE_QUEUE).items():
        assert all(row.values()), table


def test_what_is_to_blame_is_the_first_part_that_is_false_with_its_values():
    scope = Scope(Facts(InquiryFacts(topic="refund", urgent=True)).as_values())
    assert scope.why_not('inquiry.urgent && inquiry.topic in ["a"] && time.hour > 9') == (
        'inquiry.topic in ["a"] (inquiry.topic = "refund")'
    )
    assert scope.why_not("!inquiry.urgent || time.hour > 9") == (
        "!inquiry.urgent || time.hour > 9 (inquiry.urgent = true, time.hour = 0)"
    )


def test_what_the_customer_wrote_is_not_repeated():
    scope = Scope(sample())
    assert "card?" not in scope.why_not('inquiry.subject == "x"')
    assert "Li Na" not in scope.why_not('contact.name == "x"')


def test_the_nearest_word_is_offered_and_a_stranger_is_not():
    assert nearest("tpoic", ["topic", "number"]) == " (did you mean 'topic'?)"
    assert nearest("zzz", ["topic", "number"]) == ""
