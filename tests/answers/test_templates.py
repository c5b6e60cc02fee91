"""Every template renders in every language and form, fits its channel, and invents nothing."""

import itertools
import re

import pytest

from gateway.answers.case import make_case
from gateway.answers.every_text import NUMBER, case_of, every_text
from gateway.answers.length import MOST_SEGMENTS
from gateway.answers.loading import NOTICES, load
from gateway.answers.rendering import Renderer, RenderError, Source, inspect
from gateway.answers.wording import Wording
from gateway.config import templates_dir
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.decision import Question
from gateway.domain.model import Brand
from gateway.domain.segments import segments, strange
from tests.answers.brands import EMPTY, FULL

KNOWLEDGE = load(templates_dir())
WORDING = Wording(KNOWLEDGE)
LANGUAGES = ("zh-CN", "en")
FORMS = list(itertools.product(LANGUAGES, ("long", "short")))
APPS = ["u钱包", "UPay钱包", "壹钱包", "联合钱包"]


def case(language: str, form: str, brand: Brand, *, public: bool = False):
    return case_of(KNOWLEDGE, language, form, brand, public=public)


def all_texts(language: str, form: str, brand: Brand):
    """Every text that the gateway can send in this language, form and brand, framed as sent."""
    texts = every_text(KNOWLEDGE, WORDING, brand, language, form, names=APPS)
    return [(path.split("/")[1], text) for path, text in texts]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["long", "short", "voice"])
@pytest.mark.parametrize("brand", [FULL, EMPTY], ids=lambda b: b.id)
def test_every_text_renders_cleanly(language, form, brand):
    for name, text in all_texts(language, form, brand):
        assert text, name
        assert not re.search(r"\{[{%]|None|Undefined|  +|\n\n\n| \n", text), (name, text)
        assert not re.search(r"[，。；：]{2}|（）|\(\)| [,.;]", text), (name, text)
        if language == "en" and name != "which_brand":  # brand names are the operator's
            assert not re.search(r"[\u3000-\u9fff]", text), (name, text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("brand", [FULL, EMPTY], ids=lambda b: b.id)
def test_short_forms_fit_two_sms(language, brand):
    for name, text in all_texts(language, "short", brand):
        if language == "en":
            if name == "which_brand":
                continue  # brand names are the operator's
            assert strange(text) == "", name
        assert segments(text).parts <= MOST_SEGMENTS, (name, len(text), text)


@pytest.mark.parametrize(("language", "form"), FORMS)
def test_without_facts_no_number_link_or_promise_is_left(language, form):
    for name, text in all_texts(language, form, EMPTY):
        if name in ("promise_passed", "waiting"):
            continue  # goes out only where the brand has promised something, or it was measured
        bare = text.replace(NUMBER, "")
        assert not re.search(r"\d{2,}|https?:|@", bare), (name, text)
        assert "working day" not in bare, name
        assert "工作日" not in bare, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["long", "short", "voice"])
def test_no_text_of_ours_is_stopped_on_its_way_out(language, form):
    allowed = Allowed.of_brand(FULL)
    for name, text in all_texts(language, form, FULL):
        assert refusal(text, allowed) == "", (name, text)


@pytest.mark.parametrize(("language", "form"), FORMS)
def test_every_text_shows_the_way_to_a_person(language, form):
    way = {"zh-CN": ("人工", "回复"), "en": ("person", "eply")}[language]
    for name, text in all_texts(language, form, EMPTY):
        if name != "redacted":  # goes out beside one of the others
            assert any(word in text for word in way), (name, text)


@pytest.mark.parametrize(("language", "form"), FORMS)
def test_every_text_says_first_that_it_is_automatic(language, form):
    note = {"zh-CN": "这是自动回复", "en": "This is an automatic reply"}[language]
    for name, text in all_texts(language, form, FULL):
        assert text.startswith(note) or name == "redacted", name


def test_later_texts_do_not_repeat_that_they_are_automatic():
    question = Question(text="x", language="en", first=False)
    at = make_case(question, {}, KNOWLEDGE.languages)
    assert "automatic" not in WORDING.to_person(at, "acknowledge")


@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_of_the_brand_stand_in_the_answers(language):
    at = case(language, "long", FULL)
    topics = KNOWLEDGE.topics
    assert "1–3" in WORDING.answer(at, topics["withdraw_not_arrived"])
    assert "400-618-0081" in WORDING.answer(at, topics["password_reset"])
    assert " 7 " in WORDING.advice(at, topics["account_closing"])
    assert " 15 " in WORDING.advice(at, topics["complaint"])


def test_the_brand_is_called_by_its_name_in_the_language():
    assert "Union Wallet app" in WORDING.answer(
        case("en", "long", FULL), KNOWLEDGE.topics["bind_card"]
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_public_texts_hold_nothing_personal_and_invite_to_a_private_channel(language):
    at = case(language, "long", FULL, public=True)
    invitation = {"zh-CN": "私信", "en": "private message"}[language]
    for topic in KNOWLEDGE.topics.values():
        for text in (WORDING.answer(at, topic), WORDING.advice(at, topic)):
            assert NUMBER not in text
            assert invitation in text
    assert NUMBER not in WORDING.to_person(at, "acknowledge")
    assert WORDING.draft(at, KNOWLEDGE.topics["refund"]) == ""


def test_rendering_a_personal_template_for_the_public_is_impossible():
    source = KNOWLEDGE.notice("acknowledge", "en", "long")
    assert source.personal
    with pytest.raises(RenderError, match="number"):
        WORDING._render(case("en", "long", FULL, public=True), source)


def test_answers_that_run_by_themselves_are_free_of_personal_variables():
    for topic in KNOWLEDGE.topics.values():
        if not topic.high_risk and not topic.control:
            assert not any(source.personal for source in topic.answers.values()), topic.id


def test_all_notices_exist_in_all_languages():
    assert set(KNOWLEDGE.notices) == set(NOTICES)
    for notice in KNOWLEDGE.notices.values():
        assert {key for key in notice if key[1] != "voice"} == set(FORMS)


def test_what_a_customer_provides_is_never_run_as_a_template():
    question = Question(text="x", language="en", number="{{ 7 * 7 }}{% for x in y %}")
    at = make_case(question, {}, KNOWLEDGE.languages)
    text = WORDING.to_person(at, "acknowledge")
    assert "{{ 7 * 7 }}{% for x in y %}" in text
    assert "49" not in text


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ options.__init__.__globals__ }}",
        "{{ options.append('x') }}",
        "{{ range(10) }}",
        "{{ missing }}",
    ],
)
def test_the_sandbox_gives_templates_nothing_to_reach_for(attack):
    source = Source("evil.j2", attack)
    with pytest.raises(RenderError, match=r"evil\.j2"):
        Renderer().render(source, {"options": ["a"]})


@pytest.mark.parametrize(
    "text", ["{% include 'a' %}", "{% import 'a' as b %}", "{% extends 'a' %}"]
)
def test_templates_cannot_pull_in_others(text):
    _, problems = inspect("x.j2", text, frozenset())
    assert problems == ["pulls in another template; write the text out"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{% set b = brand %}{{ b.hotline }}", "brand"),
        ("{% with b = brand %}{{ b['hotline'] }}{% endwith %}", "brand"),
        ("{{ brand }}", "brand"),
        ("{% set d = due %}{{ d.withdraw_days }}", "due"),
        ("{% set r = rows %}{% for row in r.fees %}{{ row.fee }}{% endfor %}", "rows"),
    ],
)
def test_a_template_gets_only_what_it_names_itself_so_nothing_is_handed_on(text, name):
    source, problems = inspect("x.j2", text, frozenset({"hotline"}))
    assert [p for p in problems if p.startswith(f"hands on {name!r}")], problems
    assert source.facts == source.dues == source.cells == frozenset()


def test_a_template_that_names_each_fact_hands_on_nothing():
    text = "{% if brand.hotline %}{{ brand['hotline'] }} {{ due.days }}{{ brand.name }}{% endif %}"
    source, problems = inspect("x.j2", text, frozenset({"hotline"}))
    assert (source.facts, source.dues, problems) == ({"hotline"}, {"days"}, [])
