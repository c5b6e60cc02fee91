"""Answers for a time or a version of the app: which one holds, and what a topic may declare."""

import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.answers.case import make_case
from gateway.answers.faults import KnowledgeError
from gateway.answers.loading import load
from gateway.answers.text import normalise
from gateway.answers.variants import app_version, chosen, read_variants, stale
from gateway.answers.wording import Wording
from gateway.domain.calendar import Calendar
from gateway.domain.decision import Question
from tests.answers.brands import FULL

TOPIC = "topics/bind_card"


def at(day: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()


def read(**values):
    return read_variants(Path("none/topic.toml"), [{"name": "new", **values}])


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "templates"))


def declare(root: Path, text: str, *, files: bool = True) -> None:
    path = root / TOPIC / "topic.toml"
    before, title, after = path.read_text().partition("[title]")
    path.write_text(f"{before}{title}{after}\n{text}\n")
    if files:
        for form, language in (
            ("long", "en"),
            ("short", "en"),
            ("long", "zh-CN"),
            ("short", "zh-CN"),
        ):
            (root / TOPIC / f"{form}.new.{language}.md.j2").write_text(f"New {form}.\n")


NEW = '[[variants]]\nname = "new"\nvalid_from = 2026-12-01\nvalid_to = 2026-12-31\napp = ">=8.3"'


def answer(knowledge, *, brand=FULL, **values) -> str:
    case = make_case(
        Question("x", brand=brand.id, language="en", **values),
        {brand.id: brand},
        knowledge.languages,
    )
    return Wording(knowledge).draft(case, knowledge.topics["bind_card"])


# ---------------------------------------------------------------- which one holds


def test_the_variant_holds_from_its_first_day_through_its_last_in_the_zone():
    variants = read(valid_from=date(2026, 12, 1), valid_to=date(2026, 12, 31))
    for moment, name in (
        (at("2026-11-30T23:59:59"), ""),
        (at("2026-12-01T00:00:00"), "new"),
        (at("2026-12-31T23:59:59"), "new"),
        (at("2027-01-01T00:00:00"), ""),
    ):
        assert chosen(variants, moment, "") == name
    assert chosen(variants, at("2026-12-01T00:00:00"), "", "America/New_York") == ""


@pytest.mark.parametrize(
    ("condition", "version", "holds"),
    [
        (">=8.3", "8.3", True),
        (">=8.3", "8.3.0", True),
        (">=8.3", "8.10", True),
        (">=8.3", "8.2.9", False),
        ("<8.0", "7.9.9", True),
        ("<8.0", "8.0.0", False),
        (">=8.3, <9", "8.9", True),
        (">=8.3, <9", "9.0", False),
        ("==8.2", "v8.2.0", True),
        (">8.2", "8.2.0", False),
        ("<=8.2", "8.2.1", False),
        (">=8.3", "", False),
        (">=8.3", "latest", False),
    ],
)
def test_versions_are_compared_part_by_part(condition, version, holds):
    assert (chosen(read(app=condition), 0.0, version) == "new") is holds


def test_what_is_not_known_holds_nothing():
    assert chosen(read(valid_from=date(2020, 1, 1)), 0.0, "9") == ""
    assert chosen(read(app=">1"), at("2026-12-01"), "") == ""


def test_the_first_that_applies_is_taken():
    raw = [{"name": "a", "app": ">=9"}, {"name": "b", "app": ">=8"}, {"name": "c", "app": ">=7"}]
    variants = read_variants(Path("none/topic.toml"), raw)
    assert [chosen(variants, 0.0, version) for version in ("9.1", "8.1", "7.1", "6")] == [
        "a", "b", "c", "",
    ]  # fmt: skip


def test_the_answer_is_the_variants_when_it_holds_and_the_topics_otherwise(copy):
    declare(copy, NEW)
    knowledge = load(copy)
    day = at("2026-12-05")
    assert answer(knowledge, asked_at=day, app_version="8.3.1") == "New long."
    assert answer(knowledge, asked_at=day, app_version="8.3.1", form="short") == "New short."
    assert answer(knowledge, asked_at=day, app_version="8.3.1", form="voice") == "New short."
    for values in ({"app_version": "8.3.1"}, {"asked_at": day}, {}):
        assert "Add bank card" in answer(knowledge, **values)
    assert load(copy).version == knowledge.version


def test_the_days_are_those_of_the_brands_calendar(copy):
    declare(copy, NEW)
    away = replace(FULL, calendar=Calendar(zone="America/New_York"))
    values = {"asked_at": at("2026-12-01T00:00:00"), "app_version": "8.3"}
    assert answer(load(copy), **values) == "New long."
    assert "Add bank card" in answer(load(copy), brand=away, **values)


def test_a_brands_own_words_are_changed_only_by_a_variant_of_its_own(copy):
    declare(copy, NEW)
    own = copy / "brands/full" / TOPIC
    own.mkdir(parents=True)
    (own / "long.en.md.j2").write_text("Our own way.\n")
    values = {"asked_at": at("2026-12-05"), "app_version": "8.3"}
    assert answer(load(copy), **values) == "Our own way."
    assert answer(load(copy), **values, form="short") == "New short."
    (own / "long.new.en.md.j2").write_text("Our own new way.\n")
    assert answer(load(copy), **values) == "Our own new way."


def test_the_version_is_remembered_in_the_dialogue(answerer):
    first = answerer.decide(Question("版本8.1.2，付款一直失败", brand="full"), [])
    assert first.dialogue["app"] == "8.1.2"
    second = answerer.decide(Question("还是不行", brand="full", dialogue=first.dialogue), [])
    assert second.dialogue["app"] == "8.1.2"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("I have version 8.1.2 of the app", "8.1.2"),
        ("App version: 8.1", "8.1"),
        ("版本8.1.2付款失败", "8.1.2"),
        ("版本号是 8.12.3", "8.12.3"),
        ("on v8.2.0 it crashes", "8.2.0"),
        ("App版本：V8.2.1", "8.2.1"),
        ("iOS版本17.2", ""),
        ("安卓系统版本 14.0，App版本8.2", "8.2"),
        ("it costs 8.12 yuan", ""),
        ("on 8.12.2026", ""),
        ("my ip is v1.2.3.4.5", ""),
        ("no number", ""),
    ],
)
def test_the_version_is_read_from_the_text(text, version):
    assert app_version(normalise(text)) == version


def test_what_the_channel_tells_is_stronger_than_the_text(knowledge):
    question = Question("version 7.0", brand="full", app_version="8.4")
    assert make_case(question, {"full": FULL}, knowledge.languages).app == "8.4"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "new"\nvalid_from = "2026-12-01"', "variants[0].valid_from must be a day without"),
        ('name = "new"\nvalid_to = 2026-12-01T08:00:00', "variants[0].valid_to must be a day"),
        ('name = "new"\nvalid_from = 2026-13-01', "is not valid TOML"),
        ('name = "new"\nvalid_from = 2026-12-02\nvalid_to = 2026-12-01', "valid_to lies before"),
        ('name = "new"\napp = "8.3"', "variants[0].app must be versions as"),
        ('name = "new"\napp = ">=8.x"', "variants[0].app must be versions as"),
        ('name = "new"\napp = 8.3', "variants[0].app must be versions as"),
        ('name = "new"', "holds always"),
        ('name = "New menu"\napp = ">1"', "variants[0].name must be lower-case"),
        ('app = ">1"', "variants[0].name must be"),
        ('name = "new"\napp_versions = ">1"', "variants[0].app_versions is not known"),
        ('name = "new"\napp = ">1"\n[[variants]]\nname = "new"\napp = ">2"', "stands there twice"),
    ],
)
def test_a_wrong_variant_stops_the_start_with_file_key_and_cure(copy, text, complaint):
    declare(copy, f"[[variants]]\n{text}")
    with pytest.raises(KnowledgeError) as caught:
        load(copy)
    assert complaint in str(caught.value)
    assert "bind_card/topic.toml" in str(caught.value)


def test_a_variant_needs_its_forms_in_every_language(copy):
    declare(copy, NEW)
    (copy / TOPIC / "short.new.zh-CN.md.j2").unlink()
    with pytest.raises(KnowledgeError, match=r"short\.new\.zh-CN\.md\.j2: is missing"):
        load(copy)


def test_a_file_of_an_undeclared_variant_is_refused(copy):
    declare(copy, "", files=True)
    with pytest.raises(KnowledgeError, match=r"is of no variant; add \[\[variants\]\] 'new'"):
        load(copy)


def test_what_has_ended_everywhere_is_named(copy):
    declare(copy, NEW)
    knowledge = load(copy)
    assert stale(knowledge, at("2027-01-01T11:59:59", "UTC")) == []
    (found,) = stale(knowledge, at("2027-01-01T12:00:00", "UTC"))
    assert (found.topic, found.variant, found.ended) == ("bind_card", "new", date(2026, 12, 31))
    assert str(found).startswith(
        "topics/bind_card/topic.toml: the variant 'new' ended on 2026-12-31"
    )
