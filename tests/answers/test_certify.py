"""The certification rule keeps its promise, and its arithmetic is right to the last digits."""

import math
import random

import pytest

from gateway.answers.certify import (
    Reviewed,
    cases_needed,
    certify,
    lower_bound,
    missing,
    upper_bound,
)


def perfect(n: int) -> list[Reviewed]:
    return [Reviewed(score=(i + 1) / n, correct=True) for i in range(n)]


@pytest.mark.parametrize(
    ("alpha", "single", "eight"), [(0.05, 45, 86), (0.03, 76, 144), (0.01, 230, 437)]
)
def test_cases_needed_without_errors_are_the_known_figures(alpha, single, eight):
    assert cases_needed(alpha, 0.1, thresholds=1) == single
    assert cases_needed(alpha, 0.1) == eight


@pytest.mark.parametrize(("wrong", "answered"), [(0, 1), (0, 45), (1, 30), (7, 400), (120, 900)])
@pytest.mark.parametrize("delta", [0.1, 0.0125, 1e-6])
def test_bound_solves_the_binomial_tail_equation(wrong, answered, delta):
    p = upper_bound(wrong, answered, delta)
    tail = math.fsum(
        math.comb(answered, i) * p**i * (1 - p) ** (answered - i) for i in range(wrong + 1)
    )
    assert tail == pytest.approx(delta, rel=1e-6)


def test_bound_without_errors_has_its_closed_form():
    assert upper_bound(0, 100, 0.1) == pytest.approx(1 - 0.1 ** (1 / 100), abs=1e-9)


def test_bound_says_nothing_when_nothing_or_everything_went_wrong():
    assert upper_bound(0, 0, 0.1) == 1.0
    assert upper_bound(5, 5, 0.1) == 1.0
    assert lower_bound(0, 50, 0.1) == 0.0


def test_lower_bound_mirrors_the_upper_one():
    assert lower_bound(5, 5, 0.1) == pytest.approx(0.1 ** (1 / 5), abs=1e-9)
    assert lower_bound(3, 40, 0.1) < 3 / 40 < upper_bound(3, 40, 0.1)


def test_ninety_five_perfect_cases_certify_five_percent_and_ninety_four_do_not():
    assert certify(perfect(94), 0.05, 0.1) is None
    threshold = certify(perfect(95), 0.05, 0.1)
    assert threshold is not None
    assert (threshold.answered, threshold.wrong) == (86, 0)


def test_missing_says_how_many_right_cases_would_do():
    assert missing([], 0.05, 0.1) == 95
    assert missing(perfect(94), 0.05, 0.1) == 1
    assert missing(perfect(95), 0.05, 0.1) == 0
    some_wrong = [Reviewed(i / 60, correct=i % 10 != 0) for i in range(60)]
    needed = missing(some_wrong, 0.05, 0.1)
    assert needed > 35
    # Right answers with high scores are what "all turn out right" can mean at best.
    grown = some_wrong + [Reviewed(2 + i, correct=True) for i in range(needed * 2)]
    assert certify(grown, 0.05, 0.1) is not None


def test_the_loosest_threshold_that_passes_is_taken():
    cases = [Reviewed(1 - i / 200, correct=i < 150) for i in range(200)]
    threshold = certify(cases, 0.05, 0.1)
    assert threshold is not None
    assert threshold.coverage == pytest.approx(0.7)
    assert threshold.wrong == 0


def test_candidates_do_not_depend_on_the_verdicts():
    scores = [i / 300 for i in range(300)]
    best = certify([Reviewed(s, correct=True) for s in scores], 0.2, 0.1)
    worse = certify([Reviewed(s, correct=s > 0.15) for s in scores], 0.2, 0.1)
    assert best is not None
    assert worse is not None
    assert best.value == worse.value


@pytest.mark.parametrize(("alpha", "delta"), [(0.0, 0.1), (1.0, 0.1), (0.05, 0.0), (0.05, 1.5)])
def test_impossible_promises_are_refused(alpha, delta):
    with pytest.raises(ValueError, match="between 0 and 1"):
        certify(perfect(10), alpha, delta)


def test_promise_is_broken_in_at_most_delta_of_the_simulated_worlds():
    """Scores uniform, chance of being right rises with the score; the true wrong rate above a
    threshold t is then known: the mean of (1 - s)^2 / 2 over [t, 1] = (1 - t)^2 / 6."""
    rng = random.Random(7)
    alpha, delta, worlds = 0.05, 0.1, 200
    broken = certified = fooled = 0
    for _ in range(worlds):
        scores = [rng.random() for _ in range(900)]
        cases = [Reviewed(s, correct=rng.random() > (1 - s) ** 2 / 2) for s in scores]
        threshold = certify(cases, alpha, delta)
        if threshold is not None:
            certified += 1
            broken += (1 - threshold.value) ** 2 / 6 > alpha
        fooled += (1 - loosest_that_looks_good(cases, alpha)) ** 2 / 6 > alpha
    assert certified > worlds / 2
    assert broken / worlds <= delta
    # What the rule is there for: taking the sample at its word breaks the promise all the time.
    assert fooled / worlds > 0.3


def loosest_that_looks_good(cases: list[Reviewed], alpha: float) -> float:
    wrong, best = 0, 1.0
    for answered, case in enumerate(sorted(cases, key=lambda c: -c.score), 1):
        wrong += not case.correct
        if wrong / answered <= alpha:
            best = case.score
    return best
