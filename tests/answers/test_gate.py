"""What may take the place of the knowledge base in force, and what may not."""

from dataclasses import replace

import pytest

from gateway.answers import gate
from gateway.answers.certify import Reviewed, certify
from gateway.answers.gate import ACCURACY_FALL, COVERAGE_FALL, Measures, compare, farthest, judge
from gateway.domain.model import Brand
from tests.answers.small import small_base, spoil

TOPICS = ("password_reset", "bind_card", "thanks")
BRANDS = {"demo": Brand("demo", "Demo")}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def trial(tmp_path, models):
    """Two equal versions, to be changed."""
    current = small_base(tmp_path / "current", TOPICS, calibration=True)
    candidate = small_base(tmp_path / "candidate", TOPICS, calibration=True)
    return gate.Trial(candidate, current, {}, BRANDS, "lexical", models, 0.2, 0.1)


def measures(**changes) -> Measures:
    usual = Measures(
        "e", "", 3, 100, 0.9, {"en": 100, "zh-CN": 100}, {"en": 0.6, "zh-CN": None},
        {"en": 0.65, "zh-CN": 0.0},
    )  # fmt: skip
    return replace(usual, **changes)


def test_equal_measures_pass():
    assert compare(measures(), measures()) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"accuracy": 0.9 - ACCURACY_FALL - 0.001}, "it recognises 88.9% of the examples"),
        ({"certified": {"en": None}}, "no certificate can be had for en"),
        ({"certified": {}}, "no certificate can be had for en"),
        ({"reach": {"en": 0.65 - COVERAGE_FALL - 0.001}}, "of the en calibration questions"),
    ],
)
def test_what_falls_by_more_than_chance_is_said(changes, what):
    (fallen,) = compare(measures(), measures(**changes))
    assert what in fallen


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": 0.9 - ACCURACY_FALL + 0.001},
        {"reach": {"en": 0.65 - COVERAGE_FALL + 0.001}},
        {"certified": {"en": 0.5}},
        {"accuracy": 1.0, "certified": {"en": 0.9, "zh-CN": 0.5}},
    ],
)
def test_chance_and_gain_pass(changes):
    assert compare(measures(), measures(**changes)) == []


def test_the_reach_moves_by_single_cases_and_keeps_the_bound():
    cases = [Reviewed(1 - i / 1000, correct=True) for i in range(300)]
    assert farthest(cases, 0.05, 0.1) == 300
    assert farthest([*cases[:-1], Reviewed(0.0, correct=False)], 0.05, 0.1) == 300
    assert farthest(cases[:40], 0.05, 0.1) == 0
    wrong = [Reviewed(1.0, correct=False)] * 30
    assert farthest([*cases, *wrong], 0.05, 0.1) == 0
    certificate = certify(cases, 0.05, 0.1)
    assert certificate.answered <= farthest(cases, 0.05, 0.1)


def test_cases_of_one_score_are_answered_together_or_not_at_all():
    assert farthest([Reviewed(0.5, correct=i != 150) for i in range(200)], 0.05, 0.1) == 200
    assert farthest([Reviewed(0.5, correct=i < 100) for i in range(200)], 0.05, 0.1) == 0


def test_the_first_version_has_nothing_to_fall_behind(trial):
    verdict = judge(replace(trial, current=None))
    assert verdict.passes
    assert verdict.before is None
    assert verdict.measures.examples > 100
    assert 0.5 < verdict.measures.accuracy <= 1
    assert set(verdict.measures.questions) == {"zh-CN", "en"}


def test_a_change_of_wording_needs_no_training(trial, monkeypatch):
    first = judge(trial)
    known = {first.before_basis: first.before.plain()}
    (trial.candidate / "topics/thanks/long.en.md.j2").write_text("Most welcome.\n")
    monkeypatch.setattr(gate, "trained", lambda *_: pytest.fail("it was trained"))
    verdict = judge(replace(trial, known=known))
    assert verdict.wording_only
    assert verdict.passes
    assert verdict.measures == first.before
    assert verdict.version != first.version


def test_a_knowledge_base_that_got_worse_is_refused_with_what_fell(trial):
    spoil(trial.candidate)
    told = []
    verdict = judge(trial, told.append)
    assert not verdict.passes
    assert any("it recognises" in fallen for fallen in verdict.fallen)
    assert verdict.measures.accuracy < verdict.before.accuracy
    assert verdict.against == trial.current.name
    assert any("learning" in line for line in told)
    assert any("calibration questions" in line for line in told)


def test_a_better_one_passes_with_the_measures_of_both(trial):
    path = trial.candidate / "topics/bind_card/examples.en.txt"
    path.write_text(path.read_text("utf-8") + "where in the app do I put my debit card\n", "utf-8")
    verdict = judge(trial)
    assert verdict.passes, verdict.fallen
    assert verdict.measures.examples == verdict.before.examples + 1
    assert not verdict.wording_only


def test_what_another_engine_was_worth_is_no_measure_for_this_one(trial):
    """The same wish gets another engine where an encoder is missing, or with another release."""
    first = judge(trial)
    other = replace(first.before, engine="another", accuracy=1.0)
    path = trial.candidate / "topics/bind_card/examples.en.txt"
    path.write_text(path.read_text("utf-8") + "where in the app do I put my debit card\n", "utf-8")
    verdict = judge(replace(trial, known={first.before_basis: other.plain()}))
    assert verdict.before == first.before
    assert verdict.passes, verdict.fallen


@pytest.mark.parametrize("file", ["topics/bind_card/topic.toml", "calibration/questions.jsonl"])
def test_one_that_cannot_be_read_is_refused(trial, file):
    (trial.candidate / file).write_text("] no [")
    verdict = judge(trial)
    assert not verdict.passes
    assert "it cannot be read" in verdict.fallen[0]
    assert file in verdict.fallen[0]


def test_one_that_cannot_be_learnt_is_refused(trial, monkeypatch):
    def fails(*_):
        raise gate.TrainingError("knows only 3 % of its own examples")

    monkeypatch.setattr(gate, "trained", fails)
    verdict = judge(trial)
    assert verdict.fallen == ("training: knows only 3 % of its own examples",)


def test_without_questions_of_its_own_it_is_asked_those_of_the_other(trial):
    (trial.candidate / "calibration/questions.jsonl").unlink()
    verdict = judge(trial)
    assert verdict.passes
    assert verdict.measures.questions == verdict.before.questions
    assert sum(verdict.measures.questions.values()) > 20
