"""Figures of a classifier on texts it has not seen: splits, accuracy, certified coverage, speed."""

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.answers.certify import Reviewed, certify

#: Share of a label's texts that is held out when there is no test file.
HELD_OUT = 0.2
#: Cases a certificate is made from, at most; the other held-out cases say whether it was kept.
CALIBRATION = 1000


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows train and which test."""

    train: list[int]
    test: list[int]


def few_shot(labels: Sequence[str], shots: int, seed: int, *, hold_out: bool = True) -> Split:
    """`shots` rows of every label for training (0: all that are not held out), a fifth for testing.

    With `hold_out` False all rows may train and none tests: the test texts lie in another file.
    """
    train: list[int] = []
    test: list[int] = []
    for rows in _shuffled(labels, seed):
        held = max(1, round(len(rows) * HELD_OUT)) if hold_out else 0
        test += rows[:held]
        train += rows[held : held + shots] if shots else rows[held:]
    return Split(train, test)


def folds(labels: Sequence[str], count: int, seed: int = 0) -> Iterator[Split]:
    """`count` splits of which every row tests exactly one, with every label spread evenly."""
    fold_of = [0] * len(labels)
    dealt = 0
    for rows in _shuffled(labels, seed):
        for row in rows:
            fold_of[row] = dealt % count
            dealt += 1
    for fold in range(count):
        yield Split(
            [i for i, own in enumerate(fold_of) if own != fold],
            [i for i, own in enumerate(fold_of) if own == fold],
        )


def _shuffled(labels: Sequence[str], seed: int) -> Iterator[list[int]]:
    """The rows of each label, in an order that depends on the seed alone."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        by_label[label].append(i)
    chance = random.Random(seed)  # noqa: S311 - splits have to be repeatable, not secret
    for label in sorted(by_label):
        chance.shuffle(by_label[label])
        yield by_label[label]


def accuracy(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """Share of right guesses."""
    return sum(a == b for a, b in zip(truth, guesses, strict=True)) / len(truth)


def macro_f1(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """Mean over the labels of the harmonic mean of precision and recall."""
    scores = []
    for label in set(truth):
        hits = sum(a == b == label for a, b in zip(truth, guesses, strict=True))
        scores.append(2 * hits / (truth.count(label) + guesses.count(label)))
    return statistics.fmean(scores)


def auroc(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> float:
    """How often a score of `inside` is above one of `outside`, ties counting half."""
    order = np.sort(outside)
    below = np.searchsorted(order, inside, side="left")
    not_above = np.searchsorted(order, inside, side="right")
    return float((below + not_above).mean() / 2 / len(outside))


@dataclass(frozen=True, slots=True)
class Promise:
    """What became of certificates on random halves of the same cases."""

    splits: int
    certified: int
    """Splits whose calibration cases sufficed for a certificate."""
    broken: int
    """Splits in which more than alpha of the other cases' answers were wrong."""
    coverage: float
    """Share of the other cases that were answered, mean over all splits."""
    wrong: float
    """Share of wrong ones among all answers given."""


def keep_promise(
    cases: Sequence[Reviewed], alpha: float, delta: float, *, splits: int, seed: int
) -> Promise:
    """Certify on at most 1,000 cases (at most half), look at the others; `splits` times.

    Raises ValueError for alpha or delta outside (0, 1).
    """
    chance = random.Random(seed)  # noqa: S311 - splits have to be repeatable, not secret
    shuffled = list(cases)
    calibration = min(CALIBRATION, len(shuffled) // 2)
    certified = broken = answers = mistakes = 0
    coverages = []
    for _ in range(splits):
        chance.shuffle(shuffled)
        threshold = certify(shuffled[:calibration], alpha, delta)
        rest = shuffled[calibration:]
        answered = [c for c in rest if threshold is not None and c.score >= threshold.value]
        wrong = sum(not case.correct for case in answered)
        certified += threshold is not None
        broken += wrong > alpha * len(answered)
        answers += len(answered)
        mistakes += wrong
        coverages.append(len(answered) / len(rest))
    return Promise(
        splits, certified, broken, statistics.fmean(coverages), mistakes / max(1, answers)
    )


def risk_curve(cases: Sequence[Reviewed], points: int = 200) -> list[tuple[float, float]]:
    """(coverage, share of wrong answers) when the most confident share is answered."""
    ordered = sorted(cases, key=lambda case: -case.score)
    wrong = np.cumsum([not case.correct for case in ordered])
    at = sorted({max(1, round(len(ordered) * i / points)) for i in range(1, points + 1)})
    return [(n / len(ordered), float(wrong[n - 1]) / n) for n in at]


def milliseconds(
    decide: Callable[[str], object], texts: Sequence[str], clock: Callable[[], float]
) -> tuple[float, float]:
    """Median and 95th percentile of the time for one text, after ten to warm up."""
    times: list[float] = []
    warming = texts[:10]
    for text in [*warming, *texts]:
        begun = clock()
        decide(text)
        times.append((clock() - begun) * 1000)
    median, late = np.percentile(times[len(warming) :], [50, 95])
    return float(median), float(late)
