"""When may the gateway answer by itself? The rule that turns reviewed cases into a threshold.

A threshold picked because it looked good on the reviewed cases breaks its promise about every
second time. Here eight candidates are fixed by the share of cases they would answer, before any
verdict is looked at; each is tested with a one-sided Clopper-Pearson bound at an eighth of the
permitted error probability; the loosest that passes is taken. Then

    P(wrong rate among automatic answers > alpha) <= delta

as long as live questions are like the reviewed ones (ANSWERING §1.3, §1.4).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

#: Shares of the reviewed cases that the candidate thresholds answer.
COVERAGES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One reviewed case: the confidence the engine had, and whether its answer was right."""

    score: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """A certified threshold and what it rests on."""

    value: float
    answered: int
    wrong: int
    coverage: float
    """Share of the reviewed cases at or above `value`."""
    bound: float
    """Upper bound of the wrong rate at this threshold's share of delta."""


class Certifier(Protocol):
    """Decides whether reviewed cases permit automatic answers; `certify` below is one."""

    def __call__(
        self, reviewed: Sequence[Reviewed], alpha: float, delta: float
    ) -> Threshold | None: ...


def certify(reviewed: Sequence[Reviewed], alpha: float, delta: float) -> Threshold | None:
    """The loosest threshold under which the wrong rate is at most `alpha`, sure to 1 - `delta`.

    Returns None when no candidate passes; `missing` then says how far it is. Raises ValueError for
    an alpha or delta outside (0, 1).
    """
    _check(alpha, delta)
    passed: Threshold | None = None
    for value, answered, wrong in _candidates(reviewed):
        bound = upper_bound(wrong, answered, delta / len(COVERAGES))
        if bound <= alpha:
            # Candidates come from the strictest to the loosest: the last that passes is kept.
            passed = Threshold(value, answered, wrong, answered / len(reviewed), bound)
    return passed


def missing(reviewed: Sequence[Reviewed], alpha: float, delta: float) -> int:
    """How many more reviewed cases are needed if all of them turn out right; 0: enough already.

    Assumes that new cases score like the ones at hand. Raises ValueError like `certify`.
    """
    if certify(reviewed, alpha, delta) is not None:
        return 0
    have = len(reviewed)
    wrong_at = [wrong for _, _, wrong in _candidates(reviewed)] or [0] * len(COVERAGES)
    fewest = []
    for coverage, wrong in zip(COVERAGES, wrong_at, strict=True):
        answered = cases_needed(alpha, delta, wrong=wrong)
        fewest.append(_least_total(answered, coverage) - have)
    return max(1, min(fewest))


def cases_needed(
    alpha: float, delta: float, *, wrong: int = 0, thresholds: int = len(COVERAGES)
) -> int:
    """Answered cases that certify `alpha` when `wrong` of them are wrong and `thresholds` compete.

    Raises ValueError like `certify`.
    """
    _check(alpha, delta)
    low, high = wrong, max(1, wrong)
    while upper_bound(wrong, high, delta / thresholds) > alpha:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if upper_bound(wrong, middle, delta / thresholds) <= alpha:
            high = middle
        else:
            low = middle
    return high


def upper_bound(wrong: int, answered: int, delta: float) -> float:
    """One-sided Clopper-Pearson bound: the rate at which `wrong` or fewer errors among `answered`
    have probability `delta`. 1.0 when nothing was answered or everything was wrong.
    """
    if answered == 0 or wrong >= answered:
        return 1.0
    return _rate_at(answered, wrong, math.log(delta))


def lower_bound(wrong: int, answered: int, delta: float) -> float:
    """The other side. It holds for one look; what is looked at after every verdict is `live.py`'s."""
    if answered == 0 or wrong == 0:
        return 0.0
    return 1.0 - upper_bound(answered - wrong, answered, delta)


def _rate_at(n: int, k: int, log_tail: float) -> float:
    """The p with log P(Binomial(n, p) <= k) = log_tail, by bisection; the tail falls with p."""
    low, high = k / n, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _log_tail(n, k, middle) > log_tail:
            low = middle
        else:
            high = middle
    return high


def _log_tail(n: int, k: int, p: float) -> float:
    """Logarithm of P(Binomial(n, p) <= k), 0 < p < 1; summed in logarithms against underflow."""
    log_p, log_q = math.log(p), math.log1p(-p)
    base = math.lgamma(n + 1)
    terms = [
        base - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q
        for i in range(k + 1)
    ]
    largest = max(terms)
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms))


def _candidates(reviewed: Sequence[Reviewed]) -> list[tuple[float, int, int]]:
    """(threshold, answered, wrong) per coverage level, strictest first; levels see scores only."""
    if not reviewed:
        return []
    ordered = sorted((case.score for case in reviewed), reverse=True)
    found = []
    for coverage in COVERAGES:
        value = ordered[_rank(coverage, len(ordered)) - 1]
        over = [case for case in reviewed if case.score >= value]
        found.append((value, len(over), sum(not case.correct for case in over)))
    return found


def _rank(coverage: float, total: int) -> int:
    """Cases that a coverage level answers: rounded up, the small number against 0.7 * 10 > 7."""
    return max(1, math.ceil(coverage * total - 1e-9))


def _least_total(answered: int, coverage: float) -> int:
    """The fewest reviewed cases of which `coverage` are at least `answered`."""
    total = max(1, math.floor(answered / coverage) - 2)
    while _rank(coverage, total) < answered:
        total += 1
    return total


def _check(alpha: float, delta: float) -> None:
    for name, value in (("alpha", alpha), ("delta", delta)):
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")
