"""A promise in working days is stated as a date, and nothing else can be."""

import shutil
from datetime import date, time
from pathlib import Path

import pytest

from gateway.answers.case import make_case
from gateway.answers.faults import KnowledgeError
from gateway.answers.loading import load
from gateway.answers.promising import check_brands, days_of, in_words
from gateway.answers.wording import Wording
from gateway.calendars import CalendarSettings
from gateway.config import templates_dir
from gateway.domain.allowlist import Allowed, refusal
from gateway.domain.decision import Question
from gateway.domain.errors import SettingsError
from gateway.domain.model import Brand

KNOWLEDGE = load(templates_dir())
WORDING = Wording(KNOWLEDGE)
CHINA = CalendarSettings().calendar()
FACTS = {
    "withdraw_days": "1–3",
    "closing_days": 7,
    "complaint_days": "15",
    "appeal_days": 15,
    "reprocess_days": 5,
}
BRAND = Brand("one", "One", FACTS, calendar=CHINA)
#: Wednesday before the National Day holiday; people work on Saturday 10 October.
ASKED = CHINA.moment(date(2026, 9, 30), time(23, 30))
PROMISING = {
    "withdraw_not_arrived": ("withdraw_days", date(2026, 10, 10)),
    "account_closing": ("closing_days", date(2026, 10, 15)),
    "complaint": ("complaint_days", date(2026, 10, 27)),
    "complaint_appeal": ("appeal_days", date(2026, 10, 27)),
    "reprocess": ("reprocess_days", date(2026, 10, 13)),
}


def case(
    language: str = "zh-CN", form: str = "long", *, brand: Brand = BRAND, asked: float = ASKED
):
    question = Question("x", language=language, form=form, brand=brand.id, asked_at=asked)
    return make_case(question, {brand.id: brand}, KNOWLEDGE.languages)


def text(topic: str, language: str, form: str, **more) -> str:
    return WORDING.draft(case(language, form, **more), KNOWLEDGE.topics[topic])


@pytest.mark.parametrize(
    ("value", "days"),
    [
        (7, 7), ("15", 15), ("1-3", 3), ("1–3", 3), ("1 至 3", 3), ("2~5", 5), (0, None), ("0", None),
        ("3-", None), ("a few", None), ("1-3 days", None), (True, None), (1.5, None), (None, None),
        ({"en": "1-3"}, None), ("", None), (-3, None), (999, None),
    ],
)  # fmt: skip
def test_the_upper_end_of_a_range_is_promised(value, days):
    assert days_of(value) == days


@pytest.mark.parametrize(
    ("language", "form", "words"),
    [
        ("zh-CN", "long", "11月27日（周五）"),
        ("zh-CN", "short", "11月27日"),
        ("zh-CN", "voice", "11月27日星期五"),
        ("en", "long", "Friday 27 November"),
        ("en", "short", "27 Nov"),
        ("en", "voice", "Friday 27 November"),
    ],
)
def test_a_date_is_written_as_its_language_and_form_want_it(language, form, words):
    assert in_words(case(language, form), date(2026, 11, 27)) == words


def test_a_date_of_another_year_names_it():
    assert in_words(case("zh-CN"), date(2027, 1, 4)) == "2027年1月4日（周一）"
    assert in_words(case("en"), date(2027, 1, 4)) == "Monday 4 January 2027"
    assert in_words(case("en", "short"), date(2027, 1, 4)) == "4 Jan"


def test_every_topic_that_promises_working_days_is_known_here():
    marked = {t.id: set(t.promises) & KNOWLEDGE.working_days for t in KNOWLEDGE.topics.values()}
    assert {topic: facts for topic, facts in marked.items() if facts} == {
        topic: {fact} for topic, (fact, _) in PROMISING.items()
    }


@pytest.mark.parametrize("topic", PROMISING)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("form", ["long", "short", "voice"])
def test_every_form_of_every_promise_states_its_date(topic, language, form):
    day = PROMISING[topic][1]
    written = text(topic, language, form)
    assert in_words(case(language, form), day) in written
    assert refusal(written, Allowed.of_brand(BRAND)) == ""
    undated = text(topic, language, form, asked=0.0)
    assert in_words(case(language, form), day) not in undated
    assert any(word in undated for word in ("工作日", "working days"))


@pytest.mark.parametrize("topic", PROMISING)
def test_what_is_promised_is_told_with_the_moment_to_ask(topic):
    fact, day = PROMISING[topic]
    said = WORDING.answer(case(), KNOWLEDGE.topics[topic])
    (promise,) = WORDING.promises(case(), KNOWLEDGE.topics[topic], said)
    assert (promise.topic, promise.fact, promise.by) == (topic, fact, day.isoformat())
    assert promise.ask_at == CHINA.opening_after(day)
    assert CHINA.day_of(promise.ask_at) > day


def test_days_are_those_of_the_brands_time_zone():
    berlin = Brand(
        "one",
        "One",
        FACTS,
        calendar=CalendarSettings(timezone="Europe/Berlin", holidays="DE").calendar(),
    )
    assert "Monday 5 October" in text("withdraw_not_arrived", "en", "long", brand=berlin)


def test_nothing_is_promised_in_public_without_a_fact_or_without_a_time():
    topic = KNOWLEDGE.topics["withdraw_not_arrived"]
    public = make_case(
        Question("x", language="en", brand="one", asked_at=ASKED, public=True),
        {"one": BRAND},
        KNOWLEDGE.languages,
    )
    said = WORDING.answer(case(), topic)
    assert len(WORDING.promises(case(), topic, said)) == 1
    assert WORDING.promises(public, topic, said) == ()
    assert WORDING.promises(case(brand=Brand("two", "Two")), topic, said) == ()
    assert WORDING.promises(case(asked=0.0), topic, said) == ()
    assert WORDING.promises(case(), KNOWLEDGE.topics["bind_card"], said) == ()


def test_a_date_that_the_text_does_not_name_is_no_promise():
    topic = KNOWLEDGE.topics["withdraw_not_arrived"]
    assert WORDING.promises(case(), topic, "Please look at the withdrawal record.") == ()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("form", ["long", "short", "voice"])
def test_the_question_after_the_date_names_both_and_asks_for_one_or_two(language, form):
    topic = KNOWLEDGE.topics["withdraw_not_arrived"]
    written = WORDING.promise_passed(case(language, form), topic, "2026-10-10")
    assert in_words(case(language, form), date(2026, 10, 10)) in written
    assert topic.titles[language] in written
    for choice in {"zh-CN": "一二", "en": ("one", "two")}[language] if form == "voice" else "12":
        assert choice in written


# ---------------------------------------------------------------- what may be written


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(templates_dir(), tmp_path / "templates"))


@pytest.mark.parametrize(
    ("topic", "template", "complaint"),
    [
        ("bind_card", "By {{ due.withdraw_days }}.", r"names due\.withdraw_days, which is no promise"),
        ("bind_card", "{{ due['withdraw_days'] }}", r"names due\.withdraw_days, which is no promise"),
        ("bind_card", "{{ due[options] }}", r"names due\.\[computed\]"),
        ("topup_howto", "{{ due.topup_arrival }}", r"promise = \"working days\"' at the fact"),
        ("bind_card", "{{ brand.closing_days }}", "add 'closing_days' to promises in topic.toml"),
        ("complaint", "{{ brand.complaint_days }}", r"say \{\{ due\.complaint_days \}\} beside it"),
        ("complaint", "{{ promised }}", "unknown variable 'promised'"),
    ],
)  # fmt: skip
def test_a_template_that_promises_without_keeping_to_it_is_refused(
    copy, topic, template, complaint
):
    (copy / f"topics/{topic}/long.en.md.j2").write_text(template)
    with pytest.raises(KnowledgeError, match=complaint) as caught:
        load(copy)
    assert f"topics/{topic}/long.en.md.j2" in str(caught.value)


def test_the_template_of_one_brand_is_bound_by_the_promises_of_the_topic(copy):
    own = copy / "brands/upay/topics/complaint"
    own.mkdir(parents=True)
    (own / "long.en.md.j2").write_text("By {{ due.closing_days }}.")
    with pytest.raises(KnowledgeError, match=r"due\.closing_days"):
        load(copy)
    (own / "long.en.md.j2").write_text("By {{ due.complaint_days }}.")
    assert load(copy).answer("complaint", "upay", "en", "long").dues == {"complaint_days"}


def test_a_mark_of_a_fact_that_says_nothing_is_refused(copy):
    settings = copy / "knowledge.toml"
    settings.write_text(
        settings.read_text("utf-8").replace(
            '"working days"\n\n[facts.topup', '"days"\n\n[facts.topup'
        )
    )
    with pytest.raises(KnowledgeError, match="use one of working days"):
        load(copy)


def test_a_brands_promise_from_which_no_date_follows_stops_the_start():
    wrong = Brand("two", "Two", {"withdraw_days": "a few"})
    with pytest.raises(
        SettingsError, match=r"^brands\.two\.facts\.withdraw_days: .* such as '1-3'"
    ):
        check_brands(KNOWLEDGE.working_days, {"one": BRAND, "two": wrong})
    check_brands(
        KNOWLEDGE.working_days,
        {"one": BRAND, "empty": Brand("empty", "Empty", {"closing_days": ""})},
    )
