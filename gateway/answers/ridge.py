"""Classification by regularised least squares on a kernel, which tells its own out-of-fold scores.

The solution is closed, so training takes no steps, cannot stop early and is the same every time. The
scores that each example would get from a model trained on all others follow from the same matrix, at
no cost: they choose the penalty, the weights of several kernels and the scale of the probabilities,
and they show whether anything was learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.answers.engine import Matrix, TrainingError
from gateway.answers.regression import softmax

#: Penalties that are tried. Above `_MANY` examples only the middle one: one solution costs the cube.
PENALTIES = (0.03, 0.1, 0.3)
_MANY = 3000
#: Rows of a matrix that is inverted as it is.
_SMALL = 128
#: Where the search for weights begins, near what they usually become; and the gain that ends it.
_START, _SETTLED = 10.0, 1e-7


@dataclass(frozen=True, slots=True)
class Solution:
    """What one kernel learnt."""

    coefficients: Matrix
    """[examples, classes]: scores of a text are its kernel row times these."""
    held_out: Matrix
    """[examples, classes]: the score of each example by a model that does not know it."""
    fitted: Matrix
    """[examples, classes]: the score of each example by the model."""
    scale: float
    """What makes probabilities of the scores, by the held-out ones."""


def fit_ridge(kernel: Matrix, target: NDArray[np.intp], classes: int) -> Solution:
    """The best solution over the penalties, by the likelihood of the held-out scores.

    Every class weighs the same, however many examples it has.

    Args:
        kernel: similarities of the examples, [n, n], symmetric and positive. It is used up: of
            thousands of examples every copy takes hundreds of megabytes.
        target: class index of each example.
        classes: number of classes.

    Raises:
        TrainingError: the kernel cannot be solved; it is not positive or not finite.
    """
    weight = class_weights(target, classes)
    found = []
    penalties = PENALTIES if len(target) <= _MANY else PENALTIES[1:2]
    for penalty in penalties:
        own = kernel if penalty == penalties[-1] else kernel.copy()
        coefficients, held_out, fitted = _solve(own, target, classes, penalty / weight)
        scale = fit_weights([held_out], target, weight)[0]
        likelihood = loss(np.float32(scale) * held_out, target, weight)
        found.append((likelihood, coefficients, held_out, fitted, scale))
    return Solution(*min(found, key=lambda one: one[0])[1:])


def fit_weights(
    scores: Sequence[Matrix],
    target: NDArray[np.intp],
    weight: NDArray[np.float32],
    least: Sequence[float] = (),
) -> list[float]:
    """How much each of several score matrices [n, classes] counts, so that the softmax of their
    weighted sum is likeliest; never less than `least`, which is 0 for all where it is not given.

    Newton's method on a convex function of a few variables; one that is at its least and wants to be
    below it stays there.
    """
    bound = np.array(least or [0.0] * len(scores))
    now = np.maximum(_START / len(scores), bound)
    best = loss(_sum(now, scores), target, weight)
    for _ in range(50):
        gradient, curvature = _slope(now, scores, target, weight)
        free = (now > bound) | (gradient < 0)
        step = np.zeros_like(now)
        # The small number keeps two equal matrices from making it singular.
        inner = curvature[np.ix_(free, free)] + 1e-9 * np.eye(int(free.sum()))
        step[free] = np.linalg.solve(inner, gradient[free])
        for _ in range(20):
            moved = np.maximum(now - step, bound)
            reached = loss(_sum(moved, scores), target, weight)
            if reached < best:
                break
            step /= 2
        else:
            break
        gain, now, best = best - reached, moved, reached
        if gain < _SETTLED:
            break
    return [float(value) for value in now]


def _slope(
    weights: NDArray[np.floating],
    scores: Sequence[Matrix],
    target: NDArray[np.intp],
    weight: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and second derivatives of the loss by the weights."""
    posterior, rows = softmax(_sum(weights, scores)), np.arange(len(target))
    means = [(posterior * one).sum(axis=1) for one in scores]
    gradient = [
        weight @ (mean - one[rows, target]) for mean, one in zip(means, scores, strict=True)
    ]
    curvature = [
        [
            weight @ ((posterior * one * other).sum(axis=1) - mean * other_mean)
            for other, other_mean in zip(scores, means, strict=True)
        ]
        for one, mean in zip(scores, means, strict=True)
    ]
    share = 1.0 / len(target)
    return np.array(gradient, dtype=float) * share, np.array(curvature, dtype=float) * share


def class_weights(target: NDArray[np.intp], classes: int) -> NDArray[np.float32]:
    """Weight of each example, 1 on average, so that all classes weigh the same."""
    counts = np.bincount(target, minlength=classes)
    return np.asarray(len(target) / (classes * counts[target]), dtype=np.float32)


def loss(scores: Matrix, target: NDArray[np.intp], weight: NDArray[np.float32]) -> float:
    """Mean negative logarithm of the probability of the right class."""
    right = softmax(scores)[np.arange(len(target)), target]
    return float(weight @ -np.log(np.maximum(right, 1e-12))) / len(target)


def _sum(weights: NDArray[np.floating], scores: Sequence[Matrix]) -> Matrix:
    total = np.zeros_like(scores[0])
    for factor, one in zip(weights, scores, strict=True):
        total += np.float32(factor) * one
    return total


def _solve(
    kernel: Matrix, target: NDArray[np.intp], classes: int, damping: NDArray[np.float32]
) -> tuple[Matrix, Matrix, Matrix]:
    n = len(target)
    truth = np.zeros((n, classes), dtype=np.float32)
    truth[np.arange(n), target] = 1.0
    kernel[np.diag_indices(n)] += damping
    root = kernel
    try:
        _invert_root(root)
    except np.linalg.LinAlgError as error:
        raise TrainingError(f"the examples' similarities cannot be solved: {error}") from error
    # The inverse itself is not needed, only its diagonal and what it makes of `truth`.
    diagonal = np.einsum("ij,ij->j", root, root)
    if not np.isfinite(diagonal).all() or diagonal.min() <= 0:
        raise TrainingError("the examples' similarities are no kernel: training came to nothing")
    coefficients = np.asarray(root.T @ (root @ truth), dtype=np.float32)
    held_out = np.asarray(truth - coefficients / diagonal[:, None], dtype=np.float32)
    fitted = np.asarray(truth - damping[:, None] * coefficients, dtype=np.float32)
    return coefficients, held_out, fitted


def _invert_root(positive: Matrix) -> None:
    """Make a positive matrix the R with R'R its inverse, the inverse of its Cholesky factor: in place,
    by halves, in 32 bits. Products of matrices are what processors do best: it takes a third of the
    time of `numpy.linalg.inv`, which works in 64 bits, and a sixth of its memory."""
    n = len(positive)
    if n <= _SMALL:
        positive[:] = np.linalg.inv(np.linalg.cholesky(positive))
        return
    half = n // 2
    first, last, between = positive[:half, :half], positive[half:, half:], positive[half:, :half]
    _invert_root(first)
    factor = between @ first.T
    last -= factor @ factor.T
    _invert_root(last)
    between[:] = -(last @ (factor @ first))
    positive[:half, half:] = 0.0
