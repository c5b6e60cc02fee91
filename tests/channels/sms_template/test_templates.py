"""A text and the approved template that says it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._sms_templates import Template, Templates

NOTED = "您的问题已登记，编号{number}，人工客服会在{when}前处理。"


def made(template, params):
    """What the carrier makes of it."""
    return re.sub(r"\{(\w+)\}", lambda found: params[found[1]], template)


def test_the_values_are_found_that_make_the_text():
    filled = Templates.of({"T1": NOTED}).filled(
        "您的问题已登记，编号R-1001，人工客服会在 18:00 前处理。"
    )
    assert filled is not None
    assert (filled.template, filled.params) == ("T1", {"number": "R-1001", "when": " 18:00 "})


@pytest.mark.parametrize(
    "text",
    [
        "",
        NOTED[:-1],
        "您的问题已登记，编号，人工客服会在明天前处理。",
        "您的问题已登记，编号1，人工客服会在前处理。",
        "您的问题已登记，编号1，人工客服会在明天前处理",
        "您的问题已登记，编号1，人工客服会在明天前处理。 ",
        " 您的问题已登记，编号1，人工客服会在明天前处理。",
        "您的问题已登记，编号1,人工客服会在明天前处理。",
        "您的问题已登记，编号前处理。",
    ],
)
def test_any_other_text_is_none_of_it(text):
    assert Templates.of({"T1": NOTED}).filled(text) is None


def test_of_several_that_fit_the_one_that_fixes_most_is_taken():
    templates = Templates.of({"A": "编号{x}。", "C": "编号7{y}。", "D": "编号7-1。"})
    assert templates.filled("编号7-1。").template == "D"
    assert templates.filled("编号7-2。").template == "C"
    assert templates.filled("编号8。").template == "A"


def test_what_no_template_says_goes_by_the_free_one_if_there_is_one():
    assert Templates.of({"T1": NOTED}).filled("好的") is None
    filled = Templates.of({"T1": NOTED}, free="F").filled("好的\n再见")
    assert (filled.template, filled.params) == ("F", {"content": "好的\n再见"})
    assert Templates.of({}, free="F").filled(" \n") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{a}",
        "{a}{b}x",
        "x{a}y{a}z",
        "x{}y",
        "x{1}y",
        "x{a",
        "x}y",
        "x{a b}y",
        "{{a}}",
        "x{编号}y",
    ],
)
def test_a_template_whose_values_cannot_be_told_apart_is_refused(text):
    with pytest.raises(ValueError, match="template T1: "):
        Templates.of({"T1": text})


PIECE = st.text("ab。", min_size=1, max_size=3)


@given(st.lists(PIECE, min_size=2, max_size=5), st.data())
def test_whatever_a_template_can_say_is_found_and_made_again(pieces, data):
    names = [f"n{number}" for number in range(len(pieces) - 1)]
    text = "".join(f"{piece}{{{name}}}" for piece, name in zip(pieces, names, strict=False))
    text += pieces[-1]
    params = {name: data.draw(PIECE) for name in names}
    said = made(text, params)
    found = Template.of("T", text).filled(said)
    assert found is not None
    assert made(text, found.params) == said
    assert all(found.params.values())


@given(st.text("ab。", max_size=12), st.text("ab。", min_size=1, max_size=4))
def test_what_is_found_makes_exactly_the_text(said, around):
    text = f"{around}{{x}}b{{y}}"
    found = Template.of("T", text).filled(said)
    assert found is None or made(text, found.params) == said


def test_a_long_text_is_no_work():
    template = Template.of("T", "".join(f"a{{n{number}}}" for number in range(40)) + "z")
    assert template.filled("a" * 500) is None
