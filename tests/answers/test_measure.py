"""Figures are what their names say: splits do not leak, scores match their definitions."""

import random
from collections import Counter

import numpy as np
import pytest

from gateway.answers.certify import Reviewed
from gateway.answers.labelled import Labelled
from gateway.answers.measure import (
    accuracy,
    auroc,
    few_shot,
    folds,
    keep_promise,
    macro_f1,
    milliseconds,
    risk_curve,
)
from gateway.answers.picture import draw
from gateway.answers.trial import Plan, run

LABELS = ["a"] * 50 + ["b"] * 30 + ["c"] * 7


def test_few_shot_takes_as_many_as_asked_and_tests_on_a_fifth_of_every_label():
    split = few_shot(LABELS, 5, seed=0)
    assert Counter(LABELS[i] for i in split.train) == {"a": 5, "b": 5, "c": 5}
    assert Counter(LABELS[i] for i in split.test) == {"a": 10, "b": 6, "c": 1}
    assert not set(split.train) & set(split.test)


def test_without_a_number_of_shots_everything_that_is_not_held_out_is_learnt():
    split = few_shot(LABELS, 0, seed=0)
    assert sorted(split.train + split.test) == list(range(len(LABELS)))
    assert few_shot(LABELS, 0, seed=0, hold_out=False).test == []


def test_seeds_give_different_splits_and_the_same_seed_the_same():
    assert few_shot(LABELS, 5, seed=1) == few_shot(LABELS, 5, seed=1)
    assert few_shot(LABELS, 5, seed=1) != few_shot(LABELS, 5, seed=2)


def test_folds_test_every_row_once_and_never_train_on_it():
    splits = list(folds(LABELS, 5))
    assert sorted(i for split in splits for i in split.test) == list(range(len(LABELS)))
    for split in splits:
        assert sorted(split.train + split.test) == list(range(len(LABELS)))
        assert Counter(LABELS[i] for i in split.test)["a"] == 10


def test_accuracy_and_macro_f1_follow_their_definitions():
    truth, guesses = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    assert accuracy(truth, guesses) == 0.75
    # a: precision 1, recall 2/3; b: precision 1/2, recall 1.
    assert macro_f1(truth, guesses) == pytest.approx((0.8 + 2 / 3) / 2)


def test_auroc_counts_the_pairs_in_the_right_order():
    chance = np.random.default_rng(0)
    inside, outside = chance.integers(0, 9, 40) / 4, chance.integers(0, 6, 30) / 4
    pairs = [(a > b) + (a == b) / 2 for a in inside for b in outside]
    assert auroc(inside, outside) == pytest.approx(np.mean(pairs))


def test_promises_are_made_and_checked_on_different_cases():
    chance = random.Random(3)
    scores = [chance.random() for _ in range(1500)]
    cases = [Reviewed(score, chance.random() > 0.4 * (1 - score)) for score in scores]
    promise = keep_promise(cases, 0.1, 0.1, splits=100, seed=0)
    assert promise.certified > 50
    assert promise.broken <= 10
    assert 0 < promise.coverage < 1
    assert promise.wrong < 0.1


def test_where_everything_is_wrong_nothing_is_certified_and_no_promise_broken():
    promise = keep_promise([Reviewed(0.5, correct=False)] * 400, 0.05, 0.1, splits=20, seed=0)
    assert (promise.certified, promise.broken, promise.coverage) == (0, 0, 0)


def test_the_curve_answers_the_most_confident_first():
    cases = [Reviewed(0.9, True), Reviewed(0.8, True), Reviewed(0.7, False), Reviewed(0.1, False)]
    assert risk_curve(cases) == [(0.25, 0), (0.5, 0), (0.75, pytest.approx(1 / 3)), (1, 0.5)]


def test_times_are_per_text_and_without_the_warming_up():
    clock = iter([0.0, 5.0, 6.0, 6.002])
    median, late = milliseconds(lambda _: None, ["a"], lambda: next(clock))
    assert (median, late) == (pytest.approx(2), pytest.approx(2))


WORDS = {"card": "card lost stolen block", "fee": "fee cost price charge", "pin": "pin code forgot"}


def questions(n=40, seed=0):
    chance = random.Random(seed)
    rows = [
        (" ".join(chance.choices(words.split(), k=3)) + f" {chance.choice('xyz')}", label)
        for label, words in WORDS.items()
        for _ in range(n)
    ]
    texts, labels = zip(*rows, strict=True)
    return Labelled(texts, labels)


def test_a_trial_gives_every_engine_the_same_splits():
    oos = Labelled(("qqq www", "zzz ppp"), ("", ""))
    plan = Plan(["lexical", "lexical"], shots=5, seeds=3, splits=30)
    one, two = run(plan, questions(), oos=oos)
    assert one.accuracy == two.accuracy
    assert len(one.accuracy) == 3
    assert min(one.accuracy) > 0.9
    assert len(one.auroc) == 3
    assert sum(promise.splits for promise in one.promises) == 30
    # A fifth of 120 texts and the two that are out of scope, in each of three runs.
    assert len(one.cases) == 3 * 26
    assert one.summary()["oos_auroc"]["mean"] == pytest.approx(np.mean(one.auroc))


def test_a_test_file_is_never_learnt():
    told = []
    other = Labelled(("card lost", "nonsense"), ("card", "fee"))
    (result,) = run(Plan(["lexical"], seeds=1), questions(), other, told=told.append)
    assert len(result.cases) == 2
    assert result.auroc == []
    assert told == ["lexical, run 1: 50.0% right"]


def test_folds_may_be_few_shot():
    (result,) = run(Plan(["lexical"], shots=3, folds=4, splits=8), questions())
    assert len(result.accuracy) == 4
    assert len(result.cases) == 120


def test_the_picture_has_a_line_for_each_engine_and_marks_the_certificate():
    curve = [(0.5, 0.0), (1.0, 0.1)]
    svg = draw({"one": curve, "<two>": curve}, {"one": 0.5, "<two>": 0.0}, 0.05, "title")
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 1
    assert "&lt;two&gt;" in svg
    assert "promised 5%" in svg
